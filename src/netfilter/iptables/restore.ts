/**
 * iptables-restore: tables from text, each table's part at once or not at all.
 * @source iptables/xtables-restore.c
 */
import { setPolicyCounters } from '../chain.ts';
import type { Netfilter } from '../netfilter.ts';
import {
  chainsOf,
  deleteTable,
  ensureBaseChain,
  findChain,
  flushChain,
  hookOf,
  newChain,
  setPolicy,
  TABLE_HOOKS,
  TABLE_NAMES,
  type Table,
} from '../tables.ts';
import type { Command } from './command.ts';
import { BadArgument } from './draft.ts';
import { ParameterProblem } from './extension.ts';
import { describeFailure, type IptablesResult } from './failure.ts';
import { parseCommand } from './parse-command.ts';
import { type CommandOutput, Refused, runCommand } from './run-command.ts';
import { restoreSnapshot, type Snapshot, takeSnapshot } from './snapshot.ts';

const PROGRAM = 'iptables-restore';

export interface RestoreOptions {
  readonly hasCounters: boolean;
  readonly isVerbose: boolean;
  /** Parse and try only. */
  readonly isTest: boolean;
  /** Chains that the text does not name stay as they are. */
  readonly keepsOthers: boolean;
  /** The one table to restore, null for all. */
  readonly tableName: string | null;
  /** File to read, null for standard input. */
  readonly file: string | null;
}

type Step = { readonly line: number; readonly act: (output: CommandOutput) => void };

interface Restore {
  readonly netfilter: Netfilter;
  readonly options: RestoreOptions;
  readonly output: CommandOutput;
  table: Table | null;
  /** Whether the table at hand is left out because of -T. */
  isSkipping: boolean;
  line: number;
  /** What the table's part asks for; carried out at COMMIT. */
  steps: Step[];
  warnings: string;
}

/** A mistake in the structure of the text; printed with the program's bare name, exit code 1. */
class BadText extends Error {
  override name = 'BadText';
}

const USAGE = `Usage: iptables-restore [-c] [-v] [-V] [-t] [-h] [-n] [-T table] [-M command] [-4] [-6] [file]
	   [ --counters ]
	   [ --verbose ]
	   [ --version]
	   [ --test ]
	   [ --help ]
	   [ --noflush ]
	   [ --table=<TABLE> ]
	   [ --modprobe=<command> ]
	   [ --ipv4 ]
	   [ --ipv6 ]
`;

/** Reads the arguments; a result is the end (an error, -V, -h). */
export function parseRestoreArguments(args: readonly string[]): RestoreOptions | IptablesResult {
  let options: RestoreOptions = {
    hasCounters: false,
    isVerbose: false,
    isTest: false,
    keepsOthers: false,
    tableName: null,
    file: null,
  };
  for (let index = 0; index < args.length; index++) {
    const word = args[index]!;
    if (!word.startsWith('-')) {
      if (options.file !== null) {
        return { stdout: '', stderr: 'Unknown arguments found on commandline\n', exitCode: 1 };
      }
      options = { ...options, file: word };
    } else if (word === '-c' || word === '--counters') options = { ...options, hasCounters: true };
    else if (word === '-v' || word === '--verbose') options = { ...options, isVerbose: true };
    else if (word === '-t' || word === '--test') options = { ...options, isTest: true };
    else if (word === '-n' || word === '--noflush') options = { ...options, keepsOthers: true };
    else if (word.startsWith('--table=')) options = { ...options, tableName: word.slice(8) };
    else if (word === '-T' || word === '--table') {
      options = { ...options, tableName: args[++index] ?? '' };
    } else if (word === '-M' || word === '--modprobe') index++;
    else if (word === '-w' || word === '-W') {
      if (/^\d+$/.test(args[index + 1] ?? '')) index++;
    } else if (word === '-V' || word === '--version') {
      return { stdout: `${PROGRAM} v1.8.9 (nf_tables)\n`, stderr: '', exitCode: 0 };
    } else if (word === '-h' || word === '--help') {
      return { stdout: '', stderr: USAGE, exitCode: 0 };
    } else if (!/^(-4|-6|--ipv[46]|--wait.*|-w\d+|--modprobe=.*)$/.test(word)) {
      const found = word.startsWith('--')
        ? `unrecognized option '${word}'`
        : `invalid option -- '${word[1]}'`;
      const hint = `Try \`${PROGRAM} -h' for more information.`;
      return { stdout: '', stderr: `${PROGRAM}: ${found}\n${hint}\n`, exitCode: 1 };
    }
  }
  return options;
}

/** Runs `iptables-restore` over a text. */
export function restoreTables(
  netfilter: Netfilter,
  options: RestoreOptions,
  text: string,
): IptablesResult {
  const restore: Restore = {
    netfilter,
    options,
    output: { text: '' },
    table: null,
    isSkipping: false,
    line: 0,
    steps: [],
    warnings: '',
  };
  const done = (stderr: string, exitCode: number): IptablesResult => ({
    stdout: restore.output.text,
    stderr: restore.warnings + stderr,
    exitCode,
  });
  try {
    const lines = text.split('\n');
    if (lines.at(-1) === '') lines.pop();
    for (const line of lines) {
      restore.line++;
      takeLine(restore, line);
    }
    if (restore.table === null && !restore.isSkipping) return done('', 0);
    return done(`${PROGRAM}: COMMIT expected at line ${restore.line + 1}\n`, 1);
  } catch (error) {
    if (error instanceof BadText) return done(`${PROGRAM}: ${error.message}\n`, 1);
    const failure = describeFailure(error, PROGRAM, netfilter.iptablesVersion, restore.line);
    if (failure === null) throw error;
    return done(failure.stderr, failure.exitCode);
  }
}

