/** Names for containers that were given none: an adjective and a surname. */
import { nextBelow, type Prng } from '../base/prng.ts';

const ADJECTIVES =
  'agile amber ample arctic attentive bold brave bright brisk calm candid careful cheerful clever cosy curious daring dazzling eager earnest elegant fair fearless festive gentle glad graceful happy hardy honest hopeful humble jolly keen kind lively loyal lucid merry mellow modest neat nimble noble patient peaceful placid playful polite proud quick quiet radiant ready serene sharp silent sincere smart steady sturdy sunny swift tender thankful tidy tranquil trusty upbeat vivid warm wise witty zealous'.split(
    ' ',
  );

const SURNAMES =
  'abramson baran berners boggs bohr boole braun cerf clark cohen comer crocker curie davies deering diffie dijkstra engelbart erlang estrin euler faraday fermat feynman floyd gauss gilder hamming hedy hertz hinden hopper huffman huygens jacobson kahn karn kepler kleinrock kirstein landweber leiner licklider lovelace lynch maxwell metcalfe mills mockapetris morse moss nagle newton noether nyquist paxson perlman postel pouzin ramo reynolds roberts saltzer shannon stevens strowger taylor tomlinson turing vixie volta walden wilkes zimmermann'.split(
    ' ',
  );

/** A name that `isTaken` says no to. @source moby pkg/namesgenerator */
export function makeName(stream: Prng, isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const adjective = ADJECTIVES[nextBelow(stream, ADJECTIVES.length)]!;
    const surname = SURNAMES[nextBelow(stream, SURNAMES.length)]!;
    const digit = attempt < 6 ? '' : String(nextBelow(stream, 10 ** Math.min(6, attempt - 5)));
    const name = `${adjective}_${surname}${digit}`;
    if (!isTaken(name)) return name;
  }
}

/** What a container may be called. @source moby daemon/names/names.go */
export function isContainerName(name: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name);
}
