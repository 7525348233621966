/**
 * Lets virtual time pass while shells wait. A shell computes in real time and in no virtual time;
 * it blocks only by waiting for a process. When every shell is blocked, events run until one of
 * those processes ends; its shell then computes until it blocks again, and so on: one at a time,
 * in the order in which the processes ended. So a run is the same each time, however long the
 * shells really take.
 */
import type { IFileSystem } from 'just-bash';
import { NetsimError } from '../base/errors.ts';
import { kill, type Process, type Signal } from '../engine/process.ts';
import { type RunOutcome, runUntil, type Simulator } from '../engine/simulator.ts';
import { earliestNs } from '../engine/timer-queue.ts';

/** A Date object; the shell's library has them in its file records, and netsim reads no clock. */
export type DateRecord = Awaited<ReturnType<IFileSystem['stat']>>['mtime'];

/** What the surroundings (the command line, a page, a test) give to a shell. */
export interface ShellHost {
  /** Resolves after the surroundings had their turn (input, signals); called every now and then. */
  yieldToPrograms(): Promise<void>;
  /** The Date of a wall-clock time in milliseconds since 1970; the shell's library wants such objects. */
  makeDate(epochMs: number): DateRecord;
}

/** Virtual time that one script or one line of a session may take: a day. */
export const VIRTUAL_TIME_MAX_NS = 86_400 * 1e9;

/** Virtual time between two looks at the surroundings. */
const SLICE_NS = 1e9;

export interface Driver {
  readonly sim: Simulator;
  readonly host: ShellHost;
  /** Shells that compute. Time stands still while there is one. */
  activeCount: number;
  /** Who waits: called when nothing will ever wake it. */
  readonly waiting: Set<Waiter>;
  /** Whose process has ended, in order. */
  readonly ended: Waiter[];
  isDriving: boolean;
  /** When the clock must not go on. */
  deadlineNs: number;
}

interface Waiter {
  /** It belongs to a container: time does not pass for its sake alone. */
  readonly isDetached: boolean;
  readonly process: Process | null;
  readonly goOn: () => void;
  readonly giveUp: (reason: unknown) => void;
}

const DRIVERS = new WeakMap<Simulator, Driver>();

/** The driver of a simulation: all shells in it take turns. */
export function driverOf(sim: Simulator, host: ShellHost): Driver {
  const driver = DRIVERS.get(sim) ?? makeDriver(sim, host);
  DRIVERS.set(sim, driver);
  return driver;
}

function makeDriver(sim: Simulator, host: ShellHost): Driver {
  return {
    sim,
    host,
    activeCount: 0,
    waiting: new Set(),
    ended: [],
    isDriving: false,
    deadlineNs: Number.POSITIVE_INFINITY,
  };
}

/** A shell begins to compute: a script, a job in the background. */
export function enterShell(driver: Driver): void {
  driver.activeCount++;
}

/** A shell is over; the others go on. */
export function leaveShell(driver: Driver): void {
  driver.activeCount--;
  drive(driver);
}

/** Blocks the calling shell until the process ends. @returns its exit code. */
export function waitForExit(driver: Driver, process: Process, isDetached = false): Promise<number> {
  if (process.exitCode !== null) return Promise.resolve(process.exitCode);
  const subscribe = (wakeUp: () => void): void => void process.onExit.push(wakeUp);
  return block(driver, process, subscribe, isDetached).then(() => process.exitCode ?? 0);
}

/**
 * Begins a shell in the background, in an event or while another shell computes: it computes as
 * soon as nobody else does. It must end with leaveShell.
 */
export function beginShell(driver: Driver, goOn: () => void): void {
  driver.ended.push({ isDetached: true, process: null, goOn, giveUp: goOn });
  driver.sim.pauseRequested = true;
  drive(driver);
}

/**
 * Blocks the calling shell until `subscribe`'s argument is called (which must happen inside an
 * event or in another shell).
 */
export function block(
  driver: Driver,
  process: Process | null,
  subscribe: (wakeUp: () => void) => void,
  isDetached = false,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const waiter: Waiter = { isDetached, process, goOn: resolve, giveUp: reject };
    driver.waiting.add(waiter);
    subscribe(() => {
      if (!driver.waiting.delete(waiter)) return;
      driver.ended.push(waiter);
      driver.sim.pauseRequested = true;
    });
    driver.activeCount--;
    drive(driver);
  });
}

/** Sends a signal (Ctrl-C) to every process that a shell waits for. */
export function interrupt(driver: Driver, signal: Signal = 'SIGINT'): void {
  for (const waiter of driver.waiting) {
    if (waiter.process !== null && !waiter.isDetached) kill(waiter.process, signal);
  }
}

/** Lets `durationNs` of virtual time pass, with whatever happens meanwhile. */
export function letTimePass(driver: Driver, durationNs: number): void {
  const { sim } = driver;
  const endNs = sim.nowNs + durationNs;
  let outcome: RunOutcome;
  do outcome = runUntil(sim, endNs);
  while (outcome === 'paused');
  if (outcome === 'frame-limit') throw frameLimit();
}

function drive(driver: Driver): void {
  if (driver.activeCount > 0 || driver.isDriving) return;
  if (driver.ended.length === 0 && foreground(driver).length === 0) return;
  driver.isDriving = true;
  runUntilSomeoneEnds(driver).then(
    () => {
      driver.isDriving = false;
      const next = driver.ended.shift();
      if (next === undefined) return;
      driver.activeCount++;
      next.goOn();
    },
    (reason: unknown) => {
      driver.isDriving = false;
      const all = [...driver.ended.splice(0), ...foreground(driver)];
      for (const waiter of all) driver.waiting.delete(waiter);
      driver.activeCount += all.length;
      for (const waiter of all) waiter.giveUp(reason);
    },
  );
}

function foreground(driver: Driver): Waiter[] {
  return [...driver.waiting].filter(({ isDetached }) => !isDetached);
}

async function runUntilSomeoneEnds(driver: Driver): Promise<void> {
  const { sim } = driver;
  while (driver.ended.length === 0) {
    if (sim.queue.count === 0) {
      throw new NetsimError('never-ends', 'nothing is left that could end this command');
    }
    const nextNs = earliestNs(sim.queue);
    if (nextNs > driver.deadlineNs) throw tooLong(driver);
    const outcome = runUntil(sim, nextNs + SLICE_NS);
    if (outcome === 'frame-limit') throw frameLimit();
    if (driver.ended.length === 0) await driver.host.yieldToPrograms();
  }
}

function tooLong(driver: Driver): NetsimError {
  const names = foreground(driver).map((waiter) => waiter.process?.name ?? 'wait');
  const what = names.length === 0 ? 'the script' : `"${names[0]}"`;
  return new NetsimError(
    'virtual-time-limit',
    `${what} does not end within a day of virtual time`,
    {
      hint: 'give it an end: ping -c N, sleep with a number, a loop with a count',
    },
  );
}

function frameLimit(): NetsimError {
  return new NetsimError('frame-limit', 'too many frames: the network never comes to rest', {
    hint: 'look for a loop of bridges or of routes; netsim run --trace shows the way of each frame',
  });
}
