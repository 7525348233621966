/**
 * Rolling updates: slot by slot to the new spec, watching for failures.
 * @source swarmkit manager/orchestrator/update/updater.go
 */
import {
  kill,
  makeWaitQueue,
  type Process,
  type Program,
  spawn,
  type WaitQueue,
  waitFor,
  wake,
} from '../../../engine/process.ts';
import {
  isPast,
  type ObjectId,
  type ServiceObject,
  stateRank,
  type TaskObject,
  type UpdateConfig,
} from '../../objects.ts';
import { isEqual } from '../equality.ts';
import { type Leader, nowOf, watchObject } from '../leader-record.ts';
import { type Transaction, updateStore } from '../store.ts';
import { isTaskDirty, newTask } from './new-task.ts';
import { delayStart } from './restart.ts';
import { completeUpdate, failUpdate, markUpdating } from './update-status.ts';

type Slot = readonly TaskObject[];

/** An update that runs. */
export interface Update {
  readonly leader: Leader;
  readonly service: ServiceObject;
  readonly config: UpdateConfig;
  readonly isRollback: boolean;
  readonly dirty: readonly Slot[];
  /** The next slot for a worker. */
  next: number;
  /** Tasks that it made, and when they ran (0: not yet). */
  readonly startedNs: Map<ObjectId, number>;
  readonly failed: Set<ObjectId>;
  readonly processes: Process[];
  readonly waiters: WaitQueue;
  workers: number;
  /** Called off, or ended by a failure. */
  isStopped: boolean;
}

export const UPDATE_DEFAULTS: UpdateConfig = {
  parallelism: 1,
  delayNs: 0,
  failureAction: 'pause',
  monitorNs: 5e9,
  maxFailureRatio: 0,
  order: 'stop-first',
};

/** Looks at slots of a service; starts an update if some are not as the spec says. */
export function startUpdate(leader: Leader, service: ServiceObject, slots: readonly Slot[]): void {
  const running = leader.updates.get(service.id);
  if (running !== undefined) {
    if (isEqual(running.service.spec, service.spec)) return;
    cancelUpdate(leader, service.id);
  }
  const state = service.updateStatus?.state;
  if (state === 'paused' || state === 'rollback_paused') return;
  const dirty = slots.filter((slot) => isSlotDirty(leader, service, slot));
  if (dirty.length === 0) {
    if (state === 'updating' || state === 'rollback_started') completeUpdate(leader, service.id);
    return;
  }
  if (service.updateStatus === null) markUpdating(leader, service.id);
  const isRollback = state === 'rollback_started';
  const { spec } = service;
  const update: Update = {
    leader,
    service,
    config: (isRollback ? spec.rollback : spec.update) ?? UPDATE_DEFAULTS,
    isRollback,
    dirty,
    next: 0,
    startedNs: new Map(),
    failed: new Set(),
    processes: [],
    waiters: makeWaitQueue(),
    workers: 0,
    isStopped: false,
  };
  leader.updates.set(service.id, update);
  run(update);
}

/** Calls an update off; what it has begun goes on. */
export function cancelUpdate(leader: Leader, serviceId: ObjectId): void {
  const update = leader.updates.get(serviceId);
  if (update === undefined) return;
  update.isStopped = true;
  leader.updates.delete(serviceId);
  for (const process of update.processes) kill(process, 'SIGKILL');
}

/** A task is over: perhaps the update made it. */
export function noteEndedTask(leader: Leader, task: TaskObject): void {
  const update = leader.updates.get(task.serviceId);
  if (update === undefined || update.config.failureAction === 'continue' || update.isStopped)
    return;
  const startedNs = update.startedNs.get(task.id);
  if (startedNs === undefined || update.failed.has(task.id)) return;
  if (startedNs > 0 && nowOf(leader) - startedNs > update.config.monitorNs) return;
  update.failed.add(task.id);
  if (Math.fround(update.failed.size / update.dirty.length) <= update.config.maxFailureRatio)
    return;
  update.isStopped = true;
  wake(update.waiters);
  failUpdate(leader, update, task.id);
}

function run(update: Update): void {
  const { config, dirty, leader } = update;
  const count =
    config.parallelism === 0 ? dirty.length : Math.min(config.parallelism, dirty.length);
  for (let i = 0; i < count; i++) {
    update.workers++;
    start(update, 'swarm update worker', (process) => work(update, process));
  }
  start(update, 'swarm update', function* watch(process) {
    yield* waitFor(process, [update.waiters], () => update.workers === 0);
    if (!update.isStopped) {
      // With a delay the failures of the last slot come later.
      const { monitorNs, delayNs } = config;
      const periodNs = delayNs >= monitorNs ? delayNs + 1e9 : monitorNs;
      yield* waitFor(process, [update.waiters], () => update.isStopped, periodNs);
    }
    if (leader.updates.get(update.service.id) === update) leader.updates.delete(update.service.id);
    if (!update.isStopped) completeUpdate(leader, update.service.id);
    return 0;
  });
}

