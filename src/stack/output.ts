/**
 * The way out: IP header, OUTPUT, POSTROUTING, fragments, neighbour, device.
 *
 *     sendIpv4 -> localOut -> [OUTPUT] -> output -> [POSTROUTING] -> finishOutput -> neighbour -> transmit
 *
 * @source net/ipv4/ip_output.c
 */
import { assert } from '../base/assert.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { DropReason } from '../engine/drop-reason.ts';
import { PACKET_IGNORE_DF, type Packet } from '../engine/packet.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import { HOOK_OUTPUT, HOOK_POSTROUTING, hasHook, runHook } from '../netfilter/netfilter.ts';
import { ICMP_UNREACHABLE, UNREACHABLE_FRAG_NEEDED } from '../protocols/icmp.ts';
import { IP_DF, IPV4_BYTES, ipFragmentField, writeIpv4 } from '../protocols/ipv4.ts';
import { fragmentPacket } from './fragment.ts';
import type { NetNamespace } from './namespace.ts';
import { neighbourOutput } from './neighbour.ts';
import type { Route } from './route.ts';
import { prepareTransform } from './xfrm/transform.ts';
import { encryptPacket } from './xfrm/xfrm-output.ts';

/**
 * Puts an IPv4 header before the transport payload packet.bytes[start, end) and sends it by `route`.
 * Owns the packet. packet.transport is set to the old start. Errors show as drops.
 * @param fragmentField IP_DF or 0.
 * @param id the IP identification; see ip-id.ts.
 * @returns why it was dropped while it was still in the sender's hands (by a rule of OUTPUT, by the
 *   device), null if it went out or waits.
 * @source ip_build_and_send_pkt(), __ip_queue_xmit()
 */
export function sendIpv4(
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  route: Route,
  protocol: number,
  source: Ipv4,
  target: Ipv4,
  ttlHops: number,
  tos: number,
  fragmentField: number,
  id: number,
): DropReason | null {
  const transport = packet.start;
  const network = transport - IPV4_BYTES;
  packet.transport = transport;
  packet.network = network;
  packet.start = network;
  const totalBytes = packet.end - network;
  assert(totalBytes <= 65535, 'a datagram is at most 65535 bytes');
  writeIpv4(
    packet.bytes,
    network,
    tos,
    totalBytes,
    id,
    fragmentField,
    ttlHops,
    protocol,
    source,
    target,
  );
  packet.inDevice = null;
  packet.routeType = route.type;
  packet.outDevice = route.outDevice;
  packet.nextHop = route.nextHop;
  packet.pathMtuBytes = route.pathMtuBytes;
  // Sends may nest: what this one sets in motion may send, too, before it returns.
  const { sentId, sentFailure } = sim;
  sim.sentId = packet.id;
  sim.sentFailure = null;
  if (netns.xfrm === null || prepareTransform(sim, netns, packet)) localOut(sim, netns, packet);
  const failure = sim.sentFailure;
  sim.sentId = sentId;
  sim.sentFailure = sentFailure;
  return failure;
}

/**
 * A packet of our own with a finished IP header and a route on it (routeType, outDevice, nextHop,
 * pathMtuBytes). Owns the packet. @source ip_local_out()
 */
export function localOut(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  sim.workNs += sim.cost.ipOutputNs;
  packet.device = packet.outDevice;
  if (hasHook(netns.netfilter, HOOK_OUTPUT)) {
    const { outDevice } = packet;
    const passed = runHook(sim, netns.netfilter, HOOK_OUTPUT, packet, null, outDevice);
    if (passed !== null) output(sim, netns, passed);
    return;
  }
  output(sim, netns, packet);
}

/** A routed packet, ours or forwarded, passes POSTROUTING. Owns the packet. @source ip_output() */
export function output(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  packet.device = packet.outDevice;
  if (hasHook(netns.netfilter, HOOK_POSTROUTING)) {
    const { outDevice } = packet;
    const passed = runHook(sim, netns.netfilter, HOOK_POSTROUTING, packet, null, outDevice);
    if (passed === null) return;
    // Another source address may be under another policy.
    const isNew = netns.xfrm !== null && netns.netfilter.isNatActive;
    if (!isNew || prepareTransform(sim, netns, passed)) finishOutput(sim, netns, passed);
    return;
  }
  finishOutput(sim, netns, packet);
}

/** Cuts the packet if the link is too small for it, and hands it to the neighbour layer. */
function finishOutput(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  if (packet.transform !== null) {
    if (encryptPacket(sim, netns, packet)) localOut(sim, netns, packet);
    return;
  }
  const mtuBytes = packet.pathMtuBytes;
  if (packet.end - packet.start <= mtuBytes && packet.fragmentMaxBytes === 0) {
    neighbourOutput(sim, netns, packet);
    return;
  }
  const mayFragment =
    (ipFragmentField(packet.bytes, packet.network) & IP_DF) === 0 ||
    ((packet.flags & PACKET_IGNORE_DF) !== 0 && packet.fragmentMaxBytes <= mtuBytes);
  if (!mayFragment && packet.end - packet.start > mtuBytes) {
    netns.sendIcmpError(sim, netns, packet, ICMP_UNREACHABLE, UNREACHABLE_FRAG_NEEDED, mtuBytes);
    drop(sim, packet, 'fragmentation-needed', packet.outDevice, netns.name);
    return;
  }
  const largest = packet.fragmentMaxBytes;
  const sizeBytes = largest !== 0 && largest < mtuBytes ? largest : mtuBytes;
  if (packet.end - packet.start <= sizeBytes) neighbourOutput(sim, netns, packet);
  else fragmentPacket(sim, netns, packet, sizeBytes, neighbourOutput);
}
