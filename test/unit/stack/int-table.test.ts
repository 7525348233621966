import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deleteInt, getInt, makeIntTable, setInt, valuesOf } from '../../../src/stack/int-table.ts';

test('behaves as a Map does, whatever is put in and taken out', () => {
  const key = fc.oneof(fc.integer({ min: -6, max: 6 }), fc.integer());
  const step = fc.record({ isDelete: fc.boolean(), key });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = makeIntTable<{ readonly n: number }>();
      const map = new Map<number, { readonly n: number }>();
      for (const [n, { isDelete, key: at }] of steps.entries()) {
        if (isDelete) {
          deleteInt(table, at);
          map.delete(at);
        } else {
          setInt(table, at, { n });
          map.set(at, { n });
        }
      }
      expect(table.count).toBe(map.size);
      for (const { key: at } of steps) expect(getInt(table, at)).toEqual(map.get(at) ?? null);
      expect(valuesOf(table)).toHaveLength(map.size);
    }),
  );
});
