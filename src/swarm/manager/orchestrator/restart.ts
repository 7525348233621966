/**
 * Replaces tasks that ended: a new one in the same slot at once, which starts when the delay is over and
 * the old one has stopped.
 * @source swarmkit manager/orchestrator/restart/restart.go
 */
import {
  isPast,
  type ObjectId,
  type ServiceObject,
  stateRank,
  type TaskObject,
} from '../../objects.ts';
import { type Leader, later, nowOf, watchObject } from '../leader-record.ts';
import { slotKeyOf, type Transaction, updateStore } from '../store.ts';
import { isJobTask, newTask } from './new-task.ts';

/** After so long a task starts although the old one has not stopped. */
const OLD_TASK_TIMEOUT_NS = 60e9;

interface DelayedStart {
  readonly cancel: () => void;
  readonly onDone: Array<() => void>;
}

/** How often a slot was restarted under one version of the spec. */
interface RestartHistory {
  specVersion: number;
  total: number;
  /** When, if a window counts. */
  timesNs: number[];
}

export interface RestartSupervisor {
  /** By the id of the new task. */
  readonly delays: Map<ObjectId, DelayedStart>;
  /** By service, then by slot. */
  readonly histories: Map<ObjectId, Map<string, RestartHistory>>;
}

export function makeRestartSupervisor(): RestartSupervisor {
  return { delays: new Map(), histories: new Map() };
}

/** Ends a task and, if its policy says so, makes the next one. */
export function restartTask(
  leader: Leader,
  tx: Transaction,
  service: ServiceObject,
  task: TaskObject,
): void {
  const { restarts, store } = leader;
  const running = restarts.delays.get(task.id);
  if (running !== undefined) {
    // It failed before its own delay was over: no tight loop.
    running.onDone.push(() => restartLater(leader, task.id));
    return;
  }
  if (isPast(task.desiredState, 'complete')) return;
  const ended = tx.update('task', { ...task, desiredState: 'shutdown' });
  if (!shouldRestart(leader, task, service)) return;
  const isPerNode = service.spec.mode.kind.startsWith('global');
  const where = isPerNode ? { slot: 0, nodeId: task.nodeId } : { slot: task.slot, nodeId: '' };
  const next = tx.create('task', newTask(leader, service, where, 'ready'));
  const node = store.nodes.get(task.nodeId);
  const isDrained = node?.spec.availability === 'drain';
  const delayNs = isDrained ? 0 : task.spec.restart.delayNs;
  const hasStopped = node?.status.state === 'down' || isPast(task.status.state, 'running');
  noteRestart(leader, next, nowOf(leader));
  delayStart(leader, hasStopped ? null : ended, next.id, delayNs, () => {});
}

/**
 * Moves a task from ready to running after `delayNs`, and not before `oldTask` has stopped (or its node is
 * down, or a minute is over). `onDone` is called then, and if it is called off.
 */
export function delayStart(
  leader: Leader,
  oldTask: TaskObject | null,
  newTaskId: ObjectId,
  delayNs: number,
  onDone: () => void,
): void {
  const { restarts, cluster } = leader;
  restarts.delays.get(newTaskId)?.cancel();
  const ends: Array<() => void> = [];
  let isWaiting = delayNs > 0;
  const finish = (isStarting: boolean): void => {
    if (restarts.delays.get(newTaskId) !== delayed) return;
    restarts.delays.delete(newTaskId);
    for (const end of ends) end();
    if (isStarting) updateStore(cluster, (tx) => startNow(leader, tx, newTaskId));
    for (const each of delayed.onDone) each();
  };
  const delayed: DelayedStart = { cancel: () => finish(false), onDone: [onDone] };
  restarts.delays.set(newTaskId, delayed);
  const look = (): void => {
    if (!isWaiting && hasStopped(leader, oldTask)) finish(true);
  };
  if (delayNs > 0) {
    ends.push(
      later(leader, delayNs, () => {
        isWaiting = false;
        look();
      }),
    );
  }
  if (oldTask !== null && !hasStopped(leader, oldTask)) {
    ends.push(watchObject(leader.taskWatchers, oldTask.id, look));
    ends.push(watchObject(leader.nodeWatchers, oldTask.nodeId, look));
    ends.push(later(leader, Math.max(delayNs, OLD_TASK_TIMEOUT_NS), () => finish(true)));
  } else if (!isWaiting) leader.due.push(look); // never within the transaction that made the task
}

