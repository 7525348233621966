/** `docker exec`, `attach`, `logs`, `port`, `top`, `stats`, `container inspect`. */
import { findContainer } from '../../../docker/container-create.ts';
import { ExecFailedError, startExec } from '../../../docker/container-exec.ts';
import {
  type Container,
  type DockerEngine,
  DockerError,
  type LogLine,
  type RunningCommand,
} from '../../../docker/engine-record.ts';
import { attachOutput } from '../../../docker/logs.ts';
import { timeNs } from '../../../engine/simulator.ts';
import type { ProgramContext } from '../../program.ts';
import {
  type CommandLine,
  type CommandSpec,
  has,
  listOf,
  textOf,
  UsageError,
} from './command-line.ts';
import { containerDocument } from './container-document.ts';
import { attempt, daemonText, engineFor } from './daemon.ts';
import { paddedTimestamp, parseGoDuration } from './duration-text.ts';
import { inspect } from './inspect.ts';
import { naturalCompare } from './natural-order.ts';
import { portsOf } from './port-text.ts';
import { SIGNAL_CODES, waitForCommand, waitForContainer } from './running.ts';

const MANY = [1, Number.POSITIVE_INFINITY] as const;

export const execCommand: CommandSpec = {
  path: 'docker exec',
  operands: '[OPTIONS] CONTAINER COMMAND [ARG...]',
  short: 'Execute a command in a running container',
  aliases: 'docker container exec, docker exec',
  flags: [
    {
      name: 'detach',
      short: 'd',
      kind: 'bool',
      help: 'Detached mode: run command in the background',
    },
    {
      name: 'detach-keys',
      kind: 'string',
      help: 'Override the key sequence for detaching a container',
    },
    { name: 'env', short: 'e', kind: 'list', help: 'Set environment variables' },
    {
      name: 'env-file',
      kind: 'list',
      help: 'Read in a file of environment variables',
      isIgnored: true,
    },
    { name: 'interactive', short: 'i', kind: 'bool', help: 'Keep STDIN open even if not attached' },
    { name: 'privileged', kind: 'bool', help: 'Give extended privileges to the command' },
    { name: 'tty', short: 't', kind: 'bool', help: 'Allocate a pseudo-TTY' },
    {
      name: 'user',
      short: 'u',
      kind: 'string',
      help: 'Username or UID (format: "<name|uid>[:<group|gid>]")',
    },
    { name: 'workdir', short: 'w', kind: 'string', help: 'Working directory inside the container' },
  ],
  count: [2, Number.POSITIVE_INFINITY],
  stopsAtOperand: true,
  async run(context, line) {
    const engine = engineFor(context);
    const [name = '', ...argv] = line.operands;
    const isDetached = has(line, 'detach');
    let running: RunningCommand;
    try {
      running = context.kernel(() =>
        startExec(engine, findContainer(engine, name), {
          argv,
          environment: listOf(line, 'env'),
          workingDir: textOf(line, 'workdir') || null,
          user: textOf(line, 'user'),
          stdin: has(line, 'interactive') ? context.stdin : '',
          isTty: has(line, 'tty') && context.stdin !== '',
          write: (text) => (isDetached ? undefined : context.write(text)),
          writeError: (text) => (isDetached ? undefined : writeError(context, line, text)),
        }),
      );
    } catch (error) {
      if (error instanceof ExecFailedError) {
        context.writeError(`${error.message}\n`);
        return error.exitCode;
      }
      if (!(error instanceof DockerError)) throw error;
      context.writeError(daemonText(error));
      return 1;
    }
    return isDetached ? 0 : waitForCommand(context, running, has(line, 'tty'));
  },
};

/** At a pseudo-terminal both streams are one. */
function writeError(context: ProgramContext, line: CommandLine, text: string): void {
  if (has(line, 'tty')) context.write(text);
  else context.writeError(text);
}

export const attachCommand: CommandSpec = {
  path: 'docker attach',
  operands: '[OPTIONS] CONTAINER',
  short: 'Attach local standard input, output, and error streams to a running container',
  aliases: 'docker container attach, docker attach',
  flags: [
    {
      name: 'detach-keys',
      kind: 'string',
      help: 'Override the key sequence for detaching a container',
    },
    { name: 'no-stdin', kind: 'bool', help: 'Do not attach STDIN' },
    {
      name: 'sig-proxy',
      kind: 'bool',
      initial: 'true',
      help: 'Proxy all received signals to the process',
    },
  ],
  count: [1, 1],
  async run(context, line) {
    const engine = engineFor(context);
    const container = attempt(context, () => findContainer(engine, line.operands[0]!));
    if (container === null) return 1;
    const { status } = container;
    if (status === 'paused') {
      throw new UsageError('You cannot attach to a paused container, unpause it first\n', 1);
    }
    if (status === 'restarting') {
      throw new UsageError(
        'You cannot attach to a restarting container, wait until it is running\n',
        1,
      );
    }
    if (status !== 'running') {
      throw new UsageError('You cannot attach to a stopped container, start it first\n', 1);
    }
    const detach = attachOutput(container, (stream, text) =>
      stream === 'stdout' ? context.write(text) : context.writeError(text),
    );
    const exitCode = await waitForContainer(context, engine, container);
    detach();
    return exitCode;
  },
};

