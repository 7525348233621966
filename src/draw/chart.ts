/**
 * Charts as scenes: lines over a scale, and bars in groups. Series differ in colour, in dash or pattern of
 * their marks, and by name, so that colour is never alone.
 */
import {
  line as lineOf,
  scaleBand,
  scaleLinear,
  scaleLog,
  symbol,
  symbolCircle,
  symbolCross,
  symbolDiamond,
  symbolSquare,
  symbolStar,
  symbolTriangle,
  symbolTriangle2,
  symbolWye,
} from 'd3';
import type { Scene, Shape } from './scene.ts';
import { fitText, textWidth } from './text.ts';
import { THEME_OF, type Theme, type ThemeName } from './theme.ts';

export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  /** Ends of an interval of confidence. */
  readonly low?: number;
  readonly high?: number;
}

export interface ChartSeries {
  readonly name: string;
  readonly points: readonly ChartPoint[];
}

export interface LineChart {
  readonly kind: 'line';
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xScale: 'linear' | 'log';
  /** Without a value above 0 a scale is linear. */
  readonly yScale: 'linear' | 'log';
  readonly series: readonly ChartSeries[];
  /** Marks at the points: for few of them. */
  readonly hasMarks: boolean;
}

export interface BarGroup {
  readonly name: string;
  /** One value a series. */
  readonly values: readonly ChartPoint[];
}

export interface BarChart {
  readonly kind: 'bar';
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Names of the values of a group; one for a chart without a legend. */
  readonly series: readonly string[];
  readonly groups: readonly BarGroup[];
}

export type Chart = LineChart | BarChart;

/** Series that a chart tells apart; more are left out, and said to be. */
export const SERIES_MAX = 8;
/** Bars of a chart at most. */
export const BARS_MAX = 60;

const WIDTH = 760;
const HEIGHT = 400;
const LEFT = 78;
const RIGHT = 24;
const TOP = 46;
const BOTTOM = 58;
const LEGEND_ROW = 20;
const TICKS = 6;
const MARK_AREA = 48;

const MARKS = [
  symbolCircle,
  symbolSquare,
  symbolTriangle,
  symbolDiamond,
  symbolCross,
  symbolStar,
  symbolWye,
  symbolTriangle2,
];

