/**
 * The AES block cipher, forward direction: all that counter modes need. Four tables of 256 words join
 * SubBytes, ShiftRows and MixColumns, so that a round of a column is four look-ups.
 * @source FIPS 197
 */
import { readInt32 } from './bytes.ts';

const SBOX = makeSbox();
/** One table a byte of a column; each is the one before it, turned by a byte. */
const T0 = new Int32Array(256);
const T1 = new Int32Array(256);
const T2 = new Int32Array(256);
const T3 = new Int32Array(256);
for (let i = 0; i < 256; i++) {
  const s = SBOX[i]!;
  const doubled = double(s);
  const word = (doubled << 24) | (s << 16) | (s << 8) | (doubled ^ s);
  T0[i] = word;
  T1[i] = (word >>> 8) | (word << 24);
  T2[i] = (word >>> 16) | (word << 16);
  T3[i] = (word >>> 24) | (word << 8);
}

function double(value: number): number {
  return ((value << 1) ^ ((value & 0x80) === 0 ? 0 : 0x1b)) & 0xff;
}

/** The S-box: the inverse in GF(2^8) and an affine map. */
function makeSbox(): Uint8Array {
  const box = new Uint8Array(256);
  let p = 1;
  let q = 1; // always the inverse of p
  do {
    p = p ^ double(p); // times 3, a generator
    q ^= q << 1; // divided by 3
    q ^= q << 2;
    q ^= q << 4;
    q &= 0xff;
    if ((q & 0x80) !== 0) q ^= 0x09;
    const rotated = q ^ turn(q, 1) ^ turn(q, 2) ^ turn(q, 3) ^ turn(q, 4);
    box[p] = rotated ^ 0x63;
  } while (p !== 1);
  box[0] = 0x63;
  return box;
}

function turn(value: number, bits: number): number {
  return ((value << bits) | (value >> (8 - bits))) & 0xff;
}

/** The round keys of a key of 16, 24 or 32 bytes, four words each. */
export function expandAesKey(key: Uint8Array): Int32Array {
  const keyWords = key.length >> 2;
  const words = new Int32Array(4 * (keyWords + 7));
  for (let i = 0; i < keyWords; i++) words[i] = readInt32(key, 4 * i);
  let round = 1;
  for (let i = keyWords; i < words.length; i++) {
    let word = words[i - 1]!;
    if (i % keyWords === 0) {
      word = substitute((word << 8) | (word >>> 24)) ^ (round << 24);
      round = double(round);
    } else if (keyWords === 8 && i % 8 === 4) {
      word = substitute(word);
    }
    words[i] = words[i - keyWords]! ^ word;
  }
  return words;
}

function substitute(word: number): number {
  return (
    (SBOX[word >>> 24]! << 24) |
    (SBOX[(word >>> 16) & 255]! << 16) |
    (SBOX[(word >>> 8) & 255]! << 8) |
    SBOX[word & 255]!
  );
}

/** Encrypts the block of four words a, b, c, d into out[0..3]. */
export function encryptAesBlock(
  keys: Int32Array,
  a: number,
  b: number,
  c: number,
  d: number,
  out: Int32Array,
): void {
  let w = a ^ keys[0]!;
  let x = b ^ keys[1]!;
  let y = c ^ keys[2]!;
  let z = d ^ keys[3]!;
  const last = keys.length - 4;
  for (let at = 4; at < last; at += 4) {
    const w1 =
      T0[w >>> 24]! ^ T1[(x >>> 16) & 255]! ^ T2[(y >>> 8) & 255]! ^ T3[z & 255]! ^ keys[at]!;
    const x1 =
      T0[x >>> 24]! ^ T1[(y >>> 16) & 255]! ^ T2[(z >>> 8) & 255]! ^ T3[w & 255]! ^ keys[at + 1]!;
    const y1 =
      T0[y >>> 24]! ^ T1[(z >>> 16) & 255]! ^ T2[(w >>> 8) & 255]! ^ T3[x & 255]! ^ keys[at + 2]!;
    z = T0[z >>> 24]! ^ T1[(w >>> 16) & 255]! ^ T2[(x >>> 8) & 255]! ^ T3[y & 255]! ^ keys[at + 3]!;
    w = w1;
    x = x1;
    y = y1;
  }
  out[0] = finalWord(w, x, y, z) ^ keys[last]!;
  out[1] = finalWord(x, y, z, w) ^ keys[last + 1]!;
  out[2] = finalWord(y, z, w, x) ^ keys[last + 2]!;
  out[3] = finalWord(z, w, x, y) ^ keys[last + 3]!;
}

function finalWord(a: number, b: number, c: number, d: number): number {
  return (
    (SBOX[a >>> 24]! << 24) |
    (SBOX[(b >>> 16) & 255]! << 16) |
    (SBOX[(c >>> 8) & 255]! << 8) |
    SBOX[d & 255]!
  );
}