export const logsCommand: CommandSpec = {
  path: 'docker logs',
  operands: '[OPTIONS] CONTAINER',
  short: 'Fetch the logs of a container',
  aliases: 'docker container logs, docker logs',
  flags: [
    { name: 'details', kind: 'bool', help: 'Show extra details provided to logs' },
    { name: 'follow', short: 'f', kind: 'bool', help: 'Follow log output' },
    {
      name: 'since',
      kind: 'string',
      help: 'Show logs since timestamp or relative (e.g. "42m" for 42 minutes)',
    },
    {
      name: 'tail',
      short: 'n',
      kind: 'string',
      initial: 'all',
      help: 'Number of lines to show from the end of the logs',
    },
    { name: 'timestamps', short: 't', kind: 'bool', help: 'Show timestamps' },
    {
      name: 'until',
      kind: 'string',
      help: 'Show logs before a timestamp or relative (e.g. "42m" for 42 minutes)',
    },
  ],
  count: [1, 1],
  async run(context, line) {
    const engine = engineFor(context);
    const container = attempt(context, () => findContainer(engine, line.operands[0]!));
    if (container === null) return 1;
    const show = (entry: LogLine): void => {
      const stamp = has(line, 'timestamps')
        ? `${paddedTimestamp(engine.world.epochS, entry.timeNs)} `
        : '';
      if (entry.stream === 'stdout') context.write(stamp + entry.text);
      else context.writeError(stamp + entry.text);
    };
    selectLines(engine, line, container.logs).forEach(show);
    if (!has(line, 'follow') || container.main === null) return 0;
    const detach = attachOutput(container, (stream, text) =>
      show({ timeNs: timeNs(engine.world.sim), stream, text }),
    );
    const exitCode = await waitUntilEnd(context, container);
    detach();
    return exitCode;
  },
};

function selectLines(
  engine: DockerEngine,
  line: CommandLine,
  logs: readonly LogLine[],
): readonly LogLine[] {
  const nowNs = timeNs(engine.world.sim);
  const agoNs = (name: string): number | null => {
    const ns = parseGoDuration(textOf(line, name));
    return ns === null ? null : nowNs - ns;
  };
  const sinceNs = agoNs('since');
  const untilNs = agoNs('until');
  const chosen = logs.filter(
    (entry) =>
      (sinceNs === null || entry.timeNs >= sinceNs) &&
      (untilNs === null || entry.timeNs <= untilNs),
  );
  const tail = Number(textOf(line, 'tail'));
  return Number.isInteger(tail) && tail >= 0 ? chosen.slice(chosen.length - tail) : chosen;
}

function waitUntilEnd(context: ProgramContext, container: Container): Promise<number> {
  return context.run('docker', function* (process) {
    while (container.main !== null && process.signal === null) {
      container.waiters.waiters.push(process);
      yield;
      const at = container.waiters.waiters.indexOf(process);
      if (at >= 0) container.waiters.waiters.splice(at, 1);
    }
    return process.signal === null ? 0 : SIGNAL_CODES[process.signal];
  });
}

export const portCommand: CommandSpec = {
  path: 'docker port',
  operands: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
  short: 'List port mappings or a specific mapping for the container',
  aliases: 'docker container port, docker port',
  flags: [],
  count: [1, 2],
  run(context, line) {
    const engine = engineFor(context);
    const [name = '', wanted] = line.operands;
    const container = attempt(context, () => findContainer(engine, name));
    if (container === null) return 1;
    const published = portsOf(container).filter(({ host }) => host !== null);
    const hostText = (host: string, port: number): string =>
      `${host.includes(':') ? `[${host}]` : host}:${port}`;
    if (wanted === undefined) {
      const lines = published
        .map((each) => `${each.port}/${each.protocol} -> ${hostText(each.host!, each.hostPort)}`)
        .sort(naturalCompare);
      context.write(lines.map((text) => `${text}\n`).join(''));
      return 0;
    }
    const [port = '', protocol = 'tcp'] = wanted.split('/');
    if (!/^\d+$/.test(port) || Number(port) > 65_535) {
      throw new UsageError(
        `Error: invalid port (${port}): strconv.ParseUint: parsing "${port}": invalid syntax\n`,
        1,
      );
    }
    const found = published.filter(
      (each) => each.port === Number(port) && each.protocol === protocol,
    );
    if (found.length === 0) {
      throw new UsageError(`Error: No public port '${wanted}' published for ${name}\n`, 1);
    }
    context.write(found.map((each) => `${hostText(each.host!, each.hostPort)}\n`).join(''));
    return 0;
  },
};

export const containerInspect: CommandSpec = {
  path: 'docker container inspect',
  operands: '[OPTIONS] CONTAINER [CONTAINER...]',
  short: 'Display detailed information on one or more containers',
  flags: [
    { name: 'format', short: 'f', kind: 'string', help: "Format output: 'json' or a Go template" },
    { name: 'size', short: 's', kind: 'bool', help: 'Display total file sizes' },
  ],
  count: MANY,
  run(context, line) {
    const engine = engineFor(context);
    return inspect(context, line.operands, textOf(line, 'format'), (name) =>
      containerDocument(engine, findContainer(engine, name)),
    );
  },
};
