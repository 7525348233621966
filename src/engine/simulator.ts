/**
 * The simulator: virtual clock, event loop, packet pool, counters of what became of packets.
 * One record a run; everything that acts takes it as its first argument. Knows neither Node nor a
 * terminal: it runs in a browser as it is.
 *
 * Inside a host a packet runs to completion as function calls, as in a softirq; only wires, timers
 * and programs are events. While an event runs, `workNs` adds up what its steps cost, and "now" is
 * `nowNs + workNs`; at its end the CPU is busy until then.
 */
import { assert } from '../base/assert.ts';
import { makePrng, type Prng } from '../base/prng.ts';
import { COST_TABLES, type CostTable } from './cost.ts';
import { type Cpu, makeCpu, type Runnable } from './cpu.ts';
import type { Device } from './device.ts';
import type { DropReason } from './drop-reason.ts';
import { dequeue, type Packet } from './packet.ts';
import { makePacketPool, type PacketPool, releasePacket } from './packet-pool.ts';
import {
  armTimer,
  disarmTimer,
  earliestNs,
  isNextOfTick,
  makeTimerQueue,
  popTimer,
  type Timer,
  type TimerQueue,
} from './timer-queue.ts';
import type { TraceSlot } from './trace.ts';

/** Frames of one softirq before other events get their turn. @source net.core.netdev_budget */
const NETDEV_BUDGET = 300;

/** Room for CPUs that a run starts with. */
const CPUS_MIN = 8;
/** Room for numbers of records that a run starts with. */
const NUMBERS_MIN = 64;

/** Nested transmits that are believed to be a loop. @source net/core/dev.h XMIT_RECURSION_LIMIT */
export const XMIT_RECURSION_LIMIT = 8;

/** Told of every packet that ends by a drop, before it is released. */
export type DropSlot = (packet: Packet, reason: DropReason, where: string) => void;

export interface Simulator {
  readonly seed: number;
  readonly queue: TimerQueue;
  readonly pool: PacketPool;
  readonly cost: CostTable;
  readonly streams: Map<string, Prng>;
  /** Start of what runs now (later than its event if the CPU was busy). */
  nowNs: number;
  /** What it has cost so far. */
  workNs: number;
  /** The CPU on which it runs. */
  cpu: Cpu;
  /** Not 0: bottom halves are off, the backlog is worked on later (local_bh_disable). */
  bottomHalfDepth: number;
  /** Depth of transmits within transmits. */
  transmitDepth: number;
  /** The packet that sendIpv4 is sending, 0 once it is beyond its sender's reach; and its failure. */
  sentId: number;
  sentFailure: DropReason | null;
  /** Events and frames so far: a bound on both stops what never comes to rest. */
  eventCount: number;
  frameCount: number;
  maxFrames: number;
  /** Set to end the loop after the current event (an asynchronous program wants its turn). */
  pauseRequested: boolean;
  /** Observers' slots; null when nobody looks. */
  trace: TraceSlot | null;
  onDrop: DropSlot | null;
  /** Told of each device once it is registered in its namespace. */
  onDevice: ((device: Device) => void) | null;
  /** How many packets ended for which reason. */
  readonly dropCounts: Map<DropReason, number>;
  readonly cpus: Cpu[];
  /** When each CPU has done all that it was given so far; as fields these would be numbers on the heap. */
  freeAtNs: Float64Array;
  /** Numbers that records keep here and not in fields of their own; see reserveNumbers. */
  numbers: Float64Array;
  numberCount: number;
}

export interface SimulatorOptions {
  readonly seed?: number;
  readonly cost?: CostTable;
  /** Run equal times in a random order (drawn from the seed) instead of the order of arming. */
  readonly shuffleTies?: boolean;
  /** Frames after which the run is given up (a loop that never ends). */
  readonly maxFrames?: number;
}

