/**
 * The CPU of a host: a server that does one thing at a time. Work costs virtual nanoseconds;
 * what comes while it is busy is done when it is free, in order.
 */
import { makePacketQueue, type PacketQueue } from './packet.ts';
import { makeTimer, type Timer } from './timer-queue.ts';

/** Something that can be put on a CPU's run queue (a process, see process.ts). */
export interface Runnable {
  isReady: boolean;
  nextReady: Runnable | null;
  /** Runs in process context until it blocks or ends. */
  readonly resume: () => void;
}

export interface Cpu {
  readonly name: string;
  /** Its place in Simulator.cpus and Simulator.freeAtNs. */
  readonly index: number;
  /**
   * As many processors as there is work: each step takes its time, and nothing waits for another (the
   * chips of a switch; a client that stands for many).
   */
  isUnlimited: boolean;
  /** Frames handed to the stack and not yet processed (softnet_data.input_pkt_queue). */
  readonly backlog: PacketQueue;
  firstReady: Runnable | null;
  lastReady: Runnable | null;
  /** Goes on with the backlog after the budget of one softirq was used up. */
  softirqTimer: Timer;
  /** Runs the first ready process. */
  schedulerTimer: Timer;
}

/** @param softirq continues with the backlog. @param schedule runs the next ready process. */
export function makeCpu(
  name: string,
  index: number,
  softirq: (cpu: Cpu) => void,
  schedule: (cpu: Cpu) => void,
): Cpu {
  const cpu: Cpu = {
    name,
    index,
    isUnlimited: false,
    backlog: makePacketQueue(),
    firstReady: null,
    lastReady: null,
    softirqTimer: null as unknown as Timer, // set in the next lines: a timer needs its CPU
    schedulerTimer: null as unknown as Timer,
  };
  cpu.softirqTimer = makeTimer(cpu, () => softirq(cpu));
  cpu.schedulerTimer = makeTimer(cpu, () => schedule(cpu));
  return cpu;
}
