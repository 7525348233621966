/** Bundles the program of the page into dist/viz, from where `netsim play` puts it into pages. */
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const here = import.meta.dirname;
const target = join(here, '../dist/viz');

await mkdir(target, { recursive: true });
await build({
  entryPoints: [join(here, 'page/main.ts')],
  outfile: join(target, 'page.js'),
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'none',
});
await copyFile(join(here, 'page/style.css'), join(target, 'page.css'));
