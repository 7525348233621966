/**
 * The table of confirmed flows of one namespace: hash chains over both directions of each flow, a
 * list of all flows in order of birth, and the list by source that NAT looks at.
 * Flows end lazily: whoever comes across one whose time is over takes it out.
 * @source net/netfilter/nf_conntrack_core.c
 */
import type { Netns } from '../engine/device.ts';
import type { Simulator } from '../engine/simulator.ts';
import {
  DIRECTION_ORIGINAL,
  FLOW_ASSURED,
  FLOW_CONFIRMED,
  FLOW_DYING,
  FLOW_SRC_NAT_DONE,
  type Flow,
  type FlowEnd,
} from './conntrack-flow.ts';
import { type ConntrackSettings, makeConntrackSettings } from './conntrack-settings.ts';
import { equalTuples, hashSource, hashTuple, makeTuple, type Tuple } from './conntrack-tuple.ts';

const FIRST_BUCKETS = 256;
/** Hash chains that are searched for a flow to drop when the table is full. */
const EVICTION_RANGE = 8;
/** Flows whose time is looked at when a new one is entered. */
const SWEEP_STEP = 2;

/** The kernel's tick (250 Hz), in which flows count their time; see stack/jiffies.ts. */
export const TICK_NS = 4_000_000;
/** Ticks in a second. */
export const TICKS_PER_SEC = 1_000_000_000 / TICK_NS;

/** What happened to a flow, for `conntrack -E`. */
export type FlowEvent = 'NEW' | 'UPDATE' | 'DESTROY';

/** Counters of /proc/net/stat/nf_conntrack. */
export interface ConntrackStatistics {
  found: number;
  invalid: number;
  insert: number;
  insertFailed: number;
  drop: number;
  earlyDrop: number;
  error: number;
  clashResolved: number;
}

export interface Conntrack {
  readonly netns: Netns;
  readonly settings: ConntrackSettings;
  readonly statistics: ConntrackStatistics;
  /** Confirmed flows. */
  count: number;
  nextId: number;
  buckets: Array<FlowEnd | null>;
  bySource: Array<Flow | null>;
  oldest: Flow | null;
  newest: Flow | null;
  /** Where the sweep for ended flows goes on. */
  sweepAt: Flow | null;
  /** Told of flows that begin, change and end; null when nobody listens. */
  onEvent: ((event: FlowEvent, flow: Flow) => void) | null;
  /** Scratch of the packet at hand. */
  readonly packetTuple: Tuple;
  readonly otherTuple: Tuple;
}

/** An empty table with Linux's settings. */
export function makeConntrack(netns: Netns): Conntrack {
  return {
    netns,
    settings: makeConntrackSettings(),
    statistics: {
      found: 0,
      invalid: 0,
      insert: 0,
      insertFailed: 0,
      drop: 0,
      earlyDrop: 0,
      error: 0,
      clashResolved: 0,
    },
    count: 0,
    nextId: 1,
    buckets: new Array<FlowEnd | null>(FIRST_BUCKETS).fill(null),
    bySource: new Array<Flow | null>(FIRST_BUCKETS).fill(null),
    oldest: null,
    newest: null,
    sweepAt: null,
    onEvent: null,
    packetTuple: makeTuple(),
    otherTuple: makeTuple(),
  };
}

/** The present moment in ticks. */
export function nowTicks(sim: Simulator): number {
  return Math.floor((sim.nowNs + sim.workNs) / TICK_NS);
}

/** Whether a confirmed flow's time is over. */
export function isExpired(flow: Flow, now: number): boolean {
  return flow.timeoutTicks <= now;
}

/** Whole seconds that the flow has left, as /proc and `conntrack -L` show them. */
export function secondsLeft(flow: Flow, now: number): number {
  const left = flow.timeoutTicks - now;
  return left > 0 ? Math.floor(left / TICKS_PER_SEC) : 0;
}

/** The end with this tuple, null if no flow has it. Ended flows on the way are taken out. */
export function findEnd(conntrack: Conntrack, tuple: Tuple, now: number): FlowEnd | null {
  const hash = hashTuple(tuple);
  const { buckets } = conntrack;
  let end = buckets[hash & (buckets.length - 1)] ?? null;
  while (end !== null) {
    const next: FlowEnd | null = end.next;
    if (isExpired(end.flow, now)) killFlow(conntrack, end.flow);
    else if (end.hash === hash && equalTuples(end, tuple)) return end;
    end = next;
  }
  return null;
}

/**
 * Whether another flow than `own` has this tuple already.
 * @source net/netfilter/nf_conntrack_core.c nf_conntrack_tuple_taken()
 */
export function isTupleTaken(
  conntrack: Conntrack,
  tuple: Tuple,
  own: Flow | null,
  now: number,
): boolean {
  const end = findEnd(conntrack, tuple, now);
  return end !== null && end.flow !== own;
}

/**
 * Enters a flow: its hashes and its time count from now.
 * False: one of its tuples belongs to another flow.
 */
export function insertFlow(conntrack: Conntrack, flow: Flow, now: number): boolean {
  if (findEnd(conntrack, flow.original, now) !== null) return false;
  if (findEnd(conntrack, flow.reply, now) !== null) return false;
  sweep(conntrack, now);
  if (conntrack.count * 2 >= conntrack.buckets.length) growTable(conntrack);
  flow.status |= FLOW_CONFIRMED;
  flow.timeoutTicks += now;
  linkEnd(conntrack.buckets, flow.original);
  linkEnd(conntrack.buckets, flow.reply);
  if ((flow.status & FLOW_SRC_NAT_DONE) !== 0) linkBySource(conntrack, flow);
  flow.previous = conntrack.newest;
  flow.nextFlow = null;
  if (conntrack.newest === null) conntrack.oldest = flow;
  else conntrack.newest.nextFlow = flow;
  conntrack.newest = flow;
  conntrack.count++;
  conntrack.statistics.insert++;
  if (conntrack.onEvent !== null) conntrack.onEvent('NEW', flow);
  return true;
}

