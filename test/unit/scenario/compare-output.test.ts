import { describe, expect, test } from 'vitest';
import { compareOutput } from '../../../src/scenario/compare-output.ts';

describe('compareOutput', () => {
  test.each([
    ['the same', 'a\nb', 'a\nb\n'],
    ['a gap of lines', 'a\n...\nd', 'a\nb\nc\nd\n'],
    ['a gap of nothing', 'a\n...', 'a\n'],
    ['words left out', 'from ... port 80', 'from 10.0.0.1 port 80'],
    ['two gaps', '...\nb\n...\nd', 'a\nb\nc\nb\nd'],
  ])('agrees on %s', (_what, expected, found) => {
    expect(compareOutput(expected, found)).toBeNull();
  });

  test.each([
    ['another line', 'a\nb', 'a\nc', { expected: 'b', found: 'c' }],
    ['one too many', 'a', 'a\nb', { expected: null, found: 'b' }],
    ['one too few', 'a\nb', 'a', { expected: 'b', found: null }],
    ['nothing expected', '', 'a', { expected: null, found: 'a' }],
    ['a gap without its end', '...\nz', 'a\nb', { expected: 'z', found: null }],
  ])('finds %s', (_what, expected, found, difference) => {
    expect(compareOutput(expected, found)).toEqual(difference);
  });
});
