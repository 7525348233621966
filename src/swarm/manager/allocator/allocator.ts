/**
 * Gives networks their subnets and VNIs, services their ports and virtual addresses, tasks and nodes
 * their addresses. In this order, which labs show:
 *
 *     service created     published ports, VIP on ingress, VIPs on its networks in the spec's order
 *     tasks created       at the next commit one address a network: ingress, then the spec's
 *     task assigned       the node's load balancer on each of its networks that has none there yet
 *
 * @source swarmkit manager/allocator/network.go; moby libnetwork/cnmallocator
 */
import type { ObjectId } from '../../objects.ts';
import type { Cluster } from '../cluster.ts';
import type { Leader } from '../leader-record.ts';
import type { StoreEvent } from '../store.ts';
import type { AddressSpace } from './address-space.ts';
import { allocateNetwork, releaseNetworkObject, restoreNetwork } from './networks.ts';
import { attachNode, detachNode, noteTaskOnNode, restoreNode } from './nodes.ts';
import { makeNumberSpace, type NumberSpace } from './number-space.ts';
import { makePortSpaces, type PortSpaces } from './ports.ts';
import { allocateService, releaseService, restoreService } from './services.ts';
import { makeSubnetPools, type SubnetPools } from './subnet-pools.ts';
import { allocateTasks, noteTask, restoreTask } from './tasks.ts';

const VNI_FIRST = 4096;
const VNI_LAST = 2 ** 24 - 1;

export interface Allocator {
  readonly subnets: SubnetPools;
  readonly vnis: NumberSpace;
  readonly ports: PortSpaces;
  /** By network: its subnets in order. */
  readonly spaces: Map<ObjectId, readonly AddressSpace[]>;
  /** The ingress network, once it has its subnet. */
  ingressId: ObjectId | null;
  /** Tasks that have their addresses. */
  readonly allocatedTasks: Set<ObjectId>;
  /** Tasks that came since the last commit, and those that got nothing. */
  readonly pendingTasks: Set<ObjectId>;
  readonly unallocatedTasks: Set<ObjectId>;
  readonly unallocatedServices: Set<ObjectId>;
  readonly unallocatedNetworks: Set<ObjectId>;
  /** By node and network: how many tasks there need a load balancer. */
  readonly nodeUse: Map<ObjectId, Map<ObjectId, number>>;
  /** Tasks that are in `nodeUse`. */
  readonly countedTasks: Set<ObjectId>;
  /** Something became free: who got nothing is tried again at the next commit. */
  wasReleased: boolean;
}

export function makeAllocator(cluster: Cluster): Allocator {
  return {
    subnets: makeSubnetPools(cluster.addressPools, cluster.subnetPrefixLength),
    vnis: makeNumberSpace(VNI_FIRST, VNI_LAST),
    ports: makePortSpaces(),
    spaces: new Map(),
    ingressId: null,
    allocatedTasks: new Set(),
    pendingTasks: new Set(),
    unallocatedTasks: new Set(),
    unallocatedServices: new Set(),
    unallocatedNetworks: new Set(),
    nodeUse: new Map(),
    countedTasks: new Set(),
    wasReleased: false,
  };
}

/** A new leader: takes what the store says is taken, then gives what is missing. */
export function restoreAllocator(leader: Leader): void {
  const { store } = leader;
  for (const network of store.networks.values()) restoreNetwork(leader, network);
  for (const node of store.nodes.values()) restoreNode(leader, node);
  for (const service of store.services.values()) restoreService(leader, service);
  for (const task of store.tasks.values()) restoreTask(leader, task);
  const networks = [...store.networks.values()];
  for (const each of networks.filter(({ isIngress }) => isIngress)) allocateNetwork(leader, each);
  for (const each of networks) allocateNetwork(leader, each);
  for (const node of [...store.nodes.values()]) attachNode(leader, node.id);
  for (const service of [...store.services.values()]) allocateService(leader, service);
  for (const task of [...store.tasks.values()]) noteTask(leader, task, false);
}

export function onAllocatorEvent(leader: Leader, event: StoreEvent): void {
  const { table, kind, object } = event;
  const isDeleted = kind === 'delete';
  if (table === 'network') {
    if (isDeleted) releaseNetworkObject(leader, object);
    else if (kind === 'create') allocateNetwork(leader, object);
  } else if (table === 'service') {
    const latest = leader.store.services.get(object.id);
    if (isDeleted) releaseService(leader, object);
    else if (latest !== undefined) allocateService(leader, latest);
  } else if (table === 'node') {
    if (isDeleted) detachNode(leader, object);
    else if (kind === 'create') attachNode(leader, object.id);
  } else if (table === 'task') {
    const latest = leader.store.tasks.get(object.id);
    if (isDeleted) noteTask(leader, object, true);
    else if (latest !== undefined) noteTask(leader, latest, false);
    noteTaskOnNode(leader, latest ?? object, latest === undefined);
  }
}

/** After the events of a transaction: the new tasks, and (if something became free) the old ones. */
export function commitAllocations(leader: Leader): void {
  const { allocator, store } = leader;
  allocateTasks(leader, allocator.pendingTasks);
  for (const id of allocator.pendingTasks) allocator.unallocatedTasks.add(id);
  allocator.pendingTasks.clear();
  if (!allocator.wasReleased) return;
  allocator.wasReleased = false;
  for (const id of [...allocator.unallocatedNetworks]) {
    const network = store.networks.get(id);
    if (network !== undefined) allocateNetwork(leader, network);
  }
  for (const id of [...allocator.unallocatedServices]) {
    const service = store.services.get(id);
    if (service !== undefined) allocateService(leader, service);
  }
  allocateTasks(leader, allocator.unallocatedTasks);
}