function start(update: Update, name: string, body: (process: Process) => Program): void {
  const { leader } = update;
  const { sim } = leader.cluster.world;
  const process = spawn(sim, leader.member.engine.machine.cpu, name, body);
  update.processes.push(process);
  leader.processes.add(process);
  process.onExit.push(() => leader.processes.delete(process));
}

function* work(update: Update, process: Process): Program {
  const { config, dirty } = update;
  while (update.next < dirty.length && !update.isStopped) {
    const slot = dirty[update.next++]!; // below the length
    yield* updateSlot(update, process, slot);
    if (config.delayNs > 0 && !update.isStopped) {
      yield* waitFor(process, [update.waiters], () => update.isStopped, config.delayNs);
    }
  }
  update.workers--;
  wake(update.waiters);
  return 0;
}

function* updateSlot(update: Update, process: Process, slot: Slot): Program<void> {
  const { leader, service } = update;
  const clean = slot.filter((task) => !isDirty(leader, service, task));
  const existing =
    clean.find(({ desiredState }) => desiredState === 'running') ??
    clean.find(({ desiredState }) => stateRank(desiredState) < stateRank('running'));
  if (existing === undefined) yield* replaceSlot(update, process, slot);
  else yield* keepTask(update, process, slot, existing);
}

/** There is a task of the new spec already: the others go. */
function* keepTask(
  update: Update,
  process: Process,
  slot: Slot,
  existing: TaskObject,
): Program<void> {
  const { leader } = update;
  const others = slot.filter(({ id }) => id !== existing.id);
  const isRunning = existing.desiredState === 'running';
  if (others.length === 0 && isRunning) return;
  const old = updateStore(leader.cluster, (tx) => shutDown(leader, tx, others));
  if (!isRunning) yield* waitForStart(update, process, old, existing.id);
}

/** A new task; the old one stops before it starts, or when it runs. */
function* replaceSlot(update: Update, process: Process, slot: Slot): Program<void> {
  const { leader, service, config } = update;
  const { store, cluster } = leader;
  if (!store.services.has(service.id)) return;
  const isPerNode = service.spec.mode.kind === 'global';
  const { slot: number, nodeId } = slot[0]!; // a slot has a task
  const where = isPerNode ? { slot: 0, nodeId } : { slot: number, nodeId: '' };
  const isStartFirst = config.order === 'start-first';
  const { created, old } = updateStore(cluster, (tx) => ({
    created: tx.create('task', newTask(leader, service, where, 'ready')),
    old: isStartFirst ? null : shutDown(leader, tx, slot),
  }));
  update.startedNs.set(created.id, 0);
  yield* waitForStart(update, process, old, created.id);
  yield* waitForTask(update, process, created.id);
  const task = store.tasks.get(created.id);
  if (update.isStopped || task === undefined) return;
  update.startedNs.set(created.id, nowOf(leader));
  if (isStartFirst && task.status.state === 'running') {
    updateStore(cluster, (tx) => shutDown(leader, tx, slot));
  }
}

/** Until the task may start. */
function* waitForStart(
  update: Update,
  process: Process,
  old: TaskObject | null,
  taskId: ObjectId,
): Program<void> {
  let isDone = false;
  const queue = makeWaitQueue();
  delayStart(update.leader, old, taskId, 0, () => {
    isDone = true;
    wake(queue);
  });
  wake(update.leader.waiters);
  yield* waitFor(process, [queue, update.waiters], () => isDone || update.isStopped);
}

/** Until the task runs, or is past that, or gone. */
function* waitForTask(update: Update, process: Process, taskId: ObjectId): Program<void> {
  const { leader } = update;
  const queue = makeWaitQueue();
  const end = watchObject(leader.taskWatchers, taskId, () => wake(queue));
  process.cleanups.push(end);
  yield* waitFor(process, [queue, update.waiters], () => {
    const task = leader.store.tasks.get(taskId);
    const hasRun = task === undefined || stateRank(task.status.state) >= stateRank('running');
    return hasRun || update.isStopped;
  });
  end();
}

/** @returns one of those that were ended. */
function shutDown(leader: Leader, tx: Transaction, tasks: Slot): TaskObject | null {
  let ended: TaskObject | null = null;
  for (const { id } of tasks) {
    const task = leader.store.tasks.get(id);
    if (task === undefined || isPast(task.desiredState, 'running')) continue;
    ended = tx.update('task', { ...task, desiredState: 'shutdown' });
  }
  return ended;
}

function isSlotDirty(leader: Leader, service: ServiceObject, slot: Slot): boolean {
  return slot.length > 1 || (slot[0] !== undefined && isDirty(leader, service, slot[0]));
}

function isDirty(leader: Leader, service: ServiceObject, task: TaskObject): boolean {
  return isTaskDirty(service, task, leader.store.nodes.get(task.nodeId) ?? null);
}
