// Runs the commands of a recorded three-node swarm in netsim. As a program it prints what differs:
//
//     npx tsx test/support/replay-swarm.ts L3            # every command's verdict, and the differences
//     npx tsx test/support/replay-swarm.ts L2 27-41      # only those of some commands
//     npx tsx test/support/replay-swarm.ts L2 27 whole   # both outputs as they are
//     npx tsx test/support/replay-swarm.ts L2 frames     # the frames that only one side captured
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineVersion } from '../../src/docker/profile.ts';
import { sleep, spawn } from '../../src/engine/process.ts';
import type { CapturedFrame } from '../../src/observe/pcap.ts';
import { makeShell } from '../../src/shell/bash.ts';
import { interrupt, letTimePass } from '../../src/shell/driver.ts';
import type { Shell } from '../../src/shell/shell.ts';
import { writeSysctl } from '../../src/stack/sysctl-tree.ts';
import type { DockerWorld } from '../../src/topology/docker-world.ts';
import {
  buildLab,
  type CommandResult,
  ENGINE_AGE_NS,
  type RecordedCommand,
  readIndex,
  typeLine,
} from './replay-docker.ts';
import { compareFrames, finishCapture, type OpenCapture, openCapture } from './replay-frames.ts';
import { type IdMap, learnIds, makeIdMap, translateCommand } from './replay-ids.ts';
import { isAnswered, plainText, swarmLines } from './replay-normalise-swarm.ts';
import { TEST_HOST } from './shell.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/docker');

/** One recording, and what happened on its machines before. */
export interface SwarmRecording {
  readonly name: string;
  /** Its commands follow those of another recording on the same cluster. */
  readonly after?: string;
  /** Typed on node1 before the first command. */
  readonly setUp?: readonly string[];
  readonly version?: EngineVersion;
  readonly seed?: number;
  /** When the first frame of a command was captured: the recorder paused around its captures. */
  readonly frameTimes?: Readonly<Record<number, string>>;
  /** Captures by folder: open from the first of these commands to some seconds after the last. */
  readonly windows?: Readonly<Record<string, CaptureWindow>>;
  /** Seconds between the programs of one line: an exec took that long, as the frames' times show. */
  readonly pauses?: Readonly<Record<number, number>>;
  /** Seconds by which a command was answered later than the usual pause tells, as the age that it printed says. */
  readonly late?: Readonly<Record<number, number>>;
  /** Seconds after which a command is stopped that ends by itself only on a slow CPU. */
  readonly patience?: Readonly<Record<number, number>>;
  /**
   * The number of the next interface by node, where the recording before this one has left another one: it
   * counts the devices of each task that failed or started again there, as often as the slow CPU had it.
   */
  readonly nextInterface?: Readonly<Record<string, number>>;
  /** Typed before that on a node: what it shows it has had, and netsim's node has not (a container on docker0). */
  readonly history?: Readonly<Record<string, string>>;
  /** What was typed on node1 after a command and not recorded. */
  readonly unrecorded?: Readonly<Record<number, string>>;
}

/** First and last command, and how many seconds after the last one's end the capture was closed. */
type CaptureWindow = readonly [first: number, last: number, closeSec?: number];

/**
 * Of a capture that was closed before the neighbours of the last packets were probed, which happens
 * five seconds after: no probe is in it.
 */
const BEFORE_PROBES_SEC = 3;

