/**
 * Replicated services: as many slots as replicas, and a task for each.
 * @source swarmkit manager/orchestrator/replicated
 */
import { isPast, type ObjectId, type ServiceObject, type TaskObject } from '../../objects.ts';
import type { Leader } from '../leader-record.ts';
import {
  type StoreEvent,
  type Transaction,
  tasksOfNode,
  tasksOfService,
  updateStore,
} from '../store.ts';
import { isNodeInvalid, newTask } from './new-task.ts';
import { cancelDelay, restartTask, updatableTasks } from './restart.ts';
import { startUpdate } from './updater.ts';

/** What is to be looked at after the transaction. */
export interface ReplicatedNotes {
  readonly services: Set<ObjectId>;
  readonly tasks: Set<ObjectId>;
}

type Slot = readonly TaskObject[];

export function makeReplicatedNotes(): ReplicatedNotes {
  return { services: new Set(), tasks: new Set() };
}

export function onReplicatedEvent(leader: Leader, event: StoreEvent): void {
  const { replicated } = leader;
  if (event.table === 'service') {
    if (event.object.spec.mode.kind !== 'replicated') return;
    if (event.kind === 'delete') removeServiceTasks(leader, event.object.id);
    else replicated.services.add(event.object.id);
  } else if (event.table === 'node') {
    const isGone = event.kind === 'delete' || isNodeInvalid(event.object);
    if (isGone) noteTasksOfNode(leader, event.object.id);
  } else if (event.table === 'task') {
    if (event.kind === 'delete') noteDeletedTask(leader, event.object);
    else noteTask(leader, event.object);
  }
}

/** Acts on what was noted. */
export function tickReplicated(leader: Leader): void {
  const { replicated, store, cluster } = leader;
  if (replicated.tasks.size > 0) {
    const ids = [...replicated.tasks];
    replicated.tasks.clear();
    updateStore(cluster, (tx) => {
      for (const id of ids) {
        const task = store.tasks.get(id);
        const service = store.services.get(task?.serviceId ?? '');
        if (task === undefined || isPast(task.desiredState, 'running')) continue;
        if (service?.spec.mode.kind === 'replicated') restartTask(leader, tx, service, task);
      }
    });
  }
  const services = [...replicated.services];
  replicated.services.clear();
  for (const id of services) {
    const service = store.services.get(id);
    if (service !== undefined) reconcile(leader, service);
  }
}

/** A service is gone: its tasks are to be removed. */
export function removeServiceTasks(leader: Leader, serviceId: ObjectId): void {
  const { store, cluster, restarts } = leader;
  updateStore(cluster, (tx) => setDesired(tx, tasksOfService(store, serviceId), 'remove'));
  restarts.histories.delete(serviceId);
}

/** Tasks of a slot number or a node, by that. */
export function slotsOf(
  tasks: readonly TaskObject[],
  keyOf: (task: TaskObject) => number | string,
): Map<number | string, TaskObject[]> {
  const slots = new Map<number | string, TaskObject[]>();
  for (const task of tasks) {
    const key = keyOf(task);
    const slot = slots.get(key);
    if (slot === undefined) slots.set(key, [task]);
    else slot.push(task);
  }
  return slots;
}

function noteTask({ replicated, store }: Leader, task: TaskObject): void {
  if (isPast(task.desiredState, 'running')) return;
  if (isPast(task.status.state, 'running')) replicated.tasks.add(task.id);
  else if (task.nodeId !== '' && isNodeInvalid(store.nodes.get(task.nodeId) ?? null)) {
    replicated.tasks.add(task.id);
  }
}

function noteDeletedTask(leader: Leader, task: TaskObject): void {
  const { replicated, store } = leader;
  const service = store.services.get(task.serviceId);
  if (!isPast(task.desiredState, 'running') && service?.spec.mode.kind === 'replicated') {
    replicated.services.add(service.id);
  }
  cancelDelay(leader, task.id);
}

function noteTasksOfNode({ replicated, store }: Leader, nodeId: ObjectId): void {
  for (const task of tasksOfNode(store, nodeId)) {
    if (!isPast(task.desiredState, 'running')) replicated.tasks.add(task.id);
  }
}

/** Makes slots, or ends those that are too many; the others are looked at by the updater. */
function reconcile(leader: Leader, service: ServiceObject): void {
  const { store, cluster } = leader;
  const { mode } = service.spec;
  if (mode.kind !== 'replicated') return;
  const live = new Map<number, Slot>();
  const dead = new Map<number, Slot>();
  for (const [key, slot] of slotsOf(tasksOfService(store, service.id), ({ slot }) => slot)) {
    const updatable = updatableTasks(leader, slot, service);
    if (updatable.length > 0) live.set(Number(key), updatable);
    else dead.set(Number(key), slot);
  }
  if (mode.replicas >= live.size) {
    startUpdate(leader, service, [...live.values()]);
    updateStore(cluster, (tx) => {
      addTasks(leader, tx, service, live, dead, mode.replicas - live.size);
      deleteTasks(tx, dead);
    });
    return;
  }
  const slots = inOrderOfKeeping([...live.values()]);
  startUpdate(leader, service, slots.slice(0, mode.replicas));
  updateStore(cluster, (tx) => {
    deleteTasks(tx, dead);
    for (const slot of slots.slice(mode.replicas)) setDesired(tx, slot, 'remove');
  });
}

/** New tasks in the lowest free slots. */
function addTasks(
  leader: Leader,
  tx: Transaction,
  service: ServiceObject,
  live: ReadonlyMap<number, Slot>,
  dead: Map<number, Slot>,
  count: number,
): void {
  let slot = 0;
  for (let i = 0; i < count; i++) {
    do slot++;
    while (live.has(slot));
    dead.delete(slot);
    tx.create('task', newTask(leader, service, { slot, nodeId: '' }, 'running'));
  }
}

function deleteTasks(tx: Transaction, slots: ReadonlyMap<number, Slot>): void {
  for (const slot of slots.values()) for (const task of slot) tx.remove('task', task.id);
}

function setDesired(tx: Transaction, tasks: Slot, desiredState: 'remove' | 'shutdown'): void {
  for (const task of tasks) {
    if (!isPast(task.desiredState, desiredState) && task.desiredState !== desiredState) {
      tx.update('task', { ...task, desiredState });
    }
  }
}

/** Those to be kept first: one a node before second ones, running ones before others, low slots first. */
function inOrderOfKeeping(slots: Slot[]): Slot[] {
  const isRunning = (slot: Slot): boolean => slot.some(({ status }) => status.state === 'running');
  slots.sort((one, other) => {
    const running = Number(isRunning(other)) - Number(isRunning(one));
    return running === 0 ? one[0]!.slot - other[0]!.slot : running; // a slot has a task
  });
  const counts = new Map<ObjectId, number>();
  const ranked = slots.map((slot) => {
    const nodeId = slot.length === 1 ? slot[0]!.nodeId : '';
    if (nodeId === '') return { slot, rank: Number.POSITIVE_INFINITY };
    const rank = (counts.get(nodeId) ?? 0) + 1;
    counts.set(nodeId, rank);
    return { slot, rank };
  });
  const compare = (one: number, other: number): number => (one === other ? 0 : one - other);
  return ranked.sort((one, other) => compare(one.rank, other.rank)).map(({ slot }) => slot);
}
