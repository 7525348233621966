import { describe, expect, it } from 'vitest';
import { confirmPacket, conntrackOf, trackPacket } from '../../../src/netfilter/conntrack.ts';
import type { Flow } from '../../../src/netfilter/conntrack-flow.ts';
import {
  makeNatRange,
  NAT_MAP_ADDRESS,
  NAT_PERSISTENT,
  NAT_PORT_OFFSET,
  NAT_PORT_RANDOM,
  NAT_PORT_SPECIFIED,
  type NatKind,
  type NatRange,
  setupNat,
} from '../../../src/netfilter/nat.ts';
import { setupNullBinding } from '../../../src/netfilter/nat-setup.ts';
import { HOOK_POSTROUTING, HOOK_PREROUTING } from '../../../src/netfilter/netfilter-hooks.ts';
import { type Bench, ends, icmpPacket, ip, makeBench, udpPacket } from '../../support/netfilter.ts';

function range(from: string, to = from, ports?: readonly [number, number], flags = 0): NatRange {
  return {
    ...makeNatRange(),
    flags: NAT_MAP_ADDRESS | flags | (ports === undefined ? 0 : NAT_PORT_SPECIFIED),
    minAddress: ip(from),
    maxAddress: ip(to),
    minPort: ports?.[0] ?? 0,
    maxPort: ports?.[1] ?? 0,
  };
}

/** A UDP flow that is bound and confirmed. */
function bind(bench: Bench, text: string, kind: NatKind, of: NatRange): Flow {
  const { sim, netfilter } = bench;
  const packet = udpPacket(sim, ends(text));
  trackPacket(sim, netfilter, HOOK_PREROUTING, packet);
  const flow = conntrackOf(packet)!;
  setupNat(sim, netfilter, flow, kind, of, HOOK_PREROUTING);
  if (kind === 'dst') setupNullBinding(sim, netfilter, flow, HOOK_POSTROUTING);
  confirmPacket(sim, netfilter, packet);
  return flow;
}

const OUTSIDE = range('192.168.0.12');

describe('source NAT', () => {
  it('keeps the port as long as the tuple is free, whoever sends', () => {
    const bench = makeBench();
    const one = bind(bench, '172.17.0.2:20001 > 192.0.2.1:53', 'src', OUTSIDE);
    const two = bind(bench, '172.17.0.3:20001 > 192.0.2.2:53', 'src', OUTSIDE);
    expect([one.reply.targetPort, two.reply.targetPort]).toEqual([20001, 20001]);
    expect(one.reply.target).toBe(ip('192.168.0.12'));
  });

  it('picks another port in the class of the old one when it is taken', () => {
    const classes = [
      [20001, 1024, 65535],
      [1023, 600, 1023],
      [512, 600, 1023],
      [511, 1, 511],
    ] as const;
    for (const [port, low, high] of classes) {
      const bench = makeBench();
      bind(bench, `172.17.0.2:${port} > 192.0.2.1:53`, 'src', OUTSIDE);
      const two = bind(bench, `172.17.0.3:${port} > 192.0.2.1:53`, 'src', OUTSIDE);
      expect(two.reply.targetPort).not.toBe(port);
      expect(two.reply.targetPort).toBeGreaterThanOrEqual(low);
      expect(two.reply.targetPort).toBeLessThanOrEqual(high);
    }
  });

  it('picks another ICMP id when it is taken', () => {
    const bench = makeBench();
    const { sim, netfilter } = bench;
    const ids = ['172.17.0.2', '172.17.0.3'].map((source) => {
      const packet = icmpPacket(sim, ip(source), ip('192.0.2.1'), 8, 0, 300 << 16);
      trackPacket(sim, netfilter, HOOK_PREROUTING, packet);
      const flow = conntrackOf(packet)!;
      setupNat(sim, netfilter, flow, 'src', OUTSIDE, HOOK_POSTROUTING);
      confirmPacket(sim, netfilter, packet);
      return flow.reply.sourcePort;
    });
    expect(ids[0]).toBe(300);
    expect(ids[1]).not.toBe(300);
  });

  it('is the same for the same seed and another one for another', () => {
    const ports = [1, 1, 2].map((seed) => {
      const bench = makeBench(seed);
      bind(bench, '172.17.0.2:20001 > 192.0.2.1:53', 'src', OUTSIDE);
      return bind(bench, '172.17.0.3:20001 > 192.0.2.1:53', 'src', OUTSIDE).reply.targetPort;
    });
    expect(ports[0]).toBe(ports[1]);
    expect(ports[0]).not.toBe(ports[2]);
  });

  it('gives the same source the same mapping towards other targets', () => {
    const bench = makeBench();
    const wide = range('10.5.0.50', '10.5.0.60', [700, 710]);
    const one = bind(bench, '10.5.0.1:600 > 1.2.3.4:6', 'src', wide);
    const two = bind(bench, '10.5.0.1:600 > 1.2.3.5:6', 'src', wide);
    // The address is what a kernel chose for this source and this range.
    expect(one.reply.target).toBe(ip('10.5.0.51'));
    expect([two.reply.target, two.reply.targetPort]).toEqual([
      one.reply.target,
      one.reply.targetPort,
    ]);
  });

  it('takes a port of the range, the old one if it is in it', () => {
    const bench = makeBench();
    const wide = range('10.5.0.50', '10.5.0.60', [700, 710]);
    const kept = bind(bench, '10.5.0.2:705 > 1.2.3.4:6', 'src', wide);
    expect(kept.reply.target).toBe(ip('10.5.0.53')); // as a kernel chose
    expect(kept.reply.targetPort).toBe(705);
    const other = bind(bench, '10.5.0.2:9999 > 1.2.3.4:6', 'src', wide);
    expect(other.reply.targetPort).toBeGreaterThanOrEqual(700);
    expect(other.reply.targetPort).toBeLessThanOrEqual(710);
  });

  it('takes a random port with --random even if the old one is free', () => {
    const bench = makeBench();
    const random = range('192.168.0.12', '192.168.0.12', undefined, NAT_PORT_RANDOM);
    const flow = bind(bench, '172.17.0.2:20001 > 192.0.2.1:53', 'src', random);
    expect(flow.reply.targetPort).not.toBe(20001);
  });

  it('with one port for two clients of one target drops the second as a clash', () => {
    const bench = makeBench();
    const single = range('192.168.0.12', '192.168.0.12', [5000, 5000]);
    bind(bench, '172.17.0.2:5000 > 192.0.2.1:53', 'src', single);
    bind(bench, '172.17.0.3:5000 > 192.0.2.1:53', 'src', single);
    expect(bench.drops).toEqual(['conntrack-clash']);
  });

  it('drops as exhausted when every port of a range is taken', () => {
    const bench = makeBench();
    const narrow = range('192.168.0.12', '192.168.0.12', [5000, 5003]);
    for (let i = 0; i < 5; i++)
      bind(bench, `172.17.0.${i + 2}:20001 > 192.0.2.1:53`, 'src', narrow);
    expect(bench.drops).toEqual(['nat-exhausted']);
    expect(bench.netfilter.conntrack.count).toBe(4);
  });
});

