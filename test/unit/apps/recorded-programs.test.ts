// ping, traceroute, curl and the others print what the real ones printed in the same network.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeLab } from '../../support/shell.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/apps');

/** Times, dates and what a process picks at random. */
function normalise(text: string): string {
  return text
    .replace(/time=[\d.]+ ms/g, 'time=T')
    .replace(/ {2}[\d.]+ ms/g, '  T ms')
    .replace(/ {2}[\d.]+ms/g, '  Tms')
    .replace(/ +[\d.]+ms (?=reached|!|\n)/g, ' T ')
    .replace(/time \d+ms/g, 'time T')
    .replace(/= [\d./]+ ms/g, '= T ms')
    .replace(/ipg\/ewma [\d./]+ ms/g, 'ipg/ewma T ms')
    .replace(/after \d+ m(s|illiseconds)/g, 'after T m$1')
    .replace(/(Date|Last-Modified): .* GMT/g, '$1: D')
    .replace(/ETag: "[0-9a-f]+-/g, 'ETag: "D-')
    .replace(/--[\d-]+ [\d:]+--/g, '--D--')
    .replace(/^ {5}0K .*$/gm, '0K');
}

interface Case {
  readonly command: string;
  readonly recorded: string;
}

function cases(): Case[] {
  const text = readFileSync(join(FIXTURES, 'recorded'), 'utf8');
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const at = part.indexOf('\n');
      return { command: part.slice(0, at), recorded: part.slice(at + 1) };
    });
}

/** Commands that differ on purpose, with the reason. */
const DIFFERENT: Readonly<Record<string, string>> = {};

test('recorded commands print the same', async () => {
  const lab = await makeLab();
  const setup = await lab.run(readFileSync(join(FIXTURES, 'setup.sh'), 'utf8'));
  expect(setup).toEqual({ output: '', exitCode: 0 });
  await lab.run('sleep 1');
  const differences: string[] = [];
  for (const { command, recorded } of cases()) {
    if (command in DIFFERENT) continue;
    const { output, exitCode } = await lab.run(`ip netns exec a ${command}`);
    const got = normalise(`${output}= ${exitCode}\n`);
    if (got !== normalise(recorded)) {
      differences.push(`$ ${command}\n--- recorded\n${normalise(recorded)}--- netsim\n${got}`);
    }
  }
  expect(differences.join('\n')).toBe('');
}, 60_000);
