/**
 * UDP.
 *
 *     0           2           4      6     8
 *     |source port|target port|length|check| data
 *
 * @source RFC 768
 */
import { readUint16, writeUint16 } from './bytes.ts';
import { addToSum, finishSum, pseudoHeaderSum } from './checksum.ts';
import { PROTOCOL_UDP } from './ipv4.ts';

export const UDP_BYTES = 8;

export const udpSourcePort = (bytes: Uint8Array, udp: number): number => readUint16(bytes, udp);
export const udpTargetPort = (bytes: Uint8Array, udp: number): number => readUint16(bytes, udp + 2);
export const udpLengthBytes = (bytes: Uint8Array, udp: number): number =>
  readUint16(bytes, udp + 4);
export const udpChecksum = (bytes: Uint8Array, udp: number): number => readUint16(bytes, udp + 6);

/** Writes the header before a payload that ends at `end`, without a checksum (zero). */
export function writeUdpHeader(
  bytes: Uint8Array,
  udp: number,
  end: number,
  sourcePort: number,
  targetPort: number,
): void {
  writeUint16(bytes, udp, sourcePort);
  writeUint16(bytes, udp + 2, targetPort);
  writeUint16(bytes, udp + 4, end - udp);
  writeUint16(bytes, udp + 6, 0);
}

/** Writes the checksum, given the sum of pseudo header and datagram with a checksum of zero. */
export function writeUdpChecksum(bytes: Uint8Array, udp: number, sum: number): void {
  const check = finishSum(sum);
  writeUint16(bytes, udp + 6, check === 0 ? 0xffff : check);
}

/** Writes the header before a payload that ends at `end`; the checksum covers both. */
export function writeUdp(
  bytes: Uint8Array,
  udp: number,
  end: number,
  sourcePort: number,
  targetPort: number,
  source: number,
  target: number,
): void {
  writeUdpHeader(bytes, udp, end, sourcePort, targetPort);
  const sum = pseudoHeaderSum(source, target, PROTOCOL_UDP, end - udp);
  writeUdpChecksum(bytes, udp, addToSum(sum, bytes, udp, end));
}

/** Whether the checksum over bytes[udp, end) is right, or absent (zero). */
export function isUdpChecksumGood(
  bytes: Uint8Array,
  udp: number,
  end: number,
  source: number,
  target: number,
): boolean {
  if (udpChecksum(bytes, udp) === 0) return true;
  const sum = pseudoHeaderSum(source, target, PROTOCOL_UDP, end - udp);
  return finishSum(addToSum(sum, bytes, udp, end)) === 0;
}
