/**
 * Processes: programs as generators that run in zero time until they block, as on the recorder's
 * single real-time CPU. A program waits with `yield* sleep(...)`, `yield* waitFor(...)`; whatever it
 * calls in between is a system call that acts at once.
 */
import { assert } from '../base/assert.ts';
import type { Cpu, Runnable } from './cpu.ts';
import { cancel, makeReady, type Simulator, schedule } from './simulator.ts';
import { makeTimer, type Timer } from './timer-queue.ts';

/** A program's body: yields when it blocks, returns its exit code. */
export type Program<Result = number> = Generator<void, Result, void>;

export type Signal = 'SIGINT' | 'SIGTERM' | 'SIGKILL';

export interface Process extends Runnable {
  readonly sim: Simulator;
  readonly cpu: Cpu;
  readonly name: string;
  readonly timer: Timer;
  body: Program | null;
  /** The exit code, null while it runs. */
  exitCode: number | null;
  /** Set by kill; a program that cares (ping) looks after each wait, see `interrupted`. */
  signal: Signal | null;
  /** Called once, at the end. */
  readonly onExit: Array<(exitCode: number) => void>;
  /** Things to close at the end, whatever happens: sockets, taps. Run last in, first out. */
  readonly cleanups: Array<() => void>;
}

/** Where processes wait for something: each wake() makes all of them ready. */
export interface WaitQueue {
  waiters: Process[];
}

export function makeWaitQueue(): WaitQueue {
  return { waiters: [] };
}

/**
 * Starts a program on a CPU: it is made ready and runs when its turn comes.
 * @param main receives the process and returns the program's body.
 */
export function spawn(
  sim: Simulator,
  cpu: Cpu,
  name: string,
  main: (process: Process) => Program,
): Process {
  const process: Process = {
    sim,
    cpu,
    name,
    timer: makeTimer(cpu, () => makeReady(sim, cpu, process)),
    body: null,
    exitCode: null,
    signal: null,
    onExit: [],
    cleanups: [],
    isReady: false,
    nextReady: null,
    resume: () => resume(process),
  };
  process.body = main(process);
  makeReady(sim, cpu, process);
  return process;
}

/** Sends a signal: SIGKILL ends the process at once, the others wake it with `signal` set. */
export function kill(process: Process, signal: Signal): void {
  if (process.exitCode !== null) return;
  process.signal = signal;
  if (signal === 'SIGKILL') finish(process, 137);
  else makeReady(process.sim, process.cpu, process);
}

/** Waits `delayNs` of virtual time (less if a signal comes). */
export function* sleep(process: Process, delayNs: number): Program<void> {
  schedule(process.sim, process.timer, Math.max(0, Math.round(delayNs)));
  while (process.timer.heapIndex >= 0 && process.signal === null) yield;
  cancel(process.sim, process.timer);
}

/**
 * Waits until `isTrue()`; looks again whenever one of `queues` is woken.
 * @param timeoutNs gives up after this long; Infinity for never.
 * @returns whether it became true (false: timed out, or a signal came).
 */
export function* waitFor(
  process: Process,
  queues: readonly WaitQueue[],
  isTrue: () => boolean,
  timeoutNs = Number.POSITIVE_INFINITY,
): Program<boolean> {
  if (isTrue()) return true;
  for (const queue of queues) queue.waiters.push(process);
  if (timeoutNs !== Number.POSITIVE_INFINITY) {
    schedule(process.sim, process.timer, Math.max(0, Math.round(timeoutNs)));
  }
  let result = false;
  for (;;) {
    yield;
    if (isTrue()) {
      result = true;
      break;
    }
    if (process.signal !== null) break;
    if (timeoutNs !== Number.POSITIVE_INFINITY && process.timer.heapIndex < 0) break;
  }
  cancel(process.sim, process.timer);
  for (const queue of queues) {
    const at = queue.waiters.indexOf(process);
    if (at >= 0) queue.waiters.splice(at, 1);
  }
  return result;
}

/** Makes every process that waits on the queue ready. */
export function wake(queue: WaitQueue): void {
  const { waiters } = queue;
  for (let i = 0; i < waiters.length; i++) {
    const process = waiters[i]!;
    makeReady(process.sim, process.cpu, process);
  }
}

function resume(process: Process): void {
  if (process.body === null) return;
  process.sim.workNs += process.sim.cost.systemCallNs;
  const step = process.body.next();
  if (step.done === true) finish(process, step.value);
}

function finish(process: Process, exitCode: number): void {
  assert(process.exitCode === null, 'a process ends once');
  process.exitCode = exitCode;
  const body = process.body;
  process.body = null;
  cancel(process.sim, process.timer);
  for (const cleanup of process.cleanups.reverse()) cleanup();
  if (process.signal === 'SIGKILL' && body !== null) body.return(exitCode);
  for (const listener of process.onExit) listener(exitCode);
}
