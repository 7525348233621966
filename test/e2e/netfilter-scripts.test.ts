// Scripts whose packets meet rules of all kinds print what they printed on a real kernel.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { netsim } from '../support/cli.ts';

const FOLDER = new URL('../fixtures/netfilter/', import.meta.url);
const scripts = readdirSync(FOLDER).filter((name) => name.endsWith('.recorded'));

test.each(scripts)('%s', async (name) => {
  const script = new URL(name.replace('.recorded', '.sh'), FOLDER).pathname;
  const { stdout, stderr } = await netsim(['run', script]);
  expect(stderr).toBe('');
  expect(stdout).toBe(readFileSync(new URL(name, FOLDER), 'utf8'));
});
