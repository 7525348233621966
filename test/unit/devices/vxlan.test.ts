import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseIpv4 } from '../../../src/base/ipv4-address.ts';
import { macOf } from '../../../src/base/mac-address.ts';
import type { VxlanOptions } from '../../../src/devices/device-kind.ts';
import { flowHashKey, flowHashOf, flowSourcePort } from '../../../src/devices/flow-hash.ts';
import { receiveVxlan } from '../../../src/devices/vxlan.ts';
import {
  addVxlanFdb,
  listVxlanFdb,
  removeVxlanFdb,
  vxlanKind,
} from '../../../src/devices/vxlan-control.ts';
import { type VxlanUnderlay, vxlanOf } from '../../../src/devices/vxlan-record.ts';
import type { Device, Netns } from '../../../src/engine/device.ts';
import type { Packet } from '../../../src/engine/packet.ts';
import { releasePacket } from '../../../src/engine/packet-pool.ts';
import { runOn, runSoftirq, runUntil } from '../../../src/engine/simulator.ts';
import {
  ARP_REPLY,
  ARP_REQUEST,
  arpOperation,
  arpTargetIp,
  writeArp,
} from '../../../src/protocols/arp.ts';
import { writeUint16 } from '../../../src/protocols/bytes.ts';
import { icmpMtu, icmpType } from '../../../src/protocols/icmp.ts';
import {
  IP_DF,
  ipId,
  ipSource,
  ipTarget,
  ipTotalBytes,
  ipTtl,
  isIpChecksumGood,
  writeIpv4,
} from '../../../src/protocols/ipv4.ts';
import { vxlanVni, writeVxlan } from '../../../src/protocols/vxlan.ts';
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

const ip = (text: string): number => parseIpv4(text)!;

interface Sent {
  readonly remote: number;
  readonly vni: number;
  readonly ttl: number;
  readonly tos: number;
  readonly df: number;
  readonly port: number;
}

let bench: Bench;
let home: Netns;
let sent: Sent[];
let learnt: number[];
let neighbours: Map<number, { macHi: number; macLo: number; isSure: boolean }>;
let hasRoute: boolean;
let way: { isLocal: boolean; mtuBytes: number; isCircular: boolean };

beforeEach(() => {
  bench = makeBench();
  home = fakeNetns(bench, 'h1');
  sent = [];
  learnt = [];
  neighbours = new Map();
  hasRoute = true;
  way = { isLocal: false, mtuBytes: 1500, isCircular: false };
});

afterEach(() => {
  settle(bench);
  expect(bench.sim.pool.outstanding).toBe(0);
});

const underlay: VxlanUnderlay = {
  open: () => {},
  close: () => {},
  findWay: (_sim, device) => {
    Object.assign(vxlanOf(device).way, way);
    return hasRoute;
  },
  send: (sim, _device, packet, remote, port, ttl, tos, df) => {
    sent.push({
      remote: remote.address,
      vni: vxlanVni(packet.bytes, packet.start),
      ttl,
      tos,
      df,
      port,
    });
    releasePacket(sim, packet);
  },
  portRangeLow: () => 32768,
  portRangeHigh: () => 60999,
  findNeighbour: (_device, address) => neighbours.get(address) ?? null,
  isConnected: (neighbour) => (neighbour as unknown as { isSure: boolean }).isSure,
  learnPathMtu: (_sim, _device, _target, mtuBytes) => learnt.push(mtuBytes),
};

function makeVxlan(vxlan: Partial<VxlanOptions> = {}, mac = 0xee): Device {
  const device = addDevice(bench, home, {
    kind: 'vxlan',
    name: `vx${mac}`,
    mac,
    vxlan: { id: 42, port: 4789, ...vxlan },
  });
  vxlanOf(device).underlay = underlay;
  up(device);
  return device;
}

/** An IPv4 packet in a frame. */
function datagram(
  options: { sizeBytes?: number; tos?: number; df?: boolean; ttl?: number } = {},
): Packet {
  const { sizeBytes = 100, tos = 0, df = false, ttl = 64 } = options;
  const packet = frame(bench, { from: 1, to: 2, sizeBytes: sizeBytes + 14, ethertype: 0x0800 });
  const at = packet.start + 14;
  writeIpv4(
    packet.bytes,
    at,
    tos,
    sizeBytes,
    7,
    df ? IP_DF : 0,
    ttl,
    17,
    ip('10.0.0.1'),
    ip('10.0.0.2'),
  );
  return packet;
}