/** Runs `iptables-restore ARGS...` over what it reads from standard input. */
export function runIptablesRestore(
  netfilter: Netfilter,
  args: readonly string[],
  input: string,
): IptablesResult {
  const options = parseRestoreArguments(args);
  return 'exitCode' in options ? options : restoreTables(netfilter, options, input);
}

function takeLine(restore: Restore, line: string): void {
  if (line === '') return;
  if (line.startsWith('#')) {
    if (restore.options.isVerbose) restore.output.text += `${line}\n`;
    return;
  }
  const { table } = restore;
  if (restore.isSkipping) {
    if (line === 'COMMIT') restore.isSkipping = false;
    return;
  }
  if (table === null) {
    if (!line.startsWith('*')) throw new BadText(`line ${restore.line} failed`);
    beginTable(restore, line.slice(1).trim());
  } else if (line === 'COMMIT') commit(restore);
  else if (line.startsWith(':')) takeChain(restore, table, line.slice(1));
  else takeCommand(restore, table, line);
}

function beginTable(restore: Restore, name: string): void {
  const { netfilter, options } = restore;
  const known = TABLE_NAMES.find((each) => each === name);
  if (known === undefined) {
    throw new ParameterProblem(`${PROGRAM}: line ${restore.line} table name '${name}' invalid`);
  }
  if (options.tableName !== null && options.tableName !== name) {
    restore.isSkipping = true;
    return;
  }
  const table = netfilter.tables[known];
  restore.table = table;
  restore.steps = [];
  if (options.keepsOthers) return;
  addStep(restore, (output) => {
    if (options.isVerbose) output.text += describeFlush(netfilter, table);
    deleteTable(netfilter, table);
  });
}

function describeFlush(netfilter: Netfilter, table: Table): string {
  for (const hook of TABLE_HOOKS[table.name]) ensureBaseChain(netfilter, table, hook);
  const flushed = chainsOf(table).map((chain) => `Flushing chain \`${chain.name}'\n`);
  const deleted = table.userChains.map((chain) => `Deleting chain \`${chain.name}'\n`);
  return flushed.join('') + deleted.join('');
}

function addStep(restore: Restore, act: Step['act']): void {
  restore.steps.push({ line: restore.line, act });
}

/** `NAME POLICY [packets:bytes]`. */
function takeChain(restore: Restore, table: Table, text: string): void {
  const { netfilter, options } = restore;
  const [name = '', policy, counters] = text.trim().split(/\s+/);
  if (policy === undefined) {
    throw new ParameterProblem(`${PROGRAM}: line ${restore.line} policy invalid`);
  }
  const parsed = /^\[(\d+):(\d+)\]$/.exec(counters ?? '[0:0]');
  if (parsed === null) {
    throw new ParameterProblem(`invalid policy counters for chain '${name}'`);
  }
  const packets = options.hasCounters ? Number(parsed[1]) : 0;
  const bytes = options.hasCounters ? Number(parsed[2]) : 0;
  const hook = hookOf(table, name);
  if (hook >= 0 && policy !== '-') {
    addStep(restore, () => {
      if (policy !== 'ACCEPT' && policy !== 'DROP') throw new Refused('Bad policy name');
      const base = ensureBaseChain(netfilter, table, hook);
      setPolicyCounters(base, packets, bytes);
      setPolicy(netfilter, base, policy === 'DROP');
    });
    return;
  }
  addStep(restore, () => {
    if (hook >= 0) return;
    const present = findChain(table, name);
    if (present === null) newChain(netfilter, table, name);
    else flushChain(netfilter, present);
  });
}

/** `[packets:bytes] -A CHAIN ...`, or any other command. */
function takeCommand(restore: Restore, table: Table, line: string): void {
  const { netfilter, options } = restore;
  const counters = /^\[(\d+):(\d+)\]\s*/.exec(line);
  const words = splitWords(counters === null ? line : line.slice(counters[0].length));
  if (words[0] !== undefined && !words[0].startsWith('-')) throw new BadArgument(words[0]);
  if (counters !== null && options.hasCounters) words.push('-c', counters[1]!, counters[2]!);
  if (options.isVerbose && words[0] === '-A') words.push('-v');
  const command: Command = parseCommand(netfilter, words, {
    program: PROGRAM,
    tableName: table.name,
    line: restore.line,
  });
  restore.warnings += command.warnings;
  addStep(restore, (output) => runCommand(netfilter, command, output));
}

/** Words parted by blanks; quotes keep blanks, a backslash keeps the next character. */
function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!;
    if (quote !== '') {
      if (char === '\\' && i + 1 < line.length) word = (word ?? '') + line[++i]!;
      else if (char === quote) quote = '';
      else word = (word ?? '') + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word = word ?? '';
    } else if (char === ' ' || char === '\t') {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? '') + char;
  }
  if (word !== null) words.push(word);
  return words;
}

/** Carries out all steps of the table, or none. */
function commit(restore: Restore): void {
  const { netfilter, options, output } = restore;
  const snapshot: Snapshot = takeSnapshot(netfilter);
  const commitLine = restore.line;
  try {
    for (const step of restore.steps) {
      restore.line = step.line;
      runStep(restore, step, commitLine, output);
    }
  } catch (error) {
    restoreSnapshot(netfilter, snapshot);
    throw error;
  }
  restore.line = commitLine;
  restore.table = null;
  if (options.isTest) restoreSnapshot(netfilter, snapshot);
}

function runStep(restore: Restore, step: Step, commitLine: number, output: CommandOutput): void {
  try {
    step.act(output);
  } catch (error) {
    // A chain that is missing is found out when the whole part is carried out.
    if (error instanceof ParameterProblem) restore.line = commitLine;
    throw error;
  }
}
