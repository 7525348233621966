/** One host of the rack: containers above, a channel of wires, sandboxes and the host's own below. */
import { assignTracks } from './channel.ts';
import { type LabelOptions, makeBox, titleWidth } from './labels.ts';
import { type Box, bottomOf, centreX, rightOf, shift, type Wire } from './placement.ts';
import { namespaceFrame, type PlacedLeaf, placeLeaf, tapBox } from './rack-leaf.ts';
import {
  NAMESPACE_PADDING,
  type NamespaceOptions,
  namespaceMinWidth,
  placeBars,
  placeBelow,
  placeTabs,
  portsBox,
  routerBox,
  routerId,
  straight,
} from './rack-namespace.ts';
import { isLeaf, rootOf } from './rack-plan.ts';
import { planRow, type RowNamespace } from './rack-row.ts';
import type { DeviceView, MachineView, NamespaceView, SnapshotIndex } from './snapshot.ts';
import { spread } from './spread.ts';
import { shortName } from './text.ts';

export interface PlacedHost {
  readonly machine: MachineView;
  readonly boxes: Box[];
  readonly wires: Wire[];
  readonly frame: Box;
}

const PADDING = 14;
const TITLE = 30;
const GAP_X = 12;
const CHANNEL_MARGIN = 18;
const TRACK_STEP = 9;
/** Below the deepest sandbox, before the first dashed line to the IP layer. */
const TUNNEL_MARGIN = 10;
const TUNNEL_STEP = 13;

interface HostParts {
  readonly index: SnapshotIndex;
  readonly labels: LabelOptions;
  readonly machine: MachineView;
  readonly leaves: readonly PlacedLeaf[];
  readonly sandboxes: readonly RowNamespace[];
  readonly root: RowNamespace | null;
  readonly tunnels: readonly DeviceView[];
}

/** A host at the origin. */
export function placeHost(
  index: SnapshotIndex,
  machine: MachineView,
  labels: LabelOptions,
): PlacedHost {
  if (machine.foldedCount > 0) return foldedHost(index, machine);
  const parts = partsOf(index, machine, labels);
  const frame = hostFrame(parts);
  const isFlat = parts.leaves.length === 0 && parts.sandboxes.length === 0;
  const boxes: Box[] = [frame];
  const wires: Wire[] = [];
  if (isFlat && parts.root !== null) {
    placeFlat(parts, parts.root, frame, boxes, wires);
    return { machine, boxes, wires, frame };
  }
  placeRows(parts, frame, boxes, wires);
  return { machine, boxes, wires, frame };
}

function partsOf(index: SnapshotIndex, machine: MachineView, labels: LabelOptions): HostParts {
  const inside = index.namespacesOf.get(machine.id) ?? [];
  const rootNamespace = rootOf(index, machine);
  const others = inside.filter((namespace) => namespace !== rootNamespace);
  const sandboxes = others.filter((each) => !isLeaf(each));
  const rows = sandboxes.map((namespace) => planRow(index, namespace, labels));
  const tunnels = rows.flatMap(({ lower }) =>
    lower
      .map(({ device }) => device)
      .filter(({ underlayNamespaceId }) => underlayNamespaceId !== null),
  );
  return {
    index,
    labels,
    machine,
    leaves: others.filter(isLeaf).map((namespace) => placeLeaf(index, namespace, labels)),
    sandboxes: rows,
    root: rootNamespace === undefined ? null : planRow(index, rootNamespace, labels),
    tunnels: tunnels.filter(({ underlayNamespaceId }) => underlayNamespaceId === rootNamespace?.id),
  };
}

/** A card for many hosts, with a place at its bottom where their cables start. */
function foldedHost(index: SnapshotIndex, machine: MachineView): PlacedHost {
  const [title = '', ...rest] = machine.name.split('\n');
  const frame = makeBox({
    id: machine.id,
    kind: 'fold',
    parentId: null,
    lines: [
      { text: title, style: 'name' },
      ...rest.map((text) => ({ text, style: 'small' as const })),
    ],
    description: machine.name.replaceAll('\n', ', '),
    minWidth: 120,
  });
  frame.width += 20;
  frame.height += 40;
  const taps = (index.namespacesOf.get(machine.id) ?? [])
    .flatMap(({ id }) => index.devicesOf.get(id) ?? [])
    .map((device) => tapBox(device, frame, 0.5));
  return { machine, boxes: [frame, ...taps], wires: [], frame };
}

