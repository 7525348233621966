/**
 * Bundles the command line into dist/bundle: hundreds of small files take longer to find than to run.
 * What a command loads when it is called stays a file of its own; packages stay where they are.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const outdir = join(root, 'dist/bundle');

await rm(outdir, { recursive: true, force: true });
await build({
  entryPoints: [join(root, 'src/cli/main.ts')],
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: true,
  keepNames: false,
  legalComments: 'none',
});
