/** The run as the page asks for it: events by number, packets and their families, states at a moment. */

import { dissectDatagram, dissectFrame, type Layer } from '../../src/observe/dissect/dissect.ts';
import type { NamespaceTable } from '../../src/observe/tables.ts';
import type { PageData, PagePlace } from '../../src/page/page-data.ts';

export interface PageEvent {
  readonly index: number;
  readonly timeNs: number;
  readonly kind: string;
  readonly packet: number;
  readonly place: PagePlace;
  readonly detail: Readonly<Record<string, string | number>>;
}

export interface Model {
  readonly data: PageData;
  readonly count: number;
  /** By packet: its events in order, as indexes. */
  readonly eventsOfPacket: ReadonlyMap<number, readonly number[]>;
  /** The eldest of a packet's ancestors: copies and wrapped packets stay one family. */
  readonly familyOf: ReadonlyMap<number, number>;
  /** 1, 2, 3 ... in order of appearance. */
  readonly familyNumber: ReadonlyMap<number, number>;
  /** Indexes of drops that tell something, in order. */
  readonly drops: readonly number[];
  readonly isLost: ReadonlySet<number>;
}

/** Ends that happen in a healthy network, after flooding and broadcasts. */
const ORDINARY = new Set([
  'other-host',
  'arp-not-for-us',
  'icmp-unwanted',
  'tcp-old-data',
  'bridge-link-local',
  'socket-closed',
]);
const GENERATIONS_MAX = 64;

export function makeModel(data: PageData): Model {
  const { events, kinds, details } = data.recording;
  const eventsOfPacket = new Map<number, number[]>();
  const parentOf = new Map<number, number>();
  const drops: number[] = [];
  const dropKind = kinds.indexOf('drop');
  events.packet.forEach((packet, index) => {
    const list = eventsOfPacket.get(packet);
    if (list === undefined) eventsOfPacket.set(packet, [index]);
    else list.push(index);
    parentOf.set(packet, events.parent[index] ?? 0);
    if (events.kind[index] !== dropKind) return;
    const reason = String(details[events.detail[index] ?? 0]?.reason ?? '');
    if (!ORDINARY.has(reason)) drops.push(index);
  });
  const familyOf = new Map<number, number>();
  const familyNumber = new Map<number, number>();
  for (const packet of eventsOfPacket.keys()) {
    let eldest = packet;
    for (let i = 0; i < GENERATIONS_MAX; i++) {
      const parent = parentOf.get(eldest) ?? 0;
      if (parent === 0 || !eventsOfPacket.has(parent)) break;
      if (isNewWord(data, eventsOfPacket.get(eldest)![0]!)) break;
      eldest = parent;
    }
    familyOf.set(packet, eldest);
    if (!familyNumber.has(eldest)) familyNumber.set(eldest, familyNumber.size + 1);
  }
  return {
    data,
    count: events.timeNs.length,
    eventsOfPacket,
    familyOf,
    familyNumber,
    drops,
    isLost: new Set(drops),
  };
}

/** Whether a packet begins here that is an answer or a question of its own, not a copy of its parent. */
function isNewWord({ recording }: PageData, index: number): boolean {
  const { events, kinds, details } = recording;
  const kind = kinds[events.kind[index]!];
  if (kind === 'answer') return true;
  return kind === 'neighbour' && Object.hasOwn(details[events.detail[index]!]!, 'arp');
}

export function eventAt({ data }: Model, index: number): PageEvent {
  const { events, kinds, details } = data.recording;
  return {
    index,
    timeNs: events.timeNs[index]!,
    kind: kinds[events.kind[index]!]!,
    packet: events.packet[index]!,
    place: data.places[events.place[index]!]!,
    detail: details[events.detail[index]!]!,
  };
}

/** The event of the same family before this one: where the packet was, or its parent. */
export function previousOf(model: Model, index: number): number | null {
  const { events } = model.data.recording;
  const packet = events.packet[index]!;
  const own = model.eventsOfPacket.get(packet)!;
  const at = lowerBound(own, index);
  if (at > 0) return own[at - 1]!;
  const parent = events.parent[index]!;
  const parents = model.eventsOfPacket.get(parent);
  if (parents === undefined) return null;
  const before = lowerBound(parents, index);
  return before > 0 ? parents[before - 1]! : null;
}

/** Packets that are under way when event `index` has just happened, with their last events. */
export function packetsUnderWay(model: Model, index: number): number[] {
  const last: number[] = [];
  // A packet under way was seen lately: no further back than this many events.
  const seen = new Set<number>();
  const { events } = model.data.recording;
  for (let at = index; at >= Math.max(0, index - WINDOW_EVENTS); at--) {
    const packet = events.packet[at]!;
    if (seen.has(packet)) continue;
    seen.add(packet);
    const own = model.eventsOfPacket.get(packet)!;
    if (at === index || own.at(-1)! > index) last.push(at);
  }
  return last.reverse();
}

const WINDOW_EVENTS = 400;

/** The layers of the packet as it was at an event. */
export function layersAt(model: Model, index: number): { layers: Layer[]; bytes: Uint8Array } {
  const { recording } = model.data;
  const frame = recording.frames[recording.events.frame[index]!]!;
  const bytes = bytesOfHex(frame.hex);
  return { layers: frame.isDatagram ? dissectDatagram(bytes) : dissectFrame(bytes), bytes };
}

/** How many bytes the packet had, of which not all may be kept. */
export function sizeAt({ data: { recording } }: Model, index: number): number {
  return recording.frames[recording.events.frame[index]!]!.sizeBytes;
}

export function isDatagramAt({ data: { recording } }: Model, index: number): boolean {
  return recording.frames[recording.events.frame[index]!]!.isDatagram;
}

export function bytesOfHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

export interface StateView {
  readonly tables: readonly NamespaceTable[];
  /** The tables before their last change; null if there was none. */
  readonly before: readonly NamespaceTable[] | null;
}

/** The tables of a namespace when event `index` has happened; null if nothing is known of it. */
export function stateAt(
  { data: { recording } }: Model,
  namespaceNumber: number,
  index: number,
): StateView | null {
  const states = recording.states[namespaceNumber] ?? [];
  let at = -1;
  for (let low = 0, high = states.length - 1; low <= high; ) {
    const middle = (low + high) >> 1;
    if (states[middle]!.from <= index) {
      at = middle;
      low = middle + 1;
    } else high = middle - 1;
  }
  if (at < 0) return null;
  const read = (number: number): NamespaceTable[] =>
    states[number]!.tables.map((table) => JSON.parse(recording.tables[table]!) as NamespaceTable);
  return { tables: read(at), before: at > 0 ? read(at - 1) : null };
}

function lowerBound(list: readonly number[], value: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What the innermost packet says, in one line: `ICMP echo request, sequence 1`. */
export function innerTitle(model: Model, index: number): string {
  const { layers } = layersAt(model, index);
  const title = layers.findLast(({ protocol }) => !['data', 'padding'].includes(protocol))?.title;
  const isWrapped = layers.some(({ protocol }) => protocol === 'vxlan');
  return `${isWrapped ? 'VXLAN: ' : ''}${title ?? ''}`;
}
