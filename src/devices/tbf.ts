/**
 * tbf: an egress queue behind a bucket of tokens: bursts pass at once, the rest at the rate.
 * @source net/sched/sch_tbf.c
 */
import { type Device, startTransmit } from '../engine/device.ts';
import {
  dequeue,
  enqueue,
  makePacketQueue,
  type Packet,
  type PacketQueue,
} from '../engine/packet.ts';
import { cancel, drop, type Simulator, scheduleAt, timeNs } from '../engine/simulator.ts';
import { makeTimer, type Timer } from '../engine/timer-queue.ts';

export interface TbfParameters {
  readonly rateBitPerSec: number;
  readonly burstBytes: number;
  /** Bytes that may wait. */
  readonly limitBytes: number;
}

interface Tbf {
  parameters: TbfParameters;
  readonly device: Device;
  readonly queue: PacketQueue;
  queueBytes: number;
  /** Tokens in nanoseconds of sending, and when they were counted. */
  tokensNs: number;
  countedNs: number;
  readonly timer: Timer;
  droppedPackets: number;
}

const tbfs = new WeakMap<Device, Tbf>();

/** `tc qdisc add|change|del dev DEV root tbf ...`; null takes it away and drops what waits. */
export function setTbf(sim: Simulator, device: Device, parameters: TbfParameters | null): void {
  const present = tbfs.get(device);
  if (parameters === null) {
    if (present === undefined) return;
    resetTbf(sim, device);
    tbfs.delete(device);
    device.queueDiscipline = null;
    return;
  }
  if (present !== undefined) {
    present.parameters = parameters;
    return;
  }
  const tbf: Tbf = {
    parameters,
    device,
    queue: makePacketQueue(),
    queueBytes: 0,
    tokensNs: sendingNs(parameters, parameters.burstBytes),
    countedNs: timeNs(sim),
    timer: makeTimer(device.netns.cpu, () => send(sim, tbf)),
    droppedPackets: 0,
  };
  tbfs.set(device, tbf);
  device.queueDiscipline = (_sim, _device, packet) => take(sim, tbf, packet);
}

/** What is set on a device, null if nothing is. */
export function tbfOf(device: Device): {
  readonly parameters: TbfParameters;
  readonly droppedPackets: number;
  readonly waitingPackets: number;
  readonly waitingBytes: number;
} | null {
  const tbf = tbfs.get(device);
  if (tbf === undefined) return null;
  return {
    parameters: tbf.parameters,
    droppedPackets: tbf.droppedPackets,
    waitingPackets: tbf.queue.count,
    waitingBytes: tbf.queueBytes,
  };
}

/** Drops what waits: the device goes down. */
export function resetTbf(sim: Simulator, device: Device): void {
  const tbf = tbfs.get(device);
  if (tbf === undefined) return;
  cancel(sim, tbf.timer);
  tbf.queueBytes = 0;
  for (;;) {
    const packet = dequeue(tbf.queue);
    if (packet === null) return;
    drop(sim, packet, 'device-down', device);
  }
}

function sendingNs(parameters: TbfParameters, sizeBytes: number): number {
  return Math.ceil((sizeBytes * 8e9) / parameters.rateBitPerSec);
}

/** @source tbf_enqueue() */
function take(sim: Simulator, tbf: Tbf, packet: Packet): void {
  const sizeBytes = packet.end - packet.start;
  const { parameters } = tbf;
  if (sizeBytes > parameters.burstBytes || tbf.queueBytes + sizeBytes > parameters.limitBytes) {
    tbf.droppedPackets++;
    drop(sim, packet, 'queue-full', tbf.device);
    return;
  }
  tbf.queueBytes += sizeBytes;
  enqueue(tbf.queue, packet);
  send(sim, tbf);
}

/** @source tbf_dequeue() */
function send(sim: Simulator, tbf: Tbf): void {
  const { parameters, queue } = tbf;
  const fullNs = sendingNs(parameters, parameters.burstBytes);
  while (queue.head !== null) {
    const now = timeNs(sim);
    const sizeBytes = queue.head.end - queue.head.start;
    const earned = Math.min(tbf.tokensNs + Math.min(now - tbf.countedNs, fullNs), fullNs);
    const left = earned - sendingNs(parameters, sizeBytes);
    if (left < 0) {
      scheduleAt(sim, tbf.timer, now - left);
      return;
    }
    tbf.tokensNs = left;
    tbf.countedNs = now;
    tbf.queueBytes -= sizeBytes;
    startTransmit(sim, tbf.device, dequeue(queue)!);
  }
}
