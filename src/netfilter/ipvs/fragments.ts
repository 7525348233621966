/** Fragments: IPVS looks at whole packets only. @source net/netfilter/ipvs/ip_vs_core.c ip_vs_gather_frags() */
import type { Packet } from '../../engine/packet.ts';
import type { Simulator } from '../../engine/simulator.ts';
import { ipIsFragment } from '../../protocols/ipv4.ts';
import type { Ipvs } from './ipvs.ts';

/** The packet, put together if it is a fragment; null while others are missing. */
export function gatherFragments(sim: Simulator, ipvs: Ipvs, packet: Packet): Packet | null {
  if (!ipIsFragment(packet.bytes, packet.network)) return packet;
  return ipvs.netfilter.slots.reassemble(sim, packet);
}
