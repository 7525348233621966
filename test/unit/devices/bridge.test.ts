import { afterEach, describe, expect, test } from 'vitest';
import { macOf } from '../../../src/base/mac-address.ts';
import { type BridgePort, bridgeOf } from '../../../src/devices/bridge.ts';
import {
  addBridgeFdb,
  addBridgePort,
  changePortMac,
  deleteBridgeFdb,
  listBridgeFdb,
  removeBridgePort,
  setBridgeMac,
  updateBridgePort,
} from '../../../src/devices/bridge-control.ts';
import { BRIDGE_FDB_MAX } from '../../../src/devices/bridge-fdb.ts';
import { findMac } from '../../../src/devices/mac-table.ts';
import { joinVeths } from '../../../src/devices/veth.ts';
import type { Device } from '../../../src/engine/device.ts';
import { PACKET_HOST } from '../../../src/engine/packet.ts';
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

afterEach(() => {
  settle(bench);
  expect(bench.sim.pool.outstanding).toBe(0);
});

interface Switch {
  readonly br0: Device;
  /** Ends in the containers: c1 has the MAC 1, and so on. */
  readonly hosts: Device[];
  readonly ports: BridgePort[];
}

/** br0 (MAC ff) with ports v1, v2 ... (MACs 11, 12 ...) to c1, c2 ... */
function makeSwitch(count: number, isUserMac = true): Switch {
  bench = makeBench();
  const netns = fakeNetns(bench, 'host');
  const br0 = addDevice(bench, netns, { kind: 'bridge', name: 'br0', mac: 0xff });
  bridgeOf(br0).hasUserMac = isUserMac;
  up(br0);
  const hosts: Device[] = [];
  const ports: BridgePort[] = [];
  for (let i = 1; i <= count; i++) {
    const host = addDevice(bench, fakeNetns(bench, `c${i}`), {
      kind: 'veth',
      name: `c${i}`,
      mac: i,
    });
    const port = addDevice(bench, netns, { kind: 'veth', name: `v${i}`, mac: 0x10 + i });
    joinVeths(host, port);
    up(host, port);
    hosts.push(host);
    ports.push(addBridgePort(br0, port));
  }
  return { br0, hosts, ports };
}

const fdbLines = (br0: Device): string[] =>
  listBridgeFdb(bench.sim, br0).map(
    (entry) =>
      `${entry.lo.toString(16)} ${entry.port?.device.name ?? 'self'}${entry.isLocal ? ' local' : ''}`,
  );

