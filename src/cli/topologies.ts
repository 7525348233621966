/** Finds topologies: the bundled ones, and those that a path names. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { NetsimError } from '../base/errors.ts';
import { suggestionFor } from '../base/suggest.ts';
import { parseTopology, plainTopology, type Topology } from '../topology/topology.ts';

/** The same place from src/cli and from dist/cli. */
const BUNDLED_FOLDER = join(import.meta.dirname, '../../topologies');
/** Larger scripts are refused: nobody writes them by hand. */
const SCRIPT_MAX_BYTES = 8 * 1024 * 1024;

/** A topology with the script that wires it. */
export interface LoadedTopology {
  readonly topology: Topology;
  readonly script: string;
  readonly scriptFile: string;
}

/** Names of the bundled topologies, sorted. */
export function bundledNames(): string[] {
  const entries = readdirSync(BUNDLED_FOLDER, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/**
 * A bundled name, a folder with topology.json and setup.sh, or a script.
 * @throws NetsimError with suggestions if there is no such thing.
 */
export function loadTopology(name: string, cwd: string): LoadedTopology {
  if (bundledNames().includes(name)) return loadFolder(name, join(BUNDLED_FOLDER, name));
  const path = resolve(cwd, name);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new NetsimError('unknown-topology', `unknown topology "${name}"`, {
      hint: `${suggestionFor(name, bundledNames())} A path to a folder or to a script will do, too.`,
    });
  }
  if (stat.isDirectory()) return loadFolder(basename(path), path);
  return {
    topology: plainTopology(basename(path)),
    script: readScript(path, name),
    scriptFile: basename(path),
  };
}

/** The folder of a bundled topology. */
export function bundledFolder(name: string): string {
  return join(BUNDLED_FOLDER, name);
}

/** Only what `list` shows. */
export function loadDescription(name: string): Topology {
  const file = join(BUNDLED_FOLDER, name, 'topology.json');
  return parseTopology(name, readFileSync(file, 'utf8'), file);
}

function loadFolder(name: string, folder: string): LoadedTopology {
  const file = join(folder, 'topology.json');
  const topology = isFile(file)
    ? parseTopology(name, readFileSync(file, 'utf8'), file)
    : plainTopology(name);
  const scriptFile = join(folder, 'setup.sh');
  if (!isFile(scriptFile)) {
    // The machines of a Docker world are there without a script.
    if (topology.docker !== null) return { topology, script: '', scriptFile: `${name}/setup.sh` };
    throw new NetsimError('unknown-topology', `${folder} is no topology: it has no setup.sh`, {
      hint: suggestionFor(name, bundledNames()),
    });
  }
  return { topology, script: readScript(scriptFile, scriptFile), scriptFile: `${name}/setup.sh` };
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** The text of a script. @throws NetsimError if it cannot be read or is none. */
export function readScript(path: string, shown: string): string {
  let bytes: Buffer;
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw new NetsimError('script-read', `${shown} is a folder`);
    if (stat.size > SCRIPT_MAX_BYTES) {
      throw new NetsimError('script-read', `${shown} is larger than 8 MiB: not a script`);
    }
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof NetsimError) throw error;
    const { code } = error as NodeJS.ErrnoException; // node:fs throws nothing else
    throw new NetsimError('script-read', `cannot read ${shown}: ${code ?? 'unknown reason'}`);
  }
  if (bytes.includes(0)) throw new NetsimError('script-read', `${shown} is not a text`);
  return bytes.toString('utf8').replaceAll('\r\n', '\n');
}
