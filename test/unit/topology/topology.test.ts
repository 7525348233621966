import { describe, expect, test } from 'vitest';
import type { NetsimError } from '../../../src/base/errors.ts';
import { bundledNames, loadTopology } from '../../../src/cli/topologies.ts';
import { machineOf, parseTopology } from '../../../src/topology/topology.ts';

const parse = (text: string) => parseTopology('lab', text, 'lab/topology.json');

function errorOf(text: string): NetsimError {
  try {
    parse(text);
  } catch (error) {
    return error as NetsimError;
  }
  throw new Error('no error');
}

describe('topology.json', () => {
  test('gives title, default ping and machines', () => {
    const topology = parse(`{
      "title": "T", "description": "D",
      "ping": { "from": "a", "to": "b" },
      "machines": { "node": ["a", "b"] }
    }`);
    expect(topology.ping).toEqual({ from: 'a', to: 'b' });
    expect([machineOf(topology, 'b'), machineOf(topology, 'c')]).toEqual(['node', null]);
  });

  test('needs nothing but the braces', () => {
    expect(parse('{}')).toMatchObject({ name: 'lab', title: 'lab', ping: null });
  });

  test('tells what is wrong, what was expected, and where', () => {
    expect(errorOf('[]').message).toContain('expected an object, found []');
    expect(errorOf('{"ping": 5}').message).toBe('ping: expected an object, found 5');
    expect(errorOf('{"ping": {"from": 1, "to": "b"}}').message).toContain('ping.from');
    expect(errorOf('{"machines": {"n": "a"}}').message).toContain('expected a list');
    expect(errorOf('{"titel": "x"}').hint).toContain('title');
    const syntax = errorOf('{\n  "title": "x",,\n}');
    expect(syntax.where).toMatchObject({ file: 'lab/topology.json', line: 2 });
  });
});

describe('the bundled topologies', () => {
  test('all can be read and say who pings whom', () => {
    expect(bundledNames()).toContain('overlay');
    expect(bundledNames()).toContain('docker0');
    for (const name of bundledNames().filter((each) => !each.startsWith('lab-'))) {
      const { topology, script } = loadTopology(name, '/');
      expect(topology.ping, name).not.toBeNull();
      expect(topology.description.length, name).toBeLessThan(80);
      expect(topology.description, name).not.toBe('');
      expect(script.startsWith('#!/bin/bash\n'), name).toBe(true);
    }
  });
});
