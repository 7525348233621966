/** Big-endian words in bytes: what every header codec is made of. Offsets are absolute. */

/** bytes[offset, offset+2) as 0..65535. */
export function readUint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

/** Writes the low 16 bits of `value` to bytes[offset, offset+2). */
export function writeUint16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >> 8;
  bytes[offset + 1] = value;
}

/** bytes[offset, offset+4) as a signed int32 (see base/ipv4-address.ts for why signed). */
export function readInt32(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset]! << 24) |
    (bytes[offset + 1]! << 16) |
    (bytes[offset + 2]! << 8) |
    bytes[offset + 3]!
  );
}

/** Writes 32 bits to bytes[offset, offset+4). */
export function writeInt32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >> 24;
  bytes[offset + 1] = value >> 16;
  bytes[offset + 2] = value >> 8;
  bytes[offset + 3] = value;
}
