/**
 * The secrets of a cluster: join tokens and the unlock key.
 * @source swarmkit ca/config.go GenerateJoinToken(), ParseJoinToken(); manager/encryption/encryption.go
 */
import { nextBelow } from '../../base/prng.ts';
import { type Simulator, streamOf } from '../../engine/simulator.ts';

const BASE36 = '0123456789abcdefghijklmnopqrstuvwxyz';
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const DIGEST_DIGITS = 50;
const SECRET_DIGITS = 25;
/** A key of 32 bytes in base 64 without padding. */
const KEY_DIGITS = 43;

/** The digest of the certificate authority: 256 bits to the base 36. */
export function makeCaDigest(sim: Simulator): string {
  return digits(sim, BASE36, 1, 6) + digits(sim, BASE36, DIGEST_DIGITS - 1);
}

/** A token with a new secret: 128 bits to the base 36. */
export function makeJoinToken(sim: Simulator, caDigest: string): string {
  const secret = digits(sim, BASE36, 1, 15) + digits(sim, BASE36, SECRET_DIGITS - 1);
  return `SWMTKN-1-${caDigest}-${secret}`;
}

/** The digest in a token; null if it is none. */
export function digestOfToken(token: string): string | null {
  return /^SWMTKN-1-([0-9a-z]{50})-[0-9a-z]{25}$/.exec(token)?.[1] ?? null;
}

/** The digest as hexadecimal text, as errors name it. */
export function hexOfDigest(digest: string): string {
  const bytes = new Uint8Array(32);
  for (const digit of digest) {
    let carry = BASE36.indexOf(digit);
    for (let i = bytes.length - 1; i >= 0; i--) {
      const value = bytes[i]! * 36 + carry;
      bytes[i] = value & 0xff;
      carry = value >>> 8;
    }
  }
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function makeUnlockKey(sim: Simulator): string {
  return `SWMKEY-1-${digits(sim, BASE64, KEY_DIGITS - 1)}${digits(sim, 'AEIMQUYcgkosw048', 1)}`;
}

/** Whether a text has the form of an unlock key. */
export function isUnlockKey(text: string): boolean {
  return /^SWMKEY-1-[A-Za-z0-9+/]{43}$/.test(text);
}

function digits(sim: Simulator, alphabet: string, count: number, below = alphabet.length): string {
  const stream = streamOf(sim, 'swarm/secrets');
  let text = '';
  for (let i = 0; i < count; i++) text += alphabet[nextBelow(stream, below)]!;
  return text;
}
