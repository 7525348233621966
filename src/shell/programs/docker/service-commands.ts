/** `docker service ls`, `ps`, `inspect`, `rm`. @source docker cli command/service */
import { DockerError } from '../../../docker/engine-record.ts';
import { removeService } from '../../../swarm/api/services.ts';
import type { Cluster } from '../../../swarm/manager/cluster.ts';
import { tasksOfService } from '../../../swarm/manager/store.ts';
import type { PortConfig, ServiceObject } from '../../../swarm/objects.ts';
import { type CommandSpec, has, listOf, textOf, UsageError } from './command-line.ts';
import { daemonText, engineFor, fits, fitsAll, hasLabel, readFilters } from './daemon.ts';
import { formatList, type ListFormat, type Row } from './docker-format.ts';
import { inspect } from './inspect.ts';
import { naturalCompare } from './natural-order.ts';
import { forEachObject } from './node-commands.ts';
import { serviceDocument } from './service-document.ts';
import { servicePretty } from './service-pretty.ts';
import { findService, readManager } from './swarm-request.ts';
import { imageWithoutDigest, TASK_TABLE_FLAGS, writeTasks } from './task-table.ts';

const MANY = [1, Number.POSITIVE_INFINITY] as const;

const SERVICES: ListFormat = {
  type: 'service.serviceContext',
  table: '{{.ID}}\t{{.Name}}\t{{.Mode}}\t{{.Replicas}}\t{{.Image}}\t{{.Ports}}',
  quiet: '{{.ID}}',
  heads: {
    ID: 'ID',
    Name: 'NAME',
    Mode: 'MODE',
    Replicas: 'REPLICAS',
    Image: 'IMAGE',
    Ports: 'PORTS',
  },
};

const SERVICE_FILTERS = ['id', 'label', 'mode', 'name', 'runtime'];

export const serviceLs: CommandSpec = {
  path: 'docker service ls',
  operands: '[OPTIONS]',
  short: 'List services',
  aliases: 'docker service ls, docker service list',
  flags: [
    {
      name: 'filter',
      short: 'f',
      kind: 'list',
      placeholder: 'filter',
      help: 'Filter output based on conditions provided',
    },
    {
      name: 'format',
      kind: 'string',
      help: "Format output: 'table', 'table TEMPLATE', 'json' or a Go template",
    },
    { name: 'quiet', short: 'q', kind: 'bool', help: 'Only display IDs' },
  ],
  count: [0, 0],
  async run(context, line) {
    const filters = readFilters(listOf(line, 'filter'), SERVICE_FILTERS);
    const options = { format: textOf(line, 'format'), isQuiet: has(line, 'quiet') };
    const text = await readManager(context, ({ cluster }) => {
      const services = [...cluster.store.services.values()].filter((each) =>
        matches(each, filters),
      );
      return serviceTable(cluster, services, options);
    });
    context.write(text);
    return 0;
  },
};

/** Whether a service passes the filters. The name is compared from its beginning. */
export function matches(
  service: ServiceObject,
  filters: ReadonlyMap<string, readonly string[]>,
): boolean {
  const { spec } = service;
  return (
    fits(filters, 'id', (value) => service.id.startsWith(value)) &&
    fits(filters, 'name', (value) => spec.name.startsWith(value)) &&
    fits(filters, 'mode', (value) => spec.mode.kind === value) &&
    fitsAll(filters, 'label', (value) => hasLabel(spec.labels, value))
  );
}

/** The table of `service ls` and `stack services`. */
export function serviceTable(
  cluster: Cluster,
  services: readonly ServiceObject[],
  options: { readonly format: string; readonly isQuiet: boolean },
): string {
  const sorted = [...services].sort((a, b) => naturalCompare(a.spec.name, b.spec.name));
  const rows = sorted.map((service) => rowOf(cluster, service, options.isQuiet));
  return formatList(SERVICES, rows, options);
}

function rowOf(cluster: Cluster, service: ServiceObject, isQuiet: boolean): Row {
  const { spec, endpoint } = service;
  return {
    ID: isQuiet ? service.id : service.id.slice(0, 12),
    Name: spec.name,
    Mode: spec.mode.kind.replace('-', ' '),
    Replicas: replicasText(cluster, service),
    Image: imageWithoutDigest(spec.task.container.image),
    Ports: portsText(endpoint?.ports ?? []),
  };
}

/** How many tasks run and are to run. @source swarmkit manager/controlapi/service.go ListServiceStatuses() */
function replicasText(cluster: Cluster, service: ServiceObject): string {
  const { mode, task } = service.spec;
  const { store } = cluster;
  const tasks = tasksOfService(store, service.id);
  const isJob = mode.kind === 'replicated-job' || mode.kind === 'global-job';
  const current = isJob
    ? tasks.filter(({ jobIteration }) => jobIteration === service.jobIteration)
    : tasks;
  // Those that are about to stop count too: 4/3.
  const running = current.filter(({ status }) => status.state === 'running').length;
  const completed = current.filter(({ status }) => status.state === 'complete').length;
  if (mode.kind === 'replicated-job') {
    return `${running}/${mode.maxConcurrent} (${completed}/${mode.totalCompletions} completed)`;
  }
  if (mode.kind === 'global-job') {
    const wanted = current.filter(
      ({ status, desiredState }) => desiredState === 'complete' && status.state !== 'complete',
    ).length;
    return `${running}/${wanted} (${completed}/${wanted + completed} completed)`;
  }
  const desired =
    mode.kind === 'replicated'
      ? mode.replicas
      : tasks.filter(({ desiredState }) => desiredState === 'running').length;
  const { maxReplicas } = task.placement;
  const suffix =
    mode.kind === 'replicated' && maxReplicas > 0 ? ` (max ${maxReplicas} per node)` : '';
  return `${running}/${desired}${suffix}`;
}

