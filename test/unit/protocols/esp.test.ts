import { describe, expect, test } from 'vitest';
import {
  ESP_GARBAGE,
  ESP_INTEGRITY,
  espSequence,
  espSpi,
  espTrailerBytes,
  makeGcmCipher,
  openEsp,
  sealEsp,
} from '../../../src/protocols/esp.ts';

const KEY = Uint8Array.from({ length: 20 }, (_, i) => i);
const ESP = 4;
const PAYLOAD = ESP + 16;

/** A sealed packet with `length` bytes of payload, 1, 2, 3 ... */
function seal(length: number, icvBytes = 8) {
  const cipher = makeGcmCipher(KEY, icvBytes, 0x01020304, 0x05060708);
  const bytes = new Uint8Array(PAYLOAD + length + 64);
  for (let i = 0; i < length; i++) bytes[PAYLOAD + i] = i + 1;
  const end = sealEsp(cipher, bytes, ESP, PAYLOAD, PAYLOAD + length, 0xdeadbeef, 7, 17);
  return { cipher, bytes, end };
}

describe('an ESP packet', () => {
  test('has SPI, number and an IV that counts on from the salt of the counter', () => {
    const { bytes } = seal(10);
    expect(espSpi(bytes, ESP)).toBe(0xdeadbeef);
    expect(espSequence(bytes, ESP)).toBe(7);
    expect([...bytes.subarray(ESP + 8, ESP + 16)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8 ^ 7]);
  });

  test('is filled up to a multiple of four, length and next header included', () => {
    const { cipher } = seal(1);
    expect([0, 1, 2, 3, 4].map((length) => espTrailerBytes(cipher, length))).toEqual([
      4, 3, 2, 5, 4,
    ]);
    // 14 Ethernet + 20 IP + 16 + 114 + 2 + 8: a ping of 84 bytes through VXLAN and Docker's ESP.
    expect(seal(114).end - ESP).toBe(140);
  });

  test.each([8, 12, 16])('opens to what was sealed, with an ICV of %i bytes', (icvBytes) => {
    for (let length = 1; length < 40; length++) {
      const { cipher, bytes, end } = seal(length, icvBytes);
      expect(openEsp(cipher, bytes, ESP, end)).toBe(PAYLOAD + length);
      expect(bytes[end - icvBytes - 1]).toBe(17);
      const opened = [...bytes.subarray(PAYLOAD, PAYLOAD + length)];
      expect(opened).toEqual(Array.from({ length }, (_, i) => i + 1));
    }
  });

  test('is refused when any of its bytes was changed', () => {
    const { end } = seal(20);
    for (let at = ESP; at < end; at++) {
      const { cipher, bytes } = seal(20);
      bytes[at] = bytes[at]! ^ 1;
      expect(openEsp(cipher, bytes, ESP, end)).toBe(ESP_INTEGRITY);
    }
  });

  test('is refused when it is cut off', () => {
    const { cipher, bytes, end } = seal(20);
    for (let short = ESP; short < end; short++) {
      expect([ESP_GARBAGE, ESP_INTEGRITY]).toContain(openEsp(cipher, bytes, ESP, short));
    }
  });
});
