/**
 * What the scheduler knows of the nodes: the tasks there and what they take, and the nodes in buckets by
 * their number of tasks, so that the emptiest is found without a walk over all.
 * @source swarmkit manager/scheduler/nodeinfo.go, nodeset.go
 */
import { type NodeObject, type ObjectId, stateRank, type TaskObject } from '../../objects.ts';
import { hashOf } from '../ties.ts';

export interface NodeInfo {
  node: NodeObject;
  /** By id: whether it counts as active (it is not on its way out). */
  readonly tasks: Map<ObjectId, { readonly task: TaskObject; readonly isActive: boolean }>;
  activeCount: number;
  readonly activeByService: Map<ObjectId, number>;
  /** What the tasks have reserved. */
  reservedNanoCpus: number;
  reservedMemoryBytes: number;
  /** `tcp/80` of host-mode ports. */
  readonly hostPorts: Set<string>;
  /** When tasks of a service in a version failed here lately. */
  readonly failures: Map<string, number[]>;
  readonly tieHash: number;
}

export interface NodeSet {
  readonly infos: Map<ObjectId, NodeInfo>;
  /** By number of active tasks. */
  readonly buckets: Set<NodeInfo>[];
}

/** For how long a failure counts, and how many make a node the last choice. */
const FAILURE_WINDOW_NS = 300e9;
const COMPLETE = stateRank('complete');

export function makeNodeSet(): NodeSet {
  return { infos: new Map(), buckets: [] };
}

/** A node came or changed. */
export function putNode(set: NodeSet, node: NodeObject): void {
  const known = set.infos.get(node.id);
  if (known !== undefined) {
    known.node = node;
    return;
  }
  const info: NodeInfo = {
    node,
    tasks: new Map(),
    activeCount: 0,
    activeByService: new Map(),
    reservedNanoCpus: 0,
    reservedMemoryBytes: 0,
    hostPorts: new Set(),
    failures: new Map(),
    tieHash: hashOf(node.description.hostname),
  };
  set.infos.set(node.id, info);
  bucketOf(set, 0).add(info);
}

export function removeNode(set: NodeSet, id: ObjectId): void {
  const info = set.infos.get(id);
  if (info === undefined) return;
  bucketOf(set, info.activeCount).delete(info);
  set.infos.delete(id);
}

/** A task is on a node, or its desired state changed. */
export function putTask(set: NodeSet, task: TaskObject): void {
  const info = set.infos.get(task.nodeId);
  if (info === undefined) return;
  const isActive = stateRank(task.desiredState) <= COMPLETE;
  const known = info.tasks.get(task.id);
  if (known?.isActive === isActive) return;
  info.tasks.set(task.id, { task, isActive });
  if (known !== undefined) {
    count(set, info, task.serviceId, isActive ? 1 : -1);
    return;
  }
  const { nanoCpus, memoryBytes } = task.spec.resources.reservations;
  info.reservedNanoCpus += nanoCpus;
  info.reservedMemoryBytes += memoryBytes;
  for (const key of hostPortsOf(task)) info.hostPorts.add(key);
  if (isActive) count(set, info, task.serviceId, 1);
}

/** A task is over. @returns whether it was known. */
export function dropTask(set: NodeSet, task: TaskObject): boolean {
  const info = set.infos.get(task.nodeId);
  const known = info?.tasks.get(task.id);
  if (info === undefined || known === undefined) return false;
  info.tasks.delete(task.id);
  const { nanoCpus, memoryBytes } = known.task.spec.resources.reservations;
  info.reservedNanoCpus -= nanoCpus;
  info.reservedMemoryBytes -= memoryBytes;
  for (const key of hostPortsOf(known.task)) info.hostPorts.delete(key);
  if (known.isActive) count(set, info, task.serviceId, -1);
  return true;
}

/** A task failed on a node that the scheduler chose. */
export function noteFailure(set: NodeSet, task: TaskObject, nowNs: number): void {
  const info = set.infos.get(task.nodeId);
  if (info === undefined) return;
  const key = failureKey(task);
  const times = (info.failures.get(key) ?? []).filter((time) => nowNs - time < FAILURE_WINDOW_NS);
  times.push(nowNs);
  info.failures.set(key, times);
}

/** How often tasks like this one failed on a node lately. */
export function recentFailures(info: NodeInfo, task: TaskObject, nowNs: number): number {
  if (info.failures.size === 0) return 0;
  const times = info.failures.get(failureKey(task)) ?? [];
  return times.filter((time) => nowNs - time <= FAILURE_WINDOW_NS).length;
}

/** The host-mode ports that a task wants, as keys. */
export function hostPortsOf({ endpoint }: TaskObject): string[] {
  if (endpoint === null) return [];
  return endpoint.ports
    .filter(({ publishMode, publishedPort }) => publishMode === 'host' && publishedPort !== 0)
    .map(({ protocol, publishedPort }) => `${protocol}/${publishedPort}`);
}

function failureKey({ serviceId, specVersion }: TaskObject): string {
  return `${serviceId}/${specVersion}`;
}

function count(set: NodeSet, info: NodeInfo, serviceId: ObjectId, change: 1 | -1): void {
  bucketOf(set, info.activeCount).delete(info);
  info.activeCount += change;
  bucketOf(set, info.activeCount).add(info);
  const own = (info.activeByService.get(serviceId) ?? 0) + change;
  if (own > 0) info.activeByService.set(serviceId, own);
  else info.activeByService.delete(serviceId);
}

function bucketOf({ buckets }: NodeSet, index: number): Set<NodeInfo> {
  while (buckets.length <= index) buckets.push(new Set());
  return buckets[index]!; // just made
}
