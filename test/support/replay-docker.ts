// Runs the commands of a recorded Docker lab in netsim, in the recorded rhythm, with the same captures open.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EngineOptions, engineOf } from '../../src/docker/engine.ts';
import type { Device } from '../../src/engine/device.ts';
import {
  type Capture,
  captureDevices,
  closeCapture,
  makeCapture,
} from '../../src/observe/capture.ts';
import { makeShell } from '../../src/shell/bash.ts';
import { enterShell, leaveShell, letTimePass } from '../../src/shell/driver.ts';
import { execute, type Shell } from '../../src/shell/shell.ts';
import { makeTerminal } from '../../src/shell/terminal.ts';
import { setPromiscuous } from '../../src/stack/link.ts';
import { buildDockerWorld, type DockerWorld } from '../../src/topology/docker-world.ts';
import type { Machine } from '../../src/world/machine.ts';
import { TEST_HOST } from './shell.ts';

export const L1_FOLDER = join(import.meta.dirname, '../fixtures/docker/L1');

export interface RecordedCommand {
  readonly seq: number;
  readonly machine: string;
  readonly exitCode: number;
  readonly seconds: number;
  readonly file: string;
  readonly text: string;
}

export interface CommandResult {
  readonly output: string;
  readonly exitCode: number;
}

/** A capture that was open while some of the commands ran. */
export interface CaptureWindow {
  readonly folder: string;
  /** Opened `openSeconds` before the first of these commands, closed `closeSeconds` after the last. */
  readonly first: number;
  readonly last: number;
  readonly openSeconds: number;
  readonly closeSeconds: number;
}

/** As the times of the frames tell. */
export const L1_WINDOWS: readonly CaptureWindow[] = [
  { folder: 'pcap-ping', first: 26, last: 29, openSeconds: 2.5, closeSeconds: 1.9 },
  { folder: 'pcap-publish', first: 44, last: 49, openSeconds: 3.8, closeSeconds: 2.1 },
  { folder: 'pcap-dns', first: 82, last: 92, openSeconds: 2.6, closeSeconds: 1.9 },
];

/** dockerd had run for 3 minutes when the lab began. */
export const ENGINE_AGE_NS = 180e9;
const SECOND_NS = 1e9;

/** The rows of an index. */
export async function readIndex(folder: string): Promise<RecordedCommand[]> {
  const text = await readFile(join(folder, 'index.tsv'), 'utf8');
  const rows = text.trimEnd().split('\n').slice(1);
  return rows.map((row) => {
    const [seq = '', machine = '', exitCode = '', seconds = '', file = '', ...command] =
      row.split('\t');
    const numbers = { seq: Number(seq), exitCode: Number(exitCode), seconds: Number(seconds) };
    return { ...numbers, machine, file, text: command.join('\t') };
  });
}

/** The machines of the labs; nothing answers DNS on the client. */
export function buildLab(options: { seed?: number; engine?: EngineOptions } = {}): DockerWorld {
  const { seed = 1, engine = {} } = options;
  return buildDockerWorld({ nodes: 3, internet: false, engine, seed });
}

export interface Replay {
  readonly results: ReadonlyMap<number, CommandResult>;
  /** Frames by window's folder and interface (`c1/eth0`, `node1/docker0`, `node1/veth c1`). */
  readonly frames: ReadonlyMap<string, ReadonlyMap<string, readonly Uint8Array[]>>;
}

/** Runs all commands in order. */
export async function replay(
  lab: DockerWorld,
  commands: readonly RecordedCommand[],
  windows: readonly CaptureWindow[],
): Promise<Replay> {
  const { world } = lab;
  const results = new Map<number, CommandResult>();
  const frames = new Map<string, Map<string, readonly Uint8Array[]>>();
  const shells = new Map<string, Shell>();
  for (const machine of world.machines.values()) {
    shells.set(machine.name, await makeShell(world, machine, TEST_HOST));
  }
  let capture: Capture | null = null;
  let names = new Map<Device, string>();
  for (const command of commands) {
    const shell = shells.get(command.machine)!;
    if (results.size === 0) letTimePass(shell.driver, ENGINE_AGE_NS);
    const opening = windows.find(({ first }) => first === command.seq);
    if (opening !== undefined) {
      names = deviceNames(lab);
      capture = makeCapture();
      captureDevices(capture, names.keys());
      // The recorder's taps did so: a bridge then sees what it forwards.
      for (const device of names.keys()) setPromiscuous(device, true);
      letTimePass(shell.driver, opening.openSeconds * SECOND_NS);
    }
    const endNs = world.sim.nowNs + command.seconds * SECOND_NS;
    results.set(command.seq, await typeLine(shell, command.text));
    letTimePass(shell.driver, Math.max(endNs - world.sim.nowNs, 0));
    const closing = windows.find(({ last }) => last === command.seq);
    if (closing === undefined || capture === null) continue;
    letTimePass(shell.driver, closing.closeSeconds * SECOND_NS);
    closeCapture(capture);
    for (const device of names.keys()) setPromiscuous(device, false);
    frames.set(closing.folder, framesByName(capture, names));
  }
  return { results, frames };
}

/** Types one line at a machine's prompt. */
export async function typeLine(shell: Shell, text: string): Promise<CommandResult> {
  let output = '';
  const write = (piece: string): void => {
    output += piece;
  };
  shell.sink = makeTerminal(shell, { fileName: null, write, writeError: write });
  enterShell(shell.driver);
  try {
    const options = { env: {}, cwd: '/root', stdin: '', isTerminal: true };
    const result = await execute(shell, shell.machine.root, text, options);
    if (shell.failure !== null) throw shell.failure;
    return { output: output + result.stdout + result.stderr, exitCode: result.exitCode };
  } finally {
    leaveShell(shell.driver);
  }
}

/** Every interface of the lab but loopbacks, with a name that does not hang on chance. */
function deviceNames(lab: DockerWorld): Map<Device, string> {
  const names = new Map<Device, string>();
  for (const machine of lab.world.machines.values()) {
    if (machine.host === null) addMachineDevices(machine, names);
  }
  return names;
}

function addMachineDevices(machine: Machine, names: Map<Device, string>): void {
  const engine = engineOf(machine);
  for (const container of engine?.containers.values() ?? []) {
    for (const { containerDevice, hostDevice } of container.endpoints.values()) {
      if (containerDevice === null || hostDevice === null) continue;
      names.set(containerDevice, `${container.name}/${containerDevice.name}`);
      names.set(hostDevice, `${machine.name}/veth ${container.name}`);
    }
  }
  for (const network of engine?.networks.values() ?? []) {
    if (network.device !== null)
      names.set(network.device, `${machine.name}/bridge ${network.name}`);
  }
  for (const device of machine.root.devices) {
    if (!device.isLoopback && !names.has(device))
      names.set(device, `${machine.name}/${device.name}`);
  }
}

export function framesByName(
  capture: Capture,
  names: ReadonlyMap<Device, string>,
): Map<string, readonly Uint8Array[]> {
  const frames = new Map<string, readonly Uint8Array[]>();
  for (const { device, frames: kept } of capture.interfaces) {
    frames.set(
      names.get(device)!,
      kept.map(({ bytes }) => bytes),
    );
  }
  return frames;
}
