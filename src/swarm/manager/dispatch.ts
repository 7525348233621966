/**
 * What the leader knows of nodes and tells them: assignments, statuses, nodes that come and go. The
 * sessions themselves are in wire/.
 * @source swarmkit manager/dispatcher
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { DockerError } from '../../docker/engine-record.ts';
import { timeNs } from '../../engine/simulator.ts';
import {
  type NodeObject,
  type ObjectId,
  stateRank,
  type TaskObject,
  type TaskSpec,
  type TaskStatus,
} from '../objects.ts';
import type { Cluster } from './cluster.ts';
import { type Leader, later, leaderOf } from './leader-record.ts';
import { type StoreEvent, tasksOfNode, updateStore } from './store.ts';

/** Changes for a node are collected for so long, and so are statuses. */
const BATCH_NS = 100e6;
/** After so long without its node a task is given up. */
const NODE_DOWN_PERIOD_NS = 86_400e9;
const ASSIGNED = stateRank('assigned');
const RUNNING = stateRank('running');

/** What waits to be told or written. */
export interface AssignmentNotes {
  readonly nodes: Set<ObjectId>;
  readonly statuses: Map<ObjectId, TaskStatus>;
  areStatusesDue: boolean;
  /** By node that is down: what calls the giving up of its tasks off. */
  readonly downs: Map<ObjectId, () => void>;
}

export function makeAssignmentNotes(): AssignmentNotes {
  return { nodes: new Set(), statuses: new Map(), areStatusesDue: false, downs: new Map() };
}

/** The tasks that a node is to run or to end now, oldest first: also those that ended, until they are deleted. */
export function assignmentsOf(cluster: Cluster, nodeId: ObjectId): TaskObject[] {
  return tasksOfNode(cluster.store, nodeId).filter(
    ({ status }) => stateRank(status.state) >= ASSIGNED,
  );
}

/** A node reports how a task is; what lies behind what is known is left out. Needs a leader. */
export function applyStatus(
  cluster: Cluster,
  nodeId: ObjectId,
  taskId: ObjectId,
  status: TaskStatus,
): void {
  const leader = leaderOf(cluster);
  const task = cluster.store.tasks.get(taskId);
  if (leader === null || task === undefined || task.nodeId !== nodeId) return;
  const { assignments } = leader;
  assignments.statuses.set(taskId, status);
  if (assignments.areStatusesDue) return;
  assignments.areStatusesDue = true;
  later(leader, BATCH_NS, () => writeStatuses(leader));
}

/** A task changed: its node is told, if it is something that the node does not know. */
export function noteAssignment(leader: Leader, event: StoreEvent): void {
  if (event.table !== 'task') return;
  const { object: task, previous, kind } = event;
  if (task.nodeId === '' || stateRank(task.status.state) < ASSIGNED) return;
  const isNews =
    kind === 'delete' ||
    previous === null ||
    stateRank(previous.status.state) < ASSIGNED ||
    previous.desiredState !== task.desiredState ||
    previous.nodeId !== task.nodeId;
  if (isNews) tellNode(leader, task.nodeId);
}

/** A node joined. */
export function addNodeObject(
  cluster: Cluster,
  node: Pick<NodeObject, 'id' | 'spec' | 'description' | 'managerStatus'> & { address: Ipv4 },
): NodeObject {
  const { id, spec, description, managerStatus, address } = node;
  return updateStore(cluster, (tx) =>
    tx.create('node', {
      id,
      spec,
      description,
      managerStatus,
      status: { state: 'unknown', message: '', address },
      attachments: new Map(),
    }),
  );
}

/** Its session was registered: status Ready. */
export function markNodeReady(cluster: Cluster, nodeId: ObjectId, address: Ipv4): void {
  const leader = leaderOf(cluster);
  leader?.assignments.downs.get(nodeId)?.();
  leader?.assignments.downs.delete(nodeId);
  setStatus(cluster, nodeId, { state: 'ready', message: '', address });
}

/** Its heartbeats stayed away (`heartbeat failure`), or it left (`''`): status Down. */
export function markNodeDown(cluster: Cluster, nodeId: ObjectId, message: string): void {
  const node = cluster.store.nodes.get(nodeId);
  if (node === undefined) return;
  setStatus(cluster, nodeId, { ...node.status, state: 'down', message });
  const leader = leaderOf(cluster);
  if (leader === null || leader.assignments.downs.has(nodeId)) return;
  const callOff = later(leader, NODE_DOWN_PERIOD_NS, () => orphanTasks(cluster, nodeId, ''));
  leader.assignments.downs.set(nodeId, callOff);
}

/** After an election no node has a session yet. */
export function markNodesUnknown(cluster: Cluster): void {
  const message = 'Node moved to "unknown" state due to leadership change in cluster';
  updateStore(cluster, (tx) => {
    for (const node of [...cluster.store.nodes.values()]) {
      if (node.status.state === 'down') continue;
      tx.update('node', { ...node, status: { ...node.status, state: 'unknown', message } });
    }
  });
}

