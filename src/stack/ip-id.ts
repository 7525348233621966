/**
 * The identification field of IPv4 packets that have no socket counter: counters hashed by source,
 * target and protocol, each jumping ahead by a random part of the ticks since its last use.
 * @source net/ipv4/route.c __ip_select_ident(), ip_idents_reserve()
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import { nextBelow, nextInt32, type Prng } from '../base/prng.ts';
import { type Simulator, streamOf, timeNs } from '../engine/simulator.ts';
import type { NetNamespace } from './namespace.ts';

const BUCKETS = 2048;
/** HZ = 250. */
const TICK_NS = 4_000_000;

export interface IpIds {
  readonly key: number;
  readonly counters: Int32Array;
  readonly lastTicks: Float64Array;
  readonly random: Prng;
}

const idsOfRuns = new WeakMap<Simulator, IpIds>();

/** The counters of a run, one table for all namespaces; start and hash key come from the seed. */
export function ipIdsOf(sim: Simulator): IpIds {
  const known = idsOfRuns.get(sim);
  if (known !== undefined) return known;
  const stream = streamOf(sim, 'stack/ip-id');
  const counters = new Int32Array(BUCKETS);
  for (let i = 0; i < BUCKETS; i++) counters[i] = nextInt32(stream) & 0xffff;
  const key = nextInt32(stream);
  const ids = { key, counters, lastTicks: new Float64Array(BUCKETS), random: stream };
  idsOfRuns.set(sim, ids);
  return ids;
}

/** The next identification (0..65535) for a packet of this source, target and protocol. */
export function nextIpId(
  sim: Simulator,
  netns: NetNamespace,
  source: Ipv4,
  target: Ipv4,
  protocol: number,
): number {
  const { key, counters, lastTicks, random } = netns.ipIds;
  let hash =
    Math.imul(source ^ key, 0x9e3779b1) ^
    Math.imul(target ^ protocol ^ (netns.id << 8), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  const bucket = (hash ^ (hash >>> 13)) & (BUCKETS - 1);
  const tick = Math.floor(timeNs(sim) / TICK_NS);
  const elapsed = tick - lastTicks[bucket]!;
  let step = 1;
  if (elapsed > 0) {
    lastTicks[bucket] = tick;
    step += nextBelow(random, Math.min(elapsed, 65535));
  }
  const id = (counters[bucket]! + step) & 0xffff;
  counters[bucket] = id;
  return id;
}
