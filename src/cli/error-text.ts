/** Errors as a user sees them. */
import { AssertionError } from '../base/assert.ts';
import { NetsimError, type Place } from '../base/errors.ts';
import { EXIT_INTERNAL, EXIT_USAGE, type Surroundings } from './surroundings.ts';

/** Prints an error to standard error. @returns the exit code that goes with it. */
export function printError(
  error: unknown,
  surroundings: Pick<Surroundings, 'writeError'>,
  run: { readonly seed: number; readonly timeNs: number } | null = null,
): number {
  if (error instanceof NetsimError) {
    const { where, hint } = error;
    if (error.code === 'compose') {
      // A line for each mistake, as editors and other tools read them.
      surroundings.writeError(`${error.message}\n`);
      return EXIT_USAGE;
    }
    const place = where === undefined ? '' : `${placeText(where)}: `;
    surroundings.writeError(`netsim: ${place}${error.message.trimEnd()}\n`);
    if (hint !== undefined) surroundings.writeError(`        ${hint}\n`);
    return EXIT_USAGE;
  }
  const what = error instanceof Error ? error : new Error(String(error));
  const title = what instanceof AssertionError ? 'this must hold' : what.name;
  surroundings.writeError(`netsim: internal error: ${title}: ${what.message}\n`);
  if (run !== null) {
    const seconds = (run.timeNs / 1e9).toFixed(9);
    surroundings.writeError(`        seed ${run.seed}, virtual time ${seconds} s\n`);
  }
  surroundings.writeError('        this is a bug of netsim; please report it with the script\n');
  surroundings.writeError(`${stackOf(what)}\n`);
  return EXIT_INTERNAL;
}

/** `lab.sh:12:5` */
function placeText({ file, line, column }: Place): string {
  if (line === undefined) return file;
  return column === undefined ? `${file}:${line}` : `${file}:${line}:${column}`;
}

const STACK_LINES = 8;

function stackOf(error: Error): string {
  const lines = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return lines.slice(0, STACK_LINES).join('\n');
}
