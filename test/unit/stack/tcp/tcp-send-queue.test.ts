import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TCP_ACK, TCP_FIN, TCP_SYN } from '../../../../src/protocols/tcp.ts';
import {
  appendSegment,
  dataBytesOf,
  insertSegmentAfter,
  isAllAcknowledged,
  lastSent,
  loadBytes,
  makeSendQueue,
  removeSegment,
  storeBytes,
  takeSegment,
} from '../../../../src/stack/tcp/tcp-send-queue.ts';

test('gives back what was stored, while the ring grows and sequence numbers wrap', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 9000 }), fc.nat(9000)), {
        maxLength: 20,
      }),
      (start, steps) => {
        const queue = makeSendQueue();
        let una = start | 0;
        let write = una;
        let expected: number[] = [];
        for (const [data, acked] of steps) {
          storeBytes(queue, una, write, data, 0, data.length);
          write = (write + data.length) | 0;
          expected.push(...data);
          const target = new Uint8Array(expected.length + 3);
          loadBytes(queue, una, expected.length, target, 3);
          expect([...target.subarray(3)]).toEqual(expected);
          const count = Math.min(acked, expected.length);
          una = (una + count) | 0;
          expected = expected.slice(count);
        }
      },
    ),
    { numRuns: 40 },
  );
});

test('knows what is sent, what is not, and what SYN and FIN take', () => {
  const queue = makeSendQueue();
  const syn = takeSegment(queue, 0, 1, TCP_SYN);
  const data = takeSegment(queue, 1, 12, TCP_ACK | TCP_FIN);
  appendSegment(queue, syn);
  appendSegment(queue, data);
  expect([dataBytesOf(syn), dataBytesOf(data)]).toEqual([0, 10]);
  expect([isAllAcknowledged(queue), lastSent(queue), queue.count]).toEqual([true, null, 2]);
  queue.unsent = data;
  expect([isAllAcknowledged(queue), lastSent(queue)]).toEqual([false, syn]);
  const rest = takeSegment(queue, 12, 20, TCP_ACK);
  insertSegmentAfter(queue, data, rest);
  removeSegment(queue, syn);
  expect([queue.first, queue.last, queue.unsent]).toEqual([data, rest, data]);
  expect(isAllAcknowledged(queue)).toBe(true);
});
