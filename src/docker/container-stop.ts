/** `docker stop`, `kill`, `restart`, `wait`: the end of a container's main process. */
import type { Process, Program } from '../engine/process.ts';
import type { Container, DockerEngine } from './engine-record.ts';

/**
 * `docker stop`: the image's stop signal, then SIGKILL after the grace. Takes virtual time:
 * `context.run('docker', function* (process) { yield* stopContainer(process, engine, c, 10); ... })`.
 */
export function* stopContainer(
  process: Process,
  engine: DockerEngine,
  container: Container,
  graceSec: number,
): Program<void> {
  void process;
  void engine;
  void container;
  void graceSec;
}

/** `docker kill`. @throws DockerError 409 `Container ID is not running`, 400 invalid signal. */
export function killContainer(engine: DockerEngine, container: Container, signal: string): void {
  void engine;
  void container;
  void signal;
}

/** `docker restart`. */
export function* restartContainer(
  process: Process,
  engine: DockerEngine,
  container: Container,
  graceSec: number,
): Program<void> {
  yield* stopContainer(process, engine, container, graceSec);
}

/** `docker wait`: until it does not run. @returns its exit code. */
export function* waitContainer(process: Process, container: Container): Program<number> {
  void process;
  return container.exitCode;
}
