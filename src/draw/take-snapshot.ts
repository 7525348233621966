/** Makes the plain copy of a world that drawings start from. */
import { formatIpv4 } from '../base/ipv4-address.ts';
import { formatMac, macOf } from '../base/mac-address.ts';
import { listMacs } from '../devices/mac-table.ts';
import { vlanIdOfDevice } from '../devices/vlan.ts';
import { vxlanOf } from '../devices/vxlan-record.ts';
import type { Device } from '../engine/device.ts';
import { inetOf } from '../stack/inet.ts';
import { type NetNamespace, namespaceOf } from '../stack/namespace.ts';
import { readSysctl } from '../stack/sysctl.ts';
import type { Machine } from '../world/machine.ts';
import type { World } from '../world/world.ts';
import { type NameSource, namesOf } from './names.ts';
import { findNetworks, peerOf } from './networks.ts';
import type {
  DeviceView,
  MachineView,
  NamespaceKind,
  NamespaceView,
  PortView,
  RemoteView,
  Snapshot,
} from './snapshot.ts';
import { translationsOf } from './translations.ts';

export interface SnapshotOptions {
  readonly title?: string;
  readonly description?: string;
  /** The machine that a hand-wired namespace stands for a part of; null if it stands for itself. */
  readonly machineOf?: (namespaceName: string) => string | null;
}

/** Remotes of one vxlan device that are copied. */
const REMOTES_MAX = 1000;

interface Found {
  readonly netns: NetNamespace;
  readonly machineName: string;
  readonly isLone: boolean;
  kind: NamespaceKind;
  label: string;
  note: string;
  service: string;
  readonly guests: string[];
}

/** Copies everything that a picture shows. The order is that of the world. */
export function takeSnapshot(world: World, options: SnapshotOptions = {}): Snapshot {
  const names = namesOf(world);
  const found = findNamespaces(world, names, options.machineOf ?? (() => null));
  const known = new Set(found.map(({ netns }) => netns));
  const all = found.flatMap(({ netns }) => netns.devices);
  const containers = new Set<unknown>(
    found.filter(({ kind }) => kind === 'container').map(({ netns }) => netns),
  );
  const { networks, networkOf } = findNetworks(all, names, ({ netns }) => containers.has(netns));
  const devices = all.map((device) => viewDevice(device, known, networkOf.get(device) ?? null));
  return {
    title: options.title ?? '',
    description: options.description ?? '',
    machines: machinesOf(found, names),
    namespaces: found.map(viewNamespace),
    devices,
    networks,
  };
}

/** The id of a device in snapshots. */
export function deviceIdOf(device: Device): string {
  return `${device.netns.id}:${device.index}`;
}

// ---- namespaces and machines

function findNamespaces(
  world: World,
  names: NameSource,
  machineOf: (name: string) => string | null,
): Found[] {
  const found = new Map<NetNamespace, Found>();
  const add = (netns: NetNamespace, machineName: string, kind: NamespaceKind): void => {
    if (found.has(netns)) return;
    const nominal = kind === 'plain' ? machineOf(netns.name) : machineName;
    const isLone = nominal === null;
    const rest = { label: netns.name, note: '', service: '', guests: [] };
    found.set(netns, { netns, machineName: nominal ?? netns.name, isLone, kind, ...rest });
  };
  const isWired = [...world.machines.values()].some(({ namespaces }) => namespaces.size > 0);
  for (const machine of world.machines.values()) {
    if (!isWired || world.machines.size > 1 || isUsed(machine)) {
      add(machine.root, machine.name, 'root');
    }
    for (const [name, netns] of machine.namespaces) {
      const hidden = hiddenKind(name);
      add(netns, machine.name, hidden ?? (world.machines.size > 1 ? 'sandbox' : 'plain'));
    }
  }
  for (const { netns, machine, kind, label, note, service } of names.namespaces) {
    const shared = found.get(netns);
    if (shared !== undefined) {
      shared.guests.push(label);
      continue;
    }
    const place = { netns, machineName: machine.name, isLone: false };
    found.set(netns, { ...place, kind, label, note, service, guests: [] });
  }
  const all = [...found.values()];
  inferKinds(all);
  return all;
}

/** The namespaces that a swarm keeps out of sight, by their names. */
function hiddenKind(name: string): NamespaceKind | null {
  if (name === 'ingress_sbox') return 'ingress';
  if (name.startsWith('lb_')) return 'lb';
  return /^\d+-[0-9a-z]/.test(name) ? 'sandbox' : null;
}

