// What every kind of device keeps, whatever it does with a frame.
import { afterEach, describe, expect, test } from 'vitest';
import { createCable } from '../../../src/devices/cable.ts';
import { DEVICE_KINDS, deviceKindOf } from '../../../src/devices/index.ts';
import { createLoopback } from '../../../src/devices/loopback.ts';
import { joinVeths } from '../../../src/devices/veth.ts';
import type { Device } from '../../../src/engine/device.ts';
import {
  addDevice,
  type Bench,
  fakeNetns,
  frame,
  makeBench,
  register,
  send,
  settle,
  up,
} from '../../support/devices.ts';

/** One device of each kind, with what it needs around it, all of it up. */
const MAKERS: Readonly<Record<string, (bench: Bench) => Device>> = {
  veth: (bench) => {
    const netns = fakeNetns(bench, 'a');
    const one = addDevice(bench, netns, { kind: 'veth', name: 'one', mac: 1 });
    const other = addDevice(bench, netns, { kind: 'veth', name: 'other', mac: 2 });
    joinVeths(one, other);
    up(one, other);
    return one;
  },
  bridge: (bench) =>
    addDevice(bench, fakeNetns(bench, 'a'), { kind: 'bridge', name: 'br0', mac: 1 }),
  vxlan: (bench) =>
    addDevice(bench, fakeNetns(bench, 'a'), {
      kind: 'vxlan',
      name: 'vx0',
      mac: 1,
      vxlan: { id: 42, port: 4789 },
    }),
  macvlan: (bench) => onParent(bench, 'macvlan', {}),
  ipvlan: (bench) => onParent(bench, 'ipvlan', { ipvlan: { mode: 'l2' } }),
  vlan: (bench) => onParent(bench, 'vlan', { vlan: { id: 100 } }),
  dummy: (bench) => addDevice(bench, fakeNetns(bench, 'a'), { kind: 'dummy', name: 'd0', mac: 1 }),
  loopback: (bench) => register(bench, createLoopback(fakeNetns(bench, 'a'))),
  cable: (bench) => {
    const [one, other] = createCable(fakeNetns(bench, 'a'), 'one', fakeNetns(bench, 'b'), 'other');
    register(bench, one);
    up(register(bench, other));
    return one;
  },
};

function onParent(bench: Bench, kind: string, options: object): Device {
  const netns = fakeNetns(bench, 'a');
  const parent = addDevice(bench, netns, { kind: 'dummy', name: 'p0', mac: 9 });
  up(parent);
  return addDevice(bench, netns, { kind, name: 'c0', mac: 1, link: parent, ...options });
}

test('every registered kind is in the contract suite', () => {
  for (const kind of DEVICE_KINDS) expect(Object.keys(MAKERS)).toContain(kind.name);
  expect(new Set(DEVICE_KINDS.map((kind) => kind.name)).size).toBe(DEVICE_KINDS.length);
});

describe.each(Object.keys(MAKERS))('%s', (name) => {
  let bench: Bench;
  const made = (): Device => {
    bench = makeBench();
    return MAKERS[name]!(bench);
  };

  afterEach(() => {
    settle(bench);
    expect(bench.sim.pool.outstanding).toBe(0);
  });

  test('drops what is sent while it is down, unseen by taps', () => {
    const device = made();
    device.isUp = false;
    send(bench, device, frame(bench, { from: 1, to: 7 }));
    expect(bench.drops).toEqual(['device-down']);
    expect(bench.seen).toEqual([]);
    expect(device.txDropped).toBe(1);
    expect(device.txPackets).toBe(0);
  });

  test('drops what is sent without carrier, unseen by taps', () => {
    const device = made();
    up(device);
    device.hasCarrier = false;
    send(bench, device, frame(bench, { from: 1, to: 7 }));
    expect(bench.drops).toEqual(['no-carrier']);
    expect(bench.seen).toEqual([]);
  });

  test('shows a frame that it sends to its taps as out', () => {
    const device = made();
    up(device);
    send(bench, device, frame(bench, { from: 1, to: 'all' }));
    expect(bench.seen[0]).toBe(`${device.name} out 1>all`);
  });

  test('counts what it receives, and shows it to its taps as in', () => {
    const device = made();
    up(device);
    device.receive(bench.sim, device, frame(bench, { from: 3, to: 'all' }));
    expect(device.rxPackets).toBe(1);
    expect(bench.seen[0]).toBe(`${device.name} in 3>all`);
    expect(bench.delivered).toEqual([`${device.name} 3>all`]);
  });

  test('drops what it receives while it is down', () => {
    const device = made();
    device.isUp = false;
    device.receive(bench.sim, device, frame(bench, { from: 3, to: 'all' }));
    expect(bench.drops).toEqual(['device-down']);
    expect(device.rxPackets).toBe(0);
    expect(device.rxBytes).toBe(0);
  });

  test('drops a frame that is shorter than its header', () => {
    const device = made();
    up(device);
    const packet = frame(bench, { from: 3, to: 'all' });
    packet.end = packet.start + 13;
    device.receive(bench.sim, device, packet);
    expect(bench.drops).toEqual(['frame-too-short']);
  });

  test('owns what it is given: nothing is left when all is done', () => {
    const device = made();
    up(device);
    for (let i = 0; i < 5; i++)
      send(bench, device, frame(bench, { from: 1, to: i === 0 ? 'all' : i }));
    settle(bench);
    expect(bench.sim.pool.outstanding).toBe(0);
  });

  test('gives up what it holds when it is destroyed', () => {
    const device = made();
    up(device);
    send(bench, device, frame(bench, { from: 1, to: 'all' }));
    device.isUp = false;
    device.isRegistered = false;
    const kind = deviceKindOf(device.kind);
    kind?.stop?.(bench.sim, device);
    kind?.destroy?.(bench.sim, device);
    settle(bench);
    expect(bench.sim.pool.outstanding).toBe(0);
  });

  test('describes itself in one line', () => {
    const device = made();
    const text = deviceKindOf(device.kind)?.describe(device) ?? '';
    expect(text).not.toContain('\n');
  });
});
