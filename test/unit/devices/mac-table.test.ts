import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  findMac,
  insertMac,
  listMacs,
  type MacKeyed,
  makeMacTable,
  removeMac,
} from '../../../src/devices/mac-table.ts';

test('behaves like a map through any series of insertions and removals', () => {
  // Few different addresses, so that chains collide, close and wrap around.
  const step = fc.record({
    hi: fc.integer({ min: 0, max: 3 }),
    lo: fc.integer({ min: -8, max: 8 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = makeMacTable<MacKeyed>();
      const model = new Map<string, MacKeyed>();
      for (const { hi, lo } of steps) {
        const key = `${hi} ${lo}`;
        const known = model.get(key);
        if (known === undefined) {
          const entry = { hi, lo };
          insertMac(table, entry);
          model.set(key, entry);
        } else {
          expect(removeMac(table, known)).toBe(true);
          expect(removeMac(table, known)).toBe(false);
          model.delete(key);
        }
        expect(table.count).toBe(model.size);
        for (let h = 0; h <= 3; h++) {
          for (let l = -8; l <= 8; l++) {
            expect(findMac(table, h, l)).toBe(model.get(`${h} ${l}`) ?? null);
          }
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('grows, and lists in order of address with the last octets unsigned', () => {
  const table = makeMacTable<MacKeyed>();
  for (let i = 0; i < 1000; i++) insertMac(table, { hi: i % 7, lo: i * 0x01234567 });
  const listed = listMacs(table);
  expect(listed).toHaveLength(1000);
  for (let i = 1; i < listed.length; i++) {
    const before = listed[i - 1]!;
    const after = listed[i]!;
    const isOrdered = before.hi < after.hi || before.lo >>> 0 < after.lo >>> 0;
    expect(isOrdered).toBe(true);
  }
});
