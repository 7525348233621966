/**
 * Netfilter of one namespace: the five hooks, and what hangs on them in order of priority.
 *
 *     PREROUTING   defrag(-400) raw(-300) conntrack(-200) mangle(-150) nat dst(-100)
 *     INPUT        mangle(-150) filter(0) security(50) ipvs(98, 99) nat src(100) conntrack confirm(max)
 *     FORWARD      mangle(-150) filter(0) security(50) ipvs(99, 100)
 *     OUTPUT       defrag(-400) raw(-300) conntrack(-200) mangle(-150) nat dst(-100) ipvs(-99, -98)
 *                  filter(0) security(50)
 *     POSTROUTING  mangle(-150) nat src(100) conntrack confirm(max)
 *
 * @source include/uapi/linux/netfilter_ipv4.h enum nf_ip_hook_priorities
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device, Netns } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import type { Simulator } from '../engine/simulator.ts';
import { ipSource, ipTarget, ipTos } from '../protocols/ipv4.ts';
import {
  type Conntrack,
  confirmPacket,
  defragPacket,
  makeConntrack,
  trackPacket,
} from './conntrack.ts';
import { type InterfaceTests, makeInterfaceTests } from './interface-tests.ts';
import { runIpvs } from './ipvs/hooks.ts';
import type { Ipvs } from './ipvs/ipvs.ts';
import type { IpsecSlot } from './matches/policy-test.ts';
import { natPacket } from './nat.ts';
import {
  HOOK_FORWARD,
  HOOK_INPUT,
  HOOK_NAMES,
  HOOK_OUTPUT,
  HOOK_POSTROUTING,
  HOOK_PREROUTING,
} from './netfilter-hooks.ts';
import type { Walk } from './rule.ts';
import { walkBaseChain } from './rule-walk.ts';
import { makeTables, type Tables } from './tables.ts';

export {
  HOOK_FORWARD,
  HOOK_INPUT,
  HOOK_NAMES,
  HOOK_OUTPUT,
  HOOK_POSTROUTING,
  HOOK_PREROUTING,
} from './netfilter-hooks.ts';

/** What REJECT answers with. `tcp-reset` or the code of an ICMP unreachable. */
export type RejectAnswer = 'tcp-reset' | number;

/** What netfilter asks of the stack above it; stack/netfilter-slots.ts fills all of them. */
export interface NetfilterSlots {
  /** The route type (RTN_*, stack/route.ts) of an address, on `device` only or anywhere. */
  addressTypeOf(address: Ipv4, device: Device | null): number;
  /** The address that MASQUERADE and REDIRECT use on `device`, null if it has none. */
  primaryAddressOf(device: Device, target: Ipv4): Ipv4 | null;
  /** Routes the packet afresh after its addresses or mark changed in OUTPUT; false: dropped. */
  reroute(sim: Simulator, packet: Packet): boolean;
  /** Answers a rejected packet (which stays the caller's, to be dropped). */
  reject(sim: Simulator, packet: Packet, hook: number, answer: RejectAnswer): void;
  /**
   * Takes a fragment; gives the whole packet when it was the last one, else null (it is kept).
   */
  reassemble(sim: Simulator, packet: Packet): Packet | null;
  /** The way to an address for a packet of our own, valid until the next call; null if there is none. */
  routeTo(target: Ipv4): RouteChoice | null;
  /** Sends a packet that has its IP header and its route: OUTPUT, POSTROUTING and out. Owns it. */
  sendLocal(sim: Simulator, packet: Packet): void;
  /** Puts the packet into another IP packet (IPIP) to `target` and sends that. Owns it. */
  sendInTunnel(
    sim: Simulator,
    packet: Packet,
    route: RouteChoice,
    target: Ipv4,
    ttlHops: number,
    tos: number,
    fragmentField: number,
  ): void;
  /** Tells the packet's sender by ICMP; the packet stays the caller's. */
  sendError(sim: Simulator, packet: Packet, type: number, code: number, rest: number): void;
}

/** A way out, as far as netfilter is concerned. */
export interface RouteChoice {
  /** RTN_*, stack/route.ts. */
  readonly type: number;
  readonly outDevice: Device | null;
  readonly nextHop: Ipv4;
  readonly source: Ipv4;
  readonly pathMtuBytes: number;
}

export interface Netfilter {
  readonly netns: Netns;
  readonly slots: NetfilterSlots;
  /** Bit `hook` is set for each hook on which anything hangs: without it the stack skips the call. */
  activeHooks: number;
  readonly tables: Tables;
  readonly interfaces: InterfaceTests;
  readonly conntrack: Conntrack;
  /** Rules and nat chains for which connection tracking runs; kept up to date by tables.ts. */
  needsConntrack: number;
  /** Others that need it (IPVS, `conntrack -I`): change it and call refreshHooks(). */
  otherTrackers: number;
  /** Whether connection tracking runs: either of the two above is not 0. */
  isTracking: boolean;
  /** Whether a nat chain exists. */
  isNatActive: boolean;
  /** Records of walks, by depth. */
  readonly walks: Walk[];
  walkDepth: number;
  /** Where LOG and TRACE write a line of the kernel log; null: nowhere. */
  kernelLog: ((line: string) => void) | null;
  /** IPVS of the namespace, null until something asked for it. */
  ipvs: Ipvs | null;
  /** Whether it has services: without them it has no hooks. */
  isIpvsActive: boolean;
  /**
   * Whose words and habits the iptables programs have. 1.8.11 (Debian 13) differs from 1.8.9 in
   * that `-n` leaves names of protocols and that base chains count their policy from the start.
   */
  iptablesVersion: '1.8.9' | '1.8.11';
  /** For `-m policy`; null while there is no IPsec here. */
  ipsec: IpsecSlot | null;
}

