/** What the node objects say of managers: who leads, who is reachable. */
import type { Cluster } from '../manager/cluster.ts';
import { updateStore } from '../manager/store.ts';
import type { NodeObject } from '../objects.ts';
import { isReachable, type RaftNode } from './raft.ts';
import { sharedOf } from './shared.ts';

/** Writes what the leader sees into the nodes that changed. @source swarmkit manager/controlapi/node.go ListNodes() */
export function refreshManagers(cluster: Cluster, raft: RaftNode): void {
  const changed: NodeObject[] = [];
  for (const node of cluster.store.nodes.values()) {
    const managerStatus = statusOf(cluster, raft, node);
    if (!isSame(managerStatus, node.managerStatus)) changed.push({ ...node, managerStatus });
  }
  if (changed.length === 0) return;
  updateStore(cluster, (transaction) => {
    for (const node of changed) transaction.update('node', node);
  });
}

function statusOf(
  cluster: Cluster,
  raft: RaftNode,
  { id }: NodeObject,
): NodeObject['managerStatus'] {
  const member = sharedOf(cluster).raftMembers.get(id);
  if (member === undefined) return null;
  const { raftId, address, port } = member;
  return {
    raftId,
    address,
    port,
    isLeader: id === raft.around.ownId,
    reachability: isReachable(raft, id) ? 'reachable' : 'unreachable',
  };
}

function isSame(one: NodeObject['managerStatus'], two: NodeObject['managerStatus']): boolean {
  if (one === null || two === null) return one === two;
  return (
    one.raftId === two.raftId &&
    one.address === two.address &&
    one.port === two.port &&
    one.isLeader === two.isLeader &&
    one.reachability === two.reachability
  );
}
