/**
 * The record of a neighbour: an IPv4 address on a link, its MAC address as far as known, and how
 * sure that is.
 * @source include/net/neighbour.h struct neighbour
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device, NeighbourSlot } from '../engine/device.ts';
import type { PacketQueue } from '../engine/packet.ts';
import type { Timer } from '../engine/timer-queue.ts';

/** States as bits. @source include/uapi/linux/neighbour.h NUD_* */
export const NUD_NONE = 0x00;
export const NUD_INCOMPLETE = 0x01;
export const NUD_REACHABLE = 0x02;
export const NUD_STALE = 0x04;
export const NUD_DELAY = 0x08;
export const NUD_PROBE = 0x10;
export const NUD_FAILED = 0x20;
export const NUD_NOARP = 0x40;
export const NUD_PERMANENT = 0x80;

export const NUD_IN_TIMER = NUD_INCOMPLETE | NUD_REACHABLE | NUD_DELAY | NUD_PROBE;
export const NUD_VALID =
  NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY;
export const NUD_CONNECTED = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE;

export type NeighbourState =
  | 'NONE'
  | 'INCOMPLETE'
  | 'REACHABLE'
  | 'STALE'
  | 'DELAY'
  | 'PROBE'
  | 'FAILED'
  | 'NOARP'
  | 'PERMANENT';

/** States by name, as `ip neigh` prints and takes them. */
export const NUD_BY_NAME: Readonly<Record<NeighbourState, number>> = {
  NONE: NUD_NONE,
  INCOMPLETE: NUD_INCOMPLETE,
  REACHABLE: NUD_REACHABLE,
  STALE: NUD_STALE,
  DELAY: NUD_DELAY,
  PROBE: NUD_PROBE,
  FAILED: NUD_FAILED,
  NOARP: NUD_NOARP,
  PERMANENT: NUD_PERMANENT,
};

/** The name of a state bit. */
export function neighbourStateName(state: number): NeighbourState {
  for (const [name, bit] of Object.entries(NUD_BY_NAME)) {
    if (bit === state) return name as NeighbourState; // a key of the table
  }
  return 'NONE';
}

export interface Neighbour extends NeighbourSlot {
  readonly slot: 'neighbour';
  readonly device: Device;
  readonly address: Ipv4;
  /** NUD_* */
  state: number;
  /** The MAC address; valid if state & NUD_VALID. */
  macHi: number;
  macLo: number;
  /** Packets that wait for the MAC address, and how much memory they take. */
  readonly queue: PacketQueue;
  queueBytes: number;
  /** Requests sent since the state was entered (a fresh entry starts at ucast_solicit). */
  probes: number;
  /** Ticks: last sign that it lives, last change, last use. */
  confirmed: number;
  updated: number;
  used: number;
  readonly timer: Timer;
  /** Put there by a control plane (NTF_EXT_LEARNED). */
  isExternal: boolean;
  /** Permanent or external: neither collected nor counted for the table's bounds. */
  isExempt: boolean;
  /** Out of the table: timers and packets that still know it do nothing. */
  isDead: boolean;
}

/** An address that this machine answers ARP for on `device` (`ip neigh add proxy`). */
export interface ProxyNeighbour {
  readonly device: Device;
  readonly address: Ipv4;
}

/** What a namespace has of neighbours beside the entries, which hang on their devices. */
export interface NeighbourTable {
  /** Entries that count for the bounds gc_thresh1..3. */
  count: number;
  readonly proxies: ProxyNeighbour[];
  /** Requests to such addresses whose answer is being delayed. */
  delayedCount: number;
  /** Ticks: when unneeded entries were collected, and reachable times drawn. */
  lastCollected: number;
  lastDrawn: number;
}

export function makeNeighbourTable(): NeighbourTable {
  return { count: 0, proxies: [], delayedCount: 0, lastCollected: 0, lastDrawn: 0 };
}
