/** What the loops of the leader share. */
import type { Process, WaitQueue } from '../../engine/process.ts';
import { wake } from '../../engine/process.ts';
import { cancel, schedule, timeNs } from '../../engine/simulator.ts';
import { makeTimer, type Timer } from '../../engine/timer-queue.ts';
import type { SwarmMember } from '../member.ts';
import type { ObjectId } from '../objects.ts';
import type { Allocator } from './allocator/allocator.ts';
import type { Cluster } from './cluster.ts';
import type { AssignmentNotes } from './dispatch.ts';
import type { JobNotes } from './orchestrator/jobs.ts';
import type { TaskReaper } from './orchestrator/reaper.ts';
import type { ReplicatedNotes } from './orchestrator/replicated.ts';
import type { RestartSupervisor } from './orchestrator/restart.ts';
import type { Update } from './orchestrator/updater.ts';
import type { Scheduler } from './scheduler/scheduler.ts';
import type { Store, StoreEvent } from './store.ts';

export interface Leader {
  readonly cluster: Cluster;
  readonly store: Store;
  readonly member: SwarmMember;
  /** Of ties.ts. */
  readonly tieSeed: number;
  /** Changes of the store that the loops have not looked at. */
  readonly events: StoreEvent[];
  /** What timers have put up for the loops' process. */
  readonly due: Array<() => void>;
  readonly waiters: WaitQueue;
  readonly timers: Set<Timer>;
  readonly processes: Set<Process>;
  /** Who waits for a change of a task or of a node. */
  readonly taskWatchers: Map<ObjectId, Set<() => void>>;
  readonly nodeWatchers: Map<ObjectId, Set<() => void>>;
  readonly allocator: Allocator;
  readonly scheduler: Scheduler;
  readonly restarts: RestartSupervisor;
  /** Running updates by service. */
  readonly updates: Map<ObjectId, Update>;
  readonly replicated: ReplicatedNotes;
  readonly jobs: JobNotes;
  readonly reaper: TaskReaper;
  readonly assignments: AssignmentNotes;
  isStopped: boolean;
}

const leaders = new WeakMap<Cluster, Leader>();

/** The loops of a cluster; null while nobody leads it. */
export function leaderOf(cluster: Cluster): Leader | null {
  return leaders.get(cluster) ?? null;
}

/** Notes who leads a cluster. */
export function setLeader(cluster: Cluster, leader: Leader | null): void {
  if (leader === null) leaders.delete(cluster);
  else leaders.set(cluster, leader);
}

/** Virtual time. */
export function nowOf(leader: Leader): number {
  return timeNs(leader.cluster.world.sim);
}

/** Does something in the loops' process after a while. @returns what calls it off. */
export function later(leader: Leader, delayNs: number, action: () => void): () => void {
  const { sim } = leader.cluster.world;
  let isOff = false;
  const timer = makeTimer(leader.member.engine.machine.cpu, () => {
    leader.timers.delete(timer);
    leader.due.push(() => {
      if (!isOff) action();
    });
    wake(leader.waiters);
  });
  leader.timers.add(timer);
  schedule(sim, timer, Math.max(0, Math.round(delayNs)));
  return () => {
    isOff = true;
    if (leader.timers.delete(timer)) cancel(sim, timer);
  };
}

/** Calls `listener` after each change of an object. @returns what ends it. */
export function watchObject(
  watchers: Map<ObjectId, Set<() => void>>,
  id: ObjectId,
  listener: () => void,
): () => void {
  const set = watchers.get(id);
  if (set === undefined) watchers.set(id, new Set([listener]));
  else set.add(listener);
  return () => {
    const own = watchers.get(id);
    own?.delete(listener);
    if (own?.size === 0) watchers.delete(id);
  };
}
