import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readInt32, readUint16, writeInt32, writeUint16 } from '../../../src/protocols/bytes.ts';
import {
  addToSum,
  checksumOf,
  finishSum,
  pseudoHeaderSum,
  updateChecksum16,
  updateChecksum32,
} from '../../../src/protocols/checksum.ts';

/** The definition, word by word, with the carry added back each time. */
function naiveChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}

/** +0 and -0 of one's complement are the same number. */
const normal = (checksum: number): number => (checksum === 0xffff ? 0 : checksum);

const evenBytes = fc
  .uint8Array({ minLength: 6, maxLength: 1500 })
  .map((bytes) => bytes.subarray(0, bytes.length & ~1));

describe('the Internet checksum', () => {
  test('is that of the example in RFC 1071', () => {
    const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
    expect(checksumOf(bytes, 0, 8)).toBe(0x220d);
  });

  test('equals the naive sum for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        expect(normal(checksumOf(bytes, 0, bytes.length))).toBe(normal(naiveChecksum(bytes)));
      }),
    );
  });

  test('of the largest packet of 0xff does not overflow', () => {
    const bytes = new Uint8Array(65535).fill(0xff);
    expect(normal(checksumOf(bytes, 0, bytes.length))).toBe(normal(naiveChecksum(bytes)));
  });

  test('looks only at the range it is given', () => {
    fc.assert(
      fc.property(evenBytes, (bytes) => {
        const around = new Uint8Array(bytes.length + 8).fill(0xab);
        around.set(bytes, 4);
        expect(checksumOf(around, 4, 4 + bytes.length)).toBe(checksumOf(bytes, 0, bytes.length));
      }),
    );
  });

  test('can be summed in parts', () => {
    fc.assert(
      fc.property(evenBytes, evenBytes, (a, b) => {
        const whole = new Uint8Array([...a, ...b]);
        const parts = addToSum(addToSum(0, a, 0, a.length), b, 0, b.length);
        expect(finishSum(parts)).toBe(checksumOf(whole, 0, whole.length));
      }),
    );
  });

  test('corrected for a changed word is the checksum of the changed bytes', () => {
    fc.assert(
      fc.property(
        evenBytes,
        fc.nat(),
        fc.integer({ min: 0, max: 0xffff }),
        (original, at, value) => {
          const bytes = original.slice();
          writeUint16(bytes, 0, 0);
          writeUint16(bytes, 0, checksumOf(bytes, 0, bytes.length));
          const words = bytes.length / 2 - 1;
          const offset = 2 + 2 * (at % words);
          updateChecksum16(bytes, 0, readUint16(bytes, offset), value);
          writeUint16(bytes, offset, value);
          expect(normal(checksumOf(bytes, 0, bytes.length))).toBe(0);
        },
      ),
    );
  });

  test('corrected for a changed address is the checksum of the changed bytes', () => {
    fc.assert(
      fc.property(evenBytes, fc.integer(), (original, value) => {
        const bytes = original.slice();
        writeUint16(bytes, 0, 0);
        writeUint16(bytes, 0, checksumOf(bytes, 0, bytes.length));
        updateChecksum32(bytes, 0, readInt32(bytes, 2), value);
        writeInt32(bytes, 2, value);
        expect(normal(checksumOf(bytes, 0, bytes.length))).toBe(0);
      }),
    );
  });

  test('of the pseudo header is that of its twelve bytes', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer(),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 0xffff }),
        (source, target, protocol, lengthBytes) => {
          const bytes = new Uint8Array(12);
          writeInt32(bytes, 0, source);
          writeInt32(bytes, 4, target);
          bytes[9] = protocol;
          writeUint16(bytes, 10, lengthBytes);
          const sum = pseudoHeaderSum(source, target, protocol, lengthBytes);
          expect(finishSum(sum)).toBe(checksumOf(bytes, 0, 12));
        },
      ),
    );
  });
});
