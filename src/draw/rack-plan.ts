/**
 * The rack: hosts side by side, what lies between them in a bar below, the client beside it. This file
 * decides who stands where, or that a rack is the wrong picture.
 */
import type {
  DeviceView,
  MachineView,
  NamespaceView,
  Snapshot,
  SnapshotIndex,
} from './snapshot.ts';

export interface RackPlan {
  /** Left to right. */
  readonly hosts: readonly MachineView[];
  /** The machine (or lone namespace) whose bridge joins the hosts; null if they have none. */
  readonly underlay: MachineView | null;
  /** Behind the underlay: the internet behind its router. */
  readonly behind: MachineView | null;
  /** Joined to hosts directly: a client without a switch. */
  readonly direct: readonly MachineView[];
}

/** Whose device the other end of a cable is; null for none, or for one in the same machine. */
export function outsidePeer(index: SnapshotIndex, device: DeviceView): DeviceView | null {
  const peer = device.peerId === null ? undefined : index.device.get(device.peerId);
  if (peer === undefined) return null;
  return machineOfDevice(index, peer) === machineOfDevice(index, device) ? null : peer;
}

export function machineOfDevice(index: SnapshotIndex, { namespaceId }: DeviceView): string {
  return index.namespace.get(namespaceId)?.machineId ?? '';
}

/** The namespace in which a machine's own interfaces are; undefined if it has none. */
export function rootOf(index: SnapshotIndex, machine: MachineView): NamespaceView | undefined {
  const inside = index.namespacesOf.get(machine.id) ?? [];
  return (
    inside.find(({ kind }) => kind === 'root') ?? (inside.length === 1 ? inside[0] : undefined)
  );
}

/** Who stands where. Null if hosts, bridges and links do not make a rack. */
export function planRack(snapshot: Snapshot, index: SnapshotIndex): RackPlan | null {
  const { machines } = snapshot;
  const linksOf = outsideLinks(snapshot, index);
  const underlays = machines.filter((machine) => isUnderlay(index, machine));
  if (underlays.length > 1) return null;
  const underlay = underlays[0] ?? null;
  const others = machines.filter((machine) => machine !== underlay);
  const nested = others.filter(({ id }) => (index.namespacesOf.get(id)?.length ?? 0) > 1);
  if (underlay === null && nested.length === 0 && machines.length > 1) return null;
  const neighbours = (machine: MachineView): ReadonlySet<string> =>
    new Set((linksOf.get(machine.id) ?? []).map(({ peer }) => machineOfDevice(index, peer)));
  const bridged = others.filter((machine) => isOnBridge(index, linksOf.get(machine.id) ?? []));
  const hosts = others.filter((machine) => nested.includes(machine) || bridged.includes(machine));
  const rest = others.filter((machine) => !hosts.includes(machine));
  const behind = rest.filter(
    (machine) => underlay !== null && neighbours(machine).has(underlay.id),
  );
  const direct = rest.filter((machine) => !behind.includes(machine));
  if (behind.length > 1 || hosts.length === 0) return hosts.length === 0 ? alone(machines) : null;
  const hostIds = new Set(hosts.map(({ id }) => id));
  for (const machine of hosts) {
    if ([...neighbours(machine)].some((id) => hostIds.has(id))) return null;
  }
  for (const machine of [...direct, ...behind]) {
    const links = linksOf.get(machine.id) ?? [];
    if (links.length !== 1) return null;
    const other = machineOfDevice(index, links[0]!.peer);
    if (direct.includes(machine) && !hostIds.has(other)) return null;
  }
  if (underlay !== null && direct.length > 0) return null;
  if (!snapshot.devices.every((device) => isRackDevice(index, device))) return null;
  return { hosts, underlay, behind: behind[0] ?? null, direct };
}

/** One machine without any link is a rack of one. */
function alone(machines: readonly MachineView[]): RackPlan | null {
  if (machines.length !== 1) return null;
  return { hosts: machines, underlay: null, behind: null, direct: [] };
}

interface OutsideLink {
  readonly device: DeviceView;
  readonly peer: DeviceView;
}

function outsideLinks(snapshot: Snapshot, index: SnapshotIndex): Map<string, OutsideLink[]> {
  const links = new Map<string, OutsideLink[]>();
  for (const device of snapshot.devices) {
    const peer = outsidePeer(index, device);
    if (peer === null) continue;
    const id = machineOfDevice(index, device);
    links.set(id, [...(links.get(id) ?? []), { device, peer }]);
  }
  return links;
}

/** A machine of one namespace with a bridge whose ports lead to others. */
function isUnderlay(index: SnapshotIndex, machine: MachineView): boolean {
  const inside = index.namespacesOf.get(machine.id) ?? [];
  if (inside.length !== 1) return false;
  const devices = index.devicesOf.get(inside[0]!.id) ?? [];
  return devices.some((device) => device.masterId !== null && outsidePeer(index, device) !== null);
}

function isOnBridge(index: SnapshotIndex, links: readonly OutsideLink[]): boolean {
  return links.some(
    ({ peer }) => peer.masterId !== null && index.device.get(peer.masterId)?.kind === 'bridge',
  );
}

/** Links and parents that the rack has a place for: leaf to root, leaf to sandbox, root to outside. */
function isRackDevice(index: SnapshotIndex, device: DeviceView): boolean {
  const own = index.namespace.get(device.namespaceId);
  const otherId = device.peerId ?? device.parentId;
  const other = otherId === null ? undefined : index.device.get(otherId);
  if (own === undefined || other === undefined) return true;
  const there = index.namespace.get(other.namespaceId);
  if (there === undefined) return true;
  const isOutside = there.machineId !== own.machineId;
  if (isOutside) return isRootLike(index, own) && isRootLike(index, there);
  if (own.id === there.id) return device.parentId !== null;
  return isLeaf(own) !== isLeaf(there);
}

function isRootLike(index: SnapshotIndex, namespace: NamespaceView): boolean {
  const alone = (index.namespacesOf.get(namespace.machineId)?.length ?? 0) === 1;
  return alone || namespace.kind === 'root';
}

/** Drawn in the upper row: it has interfaces only. */
export function isLeaf({ kind }: NamespaceView): boolean {
  return kind !== 'root' && kind !== 'sandbox';
}
