/** The whole rack: hosts in a row, the underlay as a bar below them, what is behind it beside. */
import { assignTracks } from './channel.ts';
import { barLines, describeDevice, type LabelOptions, makeBox, titleWidth } from './labels.ts';
import {
  type Box,
  bottomOf,
  boundsOf,
  centreX,
  centreY,
  type Placement,
  rightOf,
  shift,
  type Wire,
} from './placement.ts';
import { type PlacedHost, placeHost } from './rack-host.ts';
import {
  isAddressed,
  NAMESPACE_PADDING,
  placeTabs,
  routerBox,
  straight,
} from './rack-namespace.ts';
import { outsidePeer, planRack, type RackPlan, rootOf } from './rack-plan.ts';
import { interfaceBox, portTab, type RowItem, TAB_HEIGHT } from './rack-row.ts';
import type { DeviceView, MachineView, Snapshot, SnapshotIndex } from './snapshot.ts';
import { spread } from './spread.ts';
import { shortName } from './text.ts';

const HOST_GAP = 26;
const UNDERLAY_GAP = 46;
const TRACK_STEP = 10;
const TRACKS_MAX = 12;

/** Null if a rack is the wrong picture for this network. */
export function layOutRack(
  snapshot: Snapshot,
  index: SnapshotIndex,
  labels: LabelOptions,
): Placement | null {
  const plan = planRack(snapshot, index);
  if (plan === null) return null;
  const hosts = plan.hosts.map((machine) => placeHost(index, machine, labels));
  const tallest = Math.max(...hosts.map(({ frame }) => frame.height));
  let x = 0;
  for (const host of hosts) {
    const isNested = host.boxes.some(({ kind }) => kind === 'namespace');
    const dy = isNested ? 0 : tallest - host.frame.height;
    shift(host, x, dy);
    if (isNested) host.frame.height = tallest;
    x = rightOf(host.frame) + HOST_GAP;
  }
  const boxes = hosts.flatMap((host) => host.boxes);
  const wires = hosts.flatMap((host) => host.wires);
  if (plan.underlay !== null)
    placeUnderlay(plan, plan.underlay, hosts, { index, labels, boxes, wires });
  if (plan.direct.length > 0) placeDirect(plan.direct, { index, labels, boxes, wires });
  return { ...boundsOf(boxes), boxes: sortedByDepth(boxes), wires };
}

interface Sheet {
  readonly index: SnapshotIndex;
  readonly labels: LabelOptions;
  readonly boxes: Box[];
  readonly wires: Wire[];
}

/** Outer boxes first, so that inner ones are painted over them. */
export function sortedByDepth(boxes: readonly Box[]): Box[] {
  const byId = new Map(boxes.map((box) => [box.id, box]));
  const depthOf = (box: Box): number => {
    const parent = box.parentId === null ? undefined : byId.get(box.parentId);
    return parent === undefined ? 0 : depthOf(parent) + 1;
  };
  const depths = new Map(boxes.map((box) => [box, depthOf(box)]));
  return [...boxes].sort((one, other) => depths.get(one)! - depths.get(other)!);
}

// ---- the underlay

/** Interfaces of a machine whose cables lead to other machines. */
function uplinksOf(index: SnapshotIndex, machine: MachineView): DeviceView[] {
  const inside = index.namespacesOf.get(machine.id) ?? [];
  return inside
    .flatMap(({ id }) => index.devicesOf.get(id) ?? [])
    .filter((device) => outsidePeer(index, device) !== null);
}