export function makeNetfilter(netns: Netns, slots: NetfilterSlots): Netfilter {
  return {
    activeHooks: 0,
    netns,
    slots,
    tables: makeTables(),
    interfaces: makeInterfaceTests(),
    conntrack: makeConntrack(netns),
    needsConntrack: 0,
    otherTrackers: 0,
    isTracking: false,
    isNatActive: false,
    walks: [],
    walkDepth: 0,
    kernelLog: null,
    ipvs: null,
    isIpvsActive: false,
    iptablesVersion: '1.8.9',
    ipsec: null,
  };
}

/** Whether anything hangs on a hook: if not, the stack need not call runHook. */
export function hasHook(netfilter: Netfilter, hook: number): boolean {
  return (netfilter.activeHooks & (1 << hook)) !== 0;
}

/**
 * Runs everything that hangs on a hook. Owns the packet while it runs.
 * @returns the packet to go on with (after reassembly another one), or null when it is gone:
 *   dropped with its reason, or kept.
 */
export function runHook(
  sim: Simulator,
  netfilter: Netfilter,
  hook: number,
  packet: Packet,
  inDevice: Device | null,
  outDevice: Device | null,
): Packet | null {
  let current: Packet | null = packet;
  if (hook === HOOK_PREROUTING || hook === HOOK_OUTPUT) {
    current = runEarly(sim, netfilter, hook, packet, inDevice, outDevice);
    if (current === null) return null;
  }
  const { tables } = netfilter;
  const mangle = tables.mangle.walked[hook]!;
  if (mangle !== null) {
    if (hook === HOOK_OUTPUT) {
      if (!walkMangleOutput(sim, netfilter, current, outDevice)) return null;
    } else if (!walkBaseChain(sim, netfilter, mangle, current, inDevice, outDevice)) return null;
  }
  const isNatFirst = hook === HOOK_PREROUTING || hook === HOOK_OUTPUT;
  if (isNatFirst && netfilter.isNatActive) {
    if (!natPacket(sim, netfilter, hook, current, inDevice, outDevice)) return null;
  }
  if (hook === HOOK_OUTPUT && netfilter.isIpvsActive) {
    current = runIpvs(sim, netfilter.ipvs!, hook, current);
    if (current === null) return null;
  }
  const filter = tables.filter.walked[hook]!;
  if (filter !== null) {
    if (!walkBaseChain(sim, netfilter, filter, current, inDevice, outDevice)) return null;
  }
  const security = tables.security.walked[hook]!;
  if (security !== null) {
    if (!walkBaseChain(sim, netfilter, security, current, inDevice, outDevice)) return null;
  }
  if (netfilter.isIpvsActive && (hook === HOOK_INPUT || hook === HOOK_FORWARD)) {
    current = runIpvs(sim, netfilter.ipvs!, hook, current);
    if (current === null) return null;
  }
  if (hook === HOOK_INPUT || hook === HOOK_POSTROUTING) {
    if (!runLate(sim, netfilter, hook, current, inDevice, outDevice)) return null;
  }
  if (sim.trace !== null) {
    sim.trace('hook', current, netfilter.netns.name, { hook: HOOK_NAMES[hook]! });
  }
  return current;
}

/** What comes before mangle where packets enter: defragmentation, raw, connection tracking. */
function runEarly(
  sim: Simulator,
  netfilter: Netfilter,
  hook: number,
  packet: Packet,
  inDevice: Device | null,
  outDevice: Device | null,
): Packet | null {
  let current: Packet | null = packet;
  if (netfilter.isTracking) {
    current = defragPacket(sim, netfilter, packet);
    if (current === null) return null;
  }
  const raw = netfilter.tables.raw.walked[hook]!;
  if (raw !== null && !walkBaseChain(sim, netfilter, raw, current, inDevice, outDevice)) {
    return null;
  }
  return netfilter.isTracking ? trackPacket(sim, netfilter, hook, current) : current;
}

/** What comes last where packets leave: source NAT, and the flow's entry into the table. */
function runLate(
  sim: Simulator,
  netfilter: Netfilter,
  hook: number,
  packet: Packet,
  inDevice: Device | null,
  outDevice: Device | null,
): boolean {
  if (netfilter.isNatActive) {
    if (!natPacket(sim, netfilter, hook, packet, inDevice, outDevice)) return false;
  }
  return !netfilter.isTracking || confirmPacket(sim, netfilter, packet);
}

/**
 * mangle/OUTPUT is a chain of type `route`: a packet of which it changed what routing looks at is
 * routed again.
 * @source net/netfilter/nft_chain_route.c nf_route_table_hook4()
 */
function walkMangleOutput(
  sim: Simulator,
  netfilter: Netfilter,
  packet: Packet,
  outDevice: Device | null,
): boolean {
  const { bytes, network, mark } = packet;
  const source = ipSource(bytes, network);
  const target = ipTarget(bytes, network);
  const tos = ipTos(bytes, network);
  const chain = netfilter.tables.mangle.walked[HOOK_OUTPUT]!;
  if (!walkBaseChain(sim, netfilter, chain!, packet, null, outDevice)) return false;
  if (
    packet.mark === mark &&
    ipSource(packet.bytes, packet.network) === source &&
    ipTarget(packet.bytes, packet.network) === target &&
    ipTos(packet.bytes, packet.network) === tos
  ) {
    return true;
  }
  return netfilter.slots.reroute(sim, packet);
}
