import { describe, expect, test } from 'vitest';
import { makePrng, nextBelow, nextInt32, nextUnit } from '../../../src/base/prng.ts';

const take = (seed: number, name: string, count: number): number[] => {
  const prng = makePrng(seed, name);
  return Array.from({ length: count }, () => nextInt32(prng));
};

describe('a random stream', () => {
  test('gives the same numbers for the same seed and name, on every machine', () => {
    // A promise to users: a changed number changes every recorded run.
    expect(take(1, 'stack/ip-id', 4)).toMatchInlineSnapshot(`
      [
        1663469543,
        -132335117,
        -328938714,
        -1992026696,
      ]
    `);
    expect(take(2 ** 40 + 1, 'stack/ip-id', 2)).toMatchInlineSnapshot(`
      [
        -626738662,
        417200684,
      ]
    `);
  });

  test('differs by seed (also above 32 bits) and by name', () => {
    const runs = [
      take(1, 'ports', 8),
      take(2, 'ports', 8),
      take(1, 'ids', 8),
      take(1 + 2 ** 32, 'ports', 8),
    ];
    expect(new Set(runs.map(String)).size).toBe(4);
  });

  test('of one seed is no stream of a neighbouring seed under another name', () => {
    // 'a' ^ 'b' is 1 ^ 2: a seed that only meets the first letter would make these two equal.
    expect(take(1, 'b/port', 8)).not.toEqual(take(2, 'a/port', 8));
    const firsts = new Set<number>();
    for (let seed = 0; seed < 64; seed++) {
      for (const name of 'abcdefghijklmnop') firsts.add(take(seed, name, 2)[1]!);
    }
    expect(firsts.size).toBe(64 * 16);
  });

  test('stays within its bound and reaches all of it evenly', () => {
    const prng = makePrng(7, 'even');
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) counts[nextBelow(prng, 10)]!++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    for (let i = 0; i < 1000; i++) {
      const unit = nextUnit(prng);
      expect(unit >= 0 && unit < 1).toBe(true);
    }
  });
});