function placeUnderlay(
  plan: RackPlan,
  machine: MachineView,
  hosts: readonly PlacedHost[],
  sheet: Sheet,
): void {
  const { index, labels, boxes, wires } = sheet;
  const namespace = rootOf(index, machine)!;
  const devices = index.devicesOf.get(namespace.id) ?? [];
  const hostsWidth = rightOf(hosts.at(-1)!.frame);
  const gap = Math.max(UNDERLAY_GAP, 30 + Math.min(hosts.length, TRACKS_MAX) * TRACK_STEP);
  const top = Math.max(...hosts.map(({ frame }) => bottomOf(frame))) + gap;
  const bridges = devices.filter(({ kind }) => kind === 'bridge');
  const ports = devices.filter(({ masterId }) => masterId !== null);
  const others = devices.filter((device) => !bridges.includes(device) && !ports.includes(device));
  const frame = makeBox({
    id: machine.id,
    kind: 'machine',
    parentId: null,
    lines: [{ text: shortName(machine.name), style: 'title' }],
    description: `${labels.words.machine} ${machine.name}`,
    tone: 'underlay',
  });
  const items = bridges.map((bridge) => bridgeItem(sheet, bridge, ports));
  const isPlain = others.length === 0 && bridges.length === 1;
  const sides = others.map((device) => ({ device, box: interfaceBox(index, device, labels) }));
  const sidesWidth = sides.reduce((sum, { box }) => sum + box.width + 16, 0);
  const least = items.reduce((sum, { minWidth }) => sum + minWidth + 16, 0) + sidesWidth + 8;
  const behind = plan.behind === null ? null : placeHost(index, plan.behind, labels);
  const behindWidth = behind === null ? 0 : behind.frame.width + HOST_GAP + 14;
  const width = Math.max(hostsWidth - behindWidth, least, titleWidth(frame.lines) + 40);
  const spare = Math.max(0, width + behindWidth - hostsWidth) / 2;
  shift(sheet, spare, 0);
  const y = isPlain ? top + TAB_HEIGHT : top + 26 + TAB_HEIGHT;
  const inner = width - (isPlain ? 0 : 2 * NAMESPACE_PADDING) - sidesWidth;
  let x = isPlain ? 0 : NAMESPACE_PADDING;
  const height = Math.max(
    ...items.map(({ box }) => box.height),
    ...sides.map(({ box }) => box.height),
  );
  for (const { box } of items) {
    Object.assign(box, { x, y, height, width: (inner - 16 * (items.length - 1)) / items.length });
    x = rightOf(box) + 16;
  }
  for (const { box } of sides) {
    Object.assign(box, { x, y, height });
    x = rightOf(box) + 16;
  }
  joinHosts(items, sheet, top);
  const row = [...items.map(({ box, device }) => ({ box, device })), ...sides];
  if (!isPlain) {
    const router = routerBox({ namespace, items, lower: sides }, { labels, tunnelCount: 0 });
    if (router !== null) {
      Object.assign(router, { x: NAMESPACE_PADDING, y: y + height + 18, width: width - 24 });
      (router as { parentId: string | null }).parentId = machine.id;
      boxes.push(router);
      for (const { box, device } of row.filter((each) => isAddressed(each.device))) {
        const points = [
          { x: centreX(box), y: bottomOf(box) },
          { x: centreX(box), y: router.y },
        ];
        wires.push(straight('route', device.id, router.id, points, device.networkId));
      }
    }
    const bottom = router === null ? y + height : bottomOf(router);
    Object.assign(frame, { x: 0, y: top, width, height: bottom + NAMESPACE_PADDING - top });
    boxes.push(frame);
  }
  for (const { box } of row) {
    (box as { parentId: string | null }).parentId = isPlain ? null : machine.id;
    boxes.push(box);
  }
  if (behind !== null) joinBehind(behind, sides, sheet, isPlain ? width : rightOf(frame));
}

function bridgeItem(
  { index, labels }: Sheet,
  bridge: DeviceView,
  ports: readonly DeviceView[],
): RowItem {
  const network = bridge.networkId === null ? undefined : index.network.get(bridge.networkId);
  const own = ports.filter(({ masterId }) => masterId === bridge.id);
  const tabs = own.map((port) => portTab(index, port, bridge));
  const lines = barLines(bridge, network, labels);
  const hasAddress = lines.some(({ style }) => style === 'address');
  const subnet = network?.subnets[0];
  if (!hasAddress && subnet !== undefined) lines.splice(1, 0, { text: subnet, style: 'address' });
  const box = makeBox({
    id: bridge.id,
    kind: 'bar',
    parentId: null,
    lines,
    networkId: bridge.networkId,
    description: describeDevice(bridge, index.namespace.get(bridge.namespaceId)),
    tone: 'switch',
    minWidth: 150,
  });
  const minWidth = tabs.reduce((sum, { width }) => sum + width + 5, 14);
  return { device: bridge, box, tabs, lower: [], minWidth: Math.max(box.width, minWidth) };
}

