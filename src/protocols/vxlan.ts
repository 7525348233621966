/**
 * VXLAN.
 *
 *     0     1        4   7
 *     |flags|reserved|vni|reserved| inner Ethernet frame
 *
 * @source RFC 7348 section 5; include/net/vxlan.h
 */
import { writeInt32 } from './bytes.ts';

export const VXLAN_BYTES = 8;
/** What an IPv4 underlay adds to a frame: Ethernet 14 + IPv4 20 + UDP 8 + VXLAN 8. */
export const VXLAN_OVERHEAD_BYTES = 50;
export const VXLAN_PORT = 4789;
export const VXLAN_FLAG_VNI = 0x08;

export const vxlanFlags = (bytes: Uint8Array, vxlan: number): number => bytes[vxlan]!;
export const vxlanVni = (bytes: Uint8Array, vxlan: number): number =>
  (bytes[vxlan + 4]! << 16) | (bytes[vxlan + 5]! << 8) | bytes[vxlan + 6]!;

/** Writes the 8 bytes at `vxlan` with the I flag and a 24-bit VNI. */
export function writeVxlan(bytes: Uint8Array, vxlan: number, vni: number): void {
  writeInt32(bytes, vxlan, VXLAN_FLAG_VNI << 24);
  writeInt32(bytes, vxlan + 4, vni << 8);
}
