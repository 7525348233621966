/** `docker start`, `unpause`, `pause`: networks joined, ports published, the main process begun. */
import type { Container, DockerEngine } from './engine-record.ts';

/**
 * Starts a container: acts at once, so call it as a system call (runOn, context.kernel).
 * @throws DockerError 409 container mode's target, 500 ports in use, 400 command not found ...
 */
export function startContainer(engine: DockerEngine, container: Container): void {
  void engine;
  void container;
}

/** `docker pause`: its processes stand still, its namespace does not. */
export function pauseContainer(engine: DockerEngine, container: Container): void {
  void engine;
  void container;
}

export function unpauseContainer(engine: DockerEngine, container: Container): void {
  void engine;
  void container;
}
