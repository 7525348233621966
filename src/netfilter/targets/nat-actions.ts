/**
 * Targets that bind a flow to other addresses: DNAT, SNAT, MASQUERADE, REDIRECT, NETMAP.
 * @source net/netfilter/xt_nat.c, xt_MASQUERADE.c, xt_REDIRECT.c, xt_NETMAP.c
 */
import type { Packet } from '../../engine/packet.ts';
import { ipSource, ipTarget } from '../../protocols/ipv4.ts';
import { conntrackOf } from '../conntrack.ts';
import {
  makeNatRange,
  NAT_MAP_ADDRESS,
  type NatRange,
  setupMasquerade,
  setupNat,
  setupRedirect,
} from '../nat.ts';
import { HOOK_OUTPUT, HOOK_PREROUTING } from '../netfilter-hooks.ts';
import { VERDICT_ACCEPT, VERDICT_DROP, type Walk } from '../rule.ts';

export interface NetmapAction {
  readonly address: number;
  readonly mask: number;
}

export function actDnat(walk: Walk, packet: Packet, range: NatRange): number {
  const flow = conntrackOf(packet);
  if (flow !== null) setupNat(walk.sim, walk.netfilter, flow, 'dst', range, walk.hook);
  return VERDICT_ACCEPT;
}

export function actSnat(walk: Walk, packet: Packet, range: NatRange): number {
  const flow = conntrackOf(packet);
  if (flow !== null) setupNat(walk.sim, walk.netfilter, flow, 'src', range, walk.hook);
  return VERDICT_ACCEPT;
}

export function actMasquerade(walk: Walk, packet: Packet, range: NatRange): number {
  const { sim, netfilter, hook, outDevice } = walk;
  if (outDevice !== null && setupMasquerade(sim, netfilter, packet, range, hook, outDevice)) {
    return VERDICT_ACCEPT;
  }
  walk.dropReason = 'nat-no-address';
  return VERDICT_DROP;
}

export function actRedirect(walk: Walk, packet: Packet, range: NatRange): number {
  const { sim, netfilter, hook, inDevice } = walk;
  if (setupRedirect(sim, netfilter, packet, range, hook, inDevice)) return VERDICT_ACCEPT;
  walk.dropReason = 'nat-no-address';
  return VERDICT_DROP;
}

const mapped = makeNatRange();

/** The network part of the address is replaced, the host part stays. */
export function actNetmap(walk: Walk, packet: Packet, info: NetmapAction): number {
  const flow = conntrackOf(packet);
  if (flow === null) return VERDICT_ACCEPT;
  const isTarget = walk.hook === HOOK_PREROUTING || walk.hook === HOOK_OUTPUT;
  const { bytes, network } = packet;
  const before = isTarget ? ipTarget(bytes, network) : ipSource(bytes, network);
  const address = (before & ~info.mask) | info.address;
  mapped.flags = NAT_MAP_ADDRESS;
  mapped.minAddress = address;
  mapped.maxAddress = address;
  setupNat(walk.sim, walk.netfilter, flow, isTarget ? 'dst' : 'src', mapped, walk.hook);
  return VERDICT_ACCEPT;
}
