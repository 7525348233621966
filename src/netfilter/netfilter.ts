/**
 * Netfilter of one namespace: the five hooks, and what hangs on them in order of priority.
 *
 *     PREROUTING   defrag(-400) raw(-300) conntrack(-200) mangle(-150) nat dst(-100)
 *     INPUT        mangle(-150) filter(0) nat src(100) conntrack confirm(max)
 *     FORWARD      mangle(-150) filter(0)
 *     OUTPUT       defrag(-400) raw(-300) conntrack(-200) mangle(-150) nat dst(-100) filter(0)
 *     POSTROUTING  mangle(-150) nat src(100) conntrack confirm(max)
 *
 * @source include/uapi/linux/netfilter_ipv4.h enum nf_ip_hook_priorities
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device, Netns } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import type { Simulator } from '../engine/simulator.ts';

export const HOOK_PREROUTING = 0;
export const HOOK_INPUT = 1;
export const HOOK_FORWARD = 2;
export const HOOK_OUTPUT = 3;
export const HOOK_POSTROUTING = 4;
export const HOOK_NAMES = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] as const;

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
}

/** Filled by the owner of this layer: tables, conntrack, nat; see tables.ts and conntrack.ts. */
export interface Netfilter {
  readonly netns: Netns;
  readonly slots: NetfilterSlots;
  /** 1 for each hook on which anything hangs; 0 lets the stack skip the call. */
  readonly isActive: Uint8Array;
}

export function makeNetfilter(netns: Netns, slots: NetfilterSlots): Netfilter {
  return { netns, slots, isActive: new Uint8Array(5) };
}

/**
 * Runs everything that hangs on a hook. Owns the packet while it runs.
 * @returns the packet to go on with (after reassembly another one), or null when it is gone:
 *   dropped with its reason, or kept.
 */
export function runHook(
  _sim: Simulator,
  _netfilter: Netfilter,
  _hook: number,
  packet: Packet,
  _inDevice: Device | null,
  _outDevice: Device | null,
): Packet | null {
  return packet;
}
