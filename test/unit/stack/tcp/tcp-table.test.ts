import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  findConnection,
  hashEntry,
  listEntries,
  makeTcpTable,
  type TcpEntry,
  unhashEntry,
} from '../../../../src/stack/tcp/tcp-table.ts';

test('finds each connection by its four addresses, and no other', () => {
  const four = fc.tuple(fc.nat(3), fc.nat(300), fc.nat(3), fc.nat(3));
  fc.assert(
    fc.property(fc.uniqueArray(four, { selector: String, maxLength: 300 }), (all) => {
      const table = makeTcpTable();
      const entries = all.map(
        ([localAddress, localPort, remoteAddress, remotePort]): TcpEntry => ({
          kind: 'socket',
          localAddress,
          localPort,
          remoteAddress,
          remotePort,
          boundDevice: null,
          nextInChain: null,
          isHashed: false,
        }),
      );
      const find = (entry: TcpEntry) =>
        findConnection(
          table,
          entry.localAddress,
          entry.localPort,
          entry.remoteAddress,
          entry.remotePort,
        );
      for (const entry of entries) hashEntry(table, entry);
      for (const entry of entries) expect(find(entry)).toBe(entry);
      expect(listEntries(table)).toHaveLength(entries.length);
      for (const entry of entries.filter((_, i) => i % 2 === 0)) unhashEntry(table, entry);
      for (const [i, entry] of entries.entries()) {
        expect(find(entry)).toBe(i % 2 === 0 ? null : entry);
      }
      expect(table.count).toBe(Math.floor(entries.length / 2));
    }),
  );
});
