import { expect, test } from 'vitest';
import { similarNames, suggestionFor } from '../../../src/base/suggest.ts';

const NAMES = ['docker0', 'isolation', 'macvlan', 'mesh', 'mtu', 'overlay', 'routers'];

test('the nearest name comes first', () => {
  expect(similarNames('ovrlay', NAMES)[0]).toBe('overlay');
  expect(similarNames('Docker', NAMES)).toEqual(['docker0']);
  expect(similarNames('vlan', NAMES)).toContain('macvlan');
  expect(similarNames('rotuers', NAMES)).toEqual(['routers']);
});

test('a word that is like none of them gets the whole list', () => {
  expect(similarNames('xyzzy', NAMES)).toEqual([]);
  expect(suggestionFor('xyzzy', NAMES)).toBe(`there is ${NAMES.join(', ')}`);
  expect(suggestionFor('xyzzy', [])).toBe('there is none');
  expect(suggestionFor('mes', NAMES)).toContain('did you mean mesh');
});
