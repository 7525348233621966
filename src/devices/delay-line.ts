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
  /** Where frames wait for a busy CPU; null if as many may wait as come. */
  readonly ring: ReceiveRing | null;
}

/**
 * The ring of a network card: its driver takes frames out when the CPU has time. How many are in it
 * when one more arrives is told by the moments at which those before it are taken.
 */
interface ReceiveRing {
  /** Its length is the number of frames that the card holds. */
  readonly takenNs: Float64Array;
  first: number;
  count: number;
}

/** An empty line to `device`, whose card holds `ringFrames` (0: any number). */
export function makeDelayLine(sim: Simulator, device: Device, ringFrames = 0): DelayLine {
  const { cpu } = device.netns;
  const ring =
    ringFrames === 0 ? null : { takenNs: new Float64Array(ringFrames), first: 0, count: 0 };
  return { heapIndex: -1, tick: -1, cpu, run, sim, device, head: null, tail: null, ring };
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
    takeFirst(line, first);
    if (
      line.ring !== null &&
      first.dueNs < sim.nowNs &&
      !hasRoom(line.ring, first.dueNs, sim.nowNs)
    ) {
      device.rxDropped++;
      drop(sim, first, 'backlog-full', device);
      continue;
    }
    netifRx(sim, device, first);
  }
}

/** Notes a frame that came at `arrivalNs` and is taken at `takenNs`. @returns false if the ring is full. */
function hasRoom(ring: ReceiveRing, arrivalNs: number, takenNs: number): boolean {
  const { takenNs: taken } = ring;
  while (ring.count > 0 && taken[ring.first]! <= arrivalNs) {
    ring.first = (ring.first + 1) % taken.length;
    ring.count--;
  }
  if (ring.count === taken.length) return false;
  taken[(ring.first + ring.count) % taken.length] = takenNs;
  ring.count++;
  return true;
}
