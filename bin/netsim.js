#!/usr/bin/env node
// The build may be missing in a fresh clone: say what to do instead of a stack trace.
import { existsSync } from 'node:fs';

const main = new URL('../dist/bundle/main.js', import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write('netsim: not built yet: run npm ci first\n');
  process.exitCode = 2;
}
