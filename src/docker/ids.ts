/** Identifiers as Docker makes them, from the engine's random stream. */
import { nextInt32, type Prng } from '../base/prng.ts';

/** `digits` random hexadecimal digits. */
export function makeHexId(stream: Prng, digits: number): string {
  let id = '';
  while (id.length < digits) id += (nextInt32(stream) >>> 0).toString(16).padStart(8, '0');
  return id.slice(0, digits);
}

/** The id of a container, network or endpoint: 64 digits, and the first 12 are not all decimal. */
export function makeId(stream: Prng): string {
  for (;;) {
    const id = makeHexId(stream, 64);
    // A short id that is a number could be taken for a port or a size. @source moby pkg/stringid
    if (!/^\d{12}/.test(id)) return id;
  }
}

/** What tables show of an id. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
