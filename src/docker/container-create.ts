/** `docker create`, `rename`, `rm`, `container prune`, and finding containers. */
import {
  type Container,
  type ContainerSpec,
  type DockerEngine,
  DockerError,
} from './engine-record.ts';

/** Creates a container. @throws DockerError: name in use, no such image, networks, addresses. */
export function createContainer(engine: DockerEngine, spec: ContainerSpec): Container {
  void engine;
  throw new DockerError(500, spec.name);
}

/** By name, id or prefix of an id. @throws DockerError 404 `No such container: X`, 400 ambiguous prefix. */
export function findContainer(engine: DockerEngine, reference: string): Container {
  void engine;
  throw new DockerError(404, `No such container: ${reference}`);
}

/** `docker rm`: a running one only with `isForced` (SIGKILL, no grace). */
export function removeContainer(
  engine: DockerEngine,
  container: Container,
  isForced: boolean,
): void {
  void engine;
  void container;
  void isForced;
}

/** `docker rename`. */
export function renameContainer(engine: DockerEngine, container: Container, name: string): void {
  void engine;
  void container;
  void name;
}

/** `docker container prune`: all that do not run. @returns their ids. */
export function pruneContainers(engine: DockerEngine): string[] {
  void engine;
  return [];
}
