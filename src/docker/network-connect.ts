/**
 * `docker network connect` and `disconnect`.
 * @source moby daemon/container_operations.go ConnectToNetwork(), DisconnectFromNetwork()
 */
import { formatIpv4 } from '../base/ipv4-address.ts';
import {
  allocateEndpoint,
  gatewayEndpointOf,
  joinEndpoint,
  leaveEndpoint,
  releaseEndpoint,
} from './endpoint.ts';
import {
  type Container,
  type DockerEndpoint,
  type DockerEngine,
  DockerError,
  type DockerNetwork,
  type EndpointSpec,
} from './engine-record.ts';
import { updateGatewayLeg } from './gateway-leg.ts';
import { contains, subnetOf } from './ipam/address-pools.ts';
import { joinFaults } from './ipam/ipam-check.ts';
import { publishPorts, unpublishPorts } from './port-mapper.ts';
import {
  dnsNamesOf,
  isUserDefined,
  noteEndpointJoined,
  noteEndpointLeft,
} from './sandbox-files.ts';

/**
 * Puts a container on a network; a running one gets the interface at once.
 * @throws DockerError: already there, host mode, addresses.
 */
export function connectNetwork(
  engine: DockerEngine,
  network: DockerNetwork,
  container: Container,
  spec: EndpointSpec,
): void {
  refuseConnection(network, container);
  const faults = faultsOf(network, spec);
  if (faults.length > 0) throw invalidSettings(faults);
  const { netns } = container;
  if (netns !== null) {
    const before = gatewayEndpointOf(container);
    const endpoint = allocateEndpoint(engine, container, network, spec);
    endpoint.dnsNames = dnsNamesOf(container, network.name, spec.aliases);
    try {
      joinEndpoint(engine, endpoint, netns, nextEthIndex(container));
      updateGatewayLeg(engine, container);
    } catch (error) {
      leaveEndpoint(engine, endpoint);
      releaseEndpoint(engine, endpoint);
      throw error;
    }
    moveExternalConnection(engine, container, before);
    noteEndpointJoined(engine, endpoint);
  }
  container.networks.set(network.name, spec);
}

/** Takes a container off a network. @throws DockerError: not on it. */
export function disconnectNetwork(
  engine: DockerEngine,
  network: DockerNetwork,
  container: Container,
): void {
  if (container.spec.networkMode === 'host' && network.driver === 'host') {
    throw new DockerError(400, HOST_TEXT);
  }
  const endpoint = container.endpoints.get(network.name);
  if (!container.networks.has(network.name)) {
    const which = container.netns === null ? 'the network' : 'network';
    const text = `container ${container.id} is not connected to ${which} ${network.name}`;
    throw new DockerError(500, text);
  }
  container.networks.delete(network.name);
  if (endpoint === undefined) return;
  const before = gatewayEndpointOf(container);
  if (before === endpoint) unpublishPorts(engine, container);
  leaveEndpoint(engine, endpoint);
  noteEndpointLeft(engine, endpoint);
  releaseEndpoint(engine, endpoint);
  updateGatewayLeg(engine, container);
  moveExternalConnection(engine, container, before);
}

/**
 * Refuses what a container asks of a network and what no network of that kind can give: `docker run`
 * calls it for each network before anything is made.
 * @throws DockerError 400 `invalid config for network X: invalid endpoint settings:` and why.
 */
export function checkEndpointSpec(network: DockerNetwork, spec: EndpointSpec): void {
  const faults = faultsOf(network, spec);
  if (faults.length === 0) return;
  const { message } = invalidSettings(faults);
  throw new DockerError(400, `invalid config for network ${network.name}: ${message}`);
}

const HOST_TEXT = 'container cannot be disconnected from host network or connected to host network';

function invalidSettings(faults: readonly string[]): DockerError {
  return new DockerError(400, `invalid endpoint settings:\n${joinFaults(faults)}`);
}

/** @source moby daemon/container_operations.go validateEndpointSettings() */
function faultsOf(network: DockerNetwork, spec: EndpointSpec): string[] {
  const faults: string[] = [];
  const { address, aliases } = spec;
  if (!isUserDefined(network.name)) {
    if (address !== null) {
      faults.push('user specified IP address is supported on user defined networks only');
    }
    if (aliases.length > 0) {
      faults.push('network-scoped alias is supported only for containers in user defined networks');
    }
  }
  if (address === null) return faults;
  const subnets = network.ipam.filter(({ isUserDefined: isNamed }) => isNamed);
  if (subnets.length === 0) {
    faults.push(
      'user specified IP address is supported only when connecting to networks with user ' +
        'configured subnets',
    );
  } else if (!subnets.some((config) => contains(subnetOf(config), address))) {
    const text = formatIpv4(address);
    faults.push(`no configured subnet or ip-range contain the IP address ${text}`);
  }
  return faults;
}

/** @source updateNetworkConfig(); runconfig/errors.go */
function refuseConnection(network: DockerNetwork, container: Container): void {
  const { networkMode } = container.spec;
  const isHostMode = networkMode === 'host';
  if (!isHostMode && network.driver === 'host') throw new DockerError(400, HOST_TEXT);
  const isShared = networkMode.startsWith('container:') || isHostMode;
  if (isShared && network.driver !== 'host') {
    throw new DockerError(
      400,
      'container sharing network namespace with another container or host cannot be connected ' +
        'to any other network',
    );
  }
  const names = [...container.networks.keys()].filter((name) => name !== network.name);
  if (names.includes('none') || (network.driver === 'null' && names.length > 0)) {
    throw new DockerError(
      400,
      'container cannot be connected to multiple networks with one of the networks in private ' +
        '(none) mode',
    );
  }
}

/** The lowest number that no interface of the sandbox has. */
function nextEthIndex({ netns }: Container): number {
  let index = 0;
  while (netns?.deviceByName.has(`eth${index}`)) index++;
  return index;
}

/** Published ports go with the default gateway. @source endpoint.go sbJoin(), sandbox.go */
function moveExternalConnection(
  engine: DockerEngine,
  container: Container,
  before: DockerEndpoint | null,
): void {
  if (gatewayEndpointOf(container) === before) return;
  if (before !== null) unpublishPorts(engine, container);
  publishPorts(engine, container);
}
