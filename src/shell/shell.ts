/**
 * The emulated shell of a machine: one just-bash for each namespace in which something runs, all
 * with the same files; netsim's programs in place of just-bash's own of the same name.
 * This file has the record and what runs texts; bash.ts makes one.
 */
import type { Bash, ExecResult } from 'just-bash';
import { kill, type Process, type Signal } from '../engine/process.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import type { Machine } from '../world/machine.ts';
import type { World } from '../world/world.ts';
import type { TerminalSink } from './bash-files.ts';
import type { Driver } from './driver.ts';

export type Library = typeof import('just-bash');

/** Variable that tells which group of processes a command belongs to (0: the foreground). */
export const GROUP_VARIABLE = '_netsim_group';

/** Something that a program wrote. */
export interface Chunk {
  readonly fd: 1 | 2;
  readonly text: string;
  /** Not null: bytes instead of text. */
  readonly bytes: Uint8Array | null;
}

/** A running command's surroundings. */
export interface Io {
  readonly stdin: string;
  readonly cwd: string;
  /** Exported variables. */
  readonly env: ReadonlyMap<string, string>;
  /** All variables of the shell. */
  readonly variables: ReadonlyMap<string, string>;
  /** The group that its processes belong to. */
  readonly group: number;
  /** Sets a variable of the shell. */
  assign(name: string, value: string): void;
  write(text: string): void;
  writeError(text: string): void;
  writeBytes(bytes: Uint8Array): void;
}

/** A program that is part of the shell (wait, kill, trap): it sees the shell itself. */
export interface ShellProgramDefinition {
  readonly name: string;
  readonly run: (
    shell: Shell,
    io: Io,
    args: readonly string[],
    netns: NetNamespace,
  ) => Promise<number>;
}

/** A job in the background. */
export interface Job {
  readonly pid: number;
  readonly command: string;
  /** Its group of processes, see GROUP_VARIABLE. */
  readonly group: number;
  exitCode: number | null;
  readonly onEnd: Array<() => void>;
}

export interface Shell {
  readonly world: World;
  readonly machine: Machine;
  readonly driver: Driver;
  /** It belongs to a container: time does not pass for its sake alone. */
  readonly isDetached: boolean;
  readonly library: Library;
  readonly bashOf: Map<NetNamespace, Bash>;
  /** Makes the bash of a namespace; bash.ts. */
  readonly makeBash: (shell: Shell, netns: NetNamespace) => Bash;
  /** Where terminal output goes; null for none. */
  sink: TerminalSink | null;
  /** What ended the whole script: a bound, a bug. */
  failure: unknown;
  /** Ends what runs; a session takes a new one after that. */
  abort: AbortController;
  /** The next text that is parsed writes to the terminal. */
  isNextTerminal: boolean;
  /** Definitions of the functions seen so far, by name: for jobs, traps and later lines of a session. */
  readonly functions: Map<string, string>;
  readonly jobs: Job[];
  readonly groups: Map<number, Set<Process>>;
  nextGroup: number;
  /** All variables at the latest `exit`. */
  variablesAtExit: Record<string, string> | null;
  /** Commands of `trap`, by signal. */
  readonly traps: Map<string, string>;
  /** What the program that ended last wrote, in order: puts stdout and stderr in order again. */
  lastChunks: readonly Chunk[];
  /** Which program wrote them. */
  lastProgram: string;
  /** Called at the line `#@record`. */
  onRecord: (() => void) | null;
}

/** What a text run by the shell gets. */
export interface ExecuteOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdin: string;
  /** Its output goes to the terminal as it comes. */
  readonly isTerminal: boolean;
}

/** Runs a text in a namespace's shell; what does not go to the terminal comes back. */
export async function execute(
  shell: Shell,
  netns: NetNamespace,
  text: string,
  options: ExecuteOptions,
): Promise<ExecResult & { env: Record<string, string> }> {
  let bash = shell.bashOf.get(netns);
  if (bash === undefined) {
    bash = shell.makeBash(shell, netns);
    shell.bashOf.set(netns, bash);
  }
  shell.isNextTerminal = options.isTerminal;
  // A text of its own knows the functions of those before it (a session's lines, jobs, traps).
  const whole = options.isTerminal ? functionSource(shell) + text : text;
  return bash.exec(whole, {
    rawScript: true,
    env: { ...options.env, PWD: options.cwd },
    cwd: options.cwd,
    stdin: options.stdin,
    signal: shell.abort.signal,
  });
}

/** The functions seen so far, as text to put before another one. */
function functionSource(shell: Shell): string {
  return [...shell.functions.values()].map((text) => `${text}\n`).join('');
}

/** A group of processes that signals reach together. */
export function groupOf(shell: Shell, id: number): Set<Process> {
  let group = shell.groups.get(id);
  if (group === undefined) {
    group = new Set();
    shell.groups.set(id, group);
  }
  return group;
}

/** Sends a signal to all processes of a group. */
export function killGroup(shell: Shell, id: number, signal: Signal): void {
  for (const process of [...groupOf(shell, id)]) kill(process, signal);
}

export { quoteWord } from '../base/quote-word.ts';

/** All text that was written to one descriptor. */
export function textOf(chunks: readonly Chunk[], fd: 1 | 2): string {
  return chunks
    .filter((chunk) => chunk.fd === fd)
    .map(({ text }) => text)
    .join('');
}