/** Wires from the hosts' uplinks down to the ports. */
function joinHosts(items: readonly RowItem[], { boxes, wires }: Sheet, top: number): void {
  const boxOf = new Map(boxes.map((box) => [box.id, box]));
  const xOf = (id: string): number | null => {
    const box = boxOf.get(id);
    return box === undefined ? null : uplinkX(box);
  };
  const places = items.flatMap((item) => placeTabs(item, xOf));
  for (const { tab } of places) if (tab.box !== null) boxes.push(tab.box);
  const wired = places.filter(({ tab }) => tab.partnerId !== null && boxOf.has(tab.partnerId));
  const runs = wired.map(({ tab, x }) => ({ fromX: xOf(tab.partnerId!)!, toX: x }));
  const tracks = assignTracks(runs);
  // Many tracks stand closer: they have the room between hosts and underlay, and no more.
  const deepest = Math.max(0, ...tracks);
  const step = Math.min(TRACK_STEP, (TRACKS_MAX * TRACK_STEP) / Math.max(1, deepest));
  for (const [i, { tab, x, y, endId }] of wired.entries()) {
    const from = boxOf.get(tab.partnerId!)!;
    const start = { x: runs[i]!.fromX, y: bottomOf(from) };
    const trackY = top - 12 - (deepest - tracks[i]!) * step;
    const points =
      tracks[i] === -1
        ? [
            { x, y: start.y },
            { x, y },
          ]
        : [start, { x: start.x, y: trackY }, { x, y: trackY }, { x, y }];
    wires.push(straight('link', from.id, endId, points, from.networkId));
  }
}

/** An uplink that is a bar (a macvlan parent) leaves at its right end, past the IP layer. */
function uplinkX(box: Box): number {
  return box.kind === 'bar' ? rightOf(box) - 18 : centreX(box);
}

function joinBehind(
  behind: PlacedHost,
  sides: readonly { readonly device: DeviceView; readonly box: Box }[],
  { index, boxes, wires }: Sheet,
  left: number,
): void {
  const link = sides.find(({ device }) => outsidePeer(index, device) !== null);
  if (link === undefined) return;
  const far = behind.boxes.find(({ id }) => id === link.device.peerId);
  if (far === undefined) return;
  shift(behind, left + HOST_GAP + 14, centreY(link.box) - centreY(far));
  boxes.push(...behind.boxes);
  wires.push(...behind.wires);
  const y = centreY(link.box);
  const points = [
    { x: rightOf(link.box), y },
    { x: far.x, y },
  ];
  wires.push(straight('link', link.device.id, far.id, points, link.device.networkId));
}

// ---- clients without a switch

function placeDirect(machines: readonly MachineView[], sheet: Sheet): void {
  const { index, labels, boxes, wires } = sheet;
  const top = Math.max(...boxes.map(bottomOf)) + UNDERLAY_GAP;
  const placed = machines.flatMap((machine) => {
    const host = placeHost(index, machine, labels);
    const device = uplinksOf(index, machine)[0];
    const own = host.boxes.find(({ id }) => id === device?.id);
    const peer = boxes.find(({ id }) => id === device?.peerId);
    if (own === undefined || peer === undefined) return [];
    return [{ host, own, peer, wanted: uplinkX(peer) }];
  });
  placed.sort((one, other) => one.wanted - other.wanted);
  const width = Math.max(...boxes.map(rightOf));
  const items = placed.map(({ host, wanted }) => ({ width: host.frame.width, wanted }));
  const centres = spread(items, { gap: HOST_GAP, min: 0, max: width });
  const runs = placed.map(({ host, own, wanted }, i) => {
    shift(host, centres[i]! - host.frame.width / 2, top);
    return { fromX: wanted, toX: centreX(own) };
  });
  const tracks = assignTracks(runs);
  for (const [i, { host, own, peer }] of placed.entries()) {
    const { fromX, toX } = runs[i]!;
    const trackY = top - 14 - (Math.max(...tracks) - tracks[i]!) * TRACK_STEP;
    const bend =
      tracks[i] === -1
        ? []
        : [
            { x: fromX, y: trackY },
            { x: toX, y: trackY },
          ];
    const points = [{ x: fromX, y: bottomOf(peer) }, ...bend, { x: toX, y: own.y }];
    wires.push(straight('link', peer.id, own.id, points, peer.networkId));
    boxes.push(...host.boxes);
    wires.push(...host.wires);
  }
}
