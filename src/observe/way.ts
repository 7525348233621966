/**
 * The way of an echo request and of its reply, read off the packet events: which interfaces they
 * crossed in which order, what was decided in between, and how they ended.
 */

import { type FrameView, innermost } from './frame-view.ts';
import type { TraceEvent } from './trace.ts';

/** One crossing of an interface, or a decision between two crossings. */
export interface Hop {
  readonly namespaceName: string;
  /** 0 if it is not known. */
  readonly namespaceNumber: number;
  readonly deviceName: string;
  readonly direction: 'in' | 'out';
  readonly frame: FrameView;
  readonly timeNs: number;
  /** What was decided after it, before the next crossing. */
  readonly decisions: TraceEvent[];
}

export interface Way {
  readonly hops: readonly Hop[];
  /** The event with which it ended: answered, delivered, dropped. */
  readonly end: TraceEvent | null;
}

export interface EchoWays {
  readonly there: Way;
  /** Null if no reply was sent. */
  readonly back: Way | null;
}

/**
 * The ways of the last echo that was answered (of the last request at all if none was), among the
 * requests that start in the namespace of this name or number. Null if there was no request.
 */
export function findEchoWays(
  events: readonly TraceEvent[],
  fromNamespace: string | number,
): EchoWays | null {
  const parents = parentsOf(events);
  const starts = requestIds(events, parents, fromNamespace);
  let fallback: EchoWays | null = null;
  for (let i = starts.length - 1; i >= 0; i--) {
    const ways = waysOf(events, parents, starts[i]!, fromNamespace);
    if (ways === null) continue;
    if (ways.back !== null && endsIn(ways.back, fromNamespace)) return ways;
    fallback ??= ways;
  }
  return fallback;
}

/**
 * The way of a packet that was lost: of those for which `isNotable` the one that came furthest, the
 * latest if several did. Null if none crossed an interface.
 */
export function findLostWay(
  events: readonly TraceEvent[],
  isNotable: (event: TraceEvent) => boolean,
): Way | null {
  const parents = parentsOf(events);
  let best: Way | null = null;
  for (const drop of events.filter((event) => event.kind === 'drop' && isNotable(event))) {
    const way = wayTo(events, parents, drop);
    if (way.hops.length > 0 && way.hops.length >= (best?.hops.length ?? 0)) best = way;
  }
  return best;
}

function endsIn(way: Way, namespace: string | number): boolean {
  const last = way.hops.at(-1);
  if (last === undefined || last.direction !== 'in') return false;
  return namespace === last.namespaceName || namespace === last.namespaceNumber;
}

function parentsOf(events: readonly TraceEvent[]): Map<number, number> {
  const parents = new Map<number, number>();
  for (const { packetId, parentId } of events) parents.set(packetId, parentId);
  return parents;
}

const echoKind = (event: TraceEvent): 'request' | 'reply' | null =>
  innermost(event.frame).echo?.kind ?? null;

/** Whether it happened in the namespace of this name or number. */
function isAt({ place }: TraceEvent, namespace: string | number): boolean {
  return namespace === place.namespaceName || namespace === place.namespaceNumber;
}

/** An echo request or a later fragment of one; not an error about it. */
function isRequest(event: TraceEvent): boolean {
  const { echo, isFragment } = innermost(event.frame);
  return echo === null ? isFragment : echo.kind === 'request';
}

/** Ids of the packets that were first seen leaving `fromNamespace` as echo requests, in order. */
function requestIds(
  events: readonly TraceEvent[],
  parents: ReadonlyMap<number, number>,
  fromNamespace: string | number,
): number[] {
  const seen = new Set<number>();
  const ids: number[] = [];
  for (const event of events) {
    const isNew = !seen.has(event.packetId) && !seen.has(parents.get(event.packetId) ?? 0);
    seen.add(event.packetId);
    const isOurs = isAt(event, fromNamespace);
    if (isNew && isOurs && echoKind(event) === 'request') ids.push(event.packetId);
  }
  return ids;
}

function waysOf(
  events: readonly TraceEvent[],
  parents: ReadonlyMap<number, number>,
  requestId: number,
  fromNamespace: string | number,
): EchoWays | null {
  const family = events.filter((event) => isDescendant(event.packetId, requestId, parents));
  const requests = family.filter(isRequest);
  const replies = family.filter((event) => echoKind(event) === 'reply');
  const answered = new Set(replies.map(({ packetId }) => parents.get(packetId) ?? 0));
  const there = wayOf(requests, parents, ({ packetId }) => answered.has(packetId));
  if (there === null) return null;
  const isHome = (event: TraceEvent): boolean => isAt(event, fromNamespace);
  return { there, back: wayOf(replies, parents, isHome) };
}

/** Generations that are followed up: a packet is copied a few times on its way, never this often. */
const GENERATIONS_MAX = 64;

function isDescendant(id: number, ancestor: number, parents: ReadonlyMap<number, number>): boolean {
  let current = id;
  for (let i = 0; i < GENERATIONS_MAX && current !== 0; i++) {
    if (current === ancestor) return true;
    current = parents.get(current) ?? 0;
  }
  return false;
}

/** Flooding gives a packet many branches: this follows the one that arrived, or came furthest. */
function wayOf(
  events: readonly TraceEvent[],
  parents: ReadonlyMap<number, number>,
  hasArrived: (event: TraceEvent) => boolean,
): Way | null {
  const end =
    events.findLast(hasArrived) ??
    events.findLast(({ kind }) => kind === 'deliver') ??
    events.findLast(({ kind, reason }) => kind === 'drop' && reason !== 'other-host') ??
    events.at(-1);
  return end === undefined ? null : wayTo(events, parents, end);
}

function wayTo(
  events: readonly TraceEvent[],
  parents: ReadonlyMap<number, number>,
  end: TraceEvent,
): Way {
  const chain = new Set<number>();
  for (let id = end.packetId; id !== 0 && !chain.has(id); id = parents.get(id) ?? 0) chain.add(id);
  return { hops: hopsOf(withoutSideBranches(events, chain, parents, end)), end };
}

/** An ancestor's events count until its child appears: what it does later is another branch. */
function withoutSideBranches(
  events: readonly TraceEvent[],
  chain: ReadonlySet<number>,
  parents: ReadonlyMap<number, number>,
  end: TraceEvent,
): TraceEvent[] {
  const firstOf = new Map<number, number>();
  for (const { packetId, number } of events) {
    if (!firstOf.has(packetId)) firstOf.set(packetId, number);
  }
  const limitOf = new Map<number, number>();
  for (const id of chain) limitOf.set(parents.get(id) ?? 0, firstOf.get(id) ?? 0);
  return events.filter(({ packetId, number }) => {
    if (!chain.has(packetId) || number > end.number) return false;
    const limit = limitOf.get(packetId);
    return limit === undefined || number < limit;
  });
}

function hopsOf(events: readonly TraceEvent[]): Hop[] {
  const hops: Hop[] = [];
  for (const event of events) {
    const { namespaceName, namespaceNumber, deviceName } = event.place;
    if (event.kind === 'transmit' || event.kind === 'receive') {
      const direction = event.kind === 'transmit' ? 'out' : 'in';
      const { frame, timeNs } = event;
      hops.push({
        namespaceName,
        namespaceNumber,
        deviceName,
        direction,
        frame,
        timeNs,
        decisions: [],
      });
    } else {
      hops.at(-1)?.decisions.push(event);
    }
  }
  return hops;
}
