/** `docker service logs`. @source docker cli command/service/logs.go; swarmkit manager/logbroker */
import type { Container, LogLine } from '../../../docker/engine-record.ts';
import { DockerError } from '../../../docker/engine-record.ts';
import { attachOutput } from '../../../docker/logs.ts';
import { waitFor } from '../../../engine/process.ts';
import { timeNs } from '../../../engine/simulator.ts';
import type { Cluster } from '../../../swarm/manager/cluster.ts';
import { tasksOfService } from '../../../swarm/manager/store.ts';
import type { TaskObject } from '../../../swarm/objects.ts';
import type { ProgramContext } from '../../program.ts';
import { type CommandLine, type CommandSpec, has, textOf, UsageError } from './command-line.ts';
import { paddedTimestamp, parseGoDuration } from './duration-text.ts';
import { SIGNAL_CODES } from './running.ts';
import { findService, inProcess, readManager } from './swarm-request.ts';

interface Source {
  readonly task: TaskObject;
  readonly container: Container;
  /** `web.1.5v2y9p@node1    | `. */
  readonly prefix: string;
}

export const serviceLogs: CommandSpec = {
  path: 'docker service logs',
  operands: '[OPTIONS] SERVICE|TASK',
  short: 'Fetch the logs of a service or task',
  flags: [
    { name: 'details', kind: 'bool', help: 'Show extra details provided to logs' },
    { name: 'follow', short: 'f', kind: 'bool', help: 'Follow log output' },
    { name: 'no-resolve', kind: 'bool', help: 'Do not map IDs to Names in output' },
    { name: 'no-task-ids', kind: 'bool', help: 'Do not include task IDs in output' },
    { name: 'no-trunc', kind: 'bool', help: 'Do not truncate output' },
    { name: 'raw', kind: 'bool', help: 'Do not neatly format logs' },
    {
      name: 'since',
      kind: 'string',
      help: 'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    },
    {
      name: 'tail',
      short: 'n',
      kind: 'string',
      initial: 'all',
      help: 'Number of lines to show from the end of the logs',
    },
    { name: 'timestamps', short: 't', kind: 'bool', help: 'Show timestamps' },
  ],
  count: [1, 1],
  async run(context, line) {
    const sources = await readManager(context, ({ cluster }) => sourcesOf(cluster, line));
    const { epochS, sim } = context.world;
    const show = ({ prefix }: Source, entry: LogLine): void => {
      const stamp = has(line, 'timestamps') ? `${paddedTimestamp(epochS, entry.timeNs)} ` : '';
      const text = `${stamp}${has(line, 'raw') ? '' : prefix}${entry.text}`;
      if (entry.stream === 'stdout') context.write(text);
      else context.writeError(text);
    };
    const entries = sources.flatMap((source) =>
      selected(line, sim.nowNs, source.container.logs).map((entry) => ({ source, entry })),
    );
    entries.sort((a, b) => a.entry.timeNs - b.entry.timeNs);
    for (const { source, entry } of entries) show(source, entry);
    return has(line, 'follow') ? follow(context, sources, show) : 0;
  },
};

/** Shows what comes until the user has enough of it. */
async function follow(
  context: ProgramContext,
  sources: readonly Source[],
  show: (source: Source, entry: LogLine) => void,
): Promise<number> {
  const { sim } = context.world;
  const ends = sources.map((source) =>
    attachOutput(source.container, (stream, text) => {
      for (const each of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
        show(source, { timeNs: timeNs(sim), stream, text: each });
      }
    }),
  );
  const exitCode = await inProcess(context, function* (process) {
    yield* waitFor(process, [], () => false);
    return SIGNAL_CODES[process.signal ?? 'SIGINT'];
  });
  for (const end of ends) end();
  return exitCode;
}

function selected(line: CommandLine, nowNs: number, logs: readonly LogLine[]): LogLine[] {
  const agoNs = parseGoDuration(textOf(line, 'since'));
  const late = agoNs === null ? [...logs] : logs.filter((entry) => entry.timeNs >= nowNs - agoNs);
  const tail = textOf(line, 'tail');
  return /^\d+$/.test(tail) ? late.slice(Math.max(0, late.length - Number(tail))) : late;
}

/** The containers of a service's tasks, or of one task, wherever they run. */
function sourcesOf(cluster: Cluster, line: CommandLine): Source[] {
  const reference = line.operands[0]!;
  const { tasks, digits } = tasksNamed(cluster, reference);
  if (tasks[0]?.spec.container.isTty === true && !has(line, 'raw')) {
    throw new UsageError('tty service logs only supported with --raw\n', 1);
  }
  return tasks.flatMap((task) => {
    const engine = cluster.members.get(task.nodeId)?.engine;
    const container = engine?.containers.get(task.status.containerId);
    if (container === undefined) return [];
    return [{ task, container, prefix: prefixOf(cluster, line, task, digits) }];
  });
}

function tasksNamed(
  cluster: Cluster,
  reference: string,
): { readonly tasks: readonly TaskObject[]; readonly digits: number } {
  try {
    const { id, spec } = findService(cluster, reference);
    const replicas = spec.mode.kind === 'replicated' ? spec.mode.replicas : 0;
    const digits = spec.mode.kind === 'replicated' ? String(replicas).length : 1;
    return { tasks: tasksOfService(cluster.store, id), digits };
  } catch (error) {
    if (!(error instanceof DockerError) || error.status !== 404) throw error;
  }
  const ids = [...cluster.store.tasks.keys()].filter((id) => id.startsWith(reference));
  const task = ids.length === 1 ? cluster.store.tasks.get(ids[0]!) : undefined;
  if (task === undefined) throw new UsageError(`no such task or service: ${reference}\n`, 1);
  return { tasks: [task], digits: String(task.slot).length };
}

function prefixOf(cluster: Cluster, line: CommandLine, task: TaskObject, digits: number): string {
  const isNamed = !has(line, 'no-resolve');
  const { services, nodes } = cluster.store;
  const service = isNamed ? services.get(task.serviceId)?.spec.name : undefined;
  const node = isNamed ? nodes.get(task.nodeId)?.description.hostname : undefined;
  const shownId = has(line, 'no-trunc') ? task.id : task.id.slice(0, 12);
  const suffix = has(line, 'no-task-ids') ? '' : `.${shownId}`;
  const padding = ' '.repeat(Math.max(0, digits - String(task.slot).length));
  return `${service ?? task.serviceId}.${task.slot}${suffix}@${node ?? task.nodeId}${padding}    | `;
}
