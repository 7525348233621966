import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  describeFrame,
  innermost,
  viewDatagram,
  viewFrame,
} from '../../../src/observe/frame-view.ts';
import { recordedFrames } from '../../support/recorded.ts';

const from = (hex: string): Uint8Array =>
  Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

const ECHO = from(
  `
  02420a000104 02420a000103 0800
  45000054abcd40004001 0000 0a000103 0a000104
  0800 0000 0065 0001`.replaceAll('\n', ''),
);

describe('the view of a frame', () => {
  test('names addresses, id and sequence of an echo request', () => {
    const view = viewFrame(ECHO, 0, ECHO.length);
    expect(view.echo).toEqual({ kind: 'request', id: 101, sequence: 1 });
    expect(describeFrame(view)).toBe(
      '10.0.1.3 > 10.0.1.4 ICMP echo request, id 101, seq 1, ttl 64',
    );
    expect(view.sourceMac).toBe('02:42:0a:00:01:03');
  });

  test('of the frames of a real kernel is never empty, and finds what VXLAN wraps', async () => {
    let wrapped = 0;
    for (const { name, bytes } of await recordedFrames()) {
      const view = viewFrame(bytes, 0, bytes.length);
      expect(describeFrame(view), name).not.toBe('');
      if (view.inner !== null) {
        wrapped++;
        expect(view.vni, name).not.toBeNull();
        expect(innermost(view).sizeBytes, name).toBe(bytes.length - 50);
      }
    }
    expect(wrapped).toBeGreaterThan(100);
  });

  test('of a frame that is cut at any length, or damaged anywhere, does not throw', async () => {
    const all = await recordedFrames();
    for (const { bytes } of all.filter((_, index) => index % 97 === 0)) {
      for (let size = 0; size < Math.min(bytes.length, 200); size++) {
        expect(describeFrame(viewFrame(bytes.subarray(0, size), 0, size))).not.toBe('');
      }
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (noise) => {
        viewFrame(noise, 0, noise.length);
        viewDatagram(noise, 0, noise.length);
      }),
    );
  });
});
