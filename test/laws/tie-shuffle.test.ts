// Law 3: what happens does not depend on the order of events of one and the same nanosecond, nor on that
// of timers which the kernel's wheel fires in one tick. Times do, by what the other one costs.
import { describe, expect, test } from 'vitest';
import { outputLines } from '../support/compare-frames.ts';
import {
  linesByInterface,
  type RecordedRun,
  runRecorded,
  twinText,
} from '../support/run-recorded.ts';

const SEEDS = [1, 2, 3];

/** Each interface's frames, sorted. */
function framesOf(run: RecordedRun): Record<string, string[]> {
  return Object.fromEntries(
    [...linesByInterface(run)].map(([name, lines]) => [name, lines.sort()]),
  );
}

const timesOf = ({ capture }: RecordedRun): string =>
  capture.interfaces.map(({ frames }) => frames.map(({ timeNs }) => timeNs)).join('|');

/** Runs whose times differed: so something was shuffled. */
let shuffles = 0;

describe('with equal times in random order', () => {
  for (const name of ['t1-docker0-ping', 't3-port-map', 't5-routers-ttl', 't7-mesh-by-hand']) {
    test(`${name} prints the same and sends the same frames`, async () => {
      const text = twinText(name);
      for (const seed of SEEDS) {
        const plain = await runRecorded(text, { seed });
        const shuffled = await runRecorded(text, { seed, shuffleTies: true });
        expect(shuffled.exitCode).toBe(plain.exitCode);
        expect(outputLines(shuffled.output), `seed ${seed}`).toEqual(outputLines(plain.output));
        expect(framesOf(shuffled), `seed ${seed}`).toEqual(framesOf(plain));
        if (timesOf(shuffled) !== timesOf(plain)) shuffles++;
      }
    });
  }
  test('the scripts had something to shuffle', () => expect(shuffles).toBeGreaterThan(0));
});
