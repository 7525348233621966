// Wireshark reads what netsim writes: every capture of every bundled topology and of the twin scripts.
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { bundledNames } from '../../src/cli/topologies.ts';
import { writePcap } from '../../src/observe/pcap.ts';
import { netsim } from '../support/cli.ts';
import { recordedFrames, TWIN_FOLDER, twinNames } from '../support/recorded.ts';
import { capturesIn, hasTshark, judge, runTshark } from '../support/tshark.ts';

const OUT = mkdtempSync(join(tmpdir(), 'netsim-tshark-'));
afterAll(() => rmSync(OUT, { recursive: true }));

const isThere = await hasTshark();
if (!isThere) console.log('tshark is not installed: its judgement of the captures is skipped');

describe.skipIf(!isThere)('tshark', () => {
  test('finds a malformed frame and a bad checksum', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'netsim-bad-'));
    const frames = await recordedFrames();
    const good = frames.find(({ name }) =>
      name.startsWith('t1-docker0-ping/c1.eth0.pcap #3'),
    )!.bytes;
    const badChecksum = good.slice();
    badChecksum[60]! ^= 1;
    const cutShort = good.slice(0, 30);
    const list = [good, badChecksum, cutShort].map((bytes, i) => ({ timeNs: i, bytes }));
    await writeFile(join(folder, 'x.pcap'), writePcap(list));
    const { bad } = await judge(await capturesIn(folder));
    await rm(folder, { recursive: true });
    expect(bad.map((line) => /frame \d/.exec(line)?.[0])).toEqual(['frame 2', 'frame 3']);
  });

  test('finds nothing wrong with the captures of netsim', async () => {
    for (const name of bundledNames()) {
      await netsim(['ping', name, '-c', '2', '--quiet', '--pcap', join(OUT, name)]);
    }
    for (const name of await twinNames()) {
      const script = join(TWIN_FOLDER, `${name}.sh`);
      await netsim(['run', script, '--pcap', join(OUT, name)]);
    }
    const { bad, count } = await judge(await capturesIn(OUT));
    expect(count).toBeGreaterThan(2000);
    expect(bad).toEqual([]);
  }, 180_000);

  test('reads a pcapng capture with its interface names', async () => {
    const out = join(OUT, 'ng');
    const options = ['--pcap', out, '--pcap-format', 'pcapng'];
    const { exitCode } = await netsim([
      'ping',
      'overlay-by-hand',
      'c1',
      '10.0.1.99',
      '-c',
      '1',
      ...options,
    ]);
    expect(exitCode).toBe(1);
    const stdout = await runTshark([
      '-r',
      join(out, 'sb1.vxlan0.pcapng'),
      '-T',
      'fields',
      '-e',
      'frame.interface_name',
      '-e',
      'frame.comment',
    ]);
    expect(stdout).toContain('sb1.vxlan0');
    expect(stdout).toContain('vxlan-no-neighbour');
  });
});
