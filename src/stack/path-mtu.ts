/**
 * What ICMP taught about the way to a target: a smaller path MTU, or a better gateway. Each entry
 * stands for one target address and expires.
 * @source net/ipv4/route.c update_or_create_fnhe(), __ip_rt_update_pmtu(); struct fib_nh_exception
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import { NS_PER_SEC } from '../base/units.ts';
import { timeNs } from '../engine/simulator.ts';
import type { NetNamespace } from './namespace.ts';

/** net.ipv4.route.mtu_expires */
const MTU_EXPIRES_NS = 600 * NS_PER_SEC;
/** net.ipv4.route.min_pmtu: a smaller one is not believed, and DF is given up instead. */
export const MIN_PATH_MTU_BYTES = 552;
/** Targets that are remembered at most; the oldest goes first. */
const ENTRIES_MAX = 4096;

export interface PathException {
  readonly target: Ipv4;
  /** 0: no MTU learnt. */
  mtuBytes: number;
  /** The MTU was below MIN_PATH_MTU_BYTES: packets are sent without DF. */
  isLocked: boolean;
  /** Gateway learnt by a redirect, 0 if none. */
  gateway: Ipv4;
  expiresNs: number;
}

export interface PathMtuCache {
  readonly byTarget: Map<Ipv4, PathException>;
}

export function makePathMtuCache(): PathMtuCache {
  return { byTarget: new Map() };
}

/** What is known about the way to `target` and has not expired, or null. */
export function findPathException(netns: NetNamespace, target: Ipv4): PathException | null {
  const cache = netns.pathMtu.byTarget;
  if (cache.size === 0) return null;
  const entry = cache.get(target);
  if (entry === undefined) return null;
  if (entry.expiresNs > timeNs(netns.sim)) return entry;
  cache.delete(target);
  return null;
}

/** The learnt MTU of the path to `target`, 0 if none. */
export function pathMtuOf(netns: NetNamespace, target: Ipv4): number {
  const entry = findPathException(netns, target);
  return entry === null ? 0 : entry.mtuBytes;
}

/**
 * Believes an ICMP "fragmentation needed" for `target`.
 * @param currentMtuBytes what was used so far: a larger value teaches nothing.
 */
export function learnPathMtu(
  netns: NetNamespace,
  target: Ipv4,
  mtuBytes: number,
  currentMtuBytes: number,
): void {
  if (mtuBytes > currentMtuBytes) return;
  const entry = entryFor(netns, target);
  entry.isLocked = mtuBytes < MIN_PATH_MTU_BYTES;
  entry.mtuBytes = entry.isLocked ? Math.min(currentMtuBytes, MIN_PATH_MTU_BYTES) : mtuBytes;
  entry.expiresNs = timeNs(netns.sim) + MTU_EXPIRES_NS;
  netns.fib.generation++;
}

/** Believes an ICMP redirect: `target` is reached by `gateway`. @source __ip_do_redirect() */
export function learnGateway(netns: NetNamespace, target: Ipv4, gateway: Ipv4): void {
  const entry = entryFor(netns, target);
  entry.gateway = gateway;
  entry.expiresNs = timeNs(netns.sim) + 300 * NS_PER_SEC;
  netns.fib.generation++;
}

/** Forgets all that was learnt (`ip route flush cache`, a route change). */
export function flushPathExceptions(netns: NetNamespace): void {
  netns.pathMtu.byTarget.clear();
  netns.fib.generation++;
}

function entryFor(netns: NetNamespace, target: Ipv4): PathException {
  const cache = netns.pathMtu.byTarget;
  const known = cache.get(target);
  if (known !== undefined) return known;
  if (cache.size >= ENTRIES_MAX) {
    for (const oldest of cache.keys()) {
      cache.delete(oldest);
      break;
    }
  }
  const entry = { target, mtuBytes: 0, isLocked: false, gateway: 0, expiresNs: 0 };
  cache.set(target, entry);
  return entry;
}
