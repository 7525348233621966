/**
 * Runs command lines in containers: what the engine (src/docker) asks the shell for. Each command
 * gets a shell of its own on the container's machine, which computes when nobody else does.
 */
import type {
  CommandRunner,
  Container,
  ContainerCommand,
  RunningCommand,
} from '../docker/engine-record.ts';
import { kill, type Signal, spawn } from '../engine/process.ts';
import { runOn } from '../engine/simulator.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { refusalOf } from './capabilities.ts';
import { beginShell, leaveShell } from './driver.ts';
import { PROGRAMS } from './programs/index.ts';
import { callCommand } from './run-program.ts';
import { execute, GROUP_VARIABLE, type Io, killGroup, type Shell } from './shell.ts';
import { SHELL_PROGRAMS } from './shell-programs.ts';
import { makeTerminal } from './terminal.ts';

/** How a shell begins that may not execute a file. */
const SHELL_REFUSAL = 'bash: /';

const SHELLS: ReadonlySet<string> = new Set(['sh', 'bash', 'ash', 'dash']);

/** Programs that do nothing that the network sees until a signal ends them. */
const IDLE: ReadonlySet<string> = new Set(['top', 'htop', 'watch']);

const SIGNAL_CODES: Readonly<Record<Signal, number>> = {
  SIGINT: 130,
  SIGTERM: 143,
  SIGKILL: 137,
};

/** A runner whose commands run beside the shell `base`. */
export function makeCommandRunner(base: Shell): CommandRunner {
  const known = new Set<string>([
    ...PROGRAMS.map(({ name }) => name),
    ...base.library.getCommandNames(),
    ...SHELL_PROGRAMS.map(({ name }) => name),
    ...SHELLS,
    ...IDLE,
  ]);
  return {
    hasCommand: ({ image }, name) =>
      known.has(baseName(name)) && !(image.hasBusybox && baseName(name) === 'bash'),
    start(container, command) {
      const netns = command.netns ?? container.netns;
      if (netns === null) throw new Error(`container ${container.name} has no namespace`);
      return isIdle(command)
        ? startIdle(container, command, netns)
        : startShell(base, container, command, netns);
    },
  };
}

function baseName(name: string): string {
  return /^\/(?:usr\/)?(?:local\/)?s?bin\/([^/]+)$/.exec(name)?.[1] ?? name;
}

/** A shell at a terminal to which nobody types, `tail -f`, `cat` at a terminal. */
function isIdle({ argv, isTty, stdin }: ContainerCommand): boolean {
  const [name = '', ...args] = argv;
  const program = baseName(name);
  const hasOperand = args.some((word) => !word.startsWith('-'));
  if (SHELLS.has(program)) return isTty && stdin === '' && !hasOperand && !args.includes('-c');
  if (program === 'cat') return isTty && stdin === '' && !hasOperand;
  if (program === 'tail') return args.some((word) => /^-[fF]$|^--follow/.test(word));
  return IDLE.has(program);
}

interface Running extends RunningCommand {
  exitCode: number | null;
}

function finish(running: Running, exitCode: number): void {
  if (running.exitCode !== null) return;
  running.exitCode = exitCode;
  for (const listener of running.onExit) listener(exitCode);
}

function startIdle(
  container: Container,
  command: ContainerCommand,
  netns: NetNamespace,
): RunningCommand {
  const { sim } = container.machine.world;
  const process = spawn(sim, netns.cpu, command.argv.join(' '), function* (self) {
    while (self.signal === null) yield;
    return SIGNAL_CODES[self.signal];
  });
  const running: Running = {
    exitCode: null,
    onExit: [],
    signal: (signal) => kill(process, signal),
  };
  process.onExit.push((exitCode) => finish(running, exitCode));
  return running;
}

