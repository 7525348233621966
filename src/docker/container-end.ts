/**
 * The end of a container: networks left, sandbox closed, and what its restart policy says.
 * @source moby daemon/monitor.go handleContainerExit(); restartmanager/restartmanager.go
 */
import { kill, type Process, sleep, spawn, wake } from '../engine/process.ts';
import { timeNs } from '../engine/simulator.ts';
import { removeContainer } from './container-remove.ts';
import { leaveEndpoint, legsOf, releaseEndpoint } from './endpoint.ts';
import { type Container, type DockerEngine, DockerError } from './engine-record.ts';
import { noteContainerEvent } from './events.ts';
import { unpublishPorts } from './port-mapper.ts';
import { stopResolver } from './resolver.ts';
import { closeSandbox } from './sandbox.ts';

/** Between two starts: doubled each time, from the beginning after a run of ten seconds. */
const RESTART_DELAY_MIN_NS = 100_000_000;
const RESTART_DELAY_MAX_NS = 60_000_000_000;
const RESTART_RESET_NS = 10_000_000_000;

const delays = new WeakMap<Container, number>();

/** Unpublishes and leaves everything: the addresses are free again. */
export function leaveNetworks(engine: DockerEngine, container: Container): void {
  if (container.resolver !== null) stopResolver(container.resolver);
  container.resolver = null;
  unpublishPorts(engine, container);
  for (const endpoint of legsOf(container)) {
    leaveEndpoint(engine, endpoint);
    releaseEndpoint(engine, endpoint);
  }
}

/** Its main process has ended; `restart` starts it again if its policy wants that. */
export function endContainer(
  engine: DockerEngine,
  container: Container,
  exitCode: number,
  restart: () => void,
): void {
  container.main = null;
  container.mainCommand = null;
  container.pid = 0;
  for (const exec of [...container.execs]) exec.signal('SIGKILL');
  for (const { process } of [...container.machine.daemons]) kill(process, 'SIGKILL');
  container.status = 'exited';
  container.exitCode = exitCode;
  container.finishedNs = timeNs(engine.world.sim);
  const ranNs = container.finishedNs - (container.startedNs ?? container.finishedNs);
  const seconds = String(Math.floor(ranNs / 1e9));
  noteContainerEvent(engine, container, 'die', {
    execDuration: seconds,
    exitCode: String(exitCode),
  });
  leaveNetworks(engine, container);
  closeSandbox(engine, container);
  if (mayRestart(container)) planRestart(engine, container, ranNs, restart);
  else if (container.spec.autoRemove) removeContainer(engine, container, false);
  wake(container.waiters);
}

function mayRestart({ spec, exitCode, wasStoppedByUser, restartCount }: Container): boolean {
  const { name, maximumRetryCount } = spec.restartPolicy;
  if (wasStoppedByUser || name === 'no') return false;
  if (name !== 'on-failure') return true;
  return exitCode !== 0 && (maximumRetryCount === 0 || restartCount < maximumRetryCount);
}

function planRestart(
  engine: DockerEngine,
  container: Container,
  ranNs: number,
  restart: () => void,
): void {
  const { world, machine } = engine;
  const last = delays.get(container);
  const delayNs =
    last === undefined || ranNs > RESTART_RESET_NS
      ? RESTART_DELAY_MIN_NS
      : Math.min(last * 2, RESTART_DELAY_MAX_NS);
  delays.set(container, delayNs);
  container.status = 'restarting';
  spawn(world.sim, machine.cpu, 'dockerd restart', function* restarter(process: Process) {
    yield* sleep(process, delayNs);
    // It may have been stopped, started or removed meanwhile.
    if (container.status !== 'restarting') return 0;
    container.restartCount++;
    try {
      restart();
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      container.status = 'exited';
      return 1;
    }
    return 0;
  });
}
