/** `docker run` and `docker create`. @source docker cli command/container/run.go, create.go */
import { createContainer, removeContainer } from '../../../docker/container-create.ts';
import { startExec } from '../../../docker/container-exec.ts';
import { startContainer } from '../../../docker/container-start.ts';
import {
  type Container,
  type ContainerSpec,
  type DockerEngine,
  DockerError,
} from '../../../docker/engine-record.ts';
import { type DockerImage, findImage, pullImage, withTag } from '../../../docker/images.ts';
import { attachOutput } from '../../../docker/logs.ts';
import { argvOf, endMain } from '../../../docker/main-process.ts';
import type { ProgramContext } from '../../program.ts';
import { type CommandLine, type CommandSpec, has, listOf, UsageError } from './command-line.ts';
import { engineFor } from './daemon.ts';
import { CREATE_FLAGS, containerSpecOf, OptionError } from './run-options.ts';
import { waitForCommand, waitForContainer } from './running.ts';
import { attachSwarmNetworks } from './swarm-attach.ts';

/** Exit code of `docker run` when the engine refuses. */
const EXIT_ENGINE = 125;

export const runCommand: CommandSpec = {
  path: 'docker run',
  operands: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  short: 'Create and run a new container from an image',
  aliases: 'docker container run, docker run',
  flags: [
    ...CREATE_FLAGS,
    {
      name: 'detach',
      short: 'd',
      kind: 'bool',
      help: 'Run container in background and print container ID',
    },
  ],
  count: [1, Number.POSITIVE_INFINITY],
  stopsAtOperand: true,
  async run(context, line) {
    const engine = engineFor(context);
    const isDetached = has(line, 'detach');
    if (isDetached && listOf(line, 'attach').length > 0) {
      throw new UsageError('conflicting options: cannot specify both --attach and --detach\n', 1);
    }
    const container = create(context, engine, line, 'run');
    if (container === null) return EXIT_ENGINE;
    return isDetached
      ? runDetached(context, engine, container)
      : runAttached(context, engine, container);
  },
};

export const createCommand: CommandSpec = {
  path: 'docker create',
  operands: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  short: 'Create a new container',
  aliases: 'docker container create, docker create',
  flags: CREATE_FLAGS,
  count: [1, Number.POSITIVE_INFINITY],
  stopsAtOperand: true,
  run(context, line) {
    const container = create(context, engineFor(context), line, 'create');
    if (container === null) return 1;
    context.write(`${container.id}\n`);
    return 0;
  },
};

/** What `run` says of a refusal: `docker: ... .` and, if nothing was made yet, where there is help. */
function report(context: ProgramContext, text: string, helpOf: string | null): void {
  const sentence = `docker: ${text.replace(/\.$/, '')}.\n`;
  context.writeError(helpOf === null ? sentence : `${sentence}See 'docker ${helpOf} --help'.\n`);
}

/** Creates the container, pulling its image first if it is not there; null: stderr has said why. */
function create(
  context: ProgramContext,
  engine: DockerEngine,
  line: CommandLine,
  name: 'run' | 'create',
): Container | null {
  const refuse = (text: string): null => {
    if (name === 'run') report(context, text, name);
    else context.writeError(`${text}\n`);
    return null;
  };
  try {
    const spec = containerSpecOf(line, context.fileSystem, context.env);
    ensureImage(context, engine, spec, has(line, 'quiet'));
    const container = context.kernel(() => createContainer(engine, spec));
    if (spec.networkMode === 'host' && spec.publish.length > 0) {
      const text = 'Published ports are discarded when using host network mode';
      context.writeError(`WARNING: ${text}\n`);
    }
    return container;
  } catch (error) {
    if (error instanceof OptionError) return refuse(error.message);
    if (!(error instanceof DockerError)) throw error;
    return refuse(
      `${error.message.startsWith('invalid reference') ? '' : 'Error response from daemon: '}${error.message}`,
    );
  }
}

function ensureImage(
  context: ProgramContext,
  engine: DockerEngine,
  { image: reference }: ContainerSpec,
  isQuiet: boolean,
): void {
  if (findImage(engine, reference) !== null) return;
  const { image } = context.kernel(() => pullImage(engine, reference));
  if (!isQuiet) {
    context.writeError(`Unable to find image '${withTag(reference)}' locally\n`);
    context.writeError(pullText(image));
  }
  context.writeError(unknownText(image));
}

/** What a pull prints when there is no terminal. */
export function pullText({ repository, tag, digest }: DockerImage): string {
  const path = repository.includes('/') ? repository : `library/${repository}`;
  return `${tag}: Pulling from ${path}\nDigest: ${digest}\nStatus: Downloaded newer image for ${repository}:${tag}\n`;
}

/** Said once of an image that netsim does not know. */
export function unknownText({ isUnknown, repository }: DockerImage): string {
  return isUnknown
    ? `netsim: image "${repository}" is not known: its containers listen on the ports that they expose or publish\n`
    : '';
}

/** @source run.go runStartContainerErr */
function startFailed(context: ProgramContext, error: DockerError): number {
  report(context, `Error response from daemon: ${error.message}`, null);
  if (/executable file not found|no such file or directory/.test(error.message)) return 127;
  return /permission denied/.test(error.message) ? 126 : EXIT_ENGINE;
}

async function start(
  context: ProgramContext,
  engine: DockerEngine,
  container: Container,
): Promise<number> {
  try {
    await attachSwarmNetworks(context, engine, container);
    context.kernel(() => startContainer(engine, container));
    return 0;
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    const exitCode = startFailed(context, error);
    if (container.spec.autoRemove && engine.containers.has(container.id)) {
      context.kernel(() => removeContainer(engine, container, true));
    }
    return exitCode;
  }
}

function runDetached(
  context: ProgramContext,
  engine: DockerEngine,
  container: Container,
): Promise<number> {
  context.write(`${container.id}\n`);
  return start(context, engine, container);
}

async function runAttached(
  context: ProgramContext,
  engine: DockerEngine,
  container: Container,
): Promise<number> {
  const detach = attachOutput(container, (stream, text) =>
    stream === 'stdout' || container.spec.isTty ? context.write(text) : context.writeError(text),
  );
  const failed = await start(context, engine, container);
  if (failed !== 0) {
    detach();
    return failed;
  }
  if (isPrompt(container)) await typeInto(context, engine, container);
  const exitCode = await waitForContainer(context, engine, container);
  detach();
  return exitCode;
}

/** A shell at the terminal: what is on standard input is what the user types. */
function isPrompt(container: Container): boolean {
  const [program = '', ...args] = argvOf(container);
  const isShell = /(^|\/)(ba|a|da)?sh$/.test(program);
  return isShell && container.spec.isInteractive && args.every((word) => /^-[il]$/.test(word));
}

/** Runs the text on standard input in the container, then leaves its shell. */
async function typeInto(
  context: ProgramContext,
  engine: DockerEngine,
  container: Container,
): Promise<void> {
  let exitCode = 0;
  if (context.stdin !== '') {
    const running = context.kernel(() =>
      startExec(engine, container, {
        argv: [argvOf(container)[0]!],
        environment: [],
        workingDir: null,
        user: '',
        stdin: context.stdin,
        isTty: false,
        write: (text) => context.write(text),
        writeError: (text) => context.writeError(text),
      }),
    );
    exitCode = await waitForCommand(context, running, false);
  }
  context.kernel(() => endMain(container, exitCode));
}
