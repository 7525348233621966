/**
 * A container's leg on a network: address, MAC and devices, then the interface in the sandbox.
 *
 *     allocateEndpoint -> publishPorts -> joinEndpoint ... unpublishPorts -> leaveEndpoint -> releaseEndpoint
 *
 * @source libnetwork/endpoint.go, sandbox.go, osl/interface_linux.go, osl/route_linux.go
 */
import { formatIpv4, type Ipv4, maskOf } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import { addAddress } from '../stack/address.ts';
import { addRoute, deleteRoute, type RouteSpec } from '../stack/fib.ts';
import { moveLink, setLinkMac, setLinkUp } from '../stack/link.ts';
import { type NetNamespace, namespaceOf } from '../stack/namespace.ts';
import { netnsId } from '../stack/netns-ids.ts';
import { SCOPE_LINK } from '../stack/route-type.ts';
import { driverOf } from './drivers/index.ts';
import { attempt } from './drivers/options.ts';
import {
  type Container,
  type DockerEndpoint,
  type DockerEngine,
  DockerError,
  type DockerNetwork,
  type EndpointSpec,
} from './engine-record.ts';
import { makeId } from './ids.ts';
import { releaseEndpointAddress, takeEndpointAddress } from './ipam/network-addresses.ts';
import { noteNetworkEvent } from './network-create.ts';
import { sortedEndpoints } from './resolver-names.ts';

/** Prefixes from here on have no broadcast address. */
const POINT_TO_POINT = 31;

/** The default route that the engine gave a sandbox. */
const defaultRoutes = new WeakMap<NetNamespace, RouteSpec>();

/**
 * Makes an endpoint with its devices on the host and enters it in network.endpoints and
 * container.endpoints.
 * @throws DockerError: address in use, subnet full, name already on the network.
 */
export function allocateEndpoint(
  engine: DockerEngine,
  container: Container,
  network: DockerNetwork,
  spec: EndpointSpec,
): DockerEndpoint {
  if (network.isConfigOnly === true) {
    throw new DockerError(403, 'cannot create endpoint on configuration-only network');
  }
  for (const other of network.endpoints.values()) {
    if (other.container.name !== container.name) continue;
    const text = `endpoint with name ${container.name} already exists in network ${network.name}`;
    throw new DockerError(403, text);
  }
  const endpoint = makeLeg(engine, container, network, spec, container.name);
  container.endpoints.set(network.name, endpoint);
  noteNetworkEvent(engine, network, 'connect', container.id);
  return endpoint;
}

/** An endpoint in network.endpoints only: a load balancer's, or one on docker_gwbridge. @throws DockerError */
export function makeLeg(
  engine: DockerEngine,
  container: Container,
  network: DockerNetwork,
  spec: EndpointSpec,
  name: string,
): DockerEndpoint {
  const endpoint = makeEndpoint(engine, container, network, spec, name);
  const driver = driverOf(network);
  if (driver.hasSubnets) takeAddress(engine, endpoint, spec);
  try {
    if (engine.profile.vethBirthplace === 'host' || network.driver !== 'bridge') {
      driver.createEndpoint(engine, endpoint, engine.machine.root);
    }
  } catch (error) {
    if (endpoint.address !== null) releaseEndpointAddress(engine, network, endpoint.address);
    throw error;
  }
  network.endpoints.set(endpoint.id, endpoint);
  return endpoint;
}

/**
 * Moves the endpoint's interface into the sandbox as `eth<ethIndex>`, gives it its address and chooses
 * the sandbox's default gateway afresh. Nothing to do on host and none.
 */
export function joinEndpoint(
  engine: DockerEngine,
  endpoint: DockerEndpoint,
  sandbox: NetNamespace,
  ethIndex: number,
): void {
  const { network, address, prefixLength } = endpoint;
  const driver = driverOf(network);
  if (!driver.hasSubnets) return;
  if (endpoint.containerDevice === null) driver.createEndpoint(engine, endpoint, sandbox);
  const device = endpoint.containerDevice;
  if (device === null || address === null) return;
  configure(device, sandbox, `eth${ethIndex}`, endpoint.mac);
  const broadcast = prefixLength < POINT_TO_POINT ? address | ~maskOf(prefixLength) : 0;
  attempt(`error setting interface "${device.name}" IP to ${formatIpv4(address)}`, () =>
    addAddress(sandbox, device, { address, prefixLength, broadcast }),
  );
  setLinkUp(device);
  driver.endpointJoined?.(engine, endpoint, sandbox);
  chooseDefaultRoute(endpoint.container, sandbox);
}

/** Removes the interface and what is on the host; the default gateway moves to another endpoint. */
export function leaveEndpoint(engine: DockerEngine, endpoint: DockerEndpoint): void {
  const { network, container, containerDevice } = endpoint;
  driverOf(network).deleteEndpoint(engine, endpoint);
  if (containerDevice === null) return;
  const { netns } = container;
  if (netns === null || netns === engine.machine.root) return;
  forget(endpoint);
  chooseDefaultRoute(container, netns);
}

