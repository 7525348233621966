import { expect, test } from 'vitest';
import { getopt } from '../../../src/shell/getopt.ts';

const spec = { short: 'c:nq', long: { count: 'c:', numeric: 'n', number: 'x:' } };

test('values stand apart or close, letters may be joined, operands anywhere', () => {
  const read = getopt(['-c5', 'host', '-nq', '-c', '6', '--', '-n'], spec);
  expect(read.error).toBeNull();
  expect(read.options).toEqual([
    { name: 'c', value: '5' },
    { name: 'n', value: '' },
    { name: 'q', value: '' },
    { name: 'c', value: '6' },
  ]);
  expect(read.operands).toEqual(['host', '-n']);
});

test('long options take a value after = or in the next word, and may be cut short', () => {
  expect(getopt(['--count=3', '--cou', '4', '--nume'], spec).options).toEqual([
    { name: 'c', value: '3' },
    { name: 'c', value: '4' },
    { name: 'n', value: '' },
  ]);
});

test('mistakes are worded as GNU words them', () => {
  expect(getopt(['-z'], spec).error).toBe("invalid option -- 'z'");
  expect(getopt(['-c'], spec).error).toBe("option requires an argument -- 'c'");
  expect(getopt(['--zebra'], spec).error).toBe("unrecognized option '--zebra'");
  expect(getopt(['--num'], spec).error).toContain('is ambiguous');
  expect(getopt(['--count'], spec).error).toBe("option '--count' requires an argument");
  expect(getopt(['--numeric=1'], spec).error).toBe("option '--numeric' doesn't allow an argument");
});
