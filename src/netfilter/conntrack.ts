/**
 * Connection tracking: every packet learns to which flow it belongs, or begins one.
 *
 *     PREROUTING, OUTPUT     trackPacket      finds or makes the flow; sets packet.conntrack
 *     INPUT, POSTROUTING     confirmPacket    enters a flow whose first packet came through
 *
 * Between the two a new flow is known to its packet only: a packet that is dropped on the way
 * leaves nothing behind.
 *
 * Unlike Linux, checksums of TCP and UDP are not verified here (packets between virtual devices
 * carry none to verify in Linux either); those of ICMP are.
 *
 * Unlike Linux, there are no expectations (helpers for FTP, SIP and so on), zones, labels or times of
 * birth of flows; SCTP, DCCP and GRE are followed as protocols without states.
 * @source net/netfilter/nf_conntrack_core.c nf_conntrack_in(), __nf_conntrack_confirm()
 */
import { formatIpv4 } from '../base/ipv4-address.ts';
import { PACKET_UNTRACKED, type Packet } from '../engine/packet.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import { checksumOf } from '../protocols/checksum.ts';
import { ICMP_BYTES, icmpType, isIcmpError } from '../protocols/icmp.ts';
import {
  ipHeaderBytes,
  ipIsFragment,
  ipProtocol,
  ipTarget,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../protocols/ipv4.ts';
import { UDP_BYTES, udpLengthBytes } from '../protocols/udp.ts';
import {
  CT_ESTABLISHED,
  CT_ESTABLISHED_REPLY,
  CT_IS_REPLY,
  CT_NEW,
  CT_RELATED,
  CT_RELATED_REPLY,
  DIRECTION_REPLY,
  directionOf,
  FLOW_ASSURED,
  FLOW_CONFIRMED,
  FLOW_DYING,
  FLOW_NAT_EXHAUSTED,
  FLOW_SEEN_REPLY,
  type Flow,
  type FlowEnd,
  makeFlow,
} from './conntrack-flow.ts';
import {
  type Conntrack,
  dropEarly,
  findEnd,
  insertFlow,
  nowTicks,
  TICKS_PER_SEC,
} from './conntrack-table.ts';
import { refreshFlow, TRACK_ACCEPT, TRACK_INVALID, trackTcp } from './conntrack-tcp.ts';
import { TCP_STATE_NAMES } from './conntrack-tcp-states.ts';
import {
  beginsIcmpFlow,
  copyTuple,
  hashTuple,
  invertTuple,
  ipEnd,
  PROTOCOL_UDPLITE,
  readTuple,
} from './conntrack-tuple.ts';
import type { Netfilter } from './netfilter.ts';
import { HOOK_PREROUTING } from './netfilter-hooks.ts';

export { type Conntrack, makeConntrack } from './conntrack-table.ts';

/** After this long, UDP traffic both ways is a stream. */
const UDP_STREAM_TICKS = 2 * TICKS_PER_SEC;

/** The names of what a packet is to its flow, by conntrackInfo. */
const STATE_NAMES = ['ESTABLISHED', 'RELATED', 'NEW', 'ESTABLISHED', 'RELATED'] as const;

/**
 * The flow of a packet, null if it has none (not tracked, or INVALID).
 * The one place where the slot is taken for what it is: only this layer ever fills it.
 */
export function conntrackOf(packet: Packet): Flow | null {
  return packet.conntrack as Flow | null;
}

/**
 * Before tracking (priority -400): puts fragments together.
 * @returns the packet to go on with, null while fragments are missing.
 * @source net/ipv4/netfilter/nf_defrag_ipv4.c ipv4_conntrack_defrag()
 */
export function defragPacket(sim: Simulator, netfilter: Netfilter, packet: Packet): Packet | null {
  if (!ipIsFragment(packet.bytes, packet.network)) return packet;
  if (packet.conntrack !== null || (packet.flags & PACKET_UNTRACKED) !== 0) return packet;
  return netfilter.slots.reassemble(sim, packet);
}

/**
 * Finds or makes the packet's flow and takes the packet into account.
 * @returns the packet; null: it was dropped (the table is full).
 */
export function trackPacket(
  sim: Simulator,
  netfilter: Netfilter,
  hook: number,
  packet: Packet,
): Packet | null {
  // Seen already: loopback, an answer attached to its flow, or not to be tracked.
  if (packet.conntrack !== null || (packet.flags & PACKET_UNTRACKED) !== 0) return packet;
  sim.workNs += sim.cost.conntrackNs;
  const { conntrack } = netfilter;
  const { bytes, network } = packet;
  if (ipProtocol(bytes, network) === PROTOCOL_ICMP) {
    if (!isIcmpGood(conntrack, hook, packet)) return countInvalid(conntrack, packet);
    if (isIcmpError(icmpType(bytes, network + ipHeaderBytes(bytes, network)))) {
      relateError(sim, conntrack, packet);
      return packet;
    }
  }
  const end = ipEnd(bytes, network, packet.end);
  if (!readTuple(bytes, network, end, conntrack.packetTuple))
    return countInvalid(conntrack, packet);
  for (;;) {
    let flow = resolveFlow(sim, conntrack, packet);
    if (flow === null) {
      if (!invertTuple(conntrack.packetTuple, conntrack.otherTuple)) {
        return countInvalid(conntrack, packet);
      }
      if (!makeRoom(sim, conntrack)) {
        drop(sim, packet, 'conntrack-full', null, conntrack.netns.name);
        return null;
      }
      flow = beginFlow(conntrack, packet);
    }
    const verdict = trackProtocol(conntrack, flow, packet);
    if (verdict === TRACK_ACCEPT) return packet;
    packet.conntrack = null;
    packet.conntrackInfo = 0;
    if (verdict === TRACK_INVALID) return countInvalid(conntrack, packet);
  }
}

function countInvalid(conntrack: Conntrack, packet: Packet): Packet {
  conntrack.statistics.invalid++;
  const { sim } = conntrack.netns;
  if (sim.trace !== null)
    sim.trace('conntrack', packet, conntrack.netns.name, { state: 'INVALID' });
  return packet;
}

/**
 * The flow of conntrack.packetTuple, set in packet.conntrack and conntrackInfo; null if there is none.
 * @source resolve_normal_ct()
 */
function resolveFlow(sim: Simulator, conntrack: Conntrack, packet: Packet): Flow | null {
  const end = findEnd(conntrack, conntrack.packetTuple, nowTicks(sim));
  if (end === null) return null;
  conntrack.statistics.found++;
  const { flow } = end;
  packet.conntrack = flow;
  if (end.direction === DIRECTION_REPLY) packet.conntrackInfo = CT_ESTABLISHED_REPLY;
  else packet.conntrackInfo = (flow.status & FLOW_SEEN_REPLY) !== 0 ? CT_ESTABLISHED : CT_NEW;
  return flow;
}

/** Whether the table takes one more flow, for which another one may have to go. */
function makeRoom(sim: Simulator, conntrack: Conntrack): boolean {
  const { max } = conntrack.settings;
  if (max === 0 || conntrack.count < max) return true;
  if (dropEarly(conntrack, hashTuple(conntrack.packetTuple), nowTicks(sim))) return true;
  conntrack.statistics.drop++;
  return false;
}

/** A flow that begins with this packet: conntrack.packetTuple, answered by otherTuple. */
function beginFlow(conntrack: Conntrack, packet: Packet): Flow {
  const flow = makeFlow();
  flow.id = conntrack.nextId++;
  copyTuple(conntrack.packetTuple, flow.original);
  copyTuple(conntrack.otherTuple, flow.reply);
  packet.conntrack = flow;
  packet.conntrackInfo = CT_NEW;
  return flow;
}

/** The part of the protocol: state, timeout, ASSURED. @source nf_conntrack_handle_packet() */
function trackProtocol(conntrack: Conntrack, flow: Flow, packet: Packet): number {
  const info = packet.conntrackInfo;
  const statusBefore = flow.status;
  const stateBefore = flow.tcp.state;
  const { settings } = conntrack;
  let verdict: number = TRACK_ACCEPT;
  switch (flow.original.protocol) {
    case PROTOCOL_TCP:
      verdict = trackTcp(conntrack, flow, packet, info);
      break;
    case PROTOCOL_UDP:
    case PROTOCOL_UDPLITE:
      verdict = trackUdp(conntrack, flow, packet);
      break;
    case PROTOCOL_ICMP:
      if ((flow.status & FLOW_CONFIRMED) === 0 && !beginsIcmpFlow(flow.original.targetPort >> 8)) {
        return TRACK_INVALID;
      }
      refreshFlow(conntrack, flow, settings.icmpTimeout);
      break;
    default:
      refreshFlow(conntrack, flow, settings.genericTimeout);
  }
  if (verdict !== TRACK_ACCEPT) return verdict;
  if (settings.acct !== 0) countPacket(flow, packet, info);
  if (info === CT_ESTABLISHED_REPLY) flow.status |= FLOW_SEEN_REPLY;
  const { sim, name } = conntrack.netns;
  if (conntrack.onEvent !== null && (flow.status & FLOW_DYING) === 0) {
    const isChanged = flow.status !== statusBefore || flow.tcp.state !== stateBefore;
    if (isChanged && (statusBefore & FLOW_CONFIRMED) !== 0) conntrack.onEvent('UPDATE', flow);
  }
  if (sim.trace !== null) traceFlow(sim, name, flow, packet);
  return TRACK_ACCEPT;
}

/** @source net/netfilter/nf_conntrack_proto_udp.c nf_conntrack_udp_packet() */
function trackUdp(conntrack: Conntrack, flow: Flow, packet: Packet): number {
  const { bytes, network } = packet;
  const udp = network + ipHeaderBytes(bytes, network);
  const end = ipEnd(bytes, network, packet.end);
  const stated = udpLengthBytes(bytes, udp);
  if (flow.original.protocol === PROTOCOL_UDP && (stated > end - udp || stated < UDP_BYTES)) {
    return TRACK_INVALID;
  }
  const { settings } = conntrack;
  const now = nowTicks(conntrack.netns.sim);
  if ((flow.status & FLOW_CONFIRMED) === 0) flow.streamAtTicks = now + UDP_STREAM_TICKS;
  const isStream = (flow.status & FLOW_SEEN_REPLY) !== 0 && now > flow.streamAtTicks;
  refreshFlow(conntrack, flow, isStream ? settings.udpTimeoutStream : settings.udpTimeout);
  if (isStream) flow.status |= FLOW_ASSURED;
  return TRACK_ACCEPT;
}

function countPacket(flow: Flow, packet: Packet, info: number): void {
  const sizeBytes = packet.end - packet.network;
  if (info >= CT_IS_REPLY) {
    flow.replyPackets++;
    flow.replyBytes += sizeBytes;
  } else {
    flow.originalPackets++;
    flow.originalBytes += sizeBytes;
  }
}

/** Whole, known and with a good checksum. @source nf_conntrack_icmpv4_error() */
function isIcmpGood(conntrack: Conntrack, hook: number, packet: Packet): boolean {
  const { bytes, network } = packet;
  const icmp = network + ipHeaderBytes(bytes, network);
  const end = ipEnd(bytes, network, packet.end);
  if (end - icmp < ICMP_BYTES) return false;
  if (icmpType(bytes, icmp) > 18) return false;
  if (conntrack.settings.checksum === 0 || hook !== HOOK_PREROUTING) return true;
  return checksumOf(bytes, icmp, end) === 0;
}

/**
 * An ICMP error belongs to the flow of the packet that it quotes, in the other direction.
 * @source net/netfilter/nf_conntrack_proto_icmp.c nf_conntrack_inet_error()
 */
function relateError(sim: Simulator, conntrack: Conntrack, packet: Packet): void {
  const end = quotedEnd(conntrack, packet, nowTicks(sim));
  if (end === null || end.target !== ipTarget(packet.bytes, packet.network)) {
    countInvalid(conntrack, packet);
    return;
  }
  packet.conntrack = end.flow;
  packet.conntrackInfo = end.direction === DIRECTION_REPLY ? CT_RELATED_REPLY : CT_RELATED;
  if (sim.trace !== null) traceFlow(sim, conntrack.netns.name, end.flow, packet);
}

/** The end of a flow to which an answer to the quoted packet would belong. */
function quotedEnd(conntrack: Conntrack, packet: Packet, now: number): FlowEnd | null {
  const { bytes, network } = packet;
  const quoted = network + ipHeaderBytes(bytes, network) + ICMP_BYTES;
  const end = ipEnd(bytes, network, packet.end);
  if (!readTuple(bytes, quoted, end, conntrack.packetTuple)) return null;
  if (!invertTuple(conntrack.packetTuple, conntrack.otherTuple)) return null;
  return findEnd(conntrack, conntrack.otherTuple, now);
}

/**
 * A packet leaves this machine or reaches its socket: if it is the first of its flow, the flow is
 * entered in the table.
 * @returns false: the packet was dropped, because another flow has the same tuple.
 * @source __nf_conntrack_confirm()
 */
export function confirmPacket(sim: Simulator, netfilter: Netfilter, packet: Packet): boolean {
  const flow = conntrackOf(packet);
  if (flow === null || (flow.status & FLOW_CONFIRMED) !== 0) return true;
  if (directionOf(packet.conntrackInfo) === DIRECTION_REPLY) return true;
  const { conntrack } = netfilter;
  const isDying = (flow.status & FLOW_DYING) !== 0;
  if (!isDying && insertFlow(conntrack, flow, nowTicks(sim))) return true;
  conntrack.statistics.insertFailed++;
  conntrack.statistics.drop++;
  const isExhausted = (flow.status & FLOW_NAT_EXHAUSTED) !== 0;
  drop(sim, packet, isExhausted ? 'nat-exhausted' : 'conntrack-clash', null, conntrack.netns.name);
  return false;
}

/**
 * An answer that the stack or REJECT makes to `from` belongs to its flow, so that NAT translates
 * it back. Nothing happens if `from` has no flow.
 * @source net/netfilter/nf_conntrack_core.c nf_conntrack_attach()
 */
export function attachConntrack(from: Packet, to: Packet): void {
  if (from.conntrack === null) return;
  to.conntrack = from.conntrack;
  to.conntrackInfo = from.conntrackInfo >= CT_IS_REPLY ? CT_RELATED : CT_RELATED_REPLY;
}

function traceFlow(sim: Simulator, place: string, flow: Flow, packet: Packet): void {
  const { original } = flow;
  sim.trace!('conntrack', packet, place, {
    state: STATE_NAMES[packet.conntrackInfo]!,
    direction: packet.conntrackInfo >= CT_IS_REPLY ? 'reply' : 'original',
    flow: flow.id,
    source: formatIpv4(original.source),
    target: formatIpv4(original.target),
    sourcePort: original.sourcePort,
    targetPort: original.targetPort,
    ...(original.protocol === PROTOCOL_TCP ? { tcp: TCP_STATE_NAMES[flow.tcp.state]! } : {}),
  });
}