/** Gives the address back and takes the endpoint out of both maps. */
export function releaseEndpoint(engine: DockerEngine, endpoint: DockerEndpoint): void {
  const { network, container, address } = endpoint;
  if (!network.endpoints.delete(endpoint.id)) return;
  if (address !== null) releaseEndpointAddress(engine, network, address);
  const isLeg = container.gatewayLeg === endpoint;
  forget(endpoint);
  if (!isLeg) noteNetworkEvent(engine, network, 'disconnect', container.id);
}

/** The container's endpoints: those of its networks, then its leg on docker_gwbridge. */
export function legsOf(container: Container): DockerEndpoint[] {
  const { endpoints, gatewayLeg } = container;
  return gatewayLeg === null ? [...endpoints.values()] : [...endpoints.values(), gatewayLeg];
}

/**
 * The endpoint that gives a container its default route and has its published ports; null if none can.
 * @source libnetwork/sandbox.go getGatewayEndpoint(), Endpoint.Less()
 */
export function gatewayEndpointOf(container: Container): DockerEndpoint | null {
  return sortedEndpoints(container).find(({ gateway }) => gateway !== null) ?? container.gatewayLeg;
}

/** Takes it out of its container's record. */
function forget(endpoint: DockerEndpoint): void {
  const { container, network } = endpoint;
  if (container.gatewayLeg === endpoint) container.gatewayLeg = null;
  else if (container.endpoints.get(network.name) === endpoint) {
    container.endpoints.delete(network.name);
  }
}

function takeAddress(engine: DockerEngine, endpoint: DockerEndpoint, spec: EndpointSpec): void {
  const { network, container } = endpoint;
  const driver = driverOf(network);
  if (driver.addressOf !== undefined) {
    const given = driver.addressOf(engine, network, container, spec);
    endpoint.address = given.address;
    endpoint.prefixLength = given.prefixLength;
    return;
  }
  const { address, config } = takeEndpointAddress(engine, network, spec.address);
  endpoint.address = address;
  endpoint.prefixLength = config.prefixLength;
  if (driver.hasGateway(network)) endpoint.gateway = config.gateway;
}

function makeEndpoint(
  engine: DockerEngine,
  container: Container,
  network: DockerNetwork,
  spec: EndpointSpec,
  name: string,
): DockerEndpoint {
  return {
    id: makeId(engine.stream),
    name,
    network,
    container,
    address: null,
    prefixLength: 0,
    gateway: null,
    mac: null,
    wantedAddress: spec.address,
    wantedMac: spec.mac,
    aliases: spec.aliases,
    dnsNames: [],
    containerDevice: null,
    hostDevice: null,
    ports: [],
  };
}

/** @source osl AddInterface(), configureInterface() */
function configure(device: Device, sandbox: NetNamespace, name: string, mac: number | null): void {
  // The messages about the move number the namespaces, as those of a pair do.
  netnsId(namespaceOf(device), sandbox);
  moveLink(device, sandbox, name);
  const { lower } = device;
  if (lower !== null) {
    netnsId(namespaceOf(lower), sandbox);
    netnsId(sandbox, namespaceOf(lower));
  }
  if (mac !== null) setLinkMac(device, mac);
}

/** @source sandbox.go updateGateway() */
function chooseDefaultRoute(container: Container, sandbox: NetNamespace): void {
  const wanted = defaultRouteOf(container);
  const present = defaultRoutes.get(sandbox);
  if (present !== undefined) {
    if (wanted !== null && isSameRoute(present, wanted)) return;
    defaultRoutes.delete(sandbox);
    // Its device may have taken it along.
    try {
      deleteRoute(sandbox, present);
    } catch {}
  }
  if (wanted === null) return;
  attempt('failed to set gateway while updating gateway', () => addRoute(sandbox, wanted));
  defaultRoutes.set(sandbox, wanted);
}

function isSameRoute(one: RouteSpec, other: RouteSpec): boolean {
  return one.gateway === other.gateway && one.device === other.device;
}

/** Null while the interface of the gateway endpoint is not there yet. */
function defaultRouteOf(container: Container): RouteSpec | null {
  const direct = sortedEndpoints(container).find(({ network }) =>
    driverOf(network).hasDeviceRoute(network),
  );
  const chosen = gatewayEndpointOf(container);
  const device = (chosen ?? direct)?.containerDevice ?? null;
  if (device === null || !device.isUp) return null;
  const gateway: Ipv4 | null = chosen?.gateway ?? null;
  if (gateway !== null) return { prefix: 0, prefixLength: 0, gateway, device };
  return { prefix: 0, prefixLength: 0, device, scope: SCOPE_LINK };
}
