/**
 * The general layout: machines, namespaces and interfaces as nested boxes in layers from left to
 * right, placed by ELK. For chains of routers and everything else that is no rack.
 */
import type { ELK as Elk, ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api.js';
import { assert } from '../base/assert.ts';
import { barLines, describeDevice, type LabelOptions, makeBox, titleWidth } from './labels.ts';
import {
  type Box,
  boundsOf,
  type Placement,
  type Point,
  type Wire,
  type WireKind,
} from './placement.ts';
import { sortedByDepth } from './rack-layout.ts';
import { namespaceFrame } from './rack-leaf.ts';
import { isAddressed, routerBox, straight } from './rack-namespace.ts';
import { machineOfDevice } from './rack-plan.ts';
import { interfaceBox } from './rack-row.ts';
import type {
  DeviceView,
  MachineView,
  NamespaceView,
  Snapshot,
  SnapshotIndex,
} from './snapshot.ts';
import { shortName } from './text.ts';

const ROOT_OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'RIGHT',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.json.edgeCoords': 'ROOT',
  'elk.json.shapeCoords': 'ROOT',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.spacing.nodeNodeBetweenLayers': '22',
  'elk.spacing.nodeNode': '16',
  'elk.spacing.edgeNode': '12',
  'elk.spacing.edgeEdge': '9',
  'elk.padding': '[top=0,left=0,bottom=0,right=0]',
  'elk.randomSeed': '1',
} as const;
const MACHINE_PADDING = '[top=32,left=14,bottom=14,right=14]';
const NAMESPACE_PADDING = '[top=26,left=10,bottom=10,right=10]';

interface Sheet {
  readonly index: SnapshotIndex;
  readonly labels: LabelOptions;
  readonly boxes: Map<string, Box>;
  readonly wires: Wire[];
  /** How far each machine is from the first one, in cables. */
  readonly depthOf: ReadonlyMap<string, number>;
}

export async function layOutLayered(
  snapshot: Snapshot,
  index: SnapshotIndex,
  labels: LabelOptions,
): Promise<Placement> {
  const depthOf = depths(snapshot, index);
  const sheet: Sheet = { index, labels, boxes: new Map(), wires: [], depthOf };
  const children = snapshot.machines.map((machine) => machineNode(sheet, machine));
  addWires(snapshot, sheet);
  const edges: ElkExtendedEdge[] = sheet.wires.map(({ id, from, to }) => ({
    id,
    sources: [from],
    targets: [to],
  }));
  const elk = await loadElk();
  const graph: ElkNode = { id: 'sheet', layoutOptions: ROOT_OPTIONS, children, edges };
  const placed = await elk.layout(graph);
  readNodes(placed, sheet.boxes);
  readEdges(placed, sheet.wires);
  const boxes = sortedByDepth([...sheet.boxes.values()]);
  const wires = sheet.wires.filter(({ points }) => points.length > 1);
  return { ...boundsOf(boxes), boxes, wires };
}

/** ELK is large: it is loaded for the drawings that need it. */
async function loadElk(): Promise<Elk> {
  const module = (await import('elkjs/lib/elk.bundled.js')) as unknown as {
    readonly default: (new () => Elk) | { readonly default: new () => Elk };
  }; // CommonJS seen from ESM: the class stands one or two levels deep
  const found = module.default;
  const Constructor = typeof found === 'function' ? found : found.default;
  return new Constructor();
}

/** Distance of each machine from the first one. */
function depths({ machines, devices }: Snapshot, index: SnapshotIndex): Map<string, number> {
  const links = new Map<string, string[]>();
  for (const device of devices) {
    const otherId = device.peerId ?? device.parentId;
    const other = otherId === null ? undefined : index.device.get(otherId);
    if (other === undefined) continue;
    const [a, b] = [machineOfDevice(index, device), machineOfDevice(index, other)];
    if (a === b) continue;
    links.set(a, [...(links.get(a) ?? []), b]);
    links.set(b, [...(links.get(b) ?? []), a]);
  }
  const depthOf = new Map<string, number>();
  for (const { id } of machines) {
    if (depthOf.has(id)) continue;
    depthOf.set(id, 0);
    const queue = [id];
    for (const at of queue) {
      for (const next of links.get(at) ?? []) {
        if (depthOf.has(next)) continue;
        depthOf.set(next, depthOf.get(at)! + 1);
        queue.push(next);
      }
    }
  }
  return depthOf;
}

// ---- boxes

function nodeOf(box: Box, sheet: Sheet): ElkNode {
  sheet.boxes.set(box.id, box);
  return { id: box.id, width: box.width, height: box.height };
}

function machineNode(sheet: Sheet, machine: MachineView): ElkNode {
  const { index, labels } = sheet;
  const inside = index.namespacesOf.get(machine.id) ?? [];
  const frame = makeBox({
    id: machine.id,
    kind: 'machine',
    parentId: null,
    lines: [{ text: shortName(machine.name.replaceAll('\n', ' · '), 60), style: 'title' }],
    description: `${labels.words.machine} ${machine.name}`,
    tone: 'host',
  });
  const isFlat = inside.length <= 1;
  const children = isFlat
    ? inside.flatMap((namespace) => deviceNodes(sheet, namespace, machine.id))
    : inside.map((namespace) => namespaceNode(sheet, namespace));
  const options = {
    'elk.padding': MACHINE_PADDING,
    'elk.nodeSize.constraints': 'MINIMUM_SIZE',
    'elk.nodeSize.minimum': `(${titleWidth(frame.lines) + 14},${children.length === 0 ? 40 : 60})`,
  };
  const node = nodeOf(frame, sheet);
  return children.length === 0 ? node : { ...node, children, layoutOptions: options };
}

