/** Which charts tell what a series of runs came to. */

import type { LoadResult } from '../load/run-load.ts';
import type { LoadPoint, Measure } from '../load/series.ts';
import {
  BARS_MAX,
  type BarChart,
  type Chart,
  type ChartPoint,
  type LineChart,
  SERIES_MAX,
} from './chart.ts';

/** A number that changes from run to run: its name, and its value in a run. */
export interface Axis {
  readonly name: string;
  /** What it counts: `requests per second`. */
  readonly label: string;
  readonly numberOf: (point: LoadPoint) => number;
}

interface Quantity {
  readonly title: string;
  readonly label: string;
  readonly scale: number;
}

const QUANTITIES: Partial<Record<Measure, Quantity>> = {
  answeredPerSec: { title: 'Throughput', label: 'answers per second', scale: 1 },
  p50Ns: { title: 'Median latency', label: 'milliseconds', scale: 1e-6 },
  p99Ns: { title: 'Latency, 99th percentile', label: 'milliseconds', scale: 1e-6 },
  lossRate: { title: 'Requests without an answer', label: 'percent', scale: 100 },
  cpuShare: { title: 'CPU of the busiest host', label: 'percent', scale: 100 },
};

/** @param axes what was swept, the horizontal axis first; empty: variants side by side. */
export function loadCharts(points: readonly LoadPoint[], axes: readonly Axis[]): Chart[] {
  if (points.length === 0) return [];
  const [axis, ...others] = axes;
  const curves =
    axis === undefined
      ? comparisons(points)
      : quantities().map((name) => curveOf(points, name, axis, others));
  return [...curves, ...sharesOf(points, axes), ...overTime(points)];
}

function quantities(): Measure[] {
  return Object.keys(QUANTITIES) as Measure[]; // its own keys
}

function quantityOf(point: LoadPoint, name: Measure, x: number): ChartPoint {
  const { scale } = QUANTITIES[name]!; // callers take names from quantities()
  const { mean, halfWidth } = point.estimates[name];
  const y = mean * scale;
  if (halfWidth === null) return { x, y };
  return { x, y, low: y - halfWidth * scale, high: y + halfWidth * scale };
}

function curveOf(
  points: readonly LoadPoint[],
  name: Measure,
  axis: Axis,
  others: readonly Axis[],
): LineChart {
  const series = new Map<string, ChartPoint[]>();
  for (const point of points) {
    const key = [
      point.spec.variant,
      ...others.map((other) => `${other.name} ${other.numberOf(point)}`),
    ].join(', ');
    const list = series.get(key) ?? [];
    list.push(quantityOf(point, name, axis.numberOf(point)));
    series.set(key, list);
  }
  const { title, label } = QUANTITIES[name]!;
  const xs = points.map(axis.numberOf);
  const isWide = Math.min(...xs) > 0 && Math.max(...xs) / Math.min(...xs) >= 20;
  return {
    kind: 'line',
    title: `${title} by ${axis.name}`,
    xLabel: axis.label,
    yLabel: label,
    xScale: isWide ? 'log' : 'linear',
    yScale: label === 'milliseconds' && spread(series) > 30 ? 'log' : 'linear',
    series: [...series].map(([key, list]) => ({
      name: key,
      points: list.sort((a, b) => a.x - b.x),
    })),
    hasMarks: true,
  };
}

/** The largest value over the smallest. */
function spread(series: ReadonlyMap<string, readonly ChartPoint[]>): number {
  const values = [...series.values()].flatMap((list) => list.map(({ y }) => y));
  return Math.max(...values) / Math.min(...values);
}

function comparisons(points: readonly LoadPoint[]): BarChart[] {
  const bars = (title: string, label: string, series: readonly [string, Measure][]): BarChart => ({
    kind: 'bar',
    title,
    xLabel: 'variant',
    yLabel: label,
    series: series.map(([name]) => name),
    groups: points.map((point) => ({
      name: point.spec.variant,
      values: series.map(([, measure]) => {
        const { scale } = QUANTITIES[measure] ?? { scale: 1e-6 };
        const { mean, halfWidth } = point.estimates[measure];
        const y = mean * scale;
        if (halfWidth === null) return { x: 0, y };
        return { x: 0, y, low: y - halfWidth * scale, high: y + halfWidth * scale };
      }),
    })),
  });
  return [
    bars('Throughput', 'answers per second', [['answered', 'answeredPerSec']]),
    bars('Latency', 'milliseconds', [
      ['p50', 'p50Ns'],
      ['p90', 'p90Ns'],
      ['p99', 'p99Ns'],
      ['p99.9', 'p999Ns'],
    ]),
    bars('Requests without an answer', 'percent', [['lost', 'lossRate']]),
    bars('CPU of the busiest host', 'percent of one core', [['CPU', 'cpuShare']]),
  ];
}

/** The last run of each variant: who answered. */
function sharesOf(points: readonly LoadPoint[], axes: readonly Axis[]): BarChart[] {
  const last = new Map(points.map((point) => [point.spec.variant, point]));
  return [...last.values()].slice(0, 5).flatMap((point) => {
    const [result] = point.results;
    if (result === undefined || result.replicas.length === 0) return [];
    return [
      {
        kind: 'bar' as const,
        title: `Answers by replica: ${nameOf(point, axes)}`,
        xLabel: more('replica', result.replicas.length, BARS_MAX),
        yLabel: 'percent of the answers',
        series: ['answers'],
        groups: result.replicas.map(({ name, node, share }) => ({
          name: `${name} ${node}`,
          values: [{ x: 0, y: share * 100 }],
        })),
      },
    ];
  });
}

function overTime(points: readonly LoadPoint[]): LineChart[] {
  const last = new Map(points.map((point) => [point.spec.variant, point]));
  return [...last.values()].slice(0, 5).flatMap((point) => {
    const [result] = point.results;
    if (result === undefined || result.samples.length === 0) return [];
    const { variant } = point.spec;
    return [
      timeChart(
        result,
        `CPU over time: ${variant}`,
        'percent of one core',
        (at, host) => at.cpuShare[host]! * 100,
      ),
      timeChart(
        result,
        `Work that waits for the CPU: ${variant}`,
        'milliseconds',
        (at, host) => at.cpuBehindNs[host]! / 1e6,
      ),
      timeChart(
        result,
        `Frames that wait for the link: ${variant}`,
        'frames, both directions',
        (at, host) => at.sendQueueFrames[host]! + at.receiveQueueFrames[host]!,
      ),
    ];
  });
}

function timeChart(
  result: LoadResult,
  title: string,
  yLabel: string,
  read: (sample: LoadResult['samples'][number], host: number) => number,
): LineChart {
  return {
    kind: 'line',
    title,
    xLabel: more('milliseconds since the warm-up', result.hosts.length, SERIES_MAX),
    yLabel,
    xScale: 'linear',
    yScale: 'linear',
    series: result.hosts.slice(0, SERIES_MAX).map(({ name }, host) => ({
      name,
      points: result.samples.map((sample) => ({ x: sample.atNs / 1e6, y: read(sample, host) })),
    })),
    hasMarks: false,
  };
}

function nameOf(point: LoadPoint, axes: readonly Axis[]): string {
  return [point.spec.variant, ...axes.map((axis) => `${axis.name} ${axis.numberOf(point)}`)].join(
    ', ',
  );
}

function more(label: string, count: number, shown: number): string {
  return count > shown ? `${label} (the first ${shown} of ${count})` : label;
}
