/**
 * `docker network create`, `rm`, `prune`, and finding networks.
 * @source moby daemon/network.go createNetwork(), deleteNetwork(); libnetwork/controller.go NewNetwork()
 */
import { timeNs } from '../engine/simulator.ts';
import {
  checkConfiguration,
  checkConfigurationIsFree,
  noteConfiguration,
  withConfiguration,
} from './config-network.ts';
import { findDriver } from './drivers/index.ts';
import {
  type DockerEngine,
  DockerError,
  type DockerNetwork,
  type IpamConfig,
  type NetworkDriverName,
} from './engine-record.ts';
import { noteEvent } from './events.ts';
import { makeId } from './ids.ts';
import { checkIpam, type IpamSpec } from './ipam/ipam-check.ts';
import { releaseNetworkAddresses, takeNetworkAddresses } from './ipam/network-addresses.ts';

export type { IpamSpec } from './ipam/ipam-check.ts';

/** What `docker network create` asks for. */
export interface NetworkSpec {
  readonly name: string;
  /** `bridge` if empty. */
  readonly driver: string;
  readonly isInternal: boolean;
  readonly isAttachable: boolean;
  readonly isIngress: boolean;
  readonly enableIpv6: boolean;
  readonly options: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  /** `default` if empty. */
  readonly ipamDriver: string;
  readonly ipamOptions: ReadonlyMap<string, string> | null;
  /** Empty: one of the engine's own pools. */
  readonly ipam: readonly IpamSpec[];
  /** `--scope`; empty if it was not given. */
  readonly scope: string;
  /** `--config-only`. */
  readonly isConfigOnly: boolean;
  /** `--config-from`: a configuration network's name, or empty. */
  readonly configFrom: string;
}

/** All defaults: `createNetwork(engine, { ...NETWORK_DEFAULTS, name: 'mynet' })`. */
export const NETWORK_DEFAULTS: Omit<NetworkSpec, 'name'> = {
  driver: 'bridge',
  isInternal: false,
  isAttachable: false,
  isIngress: false,
  enableIpv6: false,
  options: new Map(),
  labels: new Map(),
  ipamDriver: 'default',
  ipamOptions: new Map(),
  ipam: [],
  scope: '',
  isConfigOnly: false,
  configFrom: '',
};

/** Networks that nobody may create or remove. @source runconfig.IsPreDefinedNetwork() */
const PREDEFINED = ['bridge', 'host', 'none', 'default'];
/** Networks of one engine. */
const NETWORKS_MAX = 4096;

/** Creates a network. @throws DockerError with the engine's words. */
export function createNetwork(engine: DockerEngine, spec: NetworkSpec): DockerNetwork {
  if (PREDEFINED.includes(spec.name)) {
    const text = `operation is not permitted on predefined ${spec.name} network`;
    throw new DockerError(403, text);
  }
  const network = addNetwork(engine, spec);
  if (!spec.isConfigOnly) noteNetworkEvent(engine, network, 'create');
  return network;
}

/** Creates a network of any name; the engine's own three come by this. */
export function addNetwork(engine: DockerEngine, asked: NetworkSpec): DockerNetwork {
  const { name } = asked;
  checkIpam(asked.ipam);
  if (name.trim() === '') throw new DockerError(400, `invalid name: ${name}`);
  for (const other of engine.networks.values()) {
    if (other.name !== name) continue;
    throw new DockerError(409, `network with name ${name} already exists`);
  }
  if (engine.networks.size >= NETWORKS_MAX) throw new DockerError(500, 'too many networks');
  checkConfiguration(asked);
  if (asked.isConfigOnly) return addConfigNetwork(engine, asked);
  const driver = driverFor(asked.driver === '' ? 'bridge' : asked.driver);
  if (asked.isIngress) {
    throw new DockerError(403, 'Ingress network can only be global scope network');
  }
  if (asked.scope === 'swarm') {
    const text = 'cannot create a swarm scoped network when swarm is not active';
    throw new DockerError(403, text);
  }
  const spec = withConfiguration(engine, asked);
  const ipam = driver.hasSubnets ? takeNetworkAddresses(engine, spec.ipam) : [];
  const network = makeNetwork(engine, spec, driver.name, ipam);
  try {
    driver.createNetwork(engine, network);
  } catch (error) {
    releaseNetworkAddresses(engine, ipam);
    throw error;
  }
  engine.networks.set(network.id, network);
  return network;
}

