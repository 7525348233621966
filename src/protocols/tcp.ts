/**
 * The TCP header; options are written and read by the functions below.
 *
 *     0           2           4   8   12      13    14     16    18     20
 *     |source port|target port|seq|ack|offset |flags|window|check|urgent| options
 *
 * @source RFC 9293, RFC 7323 (window scale, timestamps), RFC 2018 (SACK)
 */
import { readInt32, readUint16, writeUint16 } from './bytes.ts';
import { addToSum, finishSum, pseudoHeaderSum } from './checksum.ts';
import { PROTOCOL_TCP } from './ipv4.ts';

export const TCP_BYTES = 20;
export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;
export const TCP_URG = 0x20;
export const TCP_ECE = 0x40;
export const TCP_CWR = 0x80;

export const TCP_OPTION_END = 0;
export const TCP_OPTION_NOP = 1;
export const TCP_OPTION_MSS = 2;
export const TCP_OPTION_WINDOW_SCALE = 3;
export const TCP_OPTION_SACK_PERMITTED = 4;
export const TCP_OPTION_SACK = 5;
export const TCP_OPTION_TIMESTAMPS = 8;

export const tcpSourcePort = (bytes: Uint8Array, tcp: number): number => readUint16(bytes, tcp);
export const tcpTargetPort = (bytes: Uint8Array, tcp: number): number => readUint16(bytes, tcp + 2);
/** Sequence number as a signed int32: compare by subtraction, `(a - b) | 0`. */
export const tcpSequence = (bytes: Uint8Array, tcp: number): number => readInt32(bytes, tcp + 4);
export const tcpAcknowledgment = (bytes: Uint8Array, tcp: number): number =>
  readInt32(bytes, tcp + 8);
export const tcpHeaderBytes = (bytes: Uint8Array, tcp: number): number =>
  (bytes[tcp + 12]! >> 4) << 2;
export const tcpFlags = (bytes: Uint8Array, tcp: number): number => bytes[tcp + 13]!;
export const tcpWindow = (bytes: Uint8Array, tcp: number): number => readUint16(bytes, tcp + 14);

/** Computes the checksum over bytes[tcp, end) and the pseudo header afresh. */
export function writeTcpChecksum(
  bytes: Uint8Array,
  tcp: number,
  end: number,
  source: number,
  target: number,
): void {
  writeUint16(bytes, tcp + 16, 0);
  const sum = pseudoHeaderSum(source, target, PROTOCOL_TCP, end - tcp);
  writeUint16(bytes, tcp + 16, finishSum(addToSum(sum, bytes, tcp, end)));
}

/** Whether the checksum over bytes[tcp, end) is right. */
export function isTcpChecksumGood(
  bytes: Uint8Array,
  tcp: number,
  end: number,
  source: number,
  target: number,
): boolean {
  const sum = pseudoHeaderSum(source, target, PROTOCOL_TCP, end - tcp);
  return finishSum(addToSum(sum, bytes, tcp, end)) === 0;
}
