/**
 * `docker create`, `rename`, `rm`, `container prune`.
 * @source moby daemon/create.go, rename.go, delete.go, names.go
 */
import { makeWaitQueue } from '../engine/process.ts';
import { timeNs } from '../engine/simulator.ts';
import { makeMachine } from '../world/machine.ts';
import { capabilitiesOf, normalizeCapability } from './capabilities.ts';
import { removeContainer } from './container-remove.ts';
import {
  type Container,
  type ContainerSpec,
  type DockerEngine,
  DockerError,
  type EndpointSpec,
} from './engine-record.ts';
import { noteContainerEvent } from './events.ts';
import { makeId } from './ids.ts';
import { type DockerImage, findImage, withTag } from './images.ts';
import { argvOf } from './main-process.ts';
import { isContainerName, makeName } from './names.ts';
import { checkEndpointSpec } from './network-connect.ts';
import { findNetwork } from './network-create.ts';
import { dnsNamesOf, hostnameOf, isUserDefined, sharedContainerOf } from './sandbox-files.ts';

export { findContainer } from './container-find.ts';
export { removeContainer } from './container-remove.ts';

/** Containers that one engine may have. */
const CONTAINERS_MAX = 4096;
const NO_ENDPOINT: EndpointSpec = { address: null, mac: null, aliases: [] };

/** Creates a container. @throws DockerError: name in use, no such image (pull it and call again), addresses. */
export function createContainer(engine: DockerEngine, spec: ContainerSpec): Container {
  checkSpec(spec);
  const networks = networksOf(engine, spec);
  const image = findImage(engine, spec.image);
  if (image === null) throw new DockerError(404, `No such image: ${withTag(spec.image)}`);
  if (argvOf({ spec, image }).length === 0) throw new DockerError(400, 'no command specified');
  const id = makeId(engine.stream);
  const name =
    spec.name === ''
      ? makeName(engine.stream, (each) => holderOf(engine, each) !== null)
      : freeName(engine, spec.name);
  if (engine.containers.size >= CONTAINERS_MAX) throw new DockerError(500, 'too many containers');
  const container = makeContainer(engine, spec, image, id, name);
  for (const [network, endpoint] of networks) container.networks.set(network, endpoint);
  container.machine.files.writeFile('/etc/hostname', `${hostnameOf(engine, container)}\n`);
  engine.containers.set(id, container);
  noteContainerEvent(engine, container, 'create');
  return container;
}

