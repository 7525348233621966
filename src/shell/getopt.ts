/**
 * Options of a command line, read as GNU getopt_long() does: `-c5`, `-c 5`, `-nq`, `--name=value`,
 * `--name value`, operands anywhere, `--` ends the options.
 */

export interface GetoptSpec {
  /** Letters; one that takes a value is followed by `:`. */
  readonly short: string;
  /** Long names and the option that each stands for (a letter, or a name of its own); `:` after it takes a value. */
  readonly long?: Readonly<Record<string, string>>;
  /** Stop at the first operand (POSIXLY_CORRECT, or a leading + in the original). */
  readonly stopsAtOperand?: boolean;
}

export interface GetoptResult {
  /** Options in order; `value` is empty for those that take none. */
  readonly options: ReadonlyArray<{ readonly name: string; readonly value: string }>;
  readonly operands: readonly string[];
  /** The message of the first mistake without the program's name, as GNU prints it, or null. */
  readonly error: string | null;
}

/** Reads a command line. On a mistake `error` is set and the rest is not read. */
export function getopt(args: readonly string[], spec: GetoptSpec): GetoptResult {
  const options: Array<{ name: string; value: string }> = [];
  const operands: string[] = [];
  const fail = (error: string): GetoptResult => ({ options, operands, error });
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === '--') {
      operands.push(...args.slice(i + 1));
      break;
    }
    if (arg === '-' || !arg.startsWith('-')) {
      if (spec.stopsAtOperand === true) {
        operands.push(...args.slice(i));
        break;
      }
      operands.push(arg);
      continue;
    }
    if (arg.startsWith('--')) {
      const read = readLong(arg.slice(2), args[i + 1], spec);
      if (read.error !== null) return fail(read.error);
      options.push({ name: read.name, value: read.value });
      if (read.usedNext) i++;
      continue;
    }
    for (let k = 1; k < arg.length; k++) {
      const letter = arg[k]!;
      const at = letter === ':' ? -1 : spec.short.indexOf(letter);
      if (at < 0) return fail(`invalid option -- '${letter}'`);
      if (spec.short[at + 1] !== ':') {
        options.push({ name: letter, value: '' });
        continue;
      }
      const rest = arg.slice(k + 1);
      const value = rest !== '' ? rest : args[i + 1];
      if (value === undefined) return fail(`option requires an argument -- '${letter}'`);
      if (rest === '') i++;
      options.push({ name: letter, value });
      break;
    }
  }
  return { options, operands, error: null };
}

interface LongOption {
  readonly name: string;
  readonly value: string;
  readonly usedNext: boolean;
  readonly error: string | null;
}

function readLong(text: string, next: string | undefined, spec: GetoptSpec): LongOption {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  const long = spec.long ?? {};
  const failure = (error: string): LongOption => ({ name, value: '', usedNext: false, error });
  const matches = Object.keys(long).filter((each) => each.startsWith(name));
  const whole = Object.hasOwn(long, name) ? name : matches.length === 1 ? matches[0]! : null;
  if (whole === null) {
    if (matches.length === 0) return failure(`unrecognized option '--${name}'`);
    const list = matches.map((each) => `'--${each}'`).join(' ');
    return failure(`option '--${name}' is ambiguous; possibilities: ${list}`);
  }
  const meaning = long[whole]!;
  const takesValue = meaning.endsWith(':');
  const option = takesValue ? meaning.slice(0, -1) : meaning;
  if (!takesValue) {
    if (equals >= 0) return failure(`option '--${whole}' doesn't allow an argument`);
    return { name: option, value: '', usedNext: false, error: null };
  }
  if (equals >= 0) {
    return { name: option, value: text.slice(equals + 1), usedNext: false, error: null };
  }
  if (next === undefined) return failure(`option '--${whole}' requires an argument`);
  return { name: option, value: next, usedNext: true, error: null };
}
