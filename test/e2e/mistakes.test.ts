// What a user sees who mistypes: what was found, what was expected, what to do; exit code 2.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { netsim } from '../support/cli.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'netsim-mistakes-'));
afterAll(() => rmSync(FOLDER, { recursive: true }));

async function mistake(...argv: string[]): Promise<string> {
  const { exitCode, stderr, stdout } = await netsim(argv, { cwd: FOLDER });
  expect(stderr).not.toMatch(/^ +at /m);
  expect(stdout).toBe('');
  expect(exitCode).toBe(2);
  return stderr;
}

function file(name: string, text: string): string {
  const path = join(FOLDER, name);
  writeFileSync(path, text);
  return path;
}

describe('a mistake', () => {
  test('in the command gets suggestions', async () => {
    expect(await mistake('pnig', 'overlay')).toContain('did you mean ping');
    expect(await mistake('traceruote', 'overlay')).toContain('did you mean traceroute');
    expect(await mistake('constructor')).toContain('unknown command');
  });

  test('in the topology gets suggestions', async () => {
    expect(await mistake('ping', 'ovrlay')).toContain('did you mean overlay?');
    expect(await mistake('ping')).toContain('expected a topology');
    expect(await mistake('ping', '/etc')).toContain('it has no setup.sh');
  });

  test('in a namespace gets suggestions', async () => {
    expect(await mistake('ping', 'overlay-by-hand', 'c9', 'c2')).toContain('did you mean c1 or c2');
    expect(await mistake('exec', 'overlay-by-hand', 'nowhere', '--', 'ip', 'a')).toContain(
      'nowhere',
    );
  });

  test('in an option is named', async () => {
    expect(await mistake('list', '--jsno')).toContain('--json');
    expect(await mistake('ping', 'overlay', '--pcap-format', 'xml')).toContain('pcapng');
    expect(await mistake('ping', 'overlay', '--seed', 'x')).toContain('expected a whole number');
    expect(await mistake('ping', 'overlay', 'a', 'b', 'c')).toContain('unexpected argument "c"');
  });

  test('in a topology file is named with its place', async () => {
    writeFileSync(join(FOLDER, 'setup.sh'), 'true\n');
    file('topology.json', '{\n  "ping": 5\n}');
    expect(await mistake('ping', '.')).toContain('ping: expected an object, found 5');
  });

  test('in a set-up script is named with its line', async () => {
    const script = file(
      'broken.sh',
      'ip netns add c1\nip -n c1 link add eth0 type nonsense\nfalse\n',
    );
    const stderr = await mistake('ping', script, 'c1', '10.0.0.1');
    expect(stderr).toContain('broken.sh:2: Error: Unknown device type.');
  });

  test('of a file that is no script is told', async () => {
    expect(await mistake('run', file('binary', 'a\0b'))).toContain('not a text');
    expect(await mistake('run', 'missing.sh')).toContain('cannot read missing.sh');
    expect(await mistake('run', FOLDER)).toContain('is a folder');
    expect(await mistake('run')).toContain('expected a script');
    expect(await mistake('run', 'lab.md')).toContain('cannot read lab.md');
  });

  test('of a capture folder that cannot be made is told', async () => {
    const blocked = file('blocked', '');
    const { exitCode, stderr } = await netsim(
      ['ping', 'docker0', '-c', '1', '--quiet', '--pcap', join(blocked, 'out')],
      { cwd: FOLDER },
    );
    expect(exitCode).toBe(2);
    expect(stderr).toContain('cannot write to');
  });
});

describe('a script', () => {
  test('has its own exit code, and its commands their own messages', async () => {
    const script = file('exit.sh', 'echo before\nfoo\nexit 7\n');
    const { exitCode, stdout, stderr } = await netsim(['run', script]);
    expect(exitCode).toBe(7);
    expect(stdout).toBe('before\n');
    expect(stderr).toContain('exit.sh: line 2: foo: command not found');
  });

  test('that never ends is ended, with a reason', async () => {
    const script = file('endless.sh', 'while true; do sleep 3600; done\n');
    const { exitCode, stderr } = await netsim(['run', script]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/endless\.sh:1: .*(virtual time|too long)/);
  });

  test('with a loop of bridges comes to an end', async () => {
    const lines = ['ip netns add h', 'ip netns add c'];
    for (const name of ['br0', 'br1']) {
      lines.push(`ip -n h link add ${name} type bridge`, `ip -n h link set ${name} up`);
    }
    for (const i of [1, 2, 3]) {
      lines.push(
        `ip -n h link add a${i} type veth peer name b${i}`,
        `ip -n h link set a${i} master br0 up`,
        `ip -n h link set b${i} master br1 up`,
      );
    }
    lines.push(
      'ip -n c link add eth0 type veth peer name v netns h',
      'ip -n h link set v master br0 up',
      'ip -n c link set eth0 up',
      'ip -n c addr add 10.0.0.1/24 dev eth0',
      'ip netns exec c ping -c 1 -W 1 10.0.0.2',
    );
    const script = file('storm.sh', `${lines.join('\n')}\n`);
    const { exitCode, stdout } = await netsim(['run', script, '--json'], { isRestless: true });
    expect(exitCode).toBe(1);
    const { drops } = JSON.parse(stdout) as { drops: Record<string, number> };
    expect(drops['backlog-full']).toBeGreaterThan(0);
  }, 60_000);

  test('cannot make an interface or a capture outside of its folder', async () => {
    const script = file(
      'paths.sh',
      'ip netns add ../../x\nip netns add a\nip -n a link add ../../y type dummy\nip -n a link add .. type dummy\n',
    );
    const { stderr } = await netsim(['run', script, '--pcap', join(FOLDER, 'paths')]);
    expect(stderr).toContain('Invalid netns name "../../x"');
    expect(stderr).toContain('"dev" not a valid ifname');
  });

  test('gets its arguments', async () => {
    const { stdout } = await netsim(['run', file('args.sh', 'echo "$1-$2"\n'), 'a', 'b']);
    expect(stdout).toBe('a-b\n');
  });
});
