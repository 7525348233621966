/**
 * The laws that every run keeps, checked between events: nobody loses a packet, what goes into a
 * veth pair comes out of it or is counted as dropped, and nothing happens in the past.
 */
import { assert } from '../base/assert.ts';
import type { Device, Netns } from '../engine/device.ts';
import type { Simulator } from '../engine/simulator.ts';

export interface LawOptions {
  readonly namespaces?: Iterable<Netns & { readonly devices: readonly Device[] }>;
  /** Packets that sockets and queues may still hold; 0 unless a test leaves one there. */
  readonly heldPackets?: number;
}

/**
 * Asserts all laws. Call it between events, when the network is at rest.
 * @throws AssertionError that says which law is broken, and where.
 */
export function checkLaws(sim: Simulator, options: LawOptions = {}): void {
  checkOwnership(sim, options.heldPackets ?? 0);
  checkConservation(sim);
  checkTime(sim);
  for (const netns of options.namespaces ?? []) {
    for (const device of netns.devices) checkDevice(device);
  }
}

/** Law 1: whoever took a packet has given it back. */
function checkOwnership(sim: Simulator, heldPackets: number): void {
  const { outstanding, made, small, large } = sim.pool;
  assert(
    outstanding === heldPackets,
    `at rest ${heldPackets} packets are held, but ${outstanding} were not given back`,
  );
  const inPool = small.length + large.length;
  assert(inPool + outstanding === made, `of ${made} packets ${inPool} are in the pool`);
  for (const packet of [...small, ...large]) {
    assert(packet.isFree && packet.next === null, 'a packet in the pool is free and in no queue');
  }
  for (const cpu of sim.cpus) {
    assert(cpu.backlog.count === 0, `at rest the backlog of ${cpu.name} is empty`);
  }
}

/** Law 2, over the whole run: every packet that was taken was given back once, or is still held. */
function checkConservation(sim: Simulator): void {
  const { nextId, released, outstanding } = sim.pool;
  const taken = nextId - 1;
  assert(
    taken === released + outstanding,
    `${taken} packets were taken, but ${released} given back and ${outstanding} held`,
  );
  let dropped = 0;
  for (const count of sim.dropCounts.values()) dropped += count;
  assert(dropped <= released, `${dropped} packets were dropped, but ${released} given back`);
}

/** Law 3: the queue is a heap in order of time, and nothing in it is in the past. */
function checkTime(sim: Simulator): void {
  const { count, times, orders, timers } = sim.queue;
  assert(Number.isSafeInteger(sim.nowNs) && sim.nowNs >= 0, 'time is an integer of 0 or more');
  assert(sim.workNs === 0, 'between events no work is under way');
  for (let i = 0; i < count; i++) {
    assert(timers[i]?.heapIndex === i, 'a timer knows its place in the queue');
    assert(Number.isInteger(times[i]!), 'timers fire at whole nanoseconds');
    if (i === 0) continue;
    const parent = (i - 1) >> 1;
    const isLater =
      times[i]! > times[parent]! || (times[i] === times[parent] && orders[i]! > orders[parent]!);
    assert(isLater, 'a timer does not fire before its parent in the heap');
  }
}

/** Law 2, where it can be counted: the two ends of a veth pair. */
function checkDevice(device: Device): void {
  const place = `${device.netns.name}.${device.name}`;
  const counters = [device.rxPackets, device.rxBytes, device.rxDropped, device.txPackets];
  for (const value of [...counters, device.txBytes, device.txDropped]) {
    assert(Number.isSafeInteger(value) && value >= 0, `the counters of ${place} are counts`);
  }
  const peer = device.kind === 'veth' ? device.lower : null;
  if (peer === null || !peer.isRegistered || peer.lower !== device) return;
  const arrived = peer.rxPackets + peer.rxDropped;
  assert(
    device.txPackets <= arrived + device.txDropped && peer.rxPackets <= device.txPackets,
    `${place} sent ${device.txPackets} frames, ${arrived} arrived at its peer`,
  );
}