function remember(
  device: Device,
  mac: number,
  remote: string,
  how: 'add' | 'append' = 'add',
): void {
  const whole = mac === 0 ? 0 : macOf(0x0200, mac);
  addVxlanFdb(bench.sim, device, { mac: whole, remote: ip(remote), state: 'permanent', how });
}

/** A datagram for the VXLAN port as the underlay hands it over. */
function arrive(
  vni: number,
  from: number,
  source: string,
  change?: (packet: Packet) => void,
): void {
  const packet = frame(bench, { from, to: 'all' });
  packet.start -= 8;
  writeVxlan(packet.bytes, packet.start, vni);
  change?.(packet);
  runOn(bench.sim, home.cpu, () => {
    receiveVxlan(bench.sim, home, 4789, packet, ip(source), 0);
    runSoftirq(bench.sim);
  });
}

const fdbLines = (device: Device): string[] =>
  listVxlanFdb(bench.sim, device).map(
    (entry) =>
      `${entry.lo.toString(16)} ${entry.remotes.map((each) => each.address & 255).join('+')} ${entry.state}`,
  );

describe('sending', () => {
  test('goes to the remote of the target address', () => {
    const device = makeVxlan();
    remember(device, 2, '192.168.0.13');
    send(bench, device, datagram());
    expect(sent).toMatchObject([{ remote: ip('192.168.0.13'), vni: 42, ttl: 0, tos: 0, df: 0 }]);
    expect([device.txPackets, device.txBytes]).toEqual([1, 100]);
  });

  test('goes to all remotes of the default entry, the first one last', () => {
    const device = makeVxlan({ remote: ip('192.168.0.11') });
    remember(device, 0, '192.168.0.12', 'append');
    remember(device, 0, '192.168.0.13', 'append');
    send(bench, device, frame(bench, { from: 1, to: 'all' }));
    expect(sent.map((each) => each.remote & 255)).toEqual([12, 13, 11]);
    expect(device.txPackets).toBe(3);
  });

  test('drops what it knows no remote for', () => {
    const device = makeVxlan();
    send(bench, device, datagram());
    expect(bench.drops).toEqual(['vxlan-no-fdb']);
    expect([device.txPackets, device.txBytes, device.txDropped]).toEqual([0, 0, 1]);
  });

  test('drops when the underlay is down, has no route or leads into the device itself', () => {
    const device = makeVxlan();
    remember(device, 2, '192.168.0.13');
    hasRoute = false;
    send(bench, device, datagram());
    hasRoute = true;
    way.isCircular = true;
    send(bench, device, datagram());
    vxlanOf(device).isOpen = false;
    send(bench, device, datagram());
    expect(bench.drops).toEqual(['vxlan-underlay-down', 'dead-loop', 'vxlan-underlay-down']);
  });

  test('takes TTL, TOS and DF as configured, and ECN always from inside', () => {
    const fixed = makeVxlan({ ttl: 9, tos: 0x10, df: 'set' });
    remember(fixed, 2, '192.168.0.13');
    send(bench, fixed, datagram({ tos: 0x21 }));
    expect(sent.pop()).toMatchObject({ ttl: 9, tos: 0x11, df: IP_DF });
    const inheriting = makeVxlan({ id: 43, ttl: 'inherit', tos: 1, df: 'inherit' });
    remember(inheriting, 2, '192.168.0.13');
    send(bench, inheriting, datagram({ tos: 0x20, ttl: 33, df: true }));
    expect(sent.pop()).toMatchObject({ ttl: 33, tos: 0x20, df: IP_DF });
    send(bench, inheriting, datagram({ tos: 3 }));
    expect(sent.pop()).toMatchObject({ tos: 2, df: 0 }); // CE is not copied, ECT(0) stands for it
  });

  test('comes back in at once when the remote is this host', () => {
    const device = makeVxlan();
    remember(device, 2, '192.168.0.13');
    way.isLocal = true;
    send(bench, device, datagram());
    expect(bench.delivered).toEqual(['vx238 1>2']);
    expect(fdbLines(device)).toContain('1 1 dynamic'); // behind 127.0.0.1
    vxlanOf(device).isOpen = true;
    addVxlanFdb(bench.sim, device, {
      mac: macOf(0x0200, 3),
      remote: 5,
      vni: 99,
      state: 'static',
      how: 'add',
    });
    send(bench, device, frame(bench, { from: 1, to: 3 }));
    expect(bench.drops).toEqual(['vxlan-unknown-vni']);
  });

  test('makes room in front of a frame that has too little', () => {
    const device = makeVxlan();
    remember(device, 2, '192.168.0.13');
    const packet = datagram();
    packet.bytes.copyWithin(20, packet.start, packet.end);
    packet.end -= packet.start - 20;
    packet.start = 20;
    send(bench, device, packet);
    expect(sent).toHaveLength(1);
  });
});

