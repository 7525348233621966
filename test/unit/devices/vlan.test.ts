import { afterEach, describe, expect, test } from 'vitest';
import { joinVeths } from '../../../src/devices/veth.ts';
import { vlanKind } from '../../../src/devices/vlan.ts';
import type { Device } from '../../../src/engine/device.ts';
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

afterEach(() => {
  settle(bench);
  expect(bench.sim.pool.outstanding).toBe(0);
});

/** a -- b, each with a VLAN interface of the ids given. */
function lab(idA: number, idB: number): { a: Device; b: Device; va: Device; vb: Device } {
  bench = makeBench();
  const left = fakeNetns(bench, 'left');
  const right = fakeNetns(bench, 'right');
  const a = addDevice(bench, left, { kind: 'veth', name: 'a', mac: 1 });
  const b = addDevice(bench, right, { kind: 'veth', name: 'b', mac: 2 });
  joinVeths(a, b);
  up(a, b);
  const va = addDevice(bench, left, {
    kind: 'vlan',
    name: 'va',
    mac: 1,
    link: a,
    vlan: { id: idA },
  });
  const vb = addDevice(bench, right, {
    kind: 'vlan',
    name: 'vb',
    mac: 2,
    link: b,
    vlan: { id: idB },
  });
  up(va, vb);
  return { a, b, va, vb };
}

describe('a VLAN interface', () => {
  test('tags what it sends and untags what it takes; the device below shows the tag', () => {
    const { va, vb } = lab(100, 100);
    send(bench, va, frame(bench, { from: 1, to: 2, sizeBytes: 1514 }));
    expect(bench.seen).toEqual([
      'va out 1>2',
      'a out 1>2 vlan 100',
      'b in 1>2 vlan 100',
      'vb in 1>2',
    ]);
    expect(bench.delivered).toEqual(['vb 1>2']);
    expect([va.txBytes, vb.rxBytes]).toEqual([1514, 1500]);
  });

  test('takes only its own id', () => {
    const { va } = lab(100, 200);
    send(bench, va, frame(bench, { from: 1, to: 2 }));
    expect(bench.delivered).toEqual(['b 1>2 vlan 100']);
  });

  test('drops what comes for it while it is down', () => {
    const { va, vb } = lab(100, 100);
    vb.isUp = false;
    send(bench, va, frame(bench, { from: 1, to: 2 }));
    expect(bench.drops).toEqual(['device-down']);
  });

  test('makes room for the tag if there is none', () => {
    const { va } = lab(100, 100);
    const packet = frame(bench, { from: 1, to: 2 });
    packet.bytes.copyWithin(2, packet.start, packet.end);
    packet.end = 2 + 60;
    packet.start = 2;
    send(bench, va, packet);
    expect(bench.delivered).toEqual(['vb 1>2']);
  });

  test('goes up only when the device below is up, and shares its carrier and MTU', () => {
    const { a, va } = lab(100, 100);
    va.isUp = false;
    a.isUp = false;
    expect(() => up(va)).toThrow('Network is down');
    a.hasCarrier = false;
    expect(vlanKind.hasCarrier?.(va)).toBe(false);
    expect(() => vlanKind.checkMtu?.(va, 1501)).toThrow('out of range');
    vlanKind.checkMtu?.(va, 1400);
  });

  test('lets the device below go when it is destroyed', () => {
    const { a, va } = lab(100, 100);
    vlanKind.destroy?.(bench.sim, va);
    expect([a.uppers, a.interceptVlan, va.lower]).toEqual([[], null, null]);
    send(bench, va, frame(bench, { from: 1, to: 2 }));
    expect(bench.drops).toEqual(['device-gone']);
  });

  test('refuses what cannot be', () => {
    const { a } = lab(100, 100);
    const wanted = { kind: 'vlan', name: 'x', mac: 1, link: a };
    const make = (change: object) => () => addDevice(bench, a.netns, { ...wanted, ...change });
    expect(make({ vlan: { id: 100 } })).toThrow('File exists');
    expect(make({ vlan: { id: 4095 } })).toThrow('out of range');
    expect(make({})).toThrow('Invalid argument');
    expect(make({ vlan: { id: 7 }, mtu: 1501 })).toThrow('Invalid argument');
    a.isLoopback = true;
    expect(make({ vlan: { id: 7 } })).toThrow('not supported');
    const rootless = { kind: 'vlan', name: 'x', mac: 1, vlan: { id: 7 } };
    expect(() => addDevice(bench, a.netns, rootless)).toThrow('Invalid argument');
  });
});
