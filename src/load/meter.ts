/**
 * Runs the simulator and notes what each CPU does: how long it was busy, how far it is behind, and the
 * queues of the links, at equal distances of virtual time.
 */
import { queueLengthOf } from '../devices/cable.ts';
import type { Cpu } from '../engine/cpu.ts';
import type { Device } from '../engine/device.ts';
import { runOne, type Simulator } from '../engine/simulator.ts';
import { earliestNs } from '../engine/timer-queue.ts';

/** A host that is watched: its CPU and the two ends of its cable. */
export interface WatchedHost {
  readonly name: string;
  readonly cpu: Cpu;
  /** Sends to the switch. */
  readonly card: Device;
  /** The switch's end: sends to the host. */
  readonly port: Device;
}

/** What the hosts were doing up to a moment; one number a host. */
export interface Sample {
  readonly atNs: number;
  /** Share of the time since the last sample in which the CPU worked, 0..1. */
  readonly cpuShare: readonly number[];
  /** Work that waits for the CPU. */
  readonly cpuBehindNs: readonly number[];
  readonly sendQueueFrames: readonly number[];
  readonly receiveQueueFrames: readonly number[];
}

export interface Meter {
  readonly sim: Simulator;
  readonly hosts: readonly WatchedHost[];
  readonly intervalNs: number;
  readonly samples: Sample[];
  /** By CPU: work given to it since the beginning, and when it will have done it. */
  busyNs: Float64Array;
  freeAtNs: Float64Array;
  nextSampleNs: number;
  lastDoneNs: number[];
}

/** Starts to watch at a moment; the first sample comes one interval later. */
export function makeMeter(
  sim: Simulator,
  hosts: readonly WatchedHost[],
  intervalNs: number,
  startNs: number,
): Meter {
  return {
    sim,
    hosts,
    intervalNs,
    samples: [],
    // What a CPU was given before and has yet to do is work of the time to come.
    busyNs: Float64Array.from(sim.cpus, ({ index }) => Math.max(0, sim.freeAtNs[index]! - startNs)),
    freeAtNs: sim.freeAtNs.slice(),
    nextSampleNs: startNs + intervalNs,
    lastDoneNs: hosts.map(() => 0),
  };
}

/** Runs events until the next one is later than `untilNs`. */
export function runMetered(meter: Meter, untilNs: number): void {
  const { sim } = meter;
  const { queue } = sim;
  makeRoom(meter);
  meter.freeAtNs.set(sim.freeAtNs.subarray(0, sim.cpus.length));
  while (queue.count > 0) {
    const dueNs = earliestNs(queue);
    if (dueNs > untilNs) break;
    while (meter.nextSampleNs <= dueNs) takeSample(meter);
    runOne(sim);
    const { index } = sim.cpu;
    if (index >= meter.busyNs.length) makeRoom(meter);
    const { busyNs, freeAtNs } = meter;
    const before = freeAtNs[index]!;
    busyNs[index] = busyNs[index]! + sim.nowNs - (dueNs > before ? dueNs : before);
    freeAtNs[index] = sim.freeAtNs[index]!;
  }
  while (meter.nextSampleNs <= untilNs) takeSample(meter);
  if (sim.nowNs < untilNs) sim.nowNs = untilNs;
}

/** What a CPU has done by a moment that is not before the last event. */
export function doneNs(meter: Meter, cpu: Cpu, atNs: number): number {
  const behindNs = meter.freeAtNs[cpu.index]! - atNs;
  return meter.busyNs[cpu.index]! - (behindNs > 0 ? behindNs : 0);
}

function makeRoom(meter: Meter): void {
  const { length } = meter.sim.cpus;
  if (length <= meter.busyNs.length) return;
  const busyNs = new Float64Array(length);
  const freeAtNs = new Float64Array(length);
  busyNs.set(meter.busyNs);
  freeAtNs.set(meter.freeAtNs.subarray(0, length));
  meter.busyNs = busyNs;
  meter.freeAtNs = freeAtNs;
}

function takeSample(meter: Meter): void {
  const { hosts, intervalNs, nextSampleNs: atNs } = meter;
  const done = hosts.map(({ cpu }) => doneNs(meter, cpu, atNs));
  meter.samples.push({
    atNs,
    cpuShare: done.map((ns, i) => (ns - meter.lastDoneNs[i]!) / intervalNs),
    cpuBehindNs: hosts.map(({ cpu }) => Math.max(0, meter.freeAtNs[cpu.index]! - atNs)),
    sendQueueFrames: hosts.map(({ card }) => queueLengthOf(card, atNs)),
    receiveQueueFrames: hosts.map(({ port }) => queueLengthOf(port, atNs)),
  });
  meter.lastDoneNs = done;
  meter.nextSampleNs += intervalNs;
}
