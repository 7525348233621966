/**
 * Folding: of many equal hosts, or containers on one host, two and the last one are drawn, and a card
 * stands for those in between. Equal is what has the same parts in the same networks, whatever its
 * names and addresses.
 */
import {
  type DeviceView,
  grouped,
  indexSnapshot,
  type MachineView,
  type NamespaceView,
  type Snapshot,
  type SnapshotIndex,
} from './snapshot.ts';
import type { Words } from './words.ts';

export interface FoldOptions {
  /** True: as much as makes sense; null: only what would not be read otherwise; false: nothing. */
  readonly isWanted: boolean | null;
  readonly words: Words;
  /** Devices that a way crosses: their machines and namespaces stay. */
  readonly keptDevices: ReadonlySet<string>;
}

/** Equal ones in a row from which on they are folded. */
const HOSTS_MAX = 6;
const CONTAINERS_MAX = 8;
const WANTED_MAX = 3;

export function foldSnapshot(snapshot: Snapshot, options: FoldOptions): Snapshot {
  if (options.isWanted === false) return snapshot;
  return foldContainers(foldHosts(snapshot, options), options);
}

/** Which of a list of equal ones are folded: all but the first two and the last. */
function middleOf<Item>(
  items: readonly Item[],
  isKept: (item: Item) => boolean,
  max: number,
): Item[] {
  if (items.length <= max) return [];
  const middle = items.slice(2, -1).filter((item) => !isKept(item));
  return middle.length >= 2 ? middle : [];
}

// ---- hosts

function foldHosts(snapshot: Snapshot, { isWanted, words, keptDevices }: FoldOptions): Snapshot {
  const index = indexSnapshot(snapshot);
  const kept = new Set([...keptDevices].map((id) => machineIdOf(index, id)));
  const max = isWanted === true ? WANTED_MAX : HOSTS_MAX;
  const groups = grouped(snapshot.machines, (machine) => shapeOfMachine(index, machine));
  const gone = new Set<string>();
  const cards = new Map<string, MachineView>();
  for (const machines of groups.values()) {
    const middle = middleOf(machines, ({ id }) => kept.has(id), max);
    const [first] = middle;
    const last = middle.at(-1);
    if (first === undefined || last === undefined) continue;
    const lines = words.foldedHosts(first.name, last.name, middle.length, machines[1]!.name);
    for (const { id } of middle) gone.add(id);
    cards.set(first.id, {
      ...first,
      name: lines.join('\n'),
      ports: [],
      foldedCount: middle.length,
    });
  }
  if (cards.size === 0) return snapshot;
  const machines = snapshot.machines.flatMap((machine) =>
    gone.has(machine.id) ? (cards.get(machine.id) ?? []) : [machine],
  );
  const hidden = new Set(
    snapshot.namespaces.filter(({ machineId }) => gone.has(machineId)).map(({ id }) => id),
  );
  // A card keeps the uplink of the first host it stands for, so that it hangs on the switch.
  const uplinks = new Set([...cards.keys()].map((id) => uplinkOf(index, id)?.id ?? ''));
  const isGone = (device: DeviceView): boolean =>
    (hidden.has(device.namespaceId) && !uplinks.has(device.id)) ||
    (device.peerId !== null && isPeerGone(index, device.peerId, hidden, uplinks));
  const owners = new Set([...uplinks].map((id) => index.device.get(id)?.namespaceId ?? ''));
  return {
    ...snapshot,
    machines,
    namespaces: snapshot.namespaces.filter(({ id }) => !hidden.has(id) || owners.has(id)),
    devices: snapshot.devices.filter((device) => !isGone(device)),
  };
}

function isPeerGone(
  index: SnapshotIndex,
  peerId: string,
  hidden: ReadonlySet<string>,
  uplinks: ReadonlySet<string>,
): boolean {
  const peer = index.device.get(peerId);
  return peer !== undefined && hidden.has(peer.namespaceId) && !uplinks.has(peer.id);
}

