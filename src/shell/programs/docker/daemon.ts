/** What the commands of `docker` share: reaching the engine, and telling what it refuses. */
import { engineOf } from '../../../docker/engine.ts';
import { type DockerEngine, DockerError } from '../../../docker/engine-record.ts';
import type { ProgramContext } from '../../program.ts';
import { UsageError } from './command-line.ts';

const NO_DAEMON =
  'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n';

/** The engine of the machine. @throws UsageError if none runs there. */
export function engineFor(context: ProgramContext): DockerEngine {
  const engine = engineOf(context.machine);
  if (engine === null) throw new UsageError(NO_DAEMON, 1);
  return engine;
}

/** `Error response from daemon: ...` with its newline. */
export function daemonText(error: DockerError): string {
  return `Error response from daemon: ${error.message}\n`;
}

/** Runs an act as a system call; null if the engine refused it, which stderr then tells. */
export function attempt<Result>(context: ProgramContext, act: () => Result): Result | null {
  try {
    return context.kernel(act);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    context.writeError(daemonText(error));
    return null;
  }
}

/**
 * Does something with each of several names and prints those that went well; what the engine
 * refused comes at the end. @returns 1 if it refused one.
 */
export async function forEach(
  context: ProgramContext,
  names: readonly string[],
  act: (name: string) => Promise<void> | void,
  shown: (name: string) => string = (name) => name,
): Promise<number> {
  const errors: string[] = [];
  for (const name of names) {
    try {
      await act(name);
      context.write(`${shown(name)}\n`);
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      errors.push(daemonText(error));
    }
  }
  context.writeError(errors.join(''));
  return errors.length === 0 ? 0 : 1;
}

/** What is read of a filter: `name=web`, `label=a=b`. @throws UsageError. */
export function readFilters(
  texts: readonly string[],
  known: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const filters = new Map<string, string[]>();
  for (const text of texts) {
    const equals = text.indexOf('=');
    if (equals < 0) {
      throw new UsageError(
        `invalid argument ${JSON.stringify(text)} for "-f, --filter" flag: bad format of filter (expected name=value)\n`,
        125,
      );
    }
    const name = text.slice(0, equals).trim().toLowerCase();
    if (!known.includes(name)) {
      throw new UsageError(`Error response from daemon: invalid filter '${name}'\n`, 1);
    }
    filters.set(name, [...(filters.get(name) ?? []), text.slice(equals + 1).trim()]);
  }
  return filters;
}

/** Whether one of the values of a filter fits, or there is no such filter. */
export function fits(
  filters: ReadonlyMap<string, readonly string[]>,
  name: string,
  isIt: (value: string) => boolean,
): boolean {
  return filters.get(name)?.some(isIt) ?? true;
}

/** Whether every value of a filter fits (labels). */
export function fitsAll(
  filters: ReadonlyMap<string, readonly string[]>,
  name: string,
  isIt: (value: string) => boolean,
): boolean {
  return filters.get(name)?.every(isIt) ?? true;
}

/** A name filter: a pattern anywhere in the name. */
export function matchesName(pattern: string, name: string): boolean {
  try {
    return new RegExp(pattern).test(name);
  } catch {
    return name.includes(pattern);
  }
}

/** `key` or `key=value` of labels. */
export function hasLabel(labels: ReadonlyMap<string, string>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals < 0) return labels.has(wanted);
  return labels.get(wanted.slice(0, equals)) === wanted.slice(equals + 1);
}

/** `a=b,c=d`: the LABELS column. */
export function labelsText(labels: ReadonlyMap<string, string>): string {
  return [...labels.keys()]
    .sort()
    .map((key) => `${key}=${labels.get(key)}`)
    .join(',');
}
