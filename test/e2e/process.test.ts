// What only a real process shows: exit codes, a closed pipe, Ctrl-C.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readPcap } from '../../src/observe/pcap.ts';

const ROOT = join(import.meta.dirname, '../..');
const OUT = mkdtempSync(join(tmpdir(), 'netsim-process-'));
afterAll(() => rmSync(OUT, { recursive: true }));

function start(...argv: string[]): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...argv], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.on('close', (code) => resolve(code)));

test('a mistake ends with exit code 2 and one message', async () => {
  const child = start('ping', 'nowhere');
  let stderr = '';
  child.stderr!.on('data', (piece) => {
    stderr += piece;
  });
  expect(await ended(child)).toBe(2);
  expect(stderr).toMatch(/^netsim: unknown topology "nowhere"\n/);
  expect(stderr).not.toContain(' at ');
});

test('a reader that goes away ends nothing else', async () => {
  const child = start('ping', 'routers', '-c', '500', '-i', '0.01');
  let stderr = '';
  child.stderr!.on('data', (piece) => {
    stderr += piece;
  });
  child.stdout!.destroy();
  expect(await ended(child)).toBe(0);
  expect(stderr).toBe('');
});

test('Ctrl-C ends a script with 130 and leaves the captures', async () => {
  const script = join(OUT, 'endless.sh');
  writeFileSync(
    script,
    `ip netns add a; ip netns add b
ip -n a link add eth0 type veth peer name eth0 netns b
ip -n a addr add 10.0.0.1/24 dev eth0; ip -n a link set eth0 up
ip -n b addr add 10.0.0.2/24 dev eth0; ip -n b link set eth0 up
echo started
ip netns exec a ping -q -i 0.002 10.0.0.2
`,
  );
  const out = join(OUT, 'captures');
  const child = start('run', script, '--pcap', out);
  await new Promise<void>((resolve) => child.stdout!.once('data', () => resolve()));
  setTimeout(() => child.kill('SIGINT'), 500);
  expect(await ended(child)).toBe(130);
  const file = join(out, 'a.eth0.pcap');
  expect(existsSync(file)).toBe(true);
  expect(readPcap(readFileSync(file)).frames.length).toBeGreaterThan(10);
});