/** `docker node rm`, or a node that is gone for good: what it ran is lost. */
export function removeNodeObject(cluster: Cluster, nodeId: ObjectId): void {
  orphanTasks(cluster, nodeId, 'Task belonged to a node that has been deleted');
  updateStore(cluster, (tx) => tx.remove('node', nodeId));
}

/**
 * A plain container of a node wants a leg on an attachable network: makes its task; it has an address
 * when the allocator has gone over it and it is assigned.
 * @param network an id or a name.
 * @throws DockerError 404, 403 (`network NAME not manually attachable`).
 */
export function createAttachment(
  cluster: Cluster,
  nodeId: ObjectId,
  network: string,
  containerId: string,
  wanted: Ipv4 | null,
): TaskObject {
  const { networks } = cluster.store;
  const found =
    networks.get(network) ?? [...networks.values()].find(({ name }) => name === network);
  if (found === undefined) {
    throw new DockerError(404, `rpc error: code = NotFound desc = network ${network} not found`);
  }
  if (!found.isAttachable) {
    const text = `network ${found.name} not manually attachable`;
    throw new DockerError(403, `rpc error: code = PermissionDenied desc = ${text}`);
  }
  return updateStore(cluster, (tx) =>
    tx.create('task', {
      serviceId: '',
      serviceName: '',
      slot: 0,
      nodeId,
      spec: attachmentSpec(found.id),
      specVersion: 0,
      desiredState: 'running',
      status: {
        state: 'new',
        timestampNs: timeNs(cluster.world.sim),
        message: 'created',
        error: '',
        containerId: '',
        pid: 0,
        exitCode: 0,
        hostPorts: [],
      },
      attachments: [],
      endpointSpec: { mode: 'vip', ports: [] },
      endpoint: null,
      jobIteration: -1,
      containerAttachment: { containerId, wantedAddress: wanted },
    }),
  );
}

/** The leg is not needed any more. */
export function removeAttachment(cluster: Cluster, taskId: ObjectId): void {
  updateStore(cluster, (tx) => tx.remove('task', taskId));
}

function tellNode(leader: Leader, nodeId: ObjectId): void {
  const { nodes } = leader.assignments;
  if (nodes.has(nodeId)) return;
  nodes.add(nodeId);
  later(leader, BATCH_NS, () => {
    nodes.delete(nodeId);
    leader.member.wire.assign(nodeId);
  });
}

function writeStatuses(leader: Leader): void {
  const { assignments, store, cluster } = leader;
  const statuses = [...assignments.statuses];
  assignments.statuses.clear();
  assignments.areStatusesDue = false;
  updateStore(cluster, (tx) => {
    for (const [taskId, status] of statuses) {
      const task = store.tasks.get(taskId);
      if (task === undefined || task.status === status) continue;
      if (stateRank(task.status.state) > stateRank(status.state)) continue;
      tx.update('task', { ...task, status });
    }
  });
}

function setStatus(cluster: Cluster, nodeId: ObjectId, status: NodeObject['status']): void {
  const node = cluster.store.nodes.get(nodeId);
  if (node === undefined) return;
  const { state, message, address } = node.status;
  if (state === status.state && message === status.message && address === status.address) return;
  updateStore(cluster, (tx) => tx.update('node', { ...node, status }));
}

/** Nobody knows any more whether they run. */
function orphanTasks(cluster: Cluster, nodeId: ObjectId, message: string): void {
  const { store, world } = cluster;
  updateStore(cluster, (tx) => {
    for (const task of tasksOfNode(store, nodeId)) {
      const rank = stateRank(task.status.state);
      if (rank > RUNNING || (message === '' && rank < ASSIGNED)) continue;
      const status = {
        ...task.status,
        state: 'orphaned' as const,
        timestampNs: message === '' ? task.status.timestampNs : timeNs(world.sim),
        message: message === '' ? task.status.message : message,
      };
      tx.update('task', { ...task, status });
    }
  });
}

/** The spec of what has no container of its own. */
function attachmentSpec(networkId: ObjectId): TaskSpec {
  const none = { nanoCpus: 0, memoryBytes: 0, pids: 0 };
  return {
    container: {
      image: '',
      labels: new Map(),
      command: [],
      args: [],
      hostname: '',
      environment: [],
      workingDir: '',
      user: '',
      groups: [],
      isTty: false,
      isReadOnly: false,
      stopSignal: '',
      stopGraceNs: 0,
      hosts: [],
      dns: { nameservers: [], search: [], options: [] },
      mounts: [],
      secrets: [],
      configs: [],
      sysctls: new Map(),
      capabilityAdd: [],
      capabilityDrop: [],
      init: null,
    },
    resources: { limits: none, reservations: none },
    restart: { condition: 'none', delayNs: 0, maxAttempts: 0, windowNs: 0 },
    placement: { constraints: [], preferences: [], maxReplicas: 0 },
    networks: [{ target: networkId, aliases: [], driverOptions: new Map() }],
    forceUpdate: 0,
    logDriver: '',
  };
}
