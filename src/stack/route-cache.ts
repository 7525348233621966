/**
 * Routing decisions that were made before, for packets of the same kind: a direct-mapped table that
 * grows with the flows that pass. An entry is good while the FIB's generation is the one at which it
 * was made, so that every change of routes, rules, addresses, devices and settings makes all void.
 * Unlike Linux, which keeps such decisions in sockets and next hops only and looks up each forwarded
 * packet; the answers are the same, see test/unit/stack/route-cache.test.ts.
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';

export interface CachedRoute {
  /** Fib.generation at the time of the decision; -1: nothing here. */
  generation: number;
  target: Ipv4;
  source: Ipv4;
  /** Input: where the packet came in. Output: by which device it has to leave, null for any. */
  device: Device | null;
  tos: number;
  mark: number;
  /** RTN_* */
  type: number;
  outDevice: Device | null;
  nextHop: Ipv4;
  /** The source that was chosen (output). */
  chosenSource: Ipv4;
  /** The route's own MTU, 0 for that of the device. */
  mtuBytes: number;
  isMtuLearnt: boolean;
}

export interface RouteCache {
  entries: CachedRoute[];
  /** Entries in use that had to go for another since the table last grew. */
  evictions: number;
}

const ENTRIES_MIN = 2;
const ENTRIES_MAX = 4096;

/** An empty cache: it takes memory with the first decision only. */
export function makeRouteCache(): RouteCache {
  return { entries: [], evictions: 0 };
}

/** The decision for this key at this generation, null if it has to be made. */
export function findCachedRoute(
  cache: RouteCache,
  generation: number,
  target: Ipv4,
  source: Ipv4,
  device: Device | null,
  tos: number,
  mark: number,
): CachedRoute | null {
  const { entries } = cache;
  if (entries.length === 0) return null;
  const entry = entries[slotOf(target, source, entries.length - 1)]!;
  const isSame =
    entry.target === target &&
    entry.source === source &&
    entry.generation === generation &&
    entry.device === device &&
    entry.tos === tos &&
    entry.mark === mark;
  return isSame ? entry : null;
}

/** An entry with this key; the caller writes the decision into it. */
export function claimCachedRoute(
  cache: RouteCache,
  generation: number,
  target: Ipv4,
  source: Ipv4,
  device: Device | null,
  tos: number,
  mark: number,
): CachedRoute {
  if (cache.entries.length === 0) resize(cache, ENTRIES_MIN, generation);
  let entry = cache.entries[slotOf(target, source, cache.entries.length - 1)]!;
  if (entry.generation === generation) {
    cache.evictions++;
    const { length } = cache.entries;
    if (cache.evictions > length && length < ENTRIES_MAX) {
      resize(cache, length * 2, generation);
      entry = cache.entries[slotOf(target, source, cache.entries.length - 1)]!;
    }
  }
  entry.generation = generation;
  entry.target = target;
  entry.source = source;
  entry.device = device;
  entry.tos = tos;
  entry.mark = mark;
  return entry;
}

function slotOf(target: Ipv4, source: Ipv4, mask: number): number {
  const hash = Math.imul(target, 0x9e3779b1) ^ Math.imul(source, 0x85ebca6b);
  return (hash ^ (hash >>> 15)) & mask;
}

/** Changes the number of entries; those of this generation stay. */
function resize(cache: RouteCache, count: number, generation: number): void {
  const before = cache.entries;
  const entries = Array.from({ length: count }, makeEntry);
  for (const entry of before) {
    if (entry.generation !== generation) continue;
    entries[slotOf(entry.target, entry.source, count - 1)] = entry;
  }
  cache.entries = entries;
  cache.evictions = 0;
}

function makeEntry(): CachedRoute {
  return {
    generation: -1,
    target: 0,
    source: 0,
    device: null,
    tos: 0,
    mark: 0,
    type: 0,
    outDevice: null,
    nextHop: 0,
    chosenSource: 0,
    mtuBytes: 0,
    isMtuLearnt: false,
  };
}
