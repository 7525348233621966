/** What `bench mesh` prints: one run in full, several as a table. */
import type { LoadResult } from '../load/run-load.ts';
import type { LoadPoint, Measure } from '../load/series.ts';
import { threeDigits, timeText } from './bench-values.ts';

const REPLICAS_SHOWN = 12;
const HOSTS_SHOWN = 12;
const DROPS_SHOWN = 6;

/** One load in full, by its first seed; means over the seeds if there are several. */
export function fullReport({ spec, results, estimates }: LoadPoint): string {
  const [result] = results;
  if (result === undefined) return '';
  const load =
    spec.loop === 'open'
      ? `${countText(spec.ratePerSec)}/s ${spec.arrivals}`
      : `${spec.clients} clients, closed loop`;
  const several = (measure: Measure, write: (value: number) => string): string => {
    const { mean, halfWidth } = estimates[measure];
    return halfWidth === null ? write(mean) : `${write(mean)} +- ${write(halfWidth)}`;
  };
  const lines = [
    `${spec.variant}: ${spec.nodes} nodes, ${result.replicas.length} replicas, ${spec.protocol}, ${load}, ` +
      `${timeText(spec.durationNs)} after ${timeText(spec.warmupNs)} of warm-up`,
    '',
    `throughput  ${several('answeredPerSec', countText)} answers/s of ${countText(result.offeredPerSec)} requests/s`,
    `latency     p50 ${several('p50Ns', timeText)}  p90 ${several('p90Ns', timeText)}  p99 ${several('p99Ns', timeText)}`,
    `            p99.9 ${several('p999Ns', timeText)}  max ${several('maxNs', timeText)}  mean ${several('meanNs', timeText)}`,
    `lost        ${several('lossRate', percent)}${lossText(result)}`,
    ...dropLines(result),
    '',
    ...shareLines(result),
    '',
    ...hostLines(result),
    '',
    `seed ${spec.seed}${results.length > 1 ? ` to ${spec.seed + results.length - 1}, means with 95 % confidence; replicas and hosts of the first` : ''}, hash ${results.map(({ hash }) => hash).join(' ')}`,
  ];
  return `${lines.join('\n')}\n`;
}

function lossText({ losses }: LoadResult): string {
  return losses.length === 0
    ? ''
    : `: ${losses.map(({ name, count }) => `${name} ${count}`).join(', ')}`;
}

function dropLines({ drops }: LoadResult): string[] {
  if (drops.length === 0) return [];
  const shown = drops.slice(0, DROPS_SHOWN).map(({ name, count }) => `${name} ${count}`);
  const rest = drops.length > DROPS_SHOWN ? ` and ${drops.length - DROPS_SHOWN} more` : '';
  return [`drops       ${shown.join(', ')}${rest}`];
}

function shareLines({ replicas }: LoadResult): string[] {
  const rows = replicas
    .slice(0, REPLICAS_SHOWN)
    .map(({ name, node, answers, share }) => [name, node, String(answers), percent(share)]);
  const rest = replicas.length - rows.length;
  const lines = table([['REPLICA', 'NODE', 'ANSWERS', 'SHARE'], ...rows]);
  return rest > 0 ? [...lines, `... and ${rest} more (--csv, --json)`] : lines;
}

function hostLines({ hosts }: LoadResult): string[] {
  const head = ['HOST', 'CPU', 'CPU QUEUE', 'SENT', 'RECEIVED', 'LINK QUEUES'];
  const rows = hosts
    .slice(0, HOSTS_SHOWN)
    .map((host) => [
      host.name,
      percent(host.cpuShare),
      `<= ${timeText(host.cpuBehindMaxNs)}`,
      percent(host.sendShare),
      percent(host.receiveShare),
      `<= ${host.sendQueueMaxFrames} out, ${host.receiveQueueMaxFrames} in`,
    ]);
  const rest = hosts.length - rows.length;
  const lines = table([head, ...rows]);
  return rest > 0 ? [...lines, `... and ${rest} more`] : lines;
}

/** Several loads, one line each. */
export function comparison(points: readonly LoadPoint[], swept: readonly Swept[]): string {
  const hasSeeds = points.some(({ results }) => results.length > 1);
  const head = ['VARIANT', ...swept.map(({ name }) => name.toUpperCase()), 'ANSWERS/S'];
  const rows = points.map((point) => {
    const { spec, results, estimates } = point;
    return [
      spec.variant,
      ...swept.map(({ numberOf }) => countText(numberOf(point))),
      withInterval(estimates.answeredPerSec, countText),
      withInterval(estimates.p50Ns, timeText),
      withInterval(estimates.p99Ns, timeText),
      timeText(estimates.p999Ns.mean),
      timeText(estimates.maxNs.mean),
      percent(estimates.lossRate.mean),
      percent(estimates.cpuShare.mean),
      results[0]!.hash.slice(0, 8),
    ];
  });
  const lines = table([
    [...head, 'P50', 'P99', 'P99.9', 'MAX', 'LOST', 'BUSIEST CPU', 'HASH'],
    ...rows,
  ]);
  if (hasSeeds) lines.push('means over the seeds; +- is half of the 95 % confidence interval');
  return `${lines.join('\n')}\n`;
}

/** A number that changes from run to run. */
export interface Swept {
  readonly name: string;
  readonly numberOf: (point: LoadPoint) => number;
}

function withInterval(
  { mean, halfWidth }: { mean: number; halfWidth: number | null },
  write: (value: number) => string,
): string {
  return halfWidth === null ? write(mean) : `${write(mean)} +- ${write(halfWidth)}`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((text, i) => text.padEnd(widths[i]!))
      .join('   ')
      .trimEnd(),
  );
}

function percent(share: number): string {
  return `${threeDigits(share * 100)} %`;
}

/** 19,800 */
export function countText(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
