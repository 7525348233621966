/** The prompt's side of a session: runs lines one after the other in one shell. */
import { NetsimError } from '../base/errors.ts';
import { splitWords } from '../base/split-words.ts';
import type { Container } from '../docker/engine-record.ts';
import { findInCatalogue } from '../docker/image-catalogue.ts';
import { argvOf, endMain } from '../docker/main-process.ts';
import { runOn } from '../engine/simulator.ts';
import { makeShell } from '../shell/bash.ts';
import { enterShell, interrupt, leaveShell, VIRTUAL_TIME_MAX_NS } from '../shell/driver.ts';
import { shellOfMachine } from '../shell/machine-shell.ts';
import {
  type CommandLine,
  has,
  readCommandLine,
  textOf,
  UsageError,
} from '../shell/programs/docker/command-line.ts';
import { runCommand } from '../shell/programs/docker/run.ts';
import { PROGRAMS } from '../shell/programs/index.ts';
import { execute, GROUP_VARIABLE, type Library, type Shell } from '../shell/shell.ts';
import { findMachine, readSshArguments } from '../shell/ssh.ts';
import { makeTerminal } from '../shell/terminal.ts';
import type { Machine } from '../world/machine.ts';
import { printError } from './error-text.ts';
import {
  containersOf,
  findContainer,
  findPlace,
  namesOfPlaces,
  type Place,
  placeOfContainer,
  placeOfName,
} from './place.ts';
import type { Session } from './session.ts';

export interface Prompt {
  /** Runs one line (or several that belong together). */
  run(text: string): Promise<'next' | 'exit'>;
  /** Runs lines in the place of this name, `''` for the first. @throws NetsimError if there is none. */
  runAt(placeName: string, text: string): Promise<void>;
  /** Whether the text needs another line: an open quote, a loop without done. */
  isUnfinished(text: string): boolean;
  /** Ends what runs. */
  interrupt(): void;
  complete(line: string): [string[], string];
  /** `overlay:c1# `, or `node1$ ` in a Docker world. */
  text(topologyName: string): string;
  exitCode(): number;
}

/** Where the output of a prompt's commands goes. */
export interface PromptOutput {
  write(text: string): void;
  writeError(text: string): void;
}

/** Somebody's seat at a machine: what goes on from line to line. */
interface Seat {
  readonly machine: Machine;
  readonly shell: Shell;
  env: Record<string, string>;
  cwd: string;
}

/** Main processes at whose prompt one sits after attaching. */
const ATTACHABLE = /^(\S*\/)?(ba|da|a|z)?sh$/;

/** A place, and the container whose shell one leaves with it. */
interface Visit extends Place {
  readonly leave: Container | null;
}

interface State {
  readonly session: Session;
  readonly output: PromptOutput;
  /** The first machine's. */
  readonly shell: Shell;
  readonly seats: Map<Machine, Seat>;
  /** Where `exit` leads back to; the last one is where lines run. */
  readonly places: Visit[];
  exitCode: number;
}

/** A prompt that starts where commands without `ip netns exec` run. */
export async function openPrompt(session: Session, output?: PromptOutput): Promise<Prompt> {
  const { world, machine, surroundings, options } = session;
  const show = (write: (text: string) => void) => (piece: string) => {
    session.output += piece;
    if (!options.isJson) write(piece);
  };
  const state: State = {
    session,
    output: output ?? {
      write: show(surroundings.write),
      writeError: show(surroundings.writeError),
    },
    shell: await makeShell(world, machine, session.host),
    seats: new Map(),
    places: [{ machine, netns: machine.root, leave: null }],
    exitCode: 0,
  };
  return {
    run: (text) => runLine(state, text),
    runAt: (name, text) =>
      executeIn(state, name === '' ? placeOf(state) : findPlace(session, name), text),
    isUnfinished: (text) => isUnfinished(state.shell.library, text),
    interrupt: () => interrupt(state.shell.driver),
    complete: (line) => complete(state, line),
    text: (name) => promptText(state, name),
    exitCode: () => state.exitCode,
  };
}

/** `exit` at the prompt of a container's main process: it ends with the code of the last command. */
async function endShell(state: State, container: Container): Promise<void> {
  runOn(state.session.world.sim, container.machine.cpu, () => endMain(container, state.exitCode));
  await executeIn(state, placeOf(state), `docker wait ${container.id} > /dev/null 2>&1`);
}

function placeOf({ places }: State): Place {
  return places.at(-1)!;
}

/** In a Docker world the machine's name; else the topology's, with the namespace. */
function promptText(state: State, topologyName: string): string {
  const { machine, netns } = placeOf(state);
  const isRoot = netns === machine.root;
  if (state.session.world.machines.size === 1) {
    return `${topologyName}:${isRoot ? '' : netns.name}# `;
  }
  if (machine.host !== null) return `${machine.name}# `;
  return isRoot ? `${machine.name}$ ` : `${machine.name}:${netns.name}# `;
}

