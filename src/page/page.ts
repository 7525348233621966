/**
 * One self-contained page: the drawing, the run and the program that plays it, in one file that asks
 * nobody for anything.
 */
import { escapeXml } from '../draw/svg.ts';
import type { PageData } from './page-data.ts';
import { CONTROL_WORDS } from './page-words.ts';

export interface PageParts {
  readonly data: PageData;
  /** The drawing as an SVG document. */
  readonly svg: string;
  /** The program and its looks, as they were built. */
  readonly script: string;
  readonly style: string;
}

/** No address but what is in the file itself. */
const POLICY =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:";

const TABS = ['packet', 'device', 'drops', 'ladder', 'questions'] as const;

/** The page as HTML. */
export function buildPage({ data, svg, script, style }: PageParts): string {
  const words = CONTROL_WORDS[data.language];
  const title = escapeXml(data.title);
  const count = data.recording.events.timeNs.length;
  const button = (id: string, text: string, label: string): string =>
    `<button type="button" id="${id}" aria-label="${escapeXml(label)}" title="${escapeXml(label)}">${text}</button>`;
  const tabs = TABS.map(
    (tab) =>
      `<button type="button" role="tab" id="tab-${tab}" aria-controls="panel-${tab}">${escapeXml(words[tab])}</button>`,
  ).join('');
  const panels = TABS.map(
    (tab) =>
      `<section class="panel" role="tabpanel" id="panel-${tab}" aria-labelledby="tab-${tab}" tabindex="0" hidden></section>`,
  ).join('\n');
  const keys = words.keys
    .map(([key, what]) => `<dt>${escapeXml(key)}</dt><dd>${escapeXml(what)}</dd>`)
    .join('');
  const missed =
    data.recording.missedCount === 0
      ? ''
      : `<span>${data.recording.missedCount} ${escapeXml(words.missed)}</span>`;
  return `<!doctype html>
<html lang="${data.language}" data-theme="light">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<header><h1>${title}</h1>${missed}
<label><input type="checkbox" id="asks"> ${escapeXml(words.questionMode)}</label>
${button('fit', '⤢', words.fit)}${button('theme', '◐', words.theme)}${button('help', '?', words.help)}</header>
<main aria-label="${escapeXml(words.drawing)}"><div id="drawing">${withoutProlog(svg)}</div>
<p id="caption" role="status" aria-live="polite" tabindex="0"></p></main>
<aside aria-label="${escapeXml(words.details)}"><div id="tabs" role="tablist" aria-label="${escapeXml(words.details)}">${tabs}</div>
${panels}</aside>
<footer>
${button('first', '|◀', words.first)}${button('back', '◁', words.back)}${button('play', '▶', words.play)}${button('forward', '▷', words.forward)}${button('last', '▶|', words.last)}
<div class="track"><svg id="marks" aria-hidden="true" preserveAspectRatio="none"></svg><input type="range" id="position" min="0" max="${count}" value="0" step="1" aria-label="${escapeXml(words.position)}"></div>
<output id="clock" for="position"></output>
${button('slower', '−', words.slower)}<span id="speed">1×</span>${button('faster', '+', words.faster)}
<div class="saves">${button('save-svg', 'SVG', words.saveSvg)}${button('save-png', 'PNG', words.savePng)}${button('save-ladder', '⇅ SVG', words.saveLadder)}
<label>${escapeXml(words.from)} <input type="number" id="range-from" min="1" max="${count}" value="1"></label>
<label>${escapeXml(words.to)} <input type="number" id="range-to" min="1" max="${count}" value="${count}"></label>
${button('save-pcap', 'pcap', words.savePcap)}</div>
</footer>
<dialog id="keys" aria-label="${escapeXml(words.help)}"><dl>${keys}</dl><button type="button" id="close-keys">OK</button></dialog>
<script type="application/json" id="data">${jsonForScript(data)}</script>
<script>${script.replaceAll('</script', '<\\/script')}</script>
</body>
</html>
`;
}

/** JSON in which nothing ends the element that it stands in. */
function jsonForScript(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

function withoutProlog(svg: string): string {
  return svg.replace(/^<\?xml[^>]*\?>\s*/, '');
}
