// The captures of a real kernel in test/fixtures/twin: bytes to test codecs and the whole of netsim.
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readPcap } from '../../src/observe/pcap.ts';

export const TWIN_FOLDER = join(import.meta.dirname, '../fixtures/twin');
export const RECORDED_FOLDER = join(TWIN_FOLDER, 'recorded');

export interface RecordedFrame {
  /** `t1-docker0-ping/c1.eth0.pcap #3` */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Names of the twin scripts without their ending, sorted. */
export async function twinNames(): Promise<string[]> {
  const names = await readdir(TWIN_FOLDER);
  return names
    .filter((name) => name.endsWith('.sh'))
    .map((name) => name.slice(0, -3))
    .sort();
}

/**
 * Every frame of every recording, in the order of the file names. Left out are recordings with
 * unfinished checksums (macvlan: an offload that cannot be turned off).
 */
export async function recordedFrames(): Promise<RecordedFrame[]> {
  const frames: RecordedFrame[] = [];
  const paths = await readdir(RECORDED_FOLDER, { recursive: true });
  const partial: string[] = [];
  for (const path of paths.filter((each) => each.endsWith('meta.json'))) {
    const text = await readFile(join(RECORDED_FOLDER, path), 'utf8');
    const meta = JSON.parse(text) as { partial_checksums: readonly string[] }; // our own file
    if (meta.partial_checksums.length > 0) partial.push(dirname(path));
  }
  const isWhole = (path: string): boolean => !partial.includes(dirname(path));
  for (const path of paths.filter((each) => each.endsWith('.pcap') && isWhole(each)).sort()) {
    const file = await readFile(join(RECORDED_FOLDER, path));
    readPcap(file).frames.forEach(({ bytes }, index) => {
      frames.push({ name: `${path} #${index + 1}`, bytes });
    });
  }
  return frames;
}
