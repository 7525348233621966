import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addRange,
  findRange,
  loadReceived,
  makeReceiveQueue,
  newestSeq,
  noteMemory,
  returnMemory,
  storeReceived,
  takeReachedRanges,
} from '../../../../src/stack/tcp/tcp-receive-queue.ts';

test('puts segments that come in any order together, across the wrap of sequence numbers', () => {
  const piece = fc.record({ from: fc.nat(20_000), length: fc.integer({ min: 1, max: 3000 }) });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), fc.integer(), (pieces, start) => {
      const queue = makeReceiveQueue();
      const first = start | 0;
      const source = new Uint8Array(30_000).map((_, i) => (i * 31 + (i >> 7)) & 0xff);
      const got = new Uint8Array(30_000); // 1: received
      let next = first;
      for (const { from, length } of pieces) {
        const seq = (first + from) | 0;
        const end = (seq + length) | 0;
        got.fill(1, from, from + length);
        if (((end - next) | 0) <= 0) continue;
        const skip = Math.max(0, (next - seq) | 0);
        storeReceived(
          queue,
          first,
          newestSeq(queue, next),
          (seq + skip) | 0,
          source,
          from + skip,
          from + length,
        );
        if (((seq - next) | 0) <= 0) next = takeReachedRanges(queue, end);
        else addRange(queue, seq, end);
      }
      const inOrder = got.indexOf(0);
      expect((next - first) | 0).toBe(inOrder);
      expect(loadReceived(queue, first, inOrder)).toEqual(source.subarray(0, inOrder));
      let bytes = 0;
      for (let i = 0; i < queue.starts.length; i++) {
        const range = [(queue.starts[i]! - first) | 0, (queue.ends[i]! - first) | 0] as const;
        expect(got.subarray(range[0], range[1]).every((each) => each === 1)).toBe(true);
        expect(got[range[0] - 1]).toBe(0);
        expect(got[range[1]]).toBe(0);
        expect(findRange(queue, queue.starts[i]!)).toBe(i);
        bytes += range[1] - range[0];
      }
      expect(queue.outOfOrderBytes).toBe(bytes);
      expect(queue.recentStarts.length).toBe(Math.min(queue.recentStarts.length, 4));
    }),
  );
});

test('tells the newest range first, as RFC 2018 wants', () => {
  const queue = makeReceiveQueue();
  addRange(queue, 1000, 1100);
  addRange(queue, 3000, 3100);
  addRange(queue, 2000, 2100);
  addRange(queue, 1100, 1200);
  expect(queue.recentStarts).toEqual([1000, 2000, 3000]);
  expect(queue.recentEnds).toEqual([1200, 2100, 3100]);
  expect(takeReachedRanges(queue, 1000)).toBe(1200);
  expect(queue.recentStarts).toEqual([2000, 3000]);
});

test('gives memory back when a segment was read whole', () => {
  const queue = makeReceiveQueue();
  noteMemory(queue, 100, 2304);
  noteMemory(queue, 200, 900);
  returnMemory(queue, 150);
  expect(queue.memoryBytes).toBe(900);
  returnMemory(queue, 200);
  expect(queue.memoryBytes).toBe(0);
});
