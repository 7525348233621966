/**
 * What the leader knows of nodes and tells them: assignments, statuses, nodes that come and go. The
 * sessions themselves are in wire/.
 * @source swarmkit manager/dispatcher
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { NodeObject, ObjectId, TaskObject, TaskStatus } from '../objects.ts';
import type { Cluster } from './cluster.ts';

/** The tasks that a node is to run or to end now, oldest first. */
export function assignmentsOf(_cluster: Cluster, _nodeId: ObjectId): TaskObject[] {
  return [];
}

/** A node reports how a task is; what lies behind what is known is left out. */
export function applyStatus(
  _cluster: Cluster,
  _nodeId: ObjectId,
  _taskId: ObjectId,
  _status: TaskStatus,
): void {}

/** A node joined. */
export function addNodeObject(
  _cluster: Cluster,
  _node: Pick<NodeObject, 'id' | 'spec' | 'description' | 'managerStatus'> & { address: Ipv4 },
): NodeObject {
  throw new Error('not yet');
}

/** Its session was registered: status Ready. */
export function markNodeReady(_cluster: Cluster, _nodeId: ObjectId, _address: Ipv4): void {}

/** Its heartbeats stayed away (`heartbeat failure`), or it left (`''`): status Down. */
export function markNodeDown(_cluster: Cluster, _nodeId: ObjectId, _message: string): void {}

/** After an election no node has a session yet. */
export function markNodesUnknown(_cluster: Cluster): void {}

/** `docker node rm`, or a node that is gone for good. */
export function removeNodeObject(_cluster: Cluster, _nodeId: ObjectId): void {}

/**
 * A plain container of a node wants a leg on an attachable network: makes its task; it has an address
 * when the allocator has gone over it and it is assigned.
 * @throws DockerError 404, 403 (`network NAME not manually attachable`).
 */
export function createAttachment(
  _cluster: Cluster,
  _nodeId: ObjectId,
  _networkId: ObjectId,
  _containerId: string,
  _wanted: Ipv4 | null,
): TaskObject {
  throw new Error('not yet');
}

/** The leg is not needed any more. */
export function removeAttachment(_cluster: Cluster, _taskId: ObjectId): void {}
