/**
 * Tables of tasks: `docker service ps`, `node ps`, `stack ps`.
 * @source docker cli command/task/print.go, formatter.go; moby daemon/cluster/filters.go
 */
import { timeNs } from '../../../engine/simulator.ts';
import type { Cluster } from '../../../swarm/manager/cluster.ts';
import { stateRank, type TaskObject } from '../../../swarm/objects.ts';
import type { ProgramContext } from '../../program.ts';
import { type CommandLine, type FlagSpec, has, listOf, textOf } from './command-line.ts';
import { fits, hasLabel, readFilters } from './daemon.ts';
import { formatList, type ListFormat, type Row } from './docker-format.ts';
import { humanDuration } from './duration-text.ts';
import { naturalCompare } from './natural-order.ts';
import { capitalised, findNode, type ManagerView } from './swarm-request.ts';

const TASKS: ListFormat = {
  type: 'task.taskContext',
  table:
    '{{.ID}}\t{{.Name}}\t{{.Image}}\t{{.Node}}\t{{.DesiredState}}\t{{.CurrentState}}\t{{.Error}}\t{{.Ports}}',
  quiet: '{{.ID}}',
  heads: {
    ID: 'ID',
    Name: 'NAME',
    Image: 'IMAGE',
    Node: 'NODE',
    DesiredState: 'DESIRED STATE',
    CurrentState: 'CURRENT STATE',
    Error: 'ERROR',
    Ports: 'PORTS',
  },
};

export const TASK_TABLE_FLAGS: readonly FlagSpec[] = [
  {
    name: 'filter',
    short: 'f',
    kind: 'list',
    placeholder: 'filter',
    help: 'Filter output based on conditions provided',
  },
  { name: 'format', kind: 'string', help: 'Pretty-print tasks using a Go template' },
  { name: 'no-resolve', kind: 'bool', help: 'Do not map IDs to Names' },
  { name: 'no-trunc', kind: 'bool', help: 'Do not truncate output' },
  { name: 'quiet', short: 'q', kind: 'bool', help: 'Only display task IDs' },
];

/** Runes of an error that a narrow table shows. */
const ERROR_WIDTH = 30;
const ID_WIDTH = 12;

const TASK_FILTERS = ['name', 'id', 'label', 'service', 'node', 'desired-state', 'runtime'];

/** Writes a table of tasks, filtered and sorted, with the history of a slot below its newest task. */
export function writeTasks(
  context: ProgramContext,
  line: CommandLine,
  view: ManagerView,
  tasks: readonly TaskObject[],
): void {
  const { cluster } = view;
  const isNamed = !has(line, 'no-resolve');
  const named = filtered(line, view, tasks).map((task) => ({
    task,
    name: taskName(cluster, task, isNamed),
  }));
  named.sort((a, b) =>
    a.name === b.name ? b.task.createdNs - a.task.createdNs : naturalCompare(a.name, b.name),
  );
  const format = textOf(line, 'format');
  const isTable = format === '' || format.startsWith('table');
  const isWhole = has(line, 'no-trunc') || has(line, 'quiet');
  let before = '';
  const rows = named.map(({ task, name }) => {
    const shown = name === before && isTable ? ` \\_ ${name}` : name;
    before = name;
    return rowOf(cluster, task, shown, { isNamed, isWhole });
  });
  context.write(formatList(TASKS, rows, { format, isQuiet: has(line, 'quiet') }));
}

function filtered(
  line: CommandLine,
  view: ManagerView,
  tasks: readonly TaskObject[],
): readonly TaskObject[] {
  const filters = readFilters(listOf(line, 'filter'), TASK_FILTERS);
  const nodeIds = (filters.get('node') ?? []).map((reference) => findNode(view, reference).id);
  return tasks.filter((task) => {
    const serviceName = view.cluster.store.services.get(task.serviceId)?.spec.name;
    return (
      fits(filters, 'id', (value) => task.id.startsWith(value)) &&
      fits(filters, 'name', (value) => taskName(view.cluster, task, true).startsWith(value)) &&
      fits(filters, 'label', (value) => hasLabel(task.spec.container.labels, value)) &&
      fits(filters, 'service', (value) => value === serviceName || value === task.serviceId) &&
      (nodeIds.length === 0 || nodeIds.includes(task.nodeId)) &&
      fits(filters, 'desired-state', (value) => task.desiredState === value.toLowerCase())
    );
  });
}

/** `web.1`; of a global service `web.` and the node's id. */
export function taskName({ store }: Cluster, task: TaskObject, isNamed: boolean): string {
  const service = store.services.get(task.serviceId);
  const name = isNamed ? (service?.spec.name ?? task.serviceId) : task.serviceId;
  return `${name}.${task.slot === 0 ? task.nodeId : task.slot}`;
}

function rowOf(
  cluster: Cluster,
  task: TaskObject,
  name: string,
  { isNamed, isWhole }: { readonly isNamed: boolean; readonly isWhole: boolean },
): Row {
  const { status } = task;
  const node = cluster.store.nodes.get(task.nodeId);
  const ageNs = timeNs(cluster.world.sim) - status.timestampNs;
  const { image } = task.spec.container;
  const problem = isWhole ? status.error : ellipsis(status.error, ERROR_WIDTH);
  return {
    ID: isWhole ? task.id : task.id.slice(0, ID_WIDTH),
    Name: name,
    Image: isWhole ? image : imageWithoutDigest(image),
    Node: isNamed && node !== undefined ? node.description.hostname : task.nodeId,
    DesiredState: capitalised(task.desiredState),
    CurrentState: `${capitalised(status.state)} ${humanDuration(ageNs).toLowerCase()} ago`,
    Error: problem === '' ? '' : `"${problem}"`,
    Ports: hostPortsOf(task),
  };
}

/** Host-mode ports of a task that runs. */
function hostPortsOf({ status }: TaskObject): string {
  return status.hostPorts
    .map((port) => `*:${port.publishedPort}->${port.targetPort}/${port.protocol}`)
    .join(',');
}

/** `nginx:latest` of `nginx:latest@sha256:...`. */
export function imageWithoutDigest(image: string): string {
  const at = image.indexOf('@');
  if (at < 0) return image;
  const name = image.slice(0, at);
  return /:[^/]+$/.test(name) ? name : image;
}

/** At most so many runes, with `…` as the last if something was cut. */
export function ellipsis(text: string, width: number): string {
  const runes = [...text];
  return runes.length <= width ? text : `${runes.slice(0, width - 1).join('')}…`;
}

/** Whether a task has come to its end. */
export function isTerminal(state: TaskObject['desiredState']): boolean {
  return stateRank(state) > stateRank('running');
}
