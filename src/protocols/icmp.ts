/**
 * ICMP for IPv4.
 *
 *     0    1    2     4              8
 *     |type|code|check| rest of header | data
 *
 * @source RFC 792, RFC 1191 (next-hop MTU), RFC 1812; include/uapi/linux/icmp.h
 */
import { readInt32, readUint16, writeInt32, writeUint16 } from './bytes.ts';
import { checksumOf } from './checksum.ts';

export const ICMP_BYTES = 8;
export const ICMP_ECHO_REPLY = 0;
export const ICMP_UNREACHABLE = 3;
export const ICMP_REDIRECT = 5;
export const ICMP_ECHO = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETER_PROBLEM = 12;

/** Codes of ICMP_UNREACHABLE. */
export const UNREACHABLE_NET = 0;
export const UNREACHABLE_HOST = 1;
export const UNREACHABLE_PROTOCOL = 2;
export const UNREACHABLE_PORT = 3;
export const UNREACHABLE_FRAG_NEEDED = 4;
export const UNREACHABLE_ADMIN_PROHIBITED = 13;

/** Codes of ICMP_TIME_EXCEEDED. */
export const TIME_EXCEEDED_TTL = 0;
export const TIME_EXCEEDED_REASSEMBLY = 1;

export const icmpType = (bytes: Uint8Array, icmp: number): number => bytes[icmp]!;
export const icmpCode = (bytes: Uint8Array, icmp: number): number => bytes[icmp + 1]!;
/** Identifier of an echo request or reply. */
export const icmpEchoId = (bytes: Uint8Array, icmp: number): number => readUint16(bytes, icmp + 4);
export const icmpEchoSequence = (bytes: Uint8Array, icmp: number): number =>
  readUint16(bytes, icmp + 6);
/** Next-hop MTU of "fragmentation needed". */
export const icmpMtu = (bytes: Uint8Array, icmp: number): number => readUint16(bytes, icmp + 6);
/** Gateway of a redirect. */
export const icmpGateway = (bytes: Uint8Array, icmp: number): number => readInt32(bytes, icmp + 4);

/** Whether this type is an error about another packet, which it quotes. */
export function isIcmpError(type: number): boolean {
  return (
    type === ICMP_UNREACHABLE ||
    type === ICMP_REDIRECT ||
    type === 4 ||
    type === ICMP_TIME_EXCEEDED ||
    type === ICMP_PARAMETER_PROBLEM
  );
}

/** Writes the 8 header bytes with checksum over bytes[icmp, end); `rest` is header bytes 4..7. */
export function writeIcmp(
  bytes: Uint8Array,
  icmp: number,
  end: number,
  type: number,
  code: number,
  rest: number,
): void {
  bytes[icmp] = type;
  bytes[icmp + 1] = code;
  writeInt32(bytes, icmp + 4, rest);
  writeIcmpChecksum(bytes, icmp, end);
}

/** Computes the checksum over bytes[icmp, end) afresh. */
export function writeIcmpChecksum(bytes: Uint8Array, icmp: number, end: number): void {
  writeUint16(bytes, icmp + 2, 0);
  writeUint16(bytes, icmp + 2, checksumOf(bytes, icmp, end));
}
