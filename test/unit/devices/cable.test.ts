import { afterEach, describe, expect, test } from 'vitest';
import {
  type CableOptions,
  cableKind,
  createCable,
  queueLengthOf,
  setCable,
} from '../../../src/devices/cable.ts';
import type { Device } from '../../../src/engine/device.ts';
import { addTap } from '../../../src/engine/device.ts';
import { addCpu, runUntil } from '../../../src/engine/simulator.ts';
import {
  type Bench,
  fakeNetns,
  frame,
  makeBench,
  register,
  send,
  settle,
  up,
} from '../../support/devices.ts';

let bench: Bench;
let arrivals: number[];

afterEach(() => {
  settle(bench);
  expect(bench.sim.pool.outstanding).toBe(0);
});

function plug(options: CableOptions): [Device, Device] {
  bench = makeBench();
  arrivals = [];
  const a = fakeNetns(bench, 'a');
  const b = fakeNetns(bench, 'b', addCpu(bench.sim, 'other'));
  const [one, other] = createCable(a, 'one', b, 'other', options);
  register(bench, one);
  register(bench, other);
  up(one, other);
  addTap(other, { capture: (_device, _packet, _direction, timeNs) => arrivals.push(timeNs) });
  return [one, other];
}

describe('a cable', () => {
  test('delivers after its delay, on the CPU of the other host', () => {
    const [one] = plug({ delayNs: 500 });
    send(bench, one, frame(bench, { from: 1, to: 2 }));
    expect(arrivals).toEqual([]);
    settle(bench);
    expect(arrivals).toEqual([500]);
  });

  test('sends one frame after the other at its rate', () => {
    const [one] = plug({ delayNs: 100, rateBitPerSec: 1e9 });
    for (let i = 0; i < 3; i++) send(bench, one, frame(bench, { from: 1, to: 2, sizeBytes: 1000 }));
    settle(bench);
    expect(arrivals).toEqual([8100, 16100, 24100]);
  });

  test('tells how many frames wait in front of it', () => {
    const [one] = plug({ rateBitPerSec: 1e9 });
    for (let i = 0; i < 3; i++) send(bench, one, frame(bench, { from: 1, to: 2, sizeBytes: 1000 }));
    expect([0, 7999, 8000, 16_000].map((at) => queueLengthOf(one, at))).toEqual([2, 2, 1, 0]);
  });

  test('its card holds so many frames for a busy CPU, and drops more', () => {
    const [one, other] = plug({ ringFrames: 2, rateBitPerSec: 8e9 });
    // They come 1,000 after each other, while the CPU has something else to do until 9,000.
    for (let i = 0; i < 4; i++) send(bench, one, frame(bench, { from: 1, to: 2, sizeBytes: 1000 }));
    bench.sim.freeAtNs[other.netns.cpu.index] = 9000;
    settle(bench);
    expect(bench.drops).toEqual(['backlog-full', 'backlog-full']);
    expect([other.rxPackets, other.rxDropped]).toEqual([2, 2]);
    send(bench, one, frame(bench, { from: 1, to: 2 }));
    settle(bench);
    expect(other.rxPackets).toBe(3);
  });

  test('drops what its queue has no room for', () => {
    const [one] = plug({ rateBitPerSec: 1e9, queuePackets: 2 });
    for (let i = 0; i < 3; i++) send(bench, one, frame(bench, { from: 1, to: 2, sizeBytes: 1000 }));
    expect(bench.drops).toEqual(['queue-full']);
    expect([one.txPackets, one.txDropped]).toEqual([2, 1]);
    runUntil(bench.sim, 8000);
    send(bench, one, frame(bench, { from: 1, to: 2, sizeBytes: 1000 }));
    settle(bench);
    expect(arrivals).toHaveLength(3);
  });

  test('never reorders, whatever the jitter', () => {
    const [one] = plug({ delayNs: 1000, jitterNs: 1000 });
    const order: number[] = [];
    one.netns.sim.onDrop = null;
    for (let i = 0; i < 200; i++) {
      const packet = frame(bench, { from: 1, to: 2 });
      order.push(packet.id);
      send(bench, one, packet);
    }
    settle(bench);
    expect(arrivals).toHaveLength(200);
    expect([...arrivals].sort((a, b) => a - b)).toEqual(arrivals);
    expect(new Set(arrivals).size).toBeGreaterThan(1);
  });

  test('loses the share that it is told to, the same ones for the same seed', () => {
    const [one] = plug({ lossRate: 0.3 });
    for (let i = 0; i < 1000; i++) send(bench, one, frame(bench, { from: 1, to: 2 }));
    settle(bench);
    const lost = bench.drops.length;
    expect(lost).toBeGreaterThan(240);
    expect(lost).toBeLessThan(360);
    expect(new Set(bench.drops)).toEqual(new Set(['link-loss']));
    const [again] = plug({ lossRate: 0.3 });
    for (let i = 0; i < 1000; i++) send(bench, again, frame(bench, { from: 1, to: 2 }));
    expect(bench.drops).toHaveLength(lost);
  });

  test('carries nothing larger than the other card takes', () => {
    const [one, other] = plug({});
    other.mtuBytes = 1400;
    send(bench, one, frame(bench, { from: 1, to: 2, sizeBytes: 1419 }));
    expect(bench.drops).toEqual(['mtu-exceeded']);
  });

  test('can be changed and cut; what is under way is lost then', () => {
    const [one, other] = plug({ delayNs: 500 });
    setCable(one, { delayNs: 700, rateBitPerSec: 0, jitterNs: 0, lossRate: 0, queuePackets: 10 });
    send(bench, one, frame(bench, { from: 1, to: 2 }));
    cableKind.destroy?.(bench.sim, other);
    expect(bench.drops).toEqual(['device-gone']);
    send(bench, one, frame(bench, { from: 1, to: 2 }));
    expect(bench.drops).toEqual(['device-gone', 'no-carrier']);
    expect(cableKind.hasCarrier?.(one)).toBe(false);
  });

  test('keeps many frames in flight', () => {
    const [one] = plug({ delayNs: 1_000_000 });
    for (let i = 0; i < 500; i++) send(bench, one, frame(bench, { from: 1, to: 2 }));
    expect(bench.sim.queue.count).toBeLessThan(3);
    settle(bench);
    expect(arrivals).toHaveLength(500);
  });
});
