/**
 * Assigns tasks to nodes, a little after the last change of the store, so that what was asked for
 * together is placed together.
 * @source swarmkit manager/scheduler/scheduler.go
 */
import { type ObjectId, stateRank, type TaskObject, type TaskStatus } from '../../objects.ts';
import { type Leader, later, nowOf } from '../leader-record.ts';
import { type StoreEvent, updateStore } from '../store.ts';
import { sortByTies } from '../ties.ts';
import { chooseNodes, groupTasks } from './choice.ts';
import { accepts, explain, makePipeline } from './filters.ts';
import {
  dropTask,
  makeNodeSet,
  type NodeSet,
  noteFailure,
  putNode,
  putTask,
  removeNode,
} from './node-set.ts';

/** How long it waits for further changes, and how long at most. */
const DEBOUNCE_NS = 50e6;
const LATENCY_MAX_NS = 1e9;
const PENDING = stateRank('pending');
const RUNNING = stateRank('running');

export interface Scheduler {
  readonly nodes: NodeSet;
  /** Pending tasks without a node, and those that were made for one. */
  readonly unassigned: Set<ObjectId>;
  readonly preassigned: Set<ObjectId>;
  /** Tasks that were made for a node, at whatever state: their failures say nothing about it. */
  readonly bound: Set<ObjectId>;
  /** Something changed that may let a task be placed. */
  isNeeded: boolean;
  isArmed: boolean;
  armedNs: number;
  lastChangeNs: number;
}

interface Decision {
  readonly task: TaskObject;
  readonly nodeId: ObjectId;
  readonly status: TaskStatus;
}

export function makeScheduler(): Scheduler {
  return {
    nodes: makeNodeSet(),
    unassigned: new Set(),
    preassigned: new Set(),
    bound: new Set(),
    isNeeded: false,
    isArmed: false,
    armedNs: 0,
    lastChangeNs: 0,
  };
}

/** A new leader: takes over what the store says. */
export function restoreScheduler({ scheduler, store }: Leader): void {
  for (const node of store.nodes.values()) putNode(scheduler.nodes, node);
  for (const task of store.tasks.values()) noteTask(scheduler, task);
  scheduler.isNeeded = true;
}

export function onSchedulerEvent(leader: Leader, event: StoreEvent): void {
  const { scheduler } = leader;
  if (event.table === 'node') {
    if (event.kind === 'delete') removeNode(scheduler.nodes, event.object.id);
    else {
      putNode(scheduler.nodes, event.object);
      scheduler.isNeeded = true;
    }
    return;
  }
  if (event.table !== 'task') return;
  const { object: task, kind, previous } = event;
  const isOver = kind === 'delete' || stateRank(task.status.state) > RUNNING;
  if (!isOver) {
    noteTask(scheduler, task);
    return;
  }
  scheduler.unassigned.delete(task.id);
  scheduler.preassigned.delete(task.id);
  const { state } = task.status;
  const isFresh = previous !== null && stateRank(previous.status.state) <= RUNNING;
  const isFailure = kind === 'update' && (state === 'failed' || state === 'rejected');
  if (isFresh && isFailure && !scheduler.bound.has(task.id)) {
    noteFailure(scheduler.nodes, task, nowOf(leader));
  }
  scheduler.bound.delete(task.id);
  if (dropTask(scheduler.nodes, task)) scheduler.isNeeded = true;
}

/** After a transaction: sets the clock. */
export function armScheduler(leader: Leader): void {
  const { scheduler } = leader;
  scheduler.lastChangeNs = nowOf(leader);
  if (scheduler.isArmed || !scheduler.isNeeded) return;
  scheduler.isArmed = true;
  scheduler.armedNs = scheduler.lastChangeNs;
  wait(leader, DEBOUNCE_NS);
}

function wait(leader: Leader, delayNs: number): void {
  later(leader, delayNs, () => {
    const { scheduler } = leader;
    const quietNs = nowOf(leader) - scheduler.lastChangeNs;
    const armedForNs = nowOf(leader) - scheduler.armedNs;
    if (quietNs < DEBOUNCE_NS && armedForNs < LATENCY_MAX_NS) {
      wait(leader, DEBOUNCE_NS - quietNs);
      return;
    }
    scheduler.isArmed = false;
    scheduler.isNeeded = false;
    schedulePreassigned(leader);
    scheduleUnassigned(leader);
  });
}

