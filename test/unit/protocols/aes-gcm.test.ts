import { createCipheriv } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { makePrng, nextBelow } from '../../../src/base/prng.ts';
import { encryptAesBlock, expandAesKey } from '../../../src/protocols/aes.ts';
import { cryptGcm, gcmKeyOf, tagGcm } from '../../../src/protocols/aes-gcm.ts';
import { readInt32 } from '../../../src/protocols/bytes.ts';

const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const words = (values: Int32Array): string =>
  [...values].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');

describe('AES', () => {
  // FIPS 197, appendix C.
  const plain = [0x00112233, 0x44556677, 0x8899aabb, 0xccddeeff] as const;
  const keyText = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
  test.each([
    [16, '69c4e0d86a7b0430d8cdb78070b4c55a'],
    [24, 'dda97ca4864cdfe06eaf70a0ec0d7191'],
    [32, '8ea2b7ca516745bfeafc49904b496089'],
  ])('encrypts the block of FIPS 197 with a key of %i bytes', (keyBytes, expected) => {
    const out = new Int32Array(4);
    encryptAesBlock(expandAesKey(fromHex(keyText).subarray(0, keyBytes)), ...plain, out);
    expect(words(out)).toBe(expected);
  });
});

describe('AES-GCM', () => {
  test('gives ciphertext and tag of case 4 of the GCM specification', () => {
    const key = gcmKeyOf(fromHex('feffe9928665731c6d6a8f9467308308'));
    const nonce = [0xcafebabe, 0xfacedbad, 0xdecaf888] as const;
    const aad = fromHex('feedfacedeadbeeffeedfacedeadbeefabaddad2');
    const plain = fromHex(
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
        '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    );
    const bytes = new Uint8Array(aad.length + plain.length);
    bytes.set(aad);
    bytes.set(plain, aad.length);
    const tag = new Int32Array(4);
    cryptGcm(key, ...nonce, bytes, aad.length, bytes.length);
    tagGcm(key, ...nonce, bytes, 0, aad.length, aad.length, bytes.length, tag);
    expect(Buffer.from(bytes.subarray(aad.length)).toString('hex')).toBe(
      '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e' +
        '21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091',
    );
    expect(words(tag)).toBe('5bc94fbc3221a5db94fae95ae7121a47');
  });

  test('equals another implementation at every length up to 100 bytes', () => {
    const prng = makePrng(1, 'aes-gcm');
    const random = (count: number): Uint8Array =>
      Uint8Array.from({ length: count }, () => nextBelow(prng, 256));
    for (let length = 0; length <= 100; length++) {
      const key = random(16);
      const nonce = random(12);
      const bytes = random(8 + length);
      const cipher = createCipheriv('aes-128-gcm', key, nonce);
      cipher.setAAD(bytes.subarray(0, 8));
      const expected = Buffer.concat([cipher.update(bytes.subarray(8)), cipher.final()]);
      const ready = gcmKeyOf(key);
      const [a, b, c] = [readInt32(nonce, 0), readInt32(nonce, 4), readInt32(nonce, 8)];
      const tag = new Int32Array(4);
      cryptGcm(ready, a, b, c, bytes, 8, bytes.length);
      tagGcm(ready, a, b, c, bytes, 0, 8, 8, bytes.length, tag);
      expect(Buffer.from(bytes.subarray(8)).equals(expected)).toBe(true);
      expect(words(tag)).toBe(cipher.getAuthTag().toString('hex'));
    }
  });
});
