import { afterEach, describe, expect, test } from 'vitest';
import { parseIpv4 } from '../../../src/base/ipv4-address.ts';
import type { IpvlanFlag, IpvlanMode } from '../../../src/devices/device-kind.ts';
import { type IpvlanStack, ipvlanKind, ipvlanOf } from '../../../src/devices/ipvlan.ts';
import { joinVeths } from '../../../src/devices/veth.ts';
import type { Device } from '../../../src/engine/device.ts';
import type { Packet } from '../../../src/engine/packet.ts';
import { releasePacket } from '../../../src/engine/packet-pool.ts';
import { ARP_REQUEST, writeArp } from '../../../src/protocols/arp.ts';
import { ipTarget, writeIpv4 } from '../../../src/protocols/ipv4.ts';
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

let bench: Bench;
let routed: number[];

afterEach(() => {
  settle(bench);
  expect(bench.sim.pool.outstanding).toBe(0);
});

/** eth0 (MAC a0), its peer ext (MAC e0), children c1 with 10.0.0.1 and c2 with 10.0.0.2. */
function lab(mode: IpvlanMode, flag: IpvlanFlag = 'bridge') {
  bench = makeBench();
  routed = [];
  const host = fakeNetns(bench, 'host');
  const eth0 = addDevice(bench, host, { kind: 'veth', name: 'eth0', mac: 0xa0 });
  const ext = addDevice(bench, fakeNetns(bench, 'ext'), { kind: 'veth', name: 'ext', mac: 0xe0 });
  joinVeths(eth0, ext);
  up(eth0, ext);
  const stack: IpvlanStack = {
    hasAddress: (device, address) => address === ip(`10.0.0.${device.name.slice(1)}`),
    sendFrom: (sim, _parent, packet) => {
      routed.push(ipTarget(packet.bytes, packet.start));
      releasePacket(sim, packet);
    },
  };
  const children = ['c1', 'c2'].map((name) => {
    const options = { kind: 'ipvlan', name, mac: 1, link: eth0, ipvlan: { mode, flag } };
    const child = addDevice(bench, fakeNetns(bench, name), options);
    ipvlanOf(child).stack = stack;
    return child;
  });
  up(...children);
  return { eth0, ext, c1: children[0]!, c2: children[1]! };
}

function datagram(from: number, to: number, target: string): Packet {
  const packet = frame(bench, { from, to, ethertype: 0x0800 });
  const at = packet.start + 14;
  writeIpv4(packet.bytes, at, 0, 46, 1, 0, 64, 17, ip('10.0.0.1'), ip(target));
  return packet;
}

function arpFor(device: Device, target: string): void {
  const packet = frame(bench, { from: device.macLo, to: 'all', sizeBytes: 42, ethertype: 0x0806 });
  const at = packet.start + 14;
  writeArp(packet.bytes, at, ARP_REQUEST, 0x0200, device.macLo, ip('10.0.0.1'), 0, 0, ip(target));
  send(bench, device, packet);
}

describe('l2', () => {
  test('hands what is for a sibling over by its IPv4 address', () => {
    const { c1 } = lab('l2');
    send(bench, c1, datagram(0xa0, 0xa0, '10.0.0.2'));
    expect(bench.delivered).toEqual(['c2 160>160']);
  });

  test('gives what is for the shared address but for no child to the parent', () => {
    const { c1 } = lab('l2');
    send(bench, c1, datagram(0xa0, 0xa0, '10.0.0.77'));
    expect(bench.delivered).toEqual(['eth0 160>160']);
  });

  test('sends other addresses to the wire, with vepa those of siblings too', () => {
    const { c1 } = lab('l2', 'vepa');
    send(bench, c1, datagram(0xa0, 0xa0, '10.0.0.2'));
    send(bench, c1, datagram(0xa0, 0xe0, '10.0.0.9'));
    expect(bench.delivered).toEqual(['ext 160>160', 'ext 160>224']);
  });

  test('keeps siblings apart with private', () => {
    const { c1 } = lab('l2', 'private');
    send(bench, c1, datagram(0xa0, 0xa0, '10.0.0.2'));
    expect(bench.drops).toEqual(['no-macvlan-target']);
  });

  test('shows a broadcast to siblings and the wire a little later', () => {
    const { c1 } = lab('l2');
    arpFor(c1, '10.0.0.2');
    expect(bench.delivered).toEqual([]);
    settle(bench);
    expect(bench.delivered.sort()).toEqual(['c2 160>all', 'ext 160>all']);
  });

  test('takes from the wire by IPv4 address, broadcasts for all', () => {
    const { ext } = lab('l2');
    send(bench, ext, datagram(0xe0, 0xa0, '10.0.0.2'));
    send(bench, ext, datagram(0xe0, 0xa0, '10.0.0.50'));
    expect(bench.delivered).toEqual(['c2 224>160', 'eth0 224>160']);
    bench.delivered.length = 0;
    arpFor(ext, '10.0.0.1');
    settle(bench);
    expect(bench.delivered).toEqual(['eth0 224>all', 'c1 224>all', 'c2 224>all']);
  });
});

describe('l3', () => {
  test("has no ARP; siblings talk directly, the rest goes through the parent's routing", () => {
    const { c1, c2 } = lab('l3');
    expect([c1.hasArp, c2.hasArp]).toEqual([false, false]);
    send(bench, c1, datagram(0xa0, 0xa0, '10.0.0.2'));
    expect(bench.delivered).toEqual(['c2 160>160']);
    send(bench, c1, datagram(0xa0, 0xa0, '192.0.2.1'));
    expect(routed).toEqual([ip('192.0.2.1')]);
  });

  test('drops what is not IPv4, broadcasts, and what is for a child that is down', () => {
    const { c1, c2, ext } = lab('l3');
    arpFor(c1, '10.0.0.9');
    c2.isUp = false;
    send(bench, ext, datagram(0xe0, 0xa0, '10.0.0.2'));
    expect(bench.drops).toEqual(['no-macvlan-target', 'no-macvlan-target']);
  });
});

test('leaves the parent alone when the last child is destroyed', () => {
  const { eth0, c1, c2 } = lab('l2');
  arpFor(c1, '10.0.0.2');
  expect(ipvlanKind.describe(c1)).toBe('ipvlan  mode l2 bridge');
  ipvlanKind.destroy?.(bench.sim, c1);
  ipvlanKind.destroy?.(bench.sim, c2);
  expect([eth0.uppers, eth0.intercept]).toEqual([[], null]);
  expect(bench.drops).toEqual(['device-gone']);
});
