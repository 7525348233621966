// `netsim ping` as a user types it.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readPcap } from '../../src/observe/pcap.ts';
import { PICTURE_MAX_COLUMNS } from '../../src/observe/picture.ts';
import { netsim } from '../support/cli.ts';

const OUT = mkdtempSync(join(tmpdir(), 'netsim-ping-'));
afterAll(() => rmSync(OUT, { recursive: true }));

describe('netsim ping', () => {
  test('overlay-by-hand gives five replies and the way in one picture', async () => {
    const { exitCode, stdout, stderr } = await netsim(['ping', 'overlay-by-hand']);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^PING 10\.0\.1\.4 \(10\.0\.1\.4\) 56\(84\) bytes of data\.\n/);
    expect(stdout).toContain('5 packets transmitted, 5 received, 0% packet loss');
    expect(stdout).toMatch(/rtt min\/avg\/max\/mdev = /);
    const picture = stdout.slice(stdout.indexOf('An overlay by hand'));
    for (const part of [
      'node1',
      'node2',
      'wire',
      'vxlan0',
      'VNI 4097',
      '192.168.0.12 > 192.168.0.13',
    ]) {
      expect(picture, part).toContain(part);
    }
    for (const line of stdout.split('\n'))
      expect(line.length).toBeLessThanOrEqual(PICTURE_MAX_COLUMNS);
    await expect(picture).toMatchFileSnapshot('../golden/ping-overlay.txt');
  });

  test('docker0 writes one capture for each interface', async () => {
    const out = join(OUT, 'docker0');
    const { exitCode } = await netsim(['ping', 'docker0', '--pcap', out]);
    expect(exitCode).toBe(0);
    const files = readdirSync(out).filter((name) => name.endsWith('.pcap'));
    for (const name of ['c1.eth0', 'node1.docker0', 'client.lan-n1']) {
      expect(files).toContain(`${name}.pcap`);
    }
    const { frames } = readPcap(readFileSync(join(out, 'c1.eth0.pcap')));
    // ARP request and reply, then five requests and replies.
    expect(frames).toHaveLength(12);
    expect(frames.every(({ timeNs }, i) => i === 0 || timeNs >= frames[i - 1]!.timeNs)).toBe(true);
  });

  test('an address that nobody has is unreachable after 3 s, and says why', async () => {
    const argv = ['ping', 'overlay-by-hand', 'c1', '10.0.1.99', '-c', '1'];
    const { exitCode, stdout } = await netsim(argv);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('From 10.0.1.3 icmp_seq=1 Destination Host Unreachable');
    expect(stdout).toContain('1 packets transmitted, 0 received, +1 errors, 100% packet loss');
    const why = stdout.slice(stdout.indexOf('\nWhy\n'));
    expect(why).toContain('ARP who has 10.0.1.99, tell 10.0.1.3 (3 times)');
    expect(why).toContain('vxlan-no-neighbour');
    expect(why).toContain('neighbour-failed');
    expect(why).toContain('ip neigh');
    const { virtualTimeNs } = JSON.parse((await netsim([...argv, '--json'])).stdout) as {
      virtualTimeNs: number;
    };
    // 3 s in which the network settles, 3 s of ARP requests.
    expect(virtualTimeNs).toBeGreaterThan(6e9);
    expect(virtualTimeNs).toBeLessThan(7e9);
  });

  test('says which rule dropped the packet between two isolated networks', async () => {
    const { exitCode, stdout } = await netsim([
      'ping',
      'isolation',
      'a1',
      'b1',
      '-c',
      '1',
      '-W',
      '1',
    ]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('172.18.0.2 > 172.19.0.2 ICMP echo request');
    expect(stdout).toContain('rule-drop');
    expect(stdout).toContain('iptables -t filter -A DOCKER-ISOLATION-STAGE-2 -o br-b -j DROP');
  });

  test('prints what the program prints and nothing else with --quiet', async () => {
    const { stdout } = await netsim(['ping', 'docker0', '-c', '1', '--quiet']);
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^rtt min/);
  });

  test('passes flags on, wherever they stand', async () => {
    const { stdout } = await netsim([
      'ping',
      '-nc2',
      'overlay-by-hand',
      '-s',
      '100',
      'c1',
      'c2',
      '--quiet',
    ]);
    expect(stdout).toContain('100(128) bytes of data');
    expect(stdout).toContain('2 packets transmitted, 2 received');
  });

  test('with --trace tells every step', async () => {
    const { stderr } = await netsim(['ping', 'overlay-by-hand', '-c', '1', '--trace']);
    expect(stderr).toMatch(/c1\.eth0 +transmit +10\.0\.1\.3 > 10\.0\.1\.4 ICMP echo request/);
    expect(stderr).toMatch(/sb1\.vxlan0 +encapsulate /);
    expect(stderr.split('\n').length).toBeGreaterThan(30);
  });

  test('gives the same bytes for the same seed, and others for another', async () => {
    const run = async (seed: string): Promise<Map<string, string>> => {
      const out = join(OUT, `seed-${seed}-${Math.floor(OUT.length)}`);
      await netsim([
        'ping',
        'overlay-by-hand',
        '-c',
        '2',
        '--seed',
        seed,
        '--pcap',
        out,
        '--quiet',
      ]);
      return new Map(
        readdirSync(out).map((name) => [name, readFileSync(join(out, name)).toString('base64')]),
      );
    };
    const [first, again, other] = [await run('7'), await run('7'), await run('8')];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  test('runs in a script of one’s own up to its record line', async () => {
    const script = join(import.meta.dirname, '../fixtures/twin/t1-docker0-ping.sh');
    const { exitCode, stdout } = await netsim(['ping', script, 'c1', 'c2', '-c', '1']);
    expect(exitCode).toBe(0);
    expect(stdout.match(/PING/g)).toHaveLength(1);
  });
});
