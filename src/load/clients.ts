/** What all kinds of clients share. */

import type { SwarmUnderLoad } from './build-swarm.ts';
import type { Exchange } from './exchange.ts';
import type { LoadSpec } from './load-spec.ts';
import type { LoadRecord } from './record.ts';

export interface Clients {
  readonly spec: LoadSpec;
  readonly swarm: SwarmUnderLoad;
  readonly exchange: Exchange;
  readonly record: LoadRecord;
  /** Requests begin and end here; warm-up included. */
  readonly startNs: number;
  readonly endNs: number;
}

/** Requests of one run at most: their times are kept until they are answered. */
export const REQUESTS_MAX = 4_000_000;

export const NO_ANSWER = 'no answer';
