/**
 * The addresses of the nodes' load balancers: on ingress always, on an overlay while a task that uses it
 * is on the node.
 * @source swarmkit manager/allocator/network.go reallocateNode(), allocateNode()
 */
import type { Ipv4 } from '../../../base/ipv4-address.ts';
import { type NodeObject, type ObjectId, stateRank, type TaskObject } from '../../objects.ts';
import type { Leader } from '../leader-record.ts';
import { updateStore } from '../store.ts';
import { releaseNetworkAddress, takeNetworkAddress } from './network-addresses.ts';
import { addUses } from './uses.ts';

const RUNNING = stateRank('running');

/** Gives a node the load balancers that it needs and lacks. */
export function attachNode(leader: Leader, nodeId: ObjectId): void {
  const { store, allocator, cluster } = leader;
  const node = store.nodes.get(nodeId);
  if (node === undefined) return;
  const wanted = [...(allocator.nodeUse.get(nodeId)?.keys() ?? [])];
  const ingress = ingressOf(leader);
  if (ingress !== null) wanted.push(ingress);
  const attachments = new Map<ObjectId, Ipv4>(node.attachments);
  for (const networkId of wanted) {
    if (attachments.has(networkId)) continue;
    const taken = takeNetworkAddress(allocator, networkId, null);
    if (taken !== null) attachments.set(networkId, taken.address);
  }
  if (attachments.size === node.attachments.size) return;
  updateStore(cluster, (tx) => tx.update('node', { ...node, attachments }));
}

/** A node is gone: its addresses are free. */
export function detachNode(leader: Leader, node: NodeObject): void {
  for (const [networkId, address] of node.attachments) {
    releaseNetworkAddress(leader.allocator, networkId, address);
  }
}

/** A network is gone. */
export function detachNodesFrom(leader: Leader, networkId: ObjectId): void {
  for (const nodeId of [...leader.store.nodes.keys()]) detachNodeFrom(leader, nodeId, networkId);
}

/** A task came to a node, stopped there or was deleted. */
export function noteTaskOnNode(leader: Leader, task: TaskObject, isDeleted: boolean): void {
  const { allocator } = leader;
  const { id, nodeId, attachments, status } = task;
  if (nodeId === '' || attachments.length === 0) return;
  const isLive = !isDeleted && stateRank(status.state) <= RUNNING;
  if (isLive === allocator.countedTasks.has(id)) return;
  if (isLive) allocator.countedTasks.add(id);
  else allocator.countedTasks.delete(id);
  let isChanged = false;
  for (const { network } of attachments) {
    if (network.driver !== 'overlay' || network.isIngress) continue;
    const uses = addUses(allocator.nodeUse, nodeId, network.id, isLive ? 1 : -1);
    if (isLive && uses === 1) isChanged = true;
    else if (!isLive && uses === 0) detachNodeFrom(leader, nodeId, network.id);
  }
  if (isChanged) attachNode(leader, nodeId);
}

export function restoreNode({ allocator }: Leader, node: NodeObject): void {
  for (const [networkId, address] of node.attachments) {
    takeNetworkAddress(allocator, networkId, address);
  }
}

/** The ingress network if it has its subnet; null if there is none. */
export function ingressOf({ allocator }: Leader): ObjectId | null {
  return allocator.ingressId;
}

function detachNodeFrom(leader: Leader, nodeId: ObjectId, networkId: ObjectId): void {
  const node = leader.store.nodes.get(nodeId);
  const address = node?.attachments.get(networkId);
  if (node === undefined || address === undefined) return;
  const attachments = new Map(node.attachments);
  attachments.delete(networkId);
  updateStore(leader.cluster, (tx) => tx.update('node', { ...node, attachments }));
  releaseNetworkAddress(leader.allocator, networkId, address);
}
