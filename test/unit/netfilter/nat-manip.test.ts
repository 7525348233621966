import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { releasePacket } from '../../../src/engine/packet-pool.ts';
import { makeTuple, readTuple } from '../../../src/netfilter/conntrack-tuple.ts';
import { rewritePacket, rewriteQuoted } from '../../../src/netfilter/nat-manip.ts';
import { readUint16 } from '../../../src/protocols/bytes.ts';
import {
  areChecksumsGood,
  type Ends,
  icmpErrorPacket,
  icmpPacket,
  makeBench,
  tcpPacket,
  udpPacket,
} from '../../support/netfilter.ts';

const { sim } = makeBench();
const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const port = fc.integer({ min: 0, max: 65535 });
const anyEnds = fc.record({ source: int32, target: int32, sourcePort: port, targetPort: port });
const kind = fc.constantFrom('src' as const, 'dst' as const);
const size = fc.integer({ min: 0, max: 300 });

function wantedOf(of: Ends) {
  return { ...makeTuple(), ...of };
}

function packetOf(protocol: string, of: Ends, dataBytes: number) {
  if (protocol === 'udp') return udpPacket(sim, of, dataBytes);
  if (protocol === 'tcp') return tcpPacket(sim, of, { flags: 16, dataBytes });
  return icmpPacket(sim, of.source, of.target, 8, 0, of.sourcePort << 16, dataBytes);
}

describe('rewriting a packet', () => {
  it('leaves all checksums right and changes one side only', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('udp', 'tcp', 'icmp'),
        anyEnds,
        anyEnds,
        kind,
        size,
        (protocol, of, to, side, dataBytes) => {
          const packet = packetOf(protocol, of, dataBytes);
          const { bytes, network, end } = packet;
          expect(rewritePacket(bytes, network, end, wantedOf(to), side)).toBe(true);
          expect(areChecksumsGood(packet)).toBe(true);
          const read = makeTuple();
          readTuple(bytes, network, end, read);
          const isSource = side === 'src';
          expect(read.source).toBe(isSource ? to.source : of.source);
          expect(read.target).toBe(isSource ? of.target : to.target);
          if (protocol === 'icmp') expect(read.sourcePort).toBe(to.sourcePort);
          else {
            expect(read.sourcePort).toBe(isSource ? to.sourcePort : of.sourcePort);
            expect(read.targetPort).toBe(isSource ? of.targetPort : to.targetPort);
          }
          releasePacket(sim, packet);
        },
      ),
    );
  });

  it('there and back gives the same bytes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('udp', 'tcp', 'icmp'),
        anyEnds,
        anyEnds,
        kind,
        (protocol, of, to, side) => {
          const packet = packetOf(protocol, of, 33);
          const { bytes, network, end } = packet;
          const before = bytes.slice(network, end);
          rewritePacket(bytes, network, end, wantedOf(to), side);
          rewritePacket(bytes, network, end, wantedOf(of), side);
          expect(bytes.slice(network, end)).toEqual(before);
          releasePacket(sim, packet);
        },
      ),
    );
  });

  it('leaves a UDP packet without a checksum without one', () => {
    fc.assert(
      fc.property(anyEnds, anyEnds, kind, (of, to, side) => {
        const packet = udpPacket(sim, of, 9, false);
        rewritePacket(packet.bytes, packet.network, packet.end, wantedOf(to), side);
        expect(readUint16(packet.bytes, packet.transport + 6)).toBe(0);
        releasePacket(sim, packet);
      }),
    );
  });

  it('writes a UDP checksum that comes out as 0 as 0xffff', () => {
    let seen = 0;
    for (let low = 0; low < 65536 && seen === 0; low++) {
      const packet = udpPacket(sim, { source: 1, target: 2, sourcePort: 3, targetPort: 4 }, 2);
      const to = wantedOf({ source: low, target: 2, sourcePort: 3, targetPort: 4 });
      rewritePacket(packet.bytes, packet.network, packet.end, to, 'src');
      const check = readUint16(packet.bytes, packet.transport + 6);
      if (check === 0) throw new Error('a checksum of 0 says that there is none');
      if (check === 0xffff) {
        seen++;
        expect(areChecksumsGood(packet)).toBe(true);
      }
      releasePacket(sim, packet);
    }
    expect(seen).toBeGreaterThan(0);
  });

  it('does not touch a damaged checksum into a good one', () => {
    const packet = udpPacket(sim, { source: 1, target: 2, sourcePort: 3, targetPort: 4 });
    packet.bytes[packet.end - 1]! ^= 1;
    const to = wantedOf({ source: 9, target: 2, sourcePort: 30, targetPort: 4 });
    rewritePacket(packet.bytes, packet.network, packet.end, to, 'src');
    expect(areChecksumsGood(packet)).toBe(false);
  });

  it('refuses what is cut before its ports', () => {
    const packet = udpPacket(sim, { source: 1, target: 2, sourcePort: 3, targetPort: 4 });
    for (let length = 0; length < 28; length++) {
      const end = packet.network + length;
      expect(rewritePacket(packet.bytes, packet.network, end, makeTuple(), 'src')).toBe(false);
    }
  });
});

describe('rewriting the packet quoted in an ICMP error', () => {
  it('leaves all checksums right, wherever the quotation is cut', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('udp', 'tcp', 'icmp'),
        anyEnds,
        anyEnds,
        kind,
        fc.integer({ min: 28, max: 128 }),
        (protocol, of, to, side, quotedBytes) => {
          const about = packetOf(protocol, of, 60);
          const error = icmpErrorPacket(sim, 5, 6, about, quotedBytes);
          expect(rewriteQuoted(error.bytes, error.network, error.end, wantedOf(to), side)).toBe(
            true,
          );
          expect(areChecksumsGood(error)).toBe(true);
          // The quotation is the beginning of what the whole packet has become.
          rewritePacket(about.bytes, about.network, about.end, wantedOf(to), side);
          const quoted = error.bytes.slice(error.network + 28, error.end);
          const whole = about.bytes.slice(about.network, about.network + quoted.length);
          // TCP's checksum is left alone where the header is not whole.
          if (protocol !== 'tcp' || quoted.length >= 40) expect(quoted).toEqual(whole);
          releasePacket(sim, about);
          releasePacket(sim, error);
        },
      ),
    );
  });

  it('refuses a quotation without ports', () => {
    const about = udpPacket(sim, { source: 1, target: 2, sourcePort: 3, targetPort: 4 });
    const error = icmpErrorPacket(sim, 5, 6, about, 27);
    expect(rewriteQuoted(error.bytes, error.network, error.end, makeTuple(), 'src')).toBe(false);
  });
});
