/**
 * Waiting until a service's tasks run, as `docker service create` does without a terminal: the overall
 * line comes again at every look, the tasks' lines once and empty.
 * @source docker cli command/service/progress/progress.go; moby pkg/jsonmessage (no terminal)
 */
import { type Process, type Program, sleep } from '../../../engine/process.ts';
import { timeNs } from '../../../engine/simulator.ts';
import type { Cluster } from '../../../swarm/manager/cluster.ts';
import { isTaskDirty } from '../../../swarm/manager/orchestrator/new-task.ts';
import { tasksOfService } from '../../../swarm/manager/store.ts';
import { type ServiceObject, stateRank, type TaskObject } from '../../../swarm/objects.ts';
import { majorVersion } from './port-text.ts';
import { UPDATE_DEFAULTS } from './service-spec.ts';
import { isTerminal } from './task-table.ts';

/** Between two looks. */
const LOOK_NS = 200e6;
/** More tasks have no lines of their own. */
const LINES_MAX = 20;

export interface Progress {
  readonly exitCode: number;
  /** For stderr, without a newline; empty if all went well. */
  readonly problem: string;
}

interface View {
  readonly cluster: Cluster;
  readonly process: Process;
  readonly write: (text: string) => void;
  /** As the user named it, or its id. */
  readonly name: string;
  isInitialised: boolean;
  /** All ran at some look. */
  isDone: boolean;
  isRollback: boolean;
}

/** Looks at the service until it has converged and stayed so, its update paused, or the user stops it. */
export function* watchService(
  cluster: Cluster,
  process: Process,
  serviceId: string,
  name: string,
  write: (text: string) => void,
): Program<Progress> {
  const view: View = {
    cluster,
    process,
    write: onlyChanges(write),
    name,
    isInitialised: false,
    isDone: false,
    isRollback: false,
  };
  let isConverged = false;
  let convergedNs: number | null = null;
  let rolledBack = '';
  for (;;) {
    const service = cluster.store.services.get(serviceId);
    if (service === undefined)
      return failed(`Error response from daemon: service ${name} not found`);
    const monitorNs = (service.spec.update?.monitorNs ?? 0) || UPDATE_DEFAULTS.monitorNs;
    const verdict = lookAtUpdate(view, service, isConverged);
    if (verdict !== null) return verdict;
    if (service.updateStatus?.state === 'rollback_completed' && !isConverged) {
      rolledBack = service.updateStatus.message;
    }
    const sinceNs = convergedNs === null ? 0 : timeNs(cluster.world.sim) - convergedNs;
    if (isConverged && sinceNs >= monitorNs) {
      view.write(`verify: ${convergedText(view)}\n`);
      if (rolledBack !== '') view.write(`rollback: ${rolledBack}\n`);
      return { exitCode: 0, problem: '' };
    }
    isConverged = update(view, service);
    if (isConverged && isJob(service)) {
      write('job complete\n');
      return { exitCode: 0, problem: '' };
    }
    let verify = '';
    if (isConverged) {
      convergedNs ??= timeNs(cluster.world.sim);
      const leftNs = monitorNs - (timeNs(cluster.world.sim) - convergedNs);
      const seconds = Math.ceil(leftNs / 1e9);
      if (leftNs >= 0)
        verify = `verify: Waiting ${seconds} seconds to verify that tasks are stable...`;
    } else {
      if (convergedNs !== null) verify = 'verify: Detected task failure';
      convergedNs = null;
    }
    if (verify !== '') view.write(`${verify}\n`);
    yield* sleep(process, LOOK_NS);
    if (process.signal === null) continue;
    process.signal = null;
    if (!isConverged) {
      write(
        `Operation continuing in background.\nUse \`docker service ps ${name}\` to check progress.\n`,
      );
    }
    return { exitCode: 0, problem: '' };
  }
}

/** Unlike Docker, a line that is the same as the one before is left out. */
function onlyChanges(write: (text: string) => void): (text: string) => void {
  let before = '';
  return (text) => {
    if (text !== before) write(text);
    before = text;
  };
}

function failed(problem: string): Progress {
  return { exitCode: 1, problem };
}

function convergedText({ cluster, name }: View): string {
  const engine = [...cluster.members.values()][0]?.engine;
  return engine !== undefined && majorVersion(engine) < 26
    ? 'Service converged'
    : `Service ${name} converged`;
}

/** What the state of an update says: null to go on. */
function lookAtUpdate(view: View, service: ServiceObject, isConverged: boolean): Progress | null {
  const { updateStatus: status } = service;
  if (status === null) return null;
  switch (status.state) {
    case 'updating':
      view.isRollback = false;
      return null;
    case 'completed':
      return isConverged ? null : { exitCode: 0, problem: '' };
    case 'paused':
      return failed(`service update paused: ${status.message}`);
    case 'rollback_started':
      if (!view.isRollback && status.message !== '') view.write(`rollback: ${status.message}\n`);
      view.isRollback = true;
      return null;
    case 'rollback_paused':
      return failed(`service rollback paused: ${status.message}`);
    case 'rollback_completed':
      view.isRollback = true;
      return null;
  }
}

