/**
 * Forwarding: a packet that came in and is for somebody else.
 * @source net/ipv4/ip_forward.c ip_forward()
 */
import { PACKET_FORWARDED, PACKET_HOST, PACKET_IGNORE_DF, type Packet } from '../engine/packet.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import { HOOK_FORWARD, hasHook, runHook } from '../netfilter/netfilter.ts';
import {
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  TIME_EXCEEDED_TTL,
  UNREACHABLE_FRAG_NEEDED,
} from '../protocols/icmp.ts';
import { decreaseTtl, IP_DF, ipFragmentField, ipTtl } from '../protocols/ipv4.ts';
import { sendIcmpError } from './icmp-error.ts';
import { sendRedirectIfNeeded } from './icmp-redirect.ts';
import type { NetNamespace } from './namespace.ts';
import { output } from './output.ts';
import { checkPolicy } from './xfrm/policy-check.ts';
import { mtuAfterIpsec, prepareTransform } from './xfrm/transform.ts';

/** Owns the packet, which has its route (outDevice, nextHop, pathMtuBytes) and is not for us. */
export function forward(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  if (netns.xfrm !== null && !checkPolicy(sim, netns, packet, 'fwd')) return;
  if (packet.packetType !== PACKET_HOST) {
    drop(sim, packet, 'other-host', packet.inDevice);
    return;
  }
  sim.workNs += sim.cost.ipForwardNs;
  const { bytes, network } = packet;
  if (ipTtl(bytes, network) <= 1) {
    sendIcmpError(sim, netns, packet, ICMP_TIME_EXCEEDED, TIME_EXCEEDED_TTL, 0);
    drop(sim, packet, 'ttl-exceeded', packet.inDevice);
    return;
  }
  if (netns.xfrm !== null && !prepareTransform(sim, netns, packet)) return;
  packet.flags |= PACKET_FORWARDED;
  const mtuBytes = mtuAfterIpsec(packet);
  if (packet.end - packet.start > mtuBytes && isTooBigToForward(packet, mtuBytes)) {
    sendIcmpError(sim, netns, packet, ICMP_UNREACHABLE, UNREACHABLE_FRAG_NEEDED, mtuBytes);
    drop(sim, packet, 'fragmentation-needed', packet.outDevice);
    return;
  }
  decreaseTtl(bytes, network);
  if (packet.outDevice === packet.inDevice && packet.secPath === null)
    sendRedirectIfNeeded(sim, netns, packet);
  if (hasHook(netns.netfilter, HOOK_FORWARD)) {
    const { inDevice, outDevice } = packet;
    const passed = runHook(sim, netns.netfilter, HOOK_FORWARD, packet, inDevice, outDevice);
    if (passed === null) return;
    output(sim, netns, passed);
    return;
  }
  output(sim, netns, packet);
}

/** Larger than the next link, and DF forbids to cut it. @source ip_exceeds_mtu() */
function isTooBigToForward(packet: Packet, mtuBytes: number): boolean {
  if ((ipFragmentField(packet.bytes, packet.network) & IP_DF) === 0) return false;
  if (packet.fragmentMaxBytes > mtuBytes) return true;
  return (packet.flags & PACKET_IGNORE_DF) === 0;
}
