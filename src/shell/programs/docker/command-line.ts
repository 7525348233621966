/**
 * Command lines of the `docker` program, read as its CLI does (pflag and cobra): flags, counts of
 * arguments, help, and what it says of mistakes.
 * @source spf13/pflag flag.go; docker cli cli/required.go, cli/cobra.go
 */
import type { ProgramContext } from '../../program.ts';

/** One flag. A `list` may be given several times, a `bool` takes a value only after `=`. */
export interface FlagSpec {
  readonly name: string;
  readonly short?: string;
  readonly kind: 'bool' | 'string' | 'list' | 'int';
  /** In help: what the value is; `string`, `list`, `int` if left out. */
  readonly placeholder?: string;
  /** For help; flags without a text are not shown there. */
  readonly help?: string;
  /** Text of the default for help and for `given`. */
  readonly initial?: string;
  /** Says what is wrong with a value; null: nothing. */
  readonly check?: (value: string) => string | null;
  /** netsim takes it and does nothing: it has no packet in it. Says so once. */
  readonly isIgnored?: boolean;
}

export interface CommandSpec {
  /** `docker network create`. */
  readonly path: string;
  /** After the path in the usage line. */
  readonly operands: string;
  readonly short: string;
  /** Other paths in `Aliases:`, the first one with the path itself. */
  readonly aliases?: string;
  readonly flags: readonly FlagSpec[];
  /** How many operands it takes. */
  readonly count: readonly [number, number];
  /** Words after the first operand are operands (`docker run`, `exec`). */
  readonly stopsAtOperand?: boolean;
  readonly run: (context: ProgramContext, line: CommandLine) => Promise<number> | number;
}

