// Wireshark's judgement of captures: no malformed packet, no bad checksum. All captures go into one
// file and one call, because each start of tshark takes a second.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CapturedFrame, readPcap, writePcap } from '../../src/observe/pcap.ts';

/** A fragment is cut anywhere, and an ICMP error quotes only the beginning of a packet. */
const IS_PART = '(ip.flags.mf == 1 || ip.frag_offset > 0)';
const IS_QUOTE = '(icmp.type in {3, 5, 11, 12})';
const BAD =
  `ip.checksum.status == 0 || (!${IS_PART} && (_ws.malformed || icmp.checksum.status == 0)) || ` +
  `(!${IS_PART} && !${IS_QUOTE} && (udp.checksum.status == 0 || tcp.checksum.status == 0))`;

const PREFERENCES = [
  'ip.check_checksum:TRUE',
  'udp.check_checksum:TRUE',
  'tcp.check_checksum:TRUE',
  // The same packet is there once for each interface: nothing can be put together again.
  'ip.defragment:FALSE',
  'tcp.desegment_tcp_streams:FALSE',
];

/** Runs tshark and gives its output. */
export function runTshark(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: 64 * 1024 * 1024 };
    execFile('tshark', [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`tshark: ${stderr.trim()}`));
    });
  });
}

/** Whether tshark is installed. */
export async function hasTshark(): Promise<boolean> {
  return runTshark(['--version']).then(
    () => true,
    () => false,
  );
}

/** Every classic capture in a folder and the folders in it. */
export async function capturesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => name.endsWith('.pcap')).map((name) => join(folder, name));
}

/** What tshark finds wrong with the frames: one line each, empty if nothing. */
export async function judge(files: readonly string[]): Promise<{ bad: string[]; count: number }> {
  const frames: CapturedFrame[] = [];
  const origins: string[] = [];
  for (const file of files) {
    readPcap(await readFile(file)).frames.forEach((frame, index) => {
      frames.push(frame);
      origins.push(`${file} frame ${index + 1}`);
    });
  }
  const folder = await mkdtemp(join(tmpdir(), 'netsim-tshark-'));
  try {
    const merged = join(folder, 'merged.pcap');
    await writeFile(merged, writePcap(frames));
    const preferences = PREFERENCES.flatMap((each) => ['-o', each]);
    const fields = ['-T', 'fields', '-e', 'frame.number', '-e', '_ws.col.Info'];
    const output = await runTshark(['-n', '-r', merged, ...preferences, '-Y', BAD, ...fields]);
    const lines = output.split('\n').filter((line) => line !== '');
    const bad = lines.map((line) => {
      const [number, info] = line.split('\t');
      return `${origins[Number(number) - 1]}: ${info}`;
    });
    return { bad, count: frames.length };
  } finally {
    await rm(folder, { recursive: true });
  }
}
