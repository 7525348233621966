/** `docker node ls`, `inspect`, `ps`, `update`, `promote`, `demote`, `rm`. @source docker cli command/node */
import { DockerError } from '../../../docker/engine-record.ts';
import { removeNode, updateNode } from '../../../swarm/api/nodes.ts';
import { tasksOfNode } from '../../../swarm/manager/store.ts';
import type { NodeAvailability, NodeObject, NodeRole, TaskObject } from '../../../swarm/objects.ts';
import type { ProgramContext } from '../../program.ts';
import {
  type CommandLine,
  type CommandSpec,
  has,
  listOf,
  textOf,
  UsageError,
} from './command-line.ts';
import { daemonText, engineFor, fits, fitsAll, hasLabel, readFilters } from './daemon.ts';
import { formatList, type ListFormat, type Row } from './docker-format.ts';
import { inspect } from './inspect.ts';
import { naturalCompare } from './natural-order.ts';
import { pairsOf } from './network-create.ts';
import { nodeDocument, nodePretty } from './node-document.ts';
import {
  asManager,
  capitalised,
  findNode,
  type ManagerView,
  readManager,
} from './swarm-request.ts';
import { TASK_TABLE_FLAGS, writeTasks } from './task-table.ts';

const MANY = [1, Number.POSITIVE_INFINITY] as const;

const NODES: ListFormat = {
  type: 'node.nodeContext',
  table:
    '{{.ID}} {{if .Self}}*{{else}} {{ end }}\t{{.Hostname}}\t{{.Status}}\t{{.Availability}}\t{{.ManagerStatus}}\t{{.EngineVersion}}',
  quiet: '{{.ID}}',
  heads: {
    ID: 'ID',
    Self: '',
    Hostname: 'HOSTNAME',
    Status: 'STATUS',
    Availability: 'AVAILABILITY',
    ManagerStatus: 'MANAGER STATUS',
    EngineVersion: 'ENGINE VERSION',
    TLSStatus: 'TLS STATUS',
  },
};

const NODE_FILTERS = ['id', 'label', 'node.label', 'engine.label', 'membership', 'name', 'role'];

export const nodeLs: CommandSpec = {
  path: 'docker node ls',
  operands: '[OPTIONS]',
  short: 'List nodes in the swarm',
  aliases: 'docker node ls, docker node list',
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
    const filters = readFilters(listOf(line, 'filter'), NODE_FILTERS);
    const rows = await readManager(context, ({ cluster, member }) =>
      [...cluster.store.nodes.values()]
        .filter((node) => matches(node, filters))
        .sort((a, b) => naturalCompare(a.description.hostname, b.description.hostname))
        .map((node) => rowOf(node, member.nodeId)),
    );
    const options = { format: textOf(line, 'format'), isQuiet: has(line, 'quiet') };
    context.write(formatList(NODES, rows, options));
    return 0;
  },
};

function matches(node: NodeObject, filters: ReadonlyMap<string, readonly string[]>): boolean {
  const { spec, description } = node;
  return (
    fits(filters, 'id', (value) => node.id.startsWith(value)) &&
    fits(filters, 'name', (value) => description.hostname.startsWith(value)) &&
    fits(filters, 'role', (value) => spec.role === value) &&
    fits(filters, 'membership', (value) => value === 'accepted') &&
    fitsAll(filters, 'node.label', (value) => hasLabel(spec.labels, value)) &&
    fitsAll(filters, 'label', (value) => hasLabel(description.engineLabels, value)) &&
    fitsAll(filters, 'engine.label', (value) => hasLabel(description.engineLabels, value))
  );
}

function rowOf(node: NodeObject, ownId: string): Row {
  const { managerStatus, description } = node;
  return {
    ID: node.id,
    Self: node.id === ownId,
    Hostname: description.hostname,
    Status: capitalised(node.status.state),
    Availability: capitalised(node.spec.availability),
    ManagerStatus:
      managerStatus === null
        ? ''
        : capitalised(managerStatus.isLeader ? 'leader' : managerStatus.reachability),
    EngineVersion: description.engineVersion,
    TLSStatus: 'Ready',
  };
}

export const nodeInspect: CommandSpec = {
  path: 'docker node inspect',
  operands: '[OPTIONS] self|NODE [NODE...]',
  short: 'Display detailed information on one or more nodes',
  flags: [
    { name: 'format', short: 'f', kind: 'string', help: "Format output: 'json' or a Go template" },
    { name: 'pretty', kind: 'bool', help: 'Print the information in a human friendly format' },
  ],
  count: MANY,
  async run(context, line) {
    const isPretty = has(line, 'pretty') || textOf(line, 'format') === 'pretty';
    if (has(line, 'pretty') && textOf(line, 'format') !== '') {
      throw new UsageError('--format is incompatible with human friendly format\n', 1);
    }
    return readManager(context, (view) => {
      const engine = engineFor(context);
      if (!isPretty) {
        return inspect(context, line.operands, textOf(line, 'format'), (name) =>
          nodeDocument(engine, view.cluster, findNode(view, name)),
        );
      }
      for (const name of line.operands) {
        context.write(nodePretty(engine, view.cluster, findNode(view, name)));
      }
      return 0;
    });
  },
};

