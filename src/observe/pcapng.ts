/**
 * pcapng files in bytes: one file for many interfaces with their names, and a comment a packet,
 * which netsim uses for the reason why the packet was dropped.
 *
 *     |type|length| body, padded to 4 bytes |length|
 *     section header (SHB), one interface description (IDB) each, enhanced packets (EPB)
 *
 * @source draft-ietf-opsawg-pcapng
 */
import type { CapturedFrame } from './pcap.ts';

const BLOCK_SECTION = 0x0a0d0d0a;
const BLOCK_INTERFACE = 1;
const BLOCK_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const OPTION_END = 0;
const OPTION_COMMENT = 1;
const OPTION_INTERFACE_NAME = 2;
const OPTION_TIME_RESOLUTION = 9;
const OPTION_PACKET_FLAGS = 2;
const LINKTYPE_ETHERNET = 1;
const SNAPLEN_BYTES = 262144;
/** Options longer than this are cut: their length field has 16 bits. */
const OPTION_MAX_BYTES = 65_000;

export interface PcapngInterface {
  readonly name: string;
}

export interface PcapngFrame extends CapturedFrame {
  /** Index of the interface that saw it. */
  readonly interfaceIndex: number;
  readonly direction?: 'in' | 'out';
  readonly comment?: string;
}

/** A whole capture file; frames in the order given. */
export function writePcapng(
  interfaces: readonly PcapngInterface[],
  frames: readonly PcapngFrame[],
  options: { readonly epochSec?: number } = {},
): Uint8Array {
  const blocks: Uint8Array[] = [sectionBlock()];
  for (const each of interfaces) blocks.push(interfaceBlock(each.name));
  for (const frame of frames) blocks.push(packetBlock(frame, options.epochSec ?? 0));
  return concatenate(blocks);
}

function sectionBlock(): Uint8Array {
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  view.setUint32(0, BYTE_ORDER_MAGIC, true);
  view.setUint16(4, 1, true);
  view.setUint32(8, 0xffffffff, true); // length of the section: unknown
  view.setUint32(12, 0xffffffff, true);
  return block(BLOCK_SECTION, body);
}

function interfaceBlock(name: string): Uint8Array {
  const body = new Uint8Array(8);
  const view = new DataView(body.buffer);
  view.setUint16(0, LINKTYPE_ETHERNET, true);
  view.setUint32(4, SNAPLEN_BYTES, true);
  const options = [
    option(OPTION_INTERFACE_NAME, utf8(name)),
    option(OPTION_TIME_RESOLUTION, Uint8Array.of(9)),
    option(OPTION_END, new Uint8Array(0)),
  ];
  return block(BLOCK_INTERFACE, concatenate([body, ...options]));
}

function packetBlock(frame: PcapngFrame, epochSec: number): Uint8Array {
  const { bytes, timeNs } = frame;
  const body = new Uint8Array(20 + padded(bytes.length));
  const view = new DataView(body.buffer);
  const ticks = BigInt(timeNs) + BigInt(epochSec) * 1_000_000_000n;
  view.setUint32(0, frame.interfaceIndex, true);
  view.setUint32(4, Number(ticks >> 32n), true);
  view.setUint32(8, Number(ticks & 0xffffffffn), true);
  view.setUint32(12, bytes.length, true);
  view.setUint32(16, frame.originalBytes ?? bytes.length, true);
  body.set(bytes, 20);
  const options: Uint8Array[] = [];
  if (frame.comment !== undefined) options.push(option(OPTION_COMMENT, utf8(frame.comment)));
  if (frame.direction !== undefined) {
    options.push(
      option(OPTION_PACKET_FLAGS, Uint8Array.of(frame.direction === 'in' ? 1 : 2, 0, 0, 0)),
    );
  }
  if (options.length > 0) options.push(option(OPTION_END, new Uint8Array(0)));
  return block(BLOCK_PACKET, concatenate([body, ...options]));
}

const padded = (sizeBytes: number): number => (sizeBytes + 3) & ~3;

const utf8 = (text: string): Uint8Array =>
  new TextEncoder().encode(text).subarray(0, OPTION_MAX_BYTES);

function option(code: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + padded(value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, value.length, true);
  bytes.set(value, 4);
  return bytes;
}

