/**
 * The way of one packet and of the answer to it, read off packet events: an echo request and its
 * reply, or the first segment of a TCP connection and the answer to that.
 */
import { type FrameView, innermost } from '../observe/frame-view.ts';
import type { TraceEvent } from '../observe/trace.ts';

export interface WayHop {
  readonly event: TraceEvent;
  readonly deviceId: string;
  readonly direction: 'in' | 'out';
  /** What was decided after it, before the next crossing. */
  readonly decisions: readonly TraceEvent[];
}

export interface PacketWay {
  readonly hops: readonly WayHop[];
  /** Null if it arrived. */
  readonly drop: TraceEvent | null;
  /** Where it was dropped: the device that had it. */
  readonly dropDeviceId: string | null;
}

export interface PacketWays {
  readonly there: PacketWay;
  /** Null if there was no answer. */
  readonly back: PacketWay | null;
}

export interface WayQuestion {
  readonly events: readonly TraceEvent[];
  readonly deviceOf: ReadonlyMap<number, string>;
  /** Whether a device is in the namespace from which the packet starts. */
  readonly isStart: (deviceId: string) => boolean;
  readonly protocol: 'icmp' | 'tcp';
}

/** Generations that are followed: a packet is copied a few times on its way, never this often. */
const GENERATIONS_MAX = 64;
/** Requests that are looked at, the latest first. */
const REQUESTS_MAX = 20;

/** Null if nothing left the namespace. */
export function findPacketWays(question: WayQuestion): PacketWays | null {
  const { events, deviceOf, isStart } = question;
  const parents = new Map(events.map(({ packetId, parentId }) => [packetId, parentId]));
  const isRequest = question.protocol === 'icmp' ? isEchoRequest : isSyn;
  const starts: number[] = [];
  for (const event of events) {
    const isOut = event.kind === 'transmit' && isStart(deviceOf.get(event.number) ?? '');
    if (!isOut || !isRequest(event.frame)) continue;
    if (!starts.some((id) => descends(event.packetId, id, parents))) starts.push(event.packetId);
  }
  let fallback: PacketWays | null = null;
  for (const id of starts.reverse().slice(0, REQUESTS_MAX)) {
    const ways = waysOf(question, parents, id, isRequest);
    if (ways === null) continue;
    if (ways.back !== null) return ways;
    if (fallback === null || ways.there.hops.length > fallback.there.hops.length) fallback = ways;
  }
  return fallback ?? lostWay(question, parents);
}

const isEchoRequest = (frame: FrameView): boolean => {
  const { echo, isFragment } = innermost(frame);
  return echo === null ? isFragment : echo.kind === 'request';
};
const isEchoReply = (frame: FrameView): boolean => innermost(frame).echo?.kind === 'reply';
const isSyn = (frame: FrameView): boolean =>
  /^TCP \d+ > \d+ SYN(,ECE,CWR)?$/.test(innermost(frame).what);
const isTcpAnswer = (frame: FrameView): boolean =>
  /^TCP \d+ > \d+ (SYN|RST)(,ECE)?,ACK/.test(innermost(frame).what);

function descends(id: number, ancestor: number, parents: ReadonlyMap<number, number>): boolean {
  let current = id;
  for (let i = 0; i < GENERATIONS_MAX && current !== 0; i++) {
    if (current === ancestor) return true;
    current = parents.get(current) ?? 0;
  }
  return false;
}

function waysOf(
  question: WayQuestion,
  parents: ReadonlyMap<number, number>,
  startId: number,
  isRequest: (frame: FrameView) => boolean,
): PacketWays | null {
  const { events, deviceOf, isStart, protocol } = question;
  const family = events.filter(({ packetId }) => descends(packetId, startId, parents));
  const requests = family.filter(({ frame }) => isRequest(frame));
  const replies = family.filter(({ frame }) => isEchoReply(frame));
  const answered = new Set(replies.map(({ packetId }) => parents.get(packetId) ?? 0));
  const end =
    protocol === 'tcp'
      ? segmentEnd(requests)
      : (requests.findLast(({ packetId }) => answered.has(packetId)) ??
        requests.findLast(({ kind }) => kind === 'deliver') ??
        requests.findLast(isLoss) ??
        requests.at(-1));
  if (end === undefined) return null;
  const there = wayTo(question, parents, requests, end);
  if (protocol === 'tcp') return { there, back: tcpAnswer(question, parents, there) };
  const home = replies.findLast(
    ({ number, kind }) => kind === 'receive' && isStart(deviceOf.get(number) ?? ''),
  );
  return { there, back: home === undefined ? null : wayTo(question, parents, replies, home) };
}

