/** Places where commands run: machines, namespaces of `ip netns`, containers. */
import { NetsimError } from '../base/errors.ts';
import { suggestionFor } from '../base/suggest.ts';
import { engineOf } from '../docker/engine.ts';
import type { Container } from '../docker/engine-record.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { type Machine, namespaceAt } from '../world/machine.ts';
import type { World } from '../world/world.ts';

/** A machine (a container is one as well) and the namespace in which a command starts. */
export interface Place {
  readonly machine: Machine;
  readonly netns: NetNamespace;
}

/** What is needed to find places. */
export interface PlaceContext {
  readonly world: World;
  /** Whose namespaces need no prefix. */
  readonly machine: Machine;
}

/** Compose's label with the service that a container belongs to. @source docker compose */
const SERVICE_LABEL = 'com.docker.compose.service';

const SWARM_SERVICE_LABEL = 'com.docker.swarm.service.name';
const STACK_LABEL = 'com.docker.stack.namespace';

/** Names that the hand-wired docker0 had for the machines of a Docker world. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['host', 'node1'],
  ['router', 'client'],
  ['out', 'internet'],
]);

/** All containers of a machine's engine, oldest first; none if it has no engine. */
export function containersOf(machine: Machine): Container[] {
  return [...(engineOf(machine)?.containers.values() ?? [])];
}

/**
 * The place of this name: `c1` (namespace or container), `node2` (machine), `node2/c1`; a service of
 * Compose stands for its first container.
 * @throws NetsimError with suggestions.
 */
export function findPlace(context: PlaceContext, name: string): Place {
  const found = placeOfName(context, name);
  if (found !== null) return found;
  const container = containerOfName(context.world, name);
  if (container !== null) {
    throw new NetsimError('not-running', `the container "${name}" does not run`, {
      hint: `docker start ${container.name}`,
    });
  }
  throw new NetsimError('unknown-namespace', `there is no namespace "${name}"`, {
    hint: suggestionFor(name, namesOfPlaces(context)),
  });
}

/** As findPlace; null if there is no such place, or it does not run. */
export function placeOfName({ world, machine }: PlaceContext, name: string): Place | null {
  const netns = machine.namespaces.get(name);
  if (netns !== undefined) return { machine, netns };
  const alias = world.machines.has('node1') ? ALIASES.get(name) : undefined;
  const named = world.machines.get(name) ?? world.machines.get(alias ?? '');
  if (named !== undefined) return { machine: named, netns: named.root };
  const slash = name.indexOf('/');
  const owner = slash < 0 ? undefined : world.machines.get(name.slice(0, slash));
  if (owner !== undefined) {
    const rest = name.slice(slash + 1);
    const inside = owner.namespaces.get(rest);
    if (inside !== undefined) return { machine: owner, netns: inside };
    return placeOfContainer(findContainer(containersOf(owner), rest));
  }
  return placeOfContainer(containerOfName(world, name));
}

/** Where a container's commands run; null if there is none, or it does not run. */
export function placeOfContainer(container: Container | null): Place | null {
  if (container?.netns == null) return null;
  return { machine: container.machine, netns: container.netns };
}

function containerOfName(world: World, name: string): Container | null {
  const all = [...world.machines.values()].flatMap(containersOf);
  return findContainer(all, name);
}

/** By name, service or prefix of an id; null if there is none. */
export function findContainer(all: readonly Container[], name: string): Container | null {
  const isPrefix = /^[0-9a-f]{4,64}$/.test(name);
  return (
    all.find((each) => nameOf(each) === name) ??
    all.find(({ spec }) => spec.labels.get(SERVICE_LABEL) === name) ??
    taskOf(all, name) ??
    all.find(({ id }) => isPrefix && id.startsWith(name)) ??
    null
  );
}

/** The first task of a swarm's service that runs: `web`, `web.2`, and those of a stack's `shop_web`. */
function taskOf(all: readonly Container[], name: string): Container | undefined {
  const isIt = ({ name: own, spec: { labels } }: Container): boolean => {
    const service = labels.get(SWARM_SERVICE_LABEL);
    if (service === undefined) return false;
    const stack = labels.get(STACK_LABEL);
    const short = stack === undefined ? null : `${stack}_${name}`;
    const bare = own.replace(/^\//, '');
    if (service === name || service === short || bare.startsWith(`${name}.`)) return true;
    return short !== null && bare.startsWith(`${short}.`);
  };
  const tasks = all.filter(isIt).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  return tasks.find(({ netns }) => netns !== null) ?? tasks[0];
}

function nameOf(container: Container): string {
  return container.name.replace(/^\//, '');
}

/** Every name that findPlace takes, for suggestions and completion. */
export function namesOfPlaces({ world, machine }: PlaceContext): string[] {
  const all = [...world.machines.values()];
  return [
    ...machine.namespaces.keys(),
    ...(all.length > 1 ? all.map(({ name }) => name) : []),
    ...all.flatMap(containersOf).map(nameOf),
  ];
}

/** Every namespace: of all machines and their containers, roots first. */
export function namespacesOf(world: World): NetNamespace[] {
  const found = new Set<NetNamespace>();
  for (const machine of world.machines.values()) {
    found.add(machine.root);
    for (const netns of machine.namespaces.values()) found.add(netns);
  }
  for (const machine of world.machines.values()) {
    for (const { netns } of containersOf(machine)) if (netns !== null) found.add(netns);
    for (const netns of sandboxesOf(machine)) found.add(netns);
  }
  return [...found];
}

const SANDBOX_FOLDER = '/var/run/docker/netns';

/** The namespaces that an engine keeps for itself and for its containers. */
function sandboxesOf(machine: Machine): NetNamespace[] {
  const names = machine.files.find(SANDBOX_FOLDER)?.children?.keys() ?? [];
  return [...names]
    .map((name) => namespaceAt(machine, `${SANDBOX_FOLDER}/${name}`))
    .filter((netns) => netns !== null);
}

/** What a picture calls a namespace: a container by its name, whatever its namespace is called. */
export function hostOfNamespace(
  world: World,
  namespaceName: string,
  namespaceNumber = 0,
): string | null {
  const isIt = ({ name, id }: NetNamespace): boolean =>
    namespaceNumber === 0 ? name === namespaceName : id === namespaceNumber;
  for (const machine of world.machines.values()) {
    const containers = containersOf(machine);
    for (const { netns } of containers) {
      if (netns !== null && isIt(netns) && netns !== machine.root) return machine.name;
    }
    const sandboxes = sandboxesOf(machine);
    if (sandboxes.some((netns) => netns !== machine.root && isIt(netns))) return machine.name;
    if (isIt(machine.root) && (containers.length > 0 || sandboxes.length > 0)) return machine.name;
  }
  return null;
}