/** The chart as a picture; `language` is that of its texts. */
export function drawChart(chart: Chart, themeName: ThemeName, language = 'en'): Scene {
  const theme = THEME_OF[themeName];
  const shapes: Shape[] = [];
  const names = chart.kind === 'line' ? chart.series.map(({ name }) => name) : chart.series;
  const legend = names.length > 1 ? legendOf(names.slice(0, SERIES_MAX), chart, theme) : NO_LEGEND;
  const top = TOP + legend.height;
  const box = { left: LEFT, right: WIDTH - RIGHT, top, bottom: top + HEIGHT - TOP - BOTTOM };
  shapes.push(words(chart.title, 16, 24, 15, theme.ink, 'start', 'bold'), ...legend.shapes);
  if (chart.kind === 'line') paintLines(chart, box, theme, shapes);
  else paintBars(chart, box, theme, shapes);
  shapes.push(
    words(chart.xLabel, (box.left + box.right) / 2, box.bottom + 42, 12, theme.muted, 'middle'),
  );
  shapes.push(words(chart.yLabel, 16, top - 12, 12, theme.muted, 'start'));
  return {
    left: 0,
    top: 0,
    width: WIDTH,
    height: box.bottom + BOTTOM,
    background: theme.background,
    title: chart.title,
    description: `${chart.yLabel} by ${chart.xLabel}: ${names.join(', ')}`,
    language,
    shapes,
  };
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Without a legend there is room for the name of the vertical axis. */
const NO_LEGEND = { shapes: [] as Shape[], height: 16 };

function words(
  text: string,
  x: number,
  y: number,
  size: number,
  fill: string,
  anchor: 'start' | 'middle' | 'end' = 'start',
  font: 'regular' | 'bold' = 'regular',
): Shape {
  const shown = fitText(text, WIDTH - 32, size, font);
  return { kind: 'text', x, y, text: shown, size, font, fill, anchor };
}

function legendOf(
  names: readonly string[],
  chart: Chart,
  theme: Theme,
): { shapes: Shape[]; height: number } {
  const shapes: Shape[] = [];
  let [x, y] = [16, 46];
  names.forEach((name, i) => {
    const text = fitText(name, 260, 12, 'regular');
    const width = 44 + textWidth(text, 12, 'regular');
    if (x + width > WIDTH - RIGHT && x > 16) [x, y] = [16, y + LEGEND_ROW];
    if (chart.kind === 'line') shapes.push(...sampleOf(i, x, y - 4, theme, chart.hasMarks));
    else shapes.push(...barOf({ x, y: y - 11, width: 22, height: 12 }, i, theme));
    shapes.push(words(text, x + 30, y, 12, theme.ink));
    x += width;
  });
  return { shapes, height: y - 46 + LEGEND_ROW + 14 };
}

function sampleOf(index: number, x: number, y: number, theme: Theme, hasMark: boolean): Shape[] {
  const { line, dash } = lookOf(theme, index);
  const stroke: Shape = {
    kind: 'path',
    data: `M${x} ${y}H${x + 24}`,
    stroke: line,
    strokeWidth: 2,
    dash,
  };
  return hasMark ? [stroke, markAt(index, x + 12, y, theme)] : [stroke];
}

function lookOf(theme: Theme, index: number): { line: string; fill: string; dash: string } {
  return theme.networks[index % theme.networks.length]!; // a palette is not empty
}

function markAt(index: number, x: number, y: number, theme: Theme): Shape {
  const data = symbol(MARKS[index % MARKS.length], MARK_AREA)();
  return { kind: 'path', data: shift(data ?? '', x, y), fill: lookOf(theme, index).line };
}

/** Moves the path of a mark: scenes have no transformations. Small letters are relative already. */
function shift(data: string, x: number, y: number): string {
  return data.replace(/([MLA])([^A-Za-z]*)/g, (_all, letter: string, list: string) => {
    const numbers = list
      .split(/[ ,]+/)
      .filter((text) => text !== '')
      .map(Number);
    const at = numbers.length - 2;
    const moved = numbers.map((n, i) => round(i === at ? n + x : i === at + 1 ? n + y : n));
    return `${letter}${moved.join(' ')}`;
  });
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function highest(points: readonly ChartPoint[]): number {
  return points.reduce((max, { y, high }) => Math.max(max, y, high ?? y), 0);
}

function paintLines(chart: LineChart, box: Box, theme: Theme, shapes: Shape[]): void {
  const series = chart.series.slice(0, SERIES_MAX);
  const points = series.flatMap((each) => each.points);
  const xs = points.map(({ x }) => x);
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  const isLog = chart.xScale === 'log' && first > 0 && last > first;
  const domain = first === last ? [first - 1, last + 1] : [first, last];
  const x = (isLog ? scaleLog() : scaleLinear()).domain(domain).range([box.left, box.right]);
  const y = yAxis(points, box, theme, shapes, chart.yScale === 'log');
  const ticks = chart.hasMarks && new Set(xs).size <= 10 ? [...new Set(xs)] : x.ticks(TICKS);
  for (const at of ticks) {
    shapes.push({ kind: 'path', data: `M${round(x(at))} ${box.bottom}v5`, stroke: theme.muted });
    shapes.push(words(shortNumber(at), x(at), box.bottom + 20, 11, theme.muted, 'middle'));
  }
  const path = lineOf<ChartPoint>(
    (point) => round(x(point.x)),
    (point) => round(y(point.y)),
  );
  series.forEach((each, i) => {
    const { line, dash } = lookOf(theme, i);
    const children: Shape[] = [];
    for (const { x: atX, low, high } of each.points) {
      if (low !== undefined && high !== undefined)
        children.push(whisker(x(atX), y(Math.max(0, low)), y(high), line));
    }
    const data = path([...each.points]) ?? '';
    children.push({
      kind: 'path',
      data,
      stroke: line,
      strokeWidth: chart.hasMarks ? 2 : 1.5,
      dash,
      isRound: true,
    });
    if (chart.hasMarks) {
      for (const point of each.points) children.push(markAt(i, x(point.x), y(point.y), theme));
    }
    shapes.push({ kind: 'group', id: '', className: 'series', title: each.name, children });
  });
}

function whisker(x: number, low: number, high: number, stroke: string): Shape {
  const [at, a, b] = [round(x), round(low), round(high)];
  return { kind: 'path', data: `M${at - 4} ${a}h8M${at} ${a}V${b}M${at - 4} ${b}h8`, stroke };
}

function paintBars(chart: BarChart, box: Box, theme: Theme, shapes: Shape[]): void {
  const groups = chart.groups.slice(0, BARS_MAX);
  const count = Math.min(SERIES_MAX, chart.series.length);
  const x = scaleBand(
    groups.map((_, i) => String(i)),
    [box.left, box.right],
  ).padding(0.2);
  const inner = scaleBand(
    Array.from({ length: count }, (_, i) => String(i)),
    [0, x.bandwidth()],
  ).padding(count > 1 ? 0.1 : 0);
  const points = groups.flatMap(({ values }) => values);
  const y = yAxis(points, box, theme, shapes, false);
  const step = Math.ceil((groups.length * 46) / (box.right - box.left));
  groups.forEach(({ name, values }, at) => {
    const left = x(String(at)) ?? 0;
    const children: Shape[] = [];
    values.slice(0, count).forEach((point, i) => {
      const [from, to] = [left + (inner(String(i)) ?? 0), y(point.y)];
      const place = { x: from, y: to, width: inner.bandwidth(), height: box.bottom - to };
      children.push(...barOf(place, i, theme));
      const { low, high } = point;
      if (low === undefined || high === undefined) return;
      children.push(whisker(from + inner.bandwidth() / 2, y(Math.max(0, low)), y(high), theme.ink));
    });
    shapes.push({ kind: 'group', id: '', className: 'bars', title: name, children });
    if (at % step !== 0) return;
    const text = fitText(name, x.step() * step - 4, 11, 'regular');
    shapes.push(words(text, left + x.bandwidth() / 2, box.bottom + 20, 11, theme.muted, 'middle'));
  });
}

/** A bar with its series' pattern: lines across it, more of them for later series. */
function barOf(
  { x, y, width, height }: { x: number; y: number; width: number; height: number },
  index: number,
  theme: Theme,
): Shape[] {
  const { line, fill } = lookOf(theme, index);
  const isSolid = index % 2 === 0;
  const bar: Shape = {
    kind: 'rect',
    x: round(x),
    y: round(y),
    width: round(width),
    height: round(Math.max(0, height)),
    fill: isSolid ? line : fill,
    stroke: line,
  };
  const gap = [0, 0, 9, 6, 5, 4, 13, 11][index % 8]!; // eight patterns
  if (gap === 0 || height < gap) return [bar];
  let data = '';
  for (let at = y + gap; at < y + height - 1; at += gap) {
    data += `M${round(x)} ${round(at)}h${round(width)}`;
  }
  return [bar, { kind: 'path', data, stroke: isSolid ? theme.background : line }];
}

function yAxis(
  points: readonly ChartPoint[],
  box: Box,
  theme: Theme,
  shapes: Shape[],
  wantsLog: boolean,
): (value: number) => number {
  const max = highest(points);
  const min = Math.min(...points.map(({ y }) => y));
  const isLog = wantsLog && min > 0 && max > min;
  const y = isLog
    ? scaleLog().domain([min, max]).nice()
    : scaleLinear()
        .domain([0, max === 0 ? 1 : max])
        .nice(TICKS);
  y.range([box.bottom, box.top]);
  const [lowest = 0] = y.domain();
  const isLong = isLog && max / min > 1000;
  const marked = isLong ? /^1/ : /^[125]/;
  const ticks = y.ticks(TICKS).filter((at) => !isLog || marked.test(at.toExponential()));
  for (const at of ticks) {
    const line = `M${box.left} ${round(y(at))}H${box.right}`;
    shapes.push({ kind: 'path', data: line, stroke: at === lowest ? theme.muted : theme.faint });
    shapes.push(words(shortNumber(at), box.left - 8, y(at) + 4, 11, theme.muted, 'end'));
  }
  if (max === 0) {
    const [x, middle] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    shapes.push(words('none', x, middle, 14, theme.muted, 'middle'));
  }
  return (value) => y(Math.max(value, lowest));
}

/** 1500 as 1.5k: at most four digits and a letter. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  const [scale, unit] =
    size >= 1e9 ? [1e9, 'G'] : size >= 1e6 ? [1e6, 'M'] : size >= 1e4 ? [1e3, 'k'] : [1, ''];
  return `${Number((value / scale).toPrecision(4))}${unit}`;
}

/** The numbers of a chart, as its table and its CSV show them: the first row names the columns. */
export function chartRows(chart: Chart): string[][] {
  if (chart.kind === 'bar') {
    const rows = chart.groups.map(({ name, values }) => [name, ...values.map(({ y }) => exact(y))]);
    return [[chart.xLabel, ...chart.series], ...rows];
  }
  const xs = [...new Set(chart.series.flatMap(({ points }) => points.map(({ x }) => x)))];
  xs.sort((a, b) => a - b);
  const columns = chart.series.map(({ points }) => new Map(points.map(({ x, y }) => [x, y])));
  const rows = xs.map((x) => [
    exact(x),
    ...columns.map((column) => {
      const y = column.get(x);
      return y === undefined ? '' : exact(y);
    }),
  ]);
  return [[chart.xLabel, ...chart.series.map(({ name }) => name)], ...rows];
}

function exact(value: number): string {
  return String(Number(value.toPrecision(6)));
}
