/** Embedded DNS, in work. */
import type { Process } from '../engine/process.ts';
import type { Container, DockerEngine } from './engine-record.ts';

export interface EmbeddedResolver {
  readonly udpPort: number;
  readonly tcpPort: number;
  readonly processes: readonly Process[];
}

/** Starts 127.0.0.11 in the container's namespace, with its iptables rules. */
export function startResolver(engine: DockerEngine, container: Container): void {
  void engine;
  void container;
}

/** Ends it (the namespace goes with the rules). */
export function stopResolver(container: Container): void {
  void container;
}
