/**
 * One task on its node: from accepted to running, and to its end.
 *
 *     assigned -> accepted -> preparing (networks, image, container) -> ready
 *     ready -> starting (container runs, it takes part in its service) -> running -> complete, failed
 *     desired state past running: out of its service, a pause for the gossip, stop -> shutdown
 *
 * @source swarmkit agent/task.go, agent/exec/controller.go Do(); moby
 *   daemon/cluster/executor/container/controller.go
 */
import { removeContainer } from '../../docker/container-remove.ts';
import { startContainer } from '../../docker/container-start.ts';
import { stopContainer } from '../../docker/container-stop.ts';
import { type Container, DockerError } from '../../docker/engine-record.ts';
import { kill, type Process, type Program, sleep, spawn } from '../../engine/process.ts';
import { timeNs } from '../../engine/simulator.ts';
import { startFraction, tieSeedOf } from '../manager/ties.ts';
import type { SwarmMember } from '../member.ts';
import { bindTask, prepareNetwork, releaseNetwork, unbindTask } from '../network/index.ts';
import { isPast, stateRank, type TaskObject, type TaskState, type TaskStatus } from '../objects.ts';
import { boundPorts, createTaskContainer, TASK_LABEL, taskName } from './task-container.ts';
import { fetchImage } from './task-image.ts';

/** What creating and starting a container take besides. */
const CREATE_NS = 80e6;
const START_NS = 350e6;
/** No two nodes are as fast: up to so much more, until networks are made, the container runs and that is reported. */
const PREPARE_SPREAD_NS = 5e6;
const START_SPREAD_NS = 20e6;
const REPORT_SPREAD_NS = 1_150e6;
/** An operation that was broken off is taken up again after this. @source agent/task.go ErrTaskRetry */
const RETRY_NS = 100e6;
/** Between leaving the service and stopping. @source controller.go defaultGossipConvergeDelay */
const CONVERGE_NS = 2e9;
const SHUTDOWN = stateRank('shutdown');

export interface TaskRunner {
  readonly member: SwarmMember;
  /** As the manager wants it. */
  task: TaskObject;
  /** As it is: the manager's copy follows. */
  status: TaskStatus;
  container: Container | null;
  /** Of its main process, once that has ended. */
  exitCode: number | null;
  /** Null while there is nothing to do but to wait. */
  process: Process | null;
  /** The manager has changed its mind while the process was at it. */
  isUpdated: boolean;
  /** No more assigned: it goes altogether. */
  isRemoved: boolean;
}

/** Takes a task up that the node was assigned. */
export function startRunner(member: SwarmMember, task: TaskObject): TaskRunner {
  const runner: TaskRunner = {
    member,
    task,
    status: task.status,
    container: null,
    exitCode: null,
    process: null,
    isUpdated: false,
    isRemoved: false,
  };
  takeUp(runner);
  // What has ended before this agent knew of it needs nothing.
  if (stateRank(runner.status.state) < stateRank('complete')) pump(runner);
  return runner;
}

/** The manager's wish. */
export function updateRunner(runner: TaskRunner, task: TaskObject): void {
  const isSame = task.desiredState === runner.task.desiredState;
  if (isSame || !isPast(task.desiredState, runner.task.desiredState)) return;
  runner.task = { ...task, status: runner.status };
  runner.isUpdated = true;
  pump(runner);
}

/** The task is not assigned any more: its container and (with their last user) its networks go. */
export function removeRunner(runner: TaskRunner): void {
  runner.isRemoved = true;
  pump(runner);
}

/** dockerd stops: the task stays as it is, and its container is not looked after any more. */
export function suspendRunner(runner: TaskRunner): void {
  runner.isRemoved = true;
  if (runner.process !== null) kill(runner.process, 'SIGKILL');
}

/** After a restart of dockerd a task finds its container again, and what became of it. */
function takeUp(runner: TaskRunner): void {
  const { member, task, status } = runner;
  if (stateRank(status.state) < stateRank('preparing')) return;
  for (const container of member.engine.containers.values()) {
    if (container.spec.labels.get(TASK_LABEL) !== task.id) continue;
    runner.container = container;
    if (status.state !== 'running' || container.main !== null) return;
    runner.exitCode = container.exitCode;
    reportEnd(runner, container.exitCode);
  }
}

/** The engine leaves the swarm: at once. */
export function killRunner(runner: TaskRunner): void {
  const { member, container, process } = runner;
  runner.isRemoved = true;
  if (process !== null) kill(process, 'SIGKILL');
  if (container !== null && member.engine.containers.has(container.id)) {
    unbindTask(member, container);
    removeContainer(member.engine, container, true);
  }
  releaseNetworks(runner);
}

/** Has the process look at the task; it takes up what has changed meanwhile by itself. */
function pump(runner: TaskRunner): void {
  if (runner.process !== null) return;
  const { engine } = runner.member;
  const name = `swarm task ${taskName(runner.task)}`;
  runner.process = spawn(engine.world.sim, engine.machine.cpu, name, (process) =>
    run(runner, process),
  );
}

function* run(runner: TaskRunner, process: Process): Program {
  do {
    runner.isUpdated = false;
    if (runner.isRemoved) {
      yield* remove(runner, process);
      break;
    }
    yield* advance(runner, process);
  } while (runner.isUpdated || runner.isRemoved);
  runner.process = null;
  return 0;
}

