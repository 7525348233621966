/** The options that every command has, and the arguments that go on to a program. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { NetsimError } from '../base/errors.ts';
import type { CaptureFormat } from '../observe/capture.ts';

export interface CommonOptions {
  /** Folder for captures, absolute; null for none. */
  readonly pcapFolder: string | null;
  readonly pcapFormat: CaptureFormat;
  readonly isTraced: boolean;
  readonly isJson: boolean;
  readonly seed: number;
  /** Whether the command line names the seed. */
  readonly isSeedGiven: boolean;
  readonly isQuiet: boolean;
  readonly hasColor: boolean;
}

/** Adds the common options to a command that passes others on to a program. */
export function withCommonOptions(command: Command): Command {
  return command
    .allowUnknownOption()
    .allowExcessArguments()
    .option('--pcap <dir>', 'write a capture of every interface into this folder')
    .addOption(
      new Option('--pcap-format <format>', 'format of the captures')
        .choices(['pcap', 'pcapng'])
        .default('pcap'),
    )
    .option('--trace', 'tell what each layer decided, one line a step')
    .option('--json', 'print one JSON document')
    .option('--seed <number>', 'seed of everything random', '1')
    .option('--file <path>', 'a Compose file instead of a topology; repeatable', collect, [])
    .option('--env-file <path>', 'variables for Compose files; repeatable', collect, [])
    .option('--profile <name>', 'a profile of Compose files; repeatable', collect, [])
    .option('--nodes <number>', 'a swarm of so many nodes, on which a stack file is deployed')
    .option('--quiet', 'only what the program itself prints')
    .option('--no-color', 'no colours (also: NO_COLOR in the environment)');
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

interface RawOptions {
  readonly file: readonly string[];
  readonly envFile: readonly string[];
  readonly profile: readonly string[];
  readonly nodes?: string;
  readonly pcap?: string;
  readonly pcapFormat: string;
  readonly trace?: boolean;
  readonly json?: boolean;
  readonly seed: string;
  readonly quiet?: boolean;
  readonly color: boolean;
}

/** What the command line says of Compose files. */
export interface ComposeOptions {
  readonly files: readonly string[];
  readonly envFiles: readonly string[];
  readonly profiles: readonly string[];
  /** Nodes of the swarm on which the file is deployed, as given. */
  readonly nodes?: string | undefined;
}

export function readComposeOptions(command: Command): ComposeOptions {
  const { file, envFile, profile, nodes } = command.opts<RawOptions>();
  return { files: file, envFiles: envFile, profiles: profile, nodes };
}

/** Turns Compose's `-f compose.yaml` into `--file`, as other programs have a flag -f of their own. */
export function rewriteFileFlags(args: readonly string[]): string[] {
  const end = args.indexOf('--');
  return args.map((arg, index) => {
    const isOurs = end < 0 || index < end;
    return isOurs && arg === '-f' && /\.ya?ml$/.test(args[index + 1] ?? '') ? '--file' : arg;
  });
}

/** @throws NetsimError if the seed is none. */
export function readCommonOptions(
  command: Command,
  surroundings: {
    readonly cwd: string;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly isTerminal: boolean;
  },
): CommonOptions {
  const raw = command.opts<RawOptions>();
  if (!/^\d{1,15}$/.test(raw.seed)) {
    throw new NetsimError('bad-seed', `--seed: found "${raw.seed}", expected a whole number`);
  }
  const noColor = surroundings.env.NO_COLOR;
  return {
    pcapFolder: raw.pcap === undefined ? null : resolve(surroundings.cwd, raw.pcap),
    pcapFormat: raw.pcapFormat === 'pcapng' ? 'pcapng' : 'pcap',
    isTraced: raw.trace === true,
    isJson: raw.json === true,
    seed: Number(raw.seed),
    isSeedGiven: command.getOptionValueSource('seed') !== 'default',
    isQuiet: raw.quiet === true,
    hasColor: surroundings.isTerminal && raw.color && (noColor === undefined || noColor === ''),
  };
}

/** Arguments of ours that stand between flags of the program: the topology, FROM and TO. */
export interface SplitArguments {
  readonly words: readonly string[];
  readonly flags: readonly string[];
}

/**
 * Tells plain words from flags with their values. A flag is `-x`, `-xVALUE`, `-xyz` or `-x VALUE`
 * where x is one of `valueLetters`; `--long` and `--long=value` are flags without another word.
 */
export function splitArguments(args: readonly string[], valueLetters: string): SplitArguments {
  const words: string[] = [];
  const flags: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (!arg.startsWith('-') || arg === '-' || arg === '--') {
      words.push(arg);
      continue;
    }
    flags.push(arg);
    if (takesNextWord(arg, valueLetters) && i + 1 < args.length) flags.push(args[++i]!);
  }
  return { words: words.filter((word) => word !== '--'), flags };
}

function takesNextWord(flag: string, valueLetters: string): boolean {
  if (flag.startsWith('--')) return false;
  const at = [...flag.slice(1)].findIndex((letter) => valueLetters.includes(letter));
  return at >= 0 && at === flag.length - 2;
}

/** Whether one of the letters is set in `-x` or `-xyz`; values of other flags do not count. */
export function hasFlag(flags: readonly string[], letters: string, valueLetters: string): boolean {
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i]!;
    if (flag.startsWith('--')) continue;
    for (const letter of flag.slice(1)) {
      if (letters.includes(letter)) return true;
      if (valueLetters.includes(letter)) break;
    }
    if (takesNextWord(flag, valueLetters)) i++;
  }
  return false;
}
