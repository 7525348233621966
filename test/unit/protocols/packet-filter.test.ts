// Filter expressions let the same frames pass as libpcap's do.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readPcap } from '../../../src/observe/pcap.ts';
import { compileFilter, FilterError } from '../../../src/protocols/packet-filter.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/tcpdump');
const rows = readFileSync(join(FIXTURES, 'filters.tsv'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('\t') as [string, string, string]);

describe('against libpcap 1.10', () => {
  test.each([...new Set(rows.map(([capture]) => capture))])('%s', (capture) => {
    const file = readFileSync(join(FIXTURES, `${capture}.pcap`));
    const { frames } = readPcap(file);
    for (const [, count, expression] of rows.filter(([name]) => name === capture)) {
      const filter = compileFilter(expression);
      const passed = frames.filter(({ bytes }) =>
        filter({ bytes, start: 0, end: bytes.length, wireBytes: bytes.length, direction: null }),
      );
      expect(`${expression}: ${passed.length}`).toBe(`${expression}: ${count}`);
    }
  });
});

describe('mistakes are worded as tcpdump words them', () => {
  test.each([
    ['foo', "can't parse filter expression: syntax error"],
    ['host', "can't parse filter expression: syntax error"],
    ['tcp and', "can't parse filter expression: syntax error"],
    ['((icmp)', "can't parse filter expression: syntax error"],
    ['10.0.0.1', "can't parse filter expression: syntax error"],
    ['ip proto icmp', "can't parse filter expression: syntax error"],
    ['host nosuch', "unknown host 'nosuch'"],
    ['port nosuch', "unknown port 'nosuch'"],
    ['net 10.1.1.1/16', 'non-network bits set in "10.1.1.1/16"'],
    ['port 99999', 'illegal port number 99999 > 65535'],
    ['ether host 1', 'illegal link layer address'],
  ])('%s', (expression, message) => {
    expect(() => compileFilter(expression)).toThrow(new FilterError(message));
  });
});

test('host names are looked up, an empty expression passes everything', () => {
  const frame = new Uint8Array(42);
  frame.set([8, 0x06], 12);
  frame.set([10, 0, 0, 1], 28);
  const packet = { bytes: frame, start: 0, end: 42, wireBytes: 42, direction: 'in' } as const;
  const resolve = (name: string): number[] => (name === 'web' ? [0x0a000001] : []);
  expect(compileFilter('arp src host web', resolve)(packet)).toBe(true);
  expect(compileFilter('arp dst host web', resolve)(packet)).toBe(false);
  expect(compileFilter('inbound')(packet)).toBe(true);
  expect(compileFilter('')(packet)).toBe(true);
});