export const RECORDINGS: readonly SwarmRecording[] = [
  {
    name: 'L2',
    patience: { 198: 20 },
    unrecorded: { 198: 'docker service rm bad' },
    windows: {
      'pcap-ping-ip': [143, 143],
      'pcap-ping-vip': [145, 147, BEFORE_PROBES_SEC],
      'pcap-dns': [148, 158],
      'pcap-curl-vip': [168, 168, BEFORE_PROBES_SEC],
      'pcap-arp-unknown': [187, 190],
    },
    pauses: { 190: 11.5 },
    frameTimes: {
      143: '01:44:29',
      144: '01:45:35',
      145: '01:46:28',
      146: '01:46:45',
      147: '01:46:55',
      153: '01:48:56.4',
      156: '01:49:43.3',
      157: '01:49:48.2',
      168: '01:52:55',
      169: '01:53:22',
      187: '01:54:30',
      188: '01:54:41',
      190: '01:55:07',
    },
  },
  { name: 'L2-attach', windows: { 'pcap-attach': [13, 14] } },
  {
    name: 'L2-overlap',
    setUp: [
      'docker swarm init --advertise-addr 192.168.0.11',
      'docker network create -d overlay --subnet 10.50.0.0/16 ovcustom',
      'docker network create -d overlay --subnet 10.50.128.0/24 ovoverlap',
      'docker network rm ovcustom',
      // Other labs had taken the next numbers.
      'for i in $(seq 2 14); do docker network create -d overlay n$i; docker network rm n$i; done',
    ],
  },
  {
    name: 'L3',
    after: 'L2',
    nextInterface: { node1: 44, node3: 30 },
    history: { node3: 'docker run --rm busybox true' },
    // "Running 13 seconds ago" is a task that 78 ended.
    late: { 79: 2.5 },
    frameTimes: { 82: '02:11:19' },
    windows: { 'pcap-mesh': [82, 82, BEFORE_PROBES_SEC] },
  },
  {
    name: 'L2-docker20',
    version: '20.10',
    frameTimes: {
      143: '01:59:34',
      145: '02:00:46.1',
      146: '02:01:12.6',
      147: '02:01:30.3',
      153: '02:03:38.1',
      156: '02:04:50.6',
      157: '02:05:15.9',
    },
    windows: {
      'pcap-ping-ip': [143, 143],
      'pcap-ping-vip': [145, 147],
      'pcap-dns': [148, 158],
    },
  },
];

export interface SwarmResult extends CommandResult {
  readonly command: RecordedCommand;
  readonly recorded: string;
  /** With our names. */
  readonly typed: string;
  readonly theirs: readonly string[];
  readonly ours: readonly string[];
  readonly isEqual: boolean;
  /** What the program itself failed with. */
  readonly failure: string;
}

export interface SwarmReplay {
  readonly lab: DockerWorld;
  readonly ids: IdMap;
  readonly results: readonly SwarmResult[];
  /** Frames by window's folder and interface, with our names. */
  readonly frames: ReadonlyMap<string, ReadonlyMap<string, readonly CapturedFrame[]>>;
}

const SECOND_NS = 1e9;

export function recordingOf(name: string): SwarmRecording {
  const recording = RECORDINGS.find((each) => each.name === name);
  if (recording === undefined) throw new Error(`no recording ${name}`);
  return recording;
}

export function folderOf(name: string): string {
  return join(FIXTURES, name);
}

/** Why some commands are answered otherwise, by number. */
export function reasonsOf(name: string): ReadonlyMap<number, string> {
  const path = join(folderOf(name), 'differences.tsv');
  if (!existsSync(path)) return new Map();
  const rows = readFileSync(path, 'utf8').trimEnd().split('\n').slice(1);
  return new Map(rows.map((row) => [Number(row.split('\t')[0]), row.split('\t')[1] ?? '']));
}

/** Runs a recording up to a command, after the one that it follows. */
export async function replaySwarm(
  recording: SwarmRecording,
  last = Number.POSITIVE_INFINITY,
  onResult: (result: SwarmResult) => void = () => {},
): Promise<SwarmReplay> {
  const { version = '26.1', seed = 1 } = recording;
  const lab = buildLab({ seed, engine: { version } });
  const shells = new Map<string, Shell>();
  for (const machine of lab.world.machines.values()) {
    shells.set(machine.name, await makeShell(lab.world, machine, TEST_HOST));
  }
  // The kernel of the slow machine had the usual buffers of TCP: a window scale of 7.
  if (recording.name !== 'L2-attach') {
    for (const { root } of lab.world.machines.values()) {
      writeSysctl(root, 'net.ipv4.tcp_rmem', '4096 131072 6291456');
    }
  }
  const run: Run = { lab, shells, ids: makeIdMap(), frames: new Map() };
  letTimePass(shells.get('node1')!.driver, ENGINE_AGE_NS);
  for (const text of recording.setUp ?? []) await typeLine(shells.get('node1')!, text);
  if (recording.after !== undefined) await runAll(run, recording.after);
  for (const [name, text] of Object.entries(recording.history ?? {})) {
    await typeLine(shells.get(name)!, text);
  }
  for (const [name, index] of Object.entries(recording.nextInterface ?? {})) {
    lab.world.machines.get(name)!.root.nextIndex = index;
  }
  const results = await runAll(run, recording.name, last, onResult);
  return { lab, ids: run.ids, results, frames: run.frames };
}

interface Run {
  readonly lab: DockerWorld;
  readonly shells: ReadonlyMap<string, Shell>;
  readonly ids: IdMap;
  readonly frames: Map<string, ReadonlyMap<string, readonly CapturedFrame[]>>;
}

