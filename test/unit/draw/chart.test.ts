// Charts: the shapes stand where the numbers say, in every theme, and the page is whole and safe.
import { describe, expect, test } from 'vitest';
import {
  type BarChart,
  type Chart,
  chartRows,
  drawChart,
  type LineChart,
  shortNumber,
} from '../../../src/draw/chart.ts';
import { csvOf, writeChartPage } from '../../../src/draw/chart-page.ts';
import { plotChart } from '../../../src/draw/chart-terminal.ts';
import type { Shape } from '../../../src/draw/scene.ts';
import { writeSvg } from '../../../src/draw/svg.ts';
import { THEMES } from '../../../src/draw/theme.ts';

const LINES: LineChart = {
  kind: 'line',
  title: 'Throughput by rate',
  xLabel: 'requests per second',
  yLabel: 'answers per second',
  xScale: 'linear',
  yScale: 'linear',
  series: [
    {
      name: 'ingress',
      points: [
        { x: 10_000, y: 9900, low: 9700, high: 10_100 },
        { x: 20_000, y: 15_000 },
      ],
    },
    {
      name: 'host <b>',
      points: [
        { x: 10_000, y: 10_000 },
        { x: 20_000, y: 20_000 },
      ],
    },
  ],
  hasMarks: true,
};

const BARS: BarChart = {
  kind: 'bar',
  title: 'Latency',
  xLabel: 'variant',
  yLabel: 'milliseconds',
  series: ['p50', 'p99'],
  groups: [
    {
      name: 'ingress',
      values: [
        { x: 0, y: 2, low: 1.5, high: 2.5 },
        { x: 0, y: 4 },
      ],
    },
    {
      name: 'host',
      values: [
        { x: 0, y: 1 },
        { x: 0, y: 2 },
      ],
    },
  ],
};

const OVER_TIME: LineChart = {
  ...LINES,
  title: 'CPU over time',
  xLabel: 'milliseconds',
  yLabel: 'percent',
  series: ['node1', 'node2'].map((name, i) => ({
    name,
    points: Array.from({ length: 40 }, (_, x) => ({ x, y: 50 + 40 * Math.sin(x / 5 + i) })),
  })),
  hasMarks: false,
};

const LOGARITHMIC: LineChart = {
  ...LINES,
  title: 'Median latency by rate',
  yLabel: 'milliseconds',
  xScale: 'log',
  yScale: 'log',
  series: [{ name: 'ingress', points: [1, 10, 100, 1000].map((x) => ({ x, y: x / 10 })) }],
};

const KINDS: Readonly<Record<string, Chart>> = {
  lines: LINES,
  bars: BARS,
  'over-time': OVER_TIME,
  logarithmic: LOGARITHMIC,
};

const flat = (shapes: readonly Shape[]): Shape[] =>
  shapes.flatMap((shape) => (shape.kind === 'group' ? flat(shape.children) : [shape]));

describe.each(Object.entries(KINDS))('%s', (name, chart) => {
  test('is as it was', async () => {
    const svg = writeSvg(drawChart(chart, 'light'));
    await expect(svg).toMatchFileSnapshot(`../../golden/chart/${name}.svg`);
    await expect(plotChart(chart)).toMatchFileSnapshot(`../../golden/chart/${name}.txt`);
  });

  test.each(THEMES)('stays within its picture: %s', (theme) => {
    const scene = drawChart(chart, theme);
    const svg = writeSvg(scene);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    for (const shape of flat(scene.shapes)) {
      if (shape.kind !== 'text' && shape.kind !== 'rect') continue;
      expect(shape.x).toBeGreaterThanOrEqual(0);
      expect(shape.x).toBeLessThanOrEqual(scene.width);
      expect(shape.y).toBeGreaterThanOrEqual(0);
      expect(shape.y).toBeLessThanOrEqual(scene.height);
    }
  });
});

test('bars are as high as their numbers', () => {
  const bars = flat(drawChart(BARS, 'light').shapes).filter((shape) => shape.kind === 'rect');
  const heights = bars.slice(-4).map((bar) => (bar.kind === 'rect' ? bar.height : 0));
  const [one] = [heights[2]!];
  expect(heights.map((height) => Math.round((height / one) * 10) / 10)).toEqual([2, 4, 1, 2]);
});

test('series are told apart without colour', () => {
  const paths = flat(drawChart(LINES, 'print').shapes).filter((shape) => shape.kind === 'path');
  const dashes = paths.flatMap((path) =>
    path.kind === 'path' && path.strokeWidth === 2 ? [path.dash ?? ''] : [],
  );
  expect(new Set(dashes).size).toBe(2);
});

test('a chart of zeros says that there is none', () => {
  const none: BarChart = {
    ...BARS,
    groups: [
      {
        name: 'host',
        values: [
          { x: 0, y: 0 },
          { x: 0, y: 0 },
        ],
      },
    ],
  };
  expect(writeSvg(drawChart(none, 'light'))).toContain('>none<');
});

test('numbers are short', () => {
  expect([0, 0.25, 999, 9999, 12_345, 2.5e6, 1e9].map(shortNumber)).toEqual([
    '0',
    '0.25',
    '999',
    '9999',
    '12.35k',
    '2.5M',
    '1G',
  ]);
});

test('the numbers of a chart stand in its table', () => {
  expect(chartRows(LINES)).toEqual([
    ['requests per second', 'ingress', 'host <b>'],
    ['10000', '9900', '10000'],
    ['20000', '15000', '20000'],
  ]);
  expect(chartRows(BARS)[1]).toEqual(['ingress', '2', '4']);
});

test('the page is whole: charts in each theme, tables, nothing from elsewhere, no markup from names', () => {
  const html = writeChartPage({
    title: 'A <script>alert(1)</script>',
    notes: ['a & b'],
    charts: [LINES, BARS],
    rows: [['a'], ['<img src=x>']],
    csvName: 'x "y".csv',
  });
  expect(html.match(/<svg /g)).toHaveLength(6);
  expect(html.match(/<table>/g)).toHaveLength(3);
  expect(html).not.toContain('<script');
  expect(html).not.toContain('<img');
  expect(html).not.toContain('<b>');
  expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  expect(html).toContain('href="x%20%22y%22.csv"');
  const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test('CSV quotes what needs it, and spreadsheets get no formulas', () => {
  expect(
    csvOf([
      ['a', 'b,c'],
      ['say "x"', '=1+1'],
      ['-5', '-x'],
    ]),
  ).toBe('a,"b,c"\r\n"say ""x""",\'=1+1\r\n-5,\'-x\r\n');
});
