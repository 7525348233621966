/** What the signs of a drawing mean: only those that are on it. */
import { networkKey } from './bus-layout.ts';
import { type Block, moveShape } from './compose-scene.ts';
import { looksOf } from './paint.ts';
import type { Placement } from './placement.ts';
import type { Shape } from './scene.ts';
import type { NetworkView, Snapshot } from './snapshot.ts';
import { shortName, textWidth } from './text.ts';
import type { NetworkLook, Theme } from './theme.ts';
import type { LegendKey, Words } from './words.ts';

const SIZE = 10;
const ROW_HEIGHT = 18;
const SWATCH_WIDTH = 30;
const GAP = 22;
const NETWORKS_MAX = 24;

interface Entry {
  readonly text: string;
  /** Drawn in a field 30 wide and 12 high, at the origin. */
  readonly swatch: readonly Shape[];
}

/** Rows of swatches with their meaning, below the drawing. */
export function legendBlock(
  placement: Placement,
  snapshot: Snapshot,
  theme: Theme,
  words: Words,
): Block {
  const looks = looksOf(snapshot.networks, theme);
  const shown = new Set(
    [...placement.boxes, ...placement.wires].map(({ networkId }) => networkId ?? ''),
  );
  const present = snapshot.networks.filter(({ id }) => shown.has(id));
  const networks = [...new Map(present.map((each) => [networkKey(each), each])).values()].slice(
    0,
    NETWORKS_MAX,
  );
  const entries = [
    ...networks.map((network) => networkEntry(network, looks(network.id), theme)),
    ...signEntries(placement, theme, words),
  ];
  return (width) => {
    const head = { size: 11, font: 'bold', fill: theme.muted } as const;
    const shapes: Shape[] = [{ kind: 'text', x: 0, y: 28, text: words.legend, ...head }];
    let x = 0;
    let y = 38;
    for (const { text, swatch } of entries) {
      const wide = SWATCH_WIDTH + 7 + textWidth(text, SIZE) + GAP;
      if (x > 0 && x + wide > width + GAP) {
        x = 0;
        y += ROW_HEIGHT;
      }
      const place = { x: x + SWATCH_WIDTH + 7, y: y + 10, size: SIZE, fill: theme.ink } as const;
      shapes.push(...swatch.map((shape) => moveShape(shape, x, y)));
      shapes.push({ kind: 'text', text, font: 'regular', ...place });
      x += wide;
    }
    return { shapes, height: y + ROW_HEIGHT + 4 };
  };
}

function networkEntry(network: NetworkView, look: NetworkLook, theme: Theme): Entry {
  const { name, subnets, vni, driver, isInternal } = network;
  const notes = [
    subnets[0] === name ? '' : (subnets[0] ?? ''),
    driver === '' || driver === name ? '' : driver,
    vni === null || name.includes(String(vni)) ? '' : `VNI ${vni}`,
    isInternal ? 'internal' : '',
  ].filter((text) => text !== '');
  const line = { stroke: look.line, strokeWidth: 2.2, dash: look.dash, fill: null };
  return {
    text: [shortName(name), ...notes].join(' · '),
    swatch: [
      box(9, 1, 12, 10, look.fill, look.line),
      { kind: 'path', data: 'M0 6L30 6', ...line },
      box(11, 2.5, 8, 7, look.fill, theme.background),
    ],
  };
}

function box(
  x: number,
  y: number,
  width: number,
  height: number,
  fill: string,
  stroke: string,
  radius = 2,
  dash = '',
): Shape {
  return { kind: 'rect', x, y, width, height, radius, fill, stroke, dash };
}

/** Signs that occur, each once. */
function signEntries({ boxes, wires }: Placement, theme: Theme, words: Words): Entry[] {
  const kinds = new Set<string>(boxes.map(({ kind }) => kind));
  const tones = new Set(boxes.filter(({ kind }) => kind === 'namespace').map(({ tone }) => tone));
  const wireKinds = new Set<string>(wires.map(({ kind }) => kind));
  const hasVip = boxes.some(({ lines }) => lines.some(({ style }) => style === 'vip'));
  const { namespaceFill, namespaceLine, sandboxFill, neutralLine, neutralFill } = theme;
  const line = (dash: string, strokeWidth: number): Shape[] => [
    { kind: 'path', data: 'M0 6L30 6', fill: null, stroke: neutralLine, strokeWidth, dash },
  ];
  const hidden = ['sandbox', 'lb', 'ingress'].some((tone) => tones.has(tone));
  const rail = box(1, 1, 28, 3, neutralLine, neutralLine, 1);
  const signs: readonly (readonly [boolean, LegendKey, readonly Shape[]])[] = [
    [tones.has('container'), 'container', [box(1, 0, 28, 12, namespaceFill, namespaceLine, 3)]],
    [hidden, 'sandbox', [box(1, 0, 28, 12, sandboxFill, namespaceLine, 3, '5 3')]],
    [kinds.has('interface'), 'interface', [box(1, 0, 28, 12, neutralFill, neutralLine, 3)]],
    [kinds.has('bar'), 'bridge', [box(1, 1, 28, 11, neutralFill, neutralLine, 2), rail]],
    [kinds.has('port'), 'port', [box(6, 2, 18, 8, namespaceFill, neutralLine, 2)]],
    [kinds.has('router'), 'router', [box(1, 0, 28, 12, theme.routerFill, theme.routerLine, 6)]],
    [wireKinds.has('route'), 'route', line('1.5 3.5', 1.6)],
    [wireKinds.has('tunnel'), 'tunnel', line('8 4', 2.4)],
    [wireKinds.has('parent'), 'parent', line('5 2 1.5 2', 1.7)],
    [hasVip, 'vip', [{ kind: 'circle', x: 15, y: 6, radius: 4, fill: theme.ways[1] }]],
  ];
  return signs
    .filter(([isThere]) => isThere)
    .map(([, key, swatch]) => ({ text: words.legendOf[key], swatch }));
}
