import { afterEach, describe, expect, test } from 'vitest';
import type { MacvlanMode } from '../../../src/devices/device-kind.ts';
import { MACVLAN_BROADCAST_QUEUE_MAX, macvlanKind } from '../../../src/devices/macvlan.ts';
import { joinVeths } from '../../../src/devices/veth.ts';
import type { Device } from '../../../src/engine/device.ts';
import { runOn, runSoftirq } from '../../../src/engine/simulator.ts';
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

/** eth0 (MAC a0) of the host, its peer ext (MAC e0), and a child m1, m2 ... for each mode. */
function lab(...modes: MacvlanMode[]): { eth0: Device; ext: Device; children: Device[] } {
  bench = makeBench();
  const host = fakeNetns(bench, 'host');
  const eth0 = addDevice(bench, host, { kind: 'veth', name: 'eth0', mac: 0xa0 });
  const ext = addDevice(bench, fakeNetns(bench, 'ext'), { kind: 'veth', name: 'ext', mac: 0xe0 });
  joinVeths(eth0, ext);
  up(eth0, ext);
  const children = modes.map((mode, index) =>
    addDevice(bench, fakeNetns(bench, `m${index + 1}`), {
      kind: 'macvlan',
      name: `m${index + 1}`,
      mac: index + 1,
      link: eth0,
      macvlan: { mode },
    }),
  );
  up(...children);
  return { eth0, ext, children };
}

describe('bridge mode', () => {
  test('sends from child to child by way of the parent, not to the wire', () => {
    const { children } = lab('bridge', 'bridge');
    send(bench, children[0]!, frame(bench, { from: 1, to: 2 }));
    expect(bench.seen).toEqual(['m1 out 1>2', 'eth0 in 1>2', 'm2 in 1>2']);
    expect(bench.delivered).toEqual(['m2 1>2']);
  });

  test('sends the rest to the wire; the parent never gets it', () => {
    const { children } = lab('bridge', 'bridge');
    send(bench, children[0]!, frame(bench, { from: 1, to: 0xa0 }));
    expect(bench.delivered).toEqual(['ext 1>160']);
  });

  test('shows a broadcast to the other children and the wire, not to the parent', () => {
    const { children } = lab('bridge', 'bridge', 'bridge');
    send(bench, children[0]!, frame(bench, { from: 1, to: 'all' }));
    settle(bench);
    expect([...bench.delivered].sort()).toEqual(['ext 1>all', 'm2 1>all', 'm3 1>all']);
  });
});

describe('from the wire', () => {
  test('gives unicast to the child of that address within the same receive', () => {
    const { ext, children } = lab('vepa', 'private');
    send(bench, ext, frame(bench, { from: 0xe0, to: 2 }));
    expect(bench.seen).toEqual(['ext out 224>2', 'eth0 in 224>2', 'm2 in 224>2']);
    expect(children[1]!.rxPackets).toBe(1);
    send(bench, ext, frame(bench, { from: 0xe0, to: 0xa0 }));
    send(bench, ext, frame(bench, { from: 0xe0, to: 0x55 }));
    expect(bench.delivered.slice(1)).toEqual(['eth0 224>160', 'eth0 224>85']);
  });

  test('gives a broadcast to the parent at once and to all children a little later', () => {
    const { ext } = lab('bridge', 'vepa', 'private');
    send(bench, ext, frame(bench, { from: 0xe0, to: 'all' }));
    expect(bench.delivered).toEqual(['eth0 224>all']);
    settle(bench);
    expect(bench.delivered.slice(1).sort()).toEqual(['m1 224>all', 'm2 224>all', 'm3 224>all']);
  });

  test('drops what is for a child that is down', () => {
    const { ext, children } = lab('passthru');
    children[0]!.isUp = false;
    send(bench, ext, frame(bench, { from: 0xe0, to: 0x77 }));
    expect(bench.drops).toEqual(['no-macvlan-target']);
  });

  test('queues broadcasts up to a bound', () => {
    const { eth0 } = lab('bridge');
    runOn(bench.sim, eth0.netns.cpu, () => {
      for (let i = 0; i < MACVLAN_BROADCAST_QUEUE_MAX + 5; i++) {
        eth0.receive(bench.sim, eth0, frame(bench, { from: 0xe0, to: 'all' }));
      }
      runSoftirq(bench.sim);
    });
    expect(eth0.rxDropped).toBe(5);
  });
});