describe('a packet that is too large for the underlay', () => {
  test('is encapsulated all the same, and its route learns the MTU', () => {
    const device = makeVxlan();
    remember(device, 2, '192.168.0.13');
    const packet = datagram({ sizeBytes: 1451, df: true });
    packet.outDevice = device;
    send(bench, device, packet);
    expect(sent).toHaveLength(1);
    expect(learnt).toEqual([1450]);
  });

  test('is answered in the name of its target if the device is a bridge port and DF is set', () => {
    const device = makeVxlan();
    remember(device, 2, '192.168.0.13');
    device.master = addDevice(bench, home, { kind: 'bridge', name: 'br0', mac: 9 });
    way.mtuBytes = 1400;
    let isChecked = false;
    device.deliver = (sim, _device, packet) => {
      const { bytes, start, end } = packet;
      const at = start + 14;
      expect(end - at).toBe(576);
      expect(ipTotalBytes(bytes, at)).toBe(576);
      expect(isIpChecksumGood(bytes, at)).toBe(true);
      expect([ipSource(bytes, at), ipTarget(bytes, at)]).toEqual([ip('10.0.0.2'), ip('10.0.0.1')]);
      expect([ipTtl(bytes, at), ipId(bytes, at)]).toEqual([33, 0]);
      expect([icmpType(bytes, at + 20), icmpMtu(bytes, at + 20)]).toEqual([3, 1350]);
      expect(ipTotalBytes(bytes, at + 28)).toBe(1400);
      isChecked = true;
      releasePacket(sim, packet);
    };
    send(bench, device, datagram({ sizeBytes: 1400, df: true, ttl: 33 }));
    expect(isChecked).toBe(true);
    expect(bench.seen).toEqual(['vx238 out 1>2', 'vx238 in 2>1']);
    expect(sent).toEqual([]);
    send(bench, device, datagram({ sizeBytes: 1400 }));
    expect(sent).toHaveLength(1); // without DF the underlay cuts it
  });
});

describe('receiving', () => {
  test('learns behind which host the sender is, and follows it', () => {
    const device = makeVxlan();
    arrive(42, 1, '192.168.0.12');
    expect(bench.delivered).toEqual(['vx238 1>all']);
    expect(fdbLines(device)).toEqual(['1 12 dynamic']);
    arrive(42, 1, '192.168.0.13');
    expect(fdbLines(device)).toEqual(['1 13 dynamic']);
    expect(device.rxBytes).toBe(2 * 46);
  });

  test('learns nothing with nolearning', () => {
    const device = makeVxlan({ isLearning: false });
    arrive(42, 1, '192.168.0.12');
    expect(fdbLines(device)).toEqual([]);
  });

  test('drops a sender that an entry set by hand has elsewhere, and one that cannot be', () => {
    const device = makeVxlan();
    remember(device, 1, '192.168.0.12');
    arrive(42, 1, '192.168.0.13');
    arrive(42, 1, '192.168.0.13', (packet) => {
      packet.bytes[packet.start + 8 + 6] = 1;
    });
    expect(bench.drops).toEqual(['vxlan-bad-source', 'vxlan-bad-source']);
    arrive(42, 1, '192.168.0.12');
    expect(bench.delivered).toHaveLength(1);
  });

  test('drops unknown VNIs, bad headers and its own address', () => {
    makeVxlan();
    arrive(43, 1, '192.168.0.12');
    arrive(42, 0xee, '192.168.0.12');
    arrive(42, 1, '192.168.0.12', (packet) => {
      packet.bytes[packet.start] = 0;
    });
    arrive(42, 1, '192.168.0.12', (packet) => {
      packet.bytes[packet.start + 1] = 1;
    });
    arrive(42, 1, '192.168.0.12', (packet) => {
      packet.end = packet.start + 15;
    });
    arrive(42, 1, '192.168.0.12', (packet) => {
      packet.end = packet.start + 7;
    });
    expect(bench.drops).toEqual([
      'vxlan-unknown-vni',
      'vxlan-own-address',
      'vxlan-bad-header',
      'vxlan-bad-header',
      'vxlan-bad-header',
      'vxlan-bad-header',
    ]);
  });

  test('forgets after 300 s without use, and when the device goes down', () => {
    const device = makeVxlan();
    arrive(42, 1, '192.168.0.12');
    runUntil(bench.sim, 200e9);
    send(bench, device, frame(bench, { from: 9, to: 1 })); // a look-up keeps it young
    runUntil(bench.sim, 499e9);
    expect(fdbLines(device)).toHaveLength(1);
    runUntil(bench.sim, 500e9);
    expect(fdbLines(device)).toEqual([]);
    arrive(42, 1, '192.168.0.12');
    remember(device, 2, '192.168.0.13');
    vxlanKind.stop?.(bench.sim, device);
    expect(fdbLines(device)).toEqual(['2 13 permanent']);
  });
});