function namespaceNode(sheet: Sheet, namespace: NamespaceView): ElkNode {
  const frame = namespaceFrame(namespace, sheet.labels);
  const children = deviceNodes(sheet, namespace, namespace.id);
  const options = {
    'elk.padding': NAMESPACE_PADDING,
    'elk.nodeSize.constraints': 'MINIMUM_SIZE',
    'elk.nodeSize.minimum': `(${titleWidth(frame.lines)},40)`,
  };
  const node = nodeOf(frame, sheet);
  return children.length === 0 ? node : { ...node, children, layoutOptions: options };
}

/** The IP layer of a namespace as the router's box; null if it needs none. */
function routerOf({ index, labels }: Sheet, namespace: NamespaceView): Box | null {
  const devices = index.devicesOf.get(namespace.id) ?? [];
  const lower = devices.map((device) => ({ device, box: interfaceBox(index, device, labels) }));
  const tunnelCount = [...index.device.values()].filter(
    ({ underlayNamespaceId }) => underlayNamespaceId === namespace.id,
  ).length;
  return routerBox({ namespace, items: [], lower }, { labels, tunnelCount });
}

function deviceNodes(sheet: Sheet, namespace: NamespaceView, parentId: string): ElkNode[] {
  const { index, labels } = sheet;
  const boxes = (index.devicesOf.get(namespace.id) ?? []).map((device) => {
    if (device.kind !== 'bridge') return { ...interfaceBox(index, device, labels), parentId };
    const network = device.networkId === null ? undefined : index.network.get(device.networkId);
    return makeBox({
      id: device.id,
      kind: 'bar',
      parentId,
      lines: barLines(device, network, labels),
      networkId: device.networkId,
      description: describeDevice(device, namespace),
      tone: 'bridge',
    });
  });
  const router = routerOf(sheet, namespace);
  const all = router === null ? boxes : [...boxes, { ...router, parentId }];
  return all.map((box) => nodeOf(box, sheet));
}

// ---- wires

function addWires({ devices }: Snapshot, sheet: Sheet): void {
  const { boxes, wires, index } = sheet;
  const seen = new Set<string>();
  const add = (kind: WireKind, a: DeviceView, b: DeviceView): void => {
    if (!boxes.has(a.id) || !boxes.has(b.id) || seen.has(`${b.id}-${a.id}`)) return;
    const [from, to] = isBefore(sheet, a, b) ? [a, b] : [b, a];
    const wire = straight(kind, from.id, to.id, [], a.networkId);
    if (seen.has(wire.id)) return;
    seen.add(wire.id);
    wires.push(wire);
  };
  for (const device of devices) {
    const at = (id: string | null): DeviceView | undefined =>
      id === null ? undefined : index.device.get(id);
    const peer = at(device.peerId);
    const master = at(device.masterId);
    const parent = at(device.parentId);
    if (peer !== undefined) add('link', device, peer);
    if (master !== undefined) add('link', device, master);
    if (parent !== undefined) add('parent', device, parent);
  }
  for (const device of devices) addRoutes(sheet, device);
}

/** Between an interface and the IP layer of its namespace, and of a tunnel's underlay. */
function addRoutes(sheet: Sheet, device: DeviceView): void {
  const { boxes, wires } = sheet;
  const router = `ip:${device.namespaceId}`;
  if (isAddressed(device) && boxes.has(router) && boxes.has(device.id)) {
    const isIn = facesBack(sheet, device);
    const [from, to] = isIn ? [device.id, router] : [router, device.id];
    wires.push(straight('route', from, to, [], device.networkId));
  }
  const underlay = `ip:${device.underlayNamespaceId ?? ''}`;
  if (boxes.has(underlay) && boxes.has(device.id)) {
    wires.push(straight('tunnel', device.id, underlay, [], device.networkId));
  }
}

/** Whether the interface's cable leads to a machine nearer to the first one. */
function facesBack(sheet: Sheet, device: DeviceView): boolean {
  const { index, depthOf } = sheet;
  const peer = device.peerId === null ? undefined : index.device.get(device.peerId);
  if (peer === undefined) return true;
  const own = depthOf.get(machineOfDevice(index, device)) ?? 0;
  return (depthOf.get(machineOfDevice(index, peer)) ?? 0) < own;
}

function isBefore({ index, depthOf }: Sheet, a: DeviceView, b: DeviceView): boolean {
  const depthA = depthOf.get(machineOfDevice(index, a)) ?? 0;
  const depthB = depthOf.get(machineOfDevice(index, b)) ?? 0;
  if (depthA !== depthB) return depthA < depthB;
  return b.kind === 'bridge' || a.kind !== 'bridge';
}

// ---- what ELK found

function readNodes(node: ElkNode, boxes: ReadonlyMap<string, Box>): void {
  for (const child of node.children ?? []) {
    const box = boxes.get(child.id);
    assert(box !== undefined, 'ELK gives back the boxes that it got');
    const { x = 0, y = 0, width = 0, height = 0 } = child;
    Object.assign(box, { x, y, width, height });
    readNodes(child, boxes);
  }
}

function readEdges(node: ElkNode, wires: readonly Wire[]): void {
  const wireOf = new Map(wires.map((wire) => [wire.id, wire]));
  const visit = (at: ElkNode): void => {
    for (const edge of at.edges ?? []) {
      const wire = wireOf.get(edge.id);
      if (wire !== undefined) wire.points = pointsOf(edge);
    }
    for (const child of at.children ?? []) visit(child);
  };
  visit(node);
}

function pointsOf({ sections }: ElkExtendedEdge): Point[] {
  return (sections ?? []).flatMap(({ startPoint, bendPoints, endPoint }) =>
    [startPoint, ...(bendPoints ?? []), endPoint].map(({ x, y }) => ({ x, y })),
  );
}
