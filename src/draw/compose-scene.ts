/** The sheet: title, subtitle, drawing, captions beside or below it, legend, in one scene. */
import { looksOf, paintPlacement } from './paint.ts';
import { type Placement, shift } from './placement.ts';
import type { Scene, Shape } from './scene.ts';
import type { Snapshot } from './snapshot.ts';
import { wrapText } from './text.ts';
import type { Theme } from './theme.ts';
import type { Words } from './words.ts';

export interface SheetOptions {
  readonly snapshot: Snapshot;
  readonly theme: Theme;
  readonly words: Words;
  readonly title: string;
  readonly subtitle: string;
  /** Width over height that the sheet is to have; null if it does not matter. */
  readonly aspect: number | null;
}

/** What lies over the drawing: lines below its texts, badges above them. */
export interface OverShapes {
  readonly lines: readonly Shape[];
  readonly badges: readonly Shape[];
}

/** Shapes in a field as wide as it is told to be, at the origin. */
export type Block = (width: number) => {
  readonly shapes: readonly Shape[];
  readonly height: number;
};

export interface SheetBlocks {
  /** The steps of ways; null for none. */
  readonly captions: Block | null;
  readonly legend: Block | null;
}

const MARGIN = 18;
const TITLE_SIZE = 18;
const SUBTITLE_SIZE = 11.5;
const LEAST_WIDTH = 420;
const SIDE_WIDTH = 360;
const SIDE_GAP = 30;
/** Without a wish: a drawing that is higher than this part of its width has its captions beside it. */
const TALL = 0.85;
const USUAL_ASPECT = 1.5;

/** Puts everything on one sheet. The placement is moved. */
export function composeSheet(
  placement: Placement,
  options: SheetOptions,
  over: () => OverShapes,
  blocks: SheetBlocks,
): Scene {
  const { theme, title, subtitle, snapshot, words } = options;
  const isBeside =
    blocks.captions !== null && goesBeside(placement, blocks.captions, options.aspect);
  const drawing = Math.max(placement.width, isBeside ? 0 : LEAST_WIDTH);
  const inner = drawing + (isBeside ? SIDE_GAP + SIDE_WIDTH : 0);
  const shapes: Shape[] = [];
  let y = heading(shapes, options, inner) + 16;
  shift(placement, MARGIN + (drawing - placement.width) / 2, y);
  const { under, texts } = paintPlacement(placement, theme, looksOf(snapshot.networks, theme));
  const { lines, badges } = over();
  shapes.push(...under, ...lines, ...texts, ...badges);
  const top = y;
  y += placement.height;
  const add = (block: Block | null, x: number, from: number, width: number): void => {
    if (block === null) return;
    const { shapes: inside, height } = block(width);
    shapes.push(...inside.map((shape) => moveShape(shape, x, from)));
    y = Math.max(y, from + height);
  };
  if (isBeside) add(blocks.captions, MARGIN + drawing + SIDE_GAP, top - 20, SIDE_WIDTH);
  else add(blocks.captions, MARGIN, y, inner);
  add(blocks.legend, MARGIN, y, inner);
  return {
    left: 0,
    top: 0,
    width: inner + 2 * MARGIN,
    height: y + MARGIN,
    background: theme.background,
    title,
    description: [snapshot.description, subtitle].filter((each) => each !== '').join('. '),
    language: words.language,
    shapes,
  };
}

/** Whichever comes nearer to the sheet's proportions. */
function goesBeside({ width, height }: Placement, captions: Block, aspect: number | null): boolean {
  if (aspect === null && height <= width * TALL) return false;
  const wanted = aspect ?? USUAL_ASPECT;
  const below = Math.max(width, LEAST_WIDTH);
  const belowAspect = below / (height + captions(below).height + 60);
  const side = captions(SIDE_WIDTH).height;
  const sideAspect = (width + SIDE_GAP + SIDE_WIDTH) / (Math.max(height, side) + 60);
  return Math.abs(Math.log(sideAspect / wanted)) < Math.abs(Math.log(belowAspect / wanted));
}

/** @returns the line on which the heading ends. */
function heading(shapes: Shape[], { theme, title, subtitle }: SheetOptions, width: number): number {
  let y = MARGIN;
  for (const text of wrapText(title, width, TITLE_SIZE, 'bold').slice(0, 3)) {
    y += TITLE_SIZE;
    const look = { size: TITLE_SIZE, font: 'bold', fill: theme.ink } as const;
    shapes.push({ kind: 'text', x: MARGIN, y, text, ...look });
    y += 4;
  }
  for (const text of wrapText(subtitle, width, SUBTITLE_SIZE, 'regular').slice(0, 3)) {
    if (text === '') continue;
    y += SUBTITLE_SIZE + 3;
    const look = { size: SUBTITLE_SIZE, font: 'regular', fill: theme.muted } as const;
    shapes.push({ kind: 'text', x: MARGIN, y, text, ...look });
  }
  return y;
}

/** A shape at another place. */
export function moveShape(shape: Shape, dx: number, dy: number): Shape {
  if (shape.kind === 'group') {
    return { ...shape, children: shape.children.map((child) => moveShape(child, dx, dy)) };
  }
  if (shape.kind === 'path') {
    // Blocks have strokes of plain points only: M x y L x y ...
    const data = shape.data.replaceAll(
      /(-?[\d.]+) (-?[\d.]+)/g,
      (_, x: string, y: string) => `${Number(x) + dx} ${Number(y) + dy}`,
    );
    return { ...shape, data };
  }
  return { ...shape, x: shape.x + dx, y: shape.y + dy };
}
