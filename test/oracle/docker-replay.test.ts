// The commands of a lab on a real Docker engine run in netsim; every output and every frame is compared with
// the recording. See test/fixtures/docker/L1/README.md.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readPcap } from '../../src/observe/pcap.ts';
import { compareLines, explainDifference, frameLines } from '../support/compare-frames.ts';
import {
  buildLab,
  L1_FOLDER,
  L1_WINDOWS,
  type RecordedCommand,
  type Replay,
  readIndex,
  replay,
} from '../support/replay-docker.ts';
import { makeIdNumbers, normalisedLines } from '../support/replay-normalise.ts';

/** Commands of the 118 that must be answered as recorded. */
const EQUAL_COMMANDS_MIN = 117;
/** Share of the frames of a window that must be equal. */
const EQUAL_FRAMES_MIN = 0.95;

/** Which interface each capture is of, by window. */
const INTERFACES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'pcap-ping': {
    'n0-host-lan0': 'client/lan0',
    'n0-host-lan-n1': 'client/lan-n1',
    'n1-host-eth0': 'node1/eth0',
    'n1-host-docker0': 'node1/bridge bridge',
    'n1-149a2523dd21-eth0': 'c1/eth0',
    'n1-e402401cec7e-eth0': 'c2/eth0',
    'n1-host-vethb158841': 'node1/veth c1',
    'n1-host-veth48ac14c': 'node1/veth c2',
  },
  'pcap-publish': {
    'n0-host-lan0': 'client/lan0',
    'n0-host-lan-n1': 'client/lan-n1',
    'n1-host-eth0': 'node1/eth0',
    'n1-host-docker0': 'node1/bridge bridge',
    'n1-149a2523dd21-eth0': 'c1/eth0',
    'n1-e402401cec7e-eth0': 'c2/eth0',
    'n1-44c218fd5e62-eth0': 'web1/eth0',
    'n1-host-vethb158841': 'node1/veth c1',
    'n1-host-veth48ac14c': 'node1/veth c2',
    'n1-host-veth3190111': 'node1/veth web1',
  },
  'pcap-dns': {
    'n0-host-lan0': 'client/lan0',
    'n0-host-lan-n1': 'client/lan-n1',
    'n1-host-eth0': 'node1/eth0',
    'n1-host-br-65ba5d1c3356': 'node1/bridge mynet',
    'n1-4535198def45-eth0': 'alpha/eth0',
    'n1-1f722663c0f9-eth0': 'beta/eth0',
    'n1-host-vethc8b2536': 'node1/veth alpha',
    'n1-host-vethb975a2e': 'node1/veth beta',
  },
};

/** Bridges' MACs are random. */
const RANDOM_MAC = /\b02:42:(?!ac:1|0a:)(?:[0-9a-f]{2}:){3}[0-9a-f]{2}\b/g;

let index: RecordedCommand[];
let run: Replay;

beforeAll(async () => {
  index = await readIndex(L1_FOLDER);
  run = await replay(buildLab(), index, L1_WINDOWS);
}, 120_000);

/** Why some commands are answered otherwise, by number. */
function reasons(): Map<number, string> {
  const text = readFileSync(join(L1_FOLDER, 'differences.tsv'), 'utf8');
  const rows = text.trimEnd().split('\n').slice(1);
  return new Map(rows.map((row) => [Number(row.split('\t')[0]), row.split('\t')[1] ?? '']));
}

test('the commands are answered as recorded', async () => {
  const [theirIds, ownIds] = [makeIdNumbers(), makeIdNumbers()];
  const known = reasons();
  const table: string[] = [];
  const unexplained: string[] = [];
  let equal = 0;
  for (const { seq, file, text, exitCode } of index) {
    const recorded = await readFile(join(L1_FOLDER, 'out', file), 'utf8');
    const own = run.results.get(seq)!;
    const theirs = [...normalisedLines(text, recorded, theirIds), `[exit ${exitCode}]`];
    const ours = [...normalisedLines(text, own.output, ownIds), `[exit ${own.exitCode}]`];
    const isEqual = theirs.join('\n') === ours.join('\n');
    if (isEqual) equal++;
    const reason = known.get(seq);
    const verdict = isEqual ? 'equal' : (reason ?? 'DIFFERS');
    table.push(`${String(seq).padStart(3)} ${verdict.padEnd(8)} ${text.slice(0, 80)}`);
    if (!isEqual && reason === undefined) {
      unexplained.push(
        `${seq} ${text}\n${explainDifference(theirs, ours).replace('frame', 'line')}`,
      );
    }
  }
  console.log(`${table.join('\n')}\nequal ${equal} of ${index.length}`);
  expect(unexplained.join('\n')).toBe('');
  expect(equal).toBeGreaterThanOrEqual(EQUAL_COMMANDS_MIN);
});

describe('the frames are those recorded', () => {
  for (const { folder } of L1_WINDOWS) {
    test(folder, async () => {
      let [equal, total] = [0, 0];
      const rows: string[] = [];
      for (const [file, name] of Object.entries(INTERFACES[folder] ?? {})) {
        const bytes = await readFile(join(L1_FOLDER, folder, `${file}.pcap`));
        const theirs = linesOf(readPcap(bytes).frames.map((frame) => frame.bytes));
        const ours = linesOf(run.frames.get(folder)?.get(name) ?? []);
        const comparison = compareLines(theirs, ours);
        equal += comparison.equalCount;
        total += comparison.totalCount;
        const counts = `${theirs.length} ${ours.length} ${comparison.equalCount}`;
        rows.push(`${name.padEnd(20)} ${counts} ${explainDifference(theirs, ours)}`);
      }
      console.log(`${folder}: equal ${equal} of ${total}\n${rows.join('\n')}`);
      expect(equal / total).toBeGreaterThanOrEqual(EQUAL_FRAMES_MIN);
    });
  }
});

/** The frames as lines, without IPv6, which netsim does not send. */
function linesOf(frames: readonly Uint8Array[]): string[] {
  const isIpv6 = (bytes: Uint8Array): boolean => bytes[12] === 0x86 && bytes[13] === 0xdd;
  const kept = frames.filter((bytes) => !isIpv6(bytes));
  const lines = frameLines(kept, null, { isPartial: true });
  return lines.map((line) => line.replace(RANDOM_MAC, 'RANDOM'));
}
