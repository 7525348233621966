import { expect, test } from 'vitest';
import { formatIpv6, parseIpv6 } from '../../../src/base/ipv6-address.ts';

test('addresses are written in their shortest form and read back', () => {
  for (const text of ['::', '::1', 'fe80::1', '2001:db8:0:1::7', '1:2:3:4:5:6:7:8']) {
    expect(formatIpv6(parseIpv6(text)!)).toBe(text);
  }
  expect(formatIpv6(parseIpv6('2001:DB8:0:0:1:0:0:1')!)).toBe('2001:db8::1:0:0:1');
});

test('what is no address reads as null', () => {
  for (const text of ['', '1.2.3.4', ':::', '1::2::3', '1:2:3', 'g::', '1:2:3:4:5:6:7:8:9']) {
    expect(parseIpv6(text)).toBeNull();
  }
});
