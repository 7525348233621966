// biome-ignore-all lint/suspicious/noTemplateCurlyInString: so variables look in Compose files
import { describe, expect, test } from 'vitest';
import { interpolate, parseEnvFile } from '../../../../src/topology/compose/interpolate.ts';

const VARIABLES = new Map([
  ['A', 'a'],
  ['EMPTY', ''],
]);

describe('interpolate', () => {
  test.each([
    ['$A-${A}', 'a-a'],
    ['$$A', '$A'],
    ['${NO:-x}', 'x'],
    ['${EMPTY:-x}|${EMPTY-x}', 'x|'],
    ['${NO:-${A}b}', 'ab'],
    ['${A:+set}|${NO:+set}|${EMPTY+set}', 'set||set'],
    ['${NO}', ''],
    ['nothing', 'nothing'],
  ])('%s becomes %s', (text, result) => {
    expect(interpolate(text, VARIABLES)).toMatchObject({ text: result, problem: null });
  });

  test('names what is unset and what is wrong', () => {
    expect(interpolate('$NO', VARIABLES).unset).toEqual(['NO']);
    expect(interpolate('${A', VARIABLES).problem).toContain('invalid interpolation format');
    expect(interpolate('${NO:?say it}', VARIABLES).problem).toBe(
      'required variable NO is missing a value: say it',
    );
  });

  test('has a bound on nested defaults', () => {
    const text = `${'${X:-'.repeat(50)}x${'}'.repeat(50)}`;
    expect(interpolate(text, VARIABLES).problem).toBe('defaults are nested too deeply');
  });
});

test('parseEnvFile reads quotes, comments and variables', () => {
  const text = '# c\nexport X=1 # c\nY=\'$X\'\nZ="$X\\n"\nbad line\n';
  expect([...parseEnvFile(text)]).toEqual([
    ['X', '1'],
    ['Y', '$X'],
    ['Z', '1\n'],
  ]);
});
