/**
 * Which of a route's next hops a flow takes.
 * @source net/ipv4/fib_semantics.c fib_select_multipath(), fib_rebalance()
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import type { FibRoute, NextHop } from './fib-table.ts';

/**
 * The next hop for a flow between two addresses: each has a part of the hash space by its weight.
 * Unlike Linux, whose hash is seeded anew at each boot, the same flows take the same way in every run.
 * @param first the next hop that the lookup found, for routes that have only one.
 */
export function selectNextHop(
  route: FibRoute,
  first: NextHop,
  source: Ipv4,
  target: Ipv4,
  outDevice: Device | null,
): NextHop {
  const { nextHops } = route;
  if (nextHops.length <= 1 || outDevice !== null) return first;
  let total = 0;
  for (let i = 0; i < nextHops.length; i++) {
    const each = nextHops[i]!;
    if (isAlive(each)) total += each.weight;
  }
  if (total === 0) return first;
  let share = flowHash(source, target) % total;
  for (let i = 0; i < nextHops.length; i++) {
    const each = nextHops[i]!;
    if (!isAlive(each)) continue;
    share -= each.weight;
    if (share < 0) return each;
  }
  return first;
}

function isAlive(nextHop: NextHop): boolean {
  return !nextHop.isDead && nextHop.device !== null;
}

/** Layer 3 only (fib_multipath_hash_policy 0): addresses, not ports. */
function flowHash(source: Ipv4, target: Ipv4): number {
  let hash = Math.imul(source ^ 0x5bd1e995, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13) ^ target, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 1;
}
