import { afterEach, describe, expect, test } from 'vitest';
import { type NetemParameters, netemOf, resetNetem, setNetem } from '../../../src/devices/netem.ts';
import { setTbf, tbfOf } from '../../../src/devices/tbf.ts';
import { joinVeths } from '../../../src/devices/veth.ts';
import { addTap, type Device } from '../../../src/engine/device.ts';
import { runUntil } from '../../../src/engine/simulator.ts';
import {
  addDevice,
  type Bench,
  fakeNetns,
  frame,
  makeBench,
  send,
  settle,
  up,
} from '../../support/devices.ts';

let bench: Bench;
let sentAt: number[];
let order: number[];

afterEach(() => {
  settle(bench);
  expect(bench.sim.pool.outstanding).toBe(0);
});

function lab(): Device {
  bench = makeBench();
  sentAt = [];
  order = [];
  const one = addDevice(bench, fakeNetns(bench, 'a'), { kind: 'veth', name: 'one', mac: 1 });
  const other = addDevice(bench, fakeNetns(bench, 'b'), { kind: 'veth', name: 'other', mac: 2 });
  joinVeths(one, other);
  up(one, other);
  addTap(one, {
    capture: (_device, packet, _direction, timeNs) => {
      sentAt.push(timeNs);
      order.push(packet.bytes[packet.start + 20]!);
    },
  });
  return one;
}

function withNetem(parameters: Partial<NetemParameters>): Device {
  const one = lab();
  setNetem(bench.sim, one, parameters);
  return one;
}

function sendMany(device: Device, count: number, sizeBytes = 1000): void {
  for (let i = 0; i < count; i++) {
    const packet = frame(bench, { from: 1, to: 2, sizeBytes });
    packet.bytes[packet.start + 20] = i;
    send(bench, device, packet);
  }
}

describe('netem', () => {
  test('delays', () => {
    const one = withNetem({ delayNs: 10e6 });
    sendMany(one, 2);
    expect(sentAt).toEqual([]);
    expect(netemOf(one)).toMatchObject({ waitingPackets: 2, waitingBytes: 2000, sentPackets: 0 });
    settle(bench);
    expect(sentAt).toEqual([10e6, 10e6]);
    expect(netemOf(one)).toMatchObject({ waitingPackets: 0, sentPackets: 2, sentBytes: 2000 });
  });

  test('sends at once without a delay', () => {
    sendMany(withNetem({}), 1);
    expect(sentAt).toEqual([0]);
  });

  test('jitter reorders, as in Linux', () => {
    sendMany(withNetem({ delayNs: 10e6, jitterNs: 2e6 }), 50);
    settle(bench);
    expect(sentAt.every((at) => at >= 8e6 && at < 12e6)).toBe(true);
    expect([...sentAt].sort((a, b) => a - b)).toEqual(sentAt);
    expect([...order].sort((a, b) => a - b)).not.toEqual(order);
  });

  test('a rate sends one after the other; waiting counts as delay', () => {
    sendMany(withNetem({ delayNs: 1e6, rateBitPerSec: 8e6 }), 3);
    settle(bench);
    expect(sentAt).toEqual([2e6, 3e6, 4e6]);
  });

  test('drops beyond its limit, and at random', () => {
    const one = withNetem({ delayNs: 1e6, limitPackets: 2 });
    sendMany(one, 3);
    expect(bench.drops).toEqual(['queue-full']);
    setNetem(bench.sim, one, { lossRate: 1 });
    sendMany(one, 1);
    expect(bench.drops).toEqual(['queue-full', 'link-loss']);
    expect(netemOf(one)?.droppedPackets).toBe(2);
  });

  test('repeats', () => {
    sendMany(withNetem({ duplicateRate: 1 }), 2);
    settle(bench);
    expect(sentAt).toHaveLength(4);
  });

  test('drops what waits when it is reset or taken away', () => {
    const one = withNetem({ delayNs: 1e6 });
    sendMany(one, 1);
    resetNetem(bench.sim, one);
    sendMany(one, 1);
    setNetem(bench.sim, one, null);
    setNetem(bench.sim, one, null);
    expect(bench.drops).toEqual(['device-down', 'device-down']);
    expect(netemOf(one)).toBeNull();
    expect(one.queueDiscipline).toBeNull();
    resetNetem(bench.sim, one);
  });
});

describe('tbf', () => {
  test('lets a burst pass and the rest at its rate', () => {
    const one = lab();
    setTbf(bench.sim, one, { rateBitPerSec: 8e6, burstBytes: 2000, limitBytes: 10000 });
    sendMany(one, 4);
    expect(tbfOf(one)).toMatchObject({ waitingPackets: 2, waitingBytes: 2000 });
    settle(bench);
    expect(sentAt).toEqual([0, 0, 1e6, 2e6]);
    runUntil(bench.sim, 10e6);
    sendMany(one, 2);
    expect(sentAt.slice(4)).toEqual([10e6, 10e6]);
  });

  test('drops beyond its limit, what is larger than the burst, and what waits at the end', () => {
    const one = lab();
    setTbf(bench.sim, one, { rateBitPerSec: 8e6, burstBytes: 1000, limitBytes: 1500 });
    sendMany(one, 3);
    sendMany(one, 1, 1001);
    expect(bench.drops).toEqual(['queue-full', 'queue-full']);
    setTbf(bench.sim, one, { rateBitPerSec: 8e6, burstBytes: 2000, limitBytes: 1500 });
    setTbf(bench.sim, one, null);
    setTbf(bench.sim, one, null);
    expect(bench.drops).toHaveLength(3);
    expect(tbfOf(one)).toBeNull();
  });
});
