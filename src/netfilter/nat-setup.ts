/**
 * The binding of a flow: what DNAT, SNAT, MASQUERADE and REDIRECT decide for the flow of the packet
 * at hand, once, with its first packet.
 * @source net/netfilter/nf_nat_core.c nf_nat_setup_info(), nf_nat_masquerade.c, nf_nat_redirect.c
 */
import { IPV4_LOOPBACK } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import type { Simulator } from '../engine/simulator.ts';
import { conntrackOf } from './conntrack.ts';
import {
  FLOW_CONFIRMED,
  FLOW_DST_NAT,
  FLOW_DST_NAT_DONE,
  FLOW_SRC_NAT,
  FLOW_SRC_NAT_DONE,
  type Flow,
} from './conntrack-flow.ts';
import { copyTuple, equalTuples, invertTuple, makeTuple } from './conntrack-tuple.ts';
import { chooseTuple } from './nat-ports.ts';
import { makeNatRange, NAT_MAP_ADDRESS, type NatKind, type NatRange } from './nat-range.ts';
import type { Netfilter } from './netfilter.ts';
import { HOOK_OUTPUT } from './netfilter-hooks.ts';

const wanted = makeTuple();
const chosen = makeTuple();
const ownRange = makeNatRange();

/** The side that NAT changes at a hook. @source HOOK2MANIP */
export function natKindOf(hook: number): NatKind {
  // POSTROUTING is 4, INPUT is 1; PREROUTING is 0, OUTPUT is 3.
  return hook === 4 || hook === 1 ? 'src' : 'dst';
}

/** Whether the flow has its binding of this kind. */
export function isNatDone(flow: Flow, kind: NatKind): boolean {
  return (flow.status & (kind === 'src' ? FLOW_SRC_NAT_DONE : FLOW_DST_NAT_DONE)) !== 0;
}

/**
 * Binds a flow: chooses within `range` and writes the reply tuple accordingly.
 * Nothing happens to a flow that is confirmed, or has its binding of this kind.
 */
export function setupNat(
  sim: Simulator,
  netfilter: Netfilter,
  flow: Flow,
  kind: NatKind,
  range: NatRange,
  _hook: number,
): void {
  if ((flow.status & FLOW_CONFIRMED) !== 0 || isNatDone(flow, kind)) return;
  // The tuple as it leaves here by now: the reply's, turned round.
  invertTuple(flow.reply, wanted);
  chooseTuple(sim, netfilter.conntrack, flow, kind, range, wanted, chosen);
  if (!equalTuples(chosen, wanted)) {
    invertTuple(chosen, wanted);
    copyTuple(wanted, flow.reply);
    flow.status |= kind === 'src' ? FLOW_SRC_NAT : FLOW_DST_NAT;
  }
  flow.status |= kind === 'src' ? FLOW_SRC_NAT_DONE : FLOW_DST_NAT_DONE;
}

/**
 * The binding of a flow for which no rule decided: the address stays, the port too if it is free.
 * @source nf_nat_alloc_null_binding()
 */
export function setupNullBinding(
  sim: Simulator,
  netfilter: Netfilter,
  flow: Flow,
  hook: number,
): void {
  const kind = natKindOf(hook);
  const address = kind === 'src' ? flow.reply.target : flow.reply.source;
  ownRange.flags = NAT_MAP_ADDRESS;
  ownRange.minAddress = address;
  ownRange.maxAddress = address;
  ownRange.minPort = 0;
  ownRange.maxPort = 0;
  ownRange.basePort = 0;
  setupNat(sim, netfilter, flow, kind, ownRange, hook);
}

function copyPorts(range: NatRange): void {
  ownRange.flags = range.flags | NAT_MAP_ADDRESS;
  ownRange.minPort = range.minPort;
  ownRange.maxPort = range.maxPort;
  ownRange.basePort = range.basePort;
}

/**
 * MASQUERADE: the source becomes the address of the device that the packet leaves by; the ports of
 * `range` count. False: the device has no address, the packet is to be dropped ('nat-no-address').
 * @source nf_nat_masquerade_ipv4()
 */
export function setupMasquerade(
  sim: Simulator,
  netfilter: Netfilter,
  packet: Packet,
  range: NatRange,
  hook: number,
  outDevice: Device,
): boolean {
  const flow = conntrackOf(packet);
  if (flow === null) return true;
  if (flow.original.source === 0) return true; // DHCP: there is no address to hide yet
  const address = netfilter.slots.primaryAddressOf(outDevice, packet.nextHop);
  if (address === null) return false;
  flow.masqueradeIndex = outDevice.index;
  copyPorts(range);
  ownRange.minAddress = address;
  ownRange.maxAddress = address;
  setupNat(sim, netfilter, flow, 'src', ownRange, hook);
  return true;
}

/**
 * REDIRECT: the target becomes this machine: 127.0.0.1 for its own packets, else the address of the
 * device that the packet came in by. False: it has none ('nat-no-address').
 * @source nf_nat_redirect_ipv4()
 */
export function setupRedirect(
  sim: Simulator,
  netfilter: Netfilter,
  packet: Packet,
  range: NatRange,
  hook: number,
  inDevice: Device | null,
): boolean {
  const flow = conntrackOf(packet);
  if (flow === null) return true;
  let address: number | null = IPV4_LOOPBACK;
  if (hook !== HOOK_OUTPUT) {
    if (inDevice === null) return false;
    address = netfilter.slots.primaryAddressOf(inDevice, 0);
  }
  if (address === null) return false;
  copyPorts(range);
  ownRange.minAddress = address;
  ownRange.maxAddress = address;
  setupNat(sim, netfilter, flow, 'dst', ownRange, hook);
  return true;
}