const isLoss = ({ kind, reason }: TraceEvent): boolean =>
  kind === 'drop' && reason !== 'other-host';

/** A first segment arrives where it is routed to the host itself, unless it dies after that. */
function segmentEnd(requests: readonly TraceEvent[]): TraceEvent | undefined {
  const arrival = requests.findLast(
    ({ kind, detail, frame }) =>
      kind === 'route' && detail.type === 'local' && frame.inner === null,
  );
  const loss = requests.findLast(isLoss);
  if (arrival === undefined) return loss ?? requests.at(-1);
  return loss !== undefined && loss.number > arrival.number ? loss : arrival;
}

/** The first answer that leaves the namespace at which the segment arrived. */
function tcpAnswer(
  question: WayQuestion,
  parents: ReadonlyMap<number, number>,
  there: PacketWay,
): PacketWay | null {
  const { events, deviceOf, isStart } = question;
  const last = there.hops.at(-1);
  if (last === undefined || there.drop !== null) return null;
  const namespace = last.deviceId.split(':')[0];
  const first = events.find(
    ({ number, kind, frame }) =>
      number > last.event.number &&
      kind === 'transmit' &&
      isTcpAnswer(frame) &&
      deviceOf.get(number)?.split(':')[0] === namespace,
  );
  if (first === undefined) return null;
  const family = events.filter(({ packetId }) => descends(packetId, first.packetId, parents));
  const answers = family.filter(({ frame }) => isTcpAnswer(frame));
  const home = answers.find(
    ({ number, kind }) => kind === 'receive' && isStart(deviceOf.get(number) ?? ''),
  );
  return home === undefined ? null : wayTo(question, parents, answers, home);
}

/** No request left: the way of what was lost instead, an ARP request for example. */
function lostWay(question: WayQuestion, parents: ReadonlyMap<number, number>): PacketWays | null {
  const { events } = question;
  let best: PacketWay | null = null;
  for (const end of events) {
    if (end.kind !== 'drop' || end.reason === 'other-host') continue;
    const way = wayTo(question, parents, events, end);
    if (way.hops.length >= (best?.hops.length ?? 1)) best = way;
  }
  return best === null ? null : { there: best, back: null };
}

/** The events of a packet and of those it came from; what an ancestor did later is another branch. */
function wayTo(
  { deviceOf }: WayQuestion,
  parents: ReadonlyMap<number, number>,
  events: readonly TraceEvent[],
  end: TraceEvent,
): PacketWay {
  const chain = new Set<number>();
  for (let id = end.packetId; id !== 0 && !chain.has(id); id = parents.get(id) ?? 0) chain.add(id);
  const first = new Map<number, number>();
  for (const { packetId, number } of events) {
    if (!first.has(packetId)) first.set(packetId, number);
  }
  const limit = new Map<number, number>();
  for (const id of chain) {
    const parent = parents.get(id) ?? 0;
    if (chain.has(parent)) limit.set(parent, first.get(id) ?? 0);
  }
  const own = events.filter(
    ({ packetId, number }) =>
      chain.has(packetId) &&
      number <= end.number &&
      number < (limit.get(packetId) ?? Number.POSITIVE_INFINITY),
  );
  const isDropped = end.kind === 'drop';
  return {
    hops: hopsOf(own, deviceOf),
    drop: isDropped ? end : null,
    dropDeviceId: isDropped ? (deviceOf.get(end.number) ?? null) : null,
  };
}

function hopsOf(events: readonly TraceEvent[], deviceOf: ReadonlyMap<number, string>): WayHop[] {
  const hops: (WayHop & { readonly decisions: TraceEvent[] })[] = [];
  for (const event of events) {
    if (event.kind === 'transmit' || event.kind === 'receive') {
      const direction = event.kind === 'transmit' ? 'out' : 'in';
      hops.push({ event, deviceId: deviceOf.get(event.number) ?? '', direction, decisions: [] });
    } else {
      hops.at(-1)?.decisions.push(event);
    }
  }
  return hops;
}
