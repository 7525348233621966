// Properties of the header codecs; the bytes of a real kernel are in recorded-frames.test.ts.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arpSenderIp, arpTargetIp, isArpForIpv4, writeArp } from '../../../src/protocols/arp.ts';
import { readInt32, readUint16, writeInt32, writeUint16 } from '../../../src/protocols/bytes.ts';
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_VLAN,
  ethertypeOf,
  sourceMacHi,
  sourceMacLo,
  targetMacHi,
  targetMacLo,
  writeEthertype,
  writeSourceMac,
  writeTargetMac,
} from '../../../src/protocols/ethernet.ts';
import {
  ICMP_ECHO,
  icmpEchoId,
  icmpEchoSequence,
  icmpGateway,
  icmpMtu,
  isIcmpError,
  writeIcmp,
} from '../../../src/protocols/icmp.ts';
import {
  decreaseTtl,
  IP_DF,
  IP_MF,
  ipIsFragment,
  ipSource,
  ipTarget,
  ipTtl,
  isIpChecksumGood,
  rewriteIpSource,
  rewriteIpTarget,
  writeIpv4,
} from '../../../src/protocols/ipv4.ts';
import { isTcpChecksumGood, writeTcpChecksum } from '../../../src/protocols/tcp.ts';
import { isUdpChecksumGood, udpChecksum, writeUdp } from '../../../src/protocols/udp.ts';
import { removeVlanTag, vlanIdOf, writeVlanTag } from '../../../src/protocols/vlan.ts';
import { vxlanFlags, vxlanVni, writeVxlan } from '../../../src/protocols/vxlan.ts';

const int32 = fc.integer();
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint8 = fc.integer({ min: 0, max: 255 });

const header = fc.record({
  tos: uint8,
  id: uint16,
  fragment: uint16,
  ttl: fc.integer({ min: 1, max: 255 }),
  protocol: uint8,
  source: int32,
  target: int32,
});

function ipOf(fields: typeof header extends fc.Arbitrary<infer T> ? T : never): Uint8Array {
  const { tos, id, fragment, ttl, protocol, source, target } = fields;
  const bytes = new Uint8Array(24);
  writeIpv4(bytes, 4, tos, 20, id, fragment, ttl, protocol, source, target);
  return bytes;
}

describe('words', () => {
  test('are read as they were written', () => {
    fc.assert(
      fc.property(int32, uint16, (wide, narrow) => {
        const bytes = new Uint8Array(8).fill(0x5a);
        writeInt32(bytes, 1, wide);
        writeUint16(bytes, 5, narrow);
        expect(readInt32(bytes, 1)).toBe(wide);
        expect(readUint16(bytes, 5)).toBe(narrow);
        expect([bytes[0], bytes[7]]).toEqual([0x5a, 0x5a]);
      }),
    );
  });
});

describe('Ethernet', () => {
  test('keeps both addresses and the type apart', () => {
    fc.assert(
      fc.property(uint16, int32, uint16, int32, uint16, (thi, tlo, shi, slo, type) => {
        const bytes = new Uint8Array(20);
        writeTargetMac(bytes, 2, thi, tlo);
        writeSourceMac(bytes, 2, shi, slo);
        writeEthertype(bytes, 2, type);
        expect([targetMacHi(bytes, 2), targetMacLo(bytes, 2)]).toEqual([thi, tlo]);
        expect([sourceMacHi(bytes, 2), sourceMacLo(bytes, 2)]).toEqual([shi, slo]);
        expect(ethertypeOf(bytes, 2)).toBe(type);
      }),
    );
  });
});

describe('802.1Q', () => {
  test('a tag that is written and taken out leaves the frame as it was', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 60, maxLength: 60 }), uint16, (frame, vlanId) => {
        const bytes = new Uint8Array(64);
        bytes.set(frame, 4);
        writeEthertype(bytes, 4, ETHERTYPE_IPV4);
        const before = bytes.slice(4);
        writeVlanTag(bytes, 4, vlanId);
        expect(ethertypeOf(bytes, 0)).toBe(ETHERTYPE_VLAN);
        expect(vlanIdOf(bytes, 0)).toBe(vlanId & 0xfff);
        expect(readUint16(bytes, 16)).toBe(ETHERTYPE_IPV4);
        removeVlanTag(bytes, 0);
        expect(bytes.slice(4)).toEqual(before);
      }),
    );
  });
});

describe('ARP', () => {
  test('keeps its addresses, and says so when it is for something else', () => {
    fc.assert(
      fc.property(int32, int32, (sender, target) => {
        const bytes = new Uint8Array(28);
        writeArp(bytes, 0, 1, 0x0242, 0x0a000103, sender, 0, 0, target);
        expect(isArpForIpv4(bytes, 0)).toBe(true);
        expect([arpSenderIp(bytes, 0), arpTargetIp(bytes, 0)]).toEqual([sender, target]);
        bytes[4] = 8;
        expect(isArpForIpv4(bytes, 0)).toBe(false);
      }),
    );
  });
});

