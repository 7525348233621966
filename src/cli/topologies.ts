/** Finds topologies: the bundled ones, and those that a path names. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { NetsimError } from '../base/errors.ts';
import { suggestionFor } from '../base/suggest.ts';
import { parseTopology, plainTopology, type Topology } from '../topology/topology.ts';
import {
  type ComposeRequest,
  composeFilesAround,
  composeFilesIn,
  isComposePath,
  loadComposeTopology,
} from './compose-files.ts';
import { packagePath } from './package-folder.ts';
import { pathKind } from './path-kind.ts';

const BUNDLED_FOLDER = packagePath('topologies');
/** Larger scripts are refused: nobody writes them by hand. */
const SCRIPT_MAX_BYTES = 8 * 1024 * 1024;

/** A topology with the script that wires it. */
export interface LoadedTopology {
  readonly topology: Topology;
  readonly script: string;
  readonly scriptFile: string;
  /** What is told before it is wired. */
  readonly warnings?: readonly string[];
  /** The seed that it asks for, null if none. */
  readonly seed?: number | null;
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
 * The topology of a command line: of its `--file` options, of its first word, or, if that is none, of
 * the Compose file of the current folder. Null if there is nothing of the kind.
 * @throws NetsimError with suggestions, or with the mistakes of a Compose file.
 */
export function takeTopology(
  words: readonly string[],
  request: ComposeRequest,
): {
  readonly name: string;
  readonly loaded: LoadedTopology;
  readonly rest: readonly string[];
} | null {
  const { cwd, files } = request;
  if (files.length > 0) {
    const paths = files.map((path) => resolve(cwd, path));
    const loaded = loadComposeTopology(paths, request);
    return { name: loaded.topology.name, loaded, rest: words };
  }
  const [first, ...rest] = words;
  const isThere =
    first !== undefined &&
    (bundledNames().includes(first) || pathKind(resolve(cwd, first)) !== null);
  if (!isThere) {
    const around = composeFilesAround(request);
    if (around.length > 0) {
      const loaded = loadComposeTopology(around, request);
      return { name: loaded.topology.name, loaded, rest: words };
    }
  }
  if (first === undefined) return null;
  const loaded = loadTopology(first, cwd, request);
  if (request.nodes !== undefined && bundledNames().includes(first)) {
    throw new NetsimError('usage', `--nodes: "${first}" says itself how many machines it has`, {
      hint: '--nodes is for stack files: netsim ping docker-stack.yml --nodes 3 vote redis',
    });
  }
  return { name: first, loaded, rest };
}

/**
 * A bundled name, a folder with topology.json and setup.sh or with a Compose file, a Compose file, or
 * a script.
 * @throws NetsimError with suggestions if there is no such thing.
 */
export function loadTopology(
  name: string,
  cwd: string,
  request: ComposeRequest = { cwd, env: {}, files: [], envFiles: [], profiles: [] },
): LoadedTopology {
  if (bundledNames().includes(name)) return loadFolder(name, join(BUNDLED_FOLDER, name), request);
  const path = resolve(cwd, name);
  const kind = pathKind(path);
  if (kind === null) {
    throw new NetsimError('unknown-topology', `unknown topology "${name}"`, {
      hint: `${suggestionFor(name, bundledNames())} A path to a folder, a script or a Compose file will do, too.`,
    });
  }
  if (kind === 'folder') return loadFolder(basename(path), path, request);
  if (isComposePath(path)) return loadComposeTopology([path], request);
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

function loadFolder(name: string, folder: string, request: ComposeRequest): LoadedTopology {
  const file = join(folder, 'topology.json');
  const topology =
    pathKind(file) === 'file'
      ? parseTopology(name, readFileSync(file, 'utf8'), file)
      : plainTopology(name);
  const scriptFile = join(folder, 'setup.sh');
  if (pathKind(scriptFile) !== 'file') {
    const compose = composeFilesIn(folder);
    if (compose.length > 0) return loadComposeTopology(compose, request);
    // The machines of a Docker world are there without a script.
    if (topology.docker !== null) return { topology, script: '', scriptFile: `${name}/setup.sh` };
    throw new NetsimError(
      'unknown-topology',
      `${folder} is no topology: it has no setup.sh and no compose.yaml`,
      {
        hint: suggestionFor(name, bundledNames()),
      },
    );
  }
  return { topology, script: readScript(scriptFile, scriptFile), scriptFile: `${name}/setup.sh` };
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
