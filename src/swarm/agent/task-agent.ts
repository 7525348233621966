/**
 * Runs the tasks that a node is given: a container each, and their states back to the leader.
 * @source swarmkit agent/worker.go
 */
import type { SwarmMember, TaskAgent } from '../member.ts';
import type { ObjectId } from '../objects.ts';
import {
  killRunner,
  removeRunner,
  startRunner,
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
  return {
    setAssignments(tasks) {
      if (isClosed) return;
      const member = getMember();
      const assigned = new Set<ObjectId>();
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
    },
    close() {
      isClosed = true;
      for (const runner of runners.values()) killRunner(runner);
      runners.clear();
    },
  };
}