/** Takes a flow out of the table. Packets that still refer to it see FLOW_DYING. */
export function killFlow(conntrack: Conntrack, flow: Flow): void {
  if ((flow.status & FLOW_DYING) !== 0) return;
  flow.status |= FLOW_DYING;
  if ((flow.status & FLOW_CONFIRMED) === 0) return;
  unlinkEnd(conntrack.buckets, flow.original);
  unlinkEnd(conntrack.buckets, flow.reply);
  if ((flow.status & FLOW_SRC_NAT_DONE) !== 0) unlinkBySource(conntrack, flow);
  if (conntrack.sweepAt === flow) conntrack.sweepAt = flow.nextFlow;
  if (flow.previous === null) conntrack.oldest = flow.nextFlow;
  else flow.previous.nextFlow = flow.nextFlow;
  if (flow.nextFlow === null) conntrack.newest = flow.previous;
  else flow.nextFlow.previous = flow.previous;
  flow.previous = null;
  flow.nextFlow = null;
  conntrack.count--;
  if (conntrack.onEvent !== null) conntrack.onEvent('DESTROY', flow);
}

/** Takes out every flow whose time is over. */
export function collectExpired(conntrack: Conntrack, now: number): void {
  for (let flow = conntrack.oldest; flow !== null; ) {
    const next: Flow | null = flow.nextFlow;
    if (isExpired(flow, now)) killFlow(conntrack, flow);
    flow = next;
  }
}

/** The living flows, oldest first. */
export function listFlows(conntrack: Conntrack): Flow[] {
  collectExpired(conntrack, nowTicks(conntrack.netns.sim));
  const flows: Flow[] = [];
  for (let flow = conntrack.oldest; flow !== null; flow = flow.nextFlow) flows.push(flow);
  return flows;
}

/**
 * Makes room in a full table: drops a flow that is not ASSURED from the chains near this hash.
 * @source net/netfilter/nf_conntrack_core.c early_drop()
 */
export function dropEarly(conntrack: Conntrack, hash: number, now: number): boolean {
  const { buckets } = conntrack;
  for (let i = 0; i < EVICTION_RANGE; i++) {
    let end = buckets[(hash + i) & (buckets.length - 1)] ?? null;
    while (end !== null) {
      const { flow } = end;
      if (isExpired(flow, now)) {
        killFlow(conntrack, flow);
        return true;
      }
      if ((flow.status & FLOW_ASSURED) === 0 && end.direction === DIRECTION_ORIGINAL) {
        killFlow(conntrack, flow);
        conntrack.statistics.earlyDrop++;
        return true;
      }
      end = end.next;
    }
  }
  return false;
}

/** The first flow in the list by source that this tuple's sender may be in. */
export function firstBySource(conntrack: Conntrack, tuple: Tuple): Flow | null {
  return conntrack.bySource[hashSource(tuple) & (conntrack.bySource.length - 1)] ?? null;
}

function linkEnd(buckets: Array<FlowEnd | null>, end: FlowEnd): void {
  end.hash = hashTuple(end);
  const index = end.hash & (buckets.length - 1);
  end.next = buckets[index] ?? null;
  buckets[index] = end;
}

function unlinkEnd(buckets: Array<FlowEnd | null>, end: FlowEnd): void {
  const index = end.hash & (buckets.length - 1);
  let at = buckets[index] ?? null;
  if (at === end) {
    buckets[index] = end.next;
    return;
  }
  while (at !== null && at.next !== end) at = at.next;
  if (at !== null) at.next = end.next;
}

function linkBySource(conntrack: Conntrack, flow: Flow): void {
  const { bySource } = conntrack;
  const index = hashSource(flow.original) & (bySource.length - 1);
  flow.nextBySource = bySource[index] ?? null;
  bySource[index] = flow;
}

function unlinkBySource(conntrack: Conntrack, flow: Flow): void {
  const { bySource } = conntrack;
  const index = hashSource(flow.original) & (bySource.length - 1);
  let at = bySource[index] ?? null;
  if (at === flow) bySource[index] = flow.nextBySource;
  while (at !== null) {
    if (at.nextBySource === flow) at.nextBySource = flow.nextBySource;
    at = at.nextBySource;
  }
  flow.nextBySource = null;
}

function growTable(conntrack: Conntrack): void {
  const size = conntrack.buckets.length * 4;
  conntrack.buckets = new Array<FlowEnd | null>(size).fill(null);
  conntrack.bySource = new Array<Flow | null>(size).fill(null);
  for (let flow = conntrack.oldest; flow !== null; flow = flow.nextFlow) {
    linkEnd(conntrack.buckets, flow.original);
    linkEnd(conntrack.buckets, flow.reply);
    if ((flow.status & FLOW_SRC_NAT_DONE) !== 0) linkBySource(conntrack, flow);
  }
}

/** Looks at a few flows, going round, so that ended ones do not pile up. */
function sweep(conntrack: Conntrack, now: number): void {
  for (let i = 0; i < SWEEP_STEP; i++) {
    const flow: Flow | null = conntrack.sweepAt ?? conntrack.oldest;
    if (flow === null) return;
    conntrack.sweepAt = flow.nextFlow;
    if (isExpired(flow, now)) killFlow(conntrack, flow);
  }
}
