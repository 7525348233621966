/**
 * Packets on their way to a device for a while: a FIFO whose packets know when they arrive, and one
 * timer for the first of them, however many there are. Times never fall: nothing overtakes.
 */
import { type Device, netifRx } from '../engine/device.ts';
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

export interface DelayLine {
  readonly sim: Simulator;
  /** The device at the end: it gets each packet when it has arrived, on its CPU. */
  readonly device: Device;
  readonly queue: PacketQueue;
  readonly timer: Timer;
}

/** An empty line to `device`. */
export function makeDelayLine(sim: Simulator, device: Device): DelayLine {
  const line: DelayLine = {
    sim,
    device,
    queue: makePacketQueue(),
    timer: makeTimer(device.netns.cpu, () => run(line)),
  };
  return line;
}

/** Sends a packet on its way; it arrives at `atNs`, or with the one before it if that is later. */
export function putOnLine(line: DelayLine, packet: Packet, atNs: number): void {
  const { queue } = line;
  const { tail } = queue;
  packet.dueNs = tail !== null && tail.dueNs > atNs ? tail.dueNs : atNs;
  enqueue(queue, packet);
  if (tail === null) scheduleAt(line.sim, line.timer, packet.dueNs);
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

function run(line: DelayLine): void {
  const { sim, device, queue } = line;
  for (;;) {
    const first = queue.head;
    if (first === null) return;
    if (first.dueNs > sim.nowNs) {
      scheduleAt(sim, line.timer, first.dueNs);
      return;
    }
    dequeue(queue);
    netifRx(sim, device, first);
  }
}
