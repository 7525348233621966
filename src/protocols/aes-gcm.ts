/**
 * AES in Galois/Counter mode, in place and without allocation per packet.
 * @source NIST SP 800-38D
 */
import { encryptAesBlock, expandAesKey } from './aes.ts';
import { readInt32, writeInt32 } from './bytes.ts';
import type { ViewedBytes } from './checksum.ts';

/** A key ready for use: round keys, and products with the hash key. */
export interface GcmKey {
  readonly rounds: Int32Array;
  /**
   * For each of the 16 bytes of a block and each of its 256 values, its product with the hash key: four
   * words. 64 KiB, so that a block costs 16 look-ups and no shifts.
   */
  readonly products: Int32Array;
}

/** Keys that are in use: a cluster's nodes share one, and its 64 KiB. */
const KEYS_MAX = 64;
const keysByText = new Map<string, GcmKey>();

/** The key of 16, 24 or 32 bytes. */
export function gcmKeyOf(key: Uint8Array): GcmKey {
  const text = key.join();
  const known = keysByText.get(text);
  if (known !== undefined) return known;
  const rounds = expandAesKey(key);
  const made: GcmKey = { rounds, products: makeProducts(rounds) };
  if (keysByText.size >= KEYS_MAX) keysByText.clear();
  keysByText.set(text, made);
  return made;
}

const block = new Int32Array(4);

/** Bit 0 of a block is the highest bit of its first byte, and x^0. */
function makeProducts(rounds: Int32Array): Int32Array {
  encryptAesBlock(rounds, 0, 0, 0, 0, block);
  const products = new Int32Array(16 * 256 * 4);
  let [a, b, c, d] = [block[0]!, block[1]!, block[2]!, block[3]!];
  for (let bit = 0; bit < 128; bit++) {
    const at = ((bit >> 3) * 256 + (0x80 >> (bit & 7))) * 4;
    products[at] = a;
    products[at + 1] = b;
    products[at + 2] = c;
    products[at + 3] = d;
    const carry = (d & 1) === 0 ? 0 : 0xe1000000;
    d = (d >>> 1) | (c << 31);
    c = (c >>> 1) | (b << 31);
    b = (b >>> 1) | (a << 31);
    a = (a >>> 1) ^ carry;
  }
  for (let place = 0; place < 16; place++) {
    for (let value = 1; value < 256; value++) {
      const lowest = value & -value;
      if (lowest === value) continue;
      const at = (place * 256 + value) * 4;
      const one = (place * 256 + lowest) * 4;
      const rest = (place * 256 + (value ^ lowest)) * 4;
      for (let i = 0; i < 4; i++) products[at + i] = products[one + i]! ^ products[rest + i]!;
    }
  }
  return products;
}

/** What the hash has come to so far. */
const sum = new Int32Array(4);

/** Multiplies the sum, with a block added, by the hash key. */
function addBlock(products: Int32Array, a: number, b: number, c: number, d: number): void {
  let word = sum[0]! ^ a;
  let i = (word >>> 24) << 2;
  let j = 1024 | (((word >>> 16) & 255) << 2);
  let k = 2048 | (((word >>> 8) & 255) << 2);
  let l = 3072 | ((word & 255) << 2);
  let w = products[i]! ^ products[j]! ^ products[k]! ^ products[l]!;
  let x = products[i + 1]! ^ products[j + 1]! ^ products[k + 1]! ^ products[l + 1]!;
  let y = products[i + 2]! ^ products[j + 2]! ^ products[k + 2]! ^ products[l + 2]!;
  let z = products[i + 3]! ^ products[j + 3]! ^ products[k + 3]! ^ products[l + 3]!;
  word = sum[1]! ^ b;
  for (let base = 4096; base < 16384; base += 4096) {
    i = base | ((word >>> 24) << 2);
    j = base | 1024 | (((word >>> 16) & 255) << 2);
    k = base | 2048 | (((word >>> 8) & 255) << 2);
    l = base | 3072 | ((word & 255) << 2);
    w ^= products[i]! ^ products[j]! ^ products[k]! ^ products[l]!;
    x ^= products[i + 1]! ^ products[j + 1]! ^ products[k + 1]! ^ products[l + 1]!;
    y ^= products[i + 2]! ^ products[j + 2]! ^ products[k + 2]! ^ products[l + 2]!;
    z ^= products[i + 3]! ^ products[j + 3]! ^ products[k + 3]! ^ products[l + 3]!;
    word = base === 4096 ? sum[2]! ^ c : sum[3]! ^ d;
  }
  sum[0] = w;
  sum[1] = x;
  sum[2] = y;
  sum[3] = z;
}

