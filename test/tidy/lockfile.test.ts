// The lock works on every platform and names no registry: `npm ci` refuses a lock in which the
// entry of an optional platform binary is missing, and some releases of native tools lack one.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

interface LockEntry {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly resolved?: string;
}

async function lockEntries(): Promise<Map<string, LockEntry>> {
  const text = await readFile(join(ROOT, 'package-lock.json'), 'utf8');
  const lock = JSON.parse(text) as { packages: Record<string, LockEntry> }; // written by npm
  return new Map(Object.entries(lock.packages));
}

/** Whether Node, asked from the package at `path`, would find `name` in the locked tree. */
function isLocked(entries: ReadonlyMap<string, LockEntry>, path: string, name: string): boolean {
  let folder = path;
  while (folder !== '') {
    if (entries.has(`${folder}/node_modules/${name}`)) return true;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')));
  }
  return entries.has(`node_modules/${name}`);
}

test('every optional dependency has an entry in the lock', async () => {
  const entries = await lockEntries();
  const missing: string[] = [];
  let count = 0;
  for (const [path, entry] of entries) {
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      count += 1;
      if (!isLocked(entries, path, name)) missing.push(`${path} needs ${name}`);
    }
  }
  expect(count).toBeGreaterThan(0);
  expect(missing).toEqual([]);
});

test('the lock names no registry', async () => {
  const entries = await lockEntries();
  const resolved = [...entries].filter(([, entry]) => entry.resolved !== undefined);
  expect(resolved.map(([path]) => path)).toEqual([]);
});
