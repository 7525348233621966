import { describe, expect, test } from 'vitest';
import { buildDockerWorld } from '../../../src/topology/docker-world.ts';
import { runOnMachine } from '../../support/run-on-machine.ts';

const { nodes } = buildDockerWorld({ nodes: 2, engine: null });
const run = (text: string) => runOnMachine(nodes[0]!, text);

describe('ssh', () => {
  test.each([
    ['a name', 'ssh node2 hostname', 'node2\n'],
    ['an address', 'ssh root@192.168.0.12 hostname', 'node2\n'],
    ['options', 'ssh -o StrictHostKeyChecking=no -p 22 client hostname', 'client\n'],
    ['one word with a pipe in it', "ssh node2 'echo a b | wc -w'", '2\n'],
    ['a pipe', 'echo in | ssh node2 cat', 'in\n'],
    ['several hops', 'ssh node2 ssh client ssh node1 hostname', 'node1\n'],
    ['a time limit', 'timeout 2 ssh node2 ping 192.168.0.1 | grep -c ttl', '2\n'],
  ])('takes %s', async (_what, text, stdout) => {
    expect(await run(text)).toMatchObject({ stdout });
  });

  test('keeps the files of machines apart', async () => {
    const { stdout } = await run('ssh node2 "echo x > /tmp/f"; cat /tmp/f; ssh node2 cat /tmp/f');
    expect(stdout).toBe('x\n');
  });

  test('gives the exit code of the command, and 255 of its own', async () => {
    expect((await run('ssh node2 exit 3')).exitCode).toBe(3);
    expect(await run('ssh nosuch true')).toMatchObject({
      exitCode: 255,
      stderr: 'ssh: Could not resolve hostname nosuch: Name or service not known\n',
    });
  });
});
