// Two recordings of one script, file by file: what the kernel sent, and what netsim sent.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readPcap } from '../../src/observe/pcap.ts';
import { compareLines, explainDifference, frameLines } from './compare-frames.ts';

interface Meta {
  readonly directions: Readonly<Record<string, string>>;
  readonly partial_checksums: readonly string[];
}

export interface FolderComparison {
  /** One line an interface: its name, frames recorded, frames of netsim, equal ones, first difference. */
  readonly rows: readonly string[];
  readonly equal: number;
  readonly total: number;
}

/** Compares all captures but those of loopbacks. A file that is missing counts as silent. */
export async function compareFolders(recorded: string, mine: string): Promise<FolderComparison> {
  const [theirMeta, ownMeta] = [await readMeta(recorded), await readMeta(mine)];
  const options = { isPartial: theirMeta.partial_checksums.length > 0 };
  const names = [...(await readdir(recorded)), ...(await readdir(mine))];
  const files = [...new Set(names.filter((name) => name.endsWith('.pcap')))].sort();
  const rows: string[] = [];
  let equal = 0;
  let total = 0;
  for (const file of files.filter((name) => !name.endsWith('.lo.pcap'))) {
    const linesOf = async (folder: string, meta: Meta): Promise<string[]> =>
      frameLines(await framesOf(folder, file), meta.directions[file] ?? '', options);
    const [a, b] = [await linesOf(recorded, theirMeta), await linesOf(mine, ownMeta)];
    const comparison = compareLines(a, b);
    equal += comparison.equalCount;
    total += comparison.totalCount;
    const note = explainDifference(a, b);
    rows.push(`${file.padEnd(24)} ${a.length} ${b.length} ${comparison.equalCount} ${note}`);
  }
  return { rows, equal, total };
}

async function framesOf(folder: string, file: string): Promise<Uint8Array[]> {
  const bytes = await readFile(join(folder, file)).catch(() => null);
  return bytes === null ? [] : readPcap(bytes).frames.map((frame) => frame.bytes);
}

async function readMeta(folder: string): Promise<Meta> {
  const text = await readFile(join(folder, 'meta.json'), 'utf8').catch(() => null);
  if (text === null) return { directions: {}, partial_checksums: [] };
  return JSON.parse(text) as Meta; // written by the recorder or by netsim
}