/** A configuration network takes nothing: no addresses, no devices. */
function addConfigNetwork(engine: DockerEngine, spec: NetworkSpec): DockerNetwork {
  const network = makeNetwork(engine, spec, 'null', spec.ipam.flatMap(configOf));
  noteConfiguration(network, spec);
  engine.networks.set(network.id, network);
  return network;
}

function makeNetwork(
  engine: DockerEngine,
  spec: NetworkSpec,
  driver: NetworkDriverName,
  ipam: readonly IpamConfig[],
): DockerNetwork {
  return {
    id: makeId(engine.stream),
    name: spec.name,
    driver,
    scope: 'local',
    createdNs: timeNs(engine.world.sim),
    isInternal: spec.isInternal,
    isAttachable: spec.isAttachable,
    isIngress: spec.isIngress,
    enableIpv6: spec.enableIpv6,
    options: spec.options,
    labels: spec.labels,
    ipamDriver: spec.ipamDriver === '' ? 'default' : spec.ipamDriver,
    ipamOptions: spec.ipamOptions,
    ipam,
    isConfigOnly: spec.isConfigOnly,
    configFrom: spec.configFrom,
    endpoints: new Map(),
    names: null,
    device: null,
    ownsDevice: false,
  };
}

/** What a configuration network shows of a subnet. */
function configOf({ subnet, gateway, range, auxAddresses }: IpamSpec): IpamConfig[] {
  if (subnet === null) return [];
  const { address, prefixLength } = subnet;
  return [
    {
      subnet: address,
      prefixLength,
      gateway,
      isGatewayShown: gateway !== null,
      range,
      auxAddresses,
      isUserDefined: true,
    },
  ];
}

/** By name, id or prefix of an id. @throws DockerError 404 `network X not found`, 400 ambiguous. */
export function findNetwork(engine: DockerEngine, reference: string): DockerNetwork {
  const networks = [...engine.networks.values()];
  const exact =
    engine.networks.get(reference) ?? networks.find((network) => network.name === reference);
  if (exact !== undefined) return exact;
  const [found, ...more] =
    reference === '' ? [] : networks.filter(({ id }) => id.startsWith(reference));
  if (found === undefined) throw new DockerError(404, `network ${reference} not found`);
  if (more.length > 0) {
    const how = `${more.length + 1} matches found based on ID prefix`;
    throw new DockerError(400, `network ${reference} is ambiguous (${how})`);
  }
  return found;
}

/** `docker network rm`. @throws DockerError 403: predefined, active endpoints. */
export function removeNetwork(engine: DockerEngine, network: DockerNetwork): void {
  const { name, id } = network;
  if (PREDEFINED.includes(name)) {
    throw new DockerError(403, `${name} is a pre-defined network and cannot be removed`);
  }
  if (network.endpoints.size > 0) {
    const text = `network ${name} id ${id} has active endpoints`;
    throw new DockerError(403, `error while removing network: ${text}`);
  }
  if (network.isConfigOnly === true) {
    checkConfigurationIsFree(engine, network);
    engine.networks.delete(id);
    return;
  }
  engine.networks.delete(id);
  findDriver(network.driver)?.removeNetwork(engine, network);
  releaseNetworkAddresses(engine, network.ipam);
  noteNetworkEvent(engine, network, 'destroy');
}

/** `docker network prune`: all that no container is on. @returns their names, as the CLI prints them. */
export function pruneNetworks(engine: DockerEngine): string[] {
  const unused = [...engine.networks.values()].filter(
    ({ name, endpoints, isConfigOnly }) =>
      !PREDEFINED.includes(name) && endpoints.size === 0 && isConfigOnly !== true,
  );
  for (const network of unused) removeNetwork(engine, network);
  return unused.map(({ name }) => name);
}

/** What happened to a network, for `docker events`. */
export function noteNetworkEvent(
  engine: DockerEngine,
  network: DockerNetwork,
  action: 'create' | 'destroy' | 'connect' | 'disconnect',
  containerId?: string,
): void {
  const container: [string, string][] =
    containerId === undefined ? [] : [['container', containerId]];
  const attributes = new Map([...container, ['name', network.name], ['type', network.driver]]);
  noteEvent(engine, 'network', action, network.id, attributes as Map<string, string>); // all pairs are of text
}

function driverFor(name: string) {
  const driver = name === 'overlay' ? null : findDriver(name); // those are the managers'
  if (driver !== null) return driver;
  if (name === 'overlay') {
    throw new DockerError(
      503,
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to ' +
        'connect this node to swarm and try again.',
    );
  }
  throw new DockerError(404, `plugin "${name}" not found`);
}
