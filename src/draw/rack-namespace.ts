/** Lays out a namespace of the lower row: tabs, bars, the IP layer, and the uplinks at the bottom. */
import { assignTracks } from './channel.ts';
import { type LabelOptions, linesHeight, makeBox, titleWidth } from './labels.ts';
import {
  type Box,
  type BoxLine,
  bottomOf,
  centreX,
  centreY,
  type Point,
  rightOf,
  type Wire,
  type WireKind,
} from './placement.ts';
import { outsidePeer } from './rack-plan.ts';
import { type RowItem, type RowNamespace, TAB_HEIGHT, tabGap } from './rack-row.ts';
import type { DeviceView, NamespaceView, PortView, SnapshotIndex } from './snapshot.ts';
import { spread } from './spread.ts';

/** Space within a namespace's frame. */
export const NAMESPACE_PADDING = 12;
export const NAMESPACE_TITLE = 24;
const GAP_X = 16;
const GAP_Y = 26;
/** Room for each dashed line that comes from a sandbox to the IP layer. */
const TUNNEL_STEP = 13;
const TRANSLATIONS_MAX = 4;
const PORTS_MAX = 6;
const LOWER_STEP = 7;

export interface NamespaceOptions {
  readonly index: SnapshotIndex;
  readonly labels: LabelOptions;
  readonly ports: readonly PortView[];
  /** vxlan devices elsewhere whose outer packets this namespace sends. */
  readonly tunnelCount: number;
  /** The IP layer is not drawn above this line (from the top of the namespace). */
  readonly routerMinY: number;
}

/** The box of the IP layer, if the namespace forwards or sends tunnels' packets; not placed. */
export function routerBox(
  plan: RowNamespace,
  { labels, tunnelCount }: Pick<NamespaceOptions, 'labels' | 'tunnelCount'>,
): Box | null {
  const { namespace, items, lower } = plan;
  const { words } = labels;
  const devices = [...items.map(({ device }) => device), ...lower.map(({ device }) => device)];
  const routed = devices.filter(isAddressed);
  const isNeeded = tunnelCount > 0 || (namespace.isRouter && routed.length > 1);
  if (!isNeeded) return null;
  const title = namespace.isRouter ? words.ipForwarding : words.ipStack;
  const { translations } = namespace;
  const shown = translations.slice(0, TRANSLATIONS_MAX);
  const more = translations.length - shown.length;
  const lines: BoxLine[] = [{ text: title, style: 'name' }];
  for (const text of shown) lines.push({ text, style: 'small' });
  if (more > 0) lines.push({ text: words.more(more), style: 'small' });
  const box = makeBox({
    id: routerId(namespace),
    kind: 'router',
    parentId: namespace.id,
    lines,
    description: [title, ...translations].join(', '),
  });
  box.height = Math.max(linesHeight(lines), tunnelCount * TUNNEL_STEP + 8);
  return box;
}

export const routerId = ({ id }: Pick<NamespaceView, 'id'>): string => `ip:${id}`;

export const isAddressed = ({ addresses, isLoopback }: DeviceView): boolean =>
  addresses.length > 0 && !isLoopback;

/** The published ports as a list; null for none. */
export function portsBox(
  namespace: NamespaceView,
  ports: readonly PortView[],
  { words }: LabelOptions,
): Box | null {
  if (ports.length === 0) return null;
  const texts = [...new Set(ports.map(portText))];
  const shown = texts.slice(0, PORTS_MAX);
  const more = texts.length - shown.length;
  const lines: BoxLine[] = [{ text: words.publishedPorts, style: 'title' }];
  for (const text of shown) lines.push({ text, style: 'address' });
  if (more > 0) lines.push({ text: words.more(more), style: 'small' });
  return makeBox({
    id: `ports:${namespace.id}`,
    kind: 'list',
    parentId: namespace.id,
    lines,
    description: texts.join(', '),
  });
}

function portText({ hostAddress, hostPort, protocol, target, containerPort }: PortView): string {
  const kind = protocol === 'tcp' ? '' : `/${protocol}`;
  return `● ${hostAddress}:${hostPort}${kind} → ${[...target].slice(0, 24).join('')}:${containerPort}`;
}

