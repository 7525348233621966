/** The tables of a namespace at a moment, with the rows marked that changed last. */
import type { NamespaceTable } from '../../src/observe/tables.ts';
import type { PageOwner } from '../../src/page/page-data.ts';
import { element } from './dom.ts';
import { type Model, stateAt } from './model.ts';
import type { PageWords } from './words.ts';

export type ChosenPlace = PageOwner;

/** Fills `panel` with what `chosen` holds when event `index` has happened. */
export function showDevice(
  panel: HTMLElement,
  model: Model,
  words: PageWords,
  chosen: ChosenPlace | null,
  index: number,
): void {
  const state = chosen === null ? null : stateAt(model, chosen.namespaceNumber, Math.max(0, index));
  if (chosen === null || state === null) {
    panel.replaceChildren(element('p', {}, words.pickDevice));
    return;
  }
  const { namespaceLabel, deviceName } = chosen;
  const title = deviceName === '' ? namespaceLabel : `${namespaceLabel} · ${deviceName}`;
  panel.replaceChildren(element('h2', {}, title));
  for (const table of state.tables) {
    const old = state.before?.find(({ name }) => name === table.name) ?? null;
    panel.append(tableView(table, state.before === null ? null : (old ?? null), words, deviceName));
  }
}

function tableView(
  table: NamespaceTable,
  old: NamespaceTable | null,
  words: PageWords,
  deviceName: string,
): HTMLElement {
  const known = new Set((old?.rows ?? []).map((row) => row.join('\t')));
  const body = element('tbody', {});
  let changes = 0;
  for (const row of table.rows) {
    const isNew = old !== null && !known.has(row.join('\t'));
    if (isNew) changes++;
    const isOwn = deviceName !== '' && row.includes(deviceName);
    const line = element('tr', { class: `${isNew ? 'changed' : ''}${isOwn ? ' own' : ''}` });
    line.append(...row.map((text) => element('td', {}, text)));
    body.append(line);
  }
  const head = element('tr', {});
  head.append(...table.columns.map((text) => element('th', { scope: 'col' }, text)));
  const name = words.tables[table.name] ?? table.name;
  const summary = element('summary', {}, `${name} (${table.rows.length})`);
  if (changes > 0) summary.append(element('span', { class: 'badge' }, `Δ ${words.changed}`));
  const isOpen = changes > 0 || table.name !== 'rules';
  const view = element('div', { class: 'scroll', tabindex: 0 });
  view.append(element('table', {}, element('thead', {}, head), body));
  return element('details', { open: isOpen }, summary, view);
}
