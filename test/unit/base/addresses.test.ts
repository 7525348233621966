import fc from 'fast-check';
import { IPv4, IPv4CidrRange } from 'ip-num';
import { describe, expect, test } from 'vitest';
import {
  formatIpv4,
  isLoopback,
  isMulticast,
  maskOf,
  parseCidr,
  parseIpv4,
} from '../../../src/base/ipv4-address.ts';
import {
  formatMac,
  isGroupMac,
  macHi,
  macLo,
  macOf,
  parseMac,
} from '../../../src/base/mac-address.ts';

describe('an IPv4 address', () => {
  test('is a signed int32 and comes back as the text it was', () => {
    expect(parseIpv4('10.0.0.1')).toBe(0x0a000001);
    expect(parseIpv4('192.168.0.1')).toBe(0xc0a80001 | 0);
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        const value = parseIpv4(text);
        expect(value).toBe((value as number) | 0);
        expect(formatIpv4(value as number)).toBe(text);
      }),
    );
  });

  test('means the same number as in another library', () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect((parseIpv4(text) as number) >>> 0).toBe(Number(IPv4.fromString(text).value));
      }),
    );
  });

  test('is nothing but four plain decimal octets', () => {
    const wrong = ['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.4 ', '0x1.2.3.4'];
    for (const text of [...wrong, '1..2.3', '-1.2.3.4', '1.2.3.4/8']) {
      expect(parseIpv4(text), text).toBeNull();
    }
  });

  test('knows loopback and multicast', () => {
    expect(isLoopback(parseIpv4('127.255.0.1')!)).toBe(true);
    expect(isLoopback(parseIpv4('128.0.0.1')!)).toBe(false);
    expect(isMulticast(parseIpv4('239.1.2.3')!)).toBe(true);
    expect(isMulticast(parseIpv4('240.0.0.1')!)).toBe(false);
  });
});

describe('a prefix', () => {
  test('has the mask that another library computes', () => {
    for (let length = 1; length <= 32; length++) {
      const range = IPv4CidrRange.fromCidr(`255.255.255.255/${length}`);
      expect(maskOf(length) >>> 0).toBe(Number(range.getFirst().value));
    }
    expect(maskOf(0)).toBe(0);
  });

  test('keeps the host bits and defaults to a single address', () => {
    expect(parseCidr('10.0.1.3/24')).toEqual({ address: 0x0a000103, prefixLength: 24 });
    expect(parseCidr('10.0.1.3')).toEqual({ address: 0x0a000103, prefixLength: 32 });
    for (const text of ['10.0.1.3/', '10.0.1.3/33', '10.0.1.3/-1', '10.0.1/24', '/24']) {
      expect(parseCidr(text), text).toBeNull();
    }
  });
});

describe('a MAC address', () => {
  test('comes back from its number and from its halves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffffffff }), (mac) => {
        expect(macOf(macHi(mac), macLo(mac))).toBe(mac);
        expect(macLo(mac)).toBe(macLo(mac) | 0);
        expect(parseMac(formatMac(mac))).toBe(mac);
        expect(formatMac(mac)).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
      }),
    );
  });

  test('is read with short octets and dashes, and refused otherwise', () => {
    expect(parseMac('2:42:ac:11:0:2')).toBe(0x0242ac110002);
    expect(parseMac('02-42-AC-11-00-02')).toBe(0x0242ac110002);
    for (const text of ['', '02:42:ac:11:00', '02:42:ac:11:00:zz', '0242ac110002']) {
      expect(parseMac(text), text).toBeNull();
    }
  });

  test('has a group bit', () => {
    expect(isGroupMac(0xffff)).toBe(true);
    expect(isGroupMac(0x0100)).toBe(true);
    expect(isGroupMac(0x0242)).toBe(false);
  });
});
