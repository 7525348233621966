/**
 * A container's leg on a network: address and MAC, then the interface in the sandbox.
 *
 *     allocateEndpoint -> joinEndpoint -> publishPorts ... unpublishPorts -> leaveEndpoint -> releaseEndpoint
 *
 * @source libnetwork/endpoint.go, sandbox.go, osl/interface_linux.go
 */
import type { NetNamespace } from '../stack/namespace.ts';
import {
  type Container,
  type DockerEndpoint,
  type DockerEngine,
  DockerError,
  type DockerNetwork,
  type EndpointSpec,
} from './engine-record.ts';

/**
 * Makes an endpoint and enters it in network.endpoints and container.endpoints.
 * @throws DockerError: address in use, subnet full, name already on the network.
 */
export function allocateEndpoint(
  engine: DockerEngine,
  container: Container,
  network: DockerNetwork,
  spec: EndpointSpec,
): DockerEndpoint {
  void engine;
  void container;
  void spec;
  throw new DockerError(500, network.name);
}

/**
 * Makes the interface, moves it into the sandbox as `eth<ethIndex>`, gives it its address and routes, and
 * chooses the sandbox's default gateway afresh. Nothing to do on host and none.
 */
export function joinEndpoint(
  engine: DockerEngine,
  endpoint: DockerEndpoint,
  sandbox: NetNamespace,
  ethIndex: number,
): void {
  void engine;
  void endpoint;
  void sandbox;
  void ethIndex;
}

/** Removes the interface; the default gateway moves to another endpoint. */
export function leaveEndpoint(engine: DockerEngine, endpoint: DockerEndpoint): void {
  void engine;
  void endpoint;
}

/** Gives the address back and takes the endpoint out of both maps. */
export function releaseEndpoint(engine: DockerEngine, endpoint: DockerEndpoint): void {
  void engine;
  void endpoint;
}

/**
 * The endpoint that gives a container its default route and has its published ports; null if none can.
 * @source libnetwork/sandbox.go getGatewayEndpoint(), Endpoint.Less()
 */
export function gatewayEndpointOf(container: Container): DockerEndpoint | null {
  void container;
  return null;
}