describe('forwarding', () => {
  test('floods a broadcast to the other ports, newest first, and then takes it itself', () => {
    const { hosts } = makeSwitch(3);
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 'all' }));
    expect(bench.seen).toEqual([
      'c1 out 1>all',
      'v1 in 1>all',
      'v3 out 1>all',
      'v2 out 1>all',
      'br0 in 1>all',
      'c3 in 1>all',
      'c2 in 1>all',
    ]);
    expect(bench.delivered).toEqual(['br0 1>all', 'c3 1>all', 'c2 1>all']);
  });

  test('learns on the way in, and then sends to that port alone, unseen by its own tap', () => {
    const { hosts, br0 } = makeSwitch(3);
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 2 }));
    expect(bench.delivered).toEqual(['c3 1>2', 'c2 1>2']);
    bench.seen.length = 0;
    send(bench, hosts[1]!, frame(bench, { from: 2, to: 1 }));
    expect(bench.seen).toEqual(['c2 out 2>1', 'v2 in 2>1', 'v1 out 2>1', 'c1 in 2>1']);
    expect(fdbLines(br0)).toContain('1 v1');
  });

  test('passes up what is for itself, and counts it without the Ethernet header', () => {
    const { hosts, br0 } = makeSwitch(2);
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 0xff, sizeBytes: 60 }));
    expect(bench.delivered).toEqual(['br0 1>255']);
    expect(bench.packetTypes).toEqual([PACKET_HOST]);
    expect([br0.rxPackets, br0.rxBytes]).toEqual([1, 46]);
  });

  test('passes up what is for one of its ports', () => {
    const { hosts } = makeSwitch(2);
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 0x12 }));
    expect(bench.delivered).toEqual(['br0 1>18']);
  });

  test('shows every frame to its tap while promiscuous, after forwarding it', () => {
    const { hosts, br0 } = makeSwitch(2);
    br0.promiscuousCount = 1;
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 2 }));
    expect(bench.seen.slice(1, 4)).toEqual(['v1 in 1>2', 'v2 out 1>2', 'br0 in 1>2']);
  });

  test('sends what the host sends, to one port if it knows it, else to all', () => {
    const { hosts, br0 } = makeSwitch(2);
    send(bench, br0, frame(bench, { from: 0xff, to: 2 }));
    expect(bench.seen.filter((line) => line.includes('out'))).toEqual([
      'br0 out 255>2',
      'v2 out 255>2',
      'v1 out 255>2',
    ]);
    send(bench, hosts[1]!, frame(bench, { from: 2, to: 0xff }));
    bench.seen.length = 0;
    send(bench, br0, frame(bench, { from: 0xff, to: 2 }));
    expect(bench.seen).toEqual(['br0 out 255>2', 'v2 out 255>2', 'c2 in 255>2']);
  });

  test('sends nothing back out of the port it came in by, unless that is in hairpin mode', () => {
    const { hosts, ports } = makeSwitch(1);
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 9 }));
    expect(bench.drops).toEqual(['bridge-no-target']);
    ports[0]!.isHairpin = true;
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 'all' }));
    expect(bench.delivered).toEqual(['br0 1>all', 'c1 1>all']);
  });

  test('keeps isolated ports apart from each other only', () => {
    const { hosts, ports } = makeSwitch(3);
    ports[0]!.isIsolated = true;
    ports[1]!.isIsolated = true;
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 'all' }));
    expect(bench.delivered).toEqual(['br0 1>all', 'c3 1>all']);
    send(bench, hosts[1]!, frame(bench, { from: 2, to: 1 }));
    expect(bench.drops).toEqual(['bridge-port-blocked']);
  });

  test('floods unknown unicast and groups only to ports that want it; the host reaches all', () => {
    const { hosts, ports, br0 } = makeSwitch(3);
    ports[1]!.floodsUnicast = false;
    ports[2]!.floodsBroadcast = false;
    ports[2]!.floodsMulticast = false;
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 9 }));
    expect(bench.delivered).toEqual(['c3 1>9']);
    bench.delivered.length = 0;
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 'all' }));
    expect(bench.delivered).toEqual(['br0 1>all', 'c2 1>all']);
    bench.delivered.length = 0;
    send(bench, br0, frame(bench, { from: 0xff, to: 'all' }));
    expect(bench.delivered).toEqual(['c3 255>all', 'c2 255>all', 'c1 255>all']);
  });

  test('forwards no link-local group frames but those of spanning tree', () => {
    const { hosts, ports } = makeSwitch(2);
    const group = (last: number): readonly [number, number] => [0x0180, 0xc2000000 | last];
    send(bench, hosts[0]!, frame(bench, { from: 1, to: group(1) }));
    expect(bench.drops).toEqual(['bridge-link-local']);
    send(bench, hosts[0]!, frame(bench, { from: 1, to: group(14) }));
    expect(bench.delivered).toEqual(['v1 1>180c200000e']); // the port's own, not the bridge's
    bench.delivered.length = 0;
    send(bench, hosts[0]!, frame(bench, { from: 1, to: group(0) }));
    expect(bench.delivered).toEqual(['br0 1>180c2000000', 'c2 1>180c2000000']);
    ports[0]!.groupForwardMask = 1 << 14;
    bench.delivered.length = 0;
    send(bench, hosts[0]!, frame(bench, { from: 1, to: group(14) }));
    expect(bench.delivered).toContain('c2 1>180c200000e');
  });

  test('drops a sender that cannot be', () => {
    const { hosts } = makeSwitch(2);
    const packet = frame(bench, { from: 1, to: 2 });
    packet.bytes[packet.start + 6] = 0x01;
    send(bench, hosts[0]!, packet);
    expect(bench.drops).toEqual(['invalid-source-mac']);
  });

  test('drops what is too large for the port it should leave by', () => {
    const { hosts, ports } = makeSwitch(2);
    ports[1]!.device.mtuBytes = 1400;
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 2, sizeBytes: 1419 }));
    expect(bench.drops).toEqual(['mtu-exceeded']);
  });

  test('takes nothing while the bridge or the port is down', () => {
    const { hosts, ports, br0 } = makeSwitch(2);
    br0.isUp = false;
    for (const port of ports) updateBridgePort(port);
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 2 }));
    expect(bench.drops).toEqual(['bridge-port-blocked']);
  });
});

