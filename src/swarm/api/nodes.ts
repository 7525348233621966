/**
 * `docker node update`, `rm`. (`promote` and `demote` are updates of the role.)
 * @source swarmkit manager/controlapi/node.go
 */
import type { Process, Program } from '../../engine/process.ts';
import type { Cluster } from '../manager/cluster.ts';
import { removeNodeObject } from '../manager/dispatch.ts';
import { updateStore } from '../manager/store.ts';
import type { SwarmMember } from '../member.ts';
import type { NodeObject, ObjectId } from '../objects.ts';
import { canRemoveManager, commit, requireLeader } from '../wire/leader.ts';
import { rpcError } from '../wire/rpc.ts';
import { awaitAnswer } from './answer.ts';

/** @throws DockerError 404, out of sequence. */
export function* updateNode(
  member: SwarmMember,
  process: Process,
  id: ObjectId,
  versionIndex: number,
  spec: NodeObject['spec'],
): Program<NodeObject> {
  const cluster = yield* requireLeader(member, process);
  const node = findNode(cluster, id);
  if (node.spec.role === 'manager' && spec.role === 'worker') checkDemotion(cluster, node);
  if (node.versionIndex !== versionIndex) throw rpcError(500, 'Unknown', 'update out of sequence');
  yield* commit(member, process);
  const latest = findNode(cluster, id);
  const changed = updateStore(cluster, (tx) => tx.update('node', { ...latest, spec }));
  yield* awaitAnswer(process);
  return changed;
}

/** @throws DockerError: it is a manager, or not down. */
export function* removeNode(
  member: SwarmMember,
  process: Process,
  id: ObjectId,
  options: { readonly isForced: boolean },
): Program<void> {
  const cluster = yield* requireLeader(member, process);
  const { spec, status, managerStatus } = findNode(cluster, id);
  if (spec.role === 'manager' && managerStatus !== null) {
    refuse(
      `node ${id} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal`,
    );
  }
  if (!options.isForced && status.state === 'ready') {
    refuse(`node ${id} is not down and can't be removed`);
  }
  yield* commit(member, process);
  removeNodeObject(cluster, id);
  yield* awaitAnswer(process);
}

function checkDemotion(cluster: Cluster, node: NodeObject): void {
  const managers = [...cluster.store.nodes.values()].filter(({ spec }) => spec.role === 'manager');
  if (managers.length === 1) refuse('attempting to demote the last manager of the swarm');
  if (canRemoveManager(cluster, node.id)) return;
  refuse("can't remove member from the raft: this would result in a loss of quorum");
}

function findNode({ store }: Cluster, id: ObjectId): NodeObject {
  const node = store.nodes.get(id);
  if (node === undefined) throw rpcError(404, 'NotFound', `node ${id} not found`);
  return node;
}

function refuse(text: string): never {
  throw rpcError(400, 'FailedPrecondition', text);
}
