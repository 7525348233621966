/**
 * What happens to the containers when dockerd stops and starts again: without live-restore they end
 * with it, and only those with a restart policy come back.
 * @source moby daemon/daemon.go Shutdown(), restore(); restartmanager/restartmanager.go ShouldRestart()
 */
import { type Process, type Program, waitFor } from '../engine/process.ts';
import { startContainer } from './container-start.ts';
import { killContainer } from './container-stop.ts';
import { setEngineRunning } from './engine.ts';
import { type Container, type DockerEngine, DockerError } from './engine-record.ts';

/** How long containers have to end by themselves. */
const GRACE_NS = 10e9;

/** `systemctl stop docker`: all containers end, then dockerd does. Networks and rules stay. */
export function* stopDaemon(process: Process, engine: DockerEngine): Program<void> {
  const running = [...engine.containers.values()].filter(({ main }) => main !== null);
  const wasStopped = new Map(running.map((each) => [each, each.wasStoppedByUser]));
  for (const container of running) {
    killContainer(engine, container, container.image.config.stopSignal);
    container.wasStoppedByUser = true; // its restart policy waits for dockerd
  }
  const untilNs = process.sim.nowNs + GRACE_NS;
  for (const container of running) {
    const hasEnded = (): boolean => container.main === null;
    const waitNs = Math.max(0, untilNs - process.sim.nowNs);
    if (yield* waitFor(process, [container.waiters], hasEnded, waitNs)) continue;
    if (!hasEnded()) killContainer(engine, container, 'SIGKILL');
    yield* waitFor(process, [container.waiters], hasEnded);
  }
  for (const [container, before] of wasStopped) container.wasStoppedByUser = before;
  setEngineRunning(engine, false);
}

/**
 * `systemctl start docker`: dockerd is there again and starts what wants to be restarted.
 * Unlike Docker, it finds its rules as it left them and writes none anew.
 */
export function startDaemon(engine: DockerEngine): void {
  setEngineRunning(engine, true);
  for (const container of engine.containers.values()) {
    if (container.main !== null || !shouldStart(container)) continue;
    try {
      startContainer(engine, container);
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      container.error = error.message;
    }
  }
}

function shouldStart(container: Container): boolean {
  const { startedNs, exitCode, wasStoppedByUser, spec, restartCount } = container;
  if (startedNs === null) return false; // it never ran
  const { name, maximumRetryCount } = spec.restartPolicy;
  if (name === 'always') return true;
  if (name === 'unless-stopped') return !wasStoppedByUser;
  const mayRetry = maximumRetryCount === 0 || restartCount < maximumRetryCount;
  return name === 'on-failure' && exitCode !== 0 && mayRetry;
}
