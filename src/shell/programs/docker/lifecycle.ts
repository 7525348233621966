/** `docker start`, `stop`, `restart`, `kill`, `pause`, `unpause`, `rm`, `rename`, `wait`, `container prune`. */
import {
  findContainer,
  pruneContainers,
  removeContainer,
  renameContainer,
} from '../../../docker/container-create.ts';
import {
  pauseContainer,
  startContainer,
  unpauseContainer,
} from '../../../docker/container-start.ts';
import {
  killContainer,
  restartContainer,
  stopContainer,
  waitContainer,
} from '../../../docker/container-stop.ts';
import { type Container, type DockerEngine, DockerError } from '../../../docker/engine-record.ts';
import { attachOutput } from '../../../docker/logs.ts';
import type { Process, Program } from '../../../engine/process.ts';
import type { ProgramContext } from '../../program.ts';
import { type CommandSpec, type FlagSpec, has, textOf, UsageError } from './command-line.ts';
import { attempt, daemonText, engineFor, forEach } from './daemon.ts';
import { isConfirmed } from './network-commands.ts';
import { waitForContainer } from './running.ts';
import { attachSwarmNetworks } from './swarm-attach.ts';

const MANY = [1, Number.POSITIVE_INFINITY] as const;

/** Seconds that `stop` waits before it kills. */
const GRACE_SEC = '10';

/** Lets a generator of the engine run as a process of the client; errors come back as such. */
async function takeTime(
  context: ProgramContext,
  act: (process: Process) => Program<void>,
): Promise<void> {
  let refusal: DockerError | null = null;
  await context.run('docker', function* (process) {
    try {
      yield* act(process);
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      refusal = error;
    }
    return 0;
  });
  if (refusal !== null) throw refusal;
}

export const startCommand: CommandSpec = {
  path: 'docker start',
  operands: '[OPTIONS] CONTAINER [CONTAINER...]',
  short: 'Start one or more stopped containers',
  aliases: 'docker container start, docker start',
  flags: [
    { name: 'attach', short: 'a', kind: 'bool', help: 'Attach STDOUT/STDERR and forward signals' },
    {
      name: 'detach-keys',
      kind: 'string',
      help: 'Override the key sequence for detaching a container',
    },
    { name: 'interactive', short: 'i', kind: 'bool', help: "Attach container's STDIN" },
  ],
  count: MANY,
  async run(context, line) {
    const engine = engineFor(context);
    if (has(line, 'attach') || has(line, 'interactive')) {
      if (line.operands.length > 1) {
        throw new UsageError('you cannot start and attach multiple containers at once\n', 1);
      }
      return startAttached(context, engine, line.operands[0]!);
    }
    const failed: string[] = [];
    for (const name of line.operands) {
      if (await startOne(context, engine, name)) context.write(`${name}\n`);
      else failed.push(name);
    }
    if (failed.length === 0) return 0;
    context.writeError(`Error: failed to start containers: ${failed.join(', ')}\n`);
    return 1;
  },
};

/** @returns whether it went well; stderr says why not. */
async function startOne(
  context: ProgramContext,
  engine: DockerEngine,
  name: string,
): Promise<boolean> {
  try {
    const container = findContainer(engine, name);
    await attachSwarmNetworks(context, engine, container);
    context.kernel(() => startContainer(engine, container));
    return true;
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    context.writeError(daemonText(error));
    return false;
  }
}

async function startAttached(
  context: ProgramContext,
  engine: DockerEngine,
  name: string,
): Promise<number> {
  const container = attempt(context, () => findContainer(engine, name));
  if (container === null) return 1;
  const detach = attachOutput(container, (stream, text) =>
    stream === 'stdout' ? context.write(text) : context.writeError(text),
  );
  const isStarted = await startOne(context, engine, container.id);
  const exitCode = isStarted ? await waitForContainer(context, engine, container) : 1;
  detach();
  return exitCode;
}

function stopping(name: 'stop' | 'restart', short: string, act: typeof stopContainer): CommandSpec {
  return {
    path: `docker ${name}`,
    operands: '[OPTIONS] CONTAINER [CONTAINER...]',
    short,
    aliases: `docker container ${name}, docker ${name}`,
    flags: [
      {
        name: 'signal',
        short: 's',
        kind: 'string',
        help: 'Signal to send to the container',
        isIgnored: true,
      },
      {
        name: 'time',
        short: 't',
        kind: 'int',
        initial: GRACE_SEC,
        help: 'Seconds to wait before killing the container',
      },
    ],
    count: MANY,
    run(context, line) {
      const engine = engineFor(context);
      const graceSec = Number(textOf(line, 'time'));
      return forEach(context, line.operands, async (reference) => {
        const container = findContainer(engine, reference);
        await takeTime(context, (process) => act(process, engine, container, graceSec));
      });
    },
  };
}

export const stopCommand = stopping('stop', 'Stop one or more running containers', stopContainer);
export const restartCommand = stopping(
  'restart',
  'Restart one or more containers',
  restartContainer,
);

