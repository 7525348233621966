/** `docker rm`. @source moby daemon/delete.go */
import { type Container, type DockerEngine, DockerError } from './engine-record.ts';
import { noteContainerEvent } from './events.ts';
import { signalMain } from './main-process.ts';

/** `docker rm`: a running one only with `isForced` (SIGKILL, no grace). */
export function removeContainer(
  engine: DockerEngine,
  container: Container,
  isForced: boolean,
): void {
  const { status, name } = container;
  if (status === 'running' || status === 'paused' || status === 'restarting') {
    if (!isForced) {
      const why =
        status === 'running'
          ? 'container is running: stop the container before removing or force remove'
          : status === 'paused'
            ? 'container is paused and must be unpaused first'
            : 'container is restarting: stop the container before removing or force remove';
      throw new DockerError(409, `cannot remove container "/${name}": ${why}`);
    }
    container.wasStoppedByUser = true;
    noteContainerEvent(engine, container, 'kill', { signal: '9' });
    signalMain(container, 'SIGKILL');
  }
  if (!engine.containers.has(container.id)) return; // removed itself at the end (--rm)
  container.status = 'removing';
  engine.containers.delete(container.id);
  noteContainerEvent(engine, container, 'destroy');
}
