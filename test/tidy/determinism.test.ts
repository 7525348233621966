// A run depends on its topology and its seed alone: src/ reads no clock, no chance and no machine,
// except src/cli. Biome watches the globals; this test watches what Biome cannot name.
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';

const SRC = join(import.meta.dirname, '../../src');

const FORBIDDEN = [
  { what: 'Math.random', pattern: /\bMath\s*\.\s*random\b/ },
  { what: 'crypto', pattern: /\b(?:globalThis\s*\.\s*)?crypto\s*\.\s*(?:getRandomValues|random)/ },
  { what: 'Date.now', pattern: /\bDate\s*\.\s*now\b/ },
  { what: 'Date()', pattern: /\bDate\s*\(/ },
  { what: 'performance.now', pattern: /\bperformance\s*\.\s*now\b/ },
  { what: 'a node: module', pattern: /['"`]node:/ },
] as const;

const VAGUE_NAMES = /^(?:utils?|helpers?|common|types?|misc)\.ts$/;

/** Removes comments. Strings stay, so that `from 'node:fs'` is seen (and `'//'` may hide a rest). */
const withoutComments = (text: string): string =>
  text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(?<=^|\s)\/\/.*$/gm, '');

const offencesIn = (text: string): string[] =>
  FORBIDDEN.filter(({ pattern }) => pattern.test(withoutComments(text))).map(({ what }) => what);

async function sourcePaths(): Promise<string[]> {
  const paths = await readdir(SRC, { recursive: true });
  return paths.filter((path) => path.endsWith('.ts')).sort();
}

test('the search finds what it looks for, and nothing in comments', () => {
  expect(offencesIn('const x = Math.random();')).toEqual(['Math.random']);
  expect(offencesIn('crypto.getRandomValues(bytes);')).toEqual(['crypto']);
  expect(offencesIn('const t = Date.now();')).toEqual(['Date.now']);
  expect(offencesIn('const t = new Date();')).toEqual(['Date()']);
  expect(offencesIn('const t = performance.now();')).toEqual(['performance.now']);
  expect(offencesIn("import { join } from 'node:path';")).toEqual(['a node: module']);
  expect(offencesIn('// not Math.random\n/* nor\n * Date.now() */ const updateDate = 1;')).toEqual(
    [],
  );
});

test('no file outside src/cli reads a clock, chance or Node', async () => {
  const paths = await sourcePaths();
  expect(paths.length).toBeGreaterThan(0);
  const offences: string[] = [];
  for (const path of paths.filter((each) => !each.startsWith('cli/'))) {
    const text = await readFile(join(SRC, path), 'utf8');
    offences.push(...offencesIn(text).map((what) => `src/${path} uses ${what}`));
  }
  expect(offences).toEqual([]);
});

test('no file has a name that says nothing', async () => {
  const paths = await sourcePaths();
  expect(paths.filter((path) => VAGUE_NAMES.test(basename(path)))).toEqual([]);
});
