/** What a command of `netsim` is. One file each in this folder, one line each in index.ts. */
import type { Command } from 'commander';
import type { Surroundings } from '../surroundings.ts';

export interface NetsimCommand {
  readonly name: string;
  /** Arguments, in commander's notation. */
  readonly usage: string;
  readonly description: string;
  /** More help, after the options. */
  readonly help?: string;
  /** Adds options, arguments. */
  readonly prepare: (command: Command) => void;
  /** @returns the exit code. */
  readonly run: (
    args: readonly string[],
    command: Command,
    surroundings: Surroundings,
  ) => Promise<number>;
}