/** The delay of a task that goes for good. */
export function cancelDelay({ restarts }: Leader, taskId: ObjectId): void {
  restarts.delays.get(taskId)?.cancel();
}

/** Its turn has come. */
export function startNow({ store }: Leader, tx: Transaction, taskId: ObjectId): void {
  const task = store.tasks.get(taskId);
  if (task === undefined || stateRank(task.desiredState) >= stateRank('running')) return;
  tx.update('task', { ...task, desiredState: isJobTask(task) ? 'complete' : 'running' });
}

/** Whether its policy wants a new task in its place. */
export function shouldRestart(leader: Leader, task: TaskObject, service: ServiceObject): boolean {
  const { condition, maxAttempts, windowNs } = task.spec.restart;
  const isComplete = task.status.state === 'complete';
  if (condition === 'none') return false;
  if (condition === 'on-failure' && isComplete) return false;
  if (service.spec.mode.kind.endsWith('-job') && isComplete) return false;
  if (maxAttempts === 0) return true;
  const history = leader.restarts.histories.get(task.serviceId)?.get(slotKeyOf(task));
  if (history === undefined || history.specVersion !== task.specVersion) return true;
  if (windowNs === 0) return history.total < maxAttempts;
  const endedNs = task.status.timestampNs;
  history.timesNs = history.timesNs.filter((timeNs) => timeNs > endedNs - windowNs);
  return history.timesNs.filter((timeNs) => timeNs < endedNs).length < maxAttempts;
}

/**
 * The tasks of a slot that an update looks at: those that are to run; else the newest if it is not to be
 * restarted. Empty: the slot is dead.
 */
export function updatableTasks(
  leader: Leader,
  slot: readonly TaskObject[],
  service: ServiceObject,
): readonly TaskObject[] {
  const wanted = slot.filter(({ desiredState }) => !isPast(desiredState, 'running'));
  if (wanted.length > 0 || service.updateStatus?.state === 'rollback_started') return wanted;
  let newest = slot[0];
  for (const each of slot) {
    if (newest === undefined || each.status.timestampNs > newest.status.timestampNs) newest = each;
  }
  if (newest === undefined || shouldRestart(leader, newest, service)) return [];
  return [newest];
}

/** Notes that a slot got another task. */
export function noteRestart({ restarts }: Leader, task: TaskObject, nowNs: number): void {
  const { maxAttempts } = task.spec.restart;
  if (maxAttempts === 0) return;
  let slots = restarts.histories.get(task.serviceId);
  if (slots === undefined) {
    slots = new Map();
    restarts.histories.set(task.serviceId, slots);
  }
  const key = slotKeyOf(task);
  let history = slots.get(key);
  if (history === undefined || history.specVersion !== task.specVersion) {
    history = { specVersion: task.specVersion, total: 0, timesNs: [] };
    slots.set(key, history);
  }
  history.total++;
  history.timesNs.push(nowNs);
}

function restartLater(leader: Leader, taskId: ObjectId): void {
  const { store, cluster } = leader;
  const task = store.tasks.get(taskId);
  const service = store.services.get(task?.serviceId ?? '');
  if (task === undefined || service === undefined || isPast(task.desiredState, 'running')) return;
  updateStore(cluster, (tx) => restartTask(leader, tx, service, task));
}

function hasStopped({ store }: Leader, oldTask: TaskObject | null): boolean {
  if (oldTask === null) return true;
  const task = store.tasks.get(oldTask.id);
  if (task === undefined || isPast(task.status.state, 'running')) return true;
  const node = store.nodes.get(task.nodeId);
  return task.nodeId !== '' && (node === undefined || node.status.state === 'down');
}
