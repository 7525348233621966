/**
 * Networks as horizontal bars, and whoever is on them as boxes above with a line down to each: the view
 * of somebody who writes a Compose file (services), or who counts addresses (networks).
 *
 *     +------+  +------+  +------+
 *     | web  |  | api  |  | db   |
 *     +--+---+  +-+--+-+  +---+--+
 *        |        |  |        |
 *     ===o========o==|========|===== front  10.0.1.0/24
 *                 ===o========o===== back   10.0.2.0/24
 */
import { linesHeight, makeBox } from './labels.ts';
import {
  type Box,
  type BoxLine,
  bottomOf,
  type Placement,
  rightOf,
  type Wire,
} from './placement.ts';
import { straight } from './rack-namespace.ts';
import {
  type DeviceView,
  grouped,
  type NamespaceView,
  type NetworkView,
  type Snapshot,
  type SnapshotIndex,
} from './snapshot.ts';
import { shortName, textWidth } from './text.ts';
import type { Words } from './words.ts';

/** What stands above the bars: a service with its replicas, or one namespace. */
interface Column {
  readonly id: string;
  readonly machineId: string | null;
  readonly lines: readonly BoxLine[];
  readonly description: string;
  readonly tone: string;
  /** One line down to each, with what is written beside it. */
  readonly legs: readonly {
    readonly networkId: string;
    readonly label: string;
    readonly deviceId: string;
  }[];
}

const COLUMN_GAP = 18;
const MACHINE_PADDING = 12;
const MACHINE_TITLE = 28;
const BAR_HEIGHT = 26;
const BAR_GAP = 30;
const LEG_GAP = 14;
const FIRST_BAR = 44;

export function layOutBuses(
  snapshot: Snapshot,
  index: SnapshotIndex,
  detail: 'services' | 'networks',
  words: Words,
): Placement {
  const shown = snapshot.namespaces.filter(({ kind }) => isShown(kind, snapshot));
  const isByService = detail === 'services';
  const columns = isByService
    ? serviceColumns(snapshot, shown, index, words)
    : memberColumns(shown, index, words);
  const used = new Set(columns.flatMap(({ legs }) => legs.map(({ networkId }) => networkId)));
  const networks = snapshot.networks.filter(({ id }) => used.has(id));
  const ordered = isByService ? columns : byMachine(columns, snapshot);
  const boxes: Box[] = [];
  const wires: Wire[] = [];
  const placed = placeColumns(ordered, isByService ? null : index, boxes, words);
  const width = Math.max(260, ...boxes.map(rightOf));
  const top = Math.max(0, ...boxes.map(bottomOf));
  let y = top + FIRST_BAR;
  // Bridges of the same name on several hosts are not one network: they share a row.
  for (const row of grouped(networks, networkKey).values()) {
    for (const network of row) {
      const span = row.length === 1 ? { left: 0, right: width } : spanOf(network, placed);
      placeBar(network, { y, ...span, placed, boxes, wires, words });
    }
    y += BAR_HEIGHT + BAR_GAP;
  }
  const height = boxes.length === 0 ? 0 : Math.max(...boxes.map(bottomOf));
  const right = Math.max(width, ...boxes.map(rightOf));
  return { width: boxes.length === 0 ? 0 : right, height, boxes, wires };
}

/** Sandboxes are how overlays are made, not what is on them; without containers everything counts. */
function isShown(kind: NamespaceView['kind'], { namespaces }: Snapshot): boolean {
  const hasContainers = namespaces.some((each) => each.kind === 'container');
  if (kind === 'sandbox' || kind === 'lb' || kind === 'ingress') return false;
  return !hasContainers || kind === 'container';
}

// ---- what stands above

