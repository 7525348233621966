/** Addresses of tasks: with them a task goes from new to pending. @source swarmkit manager/allocator/network.go */
import {
  type NetworkAttachment,
  type NetworkObject,
  type ObjectId,
  stateRank,
  type TaskObject,
} from '../../objects.ts';
import { type Leader, nowOf } from '../leader-record.ts';
import { updateStore } from '../store.ts';
import { sortByTies } from '../ties.ts';
import { releaseNetworkAddress, takeNetworkAddress } from './network-addresses.ts';
import { ingressOf, noteTaskOnNode } from './nodes.ts';
import { isAllocated, needsIngress } from './services.ts';

const RUNNING = stateRank('running');
const PENDING = stateRank('pending');

/** A task came, changed or was deleted. */
export function noteTask(leader: Leader, task: TaskObject, isDeleted: boolean): void {
  const { allocator } = leader;
  const rank = stateRank(task.status.state);
  if (isDeleted || rank > RUNNING) {
    allocator.pendingTasks.delete(task.id);
    allocator.unallocatedTasks.delete(task.id);
    if (!allocator.allocatedTasks.delete(task.id)) return;
    for (const { network, address } of task.attachments) {
      releaseNetworkAddress(allocator, network.id, address);
    }
  } else if (rank < PENDING) allocator.pendingTasks.add(task.id);
}

/** Serves those of a set that can be; the others stay in it. */
export function allocateTasks(leader: Leader, ids: Set<ObjectId>): void {
  const { store, cluster } = leader;
  if (ids.size === 0) return;
  const tasks: TaskObject[] = [];
  for (const id of ids) {
    const task = store.tasks.get(id);
    if (task === undefined || stateRank(task.status.state) >= PENDING) ids.delete(id);
    else tasks.push(task);
  }
  sortByTies(leader.tieSeed, tasks);
  updateStore(cluster, (tx) => {
    for (const task of tasks) {
      const served = serve(leader, task);
      if (served === null) continue;
      ids.delete(task.id);
      tx.update('task', served);
    }
  });
}

export function restoreTask(leader: Leader, task: TaskObject): void {
  const { allocator } = leader;
  const rank = stateRank(task.status.state);
  if (rank > RUNNING || rank < PENDING) return;
  allocator.allocatedTasks.add(task.id);
  for (const { network, address } of task.attachments) {
    takeNetworkAddress(allocator, network.id, address);
  }
  noteTaskOnNode(leader, task, false);
}

/** The task with its addresses; null if it has to wait. */
function serve(leader: Leader, task: TaskObject): TaskObject | null {
  const { store, allocator } = leader;
  const service = store.services.get(task.serviceId);
  if (service === undefined ? task.serviceId !== '' : !isAllocated(leader, service)) return null;
  const attachments: NetworkAttachment[] = [];
  for (const { network, aliases } of legsOf(leader, task)) {
    if (!network.isAllocated) return giveBack(leader, attachments);
    if (network.driver !== 'overlay') continue;
    const wanted = task.containerAttachment?.wantedAddress ?? null;
    const taken = takeNetworkAddress(allocator, network.id, wanted);
    if (taken === null) return giveBack(leader, attachments);
    attachments.push({ network, aliases, ...taken });
  }
  allocator.allocatedTasks.add(task.id);
  const status = {
    ...task.status,
    state: 'pending' as const,
    timestampNs: nowOf(leader),
    message: 'pending task scheduling',
    error: '',
  };
  return { ...task, attachments, endpoint: service?.endpoint ?? null, status };
}

function giveBack({ allocator }: Leader, attachments: readonly NetworkAttachment[]): null {
  const before = allocator.wasReleased;
  for (const { network, address } of attachments) {
    releaseNetworkAddress(allocator, network.id, address);
  }
  allocator.wasReleased = before; // nothing that was not there before
  return null;
}

interface Leg {
  readonly network: NetworkObject;
  readonly aliases: readonly string[];
}

function legsOf(leader: Leader, task: TaskObject): Leg[] {
  const { store } = leader;
  const legs: Leg[] = [];
  const service = store.services.get(task.serviceId);
  const ingressId = service !== undefined && needsIngress(service.spec) ? ingressOf(leader) : null;
  if (ingressId !== null) legs.push({ network: store.networks.get(ingressId)!, aliases: [] });
  for (const { target, aliases } of task.spec.networks) {
    const network = store.networks.get(target);
    if (network !== undefined) legs.push({ network, aliases });
  }
  return legs;
}