describe('IPv4', () => {
  test('has a good checksum when written, and none when a bit flips', () => {
    fc.assert(
      fc.property(header, fc.integer({ min: 0, max: 159 }), (fields, bit) => {
        const bytes = ipOf(fields);
        expect(isIpChecksumGood(bytes, 4)).toBe(true);
        // Bits 4..7 are the header length: what is summed would change with them.
        if (bit >= 4 && bit <= 7) return;
        bytes[4 + (bit >> 3)]! ^= 0x80 >> (bit & 7);
        expect(isIpChecksumGood(bytes, 4)).toBe(false);
      }),
    );
  });

  test('keeps a good checksum through TTL and addresses that change', () => {
    fc.assert(
      fc.property(header, int32, int32, (fields, source, target) => {
        const bytes = ipOf(fields);
        decreaseTtl(bytes, 4);
        expect(ipTtl(bytes, 4)).toBe(fields.ttl - 1);
        rewriteIpSource(bytes, 4, source);
        rewriteIpTarget(bytes, 4, target);
        expect([ipSource(bytes, 4), ipTarget(bytes, 4)]).toEqual([source, target]);
        expect(isIpChecksumGood(bytes, 4)).toBe(true);
      }),
    );
  });

  test('knows a fragment by more to come or by its offset', () => {
    const fragment = (field: number): boolean => {
      const bytes = new Uint8Array(20);
      writeIpv4(bytes, 0, 0, 20, 1, field, 64, 1, 1, 2);
      return ipIsFragment(bytes, 0);
    };
    expect([fragment(0), fragment(IP_DF)]).toEqual([false, false]);
    expect([fragment(IP_MF), fragment(185), fragment(IP_MF | 185)]).toEqual([true, true, true]);
  });
});

describe('ICMP', () => {
  test('puts id and sequence, MTU or gateway into the same four bytes', () => {
    const bytes = new Uint8Array(16);
    writeIcmp(bytes, 0, 16, ICMP_ECHO, 0, (0x1234 << 16) | 7);
    expect([icmpEchoId(bytes, 0), icmpEchoSequence(bytes, 0)]).toEqual([0x1234, 7]);
    writeIcmp(bytes, 0, 16, 3, 4, 1400);
    expect(icmpMtu(bytes, 0)).toBe(1400);
    writeIcmp(bytes, 0, 16, 5, 1, 0x0a000001);
    expect(icmpGateway(bytes, 0)).toBe(0x0a000001);
  });

  test('errors are those that quote a packet', () => {
    const errors = Array.from({ length: 256 }, (_, type) => type).filter(isIcmpError);
    expect(errors).toEqual([3, 4, 5, 11, 12]);
  });
});

describe('UDP and TCP', () => {
  test('have good checksums over any payload, and notice a changed byte', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 20, maxLength: 1400 }),
        int32,
        int32,
        fc.nat(),
        (payload, source, target, at) => {
          const udp = payload.slice();
          writeUdp(udp, 0, udp.length, 1000, 2000, source, target);
          expect(isUdpChecksumGood(udp, 0, udp.length, source, target)).toBe(true);
          const tcp = payload.slice();
          writeTcpChecksum(tcp, 0, tcp.length, source, target);
          expect(isTcpChecksumGood(tcp, 0, tcp.length, source, target)).toBe(true);
          tcp[at % tcp.length]! ^= 1;
          expect(isTcpChecksumGood(tcp, 0, tcp.length, source, target)).toBe(false);
        },
      ),
    );
  });

  test('a UDP checksum is never written as zero, which would mean that there is none', () => {
    // The sum of this datagram is 0xffff, so that its complement is 0.
    const bytes = new Uint8Array(10);
    writeUdp(bytes, 0, 8, 0, 0, 0, 0);
    const rest = udpChecksum(bytes, 0);
    writeUint16(bytes, 8, rest - 4);
    writeUdp(bytes, 0, 10, 0, 0, 0, 0);
    expect(udpChecksum(bytes, 0)).toBe(0xffff);
    expect(isUdpChecksumGood(bytes, 0, 10, 0, 0)).toBe(true);
    writeUint16(bytes, 6, 0);
    expect(isUdpChecksumGood(bytes, 0, 10, 1, 2)).toBe(true);
  });
});

describe('VXLAN', () => {
  test('keeps all 24 bits of the VNI', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffff }), (vni) => {
        const bytes = new Uint8Array(8).fill(0xff);
        writeVxlan(bytes, 0, vni);
        expect(vxlanVni(bytes, 0)).toBe(vni);
        expect(vxlanFlags(bytes, 0)).toBe(0x08);
        expect([...bytes.slice(1, 4), bytes[7]]).toEqual([0, 0, 0, 0]);
      }),
    );
  });
});