function serviceColumns(
  snapshot: Snapshot,
  namespaces: readonly NamespaceView[],
  index: SnapshotIndex,
  words: Words,
): Column[] {
  const groups = grouped(namespaces, ({ service, label }) => service || label);
  const first = new Map<string, string>();
  for (const network of [...snapshot.networks].reverse())
    first.set(networkKey(network), network.id);
  const ports = snapshot.machines.flatMap((machine) => machine.ports);
  return [...groups.entries()].map(([name, members]) => {
    const count = members.reduce((sum, { foldedCount }) => sum + Math.max(1, foldedCount), 0);
    const ids = new Set(members.map(({ id }) => id));
    const published = ports
      .filter(({ namespaceId }) => ids.has(namespaceId))
      .map(({ hostPort, containerPort }) => `● :${hostPort} → ${containerPort}`);
    const lines: BoxLine[] = [{ text: shortName(name.split('\n')[0] ?? ''), style: 'name' }];
    const note = (members[0]?.note ?? '').replace(/@sha256:.*$/, '');
    if (note !== '') lines.push({ text: shortName(note, 24), style: 'small' });
    if (count > 1) lines.push({ text: words.replicas(count), style: 'address' });
    for (const text of [...new Set(published)].slice(0, 3)) lines.push({ text, style: 'address' });
    const devices = members.flatMap(({ id }) => index.devicesOf.get(id) ?? []);
    const networks = new Map<string, DeviceView>();
    for (const device of devices) {
      const network = index.network.get(device.networkId ?? '');
      // How tasks reach the outside is no network that a Compose file names.
      if (network === undefined || network.name === 'docker_gwbridge') continue;
      const id = first.get(networkKey(network)) ?? network.id;
      if (!networks.has(id)) networks.set(id, device);
    }
    const legs = [...networks].map(([networkId, { id }]) => ({
      networkId,
      label: '',
      deviceId: id,
    }));
    const description = [words.service, name, note, ...published].join(', ');
    return { id: `service:${name}`, machineId: null, lines, description, tone: 'service', legs };
  });
}

function memberColumns(
  namespaces: readonly NamespaceView[],
  index: SnapshotIndex,
  words: Words,
): Column[] {
  return namespaces.map((namespace) => {
    const { id, machineId, label, kind, note } = namespace;
    const [title = '', ...rest] = label.split('\n');
    const isLone = index.machine.get(machineId)?.kind === 'namespace';
    const lines: BoxLine[] = [{ text: shortName(title, 20), style: 'name' }];
    for (const text of rest) lines.push({ text, style: 'small' });
    if (kind === 'root' && title === index.machine.get(machineId)?.name) {
      lines.push({ text: words.hostNamespace, style: 'small' });
    }
    const legs = (index.devicesOf.get(id) ?? [])
      .filter(({ networkId, masterId }) => networkId !== null && masterId === null)
      .map((device) => ({
        networkId: device.networkId!,
        label: addressText(device, namespace.foldedCount),
        deviceId: device.id,
      }));
    return {
      id,
      machineId: isLone ? null : machineId,
      lines,
      description: [label.replaceAll('\n', ', '), note].filter((text) => text !== '').join(', '),
      tone: kind,
      legs,
    };
  });
}

function addressText({ addresses, name }: DeviceView, foldedCount: number): string {
  if (foldedCount > 0) return `× ${foldedCount}`;
  return addresses[0]?.address ?? name;
}

function byMachine(columns: readonly Column[], { machines }: Snapshot): Column[] {
  const rank = new Map(machines.map(({ id }, i) => [id, i]));
  const rankOf = ({ machineId }: Column): number => rank.get(machineId ?? '') ?? machines.length;
  return [...columns].sort((one, other) => rankOf(one) - rankOf(other));
}

interface PlacedColumn {
  readonly column: Column;
  readonly box: Box;
  /** Where each leg comes down. */
  readonly legX: readonly number[];
}