/** Goes as far as the desired state allows. */
function* advance(runner: TaskRunner, process: Process): Program<void> {
  while (!runner.isRemoved) {
    const { state } = runner.status;
    const { desiredState } = runner.task;
    if (stateRank(state) >= stateRank('complete')) return;
    if (stateRank(state) < stateRank('accepted')) setState(runner, 'accepted', 'accepted');
    else if (stateRank(desiredState) >= SHUTDOWN) yield* shutDown(runner, process);
    else if (state === 'preparing') yield* attempt(runner, 'rejected', prepare(runner, process));
    else if (state === 'starting') yield* attempt(runner, 'failed', start(runner, process));
    else if (state === 'running' || !isPast(desiredState, state)) return;
    else if (state === 'accepted') setState(runner, 'preparing', 'preparing');
    else if (state === 'ready') setState(runner, 'starting', 'starting');
    else return;
  }
}

/** What the engine refuses ends the task. */
function* attempt(runner: TaskRunner, onError: TaskState, work: Program<void>): Program<void> {
  try {
    yield* work;
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    const { container } = runner;
    report(runner, {
      ...runner.status,
      state: onError,
      timestampNs: nowOf(runner),
      error: error.message,
      containerId: container?.id ?? '',
      exitCode: container?.exitCode ?? 0,
    });
  }
}

/** Networks, image, container. */
function* prepare(runner: TaskRunner, process: Process): Program<void> {
  const { member, task } = runner;
  if (task.containerAttachment !== null) {
    setState(runner, 'ready', 'prepared');
    return;
  }
  yield* sleep(process, PREPARE_SPREAD_NS * startFraction(tieSeedOf(member), task));
  if (isCalledOff(runner)) return;
  for (const { network } of task.attachments) prepareNetwork(member, network);
  yield* fetchImage(process, member.engine, task.spec.container.image);
  if (isCalledOff(runner)) return;
  yield* sleep(process, CREATE_NS);
  if (isCalledOff(runner)) return;
  runner.container ??= createTaskContainer(member, task);
  setState(runner, 'ready', 'prepared');
}

function* start(runner: TaskRunner, process: Process): Program<void> {
  const { member, container } = runner;
  if (runner.task.containerAttachment !== null) {
    setState(runner, 'running', 'started');
    return;
  }
  const fraction = startFraction(tieSeedOf(member), runner.task);
  yield* sleep(process, START_NS + START_SPREAD_NS * fraction);
  if (isCalledOff(runner) || container === null) return;
  try {
    startContainer(member.engine, container);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    throw new DockerError(error.status, `starting container failed: ${error.message}`);
  }
  container.main?.onExit.push((exitCode) => noteExit(runner, exitCode));
  bindTask(member, container);
  yield* sleep(process, REPORT_SPREAD_NS * fraction);
  report(runner, {
    ...statusOf(runner, 'running', 'started'),
    containerId: container.id,
    pid: container.pid,
    hostPorts: boundPorts(container),
  });
  if (runner.exitCode !== null) noteExit(runner, runner.exitCode);
}

/** The main process ended: by itself, or by what is at work in shutDown(). */
function noteExit(runner: TaskRunner, exitCode: number): void {
  const { status, isRemoved, task } = runner;
  runner.exitCode = exitCode;
  if (isRemoved || status.state !== 'running') return; // start() will see it
  if (stateRank(task.desiredState) >= SHUTDOWN) return;
  reportEnd(runner, exitCode);
}

function reportEnd(runner: TaskRunner, exitCode: number): void {
  // A container that has ended has no ports any more.
  const ended = { ...runner.status, timestampNs: nowOf(runner), exitCode, pid: 0, hostPorts: [] };
  if (exitCode === 0) report(runner, { ...ended, state: 'complete', message: 'finished' });
  else {
    report(runner, { ...ended, state: 'failed', error: `task: non-zero exit (${exitCode})` });
  }
}

/** Out of the service, a while for the others to hear of it, then the container stops. */
function* shutDown(runner: TaskRunner, process: Process): Program<void> {
  const { status, task } = runner;
  if (status.state === 'running') {
    // The wait for its end is broken off: it is reported once more, and taken up after a while.
    report(runner, { ...status, timestampNs: nowOf(runner) });
    yield* sleep(process, RETRY_NS);
  }
  if (task.containerAttachment === null) yield* stop(runner, process);
  if (runner.isRemoved) return;
  const exitCode = runner.container?.exitCode ?? 0;
  report(runner, { ...statusOf(runner, 'shutdown', 'shutdown'), exitCode, pid: 0, hostPorts: [] });
}

function* stop(runner: TaskRunner, process: Process): Program<void> {
  const { member, container, task } = runner;
  if (container === null) return;
  unbindTask(member, container);
  yield* sleep(process, CONVERGE_NS);
  const graceSec = task.spec.container.stopGraceNs / 1e9;
  yield* stopContainer(process, member.engine, container, graceSec);
}

function* remove(runner: TaskRunner, process: Process): Program<void> {
  const { member, container } = runner;
  yield* stop(runner, process);
  if (container !== null && member.engine.containers.has(container.id)) {
    removeContainer(member.engine, container, true);
  }
  releaseNetworks(runner);
}

function releaseNetworks({ member, task }: TaskRunner): void {
  for (const { network } of task.attachments) releaseNetwork(member, network.id);
}

function isCalledOff({ task, isRemoved }: TaskRunner): boolean {
  return isRemoved || stateRank(task.desiredState) >= SHUTDOWN;
}

function setState(runner: TaskRunner, state: TaskState, message: string): void {
  report(runner, statusOf(runner, state, message));
}

function statusOf(runner: TaskRunner, state: TaskState, message: string): TaskStatus {
  const { container, status } = runner;
  const containerId = container?.id ?? '';
  return { ...status, state, timestampNs: nowOf(runner), message, error: '', containerId };
}

function report(runner: TaskRunner, status: TaskStatus): void {
  runner.status = status;
  runner.task = { ...runner.task, status };
  runner.member.wire.reportStatus(runner.task.id, status);
}

function nowOf({ member }: TaskRunner): number {
  return timeNs(member.engine.world.sim);
}
