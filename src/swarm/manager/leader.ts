/**
 * The loops of the leader: allocator, scheduler, orchestrators and what watches over them. They act on
 * the store's events, one after the other, in one process of the leader.
 *
 *     change of the store -> allocator, orchestrators, enforcer, scheduler, reaper look at it
 *     no more changes     -> restarts, reconciliation, new tasks get addresses, scheduler's clock is set
 *
 * @source swarmkit manager/manager.go becomeLeader(), becomeFollower()
 */
import { DockerError } from '../../docker/engine-record.ts';
import {
  kill,
  makeWaitQueue,
  type Process,
  type Program,
  sleep,
  spawn,
  waitFor,
  wake,
} from '../../engine/process.ts';
import { cancel } from '../../engine/simulator.ts';
import type { SwarmMember } from '../member.ts';
import { isPast, type ObjectId } from '../objects.ts';
import {
  commitAllocations,
  makeAllocator,
  onAllocatorEvent,
  restoreAllocator,
} from './allocator/allocator.ts';
import type { Cluster } from './cluster.ts';
import { makeAssignmentNotes, noteAssignment } from './dispatch.ts';
import { type Leader, leaderOf, setLeader } from './leader-record.ts';
import { onEnforcerEvent, rejectTasks } from './orchestrator/constraint-enforcer.ts';
import { onGlobalEvent } from './orchestrator/global.ts';
import { makeJobNotes, onJobEvent, tickJobs } from './orchestrator/jobs.ts';
import { makeTaskReaper, onReaperEvent, restoreReaper } from './orchestrator/reaper.ts';
import {
  makeReplicatedNotes,
  onReplicatedEvent,
  tickReplicated,
} from './orchestrator/replicated.ts';
import { makeRestartSupervisor } from './orchestrator/restart.ts';
import { restoreOrchestrators } from './orchestrator/restore.ts';
import { noteEndedTask } from './orchestrator/updater.ts';
import {
  armScheduler,
  makeScheduler,
  onSchedulerEvent,
  restoreScheduler,
} from './scheduler/scheduler.ts';
import type { StoreEvent, StoreWatcher } from './store.ts';
import { tieSeedOf } from './ties.ts';

/** Between two attempts to write without a quorum. */
const RETRY_NS = 500e6;

const watchersOf = new WeakMap<Leader, StoreWatcher>();

export interface LeaderOptions {
  /** What the loops wait for before they write: a quorum. Nothing, if left out. */
  readonly commit?: (member: SwarmMember, process: Process) => Program<void>;
}

/** Starts the loops on a member that was elected; those of another leader of the cluster end. */
export function startLeader(
  cluster: Cluster,
  member: SwarmMember,
  options: LeaderOptions = {},
): void {
  stopLoops(cluster);
  const { store, world } = cluster;
  const leader: Leader = {
    cluster,
    store,
    member,
    tieSeed: tieSeedOf(member),
    events: [],
    due: [],
    waiters: makeWaitQueue(),
    timers: new Set(),
    processes: new Set(),
    taskWatchers: new Map(),
    nodeWatchers: new Map(),
    allocator: makeAllocator(cluster),
    scheduler: makeScheduler(),
    restarts: makeRestartSupervisor(),
    updates: new Map(),
    replicated: makeReplicatedNotes(),
    jobs: makeJobNotes(),
    reaper: makeTaskReaper(),
    assignments: makeAssignmentNotes(),
    isStopped: false,
  };
  setLeader(cluster, leader);
  const watcher: StoreWatcher = (event) => {
    leader.events.push(event);
    wake(leader.waiters);
  };
  watchersOf.set(leader, watcher);
  store.watchers.add(watcher);
  const { cpu } = member.engine.machine;
  const main = spawn(world.sim, cpu, 'swarm leader', (process) =>
    run(leader, process, options.commit ?? atOnce),
  );
  leader.processes.add(main);
}

/** Ends them: the member is no leader any more. */
export function stopLeader(cluster: Cluster, member: SwarmMember): void {
  if (leaderOf(cluster)?.member === member) stopLoops(cluster);
}

function* atOnce(): Program<void> {}

function stopLoops(cluster: Cluster): void {
  const leader = leaderOf(cluster);
  if (leader === null) return;
  setLeader(cluster, null);
  leader.isStopped = true;
  const watcher = watchersOf.get(leader);
  if (watcher !== undefined) cluster.store.watchers.delete(watcher);
  for (const timer of leader.timers) cancel(cluster.world.sim, timer);
  leader.timers.clear();
  for (const process of [...leader.processes]) kill(process, 'SIGKILL');
}

function* run(
  leader: Leader,
  process: Process,
  commitFirst: (member: SwarmMember, process: Process) => Program<void>,
): Program {
  restore(leader);
  for (;;) {
    if (!(yield* mayWrite(leader, process, commitFirst))) continue;
    drain(leader);
    yield* waitFor(process, [leader.waiters], () => leader.events.length + leader.due.length > 0);
    if (process.signal !== null) return 0;
  }
}

/** Without a quorum nothing is written: it waits, until one is there or whoever elects leaders ends it. */
function* mayWrite(
  leader: Leader,
  process: Process,
  commitFirst: (member: SwarmMember, process: Process) => Program<void>,
): Program<boolean> {
  if (leader.events.length + leader.due.length === 0) return true;
  try {
    yield* commitFirst(leader.member, process);
    return true;
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    yield* sleep(process, RETRY_NS);
    return false;
  }
}

function restore(leader: Leader): void {
  restoreAllocator(leader);
  commitAllocations(leader);
  restoreOrchestrators(leader);
  for (const node of [...leader.store.nodes.values()]) rejectTasks(leader, node);
  restoreScheduler(leader);
  restoreReaper(leader);
  armScheduler(leader);
}

/** Works until nothing is left to do now. */
function drain(leader: Leader): void {
  while (leader.events.length + leader.due.length > 0) {
    for (const action of leader.due.splice(0)) action();
    for (const event of leader.events.splice(0)) handle(leader, event);
    tickReplicated(leader);
    tickJobs(leader);
    commitAllocations(leader);
    armScheduler(leader);
  }
}

function handle(leader: Leader, event: StoreEvent): void {
  onAllocatorEvent(leader, event);
  onReplicatedEvent(leader, event);
  onGlobalEvent(leader, event);
  onJobEvent(leader, event);
  onEnforcerEvent(leader, event);
  onSchedulerEvent(leader, event);
  onReaperEvent(leader, event);
  if (event.table === 'node') tell(leader.nodeWatchers, event.object.id);
  if (event.table !== 'task') return;
  noteAssignment(leader, event);
  if (isPast(event.object.status.state, 'running')) noteEndedTask(leader, event.object);
  tell(leader.taskWatchers, event.object.id);
}

function tell(watchers: ReadonlyMap<ObjectId, ReadonlySet<() => void>>, id: ObjectId): void {
  const listeners = watchers.get(id);
  if (listeners === undefined) return;
  for (const listener of [...listeners]) listener();
}
