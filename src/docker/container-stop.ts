/**
 * `docker stop`, `kill`, `restart`, `wait`.
 * @source moby daemon/stop.go, kill.go, restart.go
 */
import { type Process, type Program, type Signal, waitFor } from '../engine/process.ts';
import { startContainer } from './container-start.ts';
import { type Container, type DockerEngine, DockerError } from './engine-record.ts';
import { noteContainerEvent } from './events.ts';
import { signalMain } from './main-process.ts';

/** Signals by number. @source include/uapi/asm-generic/signal.h */
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  WINCH: 28,
};

/**
 * `docker stop`: the image's stop signal, then SIGKILL after the grace. Takes virtual time:
 * `context.run('docker', function* (process) { yield* stopContainer(process, engine, c, 10); ... })`.
 * One that does not run is left alone.
 */
export function* stopContainer(
  process: Process,
  engine: DockerEngine,
  container: Container,
  graceSec: number,
): Program<void> {
  if (container.status === 'restarting') {
    container.wasStoppedByUser = true;
    container.status = 'exited';
  }
  if (container.main === null) return;
  container.wasStoppedByUser = true;
  sendSignal(engine, container, numberOf(container.image.config.stopSignal) ?? 15);
  const hasEnded = (): boolean => container.main === null;
  const graceNs = graceSec < 0 ? Number.POSITIVE_INFINITY : graceSec * 1e9;
  if (!(yield* waitFor(process, [container.waiters], hasEnded, graceNs)) && !hasEnded()) {
    sendSignal(engine, container, 9);
  }
  noteContainerEvent(engine, container, 'stop');
}

/** `docker kill`. @throws DockerError 409 not running, 400 invalid signal. */
export function killContainer(engine: DockerEngine, container: Container, signal: string): void {
  const number = numberOf(signal);
  if (number === null) throw new DockerError(400, `Invalid signal: ${signal}`);
  const { id, name, main } = container;
  if (main === null) {
    throw new DockerError(409, `cannot kill container: ${name}: container ${id} is not running`);
  }
  if (number === 9 || number === 15) container.wasStoppedByUser = true;
  sendSignal(engine, container, number);
}

/** `docker restart`: starts it too if it does not run. */
export function* restartContainer(
  process: Process,
  engine: DockerEngine,
  container: Container,
  graceSec: number,
): Program<void> {
  yield* stopContainer(process, engine, container, graceSec);
  startContainer(engine, container);
  noteContainerEvent(engine, container, 'restart');
}

/** `docker wait`: until it does not run. @returns its exit code. */
export function* waitContainer(process: Process, container: Container): Program<number> {
  const isOver = (): boolean => container.main === null && container.status !== 'restarting';
  while (!isOver() && process.signal === null) yield* waitFor(process, [container.waiters], isOver);
  return container.exitCode;
}

function sendSignal(engine: DockerEngine, container: Container, number: number): void {
  noteContainerEvent(engine, container, 'kill', { signal: String(number) });
  signalMain(container, signalOf(number));
}

/** The engine knows three: what interrupts, what kills, and what asks to end. */
function signalOf(number: number): Signal {
  if (number === 9) return 'SIGKILL';
  return number === 2 ? 'SIGINT' : 'SIGTERM';
}

/** 15 of `15`, `TERM`, `sigterm`; null if there is no such signal. */
function numberOf(signal: string): number | null {
  if (/^\d+$/.test(signal)) {
    const number = Number(signal);
    return number > 0 && number < 65 ? number : null;
  }
  return SIGNAL_NUMBERS[signal.toUpperCase().replace(/^SIG/, '')] ?? null;
}
