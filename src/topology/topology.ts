/**
 * A topology: a script that wires a network, and what people call its parts. The folder of one has
 * `topology.json` (this file reads it) and `setup.sh`.
 *
 *     {
 *       "title": "...", "description": "one line",
 *       "ping": { "from": "c1", "to": "c2" },
 *       "machines": { "node1": ["c1", "h1"] },
 *       "docker": { "nodes": 2, "internet": true, "engine": "26.1" }
 *     }
 *
 * With `docker` the script runs on node1 of a Docker world (docker-world.ts) and may be left out.
 */
import { NetsimError, type Place } from '../base/errors.ts';
import { ENGINE_PROFILES, type EngineVersion } from '../docker/profile.ts';
import { NODES_MAX } from './docker-world.ts';

export interface Topology {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Who pings whom when nobody says otherwise; namespaces, or an address as target. */
  readonly ping: { readonly from: string; readonly to: string } | null;
  /** Which namespaces live on which machine, for pictures. A namespace may belong to none. */
  readonly machines: ReadonlyMap<string, readonly string[]>;
  /** The Docker world that it lives in; null for namespaces wired by hand on one machine. */
  readonly docker: DockerTopology | null;
}

/** What a Docker world is made of. */
export interface DockerTopology {
  readonly nodes: number;
  readonly internet: boolean;
  /** Null for the default. */
  readonly engine: EngineVersion | null;
}

/** A topology that is nothing but a script. */
export function plainTopology(name: string): Topology {
  return { name, title: name, description: '', ping: null, machines: new Map(), docker: null };
}

/**
 * Reads topology.json.
 * @throws NetsimError that names the field, what was found and what was expected.
 */
export function parseTopology(name: string, text: string, file: string): Topology {
  const where: Place = { file };
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (error) {
    throw new NetsimError('topology-json', `not valid JSON: ${(error as Error).message}`, {
      where: placeOfJsonError(text, error as Error, file), // JSON.parse throws nothing else
    });
  }
  const fields = objectOf(root, 'the file', where);
  refuseUnknown(fields, ['title', 'description', 'ping', 'machines', 'docker'], where);
  return {
    name,
    title: textOf(fields.title ?? name, 'title', where),
    description: textOf(fields.description ?? '', 'description', where),
    ping: pingOf(fields.ping, where),
    machines: machinesOf(fields.machines ?? {}, where),
    docker: readDockerTopology(fields.docker, where),
  };
}

/** The machine on which a namespace lives, null if it stands for itself. */
export function machineOf(topology: Topology, namespaceName: string): string | null {
  for (const [machine, namespaces] of topology.machines) {
    if (namespaces.includes(namespaceName)) return machine;
  }
  return null;
}

function placeOfJsonError(text: string, error: Error, file: string): Place {
  const offset = Number(/position (\d+)/.exec(error.message)?.[1] ?? Number.NaN);
  if (Number.isNaN(offset)) return { file };
  const before = text.slice(0, offset).split('\n');
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

type Fields = Readonly<Record<string, unknown>>;

function objectOf(value: unknown, what: string, where: Place): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw wrongType(what, 'an object', value, where);
}

function textOf(value: unknown, what: string, where: Place): string {
  if (typeof value === 'string') return value;
  throw wrongType(what, 'a text', value, where);
}

function wrongType(what: string, expected: string, found: unknown, where: Place): NetsimError {
  const shown = JSON.stringify(found)?.slice(0, 60) ?? String(found);
  return new NetsimError('topology-field', `${what}: expected ${expected}, found ${shown}`, {
    where,
  });
}

function refuseUnknown(fields: Fields, known: readonly string[], where: Place): void {
  for (const name of Object.keys(fields)) {
    if (!known.includes(name)) {
      throw new NetsimError('topology-field', `unknown field "${name}"`, {
        where,
        hint: `the fields are ${known.join(', ')}`,
      });
    }
  }
}

function pingOf(value: unknown, where: Place): Topology['ping'] {
  if (value === undefined || value === null) return null;
  const fields = objectOf(value, 'ping', where);
  refuseUnknown(fields, ['from', 'to'], where);
  return {
    from: textOf(fields.from, 'ping.from', where),
    to: textOf(fields.to, 'ping.to', where),
  };
}

/** Reads the field `docker`; null if it is not there. @throws NetsimError that names the field. */
export function readDockerTopology(value: unknown, where: Place): DockerTopology | null {
  if (value === undefined || value === null) return null;
  const fields = objectOf(value, 'docker', where);
  refuseUnknown(fields, ['nodes', 'internet', 'engine'], where);
  const { nodes = 1, internet = true, engine = null } = fields;
  if (typeof nodes !== 'number' || !Number.isInteger(nodes) || nodes < 1 || nodes > NODES_MAX) {
    throw wrongType('docker.nodes', `a number from 1 to ${NODES_MAX}`, nodes, where);
  }
  if (typeof internet !== 'boolean') {
    throw wrongType('docker.internet', 'true or false', internet, where);
  }
  if (engine !== null && !isEngineVersion(engine)) {
    const versions = Object.keys(ENGINE_PROFILES).join(', ');
    throw wrongType('docker.engine', `one of ${versions}`, engine, where);
  }
  return { nodes, internet, engine };
}

/** Whether a text names an engine version that netsim knows. */
export function isEngineVersion(value: unknown): value is EngineVersion {
  return typeof value === 'string' && Object.hasOwn(ENGINE_PROFILES, value);
}

function machinesOf(value: unknown, where: Place): Topology['machines'] {
  const machines = new Map<string, readonly string[]>();
  for (const [machine, list] of Object.entries(objectOf(value, 'machines', where))) {
    if (!Array.isArray(list)) throw wrongType(`machines.${machine}`, 'a list', list, where);
    const names = list.map((each) => textOf(each, `machines.${machine}`, where));
    machines.set(machine, names);
  }
  return machines;
}
