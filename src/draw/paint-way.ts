/** Paints ways on a drawing: a broad line, numbered stations, and how it ended. */

import { DROP_REASONS } from '../engine/drop-reason.ts';
import type { Block, OverShapes } from './compose-scene.ts';
import type { PacketWay } from './packet-way.ts';
import type { Placement, Point } from './placement.ts';
import { routerId } from './rack-namespace.ts';
import type { Shape } from './scene.ts';
import type { SnapshotIndex } from './snapshot.ts';
import { textWidth, wrapText } from './text.ts';
import type { Theme } from './theme.ts';
import { type Caption, captionsOf } from './way-captions.ts';
import { lineOf, WayFinder } from './way-geometry.ts';
import { roundedPath } from './wire-path.ts';
import type { Words } from './words.ts';

/** A way with the names of its ends. */
export interface NamedWay {
  readonly from: string;
  readonly to: string;
  /** Null if no packet left. */
  readonly way: PacketWay | null;
  readonly hasAnswer: boolean;
  readonly isSameWayBack: boolean;
}

const BADGE = 8.5;
/** Ways beside each other are this far apart. */
const BESIDE = 5;

/** To be called after the placement is where it stays. */
export function paintWays(
  ways: readonly NamedWay[],
  placement: Placement,
  index: SnapshotIndex,
  theme: Theme,
  words: Words,
): OverShapes {
  const finder = new WayFinder(placement);
  const taken: Point[] = [];
  const texts = textAreas(placement);
  const lines: Shape[] = [];
  const badges: Shape[] = [];
  for (const [i, { way }] of ways.entries()) {
    if (way === null) continue;
    const offset = ways.length === 1 ? 0 : (i - 0.5) * BESIDE;
    const colour = theme.ways[i % 2]!;
    const line = lineOf(way, finder, endBoxOf(way, finder, index));
    if (line === null) continue;
    if (way.drop !== null) taken.push(line.end);
    const points = line.points.map(({ x, y }) => ({ x: x + offset, y: y + offset }));
    lines.push(broadLine(points, colour), ...thinLines(line.pieces, offset, colour, i));
    for (const { hop, candidates } of line.stations) {
      const at =
        candidates.find((each) => isFree(each, taken) && isClear(each, texts)) ??
        candidates.find((each) => isFree(each, taken)) ??
        candidates[0]!;
      taken.push(at);
      badges.push(...badgeAt(at, String(hop + 1), colour, theme, i));
    }
    const mark = { x: line.end.x + offset, y: line.end.y + offset };
    badges.push(endMark(mark, way, theme, words, line.isFromBelow ? 5 : -17));
  }
  return { lines, badges };
}

/** Where a lost packet died: its device, or the IP layer of the namespace. */
function endBoxOf(way: PacketWay, finder: WayFinder, index: SnapshotIndex): string | null {
  if (way.drop === null) return null;
  const device = index.device.get(way.dropDeviceId ?? '');
  if (device === undefined) return null;
  const { reason } = way.drop;
  const layer = reason === null ? 'device' : DROP_REASONS[reason].layer;
  const router = routerId({ id: device.namespaceId });
  const isRouted = layer === 'ip' || layer === 'netfilter';
  return isRouted && finder.has(router) ? router : null;
}

function isFree(at: Point, taken: readonly Point[]): boolean {
  return taken.every(({ x, y }) => Math.hypot(x - at.x, y - at.y) > 2 * BADGE + 1);
}

interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where the titles of frames and the labels of wires are: no number covers them. */
function textAreas({ boxes, wires }: Placement): Area[] {
  const titles = boxes
    .filter(({ kind }) => kind === 'machine' || kind === 'namespace')
    .map(({ x, y, width, lines, note, kind }) => {
      const size = kind === 'machine' ? 14 : 11;
      const name = textWidth(lines[0]?.text ?? '', size, 'bold') + 10;
      const wanted = name + (note === '' ? 0 : textWidth(note, 9.5) + 8);
      return { x: x + 8, y: y + 4, width: Math.min(wanted, width - 12), height: size + 5 };
    });
  const labels = wires
    .filter(({ label }) => label !== '')
    .map(({ label, points }) => {
      const { x, y } = points.at(-2)!;
      return { x: x + 7, y: y - 13, width: textWidth(label, 9, 'bold'), height: 10 };
    });
  return [...titles, ...labels];
}

