/** Turns a placement into shapes: frames, wires, boxes, and their texts on top. */
import { boxTexts, frameTitle } from './paint-text.ts';
import type { Box, Placement, Wire } from './placement.ts';
import type { GroupShape, Shape, TextShape } from './scene.ts';
import type { NetworkView } from './snapshot.ts';
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
