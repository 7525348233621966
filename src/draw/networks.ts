/**
 * Which interfaces are on one network: everything that a broadcast reaches, across bridges, veth
 * pairs, cables, macvlan parents and, for an overlay, the hosts that share a VNI.
 */
import { cablePeerOf } from '../devices/cable.ts';
import { vethPeerOf } from '../devices/veth.ts';
import { vlanIdOfDevice } from '../devices/vlan.ts';
import { vxlanOf } from '../devices/vxlan-record.ts';
import type { Device } from '../engine/device.ts';
import { inetOf } from '../stack/inet.ts';
import { type NameSource, subnetText } from './names.ts';
import type { NetworkView } from './snapshot.ts';

export interface FoundNetworks {
  readonly networks: readonly NetworkView[];
  readonly networkOf: ReadonlyMap<Device, string>;
}

/** The other end of a veth pair or cable; null if there is none. */
export function peerOf(device: Device): Device | null {
  return device.kind === 'cable' ? cablePeerOf(device) : vethPeerOf(device);
}

/** Union-find with the path halved at each look. */
class Segments {
  private readonly parent = new Map<Device | string, Device | string>();

  rootOf(item: Device | string): Device | string {
    let at = item;
    for (;;) {
      const up = this.parent.get(at) ?? at;
      if (up === at) return at;
      const top = this.parent.get(up) ?? up;
      this.parent.set(at, top);
      at = top;
    }
  }

  join(one: Device | string, other: Device | string): void {
    const a = this.rootOf(one);
    const b = this.rootOf(other);
    if (a !== b) this.parent.set(b, a);
  }
}

/** The networks of these devices, those with an engine's name first. */
export function findNetworks(
  devices: readonly Device[],
  names: NameSource,
  isOfContainer: (device: Device) => boolean,
): FoundNetworks {
  const wired = devices.filter(({ isLoopback }) => !isLoopback);
  const segments = joinSegments(wired);
  const members = new Map<Device | string, Device[]>();
  for (const device of wired) {
    const root = segments.rootOf(device);
    const group = members.get(root);
    if (group === undefined) members.set(root, [device]);
    else group.push(device);
  }
  const networkOf = new Map<Device, string>();
  const networks: NetworkView[] = [];
  const named = names.networks.map((name) => ({ name, root: segments.rootOf(name.device) }));
  for (const root of new Set([...named.map((each) => each.root), ...members.keys()])) {
    const inside = members.get(root);
    if (inside === undefined) continue;
    const id = `net${networks.length + 1}`;
    const known = named.find((each) => each.root === root)?.name ?? null;
    networks.push(describe(id, inside, known, inside.some(isOfContainer)));
    for (const device of inside) networkOf.set(device, id);
  }
  return { networks, networkOf };
}

function joinSegments(devices: readonly Device[]): Segments {
  const segments = new Segments();
  for (const device of devices) {
    const peer = peerOf(device);
    if (peer !== null) segments.join(device, peer);
    if (device.master !== null) segments.join(device, device.master);
    if (device.kind === 'vxlan') segments.join(`vni ${vxlanOf(device).id}`, device);
    const isOnParent = device.kind === 'macvlan' || device.kind === 'ipvlan';
    if (isOnParent && device.lower !== null) segments.join(device.lower, device);
  }
  // A VLAN is a network of its own: all interfaces with its id whose parents share a segment.
  const trunks: (Device | string)[] = [];
  for (const device of devices) {
    if (device.kind !== 'vlan' || device.lower === null) continue;
    const trunk = segments.rootOf(device.lower);
    if (!trunks.includes(trunk)) trunks.push(trunk);
    segments.join(`vlan ${vlanIdOfDevice(device)} on ${trunks.indexOf(trunk)}`, device);
  }
  return segments;
}

function describe(
  id: string,
  members: readonly Device[],
  known: NameSource['networks'][number] | null,
  hasContainer: boolean,
): NetworkView {
  const subnets = new Set<string>(known?.subnets ?? []);
  for (const device of members) {
    for (const { address, prefixLength } of inetOf(device).addresses) {
      if (prefixLength < 32) subnets.add(subnetText(address, prefixLength));
    }
  }
  const bridge = members.find(({ kind }) => kind === 'bridge');
  const tunnel = members.find(({ kind }) => kind === 'vxlan');
  const vlan = members.find(({ kind }) => kind === 'vlan');
  const vni = tunnel === undefined ? null : vxlanOf(tunnel).id;
  const plainName =
    vni !== null
      ? `overlay ${vni}`
      : vlan !== undefined
        ? `VLAN ${vlanIdOfDevice(vlan)}`
        : (bridge?.name ?? [...subnets][0] ?? id);
  const name = known?.name ?? plainName;
  return {
    id,
    name: name === 'bridge' && bridge !== undefined ? bridge.name : name,
    driver: known?.driver ?? (vni === null ? '' : 'overlay'),
    subnets: [...subnets],
    vni,
    isInternal: known?.isInternal ?? false,
    isOverlaying: known !== null || hasContainer,
  };
}
