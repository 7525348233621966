/** `docker top` and `docker stats`. @source docker cli command/container/top.go, stats.go */

import { findContainer } from '../../../docker/container-create.ts';
import { legsOf } from '../../../docker/endpoint.ts';
import { type Container, type DockerEngine, DockerError } from '../../../docker/engine-record.ts';
import { type CommandSpec, has, textOf } from './command-line.ts';
import { attempt, engineFor } from './daemon.ts';
import { formatList, type ListFormat } from './docker-format.ts';
import { binarySize, humanSize } from './duration-text.ts';

const MANY = [1, Number.POSITIVE_INFINITY] as const;

export const topCommand: CommandSpec = {
  path: 'docker top',
  operands: 'CONTAINER [ps OPTIONS]',
  short: 'Display the running processes of a container',
  aliases: 'docker container top, docker top',
  flags: [],
  count: MANY,
  stopsAtOperand: true,
  run(context, line) {
    const engine = engineFor(context);
    const container = attempt(context, () => runningContainer(engine, line.operands[0]!));
    if (container === null) return 1;
    const heads = ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'];
    const rows = container.machine.daemons.map(({ pid, command }) => [
      'root',
      String(pid === 1 ? container.pid : container.pid + pid),
      String(container.pid - 1),
      '0',
      '00:00',
      container.spec.isTty ? 'pts/0' : '?',
      '00:00:00',
      command,
    ]);
    // Columns of twenty: the table of `top` is older than the others.
    const text = [heads, ...rows].map((cells) =>
      cells.map((cell, at) => (at === cells.length - 1 ? cell : cell.padEnd(20))).join(''),
    );
    context.write(text.map((each) => `${each}\n`).join(''));
    return 0;
  },
};

function runningContainer(engine: DockerEngine, reference: string): Container {
  const container = findContainer(engine, reference);
  if (container.main === null) {
    throw new DockerError(409, `container ${container.id} is not running`);
  }
  return container;
}

const STATS: ListFormat = {
  type: 'container.statsContext',
  table:
    '{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}',
  quiet: '{{.ID}}',
  heads: {
    ID: 'CONTAINER ID',
    Container: 'CONTAINER',
    Name: 'NAME',
    CPUPerc: 'CPU %',
    MemUsage: 'MEM USAGE / LIMIT',
    MemPerc: 'MEM %',
    NetIO: 'NET I/O',
    BlockIO: 'BLOCK I/O',
    PIDs: 'PIDS',
  },
};

/** Memory that a container seems to use; nothing of it is emulated. */
const MEMORY_USED_BYTES = 1_500_000;
const MEMORY_BYTES = 23.54 * 1024 ** 3;

export const statsCommand: CommandSpec = {
  path: 'docker stats',
  operands: '[OPTIONS] [CONTAINER...]',
  short: 'Display a live stream of container(s) resource usage statistics',
  aliases: 'docker container stats, docker stats',
  flags: [
    {
      name: 'all',
      short: 'a',
      kind: 'bool',
      help: 'Show all containers (default shows just running)',
    },
    {
      name: 'format',
      kind: 'string',
      help: "Format output: 'table', 'table TEMPLATE', 'json' or a Go template",
    },
    {
      name: 'no-stream',
      kind: 'bool',
      help: 'Disable streaming stats and only pull the first result',
    },
    { name: 'no-trunc', kind: 'bool', help: 'Do not truncate output' },
  ],
  count: [0, Number.POSITIVE_INFINITY],
  run(context, line) {
    const engine = engineFor(context);
    const containers = attempt(context, () =>
      line.operands.length > 0
        ? line.operands.map((name) => findContainer(engine, name))
        : [...engine.containers.values()].filter((each) => has(line, 'all') || each.main !== null),
    );
    if (containers === null) return 1;
    const rows = containers.map((each) => statsRow(each, has(line, 'no-trunc')));
    context.write(formatList(STATS, rows, { format: textOf(line, 'format'), isQuiet: false }));
    if (!has(line, 'no-stream')) {
      context.writeError(
        'docker: stats without --no-stream is not emulated by netsim: shown once\n',
      );
    }
    return 0;
  },
};

function statsRow(container: Container, isWhole: boolean) {
  let received = 0;
  let sent = 0;
  for (const { containerDevice } of legsOf(container)) {
    received += containerDevice?.rxBytes ?? 0;
    sent += containerDevice?.txBytes ?? 0;
  }
  const isAlive = container.main !== null;
  const used = isAlive ? MEMORY_USED_BYTES : 0;
  const limit = isAlive ? MEMORY_BYTES : 0;
  return {
    ID: isWhole ? container.id : container.id.slice(0, 12),
    Container: container.id.slice(0, 12),
    Name: container.name,
    CPUPerc: '0.00%',
    MemUsage: `${binarySize(used)} / ${binarySize(limit)}`,
    MemPerc: `${(limit === 0 ? 0 : (used / limit) * 100).toFixed(2)}%`,
    NetIO: `${humanSize(received)} / ${humanSize(sent)}`,
    BlockIO: '0B / 0B',
    PIDs: String(isAlive ? 1 + container.execs.size : 0),
  };
}
