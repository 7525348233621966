/**
 * ARP for IPv4 over Ethernet.
 *
 *     0    2    4 5 6    8            14        18           24
 *     |htyp|ptyp|6|4|oper| sender MAC | sender IP | target MAC | target IP
 *
 * @source RFC 826; net/ipv4/arp.c arp_create()
 */
import { readInt32, readUint16, writeInt32, writeUint16 } from './bytes.ts';

export const ARP_BYTES = 28;
export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

export const arpOperation = (bytes: Uint8Array, arp: number): number => readUint16(bytes, arp + 6);
export const arpSenderMacHi = (bytes: Uint8Array, arp: number): number =>
  readUint16(bytes, arp + 8);
export const arpSenderMacLo = (bytes: Uint8Array, arp: number): number =>
  readInt32(bytes, arp + 10);
export const arpSenderIp = (bytes: Uint8Array, arp: number): number => readInt32(bytes, arp + 14);
export const arpTargetMacHi = (bytes: Uint8Array, arp: number): number =>
  readUint16(bytes, arp + 18);
export const arpTargetMacLo = (bytes: Uint8Array, arp: number): number =>
  readInt32(bytes, arp + 20);
export const arpTargetIp = (bytes: Uint8Array, arp: number): number => readInt32(bytes, arp + 24);

/** Whether the fixed part names Ethernet and IPv4 with their lengths. */
export function isArpForIpv4(bytes: Uint8Array, arp: number): boolean {
  return (
    readUint16(bytes, arp) === 1 &&
    readUint16(bytes, arp + 2) === 0x0800 &&
    bytes[arp + 4] === 6 &&
    bytes[arp + 5] === 4
  );
}

/** Writes all 28 bytes at `arp`. A request carries a zero target MAC. */
export function writeArp(
  bytes: Uint8Array,
  arp: number,
  operation: number,
  senderMacHi: number,
  senderMacLo: number,
  senderIp: number,
  targetMacHi: number,
  targetMacLo: number,
  targetIp: number,
): void {
  writeUint16(bytes, arp, 1);
  writeUint16(bytes, arp + 2, 0x0800);
  bytes[arp + 4] = 6;
  bytes[arp + 5] = 4;
  writeUint16(bytes, arp + 6, operation);
  writeUint16(bytes, arp + 8, senderMacHi);
  writeInt32(bytes, arp + 10, senderMacLo);
  writeInt32(bytes, arp + 14, senderIp);
  writeUint16(bytes, arp + 18, targetMacHi);
  writeInt32(bytes, arp + 20, targetMacLo);
  writeInt32(bytes, arp + 24, targetIp);
}
