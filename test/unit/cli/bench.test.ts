// `netsim bench mesh`: its options, what it prints and writes, and how it refuses.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, test } from 'vitest';
import { readDuration, readNumber, readSweep, timeText } from '../../../src/cli/bench-values.ts';
import { runCli } from '../../../src/cli/cli.ts';
import { netsim } from '../../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'netsim-bench-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SMALL = '--nodes 1 --replicas 1 --rate 5k --duration 5ms --warmup 5ms --flows 8'.split(' ');
const bench = (...words: string[]) => netsim(['bench', 'mesh', ...words], { cwd: folder });

describe('values', () => {
  test('numbers, times and ranges', () => {
    expect(readNumber('--rate', '1.5M', 1, 1e9)).toBe(1_500_000);
    expect(readDuration('--duration', '50us', 0, 1e9)).toBe(50_000);
    expect(readSweep('nodes=1,3..5,3', ['nodes']).values).toEqual([1, 3, 4, 5]);
    expect(readSweep('rate=10k..30k..10k', ['rate']).values).toEqual([10_000, 20_000, 30_000]);
    expect(readSweep('replicas=3..300', ['replicas']).values).toEqual([3, 8, 19, 48, 119, 300]);
    expect([0, 999, 1500, 2.5e6, 12e9].map(timeText)).toEqual([
      '0 ns',
      '999 ns',
      '1.50 us',
      '2.50 ms',
      '12.0 s',
    ]);
  });
});

describe('mistakes', () => {
  test.each([
    ['--rate x', '--rate: found "x", expected a whole number'],
    ['--rate 1.5', '--rate: found "1.5"'],
    ['--rate 0', 'expected 1 to'],
    ['--nodes 500', '--nodes: found "500", expected 1 to 199'],
    ['--duration 5', '--duration: found "5", expected a time'],
    ['--duration 5h', 'expected a time'],
    ['--rate 100M --duration 1s', 'requests are too many for one run'],
    ['--compare ingress,mesh', '--compare: found "mesh"'],
    ['--compare host,host', 'host stands twice'],
    ['--sweep speed=1', '--sweep: found "speed=1", expected NAME=VALUES'],
    ['--sweep nodes=5..3', 'expected FROM..TO'],
    ['--sweep nodes=1..100..0.5', '--sweep nodes: found "0.5"'],
    ['--sweep nodes=3 --sweep nodes=4', '--sweep nodes: given twice'],
    ['--sweep rate=1..200..1 --seeds 100', 'runs are too many'],
    ['--loop closed --rate 5k', '--rate has no effect with --loop closed'],
    ['--loop closed --sweep rate=1,2', '--rate has no effect'],
    ['--clients 5', '--clients has no effect with --loop open'],
    ['--keep-alive', '--keep-alive has no effect with --protocol udp'],
    ['--protocol http --flows 5', '--flows has no effect when each request makes a connection'],
    ['--size 2', 'a datagram of 2 bytes is not possible'],
    ['--size 70000', 'a datagram of 70000 bytes is not possible'],
    ['-o mesh.png', 'expected a file that ends in .html'],
    ['--protocol sctp', 'Allowed choices are udp, tcp, http'],
    ['--what', "unknown option '--what'"],
  ])('%s', async (words, message) => {
    const { exitCode, stdout, stderr } = await bench(...words.split(' '));
    expect(stderr).toContain(message);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  });

  test('no shape, or another', async () => {
    expect((await netsim(['bench'])).stderr).toContain('expected what to measure, found nothing');
    expect((await netsim(['bench', 'mash'])).stderr).toContain('found "mash"');
  });

  test('a file that cannot be written', async () => {
    const { exitCode, stderr } = await bench(...SMALL, '--csv', 'no/such/folder.csv');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('cannot write no/such/folder.csv: there is no such folder');
  });
});

describe('a run', () => {
  test('prints rate, latency, shares and hosts, the same each time', async () => {
    const { exitCode, stdout } = await bench(...SMALL);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^ingress: 1 nodes, 1 replicas, udp, 5,000\/s poisson/);
    expect(stdout).toMatch(/^throughput {2}[\d,]+ answers\/s of [\d,]+ requests\/s$/m);
    expect(stdout).toMatch(/^latency {5}p50 [\d.]+ us {2}p90 /m);
    expect(stdout).toMatch(/^web\.1 +node1 +\d+ +100 %$/m);
    expect(stdout).toMatch(/hash [0-9a-f]{16}\n$/);
    expect((await bench(...SMALL)).stdout).toBe(stdout);
  });

  test('writes a page, tables, JSON; a sweep is a line each', async () => {
    const { exitCode, stdout, stderr } = await bench(
      ...[...SMALL, '--compare', 'ingress,host', '--sweep', 'rate=2k,4k', '--seeds', '2'],
      ...['-o', 'mesh.html', '--csv', 'runs.csv', '--plot'],
    );
    expect({ exitCode, stderr: stderr.replaceAll(/\r[^\n]*/g, '') }).toEqual({
      exitCode: 0,
      stderr: '',
    });
    expect(stdout.match(/^(?:ingress|host) +[24],000 /gm)).toHaveLength(4);
    expect(stdout).toContain('Throughput by rate');
    const csv = readFileSync(join(folder, 'runs.csv'), 'utf8');
    expect(csv.trim().split('\r\n')).toHaveLength(1 + 8);
    expect(readFileSync(join(folder, 'mesh.csv'), 'utf8')).toBe(csv);
    const page = readFileSync(join(folder, 'mesh.html'), 'utf8');
    expect(page).toContain('Means of 2 runs with seeds 1 to 2');
    expect(page).toContain('Answers by replica: host, rate 4000');
    expect(page).not.toMatch(/NaN|undefined/);
  });

  test('--json is one document with everything', async () => {
    const document = JSON.parse((await bench(...SMALL, '--json')).stdout);
    const [point] = document.points;
    expect(document.costs['linux-6.18-vm'].ruleNs).toBe(25);
    expect(point.spec).toMatchObject({ variant: 'ingress', ratePerSec: 5000 });
    expect(point.results[0].samples).toHaveLength(60);
    expect(point.estimates.p50Ns.mean).toBe(point.results[0].latency.p50Ns);
  });
});

const NOTHING = (): void => {};

test('Ctrl-C leaves what is done', async () => {
  let interrupt = NOTHING;
  let stdout = '';
  let stderr = '';
  const words = [...SMALL, '--sweep', 'rate=1k..60k..1k', '--csv', 'stopped.csv'];
  const running = runCli(['bench', 'mesh', ...words], {
    write: (text) => {
      stdout += text;
    },
    writeError: (text) => {
      stderr += text;
    },
    cwd: folder,
    env: {},
    isTerminal: false,
    stdin: Readable.from([]),
    onInterrupt: (act) => {
      interrupt = act;
    },
  });
  // Each run begins after a breath, in which others have their turn; a cold one takes some more.
  let isStarted = false;
  for (let turns = 0; turns < 15; turns += isStarted ? 1 : 0) {
    await new Promise((done) => setImmediate(done));
    isStarted = interrupt !== NOTHING;
  }
  interrupt();
  const text = stdout;
  const lines = readFileSync(join(folder, 'stopped.csv'), 'utf8').trim().split('\r\n');
  expect(stderr).toContain('stopped; here is what is done: ');
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.length).toBeLessThan(60);
  expect(text).not.toBe('');
  expect(await running).toBe(130);
  expect(stdout).toBe(text); // and nothing is told twice
});