describe('the ARP proxy', () => {
  function ask(device: Device, target: string, operation = ARP_REQUEST): void {
    const packet = frame(bench, { from: 1, to: 'all', sizeBytes: 42, ethertype: 0x0806 });
    const at = packet.start + 14;
    writeArp(packet.bytes, at, operation, 0x0200, 1, ip('10.0.0.1'), 0, 0, ip(target));
    send(bench, device, packet);
  }

  test('answers for a neighbour that is known for sure', () => {
    const device = makeVxlan({ isProxy: true });
    neighbours.set(ip('10.0.0.2'), { macHi: 0x0200, macLo: 2, isSure: true });
    let operation = 0;
    let asked = 0;
    device.deliver = (sim, _device, packet) => {
      operation = arpOperation(packet.bytes, packet.start + 14);
      asked = arpTargetIp(packet.bytes, packet.start + 14);
      releasePacket(sim, packet);
    };
    ask(device, '10.0.0.2');
    expect(bench.seen).toEqual(['vx238 out 1>all', 'vx238 in 2>1']);
    expect([operation, asked]).toEqual([ARP_REPLY, ip('10.0.0.1')]);
    expect(device.txPackets).toBe(0);
  });

  test('swallows everything else that is ARP', () => {
    const device = makeVxlan({ isProxy: true, remote: ip('192.168.0.13') });
    neighbours.set(ip('10.0.0.3'), { macHi: 0x0200, macLo: 3, isSure: false });
    neighbours.set(ip('10.0.0.4'), { macHi: 0x0200, macLo: 4, isSure: true });
    remember(device, 4, '0.0.0.0');
    ask(device, '10.0.0.99');
    ask(device, '10.0.0.3');
    ask(device, '10.0.0.4');
    ask(device, '127.0.0.1');
    ask(device, '10.0.0.4', ARP_REPLY);
    expect(bench.drops).toEqual(new Array(5).fill('vxlan-no-neighbour'));
    expect(sent).toEqual([]);
  });

  test('short-cuts a route to a neighbour that it knows', () => {
    const device = makeVxlan({ isProxy: true, isRouteShortCircuit: true });
    const router = { mac: macOf(0x0200, 2), remote: ip('192.168.0.13'), state: 'static' as const };
    addVxlanFdb(bench.sim, device, { ...router, isRouter: true, how: 'add' });
    remember(device, 5, '192.168.0.14');
    neighbours.set(ip('10.0.0.2'), { macHi: 0x0200, macLo: 5, isSure: true });
    send(bench, device, datagram());
    expect(sent.map((each) => each.remote & 255)).toEqual([14]);
  });
});

