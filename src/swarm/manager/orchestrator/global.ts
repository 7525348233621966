/**
 * Global services: a task on each node that may run one.
 * @source swarmkit manager/orchestrator/global/global.go
 */
import {
  isPast,
  type NodeObject,
  type ObjectId,
  type ServiceObject,
  type TaskObject,
} from '../../objects.ts';
import type { Leader } from '../leader-record.ts';
import { meetsConstraints } from '../scheduler/constraints.ts';
import {
  type StoreEvent,
  type Transaction,
  tasksOfNode,
  tasksOfService,
  tasksOfSlot,
  updateStore,
} from '../store.ts';
import { isNodeInvalid, isTaskDirty, newTask } from './new-task.ts';
import { removeServiceTasks, slotsOf } from './replicated.ts';
import { restartTask, updatableTasks } from './restart.ts';
import { startUpdate } from './updater.ts';

export function onGlobalEvent(leader: Leader, event: StoreEvent): void {
  if (event.table === 'service') {
    if (event.object.spec.mode.kind !== 'global') return;
    if (event.kind === 'delete') removeServiceTasks(leader, event.object.id);
    else reconcileGlobal(leader, event.object.id);
  } else if (event.table === 'node') {
    if (event.kind === 'delete') deleteTasksOf(leader, event.object.id);
    else if (isNews(event.object, event.previous)) reconcileNode(leader, event.object.id);
  } else if (event.table === 'task' && event.kind === 'update') {
    restartIfOver(leader, event.object.id);
  }
}

/** A task on each node that lacks one; those on nodes that may not have it end. */
export function reconcileGlobal(leader: Leader, serviceId: ObjectId): void {
  const { store, cluster } = leader;
  const service = store.services.get(serviceId);
  if (service?.spec.mode.kind !== 'global') return;
  const slots = new Map<ObjectId, readonly TaskObject[]>();
  for (const [nodeId, slot] of slotsOf(tasksOfService(store, serviceId), ({ nodeId }) => nodeId)) {
    const updatable = updatableTasks(leader, slot, service);
    if (updatable.length > 0) slots.set(String(nodeId), updatable);
  }
  const updates: (readonly TaskObject[])[] = [];
  updateStore(cluster, (tx) => {
    for (const node of store.nodes.values()) {
      if (isNodeInvalid(node)) continue;
      const tasks = slots.get(node.id) ?? [];
      slots.delete(node.id);
      if (!meetsConstraints(node, service.spec.task.placement.constraints)) shutDown(tx, tasks);
      else if (node.spec.availability === 'pause') continue;
      else if (tasks.length === 0) addTask(leader, tx, service, node.id);
      else updates.push(tasks);
    }
    for (const tasks of slots.values()) shutDown(tx, tasks);
  });
  if (updates.length > 0) startUpdate(leader, service, updates);
}

/** Only what counts for placement: not its load balancers' addresses. */
export function isNews(node: NodeObject, previous: NodeObject | null): boolean {
  return (
    previous === null ||
    previous.spec !== node.spec ||
    previous.status !== node.status ||
    previous.description !== node.description
  );
}

function reconcileNode(leader: Leader, nodeId: ObjectId): void {
  const { store, cluster } = leader;
  const node = store.nodes.get(nodeId);
  if (node === undefined) return;
  const isGlobal = ({ serviceId }: TaskObject): boolean =>
    store.services.get(serviceId)?.spec.mode.kind === 'global';
  if (isNodeInvalid(node)) {
    updateStore(cluster, (tx) => shutDown(tx, tasksOfNode(store, nodeId).filter(isGlobal)));
    return;
  }
  if (node.spec.availability === 'pause') return;
  updateStore(cluster, (tx) => {
    for (const service of store.services.values()) {
      if (service.spec.mode.kind !== 'global') continue;
      if (!meetsConstraints(node, service.spec.task.placement.constraints)) continue;
      const slot = tasksOfSlot(store, `${service.id}.${nodeId}`);
      const tasks = updatableTasks(leader, slot, service);
      const clean = tasks.filter((task) => !isTaskDirty(service, task, node));
      if (clean.length === 0) addTask(leader, tx, service, nodeId);
      shutDown(tx, [...tasks.filter((task) => !clean.includes(task)), ...clean.slice(1)]);
    }
  });
}

function restartIfOver(leader: Leader, taskId: ObjectId): void {
  const { store, cluster } = leader;
  const task = store.tasks.get(taskId);
  if (task === undefined || isPast(task.desiredState, 'running')) return;
  if (!isPast(task.status.state, 'running')) return;
  const service = store.services.get(task.serviceId);
  const node = store.nodes.get(task.nodeId);
  if (service?.spec.mode.kind !== 'global' || node === undefined || isNodeInvalid(node)) return;
  const isUnwanted =
    node.spec.availability === 'pause' ||
    !meetsConstraints(node, service.spec.task.placement.constraints);
  updateStore(cluster, (tx) => {
    if (isUnwanted) shutDown(tx, [task]);
    else restartTask(leader, tx, service, task);
  });
}

function deleteTasksOf(leader: Leader, nodeId: ObjectId): void {
  const { store, cluster } = leader;
  updateStore(cluster, (tx) => {
    for (const task of tasksOfNode(store, nodeId)) {
      const service = store.services.get(task.serviceId);
      if (service?.spec.mode.kind === 'global') tx.remove('task', task.id);
    }
  });
}

function addTask(leader: Leader, tx: Transaction, service: ServiceObject, nodeId: ObjectId): void {
  tx.create('task', newTask(leader, service, { slot: 0, nodeId }, 'running'));
}

function shutDown(tx: Transaction, tasks: readonly TaskObject[]): void {
  for (const task of tasks) {
    if (!isPast(task.desiredState, 'complete')) {
      tx.update('task', { ...task, desiredState: 'shutdown' });
    }
  }
}
