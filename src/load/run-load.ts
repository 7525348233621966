/** One run of load: build, warm up, measure, wait for the last answers, sum up. */
import type { DropReason } from '../engine/drop-reason.ts';
import { buildSwarm, type SwarmUnderLoad } from './build-swarm.ts';
import type { Clients } from './clients.ts';
import { startDatagramClients } from './datagram-clients.ts';
import { makeExchange } from './exchange.ts';
import type { LoadSpec } from './load-spec.ts';
import {
  doneNs,
  type Meter,
  makeMeter,
  runMetered,
  type Sample,
  type WatchedHost,
} from './meter.ts';
import { type LoadRecord, makeRecord } from './record.ts';
import { startServers } from './servers.ts';
import { startStreamClients } from './stream-clients.ts';

/** Points of the curves over time. */
const SAMPLES = 60;

export const PERCENTILES = [50, 90, 99, 99.9] as const;

export interface LatencySummary {
  readonly meanNs: number;
  readonly p50Ns: number;
  readonly p90Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
  readonly maxNs: number;
}

export interface Count {
  readonly name: string;
  readonly count: number;
}

export interface ReplicaShare {
  readonly name: string;
  readonly node: string;
  readonly answers: number;
  readonly share: number;
}

export interface HostUse {
  readonly name: string;
  /** Share of the measured time in which the CPU worked. */
  readonly cpuShare: number;
  readonly cpuBehindMaxNs: number;
  /** Share of the link's rate that was used. */
  readonly sendShare: number;
  readonly receiveShare: number;
  readonly sendQueueMaxFrames: number;
  readonly receiveQueueMaxFrames: number;
}

export interface LoadResult {
  readonly spec: LoadSpec;
  /** Requests that were meant to be sent in the measured time, and what became of them. */
  readonly offered: number;
  readonly answered: number;
  readonly lossRate: number;
  readonly losses: readonly Count[];
  /** Packets dropped anywhere while it was measured, by reason. */
  readonly drops: readonly Count[];
  readonly offeredPerSec: number;
  /** Answers a second while it was measured. */
  readonly answeredPerSec: number;
  readonly latency: LatencySummary;
  readonly replicas: readonly ReplicaShare[];
  readonly hosts: readonly HostUse[];
  readonly samples: readonly Sample[];
  readonly events: number;
  readonly virtualNs: number;
  /** Equal for equal runs: of every latency in order, and of the numbers above. */
  readonly hash: string;
}

/** Told how far a run is, 0..1; true from it ends the run with what there is. */
export type Progress = (share: number) => boolean;

/** Runs it. @throws NetsimError if the service does not come up. */
export function runLoad(spec: LoadSpec, progress: Progress = () => false): LoadResult {
  const swarm = buildSwarm(spec);
  const { sim } = swarm.world;
  const startNs = Math.ceil(sim.nowNs / 1e6) * 1e6 + 1e6;
  const fromNs = startNs + spec.warmupNs;
  const toNs = fromNs + spec.durationNs;
  const record = makeRecord(fromNs, toNs, swarm.replicas.length);
  const exchange = makeExchange(spec);
  const clients: Clients = { spec, swarm, exchange, record, startNs, endNs: toNs };
  startServers(spec, swarm.replicas, exchange);
  const finish =
    spec.protocol === 'udp' ? startDatagramClients(clients) : startStreamClients(clients);
  runMetered(makeMeter(sim, [], spec.durationNs), fromNs);
  if (progress(spec.warmupNs / (spec.warmupNs + spec.durationNs))) return emptyResult(spec, swarm);
  const hosts = watch(swarm);
  const meter = makeMeter(sim, hosts, Math.ceil(spec.durationNs / SAMPLES));
  const drops = countDrops(swarm);
  const before = traffic(hosts);
  let measuredNs = 0;
  for (let part = 1; part <= SAMPLES; part++) {
    measuredNs = Math.round((spec.durationNs * part) / SAMPLES);
    runMetered(meter, fromNs + measuredNs);
    if (progress((spec.warmupNs + measuredNs) / (spec.warmupNs + spec.durationNs))) break;
  }
  const use = usesOf(meter, hosts, before, measuredNs, fromNs + measuredNs, spec);
  sim.onDrop = null;
  runMetered(makeMeter(sim, [], spec.timeoutNs), toNs + spec.timeoutNs);
  finish();
  return summarise(spec, swarm, record, { drops, use, samples: meter.samples, measuredNs, fromNs });
}

