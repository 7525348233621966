/** The texts of boxes and frames: painted last, so that wires and ways run behind them. */
import { LINE_LOOKS } from './labels.ts';
import type { Looks } from './paint.ts';
import { type Box, type BoxLine, centreX, type Point } from './placement.ts';
import type { Shape } from './scene.ts';
import { fitText, textWidth } from './text.ts';
import type { Theme } from './theme.ts';

/** The lines of a box, with a rim in its own colour where something may run behind them. */
export function boxTexts(box: Box, theme: Theme, looks: Looks): Shape[] {
  const { fill } = looks(box.networkId);
  switch (box.kind) {
    case 'bar':
    case 'network':
      return centredLines(box, theme, fill, 2);
    case 'port':
      return portText(box, theme);
    case 'router':
      return centredLines(box, theme, theme.routerFill);
    case 'list':
      return listTexts(box, theme);
    case 'service':
      return centredLines(box, theme, theme.namespaceFill);
    case 'fold':
      return centredLines(
        { ...box, width: box.width - 8, height: box.height - 8 },
        theme,
        theme.machineFill,
      );
    default:
      return centredLines(box, theme, box.tone === 'down' ? theme.neutralFill : fill);
  }
}

const FRAME_NAME = { machine: 14, namespace: 11 } as const;

/** What a frame is called, and beside it what it is. */
export function frameTitle(box: Box, theme: Theme): Shape[] {
  const isMachine = box.kind === 'machine';
  const size = isMachine ? FRAME_NAME.machine : FRAME_NAME.namespace;
  const x = box.x + (isMachine ? 12 : 9);
  let y = box.y + (isMachine ? 20 : 15.5);
  const room = box.width - 2 * (x - box.x);
  const halo = isMachine ? theme.machineFill : theme.namespaceFill;
  const children: Shape[] = [];
  for (const [i, line] of box.lines.entries()) {
    const isFirst = i === 0;
    const look = isFirst ? { size, font: 'bold' as const } : LINE_LOOKS.small;
    const text = fitText(line.text, room, look.size, look.font);
    const fill = isFirst && isMachine ? theme.ink : theme.muted;
    children.push({ kind: 'text', x, y, text, size: look.size, font: look.font, fill, halo });
    const at = textWidth(text, look.size, look.font) + 7;
    if (isFirst && box.note !== '' && at + textWidth(box.note, 9.5) <= room) {
      const note = { x: x + at, y, text: box.note, size: 9.5, font: 'regular' as const };
      children.push({ kind: 'text', ...note, fill: theme.muted, halo });
    }
    y += 12;
  }
  return children;
}

function portText(box: Box, theme: Theme): Shape[] {
  const { y, width, height } = box;
  const { size, font } = LINE_LOOKS.small;
  const text = fitText(box.lines[0]?.text ?? '', width - 4, size, font);
  const label: Shape = {
    kind: 'text',
    x: centreX(box),
    y: y + height / 2 + 3,
    text,
    size,
    font,
    fill: theme.ink,
    halo: theme.namespaceFill,
    anchor: 'middle',
  };
  return [label];
}

function listTexts(box: Box, theme: Theme): Shape[] {
  const { x, y } = box;
  const shapes: Shape[] = [];
  let base = y + 4;
  for (const line of box.lines) {
    const { size, font, heightPixels } = LINE_LOOKS[line.style];
    base += heightPixels;
    const fill = line.style === 'title' ? theme.muted : theme.ink;
    shapes.push({ kind: 'text', x: x + 8, y: base - 2, text: line.text, size, font, fill });
  }
  return shapes;
}

/** The lines of a box, centred in both directions. */
function centredLines(box: Box, theme: Theme, halo: string, dy = 0): Shape[] {
  const { lines } = box;
  const total = lines.reduce((sum, { style }) => sum + LINE_LOOKS[style].heightPixels, 0);
  let top = box.y + dy + (box.height - dy - total) / 2;
  return lines.flatMap((line) => {
    const { heightPixels } = LINE_LOOKS[line.style];
    const base = top + heightPixels * 0.76;
    top += heightPixels;
    return lineShapes(line, { x: centreX(box), y: base }, box.width - 8, theme, halo);
  });
}

function lineShapes(
  line: BoxLine,
  { x, y }: Point,
  room: number,
  theme: Theme,
  halo: string,
): Shape[] {
  const { size, font } = LINE_LOOKS[line.style];
  const text = fitText(line.text, room, size, font);
  const fill = line.style === 'small' ? theme.muted : theme.ink;
  const shape: Shape = { kind: 'text', x, y, text, size, font, fill, anchor: 'middle', halo };
  if (line.style !== 'vip') return [shape];
  // A hexagon marks an address that is nobody's own.
  const left = x - (text.length * size * 0.602) / 2 - 3;
  const hexagon: Shape = {
    kind: 'path',
    data: hexagonAt(left - 2, y - 3.4, 4.2),
    fill: theme.ways[1],
    stroke: null,
  };
  return [hexagon, { ...shape, x: x + 4 }];
}

function hexagonAt(x: number, y: number, r: number): string {
  const corners = [0, 60, 120, 180, 240, 300].map((degrees) => {
    const angle = (degrees * Math.PI) / 180;
    return `${(x + r * Math.cos(angle)).toFixed(1)} ${(y + r * Math.sin(angle)).toFixed(1)}`;
  });
  return `M${corners.join('L')}Z`;
}