/** Whether anything but loopback is in a machine's root namespace. */
function isUsed({ root }: Machine): boolean {
  return root.devices.length > 1;
}

/** Tells hosts, sandboxes and containers apart where namespaces were wired by hand. */
function inferKinds(all: readonly Found[]): void {
  const machineOf = new Map(all.map((each) => [each.netns, each.machineName]));
  for (const each of all) {
    if (each.kind !== 'plain' || each.isLone) continue;
    const devices = each.netns.devices.filter(({ isLoopback }) => !isLoopback);
    const leaves = devices.some((device) => {
      const peer = peerOf(device);
      return peer !== null && machineOf.get(namespaceOf(peer)) !== each.machineName;
    });
    const hasBridge = devices.some(({ kind }) => kind === 'bridge');
    const isParent = devices.some(({ uppers }) => uppers.length > 0);
    const hasTunnel = devices.some(({ kind }) => kind === 'vxlan');
    if (leaves || isParent || (hasBridge && !hasTunnel)) each.kind = 'root';
    else each.kind = hasBridge ? 'sandbox' : 'container';
  }
}

function viewNamespace(found: Found): NamespaceView {
  const { netns, machineName, kind, label, note, service, guests } = found;
  return {
    id: `ns${netns.id}`,
    machineId: `m:${machineName}`,
    name: netns.name,
    label,
    kind,
    note,
    service,
    isRouter: readSysctl(netns, 'net.ipv4.ip_forward') === '1',
    translations: translationsOf(netns.netfilter),
    guests: [...guests],
    foldedCount: 0,
  };
}

function machinesOf(found: readonly Found[], names: NameSource): MachineView[] {
  const machines = new Map<string, MachineView>();
  for (const { machineName, isLone } of found) {
    if (machines.has(machineName)) continue;
    const ports = names.ports.filter(({ machine }) => machine.name === machineName).map(viewPort);
    const kind = isLone ? 'namespace' : 'machine';
    machines.set(machineName, {
      id: `m:${machineName}`,
      name: machineName,
      kind,
      ports,
      foldedCount: 0,
    });
  }
  return [...machines.values()];
}

function viewPort(port: NameSource['ports'][number]): PortView {
  const { machine, netns, ...rest } = port;
  return { ...rest, machineId: `m:${machine.name}`, namespaceId: `ns${netns.id}` };
}

// ---- devices

function viewDevice(
  device: Device,
  known: ReadonlySet<NetNamespace>,
  networkId: string | null,
): DeviceView {
  const { kind, lower } = device;
  const idOf = (other: Device | null): string | null =>
    other !== null && known.has(namespaceOf(other)) ? deviceIdOf(other) : null;
  const isStacked = kind === 'vlan' || kind === 'macvlan' || kind === 'ipvlan';
  const state = device.state as { readonly mode?: unknown }; // macvlan and ipvlan have one
  return {
    id: deviceIdOf(device),
    namespaceId: `ns${device.netns.id}`,
    name: device.name,
    kind,
    mac: formatMac(macOf(device.macHi, device.macLo)),
    mtuBytes: device.mtuBytes,
    isUp: device.isUp,
    isLoopback: device.isLoopback,
    addresses: inetOf(device).addresses.map(({ address, prefixLength }) => ({
      address: formatIpv4(address),
      prefixLength,
    })),
    vlanId: kind === 'vlan' ? vlanIdOfDevice(device) : null,
    vni: kind === 'vxlan' ? vxlanOf(device).id : null,
    mode: isStacked && typeof state.mode === 'string' ? state.mode : null,
    masterId: idOf(device.master),
    peerId: idOf(peerOf(device)),
    parentId: isStacked ? idOf(lower) : null,
    underlayNamespaceId: kind === 'vxlan' ? `ns${vxlanOf(device).birth.id}` : null,
    remotes: kind === 'vxlan' ? remotesOf(device) : [],
    networkId,
  };
}

function remotesOf(device: Device): RemoteView[] {
  return listMacs(vxlanOf(device).fdb)
    .flatMap(({ hi, lo, remotes }) =>
      remotes.map(({ address }) => ({
        mac: formatMac(macOf(hi, lo)),
        address: formatIpv4(address),
      })),
    )
    .sort((one, other) => (one.mac < other.mac ? -1 : one.mac > other.mac ? 1 : 0))
    .slice(0, REMOTES_MAX);
}
