// Frames are printed as tcpdump 4.99 printed them, byte for byte.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPcap } from '../../../src/observe/pcap.ts';
import {
  DEFAULT_LINE_OPTIONS,
  type LineOptions,
  makeLinePrinter,
} from '../../../src/protocols/line.ts';
import { hexAndAscii } from '../../../src/protocols/line-hex.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/tcpdump');

function framesOf(name: string): Uint8Array[] {
  const path = join(FIXTURES, `${name}.pcap`);
  return readPcap(readFileSync(path)).frames.map(({ bytes }) => bytes);
}

function printed(
  frames: readonly Uint8Array[],
  options: Partial<LineOptions>,
  after: (frame: Uint8Array) => string = () => '',
): string {
  const printer = makeLinePrinter({ ...DEFAULT_LINE_OPTIONS, ...options });
  return frames
    .map((frame) => `${printer.print(frame, 0, frame.length)}${after(frame)}\n`)
    .join('');
}

const golden = (name: string): string => readFileSync(join(FIXTURES, `${name}.txt`), 'utf8');

describe('against tcpdump 4.99', () => {
  test('ARP, VXLAN and what is in it', () => {
    expect(printed(framesOf('overlay'), {})).toBe(golden('overlay'));
  });

  test('headers, checksums and HTTP with -vv', () => {
    const text = printed(framesOf('masquerade'), { verbosity: 2 });
    expect(text).toBe(golden('masquerade'));
  });

  test('the Ethernet header with -e', () => {
    const text = printed(framesOf('docker0'), { showsLink: true });
    expect(text).toBe(golden('docker0'));
  });

  test('names of services without -n', () => {
    const nameOf = (address: number): string | null =>
      address === 0x7f000001 ? 'localhost' : null;
    const options = { isNumeric: false, verbosity: 1, nameOf };
    expect(printed(framesOf('port-map'), options)).toBe(golden('port-map'));
  });

  test('refusals with the packets they quote', () => {
    const frames = framesOf('reject');
    expect(printed(frames, { verbosity: 1 })).toBe(golden('reject'));
  });

  test('fragments and errors with -q', () => {
    const frames = framesOf('mtu');
    expect(printed(frames, { isQuick: true })).toBe(golden('mtu'));
  });

  test('dumps with -X', () => {
    const frames = framesOf('container').slice(0, 30);
    const dump = (frame: Uint8Array): string => hexAndAscii(frame, 14, frame.length);
    expect(printed(frames, {}, dump)).toBe(golden('container'));
  });
});

test('a frame cut anywhere is printed, never thrown', () => {
  const printer = makeLinePrinter({ ...DEFAULT_LINE_OPTIONS, verbosity: 3, showsLink: true });
  for (const frame of framesOf('overlay').slice(0, 40)) {
    for (let end = 0; end <= frame.length; end++) printer.print(frame, 0, end, frame.length);
  }
  const cut = makeLinePrinter();
  const [, , echo] = framesOf('container');
  expect(cut.print(echo!, 0, 36, echo!.length)).toContain('[|icmp]');
});

test('random bytes are printed, never thrown', () => {
  const printer = makeLinePrinter({ ...DEFAULT_LINE_OPTIONS, verbosity: 2 });
  const types = fc.constantFrom([8, 0], [8, 6], [0x81, 0], [0x86, 0xdd]);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 14, maxLength: 120 }), types, (bytes, type) => {
      bytes.set(type, 12);
      if (type[0] === 8 && type[1] === 0 && bytes.length > 14) bytes[14] = 0x45;
      printer.print(bytes, 0, bytes.length);
    }),
  );
});
