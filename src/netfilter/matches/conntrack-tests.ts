/**
 * Matches on the flow that a packet belongs to.
 * @source net/netfilter/xt_conntrack.c, xt_state.c, xt_connmark.c
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { PACKET_UNTRACKED, type Packet } from '../../engine/packet.ts';
import { timeNs } from '../../engine/simulator.ts';
import { conntrackOf } from '../conntrack.ts';
import {
  CT_IS_REPLY,
  FLOW_CONFIRMED,
  FLOW_DST_NAT,
  FLOW_SRC_NAT,
  type Flow,
} from '../conntrack-flow.ts';
import { TICKS_PER_SEC } from '../conntrack-table.ts';
import type { Walk } from '../rule.ts';
import type { MaskedTest } from './header-tests.ts';
import type { PortRange } from './port-tests.ts';

/** Bits of --ctstate. */
export const STATE_INVALID = 1;
export const STATE_ESTABLISHED = 2;
export const STATE_RELATED = 4;
export const STATE_NEW = 8;
export const STATE_SNAT = 64;
export const STATE_DNAT = 128;
export const STATE_UNTRACKED = 256;

/** An address of the flow, asked for or not (mask 0 and not inverted). */
export interface FlowAddressTest {
  readonly address: Ipv4;
  readonly mask: number;
  readonly isInverted: boolean;
}

export interface ConntrackTest {
  /** STATE_* bits, 0: not asked for. */
  readonly states: number;
  readonly isStatesInverted: boolean;
  /** FLOW_* bits; -1: not asked for, 0: NONE. */
  readonly statuses: number;
  readonly isStatusesInverted: boolean;
  /** 0: not asked for. */
  readonly protocol: number;
  readonly isProtocolInverted: boolean;
  readonly originalSource: FlowAddressTest | null;
  readonly originalTarget: FlowAddressTest | null;
  readonly replySource: FlowAddressTest | null;
  readonly replyTarget: FlowAddressTest | null;
  readonly originalSourcePort: PortRange | null;
  readonly originalTargetPort: PortRange | null;
  readonly replySourcePort: PortRange | null;
  readonly replyTargetPort: PortRange | null;
  /** Seconds to live. */
  readonly expires: PortRange | null;
  /** 0 original, 1 reply, -1 not asked for. */
  readonly direction: number;
}

/** The state of a packet as --ctstate has it. */
export function stateOf(packet: Packet): number {
  const flow = conntrackOf(packet);
  if (flow === null) {
    return (packet.flags & PACKET_UNTRACKED) !== 0 ? STATE_UNTRACKED : STATE_INVALID;
  }
  let state = 2 << (packet.conntrackInfo % CT_IS_REPLY);
  if ((flow.status & FLOW_SRC_NAT) !== 0) state |= STATE_SNAT;
  if ((flow.status & FLOW_DST_NAT) !== 0) state |= STATE_DNAT;
  return state;
}

export function testConntrack(walk: Walk, packet: Packet, info: ConntrackTest): boolean {
  if (info.states !== 0) {
    if (((stateOf(packet) & info.states) !== 0) === info.isStatesInverted) return false;
  }
  const flow = conntrackOf(packet);
  if (flow === null) return info.states !== 0;
  if (info.direction >= 0) {
    const direction = packet.conntrackInfo >= CT_IS_REPLY ? 1 : 0;
    if (direction !== info.direction) return false;
  }
  if (info.protocol !== 0) {
    if ((flow.original.protocol === info.protocol) === info.isProtocolInverted) return false;
  }
  if (!isTupleFit(flow, info)) return false;
  if (info.statuses >= 0) {
    const fits =
      info.statuses === 0 ? (flow.status & 0xf) === 0 : (flow.status & info.statuses) !== 0;
    if (fits === info.isStatusesInverted) return false;
  }
  return info.expires === null || isPort(info.expires, secondsToLive(walk, flow));
}

function isTupleFit(flow: Flow, info: ConntrackTest): boolean {
  const { original, reply } = flow;
  return (
    isAddress(info.originalSource, original.source) &&
    isAddress(info.originalTarget, original.target) &&
    isAddress(info.replySource, reply.source) &&
    isAddress(info.replyTarget, reply.target) &&
    isPort(info.originalSourcePort, original.sourcePort) &&
    isPort(info.originalTargetPort, original.targetPort) &&
    isPort(info.replySourcePort, reply.sourcePort) &&
    isPort(info.replyTargetPort, reply.targetPort)
  );
}

function isAddress(test: FlowAddressTest | null, address: Ipv4): boolean {
  if (test === null) return true;
  return ((address & test.mask) === test.address) !== test.isInverted;
}

function isPort(test: PortRange | null, value: number): boolean {
  if (test === null) return true;
  return (value >= test.min && value <= test.max) !== test.isInverted;
}

function secondsToLive(walk: Walk, flow: Flow): number {
  if ((flow.status & FLOW_CONFIRMED) === 0) return Math.floor(flow.timeoutTicks / TICKS_PER_SEC);
  const nowSec = timeNs(walk.sim) / 1_000_000_000;
  const left = Math.floor(flow.timeoutTicks / TICKS_PER_SEC - nowSec);
  return left > 0 ? left : 0;
}

export function testConnmark(_walk: Walk, packet: Packet, info: MaskedTest): boolean {
  const flow = conntrackOf(packet);
  if (flow === null) return false;
  return ((flow.mark & info.mask) === info.value) !== info.isInverted;
}
