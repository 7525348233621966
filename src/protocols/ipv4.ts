/**
 * The IPv4 header.
 *
 *     0   1   2      4    6           8   9     10    12     16
 *     |v|h|tos|length| id | flags|off |ttl|proto|check|source|target| options
 *
 * @source RFC 791; net/ipv4/ip_output.c
 */
import { readInt32, readUint16, writeInt32, writeUint16 } from './bytes.ts';
import { checksumOf, updateChecksum16, updateChecksum32 } from './checksum.ts';

export const IPV4_BYTES = 20;
export const IPV4_MAX_BYTES = 65535;
export const PROTOCOL_ICMP = 1;
export const PROTOCOL_IGMP = 2;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ESP = 50;
export const IP_DF = 0x4000;
export const IP_MF = 0x2000;
export const IP_OFFSET_MASK = 0x1fff;

export const ipVersion = (bytes: Uint8Array, ip: number): number => bytes[ip]! >> 4;
export const ipHeaderBytes = (bytes: Uint8Array, ip: number): number => (bytes[ip]! & 15) << 2;
export const ipTos = (bytes: Uint8Array, ip: number): number => bytes[ip + 1]!;
export const ipTotalBytes = (bytes: Uint8Array, ip: number): number => readUint16(bytes, ip + 2);
export const ipId = (bytes: Uint8Array, ip: number): number => readUint16(bytes, ip + 4);
/** Flags and fragment offset as they stand: test with IP_DF, IP_MF, IP_OFFSET_MASK (in 8 bytes). */
export const ipFragmentField = (bytes: Uint8Array, ip: number): number => readUint16(bytes, ip + 6);
/** Whether the packet is a fragment: more to come, or not the first. */
export const ipIsFragment = (bytes: Uint8Array, ip: number): boolean =>
  (readUint16(bytes, ip + 6) & (IP_MF | IP_OFFSET_MASK)) !== 0;
export const ipTtl = (bytes: Uint8Array, ip: number): number => bytes[ip + 8]!;
export const ipProtocol = (bytes: Uint8Array, ip: number): number => bytes[ip + 9]!;
export const ipSource = (bytes: Uint8Array, ip: number): number => readInt32(bytes, ip + 12);
export const ipTarget = (bytes: Uint8Array, ip: number): number => readInt32(bytes, ip + 16);

/**
 * Writes a header of 20 bytes without options at `ip`, checksum included.
 * `fragmentField` is flags and offset in one word (IP_DF, say).
 */
export function writeIpv4(
  bytes: Uint8Array,
  ip: number,
  tos: number,
  totalBytes: number,
  id: number,
  fragmentField: number,
  ttlHops: number,
  protocol: number,
  source: number,
  target: number,
): void {
  bytes[ip] = 0x45;
  bytes[ip + 1] = tos;
  writeUint16(bytes, ip + 2, totalBytes);
  writeUint16(bytes, ip + 4, id);
  writeUint16(bytes, ip + 6, fragmentField);
  bytes[ip + 8] = ttlHops;
  bytes[ip + 9] = protocol;
  writeInt32(bytes, ip + 12, source);
  writeInt32(bytes, ip + 16, target);
  writeIpChecksum(bytes, ip);
}

/** Computes the header checksum afresh. */
export function writeIpChecksum(bytes: Uint8Array, ip: number): void {
  writeUint16(bytes, ip + 10, 0);
  writeUint16(bytes, ip + 10, checksumOf(bytes, ip, ip + ipHeaderBytes(bytes, ip)));
}

/** Whether the header checksum is right. */
export function isIpChecksumGood(bytes: Uint8Array, ip: number): boolean {
  return checksumOf(bytes, ip, ip + ipHeaderBytes(bytes, ip)) === 0;
}

/** TTL - 1 with the checksum corrected. @source include/net/ip.h ip_decrease_ttl() */
export function decreaseTtl(bytes: Uint8Array, ip: number): void {
  const before = readUint16(bytes, ip + 8);
  writeUint16(bytes, ip + 8, before - 0x100);
  updateChecksum16(bytes, ip + 10, before, before - 0x100);
}

/** Rewrites the source address and corrects the header checksum (not the transport's). */
export function rewriteIpSource(bytes: Uint8Array, ip: number, address: number): void {
  updateChecksum32(bytes, ip + 10, readInt32(bytes, ip + 12), address);
  writeInt32(bytes, ip + 12, address);
}

/** Rewrites the target address and corrects the header checksum (not the transport's). */
export function rewriteIpTarget(bytes: Uint8Array, ip: number, address: number): void {
  updateChecksum32(bytes, ip + 10, readInt32(bytes, ip + 16), address);
  writeInt32(bytes, ip + 16, address);
}
