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

/** Runs it to the end. @throws NetsimError if the service does not come up. */
export function runLoad(spec: LoadSpec): LoadResult {
  const steps = loadSteps(spec);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/**
 * The same in pieces, between which the caller may do something else: yields how far it is, 0..1.
 * @throws NetsimError
 */
export function* loadSteps(spec: LoadSpec): Generator<number, LoadResult, void> {
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
  runMetered(makeMeter(sim, [], spec.durationNs, sim.nowNs), fromNs);
  const totalNs = spec.warmupNs + spec.durationNs;
  yield spec.warmupNs / totalNs;
  const hosts = watch(swarm);
  const meter = makeMeter(sim, hosts, Math.floor(spec.durationNs / SAMPLES), fromNs);
  const drops = countDrops(swarm);
  const before = traffic(hosts);
  for (let part = 1; part <= SAMPLES; part++) {
    const measuredNs = Math.round((spec.durationNs * part) / SAMPLES);
    runMetered(meter, fromNs + measuredNs);
    yield (spec.warmupNs + measuredNs) / totalNs;
  }
  const use = usesOf(meter, hosts, before, toNs, spec);
  sim.onDrop = null;
  runMetered(makeMeter(sim, [], spec.timeoutNs, toNs), toNs + spec.timeoutNs);
  finish();
  return summarise(spec, swarm, record, { drops, use, samples: meter.samples, fromNs });
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
  nowNs: number,
  { linkBitPerSec, durationNs }: LoadSpec,
): HostUse[] {
  const max = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);
  const linkBytes = (linkBitPerSec * durationNs) / 8e9;
  const after = traffic(hosts);
  return hosts.map(({ name, cpu }, i) => ({
    name,
    cpuShare: doneNs(meter, cpu, nowNs) / durationNs,
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
  readonly fromNs: number;
}

function summarise(
  spec: LoadSpec,
  { world, replicas }: SwarmUnderLoad,
  record: LoadRecord,
  { drops, use, samples, fromNs }: Measured,
): LoadResult {
  const { latency, offered, answered } = record;
  const at = (percentile: number): number =>
    answered === 0 ? 0 : Math.min(latency.maxValue, latency.getValueAtPercentile(percentile));
  const seconds = spec.durationNs / 1e9;
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

/** FNV-1a, twice from different starts: 16 hexadecimal digits. */
export function hashOf(text: string): string {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ text.charCodeAt(i), 0x0100_01b3);
  }
  return [a, b].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}