describe('the FDB by hand', () => {
  test('adds, appends for groups only, replaces, and deletes remote by remote', () => {
    const device = makeVxlan();
    const mac = macOf(0x0200, 2);
    const base = { mac, remote: 12, state: 'permanent' as const };
    const add = (change: object): void =>
      addVxlanFdb(bench.sim, device, { ...base, how: 'add', ...change });
    add({});
    expect(() => add({})).toThrow('File exists');
    add({ how: 'append', remote: 13 });
    expect(fdbLines(device)).toEqual(['2 12 permanent']);
    add({ how: 'replace', remote: 13, state: 'static' });
    expect(fdbLines(device)).toEqual(['2 13 static']);
    add({ mac: 0 });
    add({ mac: 0, how: 'append', remote: 13 });
    add({ mac: 0, how: 'append', remote: 13 });
    expect(() => add({ mac: 0, how: 'replace' })).toThrow('Operation not supported');
    expect(fdbLines(device)).toEqual(['0 12+13 permanent', '2 13 static']);
    removeVxlanFdb(device, 0, 12);
    expect(() => removeVxlanFdb(device, 0, 12)).toThrow('No such file');
    removeVxlanFdb(device, 0, 13);
    removeVxlanFdb(device, mac, 0);
    expect(fdbLines(device)).toEqual([]);
    expect(() => removeVxlanFdb(device, mac, 0)).toThrow('No such file');
  });

  test('is bounded by maxaddr, for learning too', () => {
    const device = makeVxlan({ maxEntries: 1 });
    arrive(42, 1, '192.168.0.12');
    arrive(42, 2, '192.168.0.12');
    expect(fdbLines(device)).toEqual(['1 12 dynamic']);
    expect(() => remember(device, 3, '192.168.0.12')).toThrow('No space left');
  });
});

describe('making one', () => {
  test('refuses the same VNI on the same port, and VNIs that do not exist', () => {
    makeVxlan();
    expect(() => makeVxlan({}, 0xef)).toThrow('File exists');
    expect(() => makeVxlan({ id: 1 << 24 })).toThrow('out of range');
    expect(() => makeVxlan({ id: -1 })).toThrow('out of range');
    makeVxlan({ port: 8472 }, 0xef);
  });

  test('says what ip -d link says', () => {
    const device = makeVxlan({ isProxy: true, isL2Miss: true, isL3Miss: true });
    expect(vxlanKind.describe(device)).toBe(
      'vxlan id 42 srcport 0 0 dstport 4789 proxy l2miss l3miss ttl auto ageing 300 udpcsum noudp6zerocsumtx noudp6zerocsumrx',
    );
  });
});

describe('the flow hash', () => {
  const ported = (source: string, from: number, target: string, to: number): Packet => {
    const packet = datagram();
    const at = packet.start + 14;
    writeIpv4(packet.bytes, at, 0, 100, 7, 0, 64, 17, ip(source), ip(target));
    writeUint16(packet.bytes, at + 20, from);
    writeUint16(packet.bytes, at + 22, to);
    return packet;
  };
  const hashOf = (packet: Packet): number => {
    const hash = flowHashOf(packet, flowHashKey(bench.sim));
    releasePacket(bench.sim, packet);
    return hash;
  };

  test('is the same in both directions and differs with a port', () => {
    const there = hashOf(ported('10.0.0.1', 1000, '10.0.0.2', 53));
    expect(hashOf(ported('10.0.0.2', 53, '10.0.0.1', 1000))).toBe(there);
    expect(hashOf(ported('10.0.0.1', 1001, '10.0.0.2', 53))).not.toBe(there);
    const self = hashOf(ported('10.0.0.1', 1000, '10.0.0.1', 53));
    expect(hashOf(ported('10.0.0.1', 53, '10.0.0.1', 1000))).toBe(self);
  });

  test('leaves the ports of fragments aside, and takes the socket hash if there is one', () => {
    const packet = ported('10.0.0.1', 1, '10.0.0.2', 2);
    writeUint16(packet.bytes, packet.start + 20, 0x2000);
    const other = ported('10.0.0.1', 3, '10.0.0.2', 4);
    writeUint16(other.bytes, other.start + 20, 0x2000);
    expect(hashOf(packet)).toBe(hashOf(other));
    const own = ported('10.0.0.1', 1, '10.0.0.2', 2);
    own.hash = 77;
    expect(hashOf(own)).toBe(77);
  });

  test('scales into the range without its upper end', () => {
    for (const hash of [0, -1, 1, 0x7fffffff, -0x80000000, 0x12345678]) {
      const port = flowSourcePort(hash, 32768, 60999);
      expect(port).toBeGreaterThanOrEqual(32768);
      expect(port).toBeLessThan(60999);
    }
  });
});
