/** The sheet: title, subtitle, drawing, legend, captions, in one scene. */
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
}

const MARGIN = 18;
const TITLE_SIZE = 18;
const SUBTITLE_SIZE = 11.5;
const LEAST_WIDTH = 420;

/** A block below the drawing, as wide as it is told to be. */
export type Block = (width: number) => {
  readonly shapes: readonly Shape[];
  readonly height: number;
};

/** Puts everything on one sheet. The placement is moved. */
export function composeSheet(
  placement: Placement,
  options: SheetOptions,
  over: () => readonly Shape[] = () => [],
  blocks: readonly Block[] = [],
): Scene {
  const { theme, title, subtitle, snapshot, words } = options;
  const width = Math.max(placement.width, LEAST_WIDTH) + 2 * MARGIN;
  const shapes: Shape[] = [];
  let y = MARGIN;
  for (const line of wrapText(title, width - 2 * MARGIN, TITLE_SIZE, 'bold').slice(0, 3)) {
    y += TITLE_SIZE;
    shapes.push(text(MARGIN, y, line, TITLE_SIZE, 'bold', theme.ink));
    y += 4;
  }
  for (const line of wrapText(subtitle, width - 2 * MARGIN, SUBTITLE_SIZE, 'regular').slice(0, 3)) {
    if (line === '') continue;
    y += SUBTITLE_SIZE + 3;
    shapes.push(text(MARGIN, y, line, SUBTITLE_SIZE, 'regular', theme.muted));
  }
  y += 16;
  const dx = (width - placement.width) / 2;
  shift(placement, dx, y);
  const looks = looksOf(snapshot.networks, theme);
  shapes.push(...paintPlacement(placement, theme, looks), ...over());
  y += placement.height;
  for (const block of blocks) {
    const { shapes: inside, height } = block(width - 2 * MARGIN);
    shapes.push(...inside.map((shape) => moveShape(shape, MARGIN, y)));
    y += height;
  }
  return {
    width,
    height: y + MARGIN,
    background: theme.background,
    title,
    description: [snapshot.description, subtitle].filter((each) => each !== '').join('. '),
    language: words.language,
    shapes,
  };
}

function text(
  x: number,
  y: number,
  content: string,
  size: number,
  font: 'regular' | 'bold' | 'mono',
  fill: string,
): Shape {
  return { kind: 'text', x, y, text: content, size, font, fill };
}

/** A shape at another place; paths are moved by writing them anew, so blocks use none. */
export function moveShape(shape: Shape, dx: number, dy: number): Shape {
  if (shape.kind === 'group') {
    return { ...shape, children: shape.children.map((child) => moveShape(child, dx, dy)) };
  }
  if (shape.kind === 'path') {
    // Blocks draw short straight strokes only: M x y L x y ...
    const data = shape.data.replaceAll(
      /(-?[\d.]+) (-?[\d.]+)/g,
      (_, x: string, y: string) => `${Number(x) + dx} ${Number(y) + dy}`,
    );
    return { ...shape, data };
  }
  return { ...shape, x: shape.x + dx, y: shape.y + dy };
}
