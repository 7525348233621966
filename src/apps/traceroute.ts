/**
 * traceroute: probes with a growing TTL, several at a time, printed in order as they are answered.
 * @source traceroute 2.1.2 traceroute.c do_it(), get_timeout(), check_expired(), print_probe()
 */
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import { NS_PER_SEC } from '../base/units.ts';
import type { Device } from '../engine/device.ts';
import { type Process, type Program, type WaitQueue, waitFor } from '../engine/process.ts';
import { timeNs } from '../engine/simulator.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import type { ProgramOutput } from './program-output.ts';
import { makeProbeMethod, type ProbeMethod } from './traceroute-probe.ts';

/** Added to a measured round trip before it is used to guess how long to wait for others. */
const WAIT_PRECISION_SEC = 0.001;

export interface TracerouteOptions {
  readonly target: Ipv4;
  readonly host: string;
  readonly method: 'udp' | 'udp-constant' | 'icmp' | 'tcp';
  readonly firstHop: number;
  readonly maxHops: number;
  readonly probesPerHop: number;
  readonly simultaneousProbes: number;
  readonly waitSec: number;
  readonly hereFactor: number;
  readonly nearFactor: number;
  readonly sendWaitSec: number;
  /** Port, or first sequence number for ICMP; 0 for the method's default. */
  readonly port: number;
  /** Whole packet. */
  readonly packetBytes: number;
  readonly setsDontFragment: boolean;
  readonly tos: number;
  readonly mark: number;
  readonly source: Ipv4;
  readonly device: Device | null;
  readonly nameOf: ((process: Process, address: Ipv4) => Program<string | null>) | null;
}

/** One probe and what became of it; times in nanoseconds, 0 for not yet. */
export interface Probe {
  isDone: boolean;
  /** The target itself (or a reason to go no further) answered. */
  isFinal: boolean;
  sentNs: number;
  receivedNs: number;
  /** Who answered, null if nobody did. */
  from: Ipv4 | null;
  /** `!H`, say. */
  mark: string;
  /** What the method knows it by: a socket's port, a sequence number. */
  key: number;
}

interface Run {
  readonly process: Process;
  readonly options: TracerouteOptions;
  readonly output: ProgramOutput;
  readonly method: ProbeMethod;
  readonly probes: Probe[];
  /** Probes [start, end) are still to be printed. */
  start: number;
  end: number;
  lastSentNs: number;
}

/** Traces the way to a target. @returns the exit code: 0, or 1 if the kernel refused. */
export function* traceroute(
  process: Process,
  netns: NetNamespace,
  options: TracerouteOptions,
  output: ProgramOutput,
): Program {
  const { probesPerHop, maxHops, firstHop, target } = options;
  const method = makeProbeMethod(process, netns, options);
  if (typeof method === 'string') {
    output.writeError(`${method}\n`);
    return 1;
  }
  const count = maxHops * probesPerHop;
  const run: Run = {
    process,
    options,
    output,
    method,
    probes: Array.from({ length: count }, () => emptyProbe()),
    start: (firstHop - 1) * probesPerHop,
    end: count,
    lastSentNs: 0,
  };
  const size = `${maxHops} hops max, ${options.packetBytes} byte packets`;
  output.write(`traceroute to ${options.host} (${formatIpv4(target)}), ${size}`);
  while (run.start < run.end && process.signal === null) {
    const untilNs = yield* round(run);
    if (untilNs === 'failed') return 1;
    if (untilNs > 0) yield* awaitAnswers(run, untilNs);
  }
  output.write('\n');
  if (process.signal !== null) return process.signal === 'SIGINT' ? 130 : 143;
  return 0;
}

function emptyProbe(): Probe {
  return {
    isDone: false,
    isFinal: false,
    sentNs: 0,
    receivedNs: 0,
    from: null,
    mark: '',
    key: 0,
  };
}