function hostFrame({ machine, leaves, labels }: HostParts): Box {
  return makeBox({
    id: machine.id,
    kind: 'machine',
    parentId: null,
    lines: [{ text: shortName(machine.name), style: 'title' }],
    description: `${labels.words.machine} ${machine.name}, ${labels.words.counted(leaves.length, 'container')}`,
    tone: machine.kind === 'namespace' ? 'plain' : 'host',
  });
}

function optionsFor(
  parts: HostParts,
  namespace: NamespaceView,
  routerMinY: number,
): NamespaceOptions {
  const isRoot = namespace === parts.root?.namespace;
  return {
    index: parts.index,
    labels: parts.labels,
    ports: isRoot ? parts.machine.ports : [],
    tunnelCount: isRoot ? parts.tunnels.length : 0,
    routerMinY,
  };
}

function minWidthOf(parts: HostParts, row: RowNamespace): number {
  const options = optionsFor(parts, row.namespace, 0);
  const list = portsBox(row.namespace, options.ports, parts.labels);
  return namespaceMinWidth(row, [routerBox(row, options), list]);
}

/** A machine with nothing but its own interfaces: they stand in its frame. */
function placeFlat(
  parts: HostParts,
  root: RowNamespace,
  frame: Box,
  boxes: Box[],
  wires: Wire[],
): void {
  const width = Math.max(minWidthOf(parts, root), titleWidth(frame.lines) + 16);
  placeBars(root, 0, width, 6);
  for (const item of root.items)
    for (const place of placeTabs(item, () => null)) addTab(place.tab.box, boxes);
  const below = placeBelow(root, { x: 0, y: 6, width }, optionsFor(parts, root.namespace, 0));
  boxes.push(...root.items.map(({ box }) => box), ...below.boxes);
  wires.push(...below.wires);
  frame.width = width;
  frame.height = below.bottom + NAMESPACE_PADDING;
  for (const box of boxes) reparent(box, root.namespace.id, parts.machine.id);
}

function reparent(box: Box, from: string, to: string): void {
  if (box.parentId === from) (box as { parentId: string | null }).parentId = to;
}

function addTab(box: Box | null, boxes: Box[]): void {
  if (box !== null) boxes.push(box);
}

function placeRows(parts: HostParts, frame: Box, boxes: Box[], wires: Wire[]): void {
  const { leaves, root, sandboxes } = parts;
  const rows = [...sandboxes, ...(root === null ? [] : [root])];
  widenForHomed(leaves, rows);
  const widths = rows.map((row) => minWidthOf(parts, row));
  const lowerLeast = widths.reduce((sum, width) => sum + width + GAP_X, -GAP_X);
  const upperLeast = leaves.reduce((sum, each) => sum + each.frame.width + GAP_X, -GAP_X);
  const inner = Math.max(lowerLeast, upperLeast, titleWidth(frame.lines));
  widenRows(rows, widths, inner - lowerLeast);
  const upperBottom = TITLE + Math.max(0, ...leaves.map(({ frame: { height } }) => height));
  const channelTop = leaves.length === 0 ? TITLE : upperBottom;
  // First the bars, to know above which place each container wants to be; the height follows later.
  let x = PADDING;
  for (const [i, row] of rows.entries()) {
    placeBars(row, x, widths[i]!, 0);
    x += widths[i]! + GAP_X;
  }
  placeLeaves(parts, rows, inner);
  const channel = wireChannel(leaves, rows, channelTop, boxes, wires);
  placeLower(parts, rows, widths, channel, boxes, wires);
  for (const { frame: leafFrame, devices } of leaves) {
    boxes.push(leafFrame, ...devices.map(({ box }) => box));
  }
  frame.width = inner + 2 * PADDING;
  frame.height = Math.max(...boxes.slice(1).map(bottomOf)) + PADDING;
}

