/**
 * Rejects tasks whose node no longer is what their service asks for, or no longer has the resources.
 * @source swarmkit manager/orchestrator/constraintenforcer/constraint_enforcer.go
 */
import { isPast, type NodeObject, stateRank, type TaskObject } from '../../objects.ts';
import { type Leader, nowOf } from '../leader-record.ts';
import { meetsConstraints } from '../scheduler/constraints.ts';
import { type StoreEvent, tasksOfNode, updateStore } from '../store.ts';
import { isNews } from './global.ts';

export function onEnforcerEvent(leader: Leader, event: StoreEvent): void {
  if (event.table !== 'node' || event.kind !== 'update') return;
  const { object: node, previous } = event;
  if (isNews(node, previous)) rejectTasks(leader, node);
}

/** @source rejectNoncompliantTasks() */
export function rejectTasks(leader: Leader, node: NodeObject): void {
  // Those on nodes that are drained are ended by the orchestrators; on paused ones they stay.
  if (node.spec.availability !== 'active') return;
  const { store, cluster } = leader;
  const rejected: TaskObject[] = [];
  let { nanoCpus, memoryBytes } = node.description;
  for (const task of tasksOfNode(store, node.id)) {
    const { desiredState, status, spec } = task;
    if (stateRank(desiredState) < stateRank('assigned') || isPast(desiredState, 'complete'))
      continue;
    if (stateRank(status.state) >= stateRank('complete')) continue;
    const { placement } = store.services.get(task.serviceId)?.spec.task ?? spec;
    const { reservations } = spec.resources;
    if (
      !meetsConstraints(node, placement.constraints) ||
      reservations.memoryBytes > memoryBytes ||
      reservations.nanoCpus > nanoCpus
    ) {
      rejected.push(task);
      continue;
    }
    memoryBytes -= reservations.memoryBytes;
    nanoCpus -= reservations.nanoCpus;
  }
  if (rejected.length === 0) return;
  updateStore(cluster, (tx) => {
    for (const task of rejected) {
      const status = {
        ...task.status,
        state: 'rejected' as const,
        timestampNs: nowOf(leader),
        message: 'task rejected by constraint enforcer',
        error: 'assigned node no longer meets constraints',
      };
      tx.update('task', { ...task, status });
    }
  });
}
