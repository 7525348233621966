// The other commands: list, exec, shell, programs as verbs, help, version.
import { describe, expect, test } from 'vitest';
import { bundledNames } from '../../src/cli/topologies.ts';
import { netsim } from '../support/cli.ts';

describe('netsim', () => {
  test('list shows every bundled topology in one line', async () => {
    const { stdout, exitCode } = await netsim(['list']);
    expect(exitCode).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.split(/\s{2,}/)[0])).toEqual(bundledNames());
    for (const line of lines) expect(line.length).toBeLessThan(100);
    const rows = JSON.parse((await netsim(['list', '--json'])).stdout) as { name: string }[];
    expect(rows.map(({ name }) => name)).toEqual(bundledNames());
  });

  test('help and version say what there is', async () => {
    const { stdout } = await netsim([]);
    for (const verb of ['ping', 'run', 'shell', 'exec', 'list', 'version']) {
      expect(stdout).toMatch(new RegExp(`^  ${verb} `, 'm'));
    }
    const help = await netsim(['ping', '--help']);
    expect(help.exitCode).toBe(0);
    expect(help.stdout).toContain('--pcap-format');
    expect((await netsim(['version'])).stdout).toMatch(/^netsim \d+\.\d+\.\d+\n$/);
    expect((await netsim(['--version'])).stdout).toMatch(/^netsim \d+\.\d+\.\d+\n$/);
  });

  test('exec runs one command in one namespace and returns its exit code', async () => {
    const good = await netsim([
      'exec',
      'overlay-by-hand',
      'c1',
      '--',
      'ip',
      '-br',
      'addr',
      'show',
      'eth0',
    ]);
    expect(good.stdout).toMatch(/^eth0@\S+ +UP +10\.0\.1\.3\/24/);
    const bad = await netsim([
      'exec',
      'overlay-by-hand',
      'c1',
      '--',
      'ping',
      '-c',
      '1',
      '-W',
      '1',
      '10.0.1.99',
    ]);
    expect(bad.exitCode).toBe(1);
    const json = await netsim([
      'exec',
      'overlay-by-hand',
      'c1',
      '--json',
      '--',
      'echo',
      'a b',
      '$HOME',
    ]);
    expect(JSON.parse(json.stdout)).toMatchObject({ exitCode: 0, output: 'a b $HOME\n' });
  });

  test('every program is a verb', async () => {
    const { stdout } = await netsim(['traceroute', 'routers', 'client', '-n', '-q', '1', 'server']);
    expect(stdout).toMatch(/^traceroute to 10\.4\.0\.2/);
    expect(stdout).toMatch(/^ 4 {2}10\.4\.0\.2/m);
    const curl = await netsim(['curl', 'docker0', 'c1', '-s', 'http://203.0.113.50/']);
    expect(curl.stdout).toBe('hello from outside\n');
  });

  test('shell takes lines from a pipe', async () => {
    const stdin = [
      'c1 ip -br addr show eth0',
      'enter c2',
      'for i in 1 2; do',
      '  echo "line $i"',
      'done',
      'if true; then',
      '  echo "two',
      'lines"',
      'fi',
      'cat <<END',
      'here',
      'END',
      'x=5',
      'echo $x',
      'ping -n -c 1 10.0.1.3 | tail -n 2 | head -n 1',
      'exit',
      'false',
    ].join('\n');
    const { stdout, exitCode } = await netsim(['shell', 'overlay-by-hand'], { stdin });
    expect(stdout).toMatch(
      /^eth0@\S+ +UP +10\.0\.1\.3\/24 *\nline 1\nline 2\ntwo\nlines\nhere\n5\n/,
    );
    expect(stdout).toContain('1 packets transmitted, 1 received');
    expect(exitCode).toBe(1);
  });

  test('every bundled topology pings by default', async () => {
    for (const name of bundledNames().filter((each) => !each.startsWith('lab-'))) {
      const { exitCode, stdout, stderr } = await netsim(['ping', name, '-c', '1']);
      expect(stderr, name).toBe('');
      expect(stdout, name).toContain('1 received');
      expect(exitCode, name).toBe(0);
    }
  });
});
