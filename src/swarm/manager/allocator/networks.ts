/** Subnets and VNIs of networks. @source moby libnetwork/cnmallocator Allocate(), ovmanager NetworkAllocate() */
import type { NetworkObject, SwarmIpamConfig } from '../../objects.ts';
import type { Leader } from '../leader-record.ts';
import { updateStore } from '../store.ts';
import {
  type AddressSpace,
  makeAddressSpace,
  takeAddress,
  takeNextAddress,
} from './address-space.ts';
import type { Allocator } from './allocator.ts';
import { attachNode, detachNodesFrom } from './nodes.ts';
import { takeNextNumber, takeNumber } from './number-space.ts';
import { releaseSubnet, takeNextSubnet, takeSubnet } from './subnet-pools.ts';

/** The option in which the VNIs stand. */
export const VNI_OPTION = 'com.docker.network.driver.overlay.vxlanid_list';
const VNI_MAX = 2 ** 24 - 1;

interface Taken {
  readonly ipam: SwarmIpamConfig[];
  readonly vnis: number[];
}

/** Gives a network what it lacks; one that cannot be served stays as it is, to be tried again. */
export function allocateNetwork(leader: Leader, network: NetworkObject): void {
  const { allocator, cluster, store } = leader;
  const latest = store.networks.get(network.id);
  if (latest === undefined || latest.isAllocated) return;
  const taken = latest.driver === 'overlay' ? takeFor(allocator, latest) : { ipam: [], vnis: [] };
  if (taken === null) {
    allocator.unallocatedNetworks.add(network.id);
    return;
  }
  allocator.unallocatedNetworks.delete(network.id);
  const options = new Map(latest.options);
  if (taken.vnis.length > 0) options.set(VNI_OPTION, taken.vnis.join(','));
  const ipam = latest.driver === 'overlay' ? taken.ipam : latest.ipam;
  updateStore(cluster, (tx) =>
    tx.update('network', { ...latest, ipam, options, vnis: taken.vnis, isAllocated: true }),
  );
  if (!latest.isIngress) return;
  allocator.ingressId = latest.id;
  for (const node of store.nodes.keys()) attachNode(leader, node);
}

export function restoreNetwork({ allocator }: Leader, network: NetworkObject): void {
  if (!network.isAllocated || network.driver !== 'overlay') return;
  for (const vni of network.vnis) takeNumber(allocator.vnis, vni);
  const spaces = network.ipam.map((config) => {
    takeSubnet(allocator.subnets, { address: config.subnet, prefixLength: config.prefixLength });
    const space = spaceOf(config);
    takeAddress(space, config.gateway);
    return space;
  });
  allocator.spaces.set(network.id, spaces);
  if (network.isIngress) allocator.ingressId = network.id;
}

export function releaseNetworkObject(leader: Leader, network: NetworkObject): void {
  const { allocator } = leader;
  allocator.unallocatedNetworks.delete(network.id);
  if (allocator.ingressId === network.id) allocator.ingressId = null;
  detachNodesFrom(leader, network.id);
  if (!allocator.spaces.delete(network.id)) return;
  for (const vni of network.vnis) allocator.vnis.used.delete(vni);
  for (const { subnet, prefixLength } of network.ipam) {
    releaseSubnet(allocator.subnets, { address: subnet, prefixLength });
  }
  allocator.wasReleased = true;
}

/** Takes subnets, gateways and VNIs, or nothing of all that. */
function takeFor(allocator: Allocator, network: NetworkObject): Taken | null {
  const spaces: AddressSpace[] = [];
  const ipam: SwarmIpamConfig[] = [];
  const asked = network.ipam.length > 0 ? network.ipam : [null];
  let vnis: number[] | null = null;
  let isServed = true;
  for (const config of asked) {
    const given = takeConfig(allocator, config, spaces);
    if (given === null) isServed = false;
    else ipam.push(given);
  }
  if (isServed) vnis = takeVnis(allocator, network, ipam.length);
  if (vnis !== null) {
    allocator.spaces.set(network.id, spaces);
    return { ipam, vnis };
  }
  for (const { subnet, prefixLength } of ipam) {
    releaseSubnet(allocator.subnets, { address: subnet, prefixLength });
  }
  return null;
}

function takeConfig(
  { subnets }: Allocator,
  asked: SwarmIpamConfig | null,
  spaces: AddressSpace[],
): SwarmIpamConfig | null {
  const isNamed = asked !== null && asked.prefixLength > 0;
  const wanted = isNamed ? { address: asked.subnet, prefixLength: asked.prefixLength } : null;
  const subnet =
    wanted === null ? takeNextSubnet(subnets) : takeSubnet(subnets, wanted) ? wanted : null;
  if (subnet === null) return null;
  const space = spaceOf({
    subnet: subnet.address,
    prefixLength: subnet.prefixLength,
    range: asked?.range ?? null,
  });
  const named = asked !== null && asked.gateway !== 0 ? asked.gateway : null;
  if (named !== null) takeAddress(space, named);
  const gateway = named ?? takeNextAddress(space);
  if (gateway === null) {
    releaseSubnet(subnets, subnet);
    return null;
  }
  spaces.push(space);
  return {
    subnet: subnet.address,
    prefixLength: subnet.prefixLength,
    gateway,
    range: asked?.range ?? null,
  };
}

function spaceOf(config: Pick<SwarmIpamConfig, 'subnet' | 'prefixLength' | 'range'>): AddressSpace {
  const { subnet, prefixLength, range } = config;
  return makeAddressSpace({ address: subnet, prefixLength }, range);
}

/** One a subnet: those that the user named, then the next ones. */
function takeVnis({ vnis }: Allocator, network: NetworkObject, count: number): number[] | null {
  const taken: number[] = [];
  const named = (network.options.get(VNI_OPTION) ?? '').split(',').filter((word) => word !== '');
  const giveUp = (): null => {
    for (const vni of taken) vnis.used.delete(vni);
    return null;
  };
  for (let index = 0; index < count; index++) {
    const word = named[index];
    if (word === undefined) {
      const vni = takeNextNumber(vnis);
      if (vni === null) return giveUp();
      taken.push(vni);
      continue;
    }
    const vni = Number(word);
    if (!Number.isInteger(vni) || vni < 0 || vni > VNI_MAX || !takeNumber(vnis, vni)) {
      return giveUp();
    }
    taken.push(vni);
  }
  return taken;
}