function machineIdOf(index: SnapshotIndex, deviceId: string): string {
  const device = index.device.get(deviceId);
  return index.namespace.get(device?.namespaceId ?? '')?.machineId ?? '';
}

/** The interface whose cable leads out of the machine. */
function uplinkOf(index: SnapshotIndex, machineId: string): DeviceView | undefined {
  for (const { id } of index.namespacesOf.get(machineId) ?? []) {
    for (const device of index.devicesOf.get(id) ?? []) {
      if (device.peerId === null) continue;
      const other = machineIdOf(index, device.peerId);
      if (other !== '' && other !== machineId) return device;
    }
  }
  return undefined;
}

/** What a machine is made of, without names, numbers and addresses. */
function shapeOfMachine(index: SnapshotIndex, { id, ports, kind }: MachineView): string {
  const inside = (index.namespacesOf.get(id) ?? []).map((each) => shapeOfNamespace(index, each));
  const uplink = uplinkOf(index, id);
  // Machines that other things hang on (the switch itself) are never equal to others.
  const own = inside.some((shape) => shape.includes('bridge+outside')) ? id : '';
  return [own, kind, ports.length > 0, uplink?.networkId ?? '', ...inside.sort()].join('|');
}

function shapeOfNamespace(index: SnapshotIndex, namespace: NamespaceView): string {
  const parts = (index.devicesOf.get(namespace.id) ?? []).map((device) => {
    const isOutside =
      device.masterId !== null &&
      device.peerId !== null &&
      machineIdOf(index, device.peerId) !== namespace.machineId;
    const isLocal =
      device.kind === 'bridge' || (device.masterId !== null && device.kind === 'veth');
    const network = index.network.get(device.networkId ?? '');
    const where = network?.vni != null || !isLocal ? (network?.name ?? '') : '';
    return `${device.kind}${isOutside ? '+outside' : ''}@${network?.driver === 'bridge' ? '' : where}`;
  });
  return `${namespace.kind}(${parts.sort().join(',')})`;
}

// ---- containers

function foldContainers(
  snapshot: Snapshot,
  { isWanted, words, keptDevices }: FoldOptions,
): Snapshot {
  const index = indexSnapshot(snapshot);
  const kept = new Set([...keptDevices].map((id) => index.device.get(id)?.namespaceId ?? ''));
  const max = isWanted === true ? WANTED_MAX : CONTAINERS_MAX;
  const leaves = snapshot.namespaces.filter(({ kind }) => kind === 'container');
  const keyOf = (namespace: NamespaceView): string => {
    const devices = index.devicesOf.get(namespace.id) ?? [];
    const networks = devices.map(({ kind, networkId }) => `${kind}@${networkId}`);
    return [namespace.machineId, ...networks].join('|');
  };
  const gone = new Map<string, NamespaceView | null>();
  for (const group of grouped(leaves, keyOf).values()) {
    const middle = middleOf(group, ({ id }) => kept.has(id), max);
    const [first] = middle;
    const last = middle.at(-1);
    if (first === undefined || last === undefined) continue;
    const lines = words.foldedHosts(first.label, last.label, middle.length, group[1]!.label);
    for (const { id } of middle) gone.set(id, null);
    gone.set(first.id, { ...first, label: lines.join('\n'), foldedCount: middle.length });
  }
  if (gone.size === 0) return snapshot;
  const isHidden = (id: string): boolean => gone.get(id) === null;
  const isDeviceHidden = ({ namespaceId, peerId }: DeviceView): boolean =>
    isHidden(namespaceId) ||
    (peerId !== null && isHidden(index.device.get(peerId)?.namespaceId ?? ''));
  return {
    ...snapshot,
    namespaces: snapshot.namespaces.flatMap((namespace) =>
      isHidden(namespace.id) ? [] : [gone.get(namespace.id) ?? namespace],
    ),
    devices: snapshot.devices.filter((device) => !isDeviceHidden(device)),
  };
}