async function runAll(
  { lab, shells, ids, frames }: Run,
  name: string,
  last = Number.POSITIVE_INFINITY,
  onResult: (result: SwarmResult) => void = () => {},
): Promise<SwarmResult[]> {
  const { world } = lab;
  const windows = Object.entries(recordingOf(name).windows ?? {});
  let capture: OpenCapture | null = null;
  const results: SwarmResult[] = [];
  const starts = await startTimes(recordingOf(name));
  const beginNs = world.sim.nowNs;
  for (const command of await readIndex(folderOf(name))) {
    if (command.seq > last) break;
    const shell = shells.get(command.machine)!;
    const recorded = await readFile(join(folderOf(name), 'out', command.file), 'utf8');
    const typed = withPauses(
      translateCommand(ids, command.text),
      recordingOf(name).pauses?.[command.seq],
    );
    const startNs = beginNs + starts.get(command.seq)! * SECOND_NS;
    letTimePass(shell.driver, Math.max(startNs - world.sim.nowNs, 0));
    const endNs = world.sim.nowNs + command.seconds * SECOND_NS;
    if (windows.some(([, [begin]]) => begin === command.seq)) capture = openCapture(lab);
    const stop = stopLater(
      shell,
      recordingOf(name).patience?.[command.seq] ?? command.seconds + PATIENCE_SEC,
    );
    const { output, exitCode, failure } = await attempt(shell, typed);
    stop();
    const closing = windows.find(([, [, end]]) => end === command.seq);
    const closeSec = closing?.[1][2];
    if (closeSec === undefined) letTimePass(shell.driver, Math.max(endNs - world.sim.nowNs, 0));
    if (closing !== undefined && capture !== null) {
      letTimePass(shell.driver, (closeSec ?? CLOSE_SEC) * SECOND_NS);
      frames.set(closing[0], finishCapture(capture));
      capture = null;
    }
    ids.token = /SWMTKN-1-[0-9a-z-]+/.exec(output)?.[0] ?? ids.token;
    if (!isAnswered(command.text)) {
      learnIds(ids, plainText(command.text, recorded), plainText(command.text, output));
    }
    const theirs = [
      ...swarmLines(command.text, recorded, ids, false),
      `[exit ${command.exitCode}]`,
    ];
    const ours = [...swarmLines(command.text, output, ids, true), `[exit ${exitCode}]`];
    const isEqual = theirs.join('\n') === ours.join('\n');
    const after = recordingOf(name).unrecorded?.[command.seq];
    if (after !== undefined) await typeLine(shells.get('node1')!, after);
    const result = { command, recorded, typed, output, exitCode, theirs, ours, isEqual, failure };
    results.push(result);
    onResult(result);
  }
  return results;
}

/** A line of several execs as it ran on the slow CPU. */
function withPauses(text: string, seconds: number | undefined): string {
  return seconds === undefined
    ? text
    : text.replaceAll('; docker exec', `; sleep ${seconds}; docker exec`);
}

/** Between two commands, on the emulated CPU. */
const PAUSE_SEC = 0.9;
const FAST_PAUSE_SEC = 0.3;
const PRINTED_TIME = /(?:Generated by iptables-save .*|;; WHEN: .*) (\d\d):(\d\d):(\d\d)/;

/** When each command began, in seconds after the first: by what it took, and by the times that were printed. */
async function startTimes({
  name,
  frameTimes = {},
  late = {},
}: SwarmRecording): Promise<Map<number, number>> {
  const starts = new Map<number, number>();
  let originSec: number | null = null;
  let atSec = 0;
  for (const { seq, seconds, file } of await readIndex(folderOf(name))) {
    const text = await readFile(join(folderOf(name), 'out', file), 'utf8');
    const printed = PRINTED_TIME.exec(text);
    const frame = /(\d\d):(\d\d):(\d\d(?:\.\d)?)/.exec(frameTimes[seq] ?? '');
    const match = frame ?? printed;
    if (match !== null) {
      const [, hours, minutes, rest] = match;
      // What is printed is of the moment, what is captured comes when the command is under way.
      const daySec = Number(hours) * 3600 + Number(minutes) * 60 + Number(rest);
      const startSec = frame === null ? daySec - seconds / 2 : daySec;
      originSec ??= startSec - atSec;
      // A frame's time is exact; what was printed may have been so before the command before ended.
      const knownSec = startSec - originSec;
      atSec = frame === null ? Math.max(atSec, knownSec) : knownSec;
    }
    atSec += late[seq] ?? 0;
    starts.set(seq, atSec);
    atSec += seconds + (name === 'L2-attach' ? FAST_PAUSE_SEC : PAUSE_SEC);
  }
  return starts;
}

