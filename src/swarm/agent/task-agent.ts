/**
 * Runs the tasks that a node is given: a container each, and their states back to the leader.
 * @source swarmkit agent/worker.go
 */

import { removeContainer } from '../../docker/container-remove.ts';
import type { SwarmMember, TaskAgent } from '../member.ts';
import type { ObjectId } from '../objects.ts';
import { TASK_LABEL } from './task-container.ts';
import {
  killRunner,
  removeRunner,
  startRunner,
  suspendRunner,
  type TaskRunner,
  updateRunner,
} from './task-runner.ts';

/**
 * The agent of a member: call it when the member has all its other parts.
 * @param getMember the member, once it is made.
 */
export function makeTaskAgent(getMember: () => SwarmMember): TaskAgent {
  const runners = new Map<ObjectId, TaskRunner>();
  let isClosed = false;
  let hasAssignments = false;
  return {
    setAssignments(tasks) {
      if (isClosed) return;
      const member = getMember();
      const assigned = new Set<ObjectId>();
      const isFirst = !hasAssignments;
      hasAssignments = true;
      for (const task of tasks) {
        assigned.add(task.id);
        const runner = runners.get(task.id);
        if (runner === undefined) runners.set(task.id, startRunner(member, task));
        else updateRunner(runner, task);
      }
      for (const [id, runner] of runners) {
        if (assigned.has(id)) continue;
        removeRunner(runner);
        runners.delete(id);
      }
      if (isFirst) removeLeftovers(member, assigned);
    },
    suspend() {
      isClosed = true;
      for (const runner of runners.values()) suspendRunner(runner);
      runners.clear();
    },
    close() {
      isClosed = true;
      for (const runner of runners.values()) killRunner(runner);
      runners.clear();
    },
  };
}

/** Containers of tasks that were taken from the node while its dockerd was away. */
function removeLeftovers({ engine }: SwarmMember, assigned: ReadonlySet<ObjectId>): void {
  for (const container of [...engine.containers.values()]) {
    const taskId = container.spec.labels.get(TASK_LABEL);
    if (taskId !== undefined && !assigned.has(taskId)) removeContainer(engine, container, true);
  }
}
