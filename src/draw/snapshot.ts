/**
 * What a drawing is made of: a plain copy of the machines, namespaces, interfaces and networks of a
 * world at one moment, without the world. It can be written as JSON, and nothing in it changes later.
 */

/** What a namespace is for, as a picture tells them apart. */
export type NamespaceKind = 'root' | 'container' | 'sandbox' | 'lb' | 'ingress' | 'plain';

export interface AddressView {
  readonly address: string;
  readonly prefixLength: number;
}

/** One entry of a vxlan device's table: behind which host a MAC address is. */
export interface RemoteView {
  readonly mac: string;
  readonly address: string;
}

export interface DeviceView {
  /** `namespace number:interface index`: unique in the world. */
  readonly id: string;
  readonly namespaceId: string;
  readonly name: string;
  readonly kind: string;
  readonly mac: string;
  readonly mtuBytes: number;
  readonly isUp: boolean;
  readonly isLoopback: boolean;
  readonly addresses: readonly AddressView[];
  readonly vlanId: number | null;
  readonly vni: number | null;
  /** macvlan and ipvlan. */
  readonly mode: string | null;
  /** The bridge that it is a port of. */
  readonly masterId: string | null;
  /** The other end of a veth pair or cable. */
  readonly peerId: string | null;
  /** The device below a VLAN, macvlan or ipvlan interface. */
  readonly parentId: string | null;
  /** Where the outer packets of a vxlan device are sent. */
  readonly underlayNamespaceId: string | null;
  readonly remotes: readonly RemoteView[];
  /** The network that it is on; null for loopback. */
  readonly networkId: string | null;
}

export interface NamespaceView {
  readonly id: string;
  readonly machineId: string;
  /** As packet events name it. */
  readonly name: string;
  /** As people call it: a container by its name. */
  readonly label: string;
  readonly kind: NamespaceKind;
  /** A service, an image, a network: what stands behind the label. */
  readonly note: string;
  /** The service of Compose or of a swarm that it belongs to; empty for none. */
  readonly service: string;
  /** net.ipv4.ip_forward. */
  readonly isRouter: boolean;
  /** What its tables rewrite, in short: `MASQUERADE 172.17.0.0/16`. */
  readonly translations: readonly string[];
  /** Containers that live in it without a namespace of their own. */
  readonly guests: readonly string[];
  /** How many equal ones a fold stands for; 0 for a namespace of its own. */
  readonly foldedCount: number;
}

export interface PortView {
  readonly machineId: string;
  readonly protocol: string;
  /** Empty for every address. */
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly containerPort: number;
  /** Where it leads. */
  readonly namespaceId: string;
  readonly target: string;
}

export interface MachineView {
  readonly id: string;
  readonly name: string;
  /** A lone namespace is drawn as if it were a machine. */
  readonly kind: 'machine' | 'namespace';
  readonly ports: readonly PortView[];
  /** How many equal ones a fold stands for; 0 for a machine of its own. */
  readonly foldedCount: number;
}

export interface NetworkView {
  readonly id: string;
  readonly name: string;
  /** bridge, overlay, macvlan ... for a network of an engine; empty otherwise. */
  readonly driver: string;
  readonly subnets: readonly string[];
  readonly vni: number | null;
  readonly isInternal: boolean;
  /** Made by an engine or used by containers: it gets a hue; else it is part of the surroundings. */
  readonly isOverlaying: boolean;
}

export interface Snapshot {
  readonly title: string;
  readonly description: string;
  readonly machines: readonly MachineView[];
  readonly namespaces: readonly NamespaceView[];
  readonly devices: readonly DeviceView[];
  readonly networks: readonly NetworkView[];
}

/** Fast ways through a snapshot. */
export interface SnapshotIndex {
  readonly machine: ReadonlyMap<string, MachineView>;
  readonly namespace: ReadonlyMap<string, NamespaceView>;
  readonly device: ReadonlyMap<string, DeviceView>;
  readonly network: ReadonlyMap<string, NetworkView>;
  /** Without loopback, in order of their indexes. */
  readonly devicesOf: ReadonlyMap<string, readonly DeviceView[]>;
  readonly namespacesOf: ReadonlyMap<string, readonly NamespaceView[]>;
}

export function indexSnapshot(snapshot: Snapshot): SnapshotIndex {
  const { machines, namespaces, devices, networks } = snapshot;
  const byId = <Item extends { readonly id: string }>(items: readonly Item[]): Map<string, Item> =>
    new Map(items.map((item) => [item.id, item]));
  const shown = devices.filter(isShown);
  return {
    machine: byId(machines),
    namespace: byId(namespaces),
    device: byId(devices),
    network: byId(networks),
    devicesOf: grouped(shown, ({ namespaceId }) => namespaceId),
    namespacesOf: grouped(namespaces, ({ machineId }) => machineId),
  };
}

/** eth2 before eth10, lo last. */
export function compareNames(one: string, other: string): number {
  if (one === 'lo' || other === 'lo') return Number(one === 'lo') - Number(other === 'lo');
  const [a, b] = [one, other].map((name) => name.split(/(\d+)/));
  for (let i = 0; i < Math.max(a!.length, b!.length); i++) {
    const [x = '', y = ''] = [a![i], b![i]];
    if (x === y) continue;
    const isNumber = i % 2 === 1 && x !== '' && y !== '';
    if (isNumber && Number(x) !== Number(y)) return Number(x) - Number(y);
    return x < y ? -1 : 1;
  }
  return 0;
}

/** Loopback is drawn only where it has addresses that somebody gave it. */
function isShown(device: DeviceView): boolean {
  return !device.isLoopback || device.addresses.some(({ address }) => !address.startsWith('127.'));
}

/** Items by a key, in their order. */
export function grouped<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
