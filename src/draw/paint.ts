/** Turns a placement into shapes: frames, wires, boxes, and their texts on top. */
import { LINE_LOOKS } from './labels.ts';
import {
  type Box,
  type BoxLine,
  centreX,
  type Placement,
  type Point,
  type Wire,
} from './placement.ts';
import type { GroupShape, Shape, TextShape } from './scene.ts';
import type { NetworkView } from './snapshot.ts';
import { fitText, textWidth } from './text.ts';
import type { NetworkLook, Theme } from './theme.ts';
import { findHops, roundedPath } from './wire-path.ts';

/** Which look each network has. */
export type Looks = (networkId: string | null) => NetworkLook;

/** Hues in the order of the networks; those of the surroundings share one. */
export function looksOf(networks: readonly NetworkView[], theme: Theme): Looks {
  const looks = new Map<string, NetworkLook>();
  // Where nothing lies over anything else (a chain of routers), every network has a hue.
  const hasPlain = networks.some(({ isOverlaying }) => isOverlaying);
  // docker0 of one host and docker0 of the next are two networks that look the same.
  const byName = new Map<string, NetworkLook>();
  for (const { id, name, subnets, isOverlaying } of networks) {
    if (hasPlain && !isOverlaying) {
      looks.set(id, theme.plainNetwork);
      continue;
    }
    const key = `${name} ${subnets.join(' ')}`;
    const look = byName.get(key) ?? theme.networks[byName.size % theme.networks.length]!;
    byName.set(key, look);
    looks.set(id, look);
  }
  return (id) => (id === null ? theme.plainNetwork : (looks.get(id) ?? theme.plainNetwork));
}

/** What a way is drawn between: the boxes below it, their texts above it. */
export interface PaintedPlacement {
  readonly under: readonly Shape[];
  readonly texts: readonly Shape[];
}

/** Shapes from back to front. */
export function paintPlacement(
  { boxes, wires }: Placement,
  theme: Theme,
  looks: Looks,
): PaintedPlacement {
  const frames = boxes.filter(isFrame);
  const solids = boxes.filter((box) => !isFrame(box) && box.kind !== 'tap');
  const hops = findHops(wires);
  return {
    under: [
      ...frames.map((box) => paintFrame(box, theme)),
      ...wires.filter(({ kind }) => kind !== 'touch').map((wire) => paintWire(wire, looks, hops)),
      ...solids.map((box) => paintBox(box, theme, looks)),
      ...plugDots(boxes, wires, looks),
    ],
    texts: [
      ...solids.flatMap((box) => boxTexts(box, theme, looks)),
      ...frames.flatMap((box) => frameTitle(box, theme)),
      ...wires.flatMap((wire) => wireLabel(wire, theme, looks)),
    ],
  };
}