describe('the forwarding database', () => {
  test('forgets an address after 300 s without a frame from it', () => {
    const { hosts, br0 } = makeSwitch(2);
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 'all' }));
    runUntil(bench.sim, 299e9);
    expect(fdbLines(br0)).toContain('1 v1');
    runUntil(bench.sim, 300e9);
    expect(fdbLines(br0)).not.toContain('1 v1');
    send(bench, br0, frame(bench, { from: 0xff, to: 1 }));
    expect(bench.delivered).toContain('c2 255>1');
  });

  test('is refreshed by each frame and follows a host to another port', () => {
    const { hosts, br0 } = makeSwitch(2);
    send(bench, hosts[0]!, frame(bench, { from: 7, to: 'all' }));
    runUntil(bench.sim, 200e9);
    send(bench, hosts[1]!, frame(bench, { from: 7, to: 'all' }));
    runUntil(bench.sim, 400e9);
    expect(fdbLines(br0)).toContain('7 v2');
  });

  test('has permanent entries for the bridge and its ports, which nothing moves', () => {
    const { hosts, br0 } = makeSwitch(2);
    expect(fdbLines(br0)).toEqual(['11 v1 local', '12 v2 local', 'ff self local']);
    send(bench, hosts[0]!, frame(bench, { from: 0x12, to: 'all' }));
    expect(fdbLines(br0)).toContain('12 v2 local');
  });

  test('takes entries by hand and gives them back', () => {
    const { ports, br0 } = makeSwitch(2);
    const mac = macOf(0x0200, 0x99);
    const { device } = ports[1]!;
    addBridgeFdb(bench.sim, device, { mac, state: 'static' });
    expect(() => addBridgeFdb(bench.sim, device, { mac, state: 'static' })).toThrow('File exists');
    addBridgeFdb(bench.sim, device, { mac, state: 'dynamic', isReplace: true });
    addBridgeFdb(bench.sim, device, { mac, state: 'static', isReplace: true });
    runUntil(bench.sim, 1000e9);
    expect(fdbLines(br0)).toContain('99 v2');
    expect(() => deleteBridgeFdb(ports[0]!.device, mac)).toThrow('No such file');
    deleteBridgeFdb(device, mac);
    expect(fdbLines(br0)).not.toContain('99 v2');
    expect(() => addBridgeFdb(bench.sim, device, { mac: 0, state: 'static' })).toThrow('Invalid');
  });

  test('does not move a sticky entry', () => {
    const { hosts, ports, br0 } = makeSwitch(2);
    const mac = macOf(0x0200, 7);
    addBridgeFdb(bench.sim, ports[1]!.device, { mac, state: 'static', isSticky: true });
    send(bench, hosts[0]!, frame(bench, { from: 7, to: 'all' }));
    expect(fdbLines(br0)).toContain('7 v2');
  });

  test('learns nothing on a port that does not learn, or with an ageing time of 0', () => {
    const { hosts, ports, br0 } = makeSwitch(2);
    ports[0]!.isLearning = false;
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 'all' }));
    bridgeOf(br0).ageingNs = 0;
    send(bench, hosts[1]!, frame(bench, { from: 2, to: 'all' }));
    expect(fdbLines(br0)).toHaveLength(3);
  });

  test('is bounded: old entries make room, and then nothing more is learnt', () => {
    const { hosts, br0 } = makeSwitch(1);
    const { fdb } = bridgeOf(br0);
    for (let i = 0; fdb.count < BRIDGE_FDB_MAX; i++) {
      const mac = macOf(0x0202, i);
      addBridgeFdb(bench.sim, bridgeOf(br0).ports[0]!.device, { mac, state: 'dynamic' });
    }
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 0xff }));
    expect(findMac(fdb, 0x0200, 1)).toBeNull();
    runUntil(bench.sim, 301e9);
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 0xff }));
    expect(findMac(fdb, 0x0200, 1)).not.toBeNull();
    expect(fdb.count).toBeLessThan(10);
  });

  test('forgets what was learnt on a port that goes down', () => {
    const { hosts, ports, br0 } = makeSwitch(2);
    send(bench, hosts[0]!, frame(bench, { from: 1, to: 'all' }));
    ports[0]!.device.hasCarrier = false;
    updateBridgePort(ports[0]!);
    expect(fdbLines(br0)).not.toContain('1 v1');
    expect(bridgeOf(br0).hasLivePort).toBe(true);
  });
});

describe('the address and MTU of a bridge', () => {
  test('follow the ports: the lowest address, the smallest MTU, zero and 1500 without ports', () => {
    const { ports, br0 } = makeSwitch(2, false);
    expect(br0.macLo).toBe(0x11);
    const { device } = ports[0]!;
    device.mtuBytes = 1400;
    removeBridgePort(ports[1]!.device);
    expect([br0.macLo, br0.mtuBytes]).toEqual([0x11, 1400]);
    removeBridgePort(device);
    expect([br0.macHi, br0.macLo, br0.mtuBytes]).toEqual([0, 0, 1500]);
    expect(device.master).toBeNull();
    expect(listBridgeFdb(bench.sim, br0)).toEqual([]);
  });

  test('stay when the user has set them', () => {
    const { ports, br0 } = makeSwitch(2, false);
    setBridgeMac(br0, macOf(0x0200, 0x77));
    bridgeOf(br0).hasUserMtu = true;
    ports[0]!.device.mtuBytes = 1400;
    removeBridgePort(ports[1]!.device);
    expect([br0.macLo, br0.mtuBytes]).toEqual([0x77, 1500]);
    expect(fdbLines(br0)).toEqual(['11 v1 local', '77 self local']);
  });

  test('share an entry between ports of one address', () => {
    const { ports, br0 } = makeSwitch(2);
    const { device } = ports[1]!;
    device.macLo = 0x11;
    changePortMac(ports[1]!, macOf(0x0200, 0x12));
    expect(fdbLines(br0)).toEqual(['11 v1 local', 'ff self local']);
    removeBridgePort(ports[0]!.device);
    expect(fdbLines(br0)).toEqual(['11 v2 local', 'ff self local']);
  });
});