/** What ended there because the CPU was slow may go on for ever here: Ctrl-C. */
const PATIENCE_SEC = 60;

function stopLater({ world, driver }: Shell, seconds: number): () => void {
  let isOver = false;
  const { sim } = world;
  spawn(sim, sim.cpu, 'recorder', function* (process) {
    yield* sleep(process, seconds * SECOND_NS);
    if (!isOver) interrupt(driver);
    return 0;
  });
  return () => {
    isOver = true;
  };
}

/** A capture stays open so long after its last command, if its frames do not say otherwise. */
const CLOSE_SEC = 6;

/** A program that fails must not hide the commands after it. */
async function attempt(
  shell: Shell,
  text: string,
): Promise<CommandResult & { readonly failure: string }> {
  try {
    return { ...(await typeLine(shell, text)), failure: '' };
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { output: '', exitCode: -1, failure };
  }
}

/** `  3 equal  docker network ls`, one line a command. */
export function verdictTable(
  results: readonly SwarmResult[],
  reasons: ReadonlyMap<number, string>,
): string {
  const rows = results.map(({ command: { seq, machine, text }, isEqual, failure }) => {
    const verdict = isEqual
      ? 'equal'
      : failure !== ''
        ? 'FAILS'
        : reasons.has(seq)
          ? 'reason'
          : 'DIFFERS';
    return `${String(seq).padStart(3)} ${verdict.padEnd(8)}${machine} ${text.slice(0, 90)}`;
  });
  const equal = results.filter(({ isEqual }) => isEqual).length;
  const share = ((100 * equal) / Math.max(results.length, 1)).toFixed(1);
  return `${rows.join('\n')}\nequal ${equal} of ${results.length} (${share} %)`;
}

/** The lines that only one side has, with the numbers of the recorded ones. */
export function differenceOf({ theirs, ours, failure, typed }: SwarmResult): string {
  const [gone, added] = [unmatched(theirs, ours), unmatched(ours, theirs)];
  const shown = [
    ...gone.map((at) => `  - ${theirs[at]}`),
    ...added.map((at) => `  + ${ours[at]}`),
    ...(gone.length + added.length === 0 ? ['  (the same lines in another order)'] : []),
  ];
  return `$ ${typed}\n${failure === '' ? '' : `${failure}\n`}${shown.slice(0, 40).join('\n')}`;
}

function unmatched(lines: readonly string[], others: readonly string[]): number[] {
  const counts = new Map<string, number>();
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1);
  return lines.flatMap((line, at) => {
    const left = counts.get(line) ?? 0;
    counts.set(line, left - 1);
    return left > 0 ? [] : [at];
  });
}

async function main([name = 'L2', ...words]: readonly string[]): Promise<void> {
  const range = words.find((word) => /^\d/.test(word)) ?? (words.includes('frames') ? '9999' : '');
  const mode = words.find((word) => /^[a-z]/.test(word)) ?? '';
  const [first = 1, last = first] = range === '' ? [1, 9999] : range.split('-').map(Number);
  let atMs = performance.now();
  const show = (result: SwarmResult): void => {
    const spentMs = Math.round(performance.now() - atMs);
    atMs = performance.now();
    if (spentMs > 1000) console.log(`(#${result.command.seq} took ${spentMs} ms)`);
    if (result.command.seq < first) return;
    if (mode === 'whole')
      console.log(`$ ${result.typed}\n${result.recorded}\n---\n${result.output}`);
    if (!result.isEqual) console.log(`\n#${result.command.seq} ${differenceOf(result)}`);
  };
  const { results, frames, ids } = await replaySwarm(recordingOf(name), last, show);
  for (const [folder, byInterface] of frames) {
    if (!existsSync(join(folderOf(name), folder))) continue;
    const rows = compareFrames(join(folderOf(name), folder), byInterface, ids);
    const sum = (of: 'equal' | 'total'): number => rows.reduce((all, row) => all + row[of], 0);
    console.log(`\n${folder}: frames equal ${sum('equal')} of ${sum('total')}`);
    for (const row of rows) {
      const counts = `${row.recorded} ${row.own} ${row.equal}`;
      console.log(`  ${row.file.padEnd(36)} ${counts}`);
      if (mode === 'frames') for (const line of row.differences) console.log(`    ${line}`);
    }
  }
  const wanted = results.filter(({ command: { seq } }) => seq >= first);
  console.log(`\n${verdictTable(wanted, reasonsOf(name))}`);
}

if (process.argv[1]?.endsWith('replay-swarm.ts') === true) await main(process.argv.slice(2));