/** The lines of a box, with a rim in its own colour where something may run behind them. */
function boxTexts(box: Box, theme: Theme, looks: Looks): Shape[] {
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

function isFrame({ kind }: Box): boolean {
  return kind === 'machine' || kind === 'namespace';
}

function group(box: Box, className: string, children: readonly Shape[]): GroupShape {
  return { kind: 'group', id: box.id, className, title: box.description, children };
}

function paintFrame(box: Box, theme: Theme): GroupShape {
  const { x, y, width, height } = box;
  const place = { kind: 'rect', x, y, width, height } as const;
  if (box.kind === 'machine') {
    const rect = { ...place, radius: 9, fill: theme.machineFill, stroke: theme.machineLine };
    return group(box, 'machine', [{ ...rect, strokeWidth: 1.5 }]);
  }
  const isHidden = box.tone === 'sandbox' || box.tone === 'lb' || box.tone === 'ingress';
  const fill = isHidden || box.tone === 'root' ? theme.sandboxFill : theme.namespaceFill;
  const rect = { ...place, radius: 6, fill, stroke: theme.namespaceLine, strokeWidth: 1.2 };
  return group(box, 'namespace', [isHidden ? { ...rect, dash: '5 3' } : rect]);
}

const FRAME_NAME = { machine: 14, namespace: 11 } as const;

function frameTitle(box: Box, theme: Theme): Shape[] {
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

// ---- wires

const WIRE_WIDTHS = { link: 1.7, route: 1.5, tunnel: 2.4, parent: 1.7, touch: 0 } as const;
const WIRE_DASHES = {
  link: '',
  route: '1.5 3.5',
  tunnel: '8 4',
  parent: '5 2 1.5 2',
  touch: '',
} as const;

function paintWire(
  wire: Wire,
  looks: Looks,
  hops: ReadonlyMap<string, readonly { x: number; y: number }[]>,
): Shape {
  const look = looks(wire.networkId);
  const dash = wire.kind === 'link' ? look.dash : WIRE_DASHES[wire.kind];
  return {
    kind: 'path',
    data: roundedPath(wire.points, hops.get(wire.id) ?? []),
    fill: null,
    stroke: look.line,
    strokeWidth: WIRE_WIDTHS[wire.kind],
    dash,
    isRound: wire.kind === 'route',
  };
}

function wireLabel(wire: Wire, theme: Theme, looks: Looks): TextShape[] {
  const { label, kind, points, networkId } = wire;
  if (label === '') return [];
  const fill = looks(networkId).ink;
  if (kind === 'link') {
    const { x, y } = points.at(-1)!;
    const look = { size: 9, font: 'mono', fill, halo: theme.background } as const;
    return [{ kind: 'text', x: x + 5, y: y - 8, text: label, ...look }];
  }
  const { x, y } = points.at(-2)!;
  const look = { size: 9, font: 'bold', fill, halo: theme.machineFill } as const;
  return [{ kind: 'text', x: x + 7, y: y - 5, text: label, ...look }];
}

/** A dot where a line meets the bar of a network. */
function plugDots(boxes: readonly Box[], wires: readonly Wire[], looks: Looks): Shape[] {
  const bars = new Set(boxes.filter(({ kind }) => kind === 'network').map(({ id }) => id));
  return wires
    .filter(({ to }) => bars.has(to))
    .map(({ points, networkId }) => {
      const { x, y } = points.at(-1)!;
      return { kind: 'circle', x, y: y + 1, radius: 4, fill: looks(networkId).line };
    });
}

// ---- boxes

function paintBox(box: Box, theme: Theme, looks: Looks): GroupShape {
  const look = looks(box.networkId);
  switch (box.kind) {
    case 'bar':
    case 'network':
      return paintBar(box, look);
    case 'port':
      return paintPort(box, theme, look);
    case 'router':
      return paintPlain(box, { fill: theme.routerFill, line: theme.routerLine, dash: '' });
    case 'list':
      return paintList(box, theme);
    case 'fold':
      return paintFold(box, theme);
    case 'service':
      return paintService(box, theme);
    default:
      return paintInterface(box, theme, look);
  }
}

function paintInterface(box: Box, theme: Theme, look: NetworkLook): GroupShape {
  const { x, y, width, height } = box;
  const isDown = box.tone === 'down';
  const isTunnel = box.tone === 'vxlan';
  const rect: Shape = {
    kind: 'rect',
    x,
    y,
    width,
    height,
    radius: isTunnel ? height / 3 : 4,
    fill: isDown ? theme.neutralFill : look.fill,
    stroke: isDown ? theme.neutralLine : look.line,
    strokeWidth: 1.4,
    dash: isDown ? '3 3' : '',
  };
  return group(box, 'interface', [rect]);
}

function paintBar(box: Box, look: NetworkLook): GroupShape {
  const { x, y, width, height } = box;
  const isSwitch = box.tone === 'switch';
  const shapes: Shape[] = [
    {
      kind: 'rect',
      x,
      y,
      width,
      height,
      radius: 4,
      fill: look.fill,
      stroke: look.line,
      strokeWidth: isSwitch ? 2 : 1.8,
    },
    // A rail along the upper edge: ports are plugged in here.
    { kind: 'rect', x, y, width, height: 4, radius: 2, fill: look.line },
  ];
  return group(box, 'bar', shapes);
}

function paintPort(box: Box, theme: Theme, look: NetworkLook): GroupShape {
  const { x, y, width, height } = box;
  const rect: Shape = {
    kind: 'rect',
    x,
    y,
    width,
    height,
    radius: 3,
    fill: theme.namespaceFill,
    stroke: look.line,
    strokeWidth: 1.2,
    dash: box.tone === 'down' ? '3 3' : '',
  };
  return group(box, 'port', [rect]);
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

function paintPlain(
  box: Box,
  look: { readonly fill: string; readonly line: string; readonly dash: string },
): GroupShape {
  const { x, y, width, height } = box;
  const rect: Shape = {
    kind: 'rect',
    x,
    y,
    width,
    height,
    radius: 11,
    fill: look.fill,
    stroke: look.line,
    strokeWidth: 1.3,
    dash: look.dash,
  };
  return group(box, box.kind, [rect]);
}

function paintList(box: Box, theme: Theme): GroupShape {
  const { x, y, width, height } = box;
  const shapes: Shape[] = [
    {
      kind: 'rect',
      x,
      y,
      width,
      height,
      radius: 4,
      fill: theme.namespaceFill,
      stroke: theme.faint,
    },
  ];
  return group(box, 'list', shapes);
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

/** A service, or a member of networks: no network's hue of its own. */
function paintService(box: Box, theme: Theme): GroupShape {
  const { x, y, width, height } = box;
  const place = { x, y, width, height, radius: 6 } as const;
  const look = {
    fill: theme.namespaceFill,
    stroke: theme.namespaceLine,
    strokeWidth: 1.4,
  } as const;
  return group(box, 'service', [{ kind: 'rect', ...place, ...look }]);
}

/** Several cards on top of each other. */
function paintFold(box: Box, theme: Theme): GroupShape {
  const { x, y, width, height } = box;
  const cards: Shape[] = [8, 4, 0].map((offset) => ({
    kind: 'rect',
    x: x + offset,
    y: y + offset,
    width: width - 8,
    height: height - 8,
    radius: 7,
    fill: theme.machineFill,
    stroke: offset === 0 ? theme.machineLine : theme.shadow,
    strokeWidth: 1.2,
    dash: '',
  }));
  return group(box, 'fold', cards);
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