function isJob({ spec: { mode } }: ServiceObject): boolean {
  return mode.kind === 'replicated-job' || mode.kind === 'global-job';
}

function update(view: View, service: ServiceObject): boolean {
  const { mode } = service.spec;
  if (mode.kind === 'replicated') return updateReplicated(view, service, mode.replicas);
  if (mode.kind === 'global') return updateGlobal(view, service);
  const total = mode.kind === 'replicated-job' ? mode.totalCompletions : 0;
  return updateJob(view, service, total, mode.kind === 'replicated-job' ? mode.maxConcurrent : 0);
}

/** Tasks of the service as it is now; those of a former specification do not count. */
function currentTasks({ cluster }: View, service: ServiceObject): TaskObject[] {
  const isKnown = (task: TaskObject): boolean =>
    stateRank(task.desiredState) < stateRank('remove') &&
    stateRank(task.status.state) < stateRank('remove');
  const { store } = cluster;
  return tasksOfService(store, service.id).filter(
    (task) => isKnown(task) && !isTaskDirty(service, task, store.nodes.get(task.nodeId) ?? null),
  );
}

/** One task a slot or node: that with the lowest desired state, then the one that has come further. */
function oneEach(
  tasks: readonly TaskObject[],
  keyOf: (task: TaskObject) => string,
  isWanted: (task: TaskObject) => boolean,
): TaskObject[] {
  const chosen = new Map<string, TaskObject>();
  for (const task of tasks) {
    const key = keyOf(task);
    const other = chosen.get(key);
    if (other !== undefined) {
      const difference = stateRank(other.desiredState) - stateRank(task.desiredState);
      if (difference < 0) continue;
      if (difference === 0 && stateRank(other.status.state) <= stateRank(task.status.state)) {
        continue;
      }
    }
    if (isWanted(task)) chosen.set(key, task);
  }
  return [...chosen.values()];
}

function writeOverall({ write, isRollback }: View, running: number, total: number): void {
  const what = isRollback ? 'rolling back update: ' : '';
  write(`overall progress: ${what}${running} out of ${total} tasks\n`);
}

function updateReplicated(view: View, service: ServiceObject, replicas: number): boolean {
  const { cluster } = view;
  if (!view.isInitialised) {
    writeOverall(view, 0, replicas);
    if (replicas <= LINES_MAX) {
      for (let slot = 1; slot <= replicas; slot++) view.write(`${slot}/${replicas}:  \n`);
    }
    view.isInitialised = true;
  }
  const isOnNode = ({ nodeId }: TaskObject): boolean =>
    nodeId === '' || cluster.store.nodes.get(nodeId)?.status.state !== 'down';
  const tasks = oneEach(currentTasks(view, service), ({ slot }) => String(slot), isOnNode);
  return concludeLook(view, tasks, replicas);
}

function updateGlobal(view: View, service: ServiceObject): boolean {
  const { cluster } = view;
  const all = oneEach(
    currentTasks(view, service),
    ({ nodeId }) => nodeId,
    () => true,
  );
  if (!view.isInitialised) {
    if (all.length === 0) {
      view.write('overall progress: waiting for new tasks\n');
      return false;
    }
    writeOverall(view, 0, all.length);
    view.isInitialised = true;
    if (all.length <= LINES_MAX) {
      for (const { nodeId } of all) view.write(`${nodeId.slice(0, 12)}:  \n`);
    }
  }
  const tasks = all.filter(
    ({ nodeId }) => cluster.store.nodes.get(nodeId)?.status.state !== 'down',
  );
  return concludeLook(view, tasks, all.length);
}

/** Counts who runs. */
function concludeLook(view: View, tasks: readonly TaskObject[], total: number): boolean {
  if (view.isDone && tasks.some(({ status }) => status.state !== 'running')) view.isDone = false;
  const running = tasks.filter(
    ({ desiredState, status }) => !isTerminal(desiredState) && status.state === 'running',
  ).length;
  if (!view.isDone) {
    writeOverall(view, running, total);
    if (running === total) view.isDone = true;
  }
  return running === total;
}

function updateJob(view: View, service: ServiceObject, total: number, concurrent: number): boolean {
  const tasks = tasksOfService(view.cluster.store, service.id).filter(
    ({ jobIteration }) => jobIteration === service.jobIteration,
  );
  const completed = tasks.filter(({ status }) => status.state === 'complete').length;
  const active = tasks.filter(
    ({ status }) => stateRank(status.state) <= stateRank('running'),
  ).length;
  const wanted = total === 0 ? tasks.length : total;
  view.write(`job progress: ${completed} out of ${wanted} complete\n`);
  if (total > 0) {
    view.write(
      `active tasks: ${active} out of ${Math.min(wanted - completed, concurrent)} tasks\n`,
    );
  }
  view.isInitialised = true;
  return completed === wanted && wanted > 0;
}
