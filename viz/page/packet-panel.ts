/** The packet taken apart: layers and fields, the bytes, and what changed since the last event. */
import type { Field, Layer } from '../../src/observe/dissect/dissect.ts';
import { element } from './dom.ts';
import { eventAt, layersAt, type Model, previousOf, sizeAt } from './model.ts';
import type { PageWords } from './words.ts';

const BYTES_PER_LINE = 16;

/** Fills `panel` with the packet of event `index`. */
export function showPacket(
  panel: HTMLElement,
  model: Model,
  words: PageWords,
  index: number | null,
): void {
  if (index === null) {
    panel.replaceChildren(element('p', {}, words.pickPacket));
    return;
  }
  const { layers, bytes } = layersAt(model, index);
  const before = previousOf(model, index);
  const old = before === null ? [] : layersAt(model, before).layers;
  const event = eventAt(model, index);
  const number = model.familyNumber.get(model.familyOf.get(event.packet) ?? 0) ?? 0;
  const dump = hexDump(bytes);
  const tree = element('div', { class: 'layers' });
  for (const [depth, layer] of layers.entries()) {
    tree.append(layerView(layer, counterpart(layers, depth, old), dump.mark, words));
  }
  const missing = sizeAt(model, index) - bytes.length;
  panel.replaceChildren(
    element('h2', {}, `${words.packet} ${number} · ${sizeAt(model, index)} ${words.bytes}`),
    tree,
    dump.view,
    ...(missing > 0 ? [element('p', {}, `… ${missing} ${words.notShown}`)] : []),
  );
}

/** The same layer before: the one with this name that is as deep from the inside. */
function counterpart(layers: readonly Layer[], depth: number, old: readonly Layer[]): Layer | null {
  const { protocol } = layers[depth]!;
  const behind = layers.slice(depth + 1).filter((each) => each.protocol === protocol).length;
  return old.filter((each) => each.protocol === protocol).at(-1 - behind) ?? null;
}

function layerView(
  layer: Layer,
  old: Layer | null,
  mark: (start: number, end: number) => void,
  words: PageWords,
): HTMLElement {
  const rows = layer.fields.map((field, at) => {
    const was = old?.fields.find((each, i) => isSameField(each, field, i, at))?.text;
    const isChanged = old !== null && was !== undefined && was !== field.text;
    return { isChanged, row: fieldView(field, isChanged ? (was ?? '') : null, mark, words) };
  });
  const isChanged = old === null || rows.some((row) => row.isChanged);
  const summary = element('summary', {}, layer.title);
  if (isChanged) summary.append(element('span', { class: 'badge' }, old === null ? '+' : 'Δ'));
  const view = element('details', { open: rows.some((row) => row.isChanged) }, summary);
  const list = element('ul', {});
  list.append(...rows.map(({ row }) => row));
  view.append(list);
  summary.addEventListener('mouseenter', () => mark(layer.start, layer.end));
  summary.addEventListener('focus', () => mark(layer.start, layer.end));
  return view;
}

function isSameField(one: Field, other: Field, i: number, at: number): boolean {
  return one.name === '' ? i === at && one.label === other.label : one.name === other.name;
}

function fieldView(
  field: Field,
  was: string | null,
  mark: (start: number, end: number) => void,
  words: PageWords,
): HTMLElement {
  const row = element('li', { tabindex: 0, title: field.name });
  row.append(element('span', { class: 'label' }, `${field.label}: `), field.text);
  if (was !== null) {
    row.className = 'changed';
    row.append(element('span', { class: 'was' }, ` ← ${words.was} ${was}`));
  }
  row.addEventListener('mouseenter', () => mark(field.start, field.end));
  row.addEventListener('focus', () => mark(field.start, field.end));
  return row;
}

function hexDump(bytes: Uint8Array): {
  view: HTMLElement;
  mark: (start: number, end: number) => void;
} {
  const view = element('pre', { class: 'bytes', tabindex: 0, 'aria-label': 'hex' });
  const cells: HTMLElement[] = [];
  for (let line = 0; line < bytes.length; line += BYTES_PER_LINE) {
    view.append(`${line.toString(16).padStart(4, '0')}  `);
    const end = Math.min(bytes.length, line + BYTES_PER_LINE);
    let ascii = '';
    for (let at = line; at < end; at++) {
      const byte = bytes[at]!;
      const cell = element('span', {}, byte.toString(16).padStart(2, '0'));
      cells.push(cell);
      view.append(cell, at % 8 === 7 ? '  ' : ' ');
      ascii += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·';
    }
    view.append(`${'   '.repeat(BYTES_PER_LINE - (end - line))} ${ascii}\n`);
  }
  let marked: HTMLElement[] = [];
  const mark = (start: number, end: number): void => {
    for (const cell of marked) cell.className = '';
    marked = cells.slice(start, end);
    for (const cell of marked) cell.className = 'marked';
  };
  return { view, mark };
}
