/**
 * Schedulers: which destination takes a new connection.
 * A destination of weight 0, or one with more connections than its upper threshold, takes none.
 *
 * Unlike Linux, lblc, lblcr, mh and twos are not known.
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { DESTINATION_HASH, SOURCE_HASH } from './schedule-hash.ts';
import {
  FAILOVER,
  LEAST_CONNECTION,
  NEVER_QUEUE,
  OVERFLOW,
  SHORTEST_DELAY,
  WEIGHTED_LEAST_CONNECTION,
} from './schedule-least.ts';
import { ROUND_ROBIN, WEIGHTED_ROUND_ROBIN } from './schedule-turns.ts';
import type { IpvsDestination, IpvsService } from './service.ts';

export interface IpvsScheduler {
  readonly name: string;
  /** The destination of a new connection, null if none may take it. */
  choose(service: IpvsService, source: Ipv4, target: Ipv4): IpvsDestination | null;
  /** A destination was put in `destinations` at `place`. */
  added(service: IpvsService, place: number): void;
  /** The destination that was at `place` has been taken out. */
  removed(service: IpvsService, place: number): void;
  /** Weights changed, or the service has just got this scheduler. */
  changed(service: IpvsService): void;
}

const SCHEDULERS: readonly IpvsScheduler[] = [
  ROUND_ROBIN,
  WEIGHTED_ROUND_ROBIN,
  LEAST_CONNECTION,
  WEIGHTED_LEAST_CONNECTION,
  SHORTEST_DELAY,
  NEVER_QUEUE,
  SOURCE_HASH,
  DESTINATION_HASH,
  FAILOVER,
  OVERFLOW,
];

/** The scheduler of this name (`rr`, `wlc`, ...), null if there is none. */
export function findScheduler(name: string): IpvsScheduler | null {
  return SCHEDULERS.find((scheduler) => scheduler.name === name) ?? null;
}