/** A bar is as wide as the containers that are wired to it alone, so that their wires run straight. */
function widenForHomed(leaves: readonly PlacedLeaf[], rows: readonly RowNamespace[]): void {
  const items = rows.flatMap((row) => row.items);
  const all = items.reduce((sum, { tabs }) => sum + tabs.length, 0);
  if (all > leaves.length * 1.5) return;
  for (const item of items) {
    const partners = new Set(item.tabs.map(({ partnerId }) => partnerId));
    const homed = leaves.filter(
      ({ devices }) => devices.length > 0 && devices.every(({ device }) => partners.has(device.id)),
    );
    const width = homed.reduce((sum, { frame }) => sum + frame.width + GAP_X, 0);
    item.minWidth = Math.max(item.minWidth, width - 2 * NAMESPACE_PADDING);
  }
}

/** Spare width goes to the namespaces with most wires. */
function widenRows(rows: readonly RowNamespace[], widths: number[], spare: number): void {
  if (spare <= 0) return;
  const counts = rows.map(({ items }) => items.reduce((sum, { tabs }) => sum + tabs.length, 0));
  const total = counts.reduce((sum, count) => sum + count, 0);
  for (let i = 0; i < rows.length; i++) {
    const isLast = i === rows.length - 1;
    widths[i]! += total === 0 ? (isLast ? spare : 0) : (spare * counts[i]!) / total;
  }
}

/** Containers stand above what they are wired to. */
function placeLeaves(parts: HostParts, rows: readonly RowNamespace[], inner: number): void {
  const { leaves } = parts;
  const barOf = new Map<string, number>();
  for (const { items } of rows) {
    for (const { box, tabs } of items) {
      for (const { partnerId } of tabs) if (partnerId !== null) barOf.set(partnerId, centreX(box));
    }
  }
  const wantedOf = ({ devices }: PlacedLeaf): number => {
    const known = devices.map(({ device }) => barOf.get(device.id)).filter((x) => x !== undefined);
    if (known.length === 0) return PADDING + inner;
    return known.reduce((sum, x) => sum + x, 0) / known.length;
  };
  for (const { devices } of leaves) orderInterfaces(devices, barOf);
  const ordered = leaves
    .map((leaf) => ({ leaf, wanted: wantedOf(leaf) }))
    .sort((one, other) => one.wanted - other.wanted);
  const centres = spread(
    ordered.map(({ leaf, wanted }) => ({ width: leaf.frame.width, wanted })),
    { gap: GAP_X, min: PADDING, max: PADDING + inner },
  );
  const height = Math.max(0, ...leaves.map(({ frame }) => frame.height));
  for (const [i, { leaf }] of ordered.entries()) {
    const dx = centres[i]! - leaf.frame.width / 2;
    const taller = height - leaf.frame.height;
    leaf.frame.height = height;
    shift({ boxes: [leaf.frame, ...leaf.devices.map(({ box }) => box)], wires: [] }, dx, TITLE);
    // Those of a card are on its lower edge.
    for (const { box } of leaf.devices) if (box.kind === 'tap') box.y += taller;
  }
}

/** Interfaces of one container stand in the order of what they are wired to: fewer wires cross. */
function orderInterfaces(devices: PlacedLeaf['devices'], barOf: ReadonlyMap<string, number>): void {
  const [first] = devices;
  if (first === undefined || first.box.kind === 'tap') return;
  const gap = devices.length < 2 ? 0 : devices[1]!.box.x - rightOf(first.box);
  let { x } = first.box;
  const rankOf = (id: string): number => barOf.get(id) ?? Number.MAX_VALUE;
  const order = [...devices].sort(
    (one, other) => rankOf(one.device.id) - rankOf(other.device.id) || 0,
  );
  for (const { box } of order) {
    box.x = x;
    x = rightOf(box) + gap;
  }
}

