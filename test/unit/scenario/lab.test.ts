import { describe, expect, test } from 'vitest';
import { parseLab } from '../../../src/scenario/lab.ts';

const isUnfinished = (text: string): boolean => text.endsWith('\\');
const parse = (text: string) => parseLab(text, 'lab.md', isUnfinished);

describe('parseLab', () => {
  test('finds machines, commands and outputs', () => {
    const { steps, nodes } = parse(`# Title
\`\`\`console
node2$ docker ps
CONTAINER ID
root@node1:~# echo \\
> more
client$ true
\`\`\`
`);
    expect(nodes).toBe(2);
    expect(steps).toEqual([
      { line: 3, place: 'node2', command: 'docker ps', expected: 'CONTAINER ID' },
      { line: 5, place: 'node1', command: 'echo \\\nmore', expected: '' },
      { line: 7, place: 'client', command: 'true', expected: '' },
    ]);
  });

  test('compares nothing where a block shows no output', () => {
    expect(parse('```\nnode1$ a\nnode1$ b\n```').steps.map((each) => each.expected)).toEqual([
      null,
      null,
    ]);
  });

  test('takes a container that the lab names for a prompt, and nothing else', () => {
    const { steps } = parse('~~~\nnode1$ docker run --name web nginx\nweb# ls\nfoo# ls\n~~~');
    expect(steps.map(({ place }) => place)).toEqual(['node1', 'web']);
    expect(steps[1]?.expected).toBe('foo# ls');
  });

  test('reads a bare prompt only in a block of a session', () => {
    expect(() => parse('```sh\n$ ls\n```')).toThrow('no command');
    expect(parse('```console\n$ ls\n```').steps[0]).toMatchObject({ place: '', command: 'ls' });
  });

  test('takes a line with # for output where prompts name their machine', () => {
    const { steps } = parse('```console\nnode1$ cat /etc/resolv.conf\n# Generated\n$HOME\n```');
    expect(steps).toHaveLength(1);
    expect(steps[0]?.expected).toBe('# Generated\n$HOME');
  });

  test('reads front matter', () => {
    const { settings } = parse('---\ndocker: { nodes: 3 }\n---\n```\nnode1$ ls\n```');
    expect(settings).toEqual({ docker: { nodes: 3 } });
    expect(() => parse('---\na: [\n---\n```\nnode1$ ls\n```')).toThrow('front matter');
  });
});
