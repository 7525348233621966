/** A page of charts, each with its numbers beside it: one HTML file that works offline and runs nothing. */
import { type Chart, chartRows, drawChart } from './chart.ts';
import { escapeXml, writeSvg } from './svg.ts';
import { THEME_OF, THEMES, type ThemeName } from './theme.ts';

export interface ChartPage {
  readonly title: string;
  /** Sentences above the charts. */
  readonly notes: readonly string[];
  readonly charts: readonly Chart[];
  /** A last table with everything; the first row names the columns. */
  readonly rows: readonly (readonly string[])[];
  /** Where the same rows stand as a file beside the page; empty for nowhere. */
  readonly csvName: string;
}

export function writeChartPage(page: ChartPage): string {
  const title = escapeXml(page.title);
  const charts = page.charts.map(figureOf).join('\n');
  const link =
    page.csvName === ''
      ? ''
      : ` Also as <a href="${escapeXml(encodeURIComponent(page.csvName))}">${escapeXml(page.csvName)}</a>.`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>
${coloursOf('light')}
@media (prefers-color-scheme: dark) { ${coloursOf('dark')} .light { display: none; } .dark { display: block; } }
@media print { ${coloursOf('print')} .light, .dark { display: none; } .print { display: block; } details { display: none; } figure { break-inside: avoid; } }
body { margin: 0; padding: 1rem; background: var(--back); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; }
h1 { font-size: 1.4rem; }
figure { margin: 1.5rem 0; }
figure > div { overflow-x: auto; }
svg { width: 100%; min-width: 34rem; height: auto; }
.wide { overflow-x: auto; }
a { color: inherit; }
summary { cursor: pointer; color: var(--muted); }
table { border-collapse: collapse; font-size: 13px; margin: .5rem 0; }
th, td { text-align: right; padding: .2rem .7rem; border-bottom: 1px solid var(--faint); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th { color: var(--muted); font-weight: 600; }
</style>
</head>
<body>
<main>
<h1>${title}</h1>
${page.notes.map((note) => `<p>${escapeXml(note)}</p>`).join('\n')}
${charts}
<h2>All numbers</h2>
<p>One line a run.${link}</p>
<div class="wide" tabindex="0" role="region" aria-label="All numbers">${tableOf(page.rows)}</div>
</main>
</body>
</html>
`;
}

function coloursOf(name: ThemeName): string {
  const { background, ink, muted, faint } = THEME_OF[name];
  const hidden = name === 'light' ? ' .dark, .print { display: none; }' : '';
  return `:root { --back: ${background}; --ink: ${ink}; --muted: ${muted}; --faint: ${faint}; }${hidden}`;
}

/** The picture in each theme, of which the style shows one. */
function figureOf(chart: Chart, index: number): string {
  const pictures = THEMES.map((theme) => {
    const scene = drawChart(chart, theme);
    const svg = writeSvg(scene, { idPrefix: `c${index}${theme}` });
    return `<div class="${theme}">${svg}</div>`;
  });
  return `<figure>
${pictures.join('\n')}
<details><summary>Numbers of this chart</summary><div class="wide">${tableOf(chartRows(chart))}</div></details>
</figure>`;
}

function tableOf([head = [], ...rows]: readonly (readonly string[])[]): string {
  const names = head.map((text) => `<th scope="col">${escapeXml(text)}</th>`).join('');
  const lines = rows.map(
    (row) => `<tr>${row.map((text) => `<td>${escapeXml(text)}</td>`).join('')}</tr>`,
  );
  return `<table><thead><tr>${names}</tr></thead>\n<tbody>\n${lines.join('\n')}\n</tbody></table>`;
}

/** A table as CSV (RFC 4180); a cell that a spreadsheet would take for a formula is text. */
export function csvOf(rows: readonly (readonly string[])[]): string {
  return `${rows.map((row) => row.map(cellOf).join(',')).join('\r\n')}\r\n`;
}

function cellOf(text: string): string {
  const safe = /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