/** Wires from the containers to the tabs. @returns the top of the lower row. */
function wireChannel(
  leaves: readonly PlacedLeaf[],
  rows: readonly RowNamespace[],
  channelTop: number,
  boxes: Box[],
  wires: Wire[],
): number {
  const above = new Map<string, { readonly device: DeviceView; readonly box: Box }>();
  for (const { devices } of leaves) for (const each of devices) above.set(each.device.id, each);
  const xOf = (id: string): number | null => {
    const partner = above.get(id);
    return partner === undefined ? null : centreX(partner.box);
  };
  const items = rows.flatMap((row) => row.items);
  const places = items.flatMap((item) => placeTabs(item, xOf));
  const wired = places.filter(({ tab }) => tab.partnerId !== null && above.has(tab.partnerId));
  const runs = wired.map(({ tab, x }) => ({ fromX: xOf(tab.partnerId!) ?? x, toX: x }));
  const tracks = assignTracks(runs);
  const depth = Math.max(-1, ...tracks) + 1;
  const lowerTop =
    leaves.length === 0 ? channelTop : channelTop + 2 * CHANNEL_MARGIN + depth * TRACK_STEP;
  for (const { tab } of places) addTab(tab.box, boxes);
  for (const [i, { tab, x, y, endId }] of wired.entries()) {
    const { device, box } = above.get(tab.partnerId!)!;
    const { fromX } = runs[i]!;
    const end = { x, y: y + lowerTop };
    const trackY = channelTop + CHANNEL_MARGIN + tracks[i]! * TRACK_STEP;
    const start = { x: fromX, y: bottomOf(box) };
    const points =
      tracks[i] === -1
        ? [{ x, y: start.y }, end]
        : [start, { x: fromX, y: trackY }, { x, y: trackY }, end];
    const kind = tab.box === null && device.parentId !== null ? 'parent' : 'link';
    wires.push(straight(kind, device.id, endId, points, device.networkId));
  }
  return lowerTop;
}

/** Moves bars and tabs down to their row and puts the rest below them. */
function placeLower(
  parts: HostParts,
  rows: readonly RowNamespace[],
  widths: readonly number[],
  top: number,
  boxes: Box[],
  wires: Wire[],
): void {
  const { root, tunnels, labels } = parts;
  let x = PADDING;
  let sandboxBottom = 0;
  const frames: Box[] = [];
  for (const [i, row] of rows.entries()) {
    const bars = row.items.map(({ box }) => box);
    const tabs = row.items.flatMap(({ tabs: all }) => all.flatMap(({ box }) => box ?? []));
    shift({ boxes: [...bars, ...tabs], wires: [] }, 0, top);
    const width = widths[i]!;
    const isRoot = row === root;
    const room = TUNNEL_MARGIN - 4;
    const routerMinY = isRoot && tunnels.length > 0 ? sandboxBottom + room - top : 0;
    const options = optionsFor(parts, row.namespace, routerMinY);
    const below = placeBelow(row, { x, y: top, width }, options);
    const frame = namespaceFrame(row.namespace, labels);
    Object.assign(frame, { x, y: top, width, height: below.bottom + NAMESPACE_PADDING - top });
    frames.push(frame);
    boxes.push(frame, ...bars, ...below.boxes);
    wires.push(...below.wires);
    if (!isRoot) sandboxBottom = Math.max(sandboxBottom, bottomOf(frame));
    x += width + GAP_X;
  }
  for (const frame of frames.slice(0, -1))
    frame.height = Math.max(frame.height, sandboxBottom - top);
  wires.push(...tunnelWires(parts, boxes));
}

/** Dashed lines from the vxlan devices under the sandboxes to the host's IP layer. */
function tunnelWires({ root, tunnels, labels }: HostParts, boxes: readonly Box[]): Wire[] {
  if (root === null) return [];
  const router = boxes.find(({ id }) => id === routerId(root.namespace));
  if (router === undefined) return [];
  return tunnels.flatMap((device, i) => {
    const box = boxes.find(({ id }) => id === device.id);
    if (box === undefined) return [];
    const y = router.y + 10 + (tunnels.length - 1 - i) * TUNNEL_STEP;
    const x = Math.min(centreX(box), rightOf(box) - 12);
    const points = [
      { x, y: bottomOf(box) },
      { x, y },
      { x: router.x, y },
    ];
    const label = i === tunnels.length - 1 ? labels.words.legendOf.tunnel : '';
    return [
      straight('tunnel', device.id, router.id, points, device.networkId, label && 'UDP 4789'),
    ];
  });
}
