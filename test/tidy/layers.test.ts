// The layer rules of .dependency-cruiser.cjs hold in src/, and each of them barks when broken.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const CRUISER = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
const CONFIG = join(ROOT, '.dependency-cruiser.cjs');

interface Verdict {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
    }[];
  };
}

function cruise(folder: string): Promise<Verdict> {
  const args = [CRUISER, '--config', CONFIG, '--output-type', 'json', 'src'];
  const options = { cwd: folder, maxBuffer: 256 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    // The exit code counts violations, so only the output says whether the tool itself failed.
    execFile(process.execPath, args, options, (_error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout) as Verdict); // trusted: the tool's own report
      } catch {
        reject(new Error(`dependency-cruiser gave no report: ${stderr}`));
      }
    });
  });
}

const folders: string[] = [];

afterAll(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** Cruises a project of the given files and returns the names of the rules that were broken. */
async function rulesBrokenBy(files: Readonly<Record<string, string>>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'netsim-layers-'));
  folders.push(folder);
  const project = {
    'package.json': '{"type":"module","dependencies":{"parcel":"1.0.0"}}',
    'node_modules/parcel/package.json': '{"name":"parcel","version":"1.0.0","main":"parcel.js"}',
    'node_modules/parcel/parcel.js': 'module.exports = 1;\n',
    ...files,
  };
  for (const [path, text] of Object.entries(project)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const verdict = await cruise(folder);
  return [...new Set(verdict.summary.violations.map((violation) => violation.rule.name))].sort();
}

describe('the layers of src/', () => {
  test('are kept, and every file was looked at', async () => {
    const verdict = await cruise(ROOT);
    expect(verdict.summary.violations).toEqual([]);

    const seen = new Set(verdict.modules.map((module) => module.source));
    const paths = await readdir(join(ROOT, 'src'), { recursive: true });
    const sources = paths.filter((path) => path.endsWith('.ts')).map((path) => `src/${path}`);
    expect(sources.length).toBeGreaterThan(0);
    expect(sources.filter((path) => !seen.has(path))).toEqual([]);
  });
});

describe.concurrent('dependency-cruiser', () => {
  test('accepts that a layer imports itself and a lower one', async () => {
    const rules = await rulesBrokenBy({
      'src/base/a.ts': 'export const a = 1;\n',
      'src/stack/b.ts': "import { a } from '../base/a.ts';\nexport const b = a;\n",
      'src/stack/c.ts': "import { b } from './b.ts';\nexport const c = b;\n",
      'src/docker/d.ts': "import parcel from 'parcel';\nexport const d = parcel;\n",
      'src/cli/e.ts': "import { join } from 'node:path';\nexport const e = join;\n",
    });
    expect(rules).toEqual([]);
  });

  test('reports a layer that imports a higher one', async () => {
    const rules = await rulesBrokenBy({
      'src/devices/a.ts': "import { b } from '../stack/b.ts';\nexport const a = b;\n",
      'src/stack/b.ts': 'export const b = 1;\n',
    });
    expect(rules).toEqual(['layer-devices']);
  });

  test('reports a layer that imports only a type of a higher one', async () => {
    const rules = await rulesBrokenBy({
      'src/base/a.ts': "import type { B } from '../world/b.ts';\nexport const a: B = 1;\n",
      'src/world/b.ts': 'export type B = number;\n',
    });
    expect(rules).toEqual(['layer-base']);
  });

  test('reports siblings that know each other', async () => {
    const rules = await rulesBrokenBy({
      'src/docker/a.ts': "import { b } from '../swarm/b.ts';\nexport const a = b;\n",
      'src/swarm/b.ts': 'export const b = 1;\n',
    });
    expect(rules).toEqual(['layer-docker']);
  });

  test('reports a folder that is no layer', async () => {
    const rules = await rulesBrokenBy({
      'src/cli/a.ts': "import { b } from '../misc/b.ts';\nexport const a = b;\n",
      'src/misc/b.ts': 'export const b = 1;\n',
    });
    expect(rules).toEqual(['known-layer', 'layer-cli']);
  });

  test('reports a circle of files, but not one that only a type closes', async () => {
    const a = "import { b } from './b.ts';\nexport type A = number;\nexport const a = b;\n";
    const circle = await rulesBrokenBy({
      'src/base/a.ts': a,
      'src/base/b.ts': "import { a } from './a.ts';\nexport const b = () => a;\n",
    });
    expect(circle).toEqual(['no-cycle']);
    const closedByType = await rulesBrokenBy({
      'src/base/a.ts': a,
      'src/base/b.ts': "import type { A } from './a.ts';\nexport const b: A = 1;\n",
    });
    expect(closedByType).toEqual([]);
  });

  test('reports a file outside src/cli that uses Node', async () => {
    const rules = await rulesBrokenBy({
      'src/shell/a.ts': "import { join } from 'node:path';\nexport const a = join;\n",
    });
    expect(rules).toEqual(['node-in-cli-only']);
  });

  test("reports a package on a packet's way", async () => {
    const rules = await rulesBrokenBy({
      'src/netfilter/a.ts': "import parcel from 'parcel';\nexport const a = parcel;\n",
    });
    expect(rules).toEqual(['no-packages-below-world']);
  });

  test('reports an import of a file that does not exist', async () => {
    const rules = await rulesBrokenBy({
      'src/base/a.ts': "import { b } from './b.ts';\nexport const a = b;\n",
    });
    expect(rules).toContain('resolvable');
  });
});
