/** `docker network connect` and `disconnect`. */
import type { Container, DockerEngine, DockerNetwork, EndpointSpec } from './engine-record.ts';

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
  void engine;
  void network;
  void container;
  void spec;
}

/** Takes a container off a network. @throws DockerError: not on it. */
export function disconnectNetwork(
  engine: DockerEngine,
  network: DockerNetwork,
  container: Container,
): void {
  void engine;
  void network;
  void container;
}

/**
 * Refuses what a container asks of a network and what no network of that kind can give: `docker run`
 * calls it for each network before anything is made.
 * @throws DockerError 400 `invalid config for network X: invalid endpoint settings:` and why.
 */
export function checkEndpointSpec(network: DockerNetwork, spec: EndpointSpec): void {
  void network;
  void spec;
}
