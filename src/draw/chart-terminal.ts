/** Charts in text: bars for groups, and dots of a letter a series for lines. */
import type { BarChart, Chart, LineChart } from './chart.ts';
import { shortNumber } from './chart.ts';

const BAR_COLUMNS = 44;
const PLOT_COLUMNS = 64;
const PLOT_ROWS = 14;
const NAME_COLUMNS = 22;
const LETTERS = '*o+x#@%&';
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

export function plotChart(chart: Chart): string {
  const lines = chart.kind === 'bar' ? plotBars(chart) : plotLines(chart);
  return `${[chart.title, ...lines].join('\n')}\n`;
}

function plotBars(chart: BarChart): string[] {
  const max = Math.max(...chart.groups.flatMap(({ values }) => values.map(({ y }) => y)), 0);
  const rows: string[] = [`  ${chart.yLabel}`];
  for (const { name, values } of chart.groups) {
    values.forEach(({ y }, i) => {
      const label = chart.series.length > 1 ? `${name} ${chart.series[i] ?? ''}` : name;
      rows.push(`  ${cut(label)} ${barText(max === 0 ? 0 : y / max)} ${shortNumber(rounded(y))}`);
    });
  }
  return rows;
}

function barText(share: number): string {
  const eighths = Math.round(share * BAR_COLUMNS * 8);
  return `${'█'.repeat(Math.floor(eighths / 8))}${EIGHTHS[eighths % 8]}`;
}

function cut(text: string): string {
  const letters = [...text];
  return (
    letters.length > NAME_COLUMNS ? `${letters.slice(0, NAME_COLUMNS - 1).join('')}…` : text
  ).padEnd(NAME_COLUMNS);
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function plotLines(chart: LineChart): string[] {
  const series = chart.series.slice(0, LETTERS.length);
  const points = series.flatMap((each) => each.points);
  const isLog = chart.xScale === 'log' && points.every(({ x }) => x > 0);
  const place = (x: number): number => (isLog ? Math.log(x) : x);
  const xs = points.map(({ x }) => x);
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  const max = Math.max(...points.map(({ y }) => y), 0);
  const grid = Array.from({ length: PLOT_ROWS }, () => new Array<string>(PLOT_COLUMNS).fill(' '));
  series.forEach(({ points: own }, i) => {
    for (const { x, y } of own) {
      const span = place(last) - place(first);
      const column = span === 0 ? 0 : ((place(x) - place(first)) / span) * (PLOT_COLUMNS - 1);
      const row = max === 0 ? 0 : (y / max) * (PLOT_ROWS - 1);
      grid[PLOT_ROWS - 1 - Math.round(row)]![Math.round(column)] = LETTERS[i]!;
    }
  });
  const rows = grid.map((cells, i) => {
    const isMarked = i === 0 || i === PLOT_ROWS - 1;
    const value = i === 0 ? shortNumber(rounded(max)) : '0';
    return `${(isMarked ? value : '').padStart(9)} │${cells.join('').trimEnd()}`;
  });
  const from = shortNumber(rounded(first));
  const to = shortNumber(rounded(last));
  return [
    `  ${chart.yLabel}`,
    ...rows,
    `${' '.repeat(10)}└${'─'.repeat(PLOT_COLUMNS)}`,
    `${' '.repeat(11)}${from}${to.padStart(PLOT_COLUMNS - from.length)}   ${chart.xLabel}`,
    ...series.map(({ name }, i) => `${' '.repeat(11)}${LETTERS[i]} ${name}`),
  ];
}
