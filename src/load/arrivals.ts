/** When requests come: a rate, at equal distances or as a Poisson process. */
import { nextUnit, type Prng } from '../base/prng.ts';

export interface Arrivals {
  readonly meanGapNs: number;
  readonly kind: 'poisson' | 'constant';
  readonly random: Prng;
  /** The exact time of the next arrival; fractions add up, so that the rate is right. */
  nextNs: number;
}

export function makeArrivals(
  kind: Arrivals['kind'],
  ratePerSec: number,
  startNs: number,
  random: Prng,
): Arrivals {
  const arrivals: Arrivals = { kind, meanGapNs: 1e9 / ratePerSec, random, nextNs: startNs };
  advance(arrivals);
  return arrivals;
}

/** Goes on to the next arrival. */
export function advance(arrivals: Arrivals): void {
  const { kind, meanGapNs, random } = arrivals;
  arrivals.nextNs += kind === 'constant' ? meanGapNs : -Math.log(1 - nextUnit(random)) * meanGapNs;
}
