/**
 * The Internet checksum: one's complement sum of 16-bit words.
 * @source RFC 1071; incremental update RFC 1624 (eqn. 3)
 */
import { readUint16, writeUint16 } from './bytes.ts';

/** Bytes that bring along a view of themselves, which reads words faster than single bytes. */
export interface ViewedBytes extends Uint8Array {
  view?: DataView;
}

/** New bytes with a view: what a packet has. */
export function makeViewedBytes(lengthBytes: number): ViewedBytes {
  const bytes: ViewedBytes = new Uint8Array(lengthBytes);
  bytes.view = new DataView(bytes.buffer);
  return bytes;
}

/**
 * Adds the words of bytes[start, end) to `sum` (an odd last byte is padded with zero). At most 64 KiB,
 * so that the halves of 32-bit words, summed apart, stay small integers. The bytes are read in the
 * order of the machine, which gives the sum with its bytes swapped (RFC 1071, 2.B).
 */
export function addToSum(sum: number, bytes: ViewedBytes, start: number, end: number): number {
  const { view } = bytes;
  if (view === undefined) return addBytesToSum(sum, bytes, start, end);
  let high = 0;
  let low = 0;
  let at = start;
  for (; at + 16 <= end; at += 16) {
    const a = view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    high = (high + (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16)) | 0;
    low = (low + (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff)) | 0;
  }
  for (; at + 2 <= end; at += 2) low = (low + view.getUint16(at, true)) | 0;
  if (at < end) low = (low + view.getUint8(at)) | 0;
  const both = high + low;
  let folded = (both & 0xffff) + (both >>> 16);
  folded = (folded & 0xffff) + (folded >>> 16);
  return sum + (((folded & 0xff) << 8) | (folded >>> 8));
}

function addBytesToSum(sum: number, bytes: Uint8Array, start: number, end: number): number {
  let total = sum;
  const even = start + ((end - start) & ~1);
  for (let i = start; i < even; i += 2) total += (bytes[i]! << 8) | bytes[i + 1]!;
  if (even < end) total += bytes[even]! << 8;
  return total;
}

/** Folds a sum below 2^32 into 16 bits and inverts it: the value that goes into a header. */
export function finishSum(sum: number): number {
  let folded = (sum & 0xffff) + (sum >>> 16);
  folded = (folded & 0xffff) + (folded >> 16);
  folded = (folded & 0xffff) + (folded >> 16);
  return ~folded & 0xffff;
}

/** The checksum of bytes[start, end) with the checksum field as it stands: 0 if it is right. */
export function checksumOf(bytes: Uint8Array, start: number, end: number): number {
  return finishSum(addToSum(0, bytes, start, end));
}

/** The sum of the pseudo header of UDP and TCP (RFC 768, RFC 9293); addresses as int32. */
export function pseudoHeaderSum(
  source: number,
  target: number,
  protocol: number,
  lengthBytes: number,
): number {
  return (
    (source >>> 16) +
    (source & 0xffff) +
    (target >>> 16) +
    (target & 0xffff) +
    protocol +
    lengthBytes
  );
}

/** Corrects the checksum at `offset` after a 16-bit word went from `before` to `after`. */
export function updateChecksum16(
  bytes: Uint8Array,
  offset: number,
  before: number,
  after: number,
): void {
  let sum = (~readUint16(bytes, offset) & 0xffff) + (~before & 0xffff) + (after & 0xffff);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  writeUint16(bytes, offset, ~sum & 0xffff);
}

/** Corrects the checksum at `offset` after a 32-bit word went from `before` to `after`. */
export function updateChecksum32(
  bytes: Uint8Array,
  offset: number,
  before: number,
  after: number,
): void {
  let sum =
    (~readUint16(bytes, offset) & 0xffff) +
    (~(before >>> 16) & 0xffff) +
    (~before & 0xffff) +
    (after >>> 16) +
    (after & 0xffff);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  writeUint16(bytes, offset, ~sum & 0xffff);
}
