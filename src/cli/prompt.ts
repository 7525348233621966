/** The prompt's side of a session: runs lines one after the other in one shell. */
import { NetsimError } from '../base/errors.ts';
import { makeShell } from '../shell/bash.ts';
import { enterShell, interrupt, leaveShell, VIRTUAL_TIME_MAX_NS } from '../shell/driver.ts';
import { PROGRAMS } from '../shell/programs/index.ts';
import { execute, GROUP_VARIABLE, type Shell } from '../shell/shell.ts';
import { makeTerminal } from '../shell/terminal.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { printError } from './error-text.ts';
import type { Session } from './session.ts';

export interface Prompt {
  /** Runs one line (or several that belong together). */
  run(text: string): Promise<'next' | 'exit'>;
  /** Whether the text needs another line: an open quote, a loop without done. */
  isUnfinished(text: string): boolean;
  /** Ends what runs. */
  interrupt(): void;
  complete(line: string): [string[], string];
  /** `overlay:c1# ` */
  text(topologyName: string): string;
  exitCode(): number;
}

interface State {
  readonly session: Session;
  readonly shell: Shell;
  netns: NetNamespace;
  env: Record<string, string>;
  cwd: string;
  exitCode: number;
}

/** A prompt that starts where commands without `ip netns exec` run. */
export async function openPrompt(session: Session): Promise<Prompt> {
  const shell = await makeShell(session.world, session.machine, session.host);
  const { surroundings, options } = session;
  const show = (write: (text: string) => void) => (piece: string) => {
    session.output += piece;
    if (!options.isJson) write(piece);
  };
  shell.sink = makeTerminal(shell, {
    fileName: null,
    write: show(surroundings.write),
    writeError: show(surroundings.writeError),
  });
  const state: State = {
    session,
    shell,
    netns: session.machine.root,
    env: { [GROUP_VARIABLE]: '0' },
    cwd: '/srv',
    exitCode: 0,
  };
  return {
    run: (text) => runLine(state, text),
    isUnfinished: (text) => isUnfinished(shell, text),
    interrupt: () => interrupt(shell.driver),
    complete: (line) => complete(state, line),
    text: (name) => `${name}:${state.netns === session.machine.root ? '' : state.netns.name}# `,
    exitCode: () => state.exitCode,
  };
}

async function runLine(state: State, text: string): Promise<'next' | 'exit'> {
  const { machine } = state.session;
  const words = text.trim().split(/\s+/);
  if (words[0] === 'exit' || words[0] === 'logout') {
    if (words[1] !== undefined) state.exitCode = Number(words[1]) & 255;
    if (state.netns === machine.root || words[0] === 'logout') return 'exit';
    state.netns = machine.root;
    return 'next';
  }
  if (words[0] === 'enter' && words.length === 2) {
    enter(state, words[1]!);
    return 'next';
  }
  // A namespace's name in front: `c1 ping ...`.
  const named = machine.namespaces.get(words[0]!);
  if (named !== undefined && words.length > 1) {
    await executeIn(state, named, text.trim().slice(words[0]!.length));
  } else await executeIn(state, state.netns, text);
  return 'next';
}

function enter(state: State, name: string): void {
  const { machine, surroundings } = state.session;
  const netns = name === machine.name ? machine.root : machine.namespaces.get(name);
  if (netns === undefined) {
    surroundings.writeError(`netsim: there is no namespace "${name}"\n`);
    state.exitCode = 1;
  } else state.netns = netns;
}

async function executeIn(state: State, netns: NetNamespace, text: string): Promise<void> {
  const { shell, session } = state;
  const { surroundings } = session;
  shell.driver.deadlineNs = session.world.sim.nowNs + VIRTUAL_TIME_MAX_NS;
  enterShell(shell.driver);
  try {
    const env = { ...state.env, '?': String(state.exitCode) };
    const rest = { env, cwd: state.cwd, stdin: '', isTerminal: true };
    const result = await execute(shell, netns, text, rest);
    state.exitCode = result.exitCode;
    state.env = result.env;
    state.cwd = result.env.PWD ?? state.cwd;
    surroundings.write(result.stdout);
    surroundings.writeError(result.stderr);
    const { failure } = shell;
    shell.failure = null;
    if (failure instanceof NetsimError) throw failure;
    if (failure !== null) throw failure;
  } catch (error) {
    if (!(error instanceof NetsimError)) throw error;
    printError(error, surroundings);
    state.exitCode = 2;
  } finally {
    leaveShell(shell.driver);
  }
}

/** Whether bash would ask for another line: something is open at the end of the text. */
function isUnfinished(shell: Shell, text: string): boolean {
  if (/(^|[^\\])(\\\\)*\\$/.test(text) || /(&&|\|\|?)\s*$/.test(text)) return true;
  const hereDocument = /<<-?\s*(['"]?)(\w+)\1/.exec(text);
  if (hereDocument !== null && !text.split('\n').slice(1).includes(hereDocument[2]!)) return true;
  try {
    shell.library.parse(text);
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
  const namespaces = [...state.session.machine.namespaces.keys()];
  const devices = [...state.netns.deviceByName.keys()];
  const programs = [...PROGRAMS.map(({ name }) => name), ...BUILTINS].sort();
  const names = isFirst ? [...programs, ...namespaces] : [...namespaces, ...devices];
  const found = names.filter((name) => name.startsWith(word));
  return [found.map((name) => `${name} `), word];
}
