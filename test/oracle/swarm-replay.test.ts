// The commands of labs on real swarms run in netsim; every output and every frame is compared with the
// recording. See test/fixtures/docker/README.md; npx tsx test/support/replay-swarm.ts LAB shows what differs.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { compareFrames } from '../support/replay-frames.ts';
import {
  differenceOf,
  folderOf,
  reasonsOf,
  recordingOf,
  replaySwarm,
  type SwarmReplay,
  verdictTable,
} from '../support/replay-swarm.ts';

/** Share of the commands, and of the frames of all windows, that must be as recorded. */
const LABS = [
  { name: 'L2', commands: 0.95, frames: 0.98 },
  { name: 'L2-attach', commands: 0.9, frames: 1 },
  { name: 'L2-overlap', commands: 0.95, frames: null },
  { name: 'L3', commands: 0.95, frames: 1 },
  { name: 'L2-docker20', commands: 0.9, frames: 0.9 },
] as const;

for (const { name, commands, frames } of LABS) {
  describe(name, () => {
    let run: SwarmReplay;
    beforeAll(async () => {
      run = await replaySwarm(recordingOf(name));
    }, 180_000);

    test('the commands are answered as recorded', () => {
      const { results } = run;
      const reasons = reasonsOf(name);
      console.log(verdictTable(results, reasons));
      const unexplained = results.filter(
        ({ isEqual, command }) => !isEqual && !reasons.has(command.seq),
      );
      expect(unexplained.map(differenceOf).join('\n')).toBe('');
      const equal = results.filter(({ isEqual }) => isEqual).length;
      expect(equal / results.length).toBeGreaterThanOrEqual(commands);
    });

    test.skipIf(frames === null)('the frames are those recorded', () => {
      let [equal, total] = [0, 0];
      for (const [folder, byInterface] of run.frames) {
        // Not every window a lab opened has kept its captures.
        if (!existsSync(join(folderOf(name), folder))) continue;
        const rows = compareFrames(join(folderOf(name), folder), byInterface, run.ids);
        const sum = (of: 'equal' | 'total'): number => rows.reduce((all, row) => all + row[of], 0);
        console.log(`${name} ${folder}: frames equal ${sum('equal')} of ${sum('total')}`);
        equal += sum('equal');
        total += sum('total');
      }
      expect(equal / total).toBeGreaterThanOrEqual(frames ?? 0);
    });
  });
}
