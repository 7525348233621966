// The same scripts that ran on a real kernel run in netsim, and every frame of every interface is
// compared with the recording, field by field. See test/fixtures/twin/README.md.
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { netsim } from '../support/cli.ts';
import { compareFolders } from '../support/compare-folders.ts';
import { outputLines } from '../support/compare-frames.ts';
import { RECORDED_FOLDER, TWIN_FOLDER, twinNames } from '../support/recorded.ts';

/** Share of all frames of a script that must be equal. */
const EQUAL_MIN = 0.98;

const OUT = mkdtempSync(join(tmpdir(), 'netsim-twins-'));
afterAll(() => rmSync(OUT, { recursive: true }));

describe('a script that ran on a real kernel', async () => {
  for (const name of await twinNames()) {
    const recorded = join(RECORDED_FOLDER, name);
    const out = join(OUT, name);

    test(`${name} sends the same frames`, async () => {
      const script = join(TWIN_FOLDER, `${name}.sh`);
      const { stderr } = await netsim(['run', script, '--pcap', out]);
      expect(stderr).not.toContain('internal error');
      const { rows, equal, total } = await compareFolders(recorded, out);
      const percent = ((100 * equal) / total).toFixed(1);
      console.log(`${name}: equal ${equal} of ${total} (${percent} %)`);
      expect(equal / total, rows.join('\n')).toBeGreaterThanOrEqual(EQUAL_MIN);
    });

    test(`${name} prints the same`, async () => {
      const theirs = outputLines(await readFile(join(recorded, 'output.txt'), 'utf8'));
      const ours = outputLines(await readFile(join(out, 'output.txt'), 'utf8'));
      expect(ours).toEqual(theirs);
    });
  }
});