export const nodePs: CommandSpec = {
  path: 'docker node ps',
  operands: '[OPTIONS] [NODE...]',
  short: 'List tasks running on one or more nodes, defaults to current node',
  flags: TASK_TABLE_FLAGS,
  count: [0, Number.POSITIVE_INFINITY],
  run(context, line) {
    return readManager(context, (view) => {
      const names = line.operands.length === 0 ? ['self'] : line.operands;
      const tasks: TaskObject[] = [];
      const problems: string[] = [];
      for (const name of names) {
        try {
          const all = tasksOfNode(view.cluster.store, findNode(view, name).id);
          tasks.push(...all.filter(({ serviceId }) => serviceId !== ''));
        } catch (error) {
          if (!(error instanceof DockerError)) throw error;
          problems.push(daemonText(error));
        }
      }
      if (problems.length === 0 || tasks.length > 0) writeTasks(context, line, view, tasks);
      context.writeError(problems.join(''));
      return problems.length === 0 ? 0 : 1;
    });
  },
};

type Change = (node: NodeObject) => NodeObject['spec'] | null;

/** Changes nodes one after the other; null: this one needs no change. */
async function updateNodes(
  context: ProgramContext,
  names: readonly string[],
  change: Change,
  told: (name: string) => string,
): Promise<number> {
  for (const name of names) {
    const isChanged = await asManager(context, function* (view) {
      const node = findNode(view, name);
      const spec = change(node);
      if (spec === null) return false;
      yield* updateNode(view.member, view.process, node.id, node.versionIndex, spec);
      return true;
    });
    if (isChanged) context.write(`${told(name)}\n`);
  }
  return 0;
}

export const nodeUpdate: CommandSpec = {
  path: 'docker node update',
  operands: '[OPTIONS] NODE',
  short: 'Update a node',
  flags: [
    {
      name: 'availability',
      kind: 'string',
      help: 'Availability of the node ("active", "pause", "drain")',
    },
    { name: 'label-add', kind: 'list', help: 'Add or update a node label ("key=value")' },
    { name: 'label-rm', kind: 'list', help: 'Remove a node label if exists' },
    { name: 'role', kind: 'string', help: 'Role of the node ("worker", "manager")' },
  ],
  count: [1, 1],
  run(context, line) {
    return updateNodes(context, line.operands, (node) => changed(node, line), String);
  },
};

function changed({ spec }: NodeObject, line: CommandLine): NodeObject['spec'] {
  const labels = new Map([...spec.labels, ...pairsOf(listOf(line, 'label-add'))]);
  for (const key of listOf(line, 'label-rm')) {
    if (labels.delete(key)) continue;
    throw new UsageError(`key ${key} doesn't exist in node's labels\n`, 1);
  }
  const { role, availability } = spec;
  return {
    labels,
    role: line.values.has('role') ? roleOf(textOf(line, 'role')) : role,
    availability: line.values.has('availability')
      ? availabilityOf(textOf(line, 'availability'))
      : availability,
  };
}

/** @source moby daemon/cluster/convert/node.go NodeSpecToGRPC() */
function roleOf(text: string): NodeRole {
  if (text === 'worker' || text === 'manager') return text;
  throw new DockerError(400, `invalid Role: ${JSON.stringify(text)}`);
}

function availabilityOf(text: string): NodeAvailability {
  if (text === 'active' || text === 'pause' || text === 'drain') return text;
  throw new DockerError(400, `invalid Availability: ${JSON.stringify(text)}`);
}

export const nodePromote: CommandSpec = {
  path: 'docker node promote',
  operands: 'NODE [NODE...]',
  short: 'Promote one or more nodes to manager in the swarm',
  flags: [],
  count: MANY,
  run: (context, line) => changeRole(context, line, 'manager'),
};

export const nodeDemote: CommandSpec = {
  path: 'docker node demote',
  operands: 'NODE [NODE...]',
  short: 'Demote one or more nodes from manager in the swarm',
  flags: [],
  count: MANY,
  run: (context, line) => changeRole(context, line, 'worker'),
};

function changeRole(context: ProgramContext, line: CommandLine, role: NodeRole): Promise<number> {
  const change: Change = ({ id, spec }) => {
    if (spec.role !== role) return { ...spec, role };
    context.write(`Node ${id} is already a ${role}.\n`);
    return null;
  };
  return updateNodes(context, line.operands, change, (name) =>
    role === 'manager'
      ? `Node ${name} promoted to a manager in the swarm.`
      : `Manager ${name} demoted in the swarm.`,
  );
}

export const nodeRm: CommandSpec = {
  path: 'docker node rm',
  operands: '[OPTIONS] NODE [NODE...]',
  short: 'Remove one or more nodes from the swarm',
  aliases: 'docker node rm, docker node remove',
  flags: [{ name: 'force', short: 'f', kind: 'bool', help: 'Force remove a node from the swarm' }],
  count: MANY,
  run: (context, line) =>
    forEachObject(context, line.operands, function* (view, name) {
      const node = findNode(view, name);
      yield* removeNode(view.member, view.process, node.id, { isForced: has(line, 'force') });
    }),
};

/** Does something to each of several objects, and prints the names of those that it went well with. */
export async function forEachObject(
  context: ProgramContext,
  names: readonly string[],
  act: (view: ManagerView, name: string) => Generator<void, void, void>,
): Promise<number> {
  const problems: string[] = [];
  for (const name of names) {
    try {
      await asManager(context, (view) => act(view, name));
      context.write(`${name}\n`);
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      problems.push(daemonText(error));
    }
  }
  context.writeError(problems.join(''));
  return problems.length === 0 ? 0 : 1;
}
