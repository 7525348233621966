/**
 * Handing a frame that one device sends to another as if that had received it.
 * @source net/core/dev.c __dev_forward_skb2(), ____dev_forward_skb(); __is_skb_forwardable()
 */
import { type Device, netifRx } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import { ETHERNET_BYTES } from '../protocols/ethernet.ts';
import { VLAN_TAG_BYTES } from '../protocols/vlan.ts';
import { scrubPacket } from './scrub.ts';

/**
 * Puts the frame on `target`'s receive path; what is down or too small for it drops it. Owns it.
 * @param source where it comes from: conntrack and route are forgotten, and the mark between namespaces.
 */
export function forwardFrame(
  sim: Simulator,
  source: Device,
  target: Device,
  packet: Packet,
): boolean {
  const isTooLarge = packet.end - packet.start > target.mtuBytes + ETHERNET_BYTES + VLAN_TAG_BYTES;
  if (!target.isUp || isTooLarge) {
    target.rxDropped++;
    drop(sim, packet, isTooLarge ? 'mtu-exceeded' : 'device-down', target);
    return false;
  }
  scrubPacket(packet, source.netns !== target.netns);
  netifRx(sim, target, packet);
  return true;
}