function isClear({ x, y }: Point, areas: readonly Area[]): boolean {
  const near = BADGE - 1;
  return areas.every(
    (area) =>
      x < area.x - near ||
      x > area.x + area.width + near ||
      y < area.y - near ||
      y > area.y + area.height + near,
  );
}

/** The broad line runs everywhere, also behind the texts of boxes. */
function broadLine(points: readonly Point[], colour: string): Shape {
  const look = {
    fill: null,
    stroke: colour,
    strokeWidth: 9,
    opacity: 0.24,
    isRound: true,
  } as const;
  return { kind: 'path', data: roundedPath(points), ...look };
}

/** The thin line within it runs along wires only, where nothing is written. */
function thinLines(
  pieces: readonly (readonly Point[])[],
  offset: number,
  colour: string,
  which: number,
): Shape[] {
  const look = { fill: null, stroke: colour, strokeWidth: 2, opacity: 0.9 } as const;
  return pieces.map((points) => ({
    kind: 'path',
    data: roundedPath(points.map(({ x, y }) => ({ x: x + offset, y: y + offset }))),
    dash: which === 0 ? '' : '7 4',
    ...look,
  }));
}

/** A disc for the first way, a square for the second. */
export function badgeAt(
  { x, y }: Point,
  text: string,
  colour: string,
  theme: Theme,
  which: number,
): Shape[] {
  const rim = { fill: colour, stroke: theme.background, strokeWidth: 1.2 } as const;
  const mark: Shape =
    which === 0
      ? { kind: 'circle', x, y, radius: BADGE, ...rim }
      : { kind: 'rect', x: x - 8, y: y - 8, width: 16, height: 16, radius: 3, ...rim };
  const size = text.length > 1 ? 8.5 : 10;
  const label = { x, y: y + size * 0.36, text, size, font: 'bold', fill: theme.badgeInk } as const;
  return [mark, { kind: 'text', ...label, anchor: 'middle' }];
}

function endMark(
  { x, y }: Point,
  way: PacketWay,
  theme: Theme,
  words: Words,
  labelY: number,
): Shape {
  if (way.drop === null) {
    const tick = `M${x - 5} ${y + 0.5}L${x - 1.5} ${y + 4}L${x + 5.5} ${y - 4}`;
    return {
      kind: 'group',
      id: '',
      className: 'delivered',
      title: words.way.delivered,
      children: [
        {
          kind: 'circle',
          x,
          y,
          radius: 9.5,
          fill: theme.good,
          stroke: theme.background,
          strokeWidth: 1.5,
        },
        {
          kind: 'path',
          data: tick,
          fill: null,
          stroke: theme.badgeInk,
          strokeWidth: 2.4,
          isRound: true,
        },
      ],
    };
  }
  const r = 8;
  const cross = `M${x - r} ${y - r}L${x + r} ${y + r}M${x + r} ${y - r}L${x - r} ${y + r}`;
  const reason = way.drop.reason ?? '';
  const width = textWidth(reason, 10, 'bold') + 12;
  const path = { kind: 'path', data: cross, fill: null, isRound: true } as const;
  return {
    kind: 'group',
    id: '',
    className: 'dropped',
    title: `${words.way.lost}: ${reason}`,
    children: [
      { ...path, stroke: theme.background, strokeWidth: 8 },
      { ...path, stroke: theme.bad, strokeWidth: 4.2 },
      {
        kind: 'rect',
        x: x + 12,
        y: y + labelY,
        width,
        height: 18,
        radius: 4,
        fill: theme.background,
        stroke: theme.bad,
        strokeWidth: 1.5,
      },
      {
        kind: 'text',
        x: x + 18,
        y: y + labelY + 12.6,
        text: reason,
        size: 10,
        font: 'bold',
        fill: theme.bad,
      },
    ],
  };
}

// ---- captions

const CAPTION_SIZE = 10.5;
const LINE_HEIGHT = 14.5;
const COLUMN_MIN = 330;
const COLUMN_GAP = 26;

