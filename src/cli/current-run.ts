/** What reproduces a bug: seed and virtual time of the latest run. */
import type { Simulator } from '../engine/simulator.ts';

let latest: Simulator | null = null;

/** A session began. */
export function noteRun(sim: Simulator): void {
  latest = sim;
}

/** The latest run's simulator, null if nothing has run yet. */
export function currentSimulator(): Simulator | null {
  return latest;
}

/** Null if nothing has run yet. */
export function currentRun(): { seed: number; timeNs: number } | null {
  if (latest === null) return null;
  return { seed: latest.seed, timeNs: latest.nowNs + latest.workNs };
}
