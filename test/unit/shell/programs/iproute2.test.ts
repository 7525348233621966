// ip and bridge print what the real ones printed on the same commands, byte for byte.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeLab } from '../../../support/shell.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/iproute2');

interface Case {
  readonly command: string;
  readonly recorded: string;
}

function casesOf(name: string): Case[] {
  const text = readFileSync(join(FIXTURES, `${name}.recorded`), 'utf8');
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const at = part.indexOf('\n');
      return { command: part.slice(0, at), recorded: part.slice(at + 1) };
    });
}

/** Commands whose output may come in another order: FDB tables come in the order of their hashes. */
const UNORDERED = /^bridge .*fdb/;

/** Commands that differ on purpose, with the reason. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'bridge -j fdb show dev vx0': 'one line, with the entries in the order of their hashes',
};

const sorted = (text: string): string => text.split('\n').sort().join('\n');

describe.each(['link', 'addr', 'route', 'neigh', 'bridge', 'net-tools', 'xfrm'])(
  'recorded %s commands',
  (name) => {
    test('print the same', async () => {
      const lab = await makeLab();
      const expected: string[] = [];
      const actual: string[] = [];
      for (const { command, recorded } of casesOf(name)) {
        const { output, exitCode } = await lab.run(command);
        const whole = output + (exitCode === 0 ? '' : `exit ${exitCode}\n`);
        const isEqual = UNORDERED.test(command)
          ? sorted(whole) === sorted(recorded)
          : whole === recorded;
        if (isEqual || command in DIFFERENT) continue;
        expected.push(`$ ${command}\n${recorded}`);
        actual.push(`$ ${command}\n${whole}`);
      }
      expect(actual.join('')).toBe(expected.join(''));
    });
  },
);
