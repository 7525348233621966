/**
 * netem: an egress queue that delays, loses, repeats and slows down what a device sends.
 * As in Linux frames are sent in the order of their times, so that jitter without a rate reorders.
 * @source net/sched/sch_netem.c
 */
import { nextBelow, nextUnit, type Prng } from '../base/prng.ts';
import { type Device, startTransmit } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import { copyPacket } from '../engine/packet-pool.ts';
import { cancel, drop, type Simulator, scheduleAt, streamOf, timeNs } from '../engine/simulator.ts';
import { makeTimer, type Timer } from '../engine/timer-queue.ts';

export interface NetemParameters {
  readonly delayNs: number;
  readonly jitterNs: number;
  /** Shares, 0..1. */
  readonly lossRate: number;
  readonly duplicateRate: number;
  /** 0 for none. */
  readonly rateBitPerSec: number;
  readonly limitPackets: number;
}

export const NETEM_DEFAULTS: NetemParameters = {
  delayNs: 0,
  jitterNs: 0,
  lossRate: 0,
  duplicateRate: 0,
  rateBitPerSec: 0,
  limitPackets: 1000,
};

interface Netem {
  parameters: NetemParameters;
  readonly device: Device;
  /** In order of time, linked through `next`; packets[i] goes at times[i]. */
  readonly packets: Packet[];
  readonly times: number[];
  readonly timer: Timer;
  readonly random: Prng;
  sentPackets: number;
  sentBytes: number;
  droppedPackets: number;
}

const netems = new WeakMap<Device, Netem>();

/** `tc qdisc add|change|del dev DEV root netem ...`; null takes it away and drops what waits. */
export function setNetem(
  sim: Simulator,
  device: Device,
  parameters: Partial<NetemParameters> | null,
): void {
  const present = netems.get(device);
  if (parameters === null) {
    if (present === undefined) return;
    resetNetem(sim, device);
    netems.delete(device);
    device.queueDiscipline = null;
    return;
  }
  const wanted = { ...NETEM_DEFAULTS, ...parameters };
  if (present !== undefined) {
    present.parameters = wanted;
    return;
  }
  const netem: Netem = {
    parameters: wanted,
    device,
    packets: [],
    times: [],
    timer: makeTimer(device.netns.cpu, () => send(sim, netem)),
    random: streamOf(sim, 'devices/netem'),
    sentPackets: 0,
    sentBytes: 0,
    droppedPackets: 0,
  };
  netems.set(device, netem);
  device.queueDiscipline = (_sim, _device, packet) => take(sim, netem, packet);
}

/** What is set on a device and what it did so far, null if nothing is. */
export function netemOf(device: Device): {
  readonly parameters: NetemParameters;
  readonly sentPackets: number;
  readonly sentBytes: number;
  readonly droppedPackets: number;
  readonly waitingPackets: number;
  readonly waitingBytes: number;
} | null {
  const netem = netems.get(device);
  if (netem === undefined) return null;
  const { parameters, sentPackets, sentBytes, droppedPackets, packets } = netem;
  return {
    parameters,
    sentPackets,
    sentBytes,
    droppedPackets,
    waitingPackets: packets.length,
    waitingBytes: packets.reduce((sum, packet) => sum + packet.end - packet.start, 0),
  };
}

/** Drops what waits: the device goes down. @source netem_reset() */
export function resetNetem(sim: Simulator, device: Device): void {
  const netem = netems.get(device);
  if (netem === undefined) return;
  cancel(sim, netem.timer);
  netem.times.length = 0;
  for (const packet of netem.packets.splice(0)) drop(sim, packet, 'device-down', device);
}

/** @source netem_enqueue() */
function take(sim: Simulator, netem: Netem, packet: Packet): void {
  const { parameters, random } = netem;
  if (parameters.duplicateRate > 0 && nextUnit(random) < parameters.duplicateRate) {
    queue(sim, netem, copyPacket(sim, packet));
  }
  if (parameters.lossRate > 0 && nextUnit(random) < parameters.lossRate) {
    netem.droppedPackets++;
    drop(sim, packet, 'link-loss', netem.device);
  } else {
    queue(sim, netem, packet);
  }
  send(sim, netem);
}

function queue(sim: Simulator, netem: Netem, packet: Packet): void {
  const { parameters, packets, times } = netem;
  if (packets.length >= parameters.limitPackets) {
    netem.droppedPackets++;
    drop(sim, packet, 'queue-full', netem.device);
    return;
  }
  let from = timeNs(sim);
  let delayNs = parameters.delayNs;
  if (parameters.jitterNs > 0) {
    delayNs += nextBelow(netem.random, 2 * parameters.jitterNs) - parameters.jitterNs;
    if (delayNs < 0) delayNs = 0;
  }
  if (parameters.rateBitPerSec > 0) {
    const last = times.at(-1);
    if (last !== undefined) {
      // It starts when the one before it has been sent; what it waits counts as delay.
      delayNs = Math.max(0, delayNs - (last - from));
      from = last;
    }
    delayNs += Math.ceil(((packet.end - packet.start) * 8e9) / parameters.rateBitPerSec);
  }
  const at = from + delayNs;
  let place = times.length;
  while (place > 0 && times[place - 1]! > at) place--;
  times.splice(place, 0, at);
  packets.splice(place, 0, packet);
}

/** Sends all whose time has come. @source netem_dequeue() */
function send(sim: Simulator, netem: Netem): void {
  const { packets, times } = netem;
  const now = timeNs(sim);
  let count = 0;
  while (count < times.length && times[count]! <= now) count++;
  if (count > 0) {
    times.splice(0, count);
    for (const packet of packets.splice(0, count)) {
      netem.sentPackets++;
      netem.sentBytes += packet.end - packet.start;
      startTransmit(sim, netem.device, packet);
    }
  }
  if (times.length > 0) scheduleAt(sim, netem.timer, times[0]!);
}