/** `docker rename`: the embedded DNS follows. */
export function renameContainer(engine: DockerEngine, container: Container, name: string): void {
  const wanted = name.replace(/^\//, '');
  if (wanted === '') throw new DockerError(400, 'Neither old nor new names may be empty');
  const before = container.name;
  if (wanted === before) {
    throw new DockerError(400, 'Renaming a container with the same name as its current name');
  }
  try {
    container.name = freeName(engine, wanted);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    throw new DockerError(error.status, `Error when allocating new name: ${error.message}`);
  }
  for (const [network, endpoint] of container.endpoints) {
    endpoint.dnsNames = dnsNamesOf(container, network, endpoint.aliases);
  }
  noteContainerEvent(engine, container, 'rename', { oldName: `/${before}` });
}

/** `docker container prune`: all that do not run. @returns their ids. */
export function pruneContainers(engine: DockerEngine): string[] {
  const idle = [...engine.containers.values()].filter(({ status }) =>
    ['created', 'exited', 'dead'].includes(status),
  );
  for (const container of idle) removeContainer(engine, container, false);
  return idle.map(({ id }) => id);
}

/** The record of a container; it is in no list yet. */
export function makeContainer(
  engine: DockerEngine,
  spec: ContainerSpec,
  image: DockerImage,
  id: string,
  name: string,
): Container {
  const { world, machine: host } = engine;
  const capabilities = capabilitiesOf(spec.capAdd, spec.capDrop, spec.isPrivileged);
  const machine = makeMachine(world, name, host.cpu, {
    host,
    root: host.root, // until it starts
    ...(capabilities === null ? {} : { capabilities }),
  });
  machine.hasBusybox = image.hasBusybox;
  return {
    id,
    name,
    spec,
    image,
    createdNs: timeNs(world.sim),
    status: 'created',
    startedNs: null,
    finishedNs: null,
    exitCode: 0,
    error: '',
    restartCount: 0,
    pid: 0,
    wasStoppedByUser: false,
    machine,
    netns: null,
    sandboxKey: '',
    sandboxId: '',
    networks: new Map(),
    endpoints: new Map(),
    gatewayLeg: null,
    logs: [],
    listeners: new Set(),
    main: null,
    mainCommand: null,
    obeysStop: false,
    wantedExit: null,
    waiters: makeWaitQueue(),
    resolver: null,
    writtenResolvConf: '',
    execs: new Set(),
  };
}

/** Options that exclude each other. @source moby runconfig/hostconfig_unix.go, daemon/container.go */
function checkSpec(spec: ContainerSpec): void {
  const refuse = (message: string): never => {
    throw new DockerError(400, message);
  };
  const isShared = sharedContainerOf(spec.networkMode) !== null;
  if (isShared) {
    const conflict = (what: string): never => refuse(`conflicting options: ${what}`);
    if (spec.hostname !== null) conflict('hostname and the network mode');
    if (spec.dns.length > 0) conflict('dns and the network mode');
    if (spec.extraHosts.length > 0) {
      conflict('custom host-to-IP mapping and the network mode');
    }
    if (spec.publish.length > 0 || spec.publishAll) {
      conflict('port publishing and the container type network mode');
    }
    if (spec.expose.length > 0) conflict('port exposing and the container type network mode');
  }
  for (const each of [...spec.capAdd, ...spec.capDrop]) {
    if (normalizeCapability(each) === null)
      refuse(
        `invalid CapAdd: unknown capability: "CAP_${each.toUpperCase().replace(/^CAP_/, '')}"`,
      );
  }
  if (spec.name !== '' && !isContainerName(spec.name.replace(/^\//, ''))) {
    refuse(invalidName(spec.name));
  }
}

/**
 * The networks that it is to be on, the mode's first. One that does not exist (yet) is a mistake only
 * when it starts.
 */
function networksOf(engine: DockerEngine, spec: ContainerSpec): Map<string, EndpointSpec> {
  const all = new Map<string, EndpointSpec>();
  const mode = spec.networkMode === 'default' ? 'bridge' : spec.networkMode;
  if (sharedContainerOf(mode) !== null) {
    if (spec.endpoints.size > 0) {
      throw new DockerError(
        400,
        'conflicting options: cannot attach both user-defined and non-user-defined network-modes',
      );
    }
    return all;
  }
  const first = spec.endpoints.get(mode) ?? spec.endpoints.get('default') ?? NO_ENDPOINT;
  all.set(nameOfNetwork(engine, mode), first);
  for (const [name, endpoint] of spec.endpoints) {
    if (name !== 'default' && name !== mode) all.set(nameOfNetwork(engine, name), endpoint);
  }
  for (const [name, endpoint] of all) {
    const network = [...engine.networks.values()].find((each) => each.name === name);
    if (network !== undefined) checkEndpointSpec(network, endpoint);
    if (all.size > 1 && (name === 'host' || name === 'none')) {
      throw new DockerError(
        400,
        `conflicting options: container cannot be connected to ${name} network and to others`,
      );
    }
  }
  return all;
}

/** Users may give an id or the beginning of one. */
function nameOfNetwork(engine: DockerEngine, reference: string): string {
  if (!isUserDefined(reference)) return reference;
  try {
    return findNetwork(engine, reference).name;
  } catch (error) {
    if (error instanceof DockerError) return reference;
    throw error;
  }
}

function holderOf(engine: DockerEngine, name: string): Container | null {
  for (const container of engine.containers.values()) if (container.name === name) return container;
  return null;
}

/** The name without its slash. @throws DockerError 400 malformed, 409 in use. */
function freeName(engine: DockerEngine, text: string): string {
  const name = text.replace(/^\//, '');
  if (!isContainerName(name)) throw new DockerError(400, invalidName(text));
  const holder = holderOf(engine, name);
  if (holder === null) return name;
  throw new DockerError(
    409,
    `Conflict. The container name "/${name}" is already in use by container "${holder.id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}

function invalidName(name: string): string {
  return `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`;
}
