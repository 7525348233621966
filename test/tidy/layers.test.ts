// The layer rules of .dependency-cruiser.cjs hold in src/, and each of them barks when broken. The
// planted offences all stand in one project, since each start of the tool takes seconds.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';

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

interface Plant {
  readonly title: string;
  /** By path; no two plants share a file. */
  readonly files: Readonly<Record<string, string>>;
  /** The rules that they break. */
  readonly rules: readonly string[];
}

const PLANTS: readonly Plant[] = [
  {
    title: 'accepts that a layer imports itself and a lower one',
    files: {
      'src/base/fine.ts': 'export const a = 1;\n',
      'src/stack/fine.ts': "import { a } from '../base/fine.ts';\nexport const b = a;\n",
      'src/stack/fine-too.ts': "import { b } from './fine.ts';\nexport const c = b;\n",
      'src/docker/fine.ts': "import parcel from 'parcel';\nexport const d = parcel;\n",
      'src/cli/fine.ts': "import { join } from 'node:path';\nexport const e = join;\n",
    },
    rules: [],
  },
  {
    title: 'reports a layer that imports a higher one',
    files: {
      'src/devices/upward.ts': "import { b } from '../stack/upper.ts';\nexport const a = b;\n",
      'src/stack/upper.ts': 'export const b = 1;\n',
    },
    rules: ['layer-devices'],
  },
  {
    title: 'reports a layer that imports only a type of a higher one',
    files: {
      'src/base/typed.ts': "import type { B } from '../world/typed.ts';\nexport const a: B = 1;\n",
      'src/world/typed.ts': 'export type B = number;\n',
    },
    rules: ['layer-base'],
  },
  {
    title: 'reports siblings that know each other',
    files: {
      'src/docker/sibling.ts': "import { b } from '../swarm/sibling.ts';\nexport const a = b;\n",
      'src/swarm/sibling.ts': 'export const b = 1;\n',
    },
    rules: ['layer-docker'],
  },
  {
    title: 'reports a folder that is no layer',
    files: {
      'src/cli/stray.ts': "import { b } from '../misc/stray.ts';\nexport const a = b;\n",
      'src/misc/stray.ts': 'export const b = 1;\n',
    },
    rules: ['known-layer', 'layer-cli'],
  },
  {
    title: 'reports a circle of files',
    files: {
      'src/base/circle.ts': "import { b } from './circle-too.ts';\nexport const a = b;\n",
      'src/base/circle-too.ts': "import { a } from './circle.ts';\nexport const b = () => a;\n",
    },
    rules: ['no-cycle'],
  },
  {
    title: 'accepts a circle that only a type closes',
    files: {
      'src/base/half.ts': "import { b } from './half-too.ts';\nexport type A = typeof b;\n",
      'src/base/half-too.ts':
        "import type { A } from './half.ts';\nexport const b = (a: A) => a;\n",
    },
    rules: [],
  },
  {
    title: 'reports a file outside src/cli that uses Node',
    files: { 'src/shell/node.ts': "import { join } from 'node:path';\nexport const a = join;\n" },
    rules: ['node-in-cli-only'],
  },
  {
    title: "reports a package on a packet's way",
    files: { 'src/netfilter/pack.ts': "import parcel from 'parcel';\nexport const a = parcel;\n" },
    rules: ['no-packages-below-world'],
  },
  {
    title: 'reports an import of a file that does not exist',
    files: { 'src/base/lost.ts': "import { b } from './nowhere.ts';\nexport const a = b;\n" },
    rules: ['resolvable'],
  },
];

/** Cruises a project of the given files. */
async function cruiseProject(files: Readonly<Record<string, string>>): Promise<Verdict> {
  const folder = await mkdtemp(join(tmpdir(), 'netsim-layers-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    return await cruise(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('dependency-cruiser', () => {
  const brokenBy = new Map<string, Set<string>>();

  beforeAll(async () => {
    const files = {
      'package.json': '{"type":"module","dependencies":{"parcel":"1.0.0"}}',
      'node_modules/parcel/package.json': '{"name":"parcel","version":"1.0.0","main":"parcel.js"}',
      'node_modules/parcel/parcel.js': 'module.exports = 1;\n',
    };
    const verdict = await cruiseProject(Object.assign(files, ...PLANTS.map((each) => each.files)));
    for (const { from, rule } of verdict.summary.violations) {
      brokenBy.set(from, (brokenBy.get(from) ?? new Set()).add(rule.name));
    }
  });

  test.each(PLANTS)('$title', ({ files, rules }) => {
    const broken = Object.keys(files).flatMap((path) => [...(brokenBy.get(path) ?? [])]);
    expect([...new Set(broken)].sort()).toEqual(rules);
  });
});
