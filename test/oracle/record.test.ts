// Records a twin script afresh on the kernel of this machine, where that is possible (root, namespaces),
// and compares it with netsim as the kept recordings are.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { netsim } from '../support/cli.ts';
import { compareFolders } from '../support/compare-folders.ts';
import { TWIN_FOLDER } from '../support/recorded.ts';

const SCRIPT = join(TWIN_FOLDER, 'x-overlay.sh');
const RECORDER = join(import.meta.dirname, 'record.py');
const OUT = mkdtempSync(join(tmpdir(), 'netsim-record-'));
afterAll(() => rmSync(OUT, { recursive: true }));

/** Null if it was recorded, else why it could not be. */
function record(script: string, out: string): string | null {
  try {
    execFileSync('python3', [RECORDER, script, out], { stdio: 'pipe', timeout: 120_000 });
    return null;
  } catch (error) {
    const { stderr, code } = error as { stderr?: Buffer; code?: string }; // of execFileSync
    return stderr?.toString().trim() ?? code ?? 'unknown reason';
  }
}

test('the kernel of this machine sends the frames that netsim sends', async (context) => {
  const recorded = join(OUT, 'kernel');
  const problem = record(SCRIPT, recorded);
  if (problem !== null) return context.skip(problem);
  const mine = join(OUT, 'netsim');
  await netsim(['run', SCRIPT, '--pcap', mine]);
  const { equal, total, rows } = await compareFolders(recorded, mine);
  expect(total).toBeGreaterThan(50);
  expect(equal / total, rows.join('\n')).toBeGreaterThanOrEqual(0.98);
}, 150_000);