function noteTask(scheduler: Scheduler, task: TaskObject): void {
  const rank = stateRank(task.status.state);
  if (rank < PENDING || rank > RUNNING) return;
  if (rank > PENDING) {
    scheduler.unassigned.delete(task.id);
    scheduler.preassigned.delete(task.id);
    putTask(scheduler.nodes, task);
    return;
  }
  // One that the scheduler itself has just found no node for is not news.
  const set = task.nodeId === '' ? scheduler.unassigned : scheduler.preassigned;
  if (set.has(task.id)) return;
  set.add(task.id);
  if (task.nodeId !== '') scheduler.bound.add(task.id);
  scheduler.isNeeded = true;
}

function schedulePreassigned(leader: Leader): void {
  const { scheduler, store } = leader;
  const decisions: Decision[] = [];
  for (const task of tasksOf(leader, scheduler.preassigned)) {
    const info = scheduler.nodes.infos.get(task.nodeId);
    if (info === undefined) continue;
    const pipeline = makePipeline(task);
    if (accepts(pipeline, info)) {
      const message = 'scheduler confirmed task can run on preassigned node';
      const status = statusOf(leader, task, 'assigned', message, '');
      putTask(scheduler.nodes, { ...task, status });
      scheduler.preassigned.delete(task.id);
      decisions.push({ task, nodeId: task.nodeId, status });
    } else {
      const { state, message } = task.status;
      const status = statusOf(leader, task, state, message, explain(pipeline));
      decisions.push({ task, nodeId: task.nodeId, status });
    }
  }
  apply(leader, decisions);
  for (const id of scheduler.preassigned) {
    if (!store.tasks.has(id)) scheduler.preassigned.delete(id);
  }
}

function scheduleUnassigned(leader: Leader): void {
  const { scheduler } = leader;
  const nowNs = nowOf(leader);
  const decisions: Decision[] = [];
  for (const group of groupTasks(tasksOf(leader, scheduler.unassigned))) {
    const { left, pipeline } = chooseNodes(
      leader.tieSeed,
      scheduler.nodes,
      group,
      nowNs,
      (task, info) => {
        const message = 'scheduler assigned task to node';
        const status = statusOf(leader, task, 'assigned', message, '');
        putTask(scheduler.nodes, { ...task, nodeId: info.node.id, status });
        scheduler.unassigned.delete(task.id);
        decisions.push({ task, nodeId: info.node.id, status });
      },
    );
    const why = explain(pipeline);
    for (const task of left) refuse(leader, task, why, decisions);
  }
  apply(leader, decisions);
}

/** Nobody takes it: it stays pending, with the reason. */
function refuse(leader: Leader, task: TaskObject, why: string, decisions: Decision[]): void {
  const { scheduler, store } = leader;
  const service = store.services.get(task.serviceId);
  const { state, message } = task.status;
  if (service === undefined) {
    scheduler.unassigned.delete(task.id);
    return;
  }
  if (service.specVersion > task.specVersion) {
    scheduler.unassigned.delete(task.id);
    if (stateRank(task.desiredState) < stateRank('shutdown')) return;
    const status = statusOf(leader, task, 'shutdown', message, '');
    decisions.push({ task, nodeId: '', status });
    return;
  }
  const error = why === '' ? 'no suitable node' : `no suitable node (${why})`;
  decisions.push({ task, nodeId: '', status: statusOf(leader, task, state, message, error) });
}

function apply(leader: Leader, decisions: readonly Decision[]): void {
  const { store, cluster } = leader;
  const byTask = new Map(decisions.map((decision) => [decision.task.id, decision]));
  const tasks = decisions.map(({ task }) => task);
  sortByTies(leader.tieSeed, tasks);
  updateStore(cluster, (tx) => {
    for (const { id } of tasks) {
      const { nodeId, status } = byTask.get(id)!; // of the same list
      const task = store.tasks.get(id);
      if (task === undefined) continue;
      const { state, message, error } = task.status;
      if (state === status.state && message === status.message && error === status.error) continue;
      tx.update('task', { ...task, nodeId, status });
    }
  });
}

function tasksOf({ store }: Leader, ids: Set<ObjectId>): TaskObject[] {
  const tasks: TaskObject[] = [];
  for (const id of ids) {
    const task = store.tasks.get(id);
    if (task === undefined) ids.delete(id);
    else tasks.push(task);
  }
  return tasks;
}

function statusOf(
  leader: Leader,
  task: TaskObject,
  state: TaskStatus['state'],
  message: string,
  error: string,
): TaskStatus {
  return { ...task.status, state, timestampNs: nowOf(leader), message, error };
}
