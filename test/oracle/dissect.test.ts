// The field tree against Wireshark's: every named field stands at the same bytes with the same value.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dissectFrame } from '../../src/observe/dissect/dissect.ts';
import { type CapturedFrame, readPcap, writePcap } from '../../src/observe/pcap.ts';
import { capturesIn, hasTshark, runTshark } from '../support/tshark.ts';

const FOLDERS = ['test/fixtures/tcpdump', 'test/fixtures/docker/L1'];
/** Frames of each capture that are compared. */
const FRAMES_PER_CAPTURE = 40;

interface PdmlField {
  readonly name: string;
  readonly position: number;
  readonly size: number;
  readonly show: string;
}

describe.skipIf(!(await hasTshark()))('the field tree', () => {
  it('names, places and values are those of tshark', { timeout: 60_000 }, async () => {
    const frames = await sample();
    const packets = await pdmlOf(frames);
    expect(packets.length).toBe(frames.length);
    const wrong: string[] = [];
    let compared = 0;
    frames.forEach((frame, index) => {
      const known = packets[index] ?? [];
      const layers = dissectFrame(frame.bytes);
      const isQuoted = layers.some(({ protocol }) => protocol === 'icmp');
      for (const layer of layers) {
        for (const { name, text, start, end } of layer.fields) {
          if (name === '' || name === 'data.data' || name === 'http.file_data') continue;
          if (isQuoted && name === 'tcp.seq_raw') continue; // tshark has another name for it there
          compared++;
          const same = known.some(
            (field) =>
              field.name === name &&
              field.position === start &&
              field.size === end - start &&
              plainValue(name, field.show) === plainValue(name, text),
          );
          if (!same) wrong.push(`frame ${index} ${name} [${start}, ${end}) ${text}`);
        }
      }
    });
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(2000);
  });
});

async function sample(): Promise<CapturedFrame[]> {
  const files = (await Promise.all(FOLDERS.map(capturesIn))).flat().sort();
  const all = await Promise.all(
    files.map(async (file) => readPcap(await readFile(file)).frames.slice(0, FRAMES_PER_CAPTURE)),
  );
  return all.flat();
}

async function pdmlOf(frames: readonly CapturedFrame[]): Promise<PdmlField[][]> {
  const folder = await mkdtemp(join(tmpdir(), 'netsim-dissect-'));
  try {
    const file = join(folder, 'sample.pcap');
    await writeFile(file, writePcap(frames));
    const preferences = ['ip.defragment:FALSE', 'tcp.desegment_tcp_streams:FALSE'];
    const options = preferences.flatMap((each) => ['-o', each]);
    const text = await runTshark(['-n', '-r', file, ...options, '-T', 'pdml']);
    return text.split('<packet>').slice(1).map(fieldsOf);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function fieldsOf(packet: string): PdmlField[] {
  return [...packet.matchAll(/<field ([^>]*)>/g)].map(([, attributes = '']) => {
    const read = (key: string): string =>
      new RegExp(`(?:^| )${key}="([^"]*)"`).exec(attributes)?.[1] ?? '';
    return {
      name: read('name'),
      position: Number(read('pos')),
      size: Number(read('size')),
      show: read('show'),
    };
  });
}

/** The value alone: without what is said about it. */
function plainValue(name: string, text: string): string {
  const first = text.split(' ')[0] ?? '';
  if (first === 'set' || first === 'True') return '1';
  if (first === 'not' || first === 'False') return '0';
  const number = Number(first);
  return name !== '' && first !== '' && Number.isFinite(number) ? String(number) : first;
}
