/**
 * The 802.1Q tag: four bytes between the source MAC and the ethertype.
 *
 *     12     14            16
 *     | 8100 | pcp dei vid | type
 *
 * @source IEEE 802.1Q; include/linux/if_vlan.h
 */
import { readUint16, writeUint16 } from './bytes.ts';
import { ETHERTYPE_VLAN } from './ethernet.ts';

export const VLAN_TAG_BYTES = 4;

/** The VLAN id (0..4095) of a tagged frame that starts at `frame`. */
export const vlanIdOf = (bytes: Uint8Array, frame: number): number =>
  readUint16(bytes, frame + 14) & 0x0fff;

/** Moves the MACs four bytes towards the front and writes the tag; the frame then starts at frame-4. */
export function writeVlanTag(bytes: Uint8Array, frame: number, vlanId: number): void {
  bytes.copyWithin(frame - VLAN_TAG_BYTES, frame, frame + 12);
  writeUint16(bytes, frame + 8, ETHERTYPE_VLAN);
  writeUint16(bytes, frame + 10, vlanId & 0x0fff);
}

/** Takes the tag out by moving the MACs towards it; the frame then starts at frame+4. */
export function removeVlanTag(bytes: Uint8Array, frame: number): void {
  bytes.copyWithin(frame + VLAN_TAG_BYTES, frame, frame + 12);
}
