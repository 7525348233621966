/** Runs that belong together: one load with several seeds, and what they come to. */
import type { LoadSpec } from './load-spec.ts';
import type { LoadResult } from './run-load.ts';
import { type Estimate, estimate } from './statistics.ts';

/** What is estimated over seeds, by name. */
export const MEASURES = {
  answeredPerSec: (result: LoadResult) => result.answeredPerSec,
  lossRate: (result: LoadResult) => result.lossRate,
  meanNs: (result: LoadResult) => result.latency.meanNs,
  p50Ns: (result: LoadResult) => result.latency.p50Ns,
  p90Ns: (result: LoadResult) => result.latency.p90Ns,
  p99Ns: (result: LoadResult) => result.latency.p99Ns,
  p999Ns: (result: LoadResult) => result.latency.p999Ns,
  maxNs: (result: LoadResult) => result.latency.maxNs,
  cpuShare: (result: LoadResult) => busiest(result),
} as const;
export type Measure = keyof typeof MEASURES;

/** One load, run with one or more seeds. */
export interface LoadPoint {
  readonly spec: LoadSpec;
  readonly results: readonly LoadResult[];
  readonly estimates: Readonly<Record<Measure, Estimate>>;
}

export function makePoint(spec: LoadSpec, results: readonly LoadResult[]): LoadPoint {
  const names = Object.keys(MEASURES) as Measure[]; // its own keys
  const entries = names.map((name) => [name, estimate(results.map(MEASURES[name]))] as const);
  return { spec, results, estimates: Object.fromEntries(entries) as LoadPoint['estimates'] };
}

/** The share of the busiest host's CPU. */
export function busiest({ hosts }: LoadResult): number {
  return hosts.reduce((max, { cpuShare }) => Math.max(max, cpuShare), 0);
}

/** The columns of a table with a line a run, and its lines. */
export function resultRows(points: readonly LoadPoint[]): string[][] {
  const head = [
    ...['variant', 'nodes', 'replicas', 'protocol', 'loop', 'arrivals', 'rate_per_s', 'clients'],
    ...['flows', 'keep_alive', 'request_bytes', 'reply_bytes', 'service_ns', 'costs', 'seed'],
    ...['offered', 'answered', 'answered_per_s', 'loss_rate', 'mean_ns', 'p50_ns', 'p90_ns'],
    ...['p99_ns', 'p999_ns', 'max_ns', 'busiest_cpu_share', 'packets_dropped', 'hash'],
  ];
  return [head, ...points.flatMap(({ results }) => results.map(rowOf))];
}

function rowOf(result: LoadResult): string[] {
  const { spec, latency } = result;
  const isOpen = spec.loop === 'open';
  return [
    spec.variant,
    ...[spec.nodes, result.replicas.length].map(String),
    spec.protocol,
    spec.loop,
    isOpen ? spec.arrivals : '',
    isOpen ? String(spec.ratePerSec) : '',
    isOpen ? '' : String(spec.clients),
    isOpen ? String(spec.flows) : '',
    String(spec.isKeptAlive),
    ...[spec.requestBytes, spec.replyBytes, spec.serviceNs].map(String),
    spec.cost,
    ...[spec.seed, result.offered, result.answered].map(String),
    result.answeredPerSec.toFixed(1),
    result.lossRate.toFixed(6),
    ...[
      latency.meanNs,
      latency.p50Ns,
      latency.p90Ns,
      latency.p99Ns,
      latency.p999Ns,
      latency.maxNs,
    ].map((ns) => String(Math.round(ns))),
    busiest(result).toFixed(4),
    String(result.drops.reduce((sum, { count }) => sum + count, 0)),
    result.hash,
  ];
}