/** `*:8080->80/tcp`; neighbours on both sides are one range. */
export function portsText(ports: readonly PortConfig[]): string {
  const sorted = [...ports].sort((a, b) =>
    a.protocol === b.protocol
      ? a.publishedPort - b.publishedPort
      : a.protocol < b.protocol
        ? -1
        : 1,
  );
  const texts: string[] = [];
  let range: PortRange | null = null;
  for (const port of sorted) {
    if (port.publishMode !== 'ingress') continue;
    if (range !== null && continues(range, port)) {
      range.lastPublished = port.publishedPort;
      range.lastTarget = port.targetPort;
      continue;
    }
    if (range !== null) texts.push(rangeText(range));
    range = {
      protocol: port.protocol,
      firstPublished: port.publishedPort,
      lastPublished: port.publishedPort,
      firstTarget: port.targetPort,
      lastTarget: port.targetPort,
    };
  }
  if (range !== null) texts.push(rangeText(range));
  return texts.join(', ');
}

interface PortRange {
  readonly protocol: string;
  readonly firstPublished: number;
  lastPublished: number;
  readonly firstTarget: number;
  lastTarget: number;
}

/** @source docker cli command/service/formatter.go Ports() */
function continues(range: PortRange, port: PortConfig): boolean {
  if (port.protocol !== range.protocol) return false;
  const isFar = port.publishedPort - range.lastPublished > 1;
  const step = port.targetPort - range.lastTarget;
  // Numbers without a sign: a smaller target is far away as well.
  if (isFar || step > 1 || step < 0) return false;
  return !(range.lastTarget !== range.firstTarget && port.targetPort <= range.lastTarget);
}

function rangeText(range: PortRange): string {
  const { firstPublished, lastPublished, firstTarget, lastTarget, protocol } = range;
  const text = (first: number, last: number): string =>
    last > first ? `${first}-${last}` : String(first);
  return `*:${text(firstPublished, lastPublished)}->${text(firstTarget, lastTarget)}/${protocol}`;
}

export const servicePs: CommandSpec = {
  path: 'docker service ps',
  operands: '[OPTIONS] SERVICE [SERVICE...]',
  short: 'List the tasks of one or more services',
  flags: TASK_TABLE_FLAGS,
  count: MANY,
  run(context, line) {
    return readManager(context, (view) => {
      const missing: string[] = [];
      const services: ServiceObject[] = [];
      for (const name of line.operands) {
        try {
          services.push(findService(view.cluster, name));
        } catch (error) {
          if (!(error instanceof DockerError)) throw error;
          if (error.status !== 404) {
            throw new UsageError(`multiple services found with provided prefix: ${name}\n`, 1);
          }
          missing.push(`no such service: ${name}`);
        }
      }
      const tasks = services.flatMap(({ id }) => tasksOfService(view.cluster.store, id));
      if (services.length > 0) writeTasks(context, line, view, tasks);
      if (missing.length > 0) context.writeError(`${missing.join('\n')}\n`);
      return missing.length === 0 ? 0 : 1;
    });
  },
};

export const serviceInspect: CommandSpec = {
  path: 'docker service inspect',
  operands: '[OPTIONS] SERVICE [SERVICE...]',
  short: 'Display detailed information on one or more services',
  flags: [
    { name: 'format', short: 'f', kind: 'string', help: "Format output: 'json' or a Go template" },
    { name: 'pretty', kind: 'bool', help: 'Print the information in a human friendly format' },
  ],
  count: MANY,
  run(context, line) {
    const format = textOf(line, 'format');
    if (has(line, 'pretty') && format !== '') {
      throw new UsageError('--format is incompatible with human friendly format\n', 1);
    }
    return readManager(context, ({ cluster }) => {
      if (has(line, 'pretty') || format === 'pretty') {
        for (const name of line.operands) {
          context.write(servicePretty(cluster, findService(cluster, name)));
        }
        return 0;
      }
      const engine = engineFor(context);
      return inspect(
        context,
        line.operands,
        format,
        (name) => serviceDocument(engine, findService(cluster, name)),
        (error) =>
          missingText(
            error,
            line.operands.find((name) => error.message.includes(` ${name} `)) ?? '',
          ),
      );
    });
  },
};

/** @source docker cli command/service/inspect.go: what is not found is told in the CLI's own words. */
function missingText(error: DockerError, name: string): string {
  if (error.status !== 404) return daemonText(error);
  return `Status: Error: no such service: ${name}, Code: 1\n`;
}

export const serviceRm: CommandSpec = {
  path: 'docker service rm',
  operands: 'SERVICE [SERVICE...]',
  short: 'Remove one or more services',
  aliases: 'docker service rm, docker service remove',
  flags: [],
  count: MANY,
  run: (context, line) =>
    forEachObject(context, line.operands, function* ({ cluster, member, process }, name) {
      yield* removeService(member, process, findService(cluster, name).id);
    }),
};
