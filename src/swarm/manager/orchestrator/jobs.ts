/**
 * Jobs: tasks that are to complete, so many of them at a time.
 * @source swarmkit manager/orchestrator/jobs
 */
import {
  isPast,
  type ObjectId,
  type ServiceObject,
  stateRank,
  type TaskObject,
} from '../../objects.ts';
import type { Leader } from '../leader-record.ts';
import { meetsConstraints } from '../scheduler/constraints.ts';
import { type StoreEvent, type Transaction, tasksOfService, updateStore } from '../store.ts';
import { isNodeInvalid, newTask } from './new-task.ts';
import { removeServiceTasks } from './replicated.ts';
import { restartTask } from './restart.ts';

/** Jobs to be looked at after the transaction. */
export interface JobNotes {
  readonly services: Set<ObjectId>;
}

export function makeJobNotes(): JobNotes {
  return { services: new Set() };
}

export function onJobEvent(leader: Leader, event: StoreEvent): void {
  const { jobs, store } = leader;
  if (event.table === 'service') {
    if (!isJob(event.object)) return;
    if (event.kind === 'delete') removeServiceTasks(leader, event.object.id);
    else jobs.services.add(event.object.id);
  } else if (event.table === 'task' && event.object.jobIteration >= 0) {
    const { state } = event.object.status;
    if (event.kind === 'delete' || isPast(state, 'running')) {
      jobs.services.add(event.object.serviceId);
    }
  } else if (event.table === 'node') {
    for (const service of store.services.values()) {
      if (service.spec.mode.kind === 'global-job') jobs.services.add(service.id);
    }
  }
}

export function tickJobs(leader: Leader): void {
  const ids = [...leader.jobs.services];
  leader.jobs.services.clear();
  for (const id of ids) {
    const service = leader.store.services.get(id);
    if (service?.spec.mode.kind === 'replicated-job') reconcileReplicated(leader, service);
    else if (service?.spec.mode.kind === 'global-job') reconcileGlobal(leader, service);
  }
}

function isJob({ spec }: ServiceObject): boolean {
  return spec.mode.kind === 'replicated-job' || spec.mode.kind === 'global-job';
}

function reconcileReplicated(leader: Leader, service: ServiceObject): void {
  const { store, cluster } = leader;
  const { mode } = service.spec;
  if (mode.kind !== 'replicated-job') return;
  const tasks = tasksOfService(store, service.id);
  const own = tasks.filter(({ jobIteration }) => jobIteration === service.jobIteration);
  const complete = own.filter(({ status }) => status.state === 'complete');
  const running = own.filter(isUnderWay);
  const slots = new Set([...complete, ...running].map(({ slot }) => slot));
  const missing = mode.totalCompletions - complete.length - running.length;
  const count = Math.min(mode.maxConcurrent - running.length, missing);
  updateStore(cluster, (tx) => {
    let slot = 0;
    for (let i = 0; i < count; i++) {
      do slot++;
      while (slots.has(slot));
      tx.create('task', newTask(leader, service, { slot, nodeId: '' }, 'complete'));
    }
    restartFailed(leader, tx, service, running);
    removeOld(tx, service, tasks);
  });
}

function reconcileGlobal(leader: Leader, service: ServiceObject): void {
  const { store, cluster } = leader;
  const tasks = tasksOfService(store, service.id);
  const own = tasks.filter(({ jobIteration }) => jobIteration === service.jobIteration);
  const taken = new Set(
    own
      .filter((task) => task.status.state === 'complete' || isUnderWay(task))
      .map(({ nodeId }) => nodeId),
  );
  const { constraints } = service.spec.task.placement;
  updateStore(cluster, (tx) => {
    for (const node of store.nodes.values()) {
      if (isNodeInvalid(node) || node.spec.availability !== 'active') continue;
      if (taken.has(node.id) || !meetsConstraints(node, constraints)) continue;
      tx.create('task', newTask(leader, service, { slot: 0, nodeId: node.id }, 'complete'));
    }
    restartFailed(leader, tx, service, own.filter(isUnderWay));
    removeOld(tx, service, tasks);
  });
}

/** Not complete, and still wanted. */
function isUnderWay({ status, desiredState }: TaskObject): boolean {
  return status.state !== 'complete' && !isPast(desiredState, 'complete');
}

function restartFailed(
  leader: Leader,
  tx: Transaction,
  service: ServiceObject,
  tasks: readonly TaskObject[],
): void {
  for (const task of tasks) {
    if (isPast(task.status.state, 'complete')) restartTask(leader, tx, service, task);
  }
}

/** Tasks of earlier executions do not go on. */
function removeOld(tx: Transaction, service: ServiceObject, tasks: readonly TaskObject[]): void {
  for (const task of tasks) {
    if (task.jobIteration === service.jobIteration || task.desiredState === 'remove') continue;
    if (stateRank(task.status.state) <= stateRank('running')) {
      tx.update('task', { ...task, desiredState: 'remove' });
    }
  }
}
