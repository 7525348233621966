/**
 * Ethernet II.
 *
 *     0      6      12   14
 *     | dst  | src  |type| payload
 *
 * @source IEEE 802.3; ethertypes: include/uapi/linux/if_ether.h
 */
import { readInt32, readUint16, writeInt32, writeUint16 } from './bytes.ts';

export const ETHERNET_BYTES = 14;
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_IPV6 = 0x86dd;

export const ethertypeOf = (bytes: Uint8Array, frame: number): number =>
  readUint16(bytes, frame + 12);
export const targetMacHi = (bytes: Uint8Array, frame: number): number => readUint16(bytes, frame);
export const targetMacLo = (bytes: Uint8Array, frame: number): number =>
  readInt32(bytes, frame + 2);
export const sourceMacHi = (bytes: Uint8Array, frame: number): number =>
  readUint16(bytes, frame + 6);
export const sourceMacLo = (bytes: Uint8Array, frame: number): number =>
  readInt32(bytes, frame + 8);

export function writeTargetMac(bytes: Uint8Array, frame: number, hi: number, lo: number): void {
  writeUint16(bytes, frame, hi);
  writeInt32(bytes, frame + 2, lo);
}

export function writeSourceMac(bytes: Uint8Array, frame: number, hi: number, lo: number): void {
  writeUint16(bytes, frame + 6, hi);
  writeInt32(bytes, frame + 8, lo);
}

export function writeEthertype(bytes: Uint8Array, frame: number, ethertype: number): void {
  writeUint16(bytes, frame + 12, ethertype);
}
