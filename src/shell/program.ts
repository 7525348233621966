/**
 * What an emulated program (ping, ip, iptables ...) is, and what it gets from the shell.
 */
import type { Process, Program } from '../engine/process.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import type { FileSystem } from '../world/file-system.ts';
import type { Machine } from '../world/machine.ts';
import type { World } from '../world/world.ts';

export interface ProgramContext {
  readonly world: World;
  readonly machine: Machine;
  readonly netns: NetNamespace;
  /** Arguments after the program's name. */
  readonly args: readonly string[];
  readonly stdin: string;
  /** The machine's files, with /proc/sys/net and /sys/class/net of the namespace; relative paths start at `cwd`. */
  readonly fileSystem: FileSystem;
  readonly env: ReadonlyMap<string, string>;
  readonly cwd: string;
  /** Standard output; text may come at any time during the run. */
  write(text: string): void;
  writeError(text: string): void;
  /** Bytes to standard output, as they are (tcpdump -w -, curl of a binary). */
  writeBytes(bytes: Uint8Array): void;
  /**
   * Starts a process on the namespace's CPU and lets virtual time pass until it ends.
   * @returns its exit code.
   */
  run(name: string, main: (process: Process) => Program): Promise<number>;
  /** Starts a process that lives on when the command is over. `name` is what ps shows. */
  spawnDaemon(name: string, main: (process: Process) => Program): Process;
  /**
   * Runs another command (a program, or whatever the shell knows) with this one's input and output,
   * in this namespace or in another.
   */
  call(argv: readonly string[], netns?: NetNamespace): Promise<number>;
  /** A system call from outside a process: acts now, its frames are received before it returns. */
  kernel<Result>(act: () => Result): Result;
}

export interface ProgramDefinition {
  readonly name: string;
  readonly run: (context: ProgramContext) => Promise<number>;
}

/** Exit code of a user's mistake that netsim itself finds (an option that is not emulated). */
export const EXIT_NOT_EMULATED = 2;

/** Says on stderr that `what` ("option -X", "command monitor") is not emulated. @returns 2. */
export function refuse(context: ProgramContext, program: string, what: string): number {
  context.writeError(`${program}: ${what} is not emulated by netsim\n`);
  return EXIT_NOT_EMULATED;
}
