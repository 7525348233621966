/**
 * The record of one tracked flow, and the numbers that say what is known of it.
 * One record shape for every protocol.
 * @source include/net/netfilter/nf_conntrack.h struct nf_conn;
 *   include/uapi/linux/netfilter/nf_conntrack_common.h
 */
import type { ConntrackSlot } from '../engine/packet.ts';
import type { Tuple } from './conntrack-tuple.ts';

/** How a packet relates to its flow: Packet.conntrackInfo. @source enum ip_conntrack_info */
export const CT_ESTABLISHED = 0;
export const CT_RELATED = 1;
export const CT_NEW = 2;
export const CT_ESTABLISHED_REPLY = 3;
export const CT_RELATED_REPLY = 4;
/** Info >= this: the packet goes in the reply direction. */
export const CT_IS_REPLY = 3;

/** Directions. */
export const DIRECTION_ORIGINAL = 0;
export const DIRECTION_REPLY = 1;

/** Bits of Flow.status. @source enum ip_conntrack_status */
export const FLOW_SEEN_REPLY = 1 << 1;
export const FLOW_ASSURED = 1 << 2;
export const FLOW_CONFIRMED = 1 << 3;
export const FLOW_SRC_NAT = 1 << 4;
export const FLOW_DST_NAT = 1 << 5;
export const FLOW_NAT_MASK = FLOW_SRC_NAT | FLOW_DST_NAT;
export const FLOW_SRC_NAT_DONE = 1 << 7;
export const FLOW_DST_NAT_DONE = 1 << 8;
export const FLOW_NAT_DONE_MASK = FLOW_SRC_NAT_DONE | FLOW_DST_NAT_DONE;
export const FLOW_DYING = 1 << 9;
/** netsim's own: NAT looked for a free port and found none (the drop reason tells). */
export const FLOW_NAT_EXHAUSTED = 1 << 30;

/** One direction of a flow: the tuple of its packets, and its link in the table. */
export interface FlowEnd extends Tuple {
  readonly direction: 0 | 1;
  readonly flow: Flow;
  hash: number;
  next: FlowEnd | null;
}

/** What is known of one side of a TCP connection. @source struct ip_ct_tcp_state */
export interface TcpSide {
  /** Highest sequence number sent so far. */
  end: number;
  /** Highest sequence number that it may send. */
  maxEnd: number;
  /** Largest window that it offered. */
  maxWindow: number;
  maxAck: number;
  windowScale: number;
  flags: number;
}

/** TCP's part of a flow. @source struct ip_ct_tcp */
export interface TcpTrack {
  readonly original: TcpSide;
  readonly reply: TcpSide;
  state: number;
  lastDirection: number;
  retransmitCount: number;
  lastIndex: number;
  lastSequence: number;
  lastAck: number;
  lastEnd: number;
  lastWindow: number;
  lastWindowScale: number;
  lastFlags: number;
}

export interface Flow extends ConntrackSlot {
  readonly slot: 'conntrack';
  id: number;
  readonly original: FlowEnd;
  readonly reply: FlowEnd;
  /** FLOW_* bits. */
  status: number;
  mark: number;
  /** When it ends, in ticks of 4 ms: a moment once confirmed, a duration before. */
  timeoutTicks: number;
  readonly tcp: TcpTrack;
  /** UDP: from when on traffic both ways makes it a stream. */
  streamAtTicks: number;
  /** ifindex by which MASQUERADE sends it, 0 if it does not. */
  masqueradeIndex: number;
  originalPackets: number;
  originalBytes: number;
  replyPackets: number;
  replyBytes: number;
  /** Neighbours in the table's list of all flows, oldest first. */
  previous: Flow | null;
  nextFlow: Flow | null;
  /** Next flow with the same hash of the source (NAT's bysource list). */
  nextBySource: Flow | null;
}

function makeEnd(flow: Flow, direction: 0 | 1): FlowEnd {
  return {
    source: 0,
    target: 0,
    sourcePort: 0,
    targetPort: 0,
    protocol: 0,
    direction,
    flow,
    hash: 0,
    next: null,
  };
}

function makeSide(): TcpSide {
  return { end: 0, maxEnd: 0, maxWindow: 0, maxAck: 0, windowScale: 0, flags: 0 };
}

function makeTcpTrack(): TcpTrack {
  return {
    original: makeSide(),
    reply: makeSide(),
    state: 0,
    lastDirection: 0,
    retransmitCount: 0,
    lastIndex: 0,
    lastSequence: 0,
    lastAck: 0,
    lastEnd: 0,
    lastWindow: 0,
    lastWindowScale: 0,
    lastFlags: 0,
  };
}

/** A flow of zeros. */
export function makeFlow(): Flow {
  const flow = {
    slot: 'conntrack' as const,
    id: 0,
    original: null as unknown as FlowEnd, // the two lines below: an end needs its flow
    reply: null as unknown as FlowEnd,
    status: 0,
    mark: 0,
    timeoutTicks: 0,
    tcp: makeTcpTrack(),
    streamAtTicks: 0,
    masqueradeIndex: 0,
    originalPackets: 0,
    originalBytes: 0,
    replyPackets: 0,
    replyBytes: 0,
    previous: null,
    nextFlow: null,
    nextBySource: null,
  };
  flow.original = makeEnd(flow, DIRECTION_ORIGINAL);
  flow.reply = makeEnd(flow, DIRECTION_REPLY);
  return flow;
}

/** The end whose tuple packets of this direction have. */
export function endOf(flow: Flow, direction: number): FlowEnd {
  return direction === DIRECTION_ORIGINAL ? flow.original : flow.reply;
}

/** The direction in which a packet with this conntrackInfo goes. */
export function directionOf(info: number): 0 | 1 {
  return info >= CT_IS_REPLY ? DIRECTION_REPLY : DIRECTION_ORIGINAL;
}
