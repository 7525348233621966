/**
 * A session: the world that a topology or a script built, with the observers that the options ask
 * for, and what runs commands in it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NetsimError } from '../base/errors.ts';
import type { Netns } from '../engine/device.ts';
import { type RunOutcome, runUntil, type Simulator } from '../engine/simulator.ts';
import {
  type Capture,
  captureDevices,
  captureDirections,
  captureFiles,
  captureNote,
  closeCapture,
  makeCapture,
  noteDrop,
} from '../observe/capture.ts';
import { traceLines } from '../observe/explain.ts';
import { shortNamespaceName } from '../observe/packet-place.ts';
import { eventsOf, observeDrops, startTrace, type TraceRecorder } from '../observe/trace.ts';
import type { ShellHost } from '../shell/driver.ts';
import { runScript } from '../shell/run-script.ts';
import { quoteWord } from '../shell/shell.ts';
import { buildDockerWorld } from '../topology/docker-world.ts';
import type { DockerTopology } from '../topology/topology.ts';
import type { Machine } from '../world/machine.ts';
import { addMachine, createWorld, type World } from '../world/world.ts';
import { noteRun } from './current-run.ts';
import type { CommonOptions } from './options.ts';
import { hostOfNamespace, namespacesOf, type Place } from './place.ts';
import type { Surroundings } from './surroundings.ts';
import type { LoadedTopology } from './topologies.ts';

export interface Session {
  readonly world: World;
  readonly machine: Machine;
  readonly options: CommonOptions;
  readonly surroundings: Surroundings;
  readonly host: ShellHost;
  capture: Capture | null;
  trace: TraceRecorder | null;
  /** Everything that commands printed, both streams in order. */
  output: string;
}

/** The shell's window on Node: timers get their turn, and Date objects for its file records. */
export const NODE_HOST: ShellHost = {
  yieldToPrograms: () => new Promise((resolve) => setImmediate(resolve)),
  makeDate: (epochMs) => new Date(epochMs),
};

/** A session with an empty machine, or with the machines of a Docker world. */
export function makeSession(
  options: CommonOptions,
  surroundings: Surroundings,
  docker: DockerTopology | null = null,
): Session {
  const { world, machine } = makeMachines(options.seed, docker);
  const session: Session = {
    world,
    machine,
    options,
    surroundings,
    host: NODE_HOST,
    capture: null,
    trace: null,
    output: '',
  };
  surroundings.onInterrupt(() => writeCaptures(session));
  noteRun(world.sim);
  return session;
}

function makeMachines(
  seed: number,
  docker: DockerTopology | null,
): { readonly world: World; readonly machine: Machine } {
  if (docker === null) {
    const world = createWorld({ seed });
    return { world, machine: addMachine(world) };
  }
  const { nodes, internet, engine } = docker;
  const version = engine === null ? {} : { version: engine };
  const built = buildDockerWorld({ nodes, internet, seed, engine: version });
  return { world: built.world, machine: built.nodes[0]! };
}