/** Boxes in a row; neighbours on one machine within a frame of that machine. */
function placeColumns(
  columns: readonly Column[],
  index: SnapshotIndex | null,
  boxes: Box[],
  words: Words,
): PlacedColumn[] {
  const hasFrames = index !== null && columns.some(({ machineId }) => machineId !== null);
  const top = hasFrames ? MACHINE_TITLE : 0;
  const placed: PlacedColumn[] = [];
  let x = 0;
  let before: string | null = null;
  let frame: Box | null = null;
  const height = Math.max(0, ...columns.map(({ lines }) => linesHeight(lines))) + 4;
  for (const column of columns) {
    if (hasFrames && column.machineId !== before) {
      if (frame !== null) x += MACHINE_PADDING;
      frame = column.machineId === null ? null : machineFrame(column.machineId, index, words);
      if (frame !== null) {
        Object.assign(frame, { x, y: 0, height: MACHINE_TITLE + height + MACHINE_PADDING });
        boxes.push(frame);
        x += MACHINE_PADDING;
      }
      before = column.machineId;
    }
    const box = makeBox({
      id: column.id,
      kind: 'service',
      parentId: frame?.id ?? null,
      lines: column.lines,
      networkId: null,
      description: column.description,
      tone: column.tone,
      minWidth: 92,
    });
    const legs = column.legs.map(({ label }) => textWidth(label, 9, 'mono') + LEG_GAP);
    const legsWidth = legs.reduce((sum, width) => sum + width, 8);
    Object.assign(box, { x, y: top, height, width: Math.max(box.width, legsWidth) });
    placed.push({ column, box, legX: legPlaces(box, legs) });
    boxes.push(box);
    if (frame !== null)
      frame.width = Math.max(frame.width, rightOf(box) + MACHINE_PADDING - frame.x);
    x = rightOf(box) + COLUMN_GAP;
  }
  return placed;
}

/** Each leg has its label on its right. */
function legPlaces(box: Box, widths: readonly number[]): number[] {
  const total = widths.reduce((sum, width) => sum + width, 0);
  const hasLabels = widths.some((width) => width > LEG_GAP);
  if (!hasLabels) return widths.map((_, i) => box.x + (box.width * (i + 1)) / (widths.length + 1));
  let x = box.x + (box.width - total) / 2 + LEG_GAP / 2;
  return widths.map((width) => {
    const at = x;
    x += width;
    return at;
  });
}

function machineFrame(id: string, index: SnapshotIndex, words: Words): Box | null {
  const machine = index.machine.get(id);
  if (machine === undefined) return null;
  return makeBox({
    id,
    kind: 'machine',
    parentId: null,
    lines: [{ text: shortName(machine.name.replaceAll('\n', ' · ')), style: 'title' }],
    description: `${words.machine} ${machine.name}`,
    tone: 'host',
  });
}

// ---- the bars

/** What makes two networks look the same. */
export function networkKey({ name, subnets }: NetworkView): string {
  return `${name} ${subnets.join(' ')}`;
}

/** From its first member to its last. */
function spanOf(
  { id }: NetworkView,
  placed: readonly PlacedColumn[],
): { left: number; right: number } {
  const members = placed.filter(({ column }) => column.legs.some((leg) => leg.networkId === id));
  const left = Math.min(...members.map(({ box }) => box.x));
  return { left, right: Math.max(...members.map(({ box }) => rightOf(box))) };
}

interface BarSheet {
  readonly y: number;
  readonly left: number;
  readonly right: number;
  readonly placed: readonly PlacedColumn[];
  readonly boxes: Box[];
  readonly wires: Wire[];
  readonly words: Words;
}

function placeBar(network: NetworkView, sheet: BarSheet): void {
  const { y, left, right, placed, boxes, wires, words } = sheet;
  const { id, name, subnets, vni, driver, isInternal } = network;
  const parts = [
    shortName(name),
    subnets[0] === name ? '' : (subnets[0] ?? ''),
    driver,
    vni === null || name.includes(String(vni)) ? '' : `VNI ${vni}`,
    isInternal ? words.internal : '',
  ];
  const text = parts.filter((part) => part !== '').join(' · ');
  const bar = makeBox({
    id: `bar:${id}`,
    kind: 'network',
    parentId: null,
    lines: [{ text, style: 'title' }],
    networkId: id,
    description: text,
    tone: 'bus',
  });
  const isWhole = left === 0;
  const width = isWhole ? Math.max(right, bar.width) : right - left;
  Object.assign(bar, { x: left, y, height: BAR_HEIGHT, width });
  boxes.push(bar);
  for (const { column, box, legX } of placed) {
    for (const [i, leg] of column.legs.entries()) {
      if (leg.networkId !== id) continue;
      const x = legX[i]!;
      const points = [
        { x, y: bottomOf(box) },
        { x, y },
      ];
      const wire = straight('link', box.id, bar.id, points, id, leg.label);
      wires.push({ ...wire, id: `${wire.id}/${i}` });
    }
  }
}