/** The steps in words, in as many columns as fit. */
export function captionBlock(
  ways: readonly NamedWay[],
  index: SnapshotIndex,
  theme: Theme,
  words: Words,
): Block {
  return (width) => {
    const shapes: Shape[] = [];
    let y = 22;
    for (const [i, named] of ways.entries()) {
      if (ways.length > 1 || named.way === null) {
        const text = named.way === null ? words.way.nothingSent : `${named.from} → ${named.to}`;
        const look = { size: 12, font: 'bold', fill: theme.ways[i % 2]! } as const;
        shapes.push({ kind: 'text', x: 0, y: y + 10, text, ...look });
        y += 20;
      }
      if (named.way === null) continue;
      const captions = captionsOf(named.way, index, words, 1);
      y = columnsOf(captions, { width, top: y, theme, which: i, shapes });
      const verdict = verdictOf(named, words);
      if (verdict !== '') {
        const look = { size: CAPTION_SIZE, font: 'regular', fill: theme.muted } as const;
        shapes.push({ kind: 'text', x: 0, y: y + 12, text: verdict, ...look });
        y += 18;
      }
      y += 8;
    }
    return { shapes, height: y };
  };
}

function verdictOf({ hasAnswer, isSameWayBack }: NamedWay, { way }: Words): string {
  if (!hasAnswer) return '';
  return isSameWayBack ? way.thereAndBack : way.back;
}

interface ColumnsSheet {
  readonly width: number;
  readonly top: number;
  readonly theme: Theme;
  readonly which: number;
  readonly shapes: Shape[];
}

/** @returns where the next block starts. */
function columnsOf(captions: readonly Caption[], sheet: ColumnsSheet): number {
  const { width, top } = sheet;
  const count = Math.max(
    1,
    Math.min(4, Math.floor((width + COLUMN_GAP) / (COLUMN_MIN + COLUMN_GAP))),
  );
  const column = (width - (count - 1) * COLUMN_GAP) / count;
  const rows = captions.map((caption) => ({ caption, lines: captionLines(caption, column - 38) }));
  const total = rows.reduce((sum, { lines }) => sum + lines.length, 0);
  const perColumn = Math.ceil(total / count);
  let at = 0;
  let used = 0;
  let y = top;
  let bottom = top;
  for (const { caption, lines } of rows) {
    if (used > 0 && at + 1 < count && used + lines.length / 2 > perColumn) {
      at++;
      used = 0;
      y = top;
    }
    captionShapes(caption, lines, { x: at * (column + COLUMN_GAP), y }, sheet);
    used += lines.length;
    y += lines.length * LINE_HEIGHT + 4;
    bottom = Math.max(bottom, y);
  }
  return bottom;
}

function captionLines({ place, text }: Caption, width: number): string[] {
  return wrapText(place === '' ? text : `${place}: ${text}`, width, CAPTION_SIZE, 'regular');
}

function captionShapes(
  { number, place }: Caption,
  lines: readonly string[],
  { x, y }: Point,
  { theme, which, shapes }: ColumnsSheet,
): void {
  const isDrop = number === null;
  const fill = isDrop ? theme.bad : theme.ink;
  if (isDrop) {
    const look = { size: 15, font: 'bold', fill, anchor: 'middle' } as const;
    shapes.push({ kind: 'text', x: x + 9, y: y + 13.5, text: '×', ...look });
  } else {
    shapes.push(
      ...badgeAt({ x: x + 9, y: y + 8 }, String(number), theme.ways[which % 2]!, theme, which),
    );
  }
  for (const [i, line] of lines.entries()) {
    const base = y + 12 + i * LINE_HEIGHT;
    const head = i === 0 && place !== '' && line.startsWith(`${place}:`) ? `${place}:` : '';
    const rest = line.slice(head.length);
    const at = x + 24;
    if (head !== '') {
      shapes.push({
        kind: 'text',
        x: at,
        y: base,
        text: head,
        size: CAPTION_SIZE,
        font: 'bold',
        fill,
      });
    }
    const dx = head === '' ? 0 : textWidth(head, CAPTION_SIZE, 'bold') + 3;
    const text = rest.trimStart();
    shapes.push({
      kind: 'text',
      x: at + dx,
      y: base,
      text,
      size: CAPTION_SIZE,
      font: 'regular',
      fill,
    });
  }
}