/** Prints what is ready, sends what may be sent. @returns when to look again, 0 for at once. */
function* round(run: Run): Program<number | 'failed'> {
  const { options, probes, process, method } = run;
  const { probesPerHop } = options;
  let underWay = 0;
  let untilNs = 0;
  const now = timeNs(process.sim);
  for (let n = run.start; n < run.end; n++) {
    const probe = probes[n]!;
    if (n === run.start && !probe.isDone && probe.sentNs > 0) {
      const expiresNs = probe.sentNs + timeoutNs(run, n);
      if (expiresNs > now) untilNs = expiresNs;
      else expire(run, n);
    }
    if (probe.isDone) {
      if (n === run.start) {
        yield* print(run, n);
        run.start++;
      }
      if (probe.isFinal) run.end = (Math.floor(n / probesPerHop) + 1) * probesPerHop;
      continue;
    }
    if (probe.sentNs === 0) {
      const allowedNs = run.lastSentNs + options.sendWaitSec * NS_PER_SEC;
      if (options.sendWaitSec > 0 && run.lastSentNs > 0 && allowedNs > now) {
        untilNs = allowedNs;
        break;
      }
      const failure = method.send(probe, Math.floor(n / probesPerHop) + 1);
      if (failure !== null) {
        run.output.writeError(`\n${failure}\n`);
        return 'failed';
      }
      run.lastSentNs = probe.sentNs;
    }
    if (untilNs === 0) untilNs = probe.sentNs + timeoutNs(run, n);
    underWay++;
    if (underWay >= options.simultaneousProbes) break;
  }
  return untilNs;
}

function* awaitAnswers(run: Run, untilNs: number): Program<void> {
  const { process, method } = run;
  const queues: WaitQueue[] = method.waitQueues();
  const waitNs = Math.max(0, untilNs - timeNs(process.sim));
  yield* waitFor(process, queues, () => method.hasInput(), Math.ceil(waitNs));
  method.receive(run.probes);
}

/** How long to wait for a probe: less if others of its hop, or later ones, were answered sooner. */
function timeoutNs(run: Run, index: number): number {
  const { options, probes } = run;
  const { probesPerHop, waitSec, hereFactor, nearFactor } = options;
  const guess = (probe: Probe, factor: number): number => {
    const seconds = (probe.receivedNs - probe.sentNs) / NS_PER_SEC + WAIT_PRECISION_SEC;
    return Math.min(seconds * factor, waitSec) * NS_PER_SEC;
  };
  const isAnswered = (probe: Probe): boolean => probe.isDone && probe.receivedNs > probe.sentNs;
  const hopStart = index - (index % probesPerHop);
  if (hereFactor > 0) {
    for (const probe of probes.slice(hopStart, hopStart + probesPerHop)) {
      if (isAnswered(probe)) return guess(probe, hereFactor);
    }
  }
  if (nearFactor > 0) {
    for (let n = index + 1; n < probes.length && probes[n]!.sentNs > 0; n++) {
      if (isAnswered(probes[n]!)) return guess(probes[n]!, nearFactor);
    }
  }
  return waitSec * NS_PER_SEC;
}

/**
 * Nobody answered this probe in time. If the target has answered a later one, that answer may belong
 * here: the probe was the first to reach the target and its answer was lost.
 */
function expire(run: Run, index: number): void {
  const { probes, options } = run;
  const { probesPerHop } = options;
  const probe = probes[index]!;
  probe.isDone = true;
  run.method.forget(probe);
  const hopStart = index - (index % probesPerHop);
  for (let n = hopStart; n < index; n++) {
    if (!probes[n]!.isDone || !probes[n]!.isFinal) return;
  }
  const hasFinalBefore = index > hopStart;
  let later = -1;
  for (let n = index + 1; n < probes.length && probes[n]!.sentNs > 0; n++) {
    if (!probes[n]!.isDone) continue;
    if (!probes[n]!.isFinal) return;
    later = n;
    break;
  }
  if (later < 0) return;
  const isSameHop = (index % probesPerHop) + (later - index) < probesPerHop;
  const answer = probes[later]!;
  const isKnownRouter = probes
    .slice(0, index)
    .some((each) => each.from !== null && each.from === answer.from);
  if (!hasFinalBefore && !isSameHop && !isKnownRouter) return;
  Object.assign(probe, answer);
  Object.assign(answer, emptyProbe());
}

function* print(run: Run, index: number): Program<void> {
  const { probes, options, output } = run;
  const { probesPerHop } = options;
  const probe = probes[index]!;
  const inHop = index % probesPerHop;
  const hop = Math.floor(index / probesPerHop) + 1;
  let text = inHop === 0 ? `\n${String(hop).padStart(2)} ` : '';
  if (probe.from === null) {
    text += ' *';
  } else {
    const before = probes
      .slice(index - inHop, index)
      .reverse()
      .find((each) => each.from !== null);
    if (before?.from !== probe.from) {
      const address = formatIpv4(probe.from);
      if (options.nameOf === null) {
        text += ` ${address}`;
      } else {
        const name = yield* options.nameOf(run.process, probe.from);
        text += ` ${name ?? address} (${address})`;
      }
    }
  }
  if (probe.receivedNs > 0) {
    text += `  ${((probe.receivedNs - probe.sentNs) / 1e6).toFixed(3)} ms`;
  }
  if (probe.mark !== '') text += ` ${probe.mark}`;
  output.write(text);
}
