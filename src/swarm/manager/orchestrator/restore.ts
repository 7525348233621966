/**
 * What a new leader does about the tasks and services that it finds.
 * @source swarmkit manager/orchestrator/taskinit/init.go CheckTasks()
 */
import { isPast, type ObjectId, type TaskObject } from '../../objects.ts';
import { type Leader, nowOf } from '../leader-record.ts';
import { slotKeyOf, updateStore } from '../store.ts';
import { reconcileGlobal } from './global.ts';
import { isNodeInvalid } from './new-task.ts';
import { delayStart, noteRestart, startNow } from './restart.ts';

export function restoreOrchestrators(leader: Leader): void {
  const { store, replicated, jobs } = leader;
  noteHistories(leader);
  for (const task of [...store.tasks.values()]) fixTask(leader, task);
  for (const service of [...store.services.values()]) {
    const { kind } = service.spec.mode;
    if (kind === 'replicated') replicated.services.add(service.id);
    else if (kind === 'global') reconcileGlobal(leader, service.id);
    else jobs.services.add(service.id);
  }
  leader.due.push(() => {}); // so that the notes are looked at
}

function fixTask(leader: Leader, task: TaskObject): void {
  const { store, cluster, replicated } = leader;
  if (task.serviceId === '') return;
  const service = store.services.get(task.serviceId);
  if (service === undefined) {
    updateStore(cluster, (tx) => tx.remove('task', task.id));
    return;
  }
  if (isPast(task.desiredState, 'running')) return;
  const isLost = task.nodeId !== '' && isNodeInvalid(store.nodes.get(task.nodeId) ?? null);
  if (service.spec.mode.kind === 'replicated' && (isPast(task.status.state, 'running') || isLost)) {
    replicated.tasks.add(task.id);
  }
  if (task.desiredState !== 'ready' || isPast(task.status.state, 'complete')) return;
  const restNs = task.status.timestampNs + task.spec.restart.delayNs - nowOf(leader);
  const delayNs = Math.min(task.spec.restart.delayNs, restNs);
  if (delayNs > 0) delayStart(leader, null, task.id, delayNs, () => {});
  else updateStore(cluster, (tx) => startNow(leader, tx, task.id));
}

/** All tasks of a slot under its last version but the first were restarts. */
function noteHistories(leader: Leader): void {
  const newest = new Map<string, number>();
  const { tasks } = leader.store;
  for (const task of tasks.values()) {
    const key = slotKeyOf(task);
    newest.set(key, Math.max(newest.get(key) ?? 0, task.specVersion));
  }
  const seen = new Set<ObjectId>();
  for (const task of tasks.values()) {
    const key = slotKeyOf(task);
    if (task.specVersion !== newest.get(key)) continue;
    if (seen.has(key)) noteRestart(leader, task, task.createdNs);
    seen.add(key);
  }
}