function block(type: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + padded(body.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, bytes.length, true);
  bytes.set(body, 8);
  view.setUint32(bytes.length - 4, bytes.length, true);
  return bytes;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export interface PcapngContent {
  readonly interfaces: readonly PcapngInterface[];
  readonly frames: readonly PcapngFrame[];
  readonly problem: string | null;
}

/**
 * Reads the first section of a file: interfaces, enhanced packets and their comments; blocks of
 * other types are passed over. Never throws: a damaged file gives what comes before the damage.
 */
export function readPcapng(source: Uint8Array): PcapngContent {
  const file = new Uint8Array(source.buffer, source.byteOffset, source.byteLength); // see readPcap
  const interfaces: Array<PcapngInterface & { unitNs: number }> = [];
  const frames: PcapngFrame[] = [];
  const stop = (problem: string | null): PcapngContent => ({
    interfaces: interfaces.map(({ name }) => ({ name })),
    frames,
    problem,
  });
  if (file.length < 28) return stop('shorter than a section header');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getUint32(0, true) !== BLOCK_SECTION) return stop('not a pcapng file');
  const isLittle = view.getUint32(8, true) === BYTE_ORDER_MAGIC;
  if (!isLittle && view.getUint32(8, false) !== BYTE_ORDER_MAGIC) return stop('bad byte order');
  let offset = 0;
  while (offset < file.length) {
    const left = file.length - offset;
    if (left < 12) return stop(`block at ${offset} is cut short`);
    const length = view.getUint32(offset + 4, isLittle);
    if (length < 12 || length % 4 !== 0 || length > left) {
      return stop(`block at ${offset} claims ${length} bytes, ${left} are left`);
    }
    const type = view.getUint32(offset, isLittle);
    const body = file.subarray(offset + 8, offset + length - 4);
    if (type === BLOCK_SECTION && offset > 0) return stop('only the first section is read');
    if (type === BLOCK_INTERFACE) {
      if (body.length < 8) return stop(`interface block at ${offset} is too short`);
      interfaces.push(readInterface(body, isLittle));
    } else if (type === BLOCK_PACKET) {
      const frame = readPacket(body, isLittle, interfaces);
      if (frame === null) return stop(`packet block at ${offset} is malformed`);
      frames.push(frame);
    }
    offset += length;
  }
  return stop(null);
}

function readInterface(body: Uint8Array, isLittle: boolean): PcapngInterface & { unitNs: number } {
  const options = readOptions(body.subarray(8), isLittle);
  const name = options.get(OPTION_INTERFACE_NAME);
  const resolution = options.get(OPTION_TIME_RESOLUTION)?.[0] ?? 6;
  const unitNs =
    (resolution & 0x80) === 0 ? 10 ** (9 - resolution) : 1e9 / 2 ** (resolution & 0x7f);
  return { name: name === undefined ? '' : new TextDecoder().decode(name), unitNs };
}

function readPacket(
  body: Uint8Array,
  isLittle: boolean,
  interfaces: ReadonlyArray<{ unitNs: number }>,
): PcapngFrame | null {
  if (body.length < 20) return null;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const interfaceIndex = view.getUint32(0, isLittle);
  const owner = interfaces[interfaceIndex];
  const size = view.getUint32(12, isLittle);
  if (owner === undefined || size > body.length - 20) return null;
  const ticks = view.getUint32(4, isLittle) * 2 ** 32 + view.getUint32(8, isLittle);
  const options = readOptions(body.subarray(20 + padded(size)), isLittle);
  const comment = options.get(OPTION_COMMENT);
  const flags = options.get(OPTION_PACKET_FLAGS);
  const way = flags === undefined ? 0 : (isLittle ? flags[0]! : flags[3]!) & 3;
  return {
    interfaceIndex,
    timeNs: ticks * owner.unitNs,
    bytes: body.subarray(20, 20 + size),
    originalBytes: view.getUint32(16, isLittle),
    ...(comment === undefined ? {} : { comment: new TextDecoder().decode(comment) }),
    ...(way === 1 ? { direction: 'in' as const } : {}),
    ...(way === 2 ? { direction: 'out' as const } : {}),
  };
}

/** The first option of each code; stops at the end mark or at the first one that does not fit. */
function readOptions(bytes: Uint8Array, isLittle: boolean): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  while (offset + 4 <= bytes.length) {
    const code = view.getUint16(offset, isLittle);
    const length = view.getUint16(offset + 2, isLittle);
    if (code === OPTION_END || length > bytes.length - offset - 4) break;
    const value = bytes.subarray(offset + 4, offset + 4 + length);
    if (code !== OPTION_PACKET_FLAGS || length >= 1) {
      if (!options.has(code)) options.set(code, value);
    }
    offset += 4 + padded(length);
  }
  return options;
}