function startShell(
  base: Shell,
  container: Container,
  command: ContainerCommand,
  netns: NetNamespace,
): RunningCommand {
  const shell = shellOf(base, container, command);
  const { sim } = container.machine.world;
  const end = (exitCode: number): void => runOn(sim, netns.cpu, () => finish(running, exitCode));
  const running: Running = {
    exitCode: null,
    onExit: [],
    signal(which) {
      for (const group of [...shell.groups.keys()]) killGroup(shell, group, which);
      if (which !== 'SIGKILL') return;
      shell.abort.abort();
      finish(running, SIGNAL_CODES.SIGKILL);
    },
  };
  beginShell(shell.driver, () => {
    if (running.exitCode !== null) {
      leaveShell(shell.driver);
      return;
    }
    runWords(shell, netns, command)
      .catch((error: unknown) => {
        shell.failure ??= error;
        return 1;
      })
      .then((exitCode) => {
        // What ends a shell that was killed is no failure.
        if (running.exitCode === null) base.failure ??= shell.failure;
        end(exitCode);
        leaveShell(shell.driver);
      });
  });
  return running;
}

function shellOf(base: Shell, container: Container, command: ContainerCommand): Shell {
  const shell: Shell = {
    ...base,
    machine: container.machine,
    isDetached: true,
    bashOf: new Map(),
    sink: null,
    failure: null,
    abort: new AbortController(),
    isNextTerminal: false,
    functions: new Map(),
    jobs: [],
    groups: new Map(),
    nextGroup: 1,
    variablesAtExit: null,
    traps: new Map(),
    lastChunks: [],
    lastProgram: '',
    onRecord: null,
  };
  shell.sink = makeTerminal(shell, {
    fileName: null,
    write: (text) => command.write(text),
    writeError: (text) => command.writeError(text),
  });
  return shell;
}

/** Runs the words: a program at once, `sh -c TEXT` and what else the library knows as a text. */
async function runWords(
  shell: Shell,
  netns: NetNamespace,
  command: ContainerCommand,
): Promise<number> {
  const [name = '', ...args] = command.argv;
  const env = Object.fromEntries(command.environment);
  if (SHELLS.has(baseName(name))) {
    const text = scriptOf(args, command.stdin);
    if (text !== null) {
      const options = { cwd: command.workingDir, stdin: text.stdin, isTerminal: true };
      const parameters = Object.fromEntries(text.rest.map((word, at) => [String(at), word]));
      const names = [...command.environment.keys()].filter((each) => /^[A-Za-z_]\w*$/.test(each));
      const exported = names.length === 0 ? '' : `export ${names.join(' ')}; `;
      const result = await execute(shell, netns, exported + text.text, {
        env: { ...env, ...parameters, [GROUP_VARIABLE]: '0' },
        ...options,
      });
      command.write(result.stdout);
      command.writeError(result.stderr);
      return result.exitCode;
    }
  }
  const refusal = refusalOf(shell.machine, baseName(name), args);
  if (refusal?.text.startsWith(SHELL_REFUSAL) === true) {
    // No shell is there to say it: what was to become the program does.
    const [, path = name] = /^bash: (\S+):/.exec(refusal.text) ?? [];
    command.writeError(`exec ${path}: operation not permitted\n`);
    return 1;
  }
  return callCommand(shell, netns, command.argv, ioOf(command));
}

interface ScriptText {
  readonly text: string;
  readonly stdin: string;
  /** $0, $1 ... */
  readonly rest: readonly string[];
}

/** The text that `sh -c TEXT` or `sh` with a standard input runs; null for a file. */
function scriptOf(args: readonly string[], stdin: string): ScriptText | null {
  const at = args.findIndex((word) => /^-[a-z]*c$/.test(word));
  if (at >= 0) return { text: args[at + 1] ?? '', stdin, rest: args.slice(at + 2) };
  return args.every((word) => word.startsWith('-')) ? { text: stdin, stdin: '', rest: [] } : null;
}

function ioOf(command: ContainerCommand): Io {
  return {
    stdin: command.stdin,
    cwd: command.workingDir,
    env: command.environment,
    variables: command.environment,
    group: 0,
    assign: () => undefined,
    write: (text) => command.write(text),
    writeError: (text) => command.writeError(text),
    writeBytes: (bytes) => command.write(new TextDecoder().decode(bytes)),
  };
}