/** Least width with everything in it. */
export function namespaceMinWidth(plan: RowNamespace, extra: readonly (Box | null)[]): number {
  const sum = (widths: readonly number[]): number =>
    widths.reduce((total, width) => total + width + GAP_X, -GAP_X);
  const bars = sum(plan.items.map(({ minWidth }) => minWidth));
  const lists = extra.filter((box) => box?.kind === 'list').map((box) => box?.width ?? 0);
  const below = sum([...lists, ...plan.lower.map(({ box }) => box.width)]);
  const routers = extra.filter((box) => box?.kind === 'router').map((box) => box?.width ?? 0);
  const downlinks = plan.items.some(({ lower }) => lower.length > 0) ? 30 : 0;
  const title = titleWidth([{ text: plan.namespace.label, style: 'title' }]);
  const inner = Math.max(bars, below, title, ...routers.map((width) => width + downlinks));
  return inner + 2 * NAMESPACE_PADDING;
}

/** Places the bars within [left, right): the spare width goes to those with most wires. */
export function placeBars(plan: RowNamespace, left: number, width: number, top: number): void {
  const { items } = plan;
  const inner = width - 2 * NAMESPACE_PADDING;
  const least = items.reduce((sum, { minWidth }) => sum + minWidth + GAP_X, -GAP_X);
  const wires = items.reduce((sum, { tabs }) => sum + tabs.length, 0);
  let x = left + NAMESPACE_PADDING;
  const height = Math.max(0, ...items.map(({ box }) => box.height));
  for (const { box, minWidth, tabs } of items) {
    const share = wires === 0 ? 1 / items.length : tabs.length / wires;
    box.x = x;
    box.y = top + NAMESPACE_TITLE + TAB_HEIGHT;
    box.width = minWidth + Math.max(0, inner - least) * share;
    box.height = height;
    x = rightOf(box) + GAP_X;
  }
}

/** Places the tabs under (or over) their partners. `xOf` knows where those are. */
export function placeTabs(item: RowItem, xOf: (deviceId: string) => number | null): TabPlace[] {
  const { box, tabs } = item;
  const places = tabs.map((tab) => ({
    tab,
    wanted: (tab.partnerId === null ? null : xOf(tab.partnerId)) ?? centreX(box),
  }));
  const ordered = [...places].sort((one, other) => one.wanted - other.wanted);
  const centres = spread(
    ordered.map(({ tab, wanted }) => ({ width: tab.width, wanted })),
    { gap: tabGap, min: box.x + 6, max: rightOf(box) - 6 },
  );
  return ordered.map(({ tab }, i) => {
    const x = centres[i]!;
    if (tab.box !== null) {
      tab.box.x = x - tab.box.width / 2;
      tab.box.y = box.y - TAB_HEIGHT;
    }
    return { tab, x, y: tab.box === null ? box.y : tab.box.y, endId: tab.box?.id ?? box.id };
  });
}

export interface TabPlace {
  readonly tab: RowItem['tabs'][number];
  readonly x: number;
  readonly y: number;
  /** The box at which the wire from above ends. */
  readonly endId: string;
}

export function straight(
  kind: WireKind,
  from: string,
  to: string,
  points: Point[],
  networkId: string | null = null,
  label = '',
): Wire {
  return { id: `${from}-${to}`, kind, from, to, points, networkId, label };
}

/** What is below the bars: the IP layer, the list of ports, the uplinks, and the wires to them. */
export function placeBelow(
  plan: RowNamespace,
  frame: { readonly x: number; readonly y: number; readonly width: number },
  options: NamespaceOptions,
): { boxes: Box[]; wires: Wire[]; bottom: number; router: Box | null } {
  const { items, lower, namespace } = plan;
  const wires: Wire[] = [];
  const left = frame.x + NAMESPACE_PADDING;
  const right = frame.x + frame.width - NAMESPACE_PADDING;
  const barsBottom =
    items.length === 0
      ? frame.y + NAMESPACE_TITLE
      : Math.max(...items.map(({ box }) => bottomOf(box)));
  const router = routerBox(plan, options);
  const list = portsBox(namespace, options.ports, options.labels);
  const gap = items.length === 0 ? 0 : GAP_Y;
  let bottom = barsBottom;
  if (router !== null) {
    router.y = Math.max(barsBottom + gap, frame.y + options.routerMinY);
    bottom = bottomOf(router);
  }
  const row = [...(list === null ? [] : [list]), ...lower.map(({ box }) => box)];
  if (row.length > 0) {
    const y = bottom + (bottom === frame.y + NAMESPACE_TITLE ? 0 : GAP_Y);
    let x = right;
    for (const box of [...row].reverse()) {
      box.x = x - box.width;
      box.y = y;
      x = box.x - GAP_X;
    }
    if (list !== null) list.x = left;
    if (row.length === 1 && list === null && items.length > 0 && lower[0] !== undefined) {
      centreUnder(lower[0].box, lower[0].device, plan, router, { left, right });
    }
    bottom = y + Math.max(...row.map(({ height }) => height));
  }
  const joined = joinLower(options.index, plan);
  wires.push(...joined.wires);
  if (router !== null) {
    router.x = left;
    router.width = Math.max(router.width, Math.min(right, joined.leftmostX - 14) - left);
    wires.push(...routeWires(plan, router));
  }
  const boxes = [...(router === null ? [] : [router]), ...row];
  return { boxes, wires, bottom, router };
}

