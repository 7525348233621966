import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPcap, writePcap } from '../../../src/observe/pcap.ts';
import { readPcapng, writePcapng } from '../../../src/observe/pcapng.ts';

const frames = fc.array(
  fc.record({
    timeNs: fc.integer({ min: 0, max: 1e15 }),
    bytes: fc.uint8Array({ maxLength: 200 }),
  }),
  { maxLength: 20 },
);

describe('a classic pcap file', () => {
  test('of one frame has the bytes that the format names', () => {
    const file = writePcap([{ timeNs: 1_500_000_007, bytes: Uint8Array.of(1, 2, 3) }]);
    const hex = Buffer.from(file).toString('hex');
    expect(hex).toBe(
      '4d3cb2a1' + // nanoseconds, little-endian
        '02000400' +
        '0000000000000000' +
        '00000400' + // longest frame
        '01000000' + // Ethernet
        '01000000' +
        '0765cd1d' +
        '03000000' +
        '03000000' +
        '010203',
    );
  });

  test('gives back what was written, to the nanosecond', () => {
    fc.assert(
      fc.property(frames, (list) => {
        const { frames: read, problem, linktype } = readPcap(writePcap(list));
        expect(problem).toBeNull();
        expect(linktype).toBe(1);
        expect(read.map(({ timeNs, bytes }) => ({ timeNs, bytes: Buffer.from(bytes) }))).toEqual(
          list.map(({ timeNs, bytes }) => ({ timeNs, bytes: Buffer.from(bytes) })),
        );
      }),
    );
  });

  test('in microseconds cuts the last three digits', () => {
    const file = writePcap([{ timeNs: 1_999_999_999, bytes: new Uint8Array(1) }], {
      precision: 'microseconds',
    });
    expect(readPcap(file).frames[0]?.timeNs).toBe(1_999_999_000);
  });

  test('may be of the other byte order', () => {
    const file = Buffer.alloc(24 + 16 + 2);
    file.writeUInt32BE(0xa1b2c3d4, 0);
    file.writeUInt32BE(1, 20);
    file.writeUInt32BE(7, 24);
    file.writeUInt32BE(5, 28);
    file.writeUInt32BE(2, 32);
    file.writeUInt32BE(60, 36);
    const { frames: read, precision } = readPcap(file);
    expect(precision).toBe('microseconds');
    expect(read).toEqual([
      { timeNs: 7_000_005_000, bytes: expect.any(Uint8Array), originalBytes: 60 },
    ]);
  });

  test('that is cut anywhere gives the frames before the cut and says so', () => {
    const list = [1, 2, 3].map((n) => ({ timeNs: n, bytes: new Uint8Array(n * 10).fill(n) }));
    const file = writePcap(list);
    const whole = [24, 24 + 26, 24 + 26 + 36, file.length];
    for (let size = 0; size <= file.length; size++) {
      const { frames: read, problem } = readPcap(file.subarray(0, size));
      expect(read.length).toBe(Math.max(0, whole.filter((end) => end <= size).length - 1));
      expect(problem === null).toBe(whole.includes(size));
    }
  });

  test('of random bytes never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        readPcap(noise);
        readPcap(Uint8Array.of(0x4d, 0x3c, 0xb2, 0xa1, ...noise));
      }),
    );
  });
});

describe('a pcapng file', () => {
  const interfaces = [{ name: 'c1.eth0' }, { name: 'hôst.veth1' }];

  test('gives back interfaces, times, directions and comments', () => {
    fc.assert(
      fc.property(frames, fc.string(), (list, comment) => {
        const written = list.map((frame, index) => ({
          ...frame,
          bytes: Uint8Array.from(frame.bytes),
          interfaceIndex: index % 2,
          ...(index % 3 === 0 ? { comment: `dropped ${comment}` } : {}),
          ...(index % 2 === 0 ? { direction: 'in' as const } : { direction: 'out' as const }),
        }));
        const content = readPcapng(writePcapng(interfaces, written));
        expect(content.problem).toBeNull();
        expect(content.interfaces).toEqual(interfaces);
        const read = content.frames.map(({ originalBytes: _, ...frame }) => ({
          ...frame,
          bytes: Uint8Array.from(frame.bytes),
        }));
        expect(read).toEqual(written);
      }),
    );
  });

  test('that is cut anywhere is read up to the cut', () => {
    const file = writePcapng(
      interfaces,
      [1, 2, 3].map((n) => ({
        interfaceIndex: 0,
        timeNs: n,
        bytes: new Uint8Array(n),
        comment: 'dropped',
      })),
    );
    for (let size = 0; size < file.length; size++) {
      const { frames: read } = readPcapng(file.subarray(0, size));
      expect(read.length).toBeLessThan(3);
    }
    expect(readPcapng(file).frames).toHaveLength(3);
  });

  test('of random bytes never throws', () => {
    const file = writePcapng(interfaces, [
      { interfaceIndex: 1, timeNs: 5, bytes: new Uint8Array(40), comment: 'x' },
    ]);
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const damaged = file.slice();
        damaged[at % file.length] = value;
        readPcapng(damaged);
      }),
      { numRuns: 500 },
    );
  });
});
