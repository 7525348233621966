/** `docker stack ls`, `ps`, `services`, `rm`. @source docker cli command/stack */
import { DockerError } from '../../../docker/engine-record.ts';
import { sleep } from '../../../engine/process.ts';
import { removeConfig, removeSecret } from '../../../swarm/api/files.ts';
import { removeSwarmNetwork } from '../../../swarm/api/networks.ts';
import { removeService } from '../../../swarm/api/services.ts';
import type { Cluster } from '../../../swarm/manager/cluster.ts';
import { tasksOfService } from '../../../swarm/manager/store.ts';
import { stateRank, type TaskObject } from '../../../swarm/objects.ts';
import { NAMESPACE_LABEL } from '../../../topology/compose/stack.ts';
import type { ProgramContext } from '../../program.ts';
import { type CommandSpec, has, listOf, textOf, UsageError } from './command-line.ts';
import { daemonText, readFilters } from './daemon.ts';
import { formatList, type ListFormat } from './docker-format.ts';
import { naturalCompare } from './natural-order.ts';
import { matches, serviceTable } from './service-commands.ts';
import { checkStackName, servicesOfStack } from './stack-deploy.ts';
import { asManager, type ManagerView, readManager } from './swarm-request.ts';
import { TASK_TABLE_FLAGS, writeTasks } from './task-table.ts';

const STACKS: ListFormat = {
  type: 'formatter.stackContext',
  table: '{{.Name}}\t{{.Services}}',
  quiet: '{{.Name}}',
  heads: { Name: 'NAME', Services: 'SERVICES', Orchestrator: 'ORCHESTRATOR' },
};

/** Between two looks at tasks that end. */
const LOOK_NS = 200e6;

export const stackLs: CommandSpec = {
  path: 'docker stack ls',
  operands: '[OPTIONS]',
  short: 'List stacks',
  aliases: 'docker stack ls, docker stack list',
  flags: [
    {
      name: 'format',
      kind: 'string',
      help: "Format output: 'table', 'table TEMPLATE', 'json' or a Go template",
    },
  ],
  count: [0, 0],
  async run(context, line) {
    const counts = await readManager(context, ({ cluster }) => {
      const byName = new Map<string, number>();
      for (const { spec } of cluster.store.services.values()) {
        const name = spec.labels.get(NAMESPACE_LABEL);
        if (name !== undefined) byName.set(name, (byName.get(name) ?? 0) + 1);
      }
      return byName;
    });
    const rows = [...counts]
      .sort(([a], [b]) => naturalCompare(a, b))
      .map(([Name, services]) => ({ Name, Services: String(services), Orchestrator: 'Swarm' }));
    context.write(formatList(STACKS, rows, { format: textOf(line, 'format'), isQuiet: false }));
    return 0;
  },
};

/** Tasks of all services of a stack, those of removed services too while they end. */
function tasksOfStack({ store }: Cluster, namespace: string): TaskObject[] {
  return [...store.tasks.values()].filter(
    ({ spec }) => spec.container.labels.get(NAMESPACE_LABEL) === namespace,
  );
}

export const stackPs: CommandSpec = {
  path: 'docker stack ps',
  operands: '[OPTIONS] STACK',
  short: 'List the tasks in the stack',
  flags: TASK_TABLE_FLAGS,
  count: [1, 1],
  run(context, line) {
    const namespace = line.operands[0]!;
    checkStackName(namespace);
    return readManager(context, (view) => {
      const tasks = servicesOfStack(view.cluster, namespace).flatMap(({ id }) =>
        tasksOfService(view.cluster.store, id),
      );
      if (tasks.length === 0) throw new UsageError(`nothing found in stack: ${namespace}\n`, 1);
      writeTasks(context, line, view, tasks);
      return 0;
    });
  },
};

export const stackServices: CommandSpec = {
  path: 'docker stack services',
  operands: '[OPTIONS] STACK',
  short: 'List the services in the stack',
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
  count: [1, 1],
  run(context, line) {
    const namespace = line.operands[0]!;
    checkStackName(namespace);
    const filters = readFilters(listOf(line, 'filter'), ['id', 'label', 'mode', 'name']);
    const options = { format: textOf(line, 'format'), isQuiet: has(line, 'quiet') };
    return readManager(context, ({ cluster }) => {
      const services = servicesOfStack(cluster, namespace).filter((each) => matches(each, filters));
      if (services.length === 0) context.writeError(`Nothing found in stack: ${namespace}\n`);
      else context.write(serviceTable(cluster, services, options));
      return 0;
    });
  },
};

export const stackRm: CommandSpec = {
  path: 'docker stack rm',
  operands: '[OPTIONS] STACK [STACK...]',
  short: 'Remove one or more stacks',
  aliases: 'docker stack rm, docker stack remove, docker stack down',
  flags: [
    {
      name: 'detach',
      short: 'd',
      kind: 'bool',
      initial: 'true',
      help: 'Do not wait for stack removal',
    },
  ],
  count: [1, Number.POSITIVE_INFINITY],
  async run(context, line) {
    const failed: string[] = [];
    for (const namespace of line.operands) {
      checkStackName(namespace);
      const isGone = await removeStack(context, namespace);
      if (!isGone) failed.push(namespace);
      else if (textOf(line, 'detach') === 'false') await waitForTasks(context, namespace);
    }
    for (const name of failed) {
      context.writeError(`Failed to remove some resources from stack: ${name}\n`);
    }
    return failed.length === 0 ? 0 : 1;
  },
};

/** One thing of a stack that goes. */
interface Part {
  readonly kind: 'service' | 'secret' | 'config' | 'network';
  readonly id: string;
  readonly name: string;
}

const REMOVERS = {
  service: removeService,
  secret: removeSecret,
  config: removeConfig,
  network: removeSwarmNetwork,
} as const;

function partsOf({ cluster }: ManagerView, namespace: string): Part[] {
  const { store } = cluster;
  const isOf = ({ labels }: { readonly labels: ReadonlyMap<string, string> }): boolean =>
    labels.get(NAMESPACE_LABEL) === namespace;
  const services = servicesOfStack(cluster, namespace)
    .map(({ id, spec }) => ({ kind: 'service' as const, id, name: spec.name }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const named = (
    kind: Part['kind'],
    items: Iterable<{ id: string; name: string; labels: ReadonlyMap<string, string> }>,
  ) => [...items].filter(isOf).map(({ id, name }) => ({ kind, id, name }));
  return [
    ...services,
    ...named('secret', store.secrets.values()),
    ...named('config', store.configs.values()),
    ...named('network', store.networks.values()),
  ];
}

async function removeStack(context: ProgramContext, namespace: string): Promise<boolean> {
  const parts = await readManager(context, (view) => partsOf(view, namespace));
  if (parts.length === 0) context.writeError(`Nothing found in stack: ${namespace}\n`);
  let isGone = true;
  for (const { kind, id, name } of parts) {
    context.write(`Removing ${kind} ${name}\n`);
    try {
      await asManager(context, ({ member, process }) => REMOVERS[kind](member, process, id));
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      context.writeError(`Failed to remove ${kind} ${id}: ${daemonText(error)}`);
      isGone = false;
    }
  }
  return isGone;
}

async function waitForTasks(context: ProgramContext, namespace: string): Promise<void> {
  await asManager(context, function* ({ cluster, process }) {
    const isEnding = ({ status }: TaskObject): boolean =>
      stateRank(status.state) <= stateRank('running');
    while (process.signal === null && tasksOfStack(cluster, namespace).some(isEnding)) {
      yield* sleep(process, LOOK_NS);
    }
  });
}