/** A single box below stands in the middle, or under the bar that it is joined to. */
function centreUnder(
  box: Box,
  device: DeviceView,
  { items }: RowNamespace,
  router: Box | null,
  { left, right }: { readonly left: number; readonly right: number },
): void {
  const above = items.find((item) => item.lower.some(({ id }) => id === device.id));
  if (above !== undefined && router !== null) return;
  const wanted = above === undefined ? (left + right) / 2 : centreX(above.box);
  box.x = Math.max(left, Math.min(right - box.width, wanted - box.width / 2));
}

/** Wires from bars down to their vxlan device, enslaved uplink or VLAN parent. */
function joinLower(
  index: SnapshotIndex,
  { items, lower }: RowNamespace,
): { wires: Wire[]; leftmostX: number } {
  const ends = items.flatMap((item) =>
    item.lower.flatMap((device) => {
      const target = lower.find((other) => other.device.id === device.id)?.box;
      return target === undefined ? [] : [{ item, device, target }];
    }),
  );
  const shareOf = new Map<Box, number>();
  for (const { target } of ends) shareOf.set(target, (shareOf.get(target) ?? 0) + 1);
  const used = new Map<Box, number>();
  const runs = ends.map(({ item: { box }, target }) => {
    const rank = (used.get(target) ?? 0) + 1;
    used.set(target, rank);
    const toX = target.x + (target.width * rank) / (shareOf.get(target)! + 1);
    return { fromX: Math.max(box.x + 10, Math.min(rightOf(box) - 10, toX)), toX };
  });
  const tracks = assignTracks(runs);
  const wires = ends.map(({ item: { box, device: bar }, device, target }, i) => {
    const { fromX, toX } = runs[i]!;
    const y = target.y - 8 - (Math.max(...tracks) - tracks[i]!) * LOWER_STEP;
    const bend =
      tracks[i] === -1
        ? []
        : [
            { x: fromX, y },
            { x: toX, y },
          ];
    const points = [{ x: fromX, y: bottomOf(box) }, ...bend, { x: toX, y: target.y }];
    const kind = device.kind === 'vxlan' || device.masterId === bar.id ? 'link' : 'parent';
    return straight(kind, bar.id, device.id, points, bar.networkId);
  });
  const leaving = items
    .filter(({ device }) => outsidePeer(index, device) !== null)
    .map(({ box }) => rightOf(box) - 24);
  const leftmostX = Math.min(...leaving, ...runs.flatMap(({ fromX, toX }) => [fromX, toX]));
  return { wires, leftmostX };
}

/** Dotted lines between the IP layer and every interface with an address. */
function routeWires({ items, lower }: RowNamespace, router: Box): Wire[] {
  const wires: Wire[] = [];
  const within = (x: number, box: Box): number =>
    Math.max(box.x + 8, Math.min(rightOf(box) - 8, x));
  for (const { box, device } of items) {
    if (!isAddressed(device)) continue;
    const x = within(Math.min(centreX(box), rightOf(router) - 12), box);
    if (x <= rightOf(router) - 6) {
      const points = [
        { x, y: bottomOf(box) },
        { x, y: router.y },
      ];
      wires.push(straight('route', device.id, router.id, points, device.networkId));
      continue;
    }
    const y = centreY(router);
    const points = [
      { x, y: bottomOf(box) },
      { x, y },
      { x: rightOf(router), y },
    ];
    wires.push(straight('route', device.id, router.id, points, device.networkId));
  }
  for (const { box, device } of lower) {
    if (!isAddressed(device)) continue;
    const x = within(Math.min(centreX(box), rightOf(router) - 12), box);
    const y = centreY(router);
    const start =
      x <= rightOf(router) - 6
        ? [{ x, y: bottomOf(router) }]
        : [
            { x: rightOf(router), y },
            { x, y },
          ];
    const points = [...start, { x, y: box.y }];
    wires.push(straight('route', router.id, device.id, points, device.networkId));
  }
  return wires;
}
