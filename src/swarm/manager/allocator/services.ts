/** Ports and virtual addresses of services. @source moby libnetwork/cnmallocator AllocateService() */
import type {
  ObjectId,
  PortConfig,
  ServiceObject,
  ServiceSpec,
  VirtualAddress,
} from '../../objects.ts';
import { isEqual } from '../equality.ts';
import type { Leader } from '../leader-record.ts';
import { updateStore } from '../store.ts';
import { releaseNetworkAddress, takeNetworkAddress } from './network-addresses.ts';
import { ingressOf } from './nodes.ts';
import { releasePorts, takePorts } from './ports.ts';

/** Whether the service publishes through the mesh. */
export function needsIngress({ endpoint }: ServiceSpec): boolean {
  return endpoint.mode === 'vip' && endpoint.ports.some((port) => port.publishMode === 'ingress');
}

/** Gives a service what it lacks and takes what it does not need any more. */
export function allocateService(leader: Leader, service: ServiceObject): void {
  const { allocator, cluster } = leader;
  const { endpoint, spec } = service;
  if (isAllocated(leader, service)) return;
  allocator.unallocatedServices.add(service.id);
  const networks = networksOf(leader, spec);
  if (networks === null) return;
  const ports = takePorts(allocator.ports, spec.endpoint.ports, endpoint?.ports ?? []);
  if (ports === null) return;
  const before = endpoint?.virtualAddresses ?? [];
  const virtualAddresses = takeVirtualAddresses(leader, networks, before);
  if (virtualAddresses === null) {
    releasePorts(allocator.ports, ports);
    return;
  }
  allocator.unallocatedServices.delete(service.id);
  const given = { mode: spec.endpoint.mode, ports, virtualAddresses };
  updateStore(cluster, (tx) => tx.update('service', { ...service, endpoint: given }));
}

/** Whether its endpoint is what its spec wants. */
export function isAllocated(leader: Leader, { endpoint, spec }: ServiceObject): boolean {
  if (endpoint === null || endpoint.mode !== spec.endpoint.mode) return false;
  if (!isPublished(spec.endpoint.ports, endpoint.ports)) return false;
  const networks = networksOf(leader, spec);
  if (networks === null || networks.length !== endpoint.virtualAddresses.length) return false;
  return networks.every((id) =>
    endpoint.virtualAddresses.some(({ networkId }) => networkId === id),
  );
}

export function releaseService({ allocator }: Leader, { id, endpoint }: ServiceObject): void {
  allocator.unallocatedServices.delete(id);
  if (endpoint === null) return;
  releasePorts(allocator.ports, endpoint.ports);
  for (const { networkId, address } of endpoint.virtualAddresses) {
    releaseNetworkAddress(allocator, networkId, address);
  }
  allocator.wasReleased = true;
}

export function restoreService({ allocator }: Leader, { endpoint }: ServiceObject): void {
  if (endpoint === null) return;
  takePorts(allocator.ports, endpoint.ports, []);
  for (const { networkId, address } of endpoint.virtualAddresses) {
    takeNetworkAddress(allocator, networkId, address);
  }
}

/** Where it needs a virtual address: ingress first. Null while a network of it has no subnet. */
function networksOf(leader: Leader, spec: ServiceSpec): ObjectId[] | null {
  const networks: ObjectId[] = [];
  if (needsIngress(spec)) {
    const ingress = ingressOf(leader);
    if (ingress === null) return null;
    networks.push(ingress);
  }
  if (spec.endpoint.mode === 'dnsrr') return networks;
  for (const { target } of spec.task.networks) {
    const network = leader.store.networks.get(target);
    if (network === undefined) continue; // bridge and host
    if (network.driver !== 'overlay') continue;
    if (!network.isAllocated) return null;
    networks.push(target);
  }
  return networks;
}

/** Keeps those of networks that are still wanted; new ones in the spec's order behind them. */
function takeVirtualAddresses(
  { allocator }: Leader,
  networks: readonly ObjectId[],
  before: readonly VirtualAddress[],
): VirtualAddress[] | null {
  const kept = before.filter(({ networkId }) => networks.includes(networkId));
  const fresh: VirtualAddress[] = [];
  for (const networkId of networks) {
    if (kept.some((each) => each.networkId === networkId)) continue;
    const taken = takeNetworkAddress(allocator, networkId, null);
    if (taken === null) {
      for (const each of fresh) releaseNetworkAddress(allocator, each.networkId, each.address);
      return null;
    }
    fresh.push({ networkId, ...taken });
  }
  for (const each of before) {
    if (!kept.includes(each)) releaseNetworkAddress(allocator, each.networkId, each.address);
  }
  return [...kept, ...fresh];
}

/** Whether each wanted port is published, and no other. */
function isPublished(wanted: readonly PortConfig[], published: readonly PortConfig[]): boolean {
  if (wanted.length !== published.length) return false;
  const rest = [...published];
  return wanted.every((port) => {
    const isOpen = port.publishMode === 'ingress' && port.publishedPort === 0;
    const at = rest.findIndex((each) =>
      isEqual(isOpen ? { ...each, publishedPort: 0 } : each, port),
    );
    if (at >= 0) rest.splice(at, 1);
    return at >= 0;
  });
}