export const killCommand: CommandSpec = {
  path: 'docker kill',
  operands: '[OPTIONS] CONTAINER [CONTAINER...]',
  short: 'Kill one or more running containers',
  aliases: 'docker container kill, docker kill',
  flags: [{ name: 'signal', short: 's', kind: 'string', help: 'Signal to send to the container' }],
  count: MANY,
  run(context, line) {
    const engine = engineFor(context);
    const signal = textOf(line, 'signal') || 'KILL';
    return forEach(context, line.operands, (name) =>
      context.kernel(() => killContainer(engine, findContainer(engine, name), signal)),
    );
  },
};

function simple(
  name: string,
  short: string,
  act: (engine: DockerEngine, container: Container) => void,
): CommandSpec {
  return {
    path: `docker ${name}`,
    operands: 'CONTAINER [CONTAINER...]',
    short,
    aliases: `docker container ${name}, docker ${name}`,
    flags: [],
    count: MANY,
    run(context, line) {
      const engine = engineFor(context);
      return forEach(context, line.operands, (reference) =>
        context.kernel(() => act(engine, findContainer(engine, reference))),
      );
    },
  };
}

export const pauseCommand = simple(
  'pause',
  'Pause all processes within one or more containers',
  pauseContainer,
);
export const unpauseCommand = simple(
  'unpause',
  'Unpause all processes within one or more containers',
  unpauseContainer,
);

export const rmCommand: CommandSpec = {
  path: 'docker rm',
  operands: '[OPTIONS] CONTAINER [CONTAINER...]',
  short: 'Remove one or more containers',
  aliases: 'docker container rm, docker container remove, docker rm',
  flags: [
    {
      name: 'force',
      short: 'f',
      kind: 'bool',
      help: 'Force the removal of a running container (uses SIGKILL)',
    },
    { name: 'link', short: 'l', kind: 'bool', help: 'Remove the specified link', isIgnored: true },
    {
      name: 'volumes',
      short: 'v',
      kind: 'bool',
      help: 'Remove anonymous volumes associated with the container',
    },
  ],
  count: MANY,
  run(context, line) {
    const engine = engineFor(context);
    const errors: string[] = [];
    for (const name of line.operands) {
      try {
        const container = findContainer(engine, name);
        context.kernel(() => removeContainer(engine, container, has(line, 'force')));
        context.write(`${name}\n`);
      } catch (error) {
        if (!(error instanceof DockerError)) throw error;
        if (has(line, 'force') && error.status === 404) context.writeError(daemonText(error));
        else errors.push(daemonText(error));
      }
    }
    context.writeError(errors.join(''));
    return errors.length === 0 ? 0 : 1;
  },
};

export const renameCommand: CommandSpec = {
  path: 'docker rename',
  operands: 'CONTAINER NEW_NAME',
  short: 'Rename a container',
  aliases: 'docker container rename, docker rename',
  flags: [],
  count: [2, 2],
  run(context, line) {
    const engine = engineFor(context);
    const [before = '', after = ''] = line.operands;
    try {
      context.kernel(() => renameContainer(engine, findContainer(engine, before), after));
      return 0;
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      context.writeError(`${daemonText(error)}Error: failed to rename container named ${before}\n`);
      return 1;
    }
  },
};

export const waitCommand: CommandSpec = {
  path: 'docker wait',
  operands: 'CONTAINER [CONTAINER...]',
  short: 'Block until one or more containers stop, then print their exit codes',
  aliases: 'docker container wait, docker wait',
  flags: [],
  count: MANY,
  async run(context, line) {
    const engine = engineFor(context);
    let result = 0;
    for (const name of line.operands) {
      const container = attempt(context, () => findContainer(engine, name));
      if (container === null) {
        result = 1;
        continue;
      }
      let exitCode = 0;
      await context.run('docker', function* (process) {
        exitCode = yield* waitContainer(process, container);
        return 0;
      });
      context.write(`${exitCode}\n`);
    }
    return result;
  },
};

/** Options of every `prune`. */
export const PRUNE_FLAGS: readonly FlagSpec[] = [
  {
    name: 'filter',
    kind: 'list',
    placeholder: 'filter',
    help: 'Provide filter values (e.g. "until=<timestamp>")',
    isIgnored: true,
  },
  { name: 'force', short: 'f', kind: 'bool', help: 'Do not prompt for confirmation' },
];

export const containerPrune: CommandSpec = {
  path: 'docker container prune',
  operands: '[OPTIONS]',
  short: 'Remove all stopped containers',
  flags: PRUNE_FLAGS,
  count: [0, 0],
  run(context, line) {
    const engine = engineFor(context);
    if (!isConfirmed(context, line, 'WARNING! This will remove all stopped containers.')) return 0;
    const ids = context.kernel(() => pruneContainers(engine));
    if (ids.length > 0) {
      context.write(`Deleted Containers:\n${ids.map((id) => `${id}\n`).join('')}\n`);
    }
    context.write('Total reclaimed space: 0B\n');
    return 0;
  },
};
