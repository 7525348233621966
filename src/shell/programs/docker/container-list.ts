/** `docker ps`. @source docker cli command/formatter/container.go; moby daemon/list.go */

import { findContainer } from '../../../docker/container-create.ts';
import type { Container, DockerEngine } from '../../../docker/engine-record.ts';
import { findImage } from '../../../docker/images.ts';
import { argvOf } from '../../../docker/main-process.ts';
import { timeNs } from '../../../engine/simulator.ts';
import { type CommandLine, type CommandSpec, has, listOf, textOf } from './command-line.ts';
import {
  engineFor,
  fits,
  fitsAll,
  hasLabel,
  labelsText,
  matchesName,
  readFilters,
} from './daemon.ts';
import { formatList, type ListFormat, type Row } from './docker-format.ts';
import { goTime, humanDuration } from './duration-text.ts';
import { quote } from './go-printf.ts';
import { exposedPortsOf, portsOf, portsText } from './port-text.ts';

/** Columns of COMMAND unless `--no-trunc`. */
const COMMAND_LENGTH_MAX = 20;

const CONTAINERS: ListFormat = {
  type: 'formatter.ContainerContext',
  table: '{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}',
  quiet: '{{.ID}}',
  heads: {
    ID: 'CONTAINER ID',
    Names: 'NAMES',
    Image: 'IMAGE',
    Command: 'COMMAND',
    CreatedAt: 'CREATED AT',
    RunningFor: 'CREATED',
    Ports: 'PORTS',
    State: 'STATE',
    Status: 'STATUS',
    Size: 'SIZE',
    Labels: 'LABELS',
    Mounts: 'MOUNTS',
    LocalVolumes: 'LOCAL VOLUMES',
    Networks: 'NETWORKS',
  },
};

const FILTERS = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
];

const STATUSES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];

export const psCommand: CommandSpec = {
  path: 'docker ps',
  operands: '[OPTIONS]',
  short: 'List containers',
  aliases: 'docker container ls, docker container list, docker container ps, docker ps',
  flags: [
    {
      name: 'all',
      short: 'a',
      kind: 'bool',
      help: 'Show all containers (default shows just running)',
    },
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
    {
      name: 'last',
      short: 'n',
      kind: 'int',
      initial: '-1',
      help: 'Show n last created containers (includes all states)',
    },
    {
      name: 'latest',
      short: 'l',
      kind: 'bool',
      help: 'Show the latest created container (includes all states)',
    },
    { name: 'no-trunc', kind: 'bool', help: "Don't truncate output" },
    { name: 'quiet', short: 'q', kind: 'bool', help: 'Only display container IDs' },
    { name: 'size', short: 's', kind: 'bool', help: 'Display total file sizes' },
  ],
  count: [0, 0],
  run(context, line) {
    const engine = engineFor(context);
    const format = textOf(line, 'format');
    const isQuiet = has(line, 'quiet');
    const rows = select(engine, line).map((each) => rowOf(engine, each, has(line, 'no-trunc')));
    if (isQuiet && format !== '') {
      context.writeError(
        'WARNING: Ignoring custom format, because both --format and --quiet are set.\n',
      );
    }
    const list = has(line, 'size')
      ? { ...CONTAINERS, table: `${CONTAINERS.table}\t{{.Size}}` }
      : CONTAINERS;
    context.write(formatList(list, rows, { format: isQuiet ? '' : format, isQuiet }));
    return 0;
  },
};

/** The containers that the options name, newest first. */
function select(engine: DockerEngine, line: CommandLine): Container[] {
  const filters = readFilters(listOf(line, 'filter'), FILTERS);
  const last = has(line, 'latest') ? 1 : Number(textOf(line, 'last'));
  const isAll = has(line, 'all') || last > 0 || filters.has('status') || filters.has('exited');
  const found = [...engine.containers.values()]
    .reverse()
    .filter((each) => isAll || isAlive(each))
    .filter((each) => matches(engine, each, filters));
  return last > 0 ? found.slice(0, last) : found;
}

function isAlive({ status }: Container): boolean {
  return status === 'running' || status === 'paused' || status === 'restarting';
}

type Filters = ReadonlyMap<string, readonly string[]>;