/** A command line that was read. */
export interface CommandLine {
  readonly spec: CommandSpec;
  readonly operands: readonly string[];
  /** Values by the flag's name, in order. */
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/** A mistake on the command line: what goes to stderr, and the exit code. */
export class UsageError extends Error {
  override name = 'UsageError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Whether a flag was given (and not as `=false`). */
export function has(line: CommandLine, name: string): boolean {
  const value = line.values.get(name)?.at(-1);
  return value !== undefined && value !== 'false';
}

/** The last value of a flag, or its initial value, or the empty text. */
export function textOf(line: CommandLine, name: string): string {
  const given = line.values.get(name)?.at(-1);
  return given ?? line.spec.flags.find((flag) => flag.name === name)?.initial ?? '';
}

/** Every value of a list. */
export function listOf(line: CommandLine, name: string): readonly string[] {
  return line.values.get(name) ?? [];
}

/** Reads the words after the path. @throws UsageError; a `--help` among them has `values.help`. */
export function readCommandLine(spec: CommandSpec, words: readonly string[]): CommandLine {
  const values = new Map<string, string[]>();
  const operands: string[] = [];
  let at = 0;
  const note = (flag: FlagSpec, shown: string, value: string): void => {
    const list = values.get(flag.name) ?? [];
    const problem = problemOf(flag, value);
    if (problem !== null) {
      refuseFlag(spec, `invalid argument ${JSON.stringify(value)} for "${shown}" flag: ${problem}`);
    }
    list.push(flag.kind === 'bool' ? String(BOOLEANS.get(value)) : value);
    values.set(flag.name, list);
  };
  for (; at < words.length; at++) {
    const word = words[at]!;
    if (word === '--') {
      operands.push(...words.slice(at + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      operands.push(word);
      if (spec.stopsAtOperand !== true) continue;
      operands.push(...words.slice(at + 1));
      break;
    }
    at += word.startsWith('--')
      ? readLong(spec, word, words[at + 1], note)
      : readShort(spec, word, words[at + 1], note);
    if (values.has('help')) break;
  }
  const line = { spec, operands, values };
  if (!values.has('help')) checkCount(line);
  return line;
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
]);

function problemOf(flag: FlagSpec, value: string): string | null {
  if (flag.kind === 'bool' && !BOOLEANS.has(value)) {
    return `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`;
  }
  if (flag.kind === 'int' && !/^[+-]?\d+$/.test(value)) {
    return `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`;
  }
  return flag.check?.(value) ?? null;
}

type Note = (flag: FlagSpec, shown: string, value: string) => void;

/** @returns how many of the following words it used. */
function readLong(spec: CommandSpec, word: string, next: string | undefined, note: Note): number {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  if (name === '') refuseFlag(spec, `bad flag syntax: ${word}`);
  const flag = findFlag(spec, (each) => each.name === name);
  if (flag === undefined) return refuseFlag(spec, `unknown flag: --${name}`);
  const shown = shownFlag(flag);
  if (equals >= 0) note(flag, shown, word.slice(equals + 1));
  else if (flag.kind === 'bool') note(flag, shown, 'true');
  else if (next === undefined) refuseFlag(spec, `flag needs an argument: --${name}`);
  else {
    note(flag, shown, next);
    return 1;
  }
  return 0;
}

/** `-dt`, `-p80:80`, `-p 80:80`, `-p=80:80`. */
function readShort(spec: CommandSpec, word: string, next: string | undefined, note: Note): number {
  for (let k = 1; k < word.length; k++) {
    const letter = word[k]!;
    const flag = findFlag(spec, (each) => each.short === letter);
    if (flag === undefined) {
      return refuseFlag(spec, `unknown shorthand flag: '${letter}' in -${word.slice(k)}`);
    }
    const shown = shownFlag(flag);
    const rest = word.slice(k + 1);
    if (rest.startsWith('=')) {
      note(flag, shown, rest.slice(1));
      return 0;
    }
    if (flag.kind === 'bool') {
      note(flag, shown, 'true');
      continue;
    }
    if (rest !== '') {
      note(flag, shown, rest);
      return 0;
    }
    if (next === undefined) {
      return refuseFlag(spec, `flag needs an argument: '${letter}' in -${word.slice(k)}`);
    }
    note(flag, shown, next);
    return 1;
  }
  return 0;
}

const HELP: FlagSpec = { name: 'help', kind: 'bool' };

function findFlag(spec: CommandSpec, isIt: (flag: FlagSpec) => boolean): FlagSpec | undefined {
  return [...spec.flags, HELP].find(isIt);
}

function shownFlag(flag: FlagSpec): string {
  return flag.short === undefined ? `--${flag.name}` : `-${flag.short}, --${flag.name}`;
}

/** @source cli/cobra.go FlagErrorFunc */
function refuseFlag(spec: { readonly path: string }, message: string): never {
  throw new UsageError(`${message}\nSee '${spec.path} --help'.\n`, 125);
}

function checkCount({ spec, operands }: CommandLine): void {
  const [least, most] = spec.count;
  const count = operands.length;
  if (count >= least && count <= most) return;
  const plural = (number: number): string => (number === 1 ? 'argument' : 'arguments');
  const need =
    most === 0
      ? 'accepts no arguments'
      : least === most
        ? `requires exactly ${least} ${plural(least)}`
        : most === Number.POSITIVE_INFINITY
          ? `requires at least ${least} ${plural(least)}`
          : least === 0
            ? `requires at most ${most} ${plural(most)}`
            : `requires at least ${least} and at most ${most} ${plural(most)}`;
  throw new UsageError(
    `"${spec.path}" ${need}.\nSee '${spec.path} --help'.\n\nUsage:  ${usageLine(spec)}\n\n${spec.short}\n`,
    1,
  );
}

/** `docker network create [OPTIONS] NETWORK`. */
export function usageLine(spec: CommandSpec): string {
  return `${spec.path} ${spec.operands}`.trim();
}

/** What `--help` prints. */
export function helpOf(spec: CommandSpec): string {
  const aliases = spec.aliases === undefined ? '' : `\nAliases:\n  ${spec.aliases}\n`;
  const flags = spec.flags.filter(({ help }) => help !== undefined);
  const options =
    flags.length === 0
      ? ''
      : `\nOptions:\n${flagLines(flags)
          .map((line) => `${line}\n`)
          .join('')}`;
  return `\nUsage:  ${usageLine(spec)}\n\n${spec.short}\n${aliases}${options}`;
}

/** @source pflag flag.go FlagUsages */
function flagLines(flags: readonly FlagSpec[]): string[] {
  const sorted = [...flags].sort((a, b) => (a.name < b.name ? -1 : 1));
  const heads = sorted.map((flag) => {
    const letter = flag.short === undefined ? '      ' : `  -${flag.short}, `;
    const kind = flag.placeholder ?? flag.kind;
    return `${letter}--${flag.name}${flag.kind === 'bool' ? '' : ` ${kind}`}`;
  });
  const width = Math.max(...heads.map((head) => head.length)) + 3;
  return sorted.map((flag, index) => {
    const { initial = '' } = flag;
    const shown = flag.kind === 'string' ? JSON.stringify(initial) : initial;
    const isPlain = initial === '' || (flag.kind === 'int' && initial === '0');
    const suffix = isPlain || /\(default/.test(flag.help ?? '') ? '' : ` (default ${shown})`;
    const text = `${flag.help}${suffix}`.replaceAll('\n', `\n${' '.repeat(width)}`);
    return `${heads[index]!.padEnd(width)}${text}`;
  });
}
