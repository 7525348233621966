/** The same events as a sequence diagram: a column a namespace, time downwards. */
import { select } from 'd3';
import { shape } from './dom.ts';
import { eventAt, innerTitle, type Model, previousOf } from './model.ts';
import { timeText } from './words.ts';

const ROW = 26;
const COLUMN = 130;
const HEAD = 46;
const LEFT = 80;
/** Rows that are drawn around the current one. */
const ROWS_MAX = 160;

export interface Ladder {
  show(index: number): void;
  picture(): string;
}

interface Row {
  /** The event that ends it. */
  readonly index: number;
  readonly from: number;
  readonly to: number;
  readonly isLost: boolean;
  readonly family: number;
}

/** Rows of the ladder: each time that a packet goes from one namespace to another, or dies. */
export function rowsOf(model: Model): { columns: string[]; rows: Row[] } {
  const columns: string[] = [];
  const columnOf = (name: string): number => {
    const at = columns.indexOf(name);
    if (at >= 0) return at;
    columns.push(name);
    return columns.length - 1;
  };
  const rows: Row[] = [];
  for (let index = 0; index < model.count; index++) {
    const event = eventAt(model, index);
    const isLost = model.isLost.has(index);
    if (!isLost && event.kind !== 'receive' && event.kind !== 'deliver') continue;
    const before = previousOf(model, index);
    const source = before === null ? event.place : eventAt(model, before).place;
    const crosses = source.namespaceLabel !== event.place.namespaceLabel;
    if (!crosses && !isLost) continue;
    rows.push({
      index,
      from: columnOf(source.namespaceLabel),
      to: columnOf(event.place.namespaceLabel),
      isLost,
      family: model.familyNumber.get(model.familyOf.get(event.packet) ?? 0) ?? 0,
    });
  }
  return { columns, rows };
}

export function makeLadder(
  panel: HTMLElement,
  model: Model,
  onEvent: (index: number) => void,
): Ladder {
  const { columns, rows } = rowsOf(model);
  const svg = shape('svg', { role: 'img', 'aria-label': 'sequence' });
  const startNs = model.count > 0 ? eventAt(model, 0).timeNs : 0;
  let first = -1;
  const draw = (from: number): void => {
    if (from === first) return;
    first = from;
    const part = rows.slice(from, from + ROWS_MAX);
    const height = HEAD + part.length * ROW + 20;
    const width = LEFT + columns.length * COLUMN;
    svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    svg.setAttribute('width', String(width));
    svg.setAttribute('height', String(height));
    svg.replaceChildren();
    columns.forEach((name, i) => {
      const x = LEFT + i * COLUMN + COLUMN / 2;
      svg.append(
        shape('line', { x1: x, x2: x, y1: HEAD - 8, y2: height, class: 'life' }),
        shape('text', { x, y: HEAD - 18, 'text-anchor': 'middle', class: 'head' }, short(name, 20)),
      );
    });
    svg.append(...part.map((row, i) => rowView(row, HEAD + i * ROW + 14, startNs)));
  };
  const rowView = (row: Row, y: number, start: number): SVGGElement => {
    const x1 = LEFT + row.from * COLUMN + COLUMN / 2;
    const x2 = LEFT + row.to * COLUMN + COLUMN / 2;
    const group = shape('g', {
      class: `row${row.isLost ? ' lost' : ''}`,
      'data-index': row.index,
    });
    const time = timeText(eventAt(model, row.index).timeNs - start);
    group.append(shape('text', { x: 4, y: y + 4, class: 'time' }, time));
    const sign = Math.sign(x2 - x1) || 1;
    const tip = `${x2},${y} ${x2 - 7 * sign},${y - 4} ${x2 - 7 * sign},${y + 4}`;
    group.append(shape('line', { x1, x2, y1: y, y2: y, class: 'arrow' }));
    if (row.isLost) {
      group.append(
        shape('text', { x: x2, y: y + 5, 'text-anchor': 'middle', class: 'cross' }, '✕'),
      );
    } else group.append(shape('polygon', { points: tip, class: 'tip' }));
    const middle = (x1 + x2) / 2 + (row.isLost ? 12 : 0);
    const anchor = row.isLost && x1 === x2 ? 'start' : 'middle';
    const label = shape('text', { x: middle, y: y - 4, 'text-anchor': anchor, class: 'label' });
    const text = row.isLost
      ? String(eventAt(model, row.index).detail.reason)
      : innerTitle(model, row.index);
    label.append(short(text, Math.max(22, Math.floor(Math.abs(x2 - x1) / 5.4))));
    group.append(shape('title', {}, `${row.family}: ${text}`), label);
    group.addEventListener('click', () => onEvent(row.index));
    return group;
  };
  panel.replaceChildren(svg);
  return {
    show(index) {
      const at = rows.findLastIndex((row) => row.index <= index);
      draw(Math.max(0, Math.min(at - ROWS_MAX / 2, rows.length - ROWS_MAX)));
      const current = at < 0 ? -1 : rows[at]!.index;
      select(svg)
        .selectAll<SVGGElement, unknown>('g.row')
        .classed('current', function isCurrent(this: SVGGElement) {
          return Number(this.dataset.index) === current;
        });
    },
    picture: () => new XMLSerializer().serializeToString(svg),
  };
}

function short(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`;
}