/** Adds bytes[start, end), filled up with zeros to whole blocks. */
function addBytes(products: Int32Array, bytes: ViewedBytes, start: number, end: number): void {
  const { view } = bytes;
  let at = start;
  for (; at + 16 <= end; at += 16) {
    if (view === undefined) {
      const a = readInt32(bytes, at);
      const b = readInt32(bytes, at + 4);
      addBlock(products, a, b, readInt32(bytes, at + 8), readInt32(bytes, at + 12));
    } else {
      const a = view.getInt32(at);
      const b = view.getInt32(at + 4);
      addBlock(products, a, b, view.getInt32(at + 8), view.getInt32(at + 12));
    }
  }
  if (at === end) return;
  block[0] = 0;
  block[1] = 0;
  block[2] = 0;
  block[3] = 0;
  for (let i = 0; at + i < end; i++) {
    block[i >> 2] = block[i >> 2]! | (bytes[at + i]! << (24 - ((i & 3) << 3)));
  }
  addBlock(products, block[0], block[1], block[2], block[3]);
}

/**
 * Encrypts or decrypts bytes[start, end) in place by the counter mode.
 * @param a b c the nonce of 12 bytes.
 */
export function cryptGcm(
  key: GcmKey,
  a: number,
  b: number,
  c: number,
  bytes: ViewedBytes,
  start: number,
  end: number,
): void {
  const { rounds } = key;
  const { view } = bytes;
  let counter = 2;
  let at = start;
  if (view === undefined) {
    for (; at + 16 <= end; at += 16) {
      encryptAesBlock(rounds, a, b, c, counter++, block);
      for (let i = 0; i < 4; i++) {
        writeInt32(bytes, at + 4 * i, readInt32(bytes, at + 4 * i) ^ block[i]!);
      }
    }
  } else {
    for (; at + 16 <= end; at += 16) {
      encryptAesBlock(rounds, a, b, c, counter++, block);
      view.setInt32(at, view.getInt32(at) ^ block[0]!);
      view.setInt32(at + 4, view.getInt32(at + 4) ^ block[1]!);
      view.setInt32(at + 8, view.getInt32(at + 8) ^ block[2]!);
      view.setInt32(at + 12, view.getInt32(at + 12) ^ block[3]!);
    }
  }
  if (at === end) return;
  encryptAesBlock(rounds, a, b, c, counter, block);
  for (let i = 0; at + i < end; i++) {
    bytes[at + i] = bytes[at + i]! ^ (block[i >> 2]! >>> (24 - ((i & 3) << 3)));
  }
}

/**
 * The authentication tag of the ciphertext bytes[start, end) with the plain bytes[aadStart, aadEnd):
 * four words into `tag`.
 */
export function tagGcm(
  key: GcmKey,
  a: number,
  b: number,
  c: number,
  bytes: Uint8Array,
  aadStart: number,
  aadEnd: number,
  start: number,
  end: number,
  tag: Int32Array,
): void {
  const { products, rounds } = key;
  sum[0] = 0;
  sum[1] = 0;
  sum[2] = 0;
  sum[3] = 0;
  addBytes(products, bytes, aadStart, aadEnd);
  addBytes(products, bytes, start, end);
  addBlock(products, 0, (aadEnd - aadStart) << 3, 0, (end - start) << 3);
  encryptAesBlock(rounds, a, b, c, 1, block);
  tag[0] = sum[0] ^ block[0]!;
  tag[1] = sum[1] ^ block[1]!;
  tag[2] = sum[2] ^ block[2]!;
  tag[3] = sum[3] ^ block[3]!;
}