/** A session in which the topology's script has run (up to its `#@record` line, if it has one). */
export async function openTopology(
  loaded: LoadedTopology,
  options: CommonOptions,
  surroundings: Surroundings,
): Promise<Session> {
  for (const warning of loaded.warnings ?? []) {
    surroundings.writeError(`netsim: warning: ${warning}\n`);
  }
  const seed = options.isSeedGiven ? options.seed : (loaded.seed ?? options.seed);
  const session = makeSession({ ...options, seed }, surroundings, loaded.topology.docker);
  const setup = loaded.script.split(/^#@record$/m)[0]!;
  let output = '';
  const keep = (text: string, line = 0): void => {
    const isPlaced = line === 0 || text === '' || text.startsWith(loaded.scriptFile);
    output += isPlaced ? text : `${loaded.scriptFile}:${line}: ${text}`;
  };
  const exitCode = await runScript(session.world, session.machine, setup, {
    host: session.host,
    fileName: loaded.scriptFile,
    write: (text) => keep(text),
    writeError: keep,
  });
  if (exitCode !== 0) {
    throw new NetsimError(
      'topology-setup',
      `the set-up failed (exit code ${exitCode})\n${output}`,
      {
        where: { file: loaded.scriptFile },
      },
    );
  }
  if (output !== '') surroundings.writeError(output);
  settle(session.world.sim);
  startObservers(session);
  return session;
}

/** Virtual time in which a network that was just wired comes to rest (bridges announce themselves). */
const SETTLE_NS = 3_000_000_000;

function settle(sim: Simulator): void {
  const endNs = sim.nowNs + SETTLE_NS;
  let outcome: RunOutcome;
  do outcome = runUntil(sim, endNs);
  while (outcome === 'paused');
}

/** Opens what the options ask for: captures on every interface, the recorder of packet events. */
export function startObservers(session: Session, needsTrace = false): void {
  const { options, world } = session;
  if (session.trace === null && (needsTrace || options.isTraced)) {
    session.trace = startTrace(world.sim);
  }
  if (options.pcapFolder === null || session.capture !== null) return;
  const capture = openCapture(session, false);
  for (const netns of namespacesOf(world)) captureDevices(capture, netns.devices);
}

/** Opens captures on whatever interface is made from now on: for a script that names no moment. */
export function startObserversFromBirth(session: Session): void {
  const { options, world } = session;
  if (options.isTraced) session.trace = startTrace(world.sim);
  if (options.pcapFolder === null) return;
  const capture = openCapture(session, true);
  if (world.machines.size > 1) {
    for (const netns of namespacesOf(world)) captureDevices(capture, netns.devices);
  }
  world.sim.onDevice = (device) => captureDevices(capture, [device]);
}

function openCapture(session: Session, followsNames: boolean): Capture {
  const nameOf = (netns: Netns): string => captureName(session.world, netns);
  const capture = makeCapture({ followsNames, nameOf });
  session.capture = capture;
  observeDrops(session.world.sim, (packet, reason, where) =>
    noteDrop(capture, packet, reason, where),
  );
  return capture;
}

/** Namespaces that each host of a swarm has by the same name. */
const SANDBOX_NAME = /^(?:\d+-[0-9a-z]+|lb_[0-9a-z]+|ingress_sbox)$/;

/** What a namespace is called in file names: `node2-ingress_sbox`, `web.1`. */
function captureName(world: World, { name, id }: Netns): string {
  if (!SANDBOX_NAME.test(name)) return shortNamespaceName(name);
  const host = hostOfNamespace(world, name, id);
  return host === null ? name : `${host}-${name}`;
}

/** Runs a command in a place. @returns its exit code; what it prints goes to the terminal. */
export function runCommand(
  session: Session,
  { machine, netns }: Place,
  argv: readonly string[],
): Promise<number> {
  const words = argv.map(quoteWord).join(' ');
  const isRoot = netns === machine.root;
  const text = isRoot ? words : `ip netns exec ${quoteWord(netns.name)} ${words}`;
  return runText(session, text, 'netsim', { machine });
}

/** Runs the text of a script. @returns its exit code; what it prints goes to the terminal. */
export async function runText(
  session: Session,
  text: string,
  fileName: string,
  rest: {
    readonly onRecord?: () => void;
    readonly args?: readonly string[];
    /** The session's own if it is left out. */
    readonly machine?: Machine;
  } = {},
): Promise<number> {
  const { surroundings, options } = session;
  const { machine = session.machine, ...others } = rest;
  const show = (write: (text: string) => void) => (piece: string) => {
    session.output += piece;
    if (!options.isJson) write(piece);
  };
  return runScript(session.world, machine, text, {
    host: session.host,
    fileName,
    write: show(surroundings.write),
    writeError: show(surroundings.writeError),
    ...others,
  });
}

/** Ends a session: the trace to standard error, captures to their folder. */
export function closeSession(session: Session): void {
  const { options, trace, surroundings } = session;
  if (options.isTraced && trace !== null && !options.isJson) {
    const lines = traceLines(eventsOf(trace));
    surroundings.writeError(lines.map((line) => `${line}\n`).join(''));
  }
  writeCaptures(session);
}

/** What the captures themselves do not say: the seed, and which frames came in and went out. */
function metaText(session: Session, capture: Capture): string {
  const meta = {
    seed: session.world.sim.seed,
    directions: captureDirections(capture),
    partial_checksums: [],
    dropped: capture.lostFrames,
  };
  return `${JSON.stringify(meta, null, 1)}\n`;
}

/** Writes the captures, if there are any and they are not written yet. */
function writeCaptures(session: Session): void {
  const { capture, options, surroundings, world } = session;
  if (capture === null || options.pcapFolder === null) return;
  session.capture = null;
  closeCapture(capture);
  const format = options.pcapFormat;
  try {
    mkdirSync(options.pcapFolder, { recursive: true });
    for (const file of captureFiles(capture, { format, epochSec: world.epochS })) {
      writeFileSync(join(options.pcapFolder, file.name), file.bytes);
    }
    writeFileSync(join(options.pcapFolder, 'output.txt'), session.output);
    writeFileSync(join(options.pcapFolder, 'meta.json'), metaText(session, capture));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // node:fs throws nothing else
    throw new NetsimError('pcap-write', `cannot write to ${options.pcapFolder}: ${code}`, {
      hint: '--pcap takes a folder that exists or can be made',
    });
  }
  const note = captureNote(capture);
  if (note !== null) surroundings.writeError(`netsim: ${note}\n`);
}