function watch({ nodes, client }: SwarmUnderLoad): WatchedHost[] {
  return nodes.map(({ name, cpu, root }, i) => ({
    name,
    cpu,
    card: root.deviceByName.get('eth0')!, // build-swarm laid the cables
    port: client.root.deviceByName.get(`lan-n${i + 1}`)!,
  }));
}

/** By reason and machine. */
function countDrops({ world }: SwarmUnderLoad): Map<string, number> {
  const counts = new Map<string, number>();
  const machines = [...world.machines.values()];
  const nameOf = new Map(machines.map(({ cpu, name }) => [cpu, name]));
  world.sim.onDrop = (packet, reason: DropReason, where) => {
    // The place is that of the end; the device may still be the one that it came from.
    const root = where.slice(0, Math.max(0, where.lastIndexOf('.')));
    const cpu = packet.device?.netns.cpu;
    const machine = world.machines.has(root) ? root : cpu === undefined ? where : nameOf.get(cpu);
    const name = `${reason} at ${machine ?? where}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  };
  return counts;
}

function traffic(hosts: readonly WatchedHost[]): { sent: number; received: number }[] {
  return hosts.map(({ card, port }) => ({ sent: card.txBytes, received: port.txBytes }));
}

function usesOf(
  meter: Meter,
  hosts: readonly WatchedHost[],
  before: readonly { sent: number; received: number }[],
  measuredNs: number,
  nowNs: number,
  { linkBitPerSec }: LoadSpec,
): HostUse[] {
  const max = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);
  const linkBytes = (linkBitPerSec * measuredNs) / 8e9;
  const after = traffic(hosts);
  return hosts.map(({ name, cpu }, i) => ({
    name,
    cpuShare: doneNs(meter, cpu, nowNs) / measuredNs,
    cpuBehindMaxNs: max(meter.samples.map((each) => each.cpuBehindNs[i]!)),
    sendShare: (after[i]!.sent - before[i]!.sent) / linkBytes,
    receiveShare: (after[i]!.received - before[i]!.received) / linkBytes,
    sendQueueMaxFrames: max(meter.samples.map((each) => each.sendQueueFrames[i]!)),
    receiveQueueMaxFrames: max(meter.samples.map((each) => each.receiveQueueFrames[i]!)),
  }));
}

interface Measured {
  readonly drops: ReadonlyMap<string, number>;
  readonly use: readonly HostUse[];
  readonly samples: readonly Sample[];
  readonly measuredNs: number;
  readonly fromNs: number;
}

function summarise(
  spec: LoadSpec,
  { world, replicas }: SwarmUnderLoad,
  record: LoadRecord,
  { drops, use, samples, measuredNs, fromNs }: Measured,
): LoadResult {
  const { latency, offered, answered } = record;
  const at = (percentile: number): number =>
    answered === 0 ? 0 : latency.getValueAtPercentile(percentile);
  const seconds = measuredNs / 1e9;
  const result = {
    spec,
    offered,
    answered,
    lossRate: offered === 0 ? 0 : (offered - answered) / offered,
    losses: sorted(record.losses),
    drops: sorted(drops),
    offeredPerSec: offered / seconds,
    answeredPerSec: record.answeredInWindow / seconds,
    latency: {
      meanNs: answered === 0 ? 0 : latency.mean,
      p50Ns: at(50),
      p90Ns: at(90),
      p99Ns: at(99),
      p999Ns: at(99.9),
      maxNs: answered === 0 ? 0 : latency.maxValue,
    },
    replicas: replicas.map(({ name, node }, i) => ({
      name,
      node: node.name,
      answers: record.answers[i]!,
      share: answered === 0 ? 0 : record.answers[i]! / answered,
    })),
    hosts: use,
    samples: samples.map((each) => ({ ...each, atNs: each.atNs - fromNs })),
    events: world.sim.eventCount,
    virtualNs: world.sim.nowNs,
  };
  return { ...result, hash: hashOf(`${record.checksum} ${JSON.stringify(result)}`) };
}

function sorted(counts: ReadonlyMap<string, number>): Count[] {
  return [...counts]
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
}

/** What is left of a run that was ended while it warmed up. */
function emptyResult(spec: LoadSpec, swarm: SwarmUnderLoad): LoadResult {
  const record = makeRecord(0, 1, swarm.replicas.length);
  const nothing = { drops: new Map(), use: [], samples: [], measuredNs: 1, fromNs: 0 };
  return summarise(spec, swarm, record, nothing);
}

/** FNV-1a, twice from different starts: 16 hexadecimal digits. */
export function hashOf(text: string): string {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ text.charCodeAt(i), 0x0100_01b3);
  }
  return [a, b].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}
