import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  beginsIcmpFlow,
  equalTuples,
  hashTuple,
  invertTuple,
  makeTuple,
  readTuple,
  type Tuple,
} from '../../../src/netfilter/conntrack-tuple.ts';
import { writeIpv4 } from '../../../src/protocols/ipv4.ts';
import { ends, icmpPacket, ip, makeBench, tcpPacket, udpPacket } from '../../support/netfilter.ts';

const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const port = fc.integer({ min: 0, max: 65535 });

function tuple(values: Partial<Tuple>): Tuple {
  return { ...makeTuple(), ...values };
}

const anyTuple = fc.record({
  source: int32,
  target: int32,
  sourcePort: port,
  targetPort: port,
  protocol: fc.constantFrom(6, 17, 132, 136, 47, 2),
});

describe('a tuple', () => {
  it('turned round twice is itself', () => {
    fc.assert(
      fc.property(anyTuple, (of) => {
        const once = makeTuple();
        const twice = makeTuple();
        expect(invertTuple(of, once)).toBe(true);
        expect(invertTuple(once, twice)).toBe(true);
        expect(equalTuples(of, twice)).toBe(true);
      }),
    );
  });

  it('of an echo request is answered by an echo reply with the same id', () => {
    const answer = makeTuple();
    const request = tuple({
      source: 1,
      target: 2,
      sourcePort: 77,
      targetPort: 8 << 8,
      protocol: 1,
    });
    expect(invertTuple(request, answer)).toBe(true);
    expect(answer).toEqual({ source: 2, target: 1, sourcePort: 77, targetPort: 0, protocol: 1 });
  });

  it('of an ICMP error has no answer', () => {
    expect(invertTuple(tuple({ targetPort: 3 << 8, protocol: 1 }), makeTuple())).toBe(false);
    expect([0, 3, 8, 11, 13, 14, 15, 17].map(beginsIcmpFlow)).toEqual([
      false,
      false,
      true,
      false,
      true,
      false,
      true,
      true,
    ]);
  });

  it('can be turned round in place', () => {
    const of = tuple({ source: 1, target: 2, sourcePort: 3, targetPort: 4, protocol: 6 });
    invertTuple(of, of);
    expect(of).toEqual({ source: 2, target: 1, sourcePort: 4, targetPort: 3, protocol: 6 });
  });

  it('has a hash that depends on every field', () => {
    fc.assert(
      fc.property(anyTuple, fc.constantFrom('source', 'target', 'protocol'), (of, field) => {
        expect(hashTuple(of)).toBe(hashTuple({ ...of }));
        expect(hashTuple({ ...of, [field]: of[field] ^ 1 })).not.toBe(hashTuple(of));
      }),
    );
  });

  it('has a hash that spreads the flows of one client over the table', () => {
    const buckets = new Set<number>();
    for (let i = 0; i < 1024; i++) {
      const of = tuple({
        source: ip('10.0.0.2'),
        target: ip('10.0.0.3'),
        sourcePort: 32768 + i,
        targetPort: 80,
        protocol: 6,
      });
      buckets.add(hashTuple(of) & 1023);
    }
    expect(buckets.size).toBeGreaterThan(590); // a fair die leaves 647 of 1024
  });
});

describe('reading a tuple', () => {
  const { sim } = makeBench();

  it('finds addresses and ports of UDP and TCP', () => {
    const of = ends('10.0.0.1:1234 > 192.168.0.2:53');
    for (const packet of [udpPacket(sim, of), tcpPacket(sim, of, { flags: 2 })]) {
      const read = makeTuple();
      expect(readTuple(packet.bytes, packet.network, packet.end, read)).toBe(true);
      expect(read).toMatchObject(of);
    }
  });

  it('finds id, type and code of ICMP', () => {
    const packet = icmpPacket(sim, 1, 2, 8, 0, 77 << 16);
    const read = makeTuple();
    expect(readTuple(packet.bytes, packet.network, packet.end, read)).toBe(true);
    expect(read).toMatchObject({ sourcePort: 77, targetPort: 0x0800, protocol: 1 });
  });

  it('reads nothing from packets cut short', () => {
    const packet = udpPacket(sim, ends('10.0.0.1:1 > 10.0.0.2:2'));
    for (let size = 0; size < 28; size++) {
      expect(readTuple(packet.bytes, packet.network, packet.network + size, makeTuple())).toBe(
        false,
      );
    }
  });

  it('reads nothing from a later fragment', () => {
    const packet = udpPacket(sim, ends('10.0.0.1:1 > 10.0.0.2:2'));
    writeIpv4(packet.bytes, packet.network, 0, 48, 1, 5, 64, 17, 1, 2);
    expect(readTuple(packet.bytes, packet.network, packet.end, makeTuple())).toBe(false);
  });

  it('gives protocols without ports a tuple of addresses', () => {
    const packet = udpPacket(sim, ends('10.0.0.1:1 > 10.0.0.2:2'));
    writeIpv4(packet.bytes, packet.network, 0, 48, 1, 0, 64, 2, 1, 2);
    const read = makeTuple();
    expect(readTuple(packet.bytes, packet.network, packet.end, read)).toBe(true);
    expect(read).toMatchObject({ sourcePort: 0, targetPort: 0, protocol: 2 });
  });
});
