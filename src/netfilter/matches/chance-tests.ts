/**
 * Matches that keep a state of their own: statistic and limit.
 * @source net/netfilter/xt_statistic.c; net/netfilter/nft_limit.c (iptables-nft makes -m limit of it)
 */

import { nextInt32, type Prng } from '../../base/prng.ts';
import type { Packet } from '../../engine/packet.ts';
import { streamOf, timeNs } from '../../engine/simulator.ts';
import type { Walk } from '../rule.ts';

export interface RandomTest {
  /** 0..2^31: of so many of 2^31 draws. */
  readonly threshold: number;
  readonly isInverted: boolean;
  /** Found at the first packet. */
  stream: Prng | null;
}

export interface NthTest {
  /** Every so many packets, 1 or more. */
  readonly every: number;
  readonly isInverted: boolean;
  /** Packets since the last one that matched. */
  count: number;
}

export interface LimitTest {
  /** Virtual time that one packet costs. */
  readonly costNs: number;
  readonly burstNs: number;
  creditNs: number;
  /** -1 before the first packet. */
  lastNs: number;
}

export function testRandom(walk: Walk, _packet: Packet, info: RandomTest): boolean {
  if (info.stream === null) info.stream = streamOf(walk.sim, 'netfilter/statistic');
  return (nextInt32(info.stream) & 0x7fffffff) < info.threshold !== info.isInverted;
}

export function testNth(_walk: Walk, _packet: Packet, info: NthTest): boolean {
  info.count = info.count === info.every - 1 ? 0 : info.count + 1;
  return (info.count === 0) !== info.isInverted;
}

export function testLimit(walk: Walk, _packet: Packet, info: LimitTest): boolean {
  const now = timeNs(walk.sim);
  const elapsed = info.lastNs < 0 ? 0 : now - info.lastNs;
  info.lastNs = now;
  const credit = info.creditNs + elapsed;
  info.creditNs = credit < info.burstNs ? credit : info.burstNs;
  if (info.creditNs < info.costNs) return false;
  info.creditNs -= info.costNs;
  return true;
}