/** A simulator at time 0 with one CPU named `host`. */
export function makeSimulator(options: SimulatorOptions = {}): Simulator {
  const seed = options.seed ?? 1;
  const queue = makeTimerQueue();
  if (options.shuffleTies === true) queue.tieShuffle = makePrng(seed, 'engine/ties');
  const sim: Simulator = {
    seed,
    queue,
    pool: makePacketPool(),
    cost: options.cost ?? COST_TABLES.default,
    streams: new Map(),
    nowNs: 0,
    workNs: 0,
    cpu: null as unknown as Cpu, // set in the next line: a CPU needs its simulator
    bottomHalfDepth: 0,
    transmitDepth: 0,
    sentId: 0,
    sentFailure: null,
    eventCount: 0,
    frameCount: 0,
    maxFrames: options.maxFrames ?? 50_000_000,
    pauseRequested: false,
    trace: null,
    onDrop: null,
    onDevice: null,
    dropCounts: new Map(),
    cpus: [],
    freeAtNs: new Float64Array(CPUS_MIN),
    numbers: new Float64Array(NUMBERS_MIN),
    numberCount: 0,
  };
  sim.cpu = addCpu(sim, 'host');
  return sim;
}

/** Another host's CPU. */
export function addCpu(sim: Simulator, name: string): Cpu {
  const index = sim.cpus.length;
  if (index === sim.freeAtNs.length) {
    const longer = new Float64Array(index * 2);
    longer.set(sim.freeAtNs);
    sim.freeAtNs = longer;
  }
  const cpu = makeCpu(
    name,
    index,
    () => runSoftirq(sim),
    (own) => runNextReady(sim, own),
  );
  sim.cpus.push(cpu);
  return cpu;
}

/**
 * Room for `count` numbers in sim.numbers, zero at first; gives the index of the first. A field that
 * holds a large or broken number is a record of its own on the heap, far from its owner: one more line of
 * memory to fetch for each packet. In a column the neighbours in memory are the same numbers of others.
 */
export function reserveNumbers(sim: Simulator, count: number): number {
  const first = sim.numberCount;
  sim.numberCount += count;
  if (sim.numberCount > sim.numbers.length) {
    const longer = new Float64Array(sim.numbers.length * 2 + count);
    longer.set(sim.numbers);
    sim.numbers = longer;
  }
  return first;
}

/** The random stream of this name; the same object each time. */
export function streamOf(sim: Simulator, name: string): Prng {
  let stream = sim.streams.get(name);
  if (stream === undefined) {
    stream = makePrng(sim.seed, name);
    sim.streams.set(name, stream);
  }
  return stream;
}

/** The virtual time at this point of what runs now. */
export function timeNs(sim: Simulator): number {
  return sim.nowNs + sim.workNs;
}

/** Arms (or moves) the timer for `delayNs` from now; delays are integers, 0 or more. */
export function schedule(sim: Simulator, timer: Timer, delayNs: number): void {
  assert(delayNs >= 0 && Number.isInteger(delayNs), 'a delay is an integer of 0 or more');
  armTimer(sim.queue, timer, sim.nowNs + sim.workNs + delayNs);
}

/** Arms (or moves) the timer for an absolute time that is not in the past. */
export function scheduleAt(sim: Simulator, timer: Timer, atNs: number): void {
  assert(atNs >= sim.nowNs, 'nothing is scheduled in the past');
  armTimer(sim.queue, timer, atNs);
}

/** Disarms the timer. */
export function cancel(sim: Simulator, timer: Timer): void {
  disarmTimer(sim.queue, timer);
}

/**
 * The end of a packet that does not arrive: counted, told to the observer, released.
 * `device` is where it happens, null for a place above devices (`where` then names it).
 */
export function drop(
  sim: Simulator,
  packet: Packet,
  reason: DropReason,
  device: Device | null,
  where = '',
): void {
  sim.dropCounts.set(reason, (sim.dropCounts.get(reason) ?? 0) + 1);
  if (packet.id === sim.sentId) sim.sentFailure = reason;
  if (sim.onDrop !== null) {
    const place = device === null ? where : `${device.netns.name}.${device.name}`;
    sim.onDrop(packet, reason, place);
  }
  releasePacket(sim, packet);
}

/**
 * Works on the backlog of the current CPU: each frame goes to its device's receive path, and what
 * that adds comes later in the same run, up to a budget; the rest is an event of its own.
 * @source net/core/dev.c net_rx_action(), process_backlog()
 */
export function runSoftirq(sim: Simulator): void {
  const cpu = sim.cpu;
  sim.bottomHalfDepth++;
  for (let budget = NETDEV_BUDGET; budget > 0; budget--) {
    const packet = dequeue(cpu.backlog);
    if (packet === null) break;
    sim.frameCount++;
    const device = packet.device!;
    device.receive(sim, device, packet);
  }
  sim.bottomHalfDepth--;
  if (cpu.backlog.count > 0) schedule(sim, cpu.softirqTimer, 0);
}

