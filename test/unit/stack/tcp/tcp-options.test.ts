import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseOptions,
  received,
  writeSackBlock,
  writeSackHead,
  writeSynOptions,
  writeTimestamps,
} from '../../../../src/stack/tcp/tcp-options.ts';

/** The options of a SYN in a recorded capture (curl through MASQUERADE). */
const RECORDED = [
  0x02, 0x04, 0x05, 0xb4, 0x04, 0x02, 0x08, 0x0a, 0x99, 0x6f, 0x0c, 0x68, 0x00, 0x00, 0x00, 0x00,
  0x01, 0x03, 0x03, 0x07,
];

function parse(options: Uint8Array): void {
  const bytes = new Uint8Array(20 + options.length);
  bytes.set(options, 20);
  parseOptions(bytes, 0, bytes.length);
}

describe('options', () => {
  test('a SYN carries MSS, SACK-permitted, timestamps, NOP, window scale: 20 bytes', () => {
    const bytes = new Uint8Array(40);
    const count = writeSynOptions(bytes, 0, 1460, 7, true, true, 0x996f0c68 | 0, 0);
    expect([...bytes.subarray(0, count)]).toEqual(RECORDED);
  });

  test('what was written is read', () => {
    parse(Uint8Array.from(RECORDED));
    expect(received.mss).toBe(1460);
    expect(received.windowScale).toBe(7);
    expect(received.isSackPermitted).toBe(true);
    expect(received.tsValue).toBe(0x996f0c68 | 0);
    const bytes = new Uint8Array(40);
    writeTimestamps(bytes, 0, 5, -6);
    writeSackHead(bytes, 12, 2);
    writeSackBlock(bytes, 16, 100, 200);
    writeSackBlock(bytes, 24, -100, -1);
    parse(bytes.subarray(0, 32));
    expect(received).toMatchObject({ hasTimestamp: true, tsValue: 5, tsEcho: -6, sackCount: 2 });
    expect([...received.sackStarts.subarray(0, 2)]).toEqual([100, -100]);
    expect([...received.sackEnds.subarray(0, 2)]).toEqual([200, -1]);
  });

  test('leaves out what was not agreed, in whole words', () => {
    const bytes = new Uint8Array(40);
    expect(writeSynOptions(bytes, 0, 1460, -1, false, false, 0, 0)).toBe(4);
    expect(writeSynOptions(bytes, 0, 1460, -1, true, false, 0, 0)).toBe(8);
    expect(writeSynOptions(bytes, 0, 1460, 7, false, true, 0, 0)).toBe(20);
  });

  test.each(RECORDED.map((_, i) => i))('stops at an option cut short after %i bytes', (length) => {
    parse(Uint8Array.from(RECORDED.slice(0, length)));
    expect(received.windowScale).toBe(-1);
  });

  test('reads no byte outside whatever the lengths say', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (options) => {
        parse(options);
        expect(received.sackCount).toBeLessThanOrEqual(4);
        expect(received.windowScale).toBeLessThanOrEqual(14);
      }),
    );
  });
});