function matches(engine: DockerEngine, container: Container, filters: Filters): boolean {
  const { spec, status, image } = container;
  const order = [...engine.containers.keys()];
  const at = (reference: string): number => order.indexOf(findContainer(engine, reference).id);
  const own = order.indexOf(container.id);
  return (
    fits(filters, 'id', (value) => container.id.startsWith(value)) &&
    fits(
      filters,
      'name',
      (value) => matchesName(value, `/${container.name}`) || matchesName(value, container.name),
    ) &&
    fits(filters, 'status', (value) => STATUSES.includes(value) && status === value) &&
    fits(
      filters,
      'exited',
      (value) => status === 'exited' && container.exitCode === Number(value),
    ) &&
    fitsAll(filters, 'label', (value) => hasLabel(spec.labels, value)) &&
    fits(filters, 'ancestor', (value) => findImage(engine, value)?.id === image.id) &&
    fits(filters, 'network', (value) => isOnNetwork(engine, container, value)) &&
    fits(filters, 'publish', (value) => hasPort(container, value, true)) &&
    fits(filters, 'expose', (value) => hasPort(container, value, false)) &&
    fits(filters, 'before', (value) => own < at(value)) &&
    fits(filters, 'since', (value) => own > at(value)) &&
    fits(filters, 'health', (value) => value === 'none') &&
    fits(filters, 'is-task', (value) => value === 'false') &&
    fits(filters, 'volume', () => false)
  );
}

function isOnNetwork(engine: DockerEngine, { networks }: Container, value: string): boolean {
  return [...networks.keys()].some((name) => {
    const network = [...engine.networks.values()].find((each) => each.name === name);
    return name === value || (value !== '' && network?.id.startsWith(value) === true);
  });
}

function hasPort(container: Container, value: string, isPublished: boolean): boolean {
  const [range = '', protocol = 'tcp'] = value.split('/');
  const [first = 0, last = first] = range.split('-').map(Number);
  const isIn = (each: { port: number; protocol: string }): boolean =>
    each.protocol === protocol && each.port >= first && each.port <= last;
  return isPublished
    ? portsOf(container).some(
        (each) => each.host !== null && isIn({ ...each, port: each.hostPort }),
      )
    : exposedPortsOf(container).some(isIn);
}

function rowOf(engine: DockerEngine, container: Container, isWhole: boolean): Row {
  const { spec, networks } = container;
  const command = commandText(container);
  const createdNs = Math.floor(container.createdNs / 1e9) * 1e9;
  const names = [...networks.keys()].sort();
  return {
    ID: isWhole ? container.id : container.id.slice(0, 12),
    Names: container.name,
    Image: spec.image,
    Command: quote(isWhole ? command : ellipsis(command, COMMAND_LENGTH_MAX)),
    CreatedAt: goTime(engine.world.epochS, createdNs),
    RunningFor: `${humanDuration(timeNs(engine.world.sim) - createdNs)} ago`,
    Ports: portsText(engine, container),
    State: container.status,
    Status: statusText(engine, container),
    Size: '0B',
    Labels: labelsText(spec.labels),
    Mounts: '',
    LocalVolumes: '0',
    Networks: names.join(','),
    Label: { kind: 'function', call: ([name]) => spec.labels.get(String(name)) ?? '' },
  };
}

/** @source moby daemon/list.go: an argument with a blank gets quotes */
function commandText(container: Container): string {
  const [path = '', ...args] = argvOf(container);
  return [path, ...args.map((arg) => (arg.includes(' ') ? `'${arg}'` : arg))].join(' ');
}

/** At most `length` characters, the last of them a sign for those left out. */
export function ellipsis(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

/** The STATUS column. @source moby container/state.go String() */
export function statusText(engine: DockerEngine, container: Container): string {
  const nowNs = timeNs(engine.world.sim);
  const since = (timeAtNs: number | null): string => humanDuration(nowNs - (timeAtNs ?? nowNs));
  switch (container.status) {
    case 'running':
      return `Up ${since(container.startedNs)}`;
    case 'paused':
      return `Up ${since(container.startedNs)} (Paused)`;
    case 'restarting':
      return `Restarting (${container.exitCode}) ${since(container.finishedNs)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'created':
      return 'Created';
    case 'exited':
      return `Exited (${container.exitCode}) ${since(container.finishedNs)} ago`;
  }
}
