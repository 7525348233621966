/**
 * Seeded randomness in named streams. Each stream is its own sequence, so that a new user of
 * randomness in one corner does not change what another corner draws.
 * @source xoshiro128** 1.1 (Blackman, Vigna), seeded by splitmix32 over an FNV-1a hash of the name that
 *   starts from the mixed seed
 */
export interface Prng {
  readonly name: string;
  readonly state: Int32Array;
}

/** 2^32 divided by the golden ratio. */
const GOLDEN = 0x9e3779b9;

/** One step of splitmix32: spreads every bit of `word` over all 32. */
function mix(word: number): number {
  const next = (word + GOLDEN) | 0;
  let z = Math.imul(next ^ (next >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return z ^ (z >>> 16);
}

/** The stream `name` of the run with this seed (an integer). */
export function makePrng(seed: number, name: string): Prng {
  // The seed is mixed before the name: neighbouring seeds must not differ by a letter of a name.
  let hash = mix(0x811c9dc5 ^ (seed | 0));
  hash = mix(hash ^ Math.floor(seed / 0x100000000));
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  const state = new Int32Array(4);
  for (let i = 0; i < 4; i++) state[i] = mix(hash + Math.imul(i, GOLDEN));
  state[0] = (state[0] as number) | 1;
  return { name, state };
}

/** The next 32 random bits as a signed int32. */
export function nextInt32(prng: Prng): number {
  const s = prng.state;
  const s0 = s[0] as number;
  const s1 = s[1] as number;
  const s2 = s[2] as number;
  const s3 = s[3] as number;
  const x = Math.imul(s1, 5);
  const result = Math.imul((x << 7) | (x >>> 25), 9);
  const t2 = s2 ^ s0;
  const t3 = s3 ^ s1;
  s[1] = s1 ^ t2;
  s[0] = s0 ^ t3;
  s[2] = t2 ^ (s1 << 9);
  s[3] = (t3 << 11) | (t3 >>> 21);
  return result;
}

/** A random integer in [0, bound), 1 <= bound <= 2^31. */
export function nextBelow(prng: Prng, bound: number): number {
  return Math.floor(((nextInt32(prng) >>> 0) / 0x100000000) * bound);
}

/** A random number in [0, 1). */
export function nextUnit(prng: Prng): number {
  return (nextInt32(prng) >>> 0) / 0x100000000;
}
