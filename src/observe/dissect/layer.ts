/**
 * The parts of a dissected frame. Names are Wireshark's display filters, so that a reader can type what
 * the page shows, and a test can ask tshark the same.
 */
import { formatIpv4 } from '../../base/ipv4-address.ts';
import { formatMacHalves } from '../../base/mac-address.ts';
import { readInt32, readUint16 } from '../../protocols/bytes.ts';

export interface Field {
  /** `ip.ttl`; empty for bytes that have no filter. */
  readonly name: string;
  /** What people call it: `Time to Live`. */
  readonly label: string;
  readonly text: string;
  /** Its bytes in the frame: bytes[start, end) counted from the frame's first byte. */
  readonly start: number;
  readonly end: number;
}

export interface Layer {
  /** `eth`, `ip`, `udp`, `vxlan` ... */
  readonly protocol: string;
  /** One line: `Internet Protocol, 10.0.1.3 to 10.0.1.4`. */
  readonly title: string;
  readonly start: number;
  readonly end: number;
  readonly fields: readonly Field[];
}

/** Layers of one frame at most: what is wrapped deeper stays bytes. */
export const LAYERS_MAX = 32;

/** What a dissection reads and fills. */
export interface Dissection {
  readonly bytes: Uint8Array;
  /** Where the frame begins in `bytes`; fields count from here. */
  readonly origin: number;
  readonly layers: Layer[];
}

/** Collects the fields of one layer. */
export interface LayerDraft {
  readonly dissection: Dissection;
  readonly protocol: string;
  readonly start: number;
  readonly fields: Field[];
}

export function beginLayer(dissection: Dissection, protocol: string, start: number): LayerDraft {
  return { dissection, protocol, start, fields: [] };
}

/** Notes a field of `lengthBytes` bytes that lies `offset` bytes into the layer. */
export function addField(
  draft: LayerDraft,
  [name, label]: readonly [name: string, label: string],
  offset: number,
  lengthBytes: number,
  text: string,
): void {
  const start = draft.start + offset - draft.dissection.origin;
  draft.fields.push({ name, label, text, start, end: start + lengthBytes });
}

/** Ends a layer at `end` (a position in bytes). */
export function endLayer(draft: LayerDraft, end: number, title: string): void {
  const { dissection, protocol, start, fields } = draft;
  const { origin, layers } = dissection;
  if (layers.length >= LAYERS_MAX) return;
  layers.push({ protocol, title, start: start - origin, end: end - origin, fields });
}

/** Bytes that nothing here knows to read. */
export function addData(dissection: Dissection, start: number, end: number): void {
  if (end <= start) return;
  const draft = beginLayer(dissection, 'data', start);
  const lengthBytes = end - start;
  addField(draft, ['data.data', 'Data'], 0, lengthBytes, hexOf(dissection.bytes, start, end));
  endLayer(draft, end, `Data, ${countOf(lengthBytes, 'byte')}`);
}

/** A layer whose header does not fit into what is there. */
export function addTruncated(
  dissection: Dissection,
  protocol: string,
  start: number,
  end: number,
): void {
  endLayer(beginLayer(dissection, protocol, start), end, `${protocol}: cut short`);
}

const HEX_SHOWN_BYTES = 64;

/** Hexadecimal digits of bytes[start, end), no more than a line of them. */
export function hexOf(bytes: Uint8Array, start: number, end: number): string {
  const stop = Math.min(end, start + HEX_SHOWN_BYTES);
  let text = '';
  for (let at = start; at < stop; at++) text += bytes[at]!.toString(16).padStart(2, '0');
  return stop < end ? `${text}…` : text;
}

export function macText(bytes: Uint8Array, at: number): string {
  return formatMacHalves(readUint16(bytes, at), readInt32(bytes, at + 2));
}

export function addressText(bytes: Uint8Array, at: number): string {
  return formatIpv4(readInt32(bytes, at));
}

export function hex(value: number, digits: number): string {
  return `0x${(value >>> 0).toString(16).padStart(digits, '0')}`;
}

export function countOf(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

/** An unsigned 32-bit number. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at) >>> 0;
}