describe('target NAT', () => {
  // What a 6.18 kernel chose for these sources and targets, --to-destination 10.9.0.10-10.9.0.20.
  it.each([
    ['10.5.0.1', '1.2.3.4', 11, 20],
    ['10.5.0.1', '203.0.113.77', 19, 20],
    ['10.5.0.2', '1.2.3.4', 13, 19],
    ['10.5.0.2', '203.0.113.77', 20, 19],
    ['192.168.7.9', '1.2.3.4', 14, 20],
    ['192.168.7.9', '203.0.113.77', 20, 20],
  ])('spreads %s to %s over addresses as the kernel does', (source, target, plain, persistent) => {
    const bench = makeBench();
    const pool = range('10.9.0.10', '10.9.0.20');
    const flow = bind(bench, `${source}:20001 > ${target}:1`, 'dst', pool);
    expect(flow.reply.source & 255).toBe(plain);
    const steady = { ...pool, flags: pool.flags | NAT_PERSISTENT };
    const other = bind(bench, `${source}:20002 > ${target}:2`, 'dst', steady);
    expect(other.reply.source & 255).toBe(persistent);
  });

  it('takes the first free port of a range, and then leaves it to the source port', () => {
    const bench = makeBench();
    const ports = range('10.9.0.10', '10.9.0.10', [3000, 3010]);
    const taken = [];
    for (let i = 0; i < 13; i++) {
      const { reply } = bind(bench, `10.5.0.1:21000 > 1.2.3.${10 + i}:3`, 'dst', ports);
      taken.push(reply.sourcePort);
      expect(reply.targetPort === 21000).toBe(i < 11);
    }
    expect(taken.slice(0, 11)).toEqual([
      3000, 3001, 3002, 3003, 3004, 3005, 3006, 3007, 3008, 3009, 3010,
    ]);
    expect(taken.slice(11)).toEqual([3010, 3010]);
    expect(bench.drops).toEqual([]);
  });

  it('keeps the distance from the base of a shifted range', () => {
    const bench = makeBench();
    const shifted: NatRange = {
      ...range('10.9.0.10', '10.9.0.10', [5000, 5010], NAT_PORT_OFFSET),
      basePort: 4000,
    };
    const ports = [4000, 4003, 4010].map(
      (port) => bind(bench, `10.5.0.1:22000 > 1.2.3.4:${port}`, 'dst', shifted).reply.sourcePort,
    );
    expect(ports).toEqual([5000, 5003, 5010]);
  });

  it('does not touch the port without a port range', () => {
    const bench = makeBench();
    const flow = bind(bench, '10.5.0.1:1 > 1.2.3.4:80', 'dst', range('10.9.0.10'));
    expect(flow.reply.sourcePort).toBe(80);
  });
});

it('gives a flow without a rule another port if its tuple is taken by a translated one', () => {
  const bench = makeBench();
  const { sim, netfilter } = bench;
  bind(bench, '172.17.0.2:20001 > 192.0.2.1:53', 'src', OUTSIDE);
  const own = udpPacket(sim, ends('192.168.0.12:20001 > 192.0.2.1:53'));
  trackPacket(sim, netfilter, HOOK_PREROUTING, own);
  setupNullBinding(sim, netfilter, conntrackOf(own)!, HOOK_POSTROUTING);
  const { reply } = conntrackOf(own)!;
  expect(reply.target).toBe(ip('192.168.0.12'));
  expect(reply.targetPort).not.toBe(20001);
  expect(confirmPacket(sim, netfilter, own)).toBe(true);
});
