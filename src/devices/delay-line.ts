/**
 * Packets on their way for a while: a FIFO of packets with the times at which they arrive, and one
 * timer for the first of them, however many there are. Times never fall: nothing overtakes.
 */
import type { Cpu } from '../engine/cpu.ts';
import type { DropReason } from '../engine/drop-reason.ts';
import {
  dequeue,
  enqueue,
  makePacketQueue,
  type Packet,
  type PacketQueue,
} from '../engine/packet.ts';
import { cancel, drop, type Simulator, scheduleAt } from '../engine/simulator.ts';
import { makeTimer, type Timer } from '../engine/timer-queue.ts';

const CAPACITY_MIN = 64;

export interface DelayLine {
  readonly sim: Simulator;
  readonly queue: PacketQueue;
  /** Ring of arrival times, one for each packet of the queue. */
  times: Float64Array;
  first: number;
  /** Arrival of the last one. */
  lastNs: number;
  readonly timer: Timer;
}

/** @param arrive gets each packet when it has arrived, on `cpu`; owns it. */
export function makeDelayLine(
  sim: Simulator,
  cpu: Cpu,
  arrive: (packet: Packet) => void,
): DelayLine {
  const line: DelayLine = {
    sim,
    queue: makePacketQueue(),
    times: new Float64Array(CAPACITY_MIN),
    first: 0,
    lastNs: 0,
    timer: makeTimer(cpu, () => run(line, arrive)),
  };
  return line;
}

/** Sends a packet on its way; it arrives at `atNs`, or with the one before it if that is later. */
export function putOnLine(line: DelayLine, packet: Packet, atNs: number): void {
  const { queue } = line;
  if (queue.count === line.times.length) grow(line);
  const arrivalNs = atNs > line.lastNs ? atNs : line.lastNs;
  line.lastNs = arrivalNs;
  line.times[(line.first + queue.count) & (line.times.length - 1)] = arrivalNs;
  enqueue(queue, packet);
  if (queue.count === 1) scheduleAt(line.sim, line.timer, arrivalNs);
}

/** Drops all that is under way. */
export function clearLine(line: DelayLine, reason: DropReason): void {
  cancel(line.sim, line.timer);
  for (;;) {
    const packet = dequeue(line.queue);
    if (packet === null) return;
    drop(line.sim, packet, reason, packet.device);
  }
}

function run(line: DelayLine, arrive: (packet: Packet) => void): void {
  const { sim, queue } = line;
  while (queue.count > 0 && line.times[line.first]! <= sim.nowNs) {
    line.first = (line.first + 1) & (line.times.length - 1);
    arrive(dequeue(queue)!);
  }
  if (queue.count > 0) scheduleAt(sim, line.timer, line.times[line.first]!);
}

function grow(line: DelayLine): void {
  const { times, first } = line;
  const larger = new Float64Array(times.length * 2);
  for (let i = 0; i < times.length; i++) larger[i] = times[(first + i) & (times.length - 1)]!;
  line.times = larger;
  line.first = 0;
}