describe('vepa and private mode', () => {
  test('send everything to the wire', () => {
    const { children } = lab('vepa', 'vepa', 'private', 'private');
    send(bench, children[0]!, frame(bench, { from: 1, to: 2 }));
    send(bench, children[2]!, frame(bench, { from: 3, to: 4 }));
    expect(bench.delivered).toEqual(['ext 1>2', 'ext 3>4']);
  });

  test('vepa: a broadcast that a switch sends back reaches the others but not its sender', () => {
    const { ext } = lab('vepa', 'vepa', 'bridge', 'private');
    send(bench, ext, frame(bench, { from: 1, to: 'all' }));
    settle(bench);
    expect(bench.delivered.sort()).toEqual(['eth0 1>all', 'm2 1>all', 'm3 1>all']);
  });

  test('bridge: a broadcast that comes back reaches only vepa children', () => {
    const { ext } = lab('bridge', 'bridge', 'vepa', 'private');
    send(bench, ext, frame(bench, { from: 1, to: 'all' }));
    settle(bench);
    expect(bench.delivered.sort()).toEqual(['eth0 1>all', 'm3 1>all']);
  });

  test('private: a broadcast that comes back reaches only its sender', () => {
    const { ext } = lab('private', 'private');
    send(bench, ext, frame(bench, { from: 1, to: 'all' }));
    settle(bench);
    expect(bench.delivered).toEqual(['m1 1>all']);
  });
});

describe('making one', () => {
  test('has the mode vepa unless told otherwise, and says so', () => {
    const { eth0 } = lab();
    const child = addDevice(bench, eth0.netns, { kind: 'macvlan', name: 'm9', mac: 9, link: eth0 });
    expect(macvlanKind.describe(child)).toBe(
      'macvlan mode vepa bcqueuelen 1000 usedbcqueuelen 1000',
    );
  });

  test('takes all of the parent in passthru mode, with its address, and no other child', () => {
    const { eth0, ext, children } = lab('passthru');
    expect(children[0]!.macLo).toBe(0xa0);
    send(bench, ext, frame(bench, { from: 0xe0, to: 0x55 }));
    expect(bench.delivered).toEqual(['m1 224>85']);
    const another = { kind: 'macvlan', name: 'm2', mac: 2, link: eth0 };
    expect(() => addDevice(bench, eth0.netns, another)).toThrow('Invalid argument');
  });

  test('refuses a parent that a bridge has, and a second device of one address', () => {
    const { eth0, children } = lab('bridge');
    const same = addDevice(bench, eth0.netns, { kind: 'macvlan', name: 'x', mac: 1, link: eth0 });
    expect(() => up(same)).toThrow('Device or resource busy');
    macvlanKind.destroy?.(bench.sim, same);
    macvlanKind.stop?.(bench.sim, children[0]!);
    macvlanKind.destroy?.(bench.sim, children[0]!);
    expect(eth0.intercept).toBeNull();
    expect(eth0.uppers).toEqual([]);
    eth0.intercept = () => false;
    const busy = { kind: 'macvlan', name: 'y', mac: 3, link: eth0 };
    expect(() => addDevice(bench, eth0.netns, busy)).toThrow('Device or resource busy');
  });

  test('stands on the real device when its parent is a macvlan', () => {
    const { eth0, children } = lab('bridge');
    const child = addDevice(bench, eth0.netns, {
      kind: 'macvlan',
      name: 'm2',
      mac: 2,
      link: children[0]!,
    });
    expect(child.lower).toBe(eth0);
  });
});
