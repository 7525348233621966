/**
 * What stands in the lower row of a host: the bridges (and parents) of a sandbox or of the host's own
 * namespace, with a tab for each port, and below them what they are joined to.
 */
import { barLines, describeDevice, deviceLines, type LabelOptions, makeBox } from './labels.ts';
import type { Box } from './placement.ts';
import { outsidePeer } from './rack-plan.ts';
import type { DeviceView, NamespaceView, SnapshotIndex } from './snapshot.ts';

/** A place on the upper edge of a bar at which a wire from above ends. */
export interface Tab {
  /** The interface above; null for a port without one. */
  readonly partnerId: string | null;
  /** The port's own box; null where the wire ends on the bar itself. */
  readonly box: Box | null;
  readonly width: number;
}

/** A bridge, a parent, or an interface with a wire upwards. */
export interface RowItem {
  readonly device: DeviceView;
  readonly box: Box;
  readonly tabs: readonly Tab[];
  /** Boxes below that are joined to it on layer 2. */
  readonly lower: readonly DeviceView[];
  minWidth: number;
}

export interface RowNamespace {
  readonly namespace: NamespaceView;
  readonly items: readonly RowItem[];
  /** Everything else: uplinks, vxlan devices, dummies. */
  readonly lower: readonly { readonly device: DeviceView; readonly box: Box }[];
}

export const TAB_HEIGHT = 15;
const TAB_GAP = 5;
const BARE_TAB_WIDTH = 26;

/** Sorts the devices of a sandbox or of a root namespace into bars and what is below them. */
export function planRow(
  index: SnapshotIndex,
  namespace: NamespaceView,
  labels: LabelOptions,
): RowNamespace {
  const devices = index.devicesOf.get(namespace.id) ?? [];
  const children = childrenOf(index, devices);
  const isAbove = (device: DeviceView): boolean =>
    device.kind === 'bridge' ||
    (children.get(device.id) ?? []).some(({ namespaceId }) => namespaceId !== namespace.id) ||
    (device.masterId === null && hasPeerAbove(index, device));
  const bars = devices.filter(isAbove);
  const items = bars.map((device) => planItem(index, device, devices, children, labels));
  const onTabs = new Set(items.flatMap(({ tabs }) => tabs.map(({ box }) => box?.id ?? '')));
  const lower = devices
    .filter((device) => !bars.includes(device) && !onTabs.has(device.id))
    .sort((one, other) => Number(one.isLoopback) - Number(other.isLoopback))
    .map((device) => ({ device, box: interfaceBox(index, device, labels) }));
  // Those with wires down stand on the right, beyond the IP layer; unused ones before them.
  const rankOf = (item: RowItem): number => {
    if (item.lower.length > 0 || outsidePeer(index, item.device) !== null) return 2;
    return item.tabs.length === 0 ? 1 : 0;
  };
  items.sort((one, other) => rankOf(one) - rankOf(other));
  return { namespace, items, lower };
}

export function interfaceBox(index: SnapshotIndex, device: DeviceView, labels: LabelOptions): Box {
  return makeBox({
    id: device.id,
    kind: 'interface',
    parentId: device.namespaceId,
    lines: deviceLines(device, labels),
    networkId: device.networkId,
    description: describeDevice(device, index.namespace.get(device.namespaceId)),
    tone: device.isUp ? device.kind : 'down',
    minWidth: 84,
  });
}

/** The VLAN, macvlan and ipvlan devices on each of these, wherever they are. */
function childrenOf(
  index: SnapshotIndex,
  devices: readonly DeviceView[],
): Map<string, DeviceView[]> {
  const children = new Map<string, DeviceView[]>(devices.map(({ id }) => [id, []]));
  for (const device of index.device.values()) {
    if (device.parentId !== null) children.get(device.parentId)?.push(device);
  }
  return children;
}

/** A veth whose other end is in another namespace of the same machine. */
function hasPeerAbove(index: SnapshotIndex, device: DeviceView): boolean {
  const peer = device.peerId === null ? undefined : index.device.get(device.peerId);
  if (peer === undefined || outsidePeer(index, device) !== null) return false;
  return peer.namespaceId !== device.namespaceId;
}

function planItem(
  index: SnapshotIndex,
  device: DeviceView,
  devices: readonly DeviceView[],
  children: ReadonlyMap<string, readonly DeviceView[]>,
  labels: LabelOptions,
): RowItem {
  const ports = devices.filter(({ masterId }) => masterId === device.id);
  const isTab = (port: DeviceView): boolean =>
    port.kind !== 'vxlan' && (port.peerId !== null || port.kind === 'dummy');
  const upper = ports.filter((port) => isTab(port) && outsidePeer(index, port) === null);
  const tabs: Tab[] = upper.map((port) => portTab(index, port, device));
  const stacked = (children.get(device.id) ?? []).filter(
    ({ namespaceId }) => namespaceId !== device.namespaceId,
  );
  for (const child of stacked) {
    tabs.push({ partnerId: child.id, box: null, width: BARE_TAB_WIDTH });
  }
  if (ports.length === 0 && stacked.length === 0 && hasPeerAbove(index, device)) {
    tabs.push({ partnerId: device.peerId, box: null, width: BARE_TAB_WIDTH });
  }
  const parent = device.parentId === null ? undefined : index.device.get(device.parentId);
  const below = ports.filter((port) => !upper.includes(port));
  const isHere = parent !== undefined && parent.namespaceId === device.namespaceId;
  const lower = isHere ? [...below, parent] : below;
  const network = device.networkId === null ? undefined : index.network.get(device.networkId);
  const isBridge = device.kind === 'bridge';
  const box = makeBox({
    id: device.id,
    kind: 'bar',
    parentId: device.namespaceId,
    lines: isBridge ? barLines(device, network, labels) : deviceLines(device, labels),
    networkId: device.networkId,
    description: describeDevice(device, index.namespace.get(device.namespaceId)),
    tone: device.isUp ? device.kind : 'down',
    minWidth: isBridge ? 120 : 100,
  });
  const tabsWidth = tabs.reduce((sum, { width }) => sum + width + TAB_GAP, 14);
  return { device, box, tabs, lower, minWidth: Math.max(box.width, tabsWidth) };
}

/** A port on the upper edge of its bridge. */
export function portTab(index: SnapshotIndex, port: DeviceView, bridge: DeviceView): Tab {
  const peer = port.peerId === null ? undefined : index.device.get(port.peerId);
  const owner = index.namespace.get(peer?.namespaceId ?? '');
  const machine = index.machine.get(owner?.machineId ?? '');
  // A card stands for many: so does its port.
  const count = owner?.foldedCount || machine?.foldedCount || 0;
  const box = makeBox({
    id: port.id,
    kind: 'port',
    parentId: bridge.id,
    lines: [{ text: count === 0 ? port.name : `× ${count}`, style: 'small' }],
    networkId: port.networkId,
    description: describeDevice(port, index.namespace.get(port.namespaceId)),
    tone: port.isUp ? port.kind : 'down',
  });
  box.height = TAB_HEIGHT;
  box.width -= 6;
  return { partnerId: port.peerId, box, width: box.width };
}

export const tabGap = TAB_GAP;
