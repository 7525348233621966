import { expect, test } from 'vitest';
import { JIFFY_NS, wheelDelayNs } from '../../../src/engine/jiffies.ts';

test('a second on a tick that is a multiple of eight takes 1.024 s', () => {
  expect(wheelDelayNs(0, 1_000_000_000)).toBe(1_024_000_000);
  expect(wheelDelayNs(1_024_000_000, 1_000_000_000)).toBe(1_024_000_000);
});

test('half a second takes 512 ms, five seconds up to 5.12 s', () => {
  expect(wheelDelayNs(0, 500_000_000)).toBe(512_000_000);
  expect(wheelDelayNs(0, 5_000_000_000)).toBe(5_120_000_000);
});

test('a short delay expires one tick late at most', () => {
  expect(wheelDelayNs(0, 40_000_000)).toBe(44_000_000);
  expect(wheelDelayNs(JIFFY_NS - 1, 1)).toBe(JIFFY_NS + 1);
});
