/**
 * Network address translation at a hook: the first packet of a flow asks the rules, all packets are
 * rewritten as the flow's binding says, ICMP errors inside as well as outside.
 *
 *     PREROUTING, OUTPUT     the target is changed (DNAT, REDIRECT, answers to SNAT)
 *     INPUT, POSTROUTING     the source is changed (SNAT, MASQUERADE, answers to DNAT)
 *
 * @source net/netfilter/nf_nat_core.c nf_nat_inet_fn(), nf_nat_proto.c nf_nat_ipv4_fn()
 */
import { formatIpv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import { checksumOf } from '../protocols/checksum.ts';
import { ICMP_REDIRECT, icmpType } from '../protocols/icmp.ts';
import { ipHeaderBytes, ipProtocol, ipSource, ipTarget, PROTOCOL_ICMP } from '../protocols/ipv4.ts';
import { conntrackOf } from './conntrack.ts';
import {
  CT_ESTABLISHED,
  CT_ESTABLISHED_REPLY,
  CT_RELATED,
  CT_RELATED_REPLY,
  DIRECTION_ORIGINAL,
  directionOf,
  endOf,
  FLOW_DST_NAT,
  FLOW_NAT_DONE_MASK,
  FLOW_NAT_MASK,
  FLOW_SRC_NAT,
  type Flow,
} from './conntrack-flow.ts';
import { killFlow } from './conntrack-table.ts';
import { invertTuple, ipEnd, makeTuple } from './conntrack-tuple.ts';
import { rewritePacket, rewriteQuoted } from './nat-manip.ts';
import type { NatKind } from './nat-range.ts';
import { isNatDone, natKindOf, setupNullBinding } from './nat-setup.ts';
import type { Netfilter } from './netfilter.ts';
import { HOOK_OUTPUT, HOOK_POSTROUTING } from './netfilter-hooks.ts';
import { walkTable } from './rule-walk.ts';

export {
  makeNatRange,
  NAT_MAP_ADDRESS,
  NAT_PERSISTENT,
  NAT_PORT_OFFSET,
  NAT_PORT_RANDOM,
  NAT_PORT_RANDOM_FULLY,
  NAT_PORT_SPECIFIED,
  type NatKind,
  type NatRange,
} from './nat-range.ts';
export { setupMasquerade, setupNat, setupRedirect } from './nat-setup.ts';

/** What the packet is to look like. */
const wanted = makeTuple();

/**
 * NAT at a hook. Owns the packet while it runs.
 * @returns false: the packet was dropped.
 */
export function natPacket(
  sim: Simulator,
  netfilter: Netfilter,
  hook: number,
  packet: Packet,
  inDevice: Device | null,
  outDevice: Device | null,
): boolean {
  const flow = conntrackOf(packet);
  if (flow === null) return true;
  const kind = natKindOf(hook);
  const info = packet.conntrackInfo;
  const isRelated = info === CT_RELATED || info === CT_RELATED_REPLY;
  if (isRelated && ipProtocol(packet.bytes, packet.network) === PROTOCOL_ICMP) {
    if (!translateError(sim, netfilter, flow, packet, kind)) return false;
    return hook !== HOOK_OUTPUT || rerouteIfTurned(sim, netfilter, flow, packet);
  }
  const mayBind = info !== CT_ESTABLISHED && info !== CT_ESTABLISHED_REPLY;
  if (mayBind && !isNatDone(flow, kind)) {
    if (!walkTable(sim, netfilter, 'nat', hook, packet, inDevice, outDevice)) return false;
    if (!isNatDone(flow, kind)) setupNullBinding(sim, netfilter, flow, hook);
    if (sim.trace !== null && (flow.status & FLOW_NAT_MASK) !== 0) {
      traceBinding(sim, netfilter, flow, packet, kind);
    }
  } else if (hook === HOOK_POSTROUTING && hasLeftMasquerade(flow, info, outDevice)) {
    killFlow(netfilter.conntrack, flow);
    drop(sim, packet, 'nat-device-changed', outDevice, netfilter.netns.name);
    return false;
  }
  translate(flow, packet, kind);
  return hook !== HOOK_OUTPUT || rerouteIfTurned(sim, netfilter, flow, packet);
}

/** Whether a masqueraded flow now leaves by another device. @source nf_nat_oif_changed() */
function hasLeftMasquerade(flow: Flow, info: number, outDevice: Device | null): boolean {
  return (
    flow.masqueradeIndex !== 0 &&
    directionOf(info) === DIRECTION_ORIGINAL &&
    outDevice !== null &&
    outDevice.index !== flow.masqueradeIndex
  );
}

/** The bit that says whether packets of this direction are changed on this side. */
function statusBit(kind: NatKind, direction: number): number {
  const isSource = (kind === 'src') === (direction === DIRECTION_ORIGINAL);
  return isSource ? FLOW_SRC_NAT : FLOW_DST_NAT;
}

/** Makes the packet look like the answer to what the other direction sends. */
function translate(flow: Flow, packet: Packet, kind: NatKind): void {
  const direction = directionOf(packet.conntrackInfo);
  if ((flow.status & statusBit(kind, direction)) === 0) return;
  invertTuple(endOf(flow, 1 - direction), wanted);
  const { bytes, network } = packet;
  // A packet of a flow has its headers: tracking has read them.
  rewritePacket(bytes, network, ipEnd(bytes, network, packet.end), wanted, kind);
}

/**
 * An ICMP error: the quoted packet gets back what this machine's NAT made of it, on the side
 * opposite to the one that is changed outside.
 * False: it was dropped.
 * @source nf_nat_icmp_reply_translation()
 */
function translateError(
  sim: Simulator,
  netfilter: Netfilter,
  flow: Flow,
  packet: Packet,
  kind: NatKind,
): boolean {
  const { bytes, network } = packet;
  const icmp = network + ipHeaderBytes(bytes, network);
  const end = ipEnd(bytes, network, packet.end);
  const place = netfilter.netns.name;
  if (checksumOf(bytes, icmp, end) !== 0) {
    drop(sim, packet, 'icmp-checksum', null, place);
    return false;
  }
  if (icmpType(bytes, icmp) === ICMP_REDIRECT) {
    // A redirect cannot be true on both sides of a translation.
    const isDone = (flow.status & FLOW_NAT_DONE_MASK) === FLOW_NAT_DONE_MASK;
    if (!isDone || (flow.status & FLOW_NAT_MASK) !== 0) {
      drop(sim, packet, 'nat-redirect', null, place);
      return false;
    }
  }
  const direction = directionOf(packet.conntrackInfo);
  if ((flow.status & statusBit(kind, direction)) === 0) return true;
  const other = endOf(flow, 1 - direction);
  const innerKind = kind === 'src' ? 'dst' : 'src';
  // Its headers are there: tracking has read them to find the flow.
  rewriteQuoted(bytes, network, end, other, innerKind);
  invertTuple(other, wanted);
  rewritePacket(bytes, network, end, wanted, kind);
  return true;
}

/**
 * A packet of our own whose target was translated is routed again: its first route led to the
 * old target.
 * @source nf_nat_ipv4_local_fn()
 */
function rerouteIfTurned(
  sim: Simulator,
  netfilter: Netfilter,
  flow: Flow,
  packet: Packet,
): boolean {
  const direction = directionOf(packet.conntrackInfo);
  if (endOf(flow, direction).target === endOf(flow, 1 - direction).source) return true;
  return netfilter.slots.reroute(sim, packet);
}

/**
 * Ends the masqueraded flows of a device that went down (`isDown`) or, else, those whose address it
 * has no longer.
 * @source net/netfilter/nf_nat_masquerade.c masq_device_event(), masq_inet_event()
 */
export function endMasquerade(netfilter: Netfilter, device: Device, isDown: boolean): void {
  const { conntrack, slots } = netfilter;
  for (let flow = conntrack.oldest; flow !== null; ) {
    const next: Flow | null = flow.nextFlow;
    if (flow.masqueradeIndex === device.index) {
      const isGone = isDown || slots.addressTypeOf(flow.reply.target, device) !== TYPE_LOCAL;
      if (isGone) killFlow(conntrack, flow);
    }
    flow = next;
  }
}

/** RTN_LOCAL of stack/route.ts. */
const TYPE_LOCAL = 2;

function traceBinding(
  sim: Simulator,
  netfilter: Netfilter,
  flow: Flow,
  packet: Packet,
  kind: NatKind,
): void {
  const { bytes, network } = packet;
  const { reply } = flow;
  const isSource = kind === 'src';
  const before = isSource ? ipSource(bytes, network) : ipTarget(bytes, network);
  const after = isSource ? reply.target : reply.source;
  sim.trace!('nat', packet, netfilter.netns.name, {
    kind: isSource ? 'SNAT' : 'DNAT',
    before: formatIpv4(before),
    after: formatIpv4(after),
    port: isSource ? reply.targetPort : reply.sourcePort,
  });
}
