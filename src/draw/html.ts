/** One HTML file with the picture and, beside it, the same as a table: works offline, runs nothing. */
import type { Page } from './page.ts';
import { indexSnapshot, type Snapshot } from './snapshot.ts';
import { escapeXml, writeSvg } from './svg.ts';
import { THEME_OF, type ThemeName } from './theme.ts';
import type { Words } from './words.ts';

export function writeHtml(page: Page, snapshot: Snapshot, theme: ThemeName, words: Words): string {
  const { background, ink, muted, faint } = THEME_OF[theme];
  const svg = writeSvg(page.scene).replace(/ width="[^"]*" height="[^"]*"/, '');
  return `<!doctype html>
<html lang="${words.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeXml(page.scene.title)}</title>
<style>
body { margin: 0; padding: 1rem; background: ${background}; color: ${ink}; font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 90rem; margin: 0 auto; }
.picture { overflow-x: auto; }
.picture svg { width: 100%; min-width: 40rem; max-width: ${Math.round(page.scene.width * 1.5)}px; height: auto; display: block; margin: 0 auto; }
summary { cursor: pointer; margin: 1rem 0 .5rem; }
table { border-collapse: collapse; font-size: 13px; }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid ${faint}; white-space: nowrap; }
th { color: ${muted}; }
td { font-family: ui-monospace, monospace; }
.table { overflow-x: auto; }
@media print { details { display: none; } body { padding: 0; } }
</style>
</head>
<body>
<main>
<h1 hidden>${escapeXml(page.scene.title)}</h1>
<div class="picture">
${svg}</div>
<details>
<summary>${escapeXml(words.table.title)}</summary>
<div class="table">
${tableOf(snapshot, words)}
</div>
</details>
</main>
</body>
</html>
`;
}

function tableOf(snapshot: Snapshot, words: Words): string {
  const index = indexSnapshot(snapshot);
  const heads = words.table.columns.map((text) => `<th scope="col">${escapeXml(text)}</th>`);
  const rows = [...index.devicesOf.values()].flat().map((device) => {
    const namespace = index.namespace.get(device.namespaceId);
    const machine = index.machine.get(namespace?.machineId ?? '');
    const cells = [
      machine?.name ?? '',
      namespace?.label ?? '',
      device.name,
      device.kind,
      device.addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`).join(' '),
      device.mac,
      String(device.mtuBytes),
      index.network.get(device.networkId ?? '')?.name ?? '',
    ];
    return `<tr>${cells.map((text) => `<td>${escapeXml(text)}</td>`).join('')}</tr>`;
  });
  return `<table><thead><tr>${heads.join('')}</tr></thead>\n<tbody>\n${rows.join('\n')}\n</tbody></table>`;
}