/** Puts a process on its CPU's run queue; nothing happens if it is there already. */
export function makeReady(sim: Simulator, cpu: Cpu, runnable: Runnable): void {
  if (runnable.isReady) return;
  runnable.isReady = true;
  runnable.nextReady = null;
  if (cpu.lastReady === null) {
    cpu.firstReady = runnable;
    schedule(sim, cpu.schedulerTimer, cpu === sim.cpu ? sim.cost.wakeUpNs : 0);
  } else {
    cpu.lastReady.nextReady = runnable;
  }
  cpu.lastReady = runnable;
}

function runNextReady(sim: Simulator, cpu: Cpu): void {
  const runnable = cpu.firstReady;
  if (runnable === null) return;
  cpu.firstReady = runnable.nextReady;
  if (cpu.firstReady === null) cpu.lastReady = null;
  runnable.isReady = false;
  runnable.nextReady = null;
  sim.bottomHalfDepth--; // process context: its transmits run the softirq at once
  runnable.resume();
  sim.bottomHalfDepth++;
  if (cpu.firstReady !== null) schedule(sim, cpu.schedulerTimer, sim.cost.wakeUpNs);
}

/**
 * Runs the earliest event; the queue must not be empty. Timers of one tick of the coarse clock run one
 * after the other before the frames that they send are received, as TIMER_SOFTIRQ comes before NET_RX.
 */
export function runOne(sim: Simulator): void {
  const { queue } = sim;
  const dueNs = earliestNs(queue);
  const timer = popTimer(queue);
  const { cpu, tick } = timer;
  sim.eventCount++;
  sim.cpu = cpu;
  const freeAtNs = sim.freeAtNs[cpu.index]!;
  sim.nowNs = dueNs > freeAtNs ? dueNs : freeAtNs;
  sim.workNs = 0;
  sim.bottomHalfDepth = 1;
  timer.run(timer);
  while (isNextOfTick(queue, cpu, tick)) {
    sim.eventCount++;
    const next = popTimer(queue);
    next.run(next);
  }
  sim.bottomHalfDepth = 0;
  if (cpu.backlog.count > 0 && cpu.softirqTimer.heapIndex < 0) runSoftirq(sim);
  sim.nowNs += sim.workNs;
  sim.workNs = 0;
  if (!cpu.isUnlimited) sim.freeAtNs[cpu.index] = sim.nowNs;
}

/**
 * Does `act` at the present moment on `cpu`, in process context: what a system call from outside the
 * event loop (the shell, a test) does. Frames that it sends are received before it returns.
 */
export function runOn<Result>(sim: Simulator, cpu: Cpu, act: () => Result): Result {
  assert(sim.bottomHalfDepth === 0, 'a call from outside comes between events');
  sim.cpu = cpu;
  const freeAtNs = sim.freeAtNs[cpu.index]!;
  if (freeAtNs > sim.nowNs) sim.nowNs = freeAtNs;
  sim.workNs = 0;
  try {
    return act();
  } finally {
    sim.nowNs += sim.workNs;
    sim.workNs = 0;
    if (!cpu.isUnlimited) sim.freeAtNs[cpu.index] = sim.nowNs;
  }
}

/** Why runUntil came back. */
export type RunOutcome = 'idle' | 'deadline' | 'paused' | 'frame-limit';

/**
 * Runs events in order: until none is left (`idle`), until the next one is later than `deadlineNs`
 * (the clock then stands at the deadline), until `pauseRequested`, or until the bound on frames.
 */
export function runUntil(sim: Simulator, deadlineNs: number): RunOutcome {
  const { queue } = sim;
  while (queue.count > 0) {
    if (sim.pauseRequested) {
      sim.pauseRequested = false;
      return 'paused';
    }
    if (earliestNs(queue) > deadlineNs) {
      if (deadlineNs > sim.nowNs) sim.nowNs = deadlineNs;
      return 'deadline';
    }
    if (sim.frameCount > sim.maxFrames) return 'frame-limit';
    runOne(sim);
  }
  if (sim.pauseRequested) {
    sim.pauseRequested = false;
    return 'paused';
  }
  if (deadlineNs !== Number.POSITIVE_INFINITY && deadlineNs > sim.nowNs) sim.nowNs = deadlineNs;
  return 'idle';
}
