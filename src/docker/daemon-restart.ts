/**
 * What happens to the containers when dockerd stops and starts again: without live-restore they end
 * with it, and only those with a restart policy come back.
 * @source moby daemon/daemon.go Shutdown(), restore(); restartmanager/restartmanager.go ShouldRestart()
 */
import { type Process, type Program, waitFor } from '../engine/process.ts';
import { startContainer } from './container-start.ts';
import { killContainer } from './container-stop.ts';
import { endDockerd, handleDockerdSignals } from './daemon-process.ts';
import { engineOf, setEngineRunning } from './engine.ts';
import { type Container, type DockerEngine, DockerError } from './engine-record.ts';

/** How long containers have to end by themselves. */
const GRACE_NS = 10e9;

/** A part of dockerd that is more than its containers: its membership in a swarm. */
export interface DaemonPart {
  /** dockerd is about to stop, its containers still run. */
  stop(): void;
  /** The containers have ended. */
  cleanUp(): void;
  start(): void;
}

const parts = new WeakMap<DockerEngine, DaemonPart>();

/** Has a part stop and start with dockerd; null takes it away. From now on dockerd obeys signals. */
export function attachDaemonPart(engine: DockerEngine, part: DaemonPart | null): void {
  if (part === null) {
    parts.delete(engine);
    return;
  }
  parts.set(engine, part);
  handleDockerdSignals(engine, {
    terminate: (process) => stopDaemon(process, engine),
    killed: () => crashDaemon(engine),
  });
}

/** dockerd was killed: its containers go on without it. */
function crashDaemon(engine: DockerEngine): void {
  if (engineOf(engine.machine) === null) return;
  parts.get(engine)?.stop();
  setEngineRunning(engine, false);
}

/** `systemctl stop docker`: all containers end, then dockerd does. Networks and rules stay. */
export function* stopDaemon(process: Process, engine: DockerEngine): Program<void> {
  parts.get(engine)?.stop();
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
  parts.get(engine)?.cleanUp();
  setEngineRunning(engine, false);
  endDockerd(engine, process);
}

/**
 * `systemctl start docker`: dockerd is there again and starts what wants to be restarted.
 * Unlike Docker, it finds its rules as it left them and writes none anew.
 */
export function startDaemon(engine: DockerEngine): void {
  setEngineRunning(engine, true);
  if (endOrphans(engine)) parts.get(engine)?.cleanUp();
  for (const container of engine.containers.values()) {
    if (container.main !== null || !shouldStart(container)) continue;
    try {
      startContainer(engine, container);
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      container.error = error.message;
    }
  }
  parts.get(engine)?.start();
}

/** Without live-restore what outlived a dockerd that was killed ends now. @returns whether there was any. */
function endOrphans(engine: DockerEngine): boolean {
  const orphans = [...engine.containers.values()].filter(({ main }) => main !== null);
  for (const orphan of orphans) {
    const before = orphan.wasStoppedByUser;
    killContainer(engine, orphan, 'SIGKILL');
    orphan.wasStoppedByUser = before;
  }
  return orphans.length > 0;
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