async function runLine(state: State, text: string): Promise<'next' | 'exit'> {
  const { session, places } = state;
  // The prompt of a lab's text in front: `node1$ docker ps`.
  const line = text.trim().replace(/^([\w.-]+)[$#]\s+/, '$1 ');
  const words = line.split(/\s+/);
  if (words[0] === 'exit' || words[0] === 'logout') {
    if (words[1] !== undefined) state.exitCode = Number(words[1]) & 255;
    if (places.length === 1 || words[0] === 'logout') return 'exit';
    const { leave } = places.pop()!;
    if (leave !== null) await endShell(state, leave);
    return 'next';
  }
  const next = placeToEnter(state, words);
  if (next !== undefined) {
    if (next !== null) places.push({ ...next, leave: null });
    return 'next';
  }
  if (await attach(state, line)) return 'next';
  const background = interactiveRun(line);
  if (background !== null) {
    await enterNewContainer(state, background);
    return 'next';
  }
  // A namespace's or a machine's name in front: `c1 ping ...`.
  const named = words.length > 1 ? placeInFront(session, words[0]!) : null;
  if (named !== null) {
    const nested = placeToEnter(state, words.slice(1));
    if (nested !== undefined) {
      if (nested !== null) places.push({ ...nested, leave: null });
      return 'next';
    }
    await executeIn(state, named, line.slice(words[0]!.length));
  } else await executeIn(state, placeOf(state), text);
  return 'next';
}

/** Names of namespaces and machines; containers are reached by `docker exec`, or by `enter`. */
function placeInFront(session: Session, name: string): Place | null {
  const { world, machine } = session;
  const isPlace = machine.namespaces.has(name) || world.machines.has(name);
  return isPlace && world.machines.size + machine.namespaces.size > 1
    ? placeOfName(session, name)
    : null;
}

/**
 * The place to which a line leads that opens a shell of its own: `enter c1`, `ssh node2`,
 * `docker exec -it c1 bash`; null if there is no such place, undefined for any other line.
 */
function placeToEnter(state: State, words: readonly string[]): Place | null | undefined {
  const { session } = state;
  if (words[0] === 'enter' && words.length === 2) {
    const place = enter(state, words[1]!);
    if (place !== null) state.places.length = 1;
    return place;
  }
  if (words[0] === 'ssh') {
    const read = readSshArguments(words.slice(1));
    if ('error' in read || read.text !== '') return undefined;
    const machine = findMachine(session.world, read.host);
    return machine === null ? undefined : { machine, netns: machine.root };
  }
  const container =
    /^docker (?:container )?exec (?:-\w+ |--\w+ )+(\S+) (?:\/bin\/)?(?:ba|a)?sh$/.exec(
      words.join(' '),
    );
  if (container === null || !/ -\w*i| --interactive/.test(container[0])) return undefined;
  const found = findContainer(containersOf(placeOf(state).machine), container[1]!);
  // An image of busybox has no bash: the command itself says so.
  if (found?.image.hasBusybox === true && container[0].endsWith('bash')) return undefined;
  return placeOfContainer(found) ?? undefined;
}

/** `docker attach` and `docker start -ai`: the prompt of a container whose process is a shell. */
async function attach(state: State, line: string): Promise<boolean> {
  const match = /^docker (?:container )?(attach|start) ((?:-\S+ )*)([\w.-]+)$/.exec(line);
  if (match === null) return false;
  const [, verb, options = '', name = ''] = match;
  if (verb === 'start' && !(/ -\w*a| --attach/.test(` ${options}`) && /-\w*i/.test(options))) {
    return false;
  }
  const container = findContainer(containersOf(placeOf(state).machine), name);
  if (container === null || !ATTACHABLE.test(argvOf(container)[0] ?? '')) return false;
  if (!container.spec.isTty && !container.spec.isInteractive) return false;
  if (verb === 'start') await executeIn(state, placeOf(state), `docker start ${name} > /dev/null`);
  const place = placeOfContainer(container);
  if (place === null) return false;
  state.places.push({ ...place, leave: container });
  return true;
}

/** `docker run -it` of a shell (named, or the image's own) as the same in the background; else null. */
function interactiveRun(line: string): string | null {
  const match = /^docker (?:container )?run (.*)$/.exec(line);
  if (match === null || /[;&|<>`$]/.test(line)) return null;
  let read: CommandLine;
  try {
    read = readCommandLine(runCommand, splitWords(match[1]!));
  } catch (error) {
    if (error instanceof UsageError) return null; // the command says what is wrong
    throw error;
  }
  const isPrompt = has(read, 'interactive') && has(read, 'tty') && !has(read, 'detach');
  if (!isPrompt) return null;
  const [image = '', ...command] = read.operands;
  const entrypoint = textOf(read, 'entrypoint');
  const known = findInCatalogue(image.replace(/[:@].*$/, ''));
  const own = [...(known?.entrypoint ?? []), ...(known?.command ?? [])];
  const words = entrypoint !== '' ? [entrypoint, ...command] : command.length > 0 ? command : own;
  const isShell = ATTACHABLE.test(words[0] ?? '') && words.slice(1).every((each) => each === '-l');
  return isShell ? line.replace(/ run /, ' run -d ') : null;
}

/** Starts a container whose shell is the prompt from now on; `exit` ends it. */
async function enterNewContainer(state: State, text: string): Promise<void> {
  const { machine } = placeOf(state);
  const before = new Set(containersOf(machine));
  await executeIn(state, placeOf(state), `${text} > /dev/null`);
  const container = containersOf(machine).find((each) => !before.has(each)) ?? null;
  const place = placeOfContainer(container);
  if (container === null || place === null) return;
  state.places.push({ ...place, leave: container });
}

function enter(state: State, name: string): Place | null {
  const place = placeOfName(state.session, name);
  if (place === null) {
    state.output.writeError(`netsim: there is no namespace "${name}"\n`);
    state.exitCode = 1;
  }
  return place;
}

function seatAt(state: State, machine: Machine): Seat {
  let seat = state.seats.get(machine);
  if (seat === undefined) {
    const shell = shellOfMachine(state.shell, machine);
    shell.sink = makeTerminal(shell, { fileName: null, ...state.output });
    const cwd = machine.host === null ? '/srv' : '/';
    seat = { machine, shell, env: { [GROUP_VARIABLE]: '0' }, cwd };
    state.seats.set(machine, seat);
  }
  return seat;
}

async function executeIn(state: State, place: Place, text: string): Promise<void> {
  const { session, output } = state;
  const seat = seatAt(state, place.machine);
  const { shell } = seat;
  shell.driver.deadlineNs = session.world.sim.nowNs + VIRTUAL_TIME_MAX_NS;
  enterShell(shell.driver);
  try {
    const env = { ...seat.env, '?': String(state.exitCode) };
    const rest = { env, cwd: seat.cwd, stdin: '', isTerminal: true };
    // The library starts each text with $? = 0.
    const before = text.includes('$?') ? `(exit ${state.exitCode}); ` : '';
    const result = await execute(shell, place.netns, before + text, rest);
    state.exitCode = result.exitCode;
    seat.env = result.env;
    seat.cwd = result.env.PWD ?? seat.cwd;
    output.write(result.stdout);
    output.writeError(result.stderr);
    const { failure } = shell;
    shell.failure = null;
    if (failure !== null) throw failure;
  } catch (error) {
    if (!(error instanceof NetsimError)) throw error;
    printError(error, output);
    state.exitCode = 2;
  } finally {
    leaveShell(shell.driver);
    // What ended this line does not end those that follow.
    if (shell.abort.signal.aborted) shell.abort = new AbortController();
  }
}

/** Whether bash would ask for another line: something is open at the end of the text. */
export function isUnfinished(library: Library, text: string): boolean {
  if (/(^|[^\\])(\\\\)*\\$/.test(text) || /(&&|\|\|?)\s*$/.test(text)) return true;
  const hereDocument = /<<-?\s*(['"]?)(\w+)\1/.exec(text);
  if (hereDocument !== null && !text.split('\n').slice(1).includes(hereDocument[2]!)) return true;
  try {
    library.parse(text);
    return false;
  } catch (error) {
    const message = String(error);
    // "then" without "fi" is told as an unexpected token behind the last letter.
    const column = Number(/ at \d+:(\d+):/.exec(message)?.[1] ?? 0);
    const lastLine = text.split('\n').at(-1) ?? '';
    return message.includes('EOF') || column > lastLine.length;
  }
}

const BUILTINS = ['echo', 'cat', 'cd', 'ls', 'for', 'while', 'if', 'exit', 'enter', 'grep', 'seq'];

function complete(state: State, line: string): [string[], string] {
  const word = /\S*$/.exec(line)?.[0] ?? '';
  const isFirst = line.trim() === word;
  const namespaces = namesOfPlaces(state.session);
  const devices = [...placeOf(state).netns.deviceByName.keys()];
  const programs = [...PROGRAMS.map(({ name }) => name), ...BUILTINS].sort();
  const names = isFirst ? [...programs, ...namespaces] : [...namespaces, ...devices];
  const found = names.filter((name) => name.startsWith(word));
  return [found.map((name) => `${name} `), word];
}
