import { expect, test } from 'vitest';
import { hasFlag, splitArguments } from '../../../src/cli/options.ts';

const VALUE_FLAGS = 'ciswWtIMQ';

test('words and flags of ping are told apart wherever they stand', () => {
  const split = (line: string) => splitArguments(line.split(' '), VALUE_FLAGS);
  expect(split('overlay c1 10.0.1.99 -c 3')).toEqual({
    words: ['overlay', 'c1', '10.0.1.99'],
    flags: ['-c', '3'],
  });
  expect(split('-c3 overlay -nq c1 -M do c2')).toEqual({
    words: ['overlay', 'c1', 'c2'],
    flags: ['-c3', '-nq', '-M', 'do'],
  });
  expect(split('overlay -nc 2 c1 c2')).toEqual({
    words: ['overlay', 'c1', 'c2'],
    flags: ['-nc', '2'],
  });
});

test('a flag is found in a cluster, and not in the value of another one', () => {
  expect(hasFlag(['-nc', '2'], 'cw', VALUE_FLAGS)).toBe(true);
  expect(hasFlag(['-c3'], 'cw', VALUE_FLAGS)).toBe(true);
  expect(hasFlag(['-I', 'wc'], 'cw', VALUE_FLAGS)).toBe(false);
  expect(hasFlag(['-Ieth0c'], 'cw', VALUE_FLAGS)).toBe(false);
  expect(hasFlag(['-n', '-q'], 'cw', VALUE_FLAGS)).toBe(false);
});
