/**
 * The main process of a container: a server that its image stands for, a `sleep`, or a command line
 * that the shell runs.
 */
import type { Program } from '../engine/process.ts';
import { kill, type Process, type Signal, sleep, spawn, waitFor, wake } from '../engine/process.ts';
import { timeNs } from '../engine/simulator.ts';
import { addDaemon } from '../world/machine.ts';
import { type Container, type DockerEngine, DockerError } from './engine-record.ts';
import { environmentOf } from './environment.ts';
import { writeLog } from './logs.ts';
import { portsOf, serveImage } from './main-server.ts';

type Body = (process: Process) => Program;

const SHELLS = new Set(['sh', 'bash', 'ash', 'zsh', 'dash', 'login']);
const UNITS_SEC: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** The words of its command line: entrypoint and command, of its own or of its image. */
export function argvOf({ spec, image }: Pick<Container, 'spec' | 'image'>): string[] {
  const { entrypoint, command } = spec;
  if (entrypoint !== null) return [...entrypoint, ...command];
  return [...image.config.entrypoint, ...(command.length > 0 ? command : image.config.command)];
}

/**
 * Starts it; `onEnd` gets its exit code.
 * @throws DockerError 400 if there is no such program.
 */
export function startMain(
  engine: DockerEngine,
  container: Container,
  onEnd: (exitCode: number) => void,
): void {
  const { machine, netns } = container;
  const argv = argvOf(container);
  container.wantedExit = null;
  container.mainCommand = null;
  container.obeysStop = false;
  const body = bodyOf(engine, container, argv);
  const process = spawn(engine.world.sim, machine.cpu, argv.join(' '), body);
  container.main = process;
  machine.nextPid = 1;
  if (netns !== null) addDaemon(machine, process, netns, argv.join(' '));
  process.onExit.push(onEnd);
}

/** Ends an idle main process (an interactive shell that was left) with an exit code. */
export function endMain(container: Container, exitCode: number): void {
  container.wantedExit = exitCode;
  wake(container.waiters);
}

/** Sends a signal to the main process; being process 1, most ignore all that they have no handler for. */
export function signalMain(container: Container, signal: Signal): void {
  const { main, mainCommand } = container;
  if (main === null) return;
  if (signal === 'SIGKILL') {
    mainCommand?.signal('SIGKILL');
    kill(main, 'SIGKILL');
  } else if (container.obeysStop) kill(main, signal);
  else if (signal === 'SIGINT') mainCommand?.signal('SIGINT');
}

