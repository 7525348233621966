/**
 * What ESP costs: sealing and opening a full packet, as a multiple of summing up its bytes once.
 *
 *     npx tsx bench/esp.ts
 */
import { addToSum, makeViewedBytes } from '../src/protocols/checksum.ts';
import { makeGcmCipher, openEsp, sealEsp } from '../src/protocols/esp.ts';

const ESP = 100;
const PAYLOAD = ESP + 16;
/** What Docker's MTU of 1424 leaves: 1450 bytes of inner packet, VXLAN, UDP. */
const PAYLOAD_BYTES = 1454;
const ROUNDS = 25;
const PACKETS = 1000;

const cipher = makeGcmCipher(new Uint8Array(20), 8, 1, 2);
const bytes = makeViewedBytes(2048);

/** Microseconds of one call, the best of all rounds. */
function bestUs(act: (sequence: number) => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = performance.now();
    for (let i = 1; i <= PACKETS; i++) act(i);
    best = Math.min(best, ((performance.now() - before) * 1000) / PACKETS);
  }
  return best;
}

const seal = (sequence: number): number =>
  sealEsp(cipher, bytes, ESP, PAYLOAD, PAYLOAD + PAYLOAD_BYTES, 0x100, sequence, 17);

const sumUs = bestUs(() => void addToSum(0, bytes, PAYLOAD, PAYLOAD + PAYLOAD_BYTES));
const sealUs = bestUs((sequence) => void seal(sequence));
const bothUs = bestUs((sequence) => void openEsp(cipher, bytes, ESP, seal(sequence)));

console.log(`checksum   ${sumUs.toFixed(2)} us`);
console.log(`seal       ${sealUs.toFixed(1)} us, ${(sealUs / sumUs).toFixed(0)} checksums`);
console.log(`seal, open ${bothUs.toFixed(1)} us, ${(bothUs / sumUs).toFixed(0)} checksums`);
