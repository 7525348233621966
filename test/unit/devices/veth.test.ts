import { afterEach, describe, expect, test } from 'vitest';
import { joinVeths, vethKind, vethPeerOf } from '../../../src/devices/veth.ts';
import type { Device } from '../../../src/engine/device.ts';
import { PACKET_HOST, PACKET_OTHERHOST } from '../../../src/engine/packet.ts';
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

function pair(isSameNamespace = false): [Device, Device] {
  bench = makeBench();
  const a = fakeNetns(bench, 'a');
  const b = isSameNamespace ? a : fakeNetns(bench, 'b');
  const one = addDevice(bench, a, { kind: 'veth', name: 'one', mac: 1 });
  const other = addDevice(bench, b, { kind: 'veth', name: 'other', mac: 2 });
  joinVeths(one, other);
  return [one, other];
}

describe('a veth pair', () => {
  test('hands what one end sends to the other', () => {
    const [one, other] = pair();
    up(one, other);
    send(bench, one, frame(bench, { from: 1, to: 2 }));
    send(bench, one, frame(bench, { from: 1, to: 7 }));
    expect(bench.seen.slice(0, 2)).toEqual(['one out 1>2', 'other in 1>2']);
    expect(bench.packetTypes).toEqual([PACKET_HOST, PACKET_OTHERHOST]);
    expect(one.txPackets).toBe(2);
    expect(other.rxPackets).toBe(2);
    expect(other.rxBytes).toBe(one.txBytes);
  });

  test('has carrier only while both ends are up', () => {
    const [one, other] = pair();
    one.isUp = true;
    expect(vethKind.hasCarrier?.(one)).toBe(false);
    other.isUp = true;
    expect(vethKind.hasCarrier?.(one)).toBe(true);
    one.isUp = false;
    expect(vethKind.hasCarrier?.(other)).toBe(false);
  });

  test('drops what the peer is not up for, and does not count it as sent', () => {
    const [one, other] = pair();
    up(one);
    send(bench, one, frame(bench, { from: 1, to: 2 }));
    expect(bench.drops).toEqual(['no-carrier']);
    expect([one.txPackets, one.txBytes, one.txDropped]).toEqual([0, 0, 1]);
    expect(other.rxDropped).toBe(1);
  });

  test('drops what is larger than the peer takes; a VLAN tag more is allowed', () => {
    const [one, other] = pair();
    up(one, other);
    send(bench, one, frame(bench, { from: 1, to: 2, sizeBytes: 1518 }));
    expect(bench.drops).toEqual([]);
    send(bench, one, frame(bench, { from: 1, to: 2, sizeBytes: 1519 }));
    expect(bench.drops).toEqual(['mtu-exceeded']);
  });

  test('keeps the flow hash, forgets route and, between namespaces, the mark', () => {
    for (const isSame of [false, true]) {
      const [one, other] = pair(isSame);
      up(one, other);
      let mark = -1;
      let hash = 0;
      other.intercept = (_sim, _device, packet) => {
        ({ mark, hash } = packet);
        expect(packet.outDevice).toBeNull();
        expect(packet.flags).toBe(0);
        return false;
      };
      const packet = frame(bench, { from: 1, to: 2 });
      packet.mark = 5;
      packet.hash = 77;
      packet.outDevice = one;
      packet.flags = 3;
      send(bench, one, packet);
      expect(mark).toBe(isSame ? 5 : 0);
      expect(hash).toBe(77);
    }
  });

  test('loses its peer when one end is destroyed', () => {
    const [one, other] = pair();
    up(one, other);
    vethKind.destroy?.(bench.sim, other);
    expect(vethPeerOf(one)).toBeNull();
    send(bench, one, frame(bench, { from: 1, to: 2 }));
    expect(bench.drops).toEqual(['device-gone']);
  });
});
