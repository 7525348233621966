/** Runs a script as `netsim run --pcap` does, but in a world that the test chooses; the laws must hold. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunOutcome, runUntil, type Simulator } from '../../src/engine/simulator.ts';
import {
  type Capture,
  captureDevices,
  captureDirections,
  captureFiles,
  closeCapture,
  makeCapture,
} from '../../src/observe/capture.ts';
import { checkLaws } from '../../src/observe/invariants.ts';
import { readPcap } from '../../src/observe/pcap.ts';
import { runScript } from '../../src/shell/run-script.ts';
import { addMachine, createWorld, type World, type WorldOptions } from '../../src/world/world.ts';
import { frameLines } from './compare-frames.ts';
import { TWIN_FOLDER } from './recorded.ts';
import { TEST_HOST } from './shell.ts';

export interface RecordedRun {
  readonly world: World;
  readonly exitCode: number;
  /** What the commands printed, both streams in order. */
  readonly output: string;
  readonly capture: Capture;
}

/** Virtual time after which what was under way has arrived or is given up. */
const SETTLE_NS = 60e9;

/** Lets virtual time pass, whoever asks for a pause meanwhile. */
export function letRest(sim: Simulator, durationNs = SETTLE_NS): RunOutcome {
  const endNs = sim.nowNs + durationNs;
  let outcome: RunOutcome;
  do outcome = runUntil(sim, endNs);
  while (outcome === 'paused');
  return outcome;
}

/** The text of a twin script. */
export function twinText(name: string): string {
  return readFileSync(join(TWIN_FOLDER, `${name}.sh`), 'utf8');
}

/** Runs a script that has a `#@record` line. */
export async function runRecorded(text: string, options: WorldOptions = {}): Promise<RecordedRun> {
  const world = createWorld(options);
  const machine = addMachine(world);
  const capture = makeCapture();
  let output = '';
  const write = (piece: string): void => {
    output += piece;
  };
  const exitCode = await runScript(world, machine, text, {
    host: TEST_HOST,
    fileName: 'script',
    write,
    writeError: write,
    onRecord: () => {
      for (const netns of [machine.root, ...machine.namespaces.values()]) {
        captureDevices(capture, netns.devices);
      }
    },
  });
  closeCapture(capture);
  letRest(world.sim);
  checkLaws(world.sim, { namespaces: [machine.root, ...machine.namespaces.values()] });
  return { world, exitCode, output, capture };
}

/** The frames of each interface as lines of text without what a kernel picks at random, in order. */
export function linesByInterface({ capture }: RecordedRun): Map<string, string[]> {
  const directions = captureDirections(capture);
  const lines = new Map<string, string[]>();
  for (const { name, bytes } of captureFiles(capture)) {
    const frames = readPcap(bytes).frames.map((frame) => frame.bytes);
    lines.set(name, frameLines(frames, directions[name] ?? '', { isPartial: false }));
  }
  return lines;
}
