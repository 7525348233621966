import { parse, serialize } from 'just-bash';
import { describe, expect, test } from 'vitest';
import { rewriteScript } from '../../../src/shell/rewrite.ts';

function rewritten(text: string, isTerminal = true): string {
  const script = parse(text);
  rewriteScript(script, isTerminal, serialize);
  return serialize(script)
    .replaceAll('/dev/netsim/', '@')
    .replaceAll(/[12]>> ?@(\d)\/(\d+)(?:\/\w+)?/g, '@$1/$2')
    .trim();
}

test('names the program whose outputs both go to the terminal', () => {
  const script = parse('docker info; docker info 2> /dev/null');
  rewriteScript(script, true, serialize);
  const paths = serialize(script).match(/\/dev\/netsim\/\S+/g);
  expect(paths).toEqual(
    ['1', '2']
      .flatMap((fd) => [`/dev/netsim/${fd}/1/docker`])
      .concat(['/dev/netsim/1/1', '/dev/netsim/2/1']),
  );
});

describe('rewriting', () => {
  test('sends a command to the terminal of its line, before its own redirections', () => {
    expect(rewritten('echo hi')).toBe('echo hi @1/1 @2/1');
    expect(rewritten('true\nls > /tmp/x')).toContain('ls @1/2 @2/2 > /tmp/x');
  });

  test('leaves what is captured alone', () => {
    expect(rewritten('a | b')).toBe('a @2/1 | b @1/1 @2/1');
    expect(rewritten('a 2>&1 |& b')).toBe('a 2>& 1 |& b @1/1 @2/1');
    expect(rewritten('{ a; } > f')).toBe('{ a @2/1; } > f');
    expect(rewritten('echo $(a)')).toContain('$(a @2/1)');
    expect(rewritten('echo hi', false)).toBe('echo hi');
  });

  test('splits a variable in command position, nothing else', () => {
    expect(rewritten('$x a', false)).toContain('_netsim_words=($x a)');
    expect(rewritten('"$x" a', false)).toBe('"$x" a');
    expect(rewritten('echo $x', false)).toBe('echo $x');
  });

  test('gives a function that is called in both ways a twin for the terminal', () => {
    const text = rewritten('f() { echo a; }\nf\nx=$(f)');
    expect(text).toContain('f_netsim_terminal');
    expect(text).toContain('$(f');
    expect(rewritten('f() { echo a; }\nf')).not.toContain('f_netsim_terminal');
  });

  test('turns a job into a call', () => {
    expect(rewritten('sleep 5 &')).toContain("__netsim_background 'sleep 5'");
  });
});