function bodyOf(engine: DockerEngine, container: Container, argv: readonly string[]): Body {
  const { image, spec } = container;
  const [program = '', ...args] = argv;
  const name = program.replace(/^.*\//, '');
  if (isOfImage(engine, container)) {
    if (image.behaviour.kind === 'hello') return greet(engine, container);
    if (image.behaviour.kind !== 'shell') {
      container.obeysStop = !isBareHttpd(argv);
      return serveImage(engine, container, portsOf(container));
    }
  }
  if (name === 'sleep' && args.length > 0) {
    const seconds = args.map(secondsOf);
    if (!seconds.includes(null)) {
      return sleeper(
        container,
        seconds.reduce<number>((sum, each) => sum + (each ?? 0), 0),
      );
    }
  }
  if (name === 'bash' && container.image.hasBusybox) {
    throw new DockerError(400, notFoundText(argv[0] ?? ''));
  }
  const isEndless = name === 'tail' && args.includes('-f') && args.includes('/dev/null');
  // A shell that somebody may type into waits for that.
  const isPrompt = SHELLS.has(name) && args.every((each) => each === '-l' || each === '-i');
  if (isEndless || (isPrompt && (spec.isTty || spec.isInteractive))) return idler(container);
  if (isPrompt) return leaver();
  return runCommand(engine, container, argv);
}

/** Whether it runs what the image was made for, and no program of the shell. */
function isOfImage(engine: DockerEngine, container: Container): boolean {
  const { spec, image } = container;
  if (image.behaviour.kind === 'shell') return false;
  const [entry] = spec.entrypoint ?? [];
  if (entry !== undefined && entry !== '') {
    // A script that the user brought, or a program that only the user's image has.
    const isOwnFile = entry.includes('/') && !/^\/(usr\/)?(local\/)?s?bin\//.test(entry);
    const isKnown = engine.commandRunner?.hasCommand(container, entry) === true;
    return !isKnown && !SHELLS.has(entry) && (image.isUnknown || isOwnFile);
  }
  const [word] = spec.command;
  if (word === undefined || word.startsWith('-')) return true;
  const own = image.config.command[0] ?? image.config.entrypoint[0];
  if (word === own) return true;
  const bare = word.replace(/^.*\//, '');
  if (bare === 'sleep' || bare === 'tail' || SHELLS.has(bare)) return false;
  return engine.commandRunner?.hasCommand(container, word) !== true;
}

/** busybox's server has no handlers for signals: as process 1 it ignores them. */
function isBareHttpd([program, ...args]: readonly string[]): boolean {
  return program === 'httpd' && args.includes('-f');
}

function greet(engine: DockerEngine, container: Container): Body {
  return function* hello(process) {
    yield* sleep(process, 1);
    const text =
      '\nHello from Docker!\nThis message shows that your installation appears to be working correctly.\n\n';
    writeLog(engine, container, 'stdout', text);
    return 0;
  };
}

function* untilEnd(process: Process, container: Container, untilNs: number): Program<boolean> {
  for (;;) {
    process.signal = null; // ignored: it is process 1
    const restNs = untilNs - timeNs(process.sim);
    if (restNs <= 0) return false;
    if (yield* waitFor(process, [container.waiters], () => container.wantedExit !== null, restNs)) {
      return true;
    }
  }
}

function idler(container: Container): Body {
  return function* idle(process) {
    yield* untilEnd(process, container, Number.POSITIVE_INFINITY);
    return container.wantedExit ?? 0;
  };
}

function sleeper(container: Container, seconds: number): Body {
  return function* sleepOn(process) {
    const untilNs = timeNs(process.sim) + Math.round(seconds * 1e9);
    yield* untilEnd(process, container, untilNs);
    return 0;
  };
}

/** A shell without input ends at once. */
function leaver(): Body {
  return function* leave(process) {
    yield* sleep(process, 1);
    return 0;
  };
}

function secondsOf(word: string): number | null {
  if (word === 'infinity' || word === 'inf') return Number.POSITIVE_INFINITY;
  const match = /^(\d+(?:\.\d*)?|\.\d+)([smhd]?)$/.exec(word);
  return match === null ? null : Number(match[1]) * (UNITS_SEC[match[2] || 's'] ?? 1);
}

/** The shell's programs; the process that stands for it here ends with it. */
function runCommand(engine: DockerEngine, container: Container, argv: readonly string[]): Body {
  const runner = engine.commandRunner;
  const [program = ''] = argv;
  if (runner === null || !runner.hasCommand(container, program)) {
    throw new DockerError(400, notFoundText(program));
  }
  return function* follow(process) {
    const running = runner.start(container, {
      argv,
      environment: environmentOf(engine, container, []),
      workingDir: container.spec.workingDir || '/',
      stdin: '',
      netns: null,
      isTty: container.spec.isTty,
      write: (text) => writeLog(engine, container, 'stdout', text),
      writeError: (text) => writeLog(engine, container, 'stderr', text),
    });
    container.mainCommand = running;
    running.onExit.push((exitCode) => endMain(container, exitCode));
    while (running.exitCode === null) {
      process.signal = null;
      yield* waitFor(process, [container.waiters], () => running.exitCode !== null);
    }
    return running.exitCode;
  };
}

/** @source moby daemon/start.go; opencontainers/runc libcontainer */
function notFoundText(program: string): string {
  const why = program.includes('/')
    ? `stat ${program}: no such file or directory`
    : 'executable file not found in $PATH';
  return `failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "${program}": ${why}: unknown`;
}
