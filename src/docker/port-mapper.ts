/**
 * Published ports: DNAT, the rules that let the packets through, and docker-proxy.
 * @source libnetwork/drivers/bridge/port_mapping_linux.go; libnetwork/portmapper/mapper.go
 */
import type { Container, DockerEngine } from './engine-record.ts';

/**
 * Publishes a container's ports on its gateway endpoint, if that is on a bridge.
 * @throws DockerError 500 `driver failed programming external connectivity on endpoint ...`
 */
export function publishPorts(engine: DockerEngine, container: Container): void {
  void engine;
  void container;
}

export function unpublishPorts(engine: DockerEngine, container: Container): void {
  void engine;
  void container;
}
