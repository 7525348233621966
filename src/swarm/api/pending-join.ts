/** Joins that are under way: the command waits for one 20 seconds, then it goes on without it. */
import { type DockerEngine, DockerError } from '../../docker/engine-record.ts';
import { type WaitQueue, wake } from '../../engine/process.ts';
import { memberOf } from '../member.ts';
import type { NodeRole } from '../objects.ts';

const SWARM_EXISTS =
  'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.';

/** A join that goes on, while the command waits and after it has given up. */
export interface PendingJoin {
  outcome: NodeRole | DockerError | null;
  /** Nobody waits any more: failures are no end. */
  isInBackground: boolean;
  isCancelled: boolean;
  readonly waiters: WaitQueue;
}

export const pendingJoins = new WeakMap<DockerEngine, PendingJoin>();

/** Whether the engine is trying to join in the background. */
export function isJoining(engine: DockerEngine): boolean {
  return pendingJoins.has(engine);
}

/** Gives up (`docker swarm leave`). */
export function cancelJoin(engine: DockerEngine): void {
  const pending = pendingJoins.get(engine);
  if (pending === undefined) return;
  pending.isCancelled = true;
  pendingJoins.delete(engine);
  wake(pending.waiters);
}

/** @throws DockerError 503 if the engine is in a swarm, or about to be. */
export function requireNoSwarm(engine: DockerEngine): void {
  if (memberOf(engine) === null && !isJoining(engine)) return;
  throw new DockerError(503, SWARM_EXISTS);
}
