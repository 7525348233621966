/**
 * Packets on their way to a device for a while: a FIFO whose packets know when they arrive, and one
 * timer for the first of them, however many there are. Times never fall: nothing overtakes.
 */
import { type Device, netifRx } from '../engine/device.ts';
import type { DropReason } from '../engine/drop-reason.ts';
import type { Packet } from '../engine/packet.ts';
import { cancel, drop, type Simulator, scheduleAt } from '../engine/simulator.ts';
import type { Timer } from '../engine/timer-queue.ts';

/** All in one record, its own timer: each frame that crosses a cable looks at it. */
export interface DelayLine extends Timer {
  readonly sim: Simulator;
  /** The device at the end: it gets each packet when it has arrived, on its CPU. */
  readonly device: Device;
  head: Packet | null;
  tail: Packet | null;
}

/** An empty line to `device`. */
export function makeDelayLine(sim: Simulator, device: Device): DelayLine {
  const { cpu } = device.netns;
  return { heapIndex: -1, tick: -1, cpu, run, sim, device, head: null, tail: null };
}

/** Sends a packet on its way; it arrives at `atNs`, or with the one before it if that is later. */
export function putOnLine(line: DelayLine, packet: Packet, atNs: number): void {
  const { tail } = line;
  packet.dueNs = tail !== null && tail.dueNs > atNs ? tail.dueNs : atNs;
  packet.next = null;
  line.tail = packet;
  if (tail !== null) {
    tail.next = packet;
    return;
  }
  line.head = packet;
  scheduleAt(line.sim, line, packet.dueNs);
}

/** Drops all that is under way. */
export function clearLine(line: DelayLine, reason: DropReason): void {
  cancel(line.sim, line);
  while (line.head !== null) {
    const packet = takeFirst(line, line.head);
    drop(line.sim, packet, reason, packet.device);
  }
}

function takeFirst(line: DelayLine, first: Packet): Packet {
  line.head = first.next;
  if (line.head === null) line.tail = null;
  first.next = null;
  return first;
}

function run(timer: Timer): void {
  const line = timer as DelayLine; // only lines have this run
  const { sim, device } = line;
  for (;;) {
    const first = line.head;
    if (first === null) return;
    if (first.dueNs > sim.nowNs) {
      scheduleAt(sim, line, first.dueNs);
      return;
    }
    netifRx(sim, device, takeFirst(line, first));
  }
}
