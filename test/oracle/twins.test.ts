// The same scripts that ran on a real kernel run in netsim, and every frame of every interface is
// compared with the recording, field by field. See test/fixtures/twin/README.md.

import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readPcap } from '../../src/observe/pcap.ts';
import { netsim } from '../support/cli.ts';
import {
  compareLines,
  explainDifference,
  frameLines,
  outputLines,
} from '../support/compare-frames.ts';
import { RECORDED_FOLDER, TWIN_FOLDER, twinNames } from '../support/recorded.ts';

/** Share of all frames of a script that must be equal. */
const EQUAL_MIN = 0.98;

const OUT = mkdtempSync(join(tmpdir(), 'netsim-twins-'));
afterAll(() => rmSync(OUT, { recursive: true }));

interface Meta {
  readonly directions: Readonly<Record<string, string>>;
  readonly partial_checksums: readonly string[];
}

async function framesOf(folder: string, file: string): Promise<Uint8Array[]> {
  const bytes = await readFile(join(folder, file)).catch(() => null);
  return bytes === null ? [] : readPcap(bytes).frames.map((frame) => frame.bytes);
}

interface Table {
  readonly rows: readonly string[];
  readonly equal: number;
  readonly total: number;
}

async function compareFolders(recorded: string, mine: string): Promise<Table> {
  const meta = await readMeta(recorded);
  const own = await readMeta(mine);
  const options = { isPartial: meta.partial_checksums.length > 0 };
  const names = [...(await readdir(recorded)), ...(await readdir(mine))];
  const files = [...new Set(names.filter((name) => name.endsWith('.pcap')))].sort();
  const rows: string[] = [];
  let equal = 0;
  let total = 0;
  for (const file of files.filter((name) => !name.endsWith('.lo.pcap'))) {
    const [theirs, ours] = [await framesOf(recorded, file), await framesOf(mine, file)];
    const a = frameLines(theirs, meta.directions[file] ?? '', options);
    const b = frameLines(ours, own.directions[file] ?? '', options);
    const comparison = compareLines(a, b);
    equal += comparison.equalCount;
    total += comparison.totalCount;
    const note = explainDifference(a, b);
    rows.push(`${file.padEnd(24)} ${a.length} ${b.length} ${comparison.equalCount} ${note}`);
  }
  return { rows, equal, total };
}

async function readMeta(folder: string): Promise<Meta> {
  return JSON.parse(await readFile(join(folder, 'meta.json'), 'utf8')) as Meta; // both are ours
}

describe('a script that ran on a real kernel', async () => {
  for (const name of await twinNames()) {
    test(`${name} gives the same frames and the same output`, async () => {
      const out = join(OUT, name);
      const recorded = join(RECORDED_FOLDER, name);
      const script = join(TWIN_FOLDER, `${name}.sh`);
      const { stderr } = await netsim(['run', script, '--pcap', out]);
      expect(stderr).not.toContain('internal error');
      const { rows, equal, total } = await compareFolders(recorded, out);
      const table = rows.join('\n');
      console.log(`${name}: equal ${equal} of ${total} (${((100 * equal) / total).toFixed(1)} %)`);
      expect(equal / total, table).toBeGreaterThanOrEqual(EQUAL_MIN);
      const theirs = outputLines(await readFile(join(recorded, 'output.txt'), 'utf8'));
      const ours = outputLines(await readFile(join(out, 'output.txt'), 'utf8'));
      expect(ours).toEqual(theirs);
    });
  }
});
