/**
 * Deletes tasks that nobody needs: those of removed slots when they have stopped, and in each slot all
 * but the last few.
 * @source swarmkit manager/orchestrator/taskreaper/task_reaper.go
 */
import { isPast, type ObjectId, stateRank, type TaskObject } from '../../objects.ts';
import { type Leader, later } from '../leader-record.ts';
import { type StoreEvent, slotKeyOf, tasksOfSlot, updateStore } from '../store.ts';

/** It waits this long, or until so much is to do. */
const BATCH_NS = 250e6;
const BATCH_MAX = 1000;
const ASSIGNED = stateRank('assigned');
const COMPLETE = stateRank('complete');

export interface TaskReaper {
  /** Slots that got a task, with their service. */
  readonly slots: Map<string, ObjectId>;
  readonly tasks: Set<ObjectId>;
  isArmed: boolean;
}

export function makeTaskReaper(): TaskReaper {
  return { slots: new Map(), tasks: new Set(), isArmed: false };
}

/** A new leader: what is to be removed already. */
export function restoreReaper(leader: Leader): void {
  for (const task of leader.store.tasks.values()) noteTask(leader, task);
}

export function onReaperEvent(leader: Leader, event: StoreEvent): void {
  if (event.table !== 'task' || event.kind === 'delete') return;
  const { reaper } = leader;
  const { object: task } = event;
  // A task that is preassigned has its slot from the beginning.
  if (event.kind === 'create' && task.serviceId !== '') {
    reaper.slots.set(slotKeyOf(task), task.serviceId);
  }
  noteTask(leader, task);
  if (reaper.slots.size + reaper.tasks.size > BATCH_MAX) leader.due.push(() => tick(leader));
  else if (!reaper.isArmed && reaper.slots.size + reaper.tasks.size > 0) {
    reaper.isArmed = true;
    later(leader, BATCH_NS, () => {
      reaper.isArmed = false;
      tick(leader);
    });
  }
}

function noteTask({ reaper }: Leader, task: TaskObject): void {
  const rank = stateRank(task.status.state);
  if (task.status.state === 'orphaned' && task.serviceId === '') reaper.tasks.add(task.id);
  if (task.desiredState === 'remove' && (rank < ASSIGNED || rank >= COMPLETE)) {
    reaper.tasks.add(task.id);
  }
}

function tick(leader: Leader): void {
  const { reaper, cluster } = leader;
  const doomed = new Set(reaper.tasks);
  reaper.tasks.clear();
  for (const [slotKey, serviceId] of [...reaper.slots]) {
    if (cleanSlot(leader, slotKey, serviceId, doomed)) reaper.slots.delete(slotKey);
  }
  if (doomed.size === 0) return;
  updateStore(cluster, (tx) => {
    for (const id of doomed) tx.remove('task', id);
  });
}

/** @returns whether the slot need not be looked at again before it gets a task. */
function cleanSlot(
  { store, cluster }: Leader,
  slotKey: string,
  serviceId: ObjectId,
  doomed: Set<ObjectId>,
): boolean {
  const service = store.services.get(serviceId);
  if (service === undefined || service.spec.mode.kind.endsWith('-job')) return true;
  const { maxAttempts } = service.spec.task.restart;
  const limit = maxAttempts > 0 ? maxAttempts + 1 : cluster.settings.taskHistoryLimit;
  if (limit < 0) return true;
  const tasks = tasksOfSlot(store, slotKey);
  let surplus = tasks.length - limit;
  if (surplus <= 0) return true;
  tasks.sort((one, other) => one.status.timestampNs - other.status.timestampNs);
  let running = 0;
  for (const task of tasks) {
    const { status, desiredState } = task;
    const willNeverRun = stateRank(status.state) < ASSIGNED && isPast(desiredState, 'running');
    if (!isPast(status.state, 'running') && !willNeverRun) {
      running++;
      continue;
    }
    doomed.add(task.id);
    if (--surplus === 0) break;
  }
  return running <= 1;
}
