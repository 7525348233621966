/**
 * A run as a document that a page can play: every packet event with the bytes of its moment, and the
 * tables of the namespace where it happened whenever they changed. Everything that repeats is kept
 * once; the document holds plain numbers and texts only.
 */
import type { Packet } from '../engine/packet.ts';
import type { Simulator } from '../engine/simulator.ts';
import { timeNs } from '../engine/simulator.ts';
import type { TraceDetail } from '../engine/trace.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { type PacketPlace, placeOfPacket } from './packet-place.ts';
import { tablesOf } from './tables.ts';
import { observeDrops, observeEvents } from './trace.ts';

/** Columns of the events: event i is [timeNs[i], kind[i] ...]; all but times are indexes or ids. */
export interface EventColumns {
  readonly timeNs: number[];
  /** Into Recording.kinds. */
  readonly kind: number[];
  readonly packet: number[];
  /** The packet that it is a copy of or an answer to; 0 if none. */
  readonly parent: number[];
  /** Into Recording.places. */
  readonly place: number[];
  /** Into Recording.frames. */
  readonly frame: number[];
  /** Into Recording.details. */
  readonly detail: number[];
}

export interface RecordedFrame {
  /** The bytes in hexadecimal digits; cut off after FRAME_BYTES_MAX. */
  readonly hex: string;
  readonly sizeBytes: number;
  /** Starts at its IP header, not at a MAC address. */
  readonly isDatagram: boolean;
}

/** From event `from` on the namespace has these tables (indexes into Recording.tables). */
export interface RecordedState {
  readonly from: number;
  readonly tables: readonly number[];
}

export interface Recording {
  readonly version: 1;
  readonly events: EventColumns;
  readonly kinds: readonly string[];
  readonly places: readonly PacketPlace[];
  readonly details: readonly TraceDetail[];
  readonly frames: readonly RecordedFrame[];
  /** NamespaceTable as JSON text, each different one once. */
  readonly tables: readonly string[];
  /** By the number of the namespace. */
  readonly states: Readonly<Record<number, readonly RecordedState[]>>;
  /** Events that came after the last one that was kept. */
  readonly missedCount: number;
}

export interface Recorder {
  readonly sim: Simulator;
  readonly maxEvents: number;
  isRecording: boolean;
}

/** Events of one recording; what comes later is counted only. */
export const RECORDING_MAX_EVENTS = 200_000;
/** A page shows headers; of larger frames it says how much is left out. */
const FRAME_BYTES_MAX = 1600;
/** From this many events on, tables are looked at every so many events of a namespace. */
const CLOSE_LOOK_EVENTS = 4000;
const LOOK_EVERY = 64;

/** Keeps each different text once. */
class Pool {
  readonly texts: string[] = [];
  private readonly indexes = new Map<string, number>();

  indexOf(text: string): number {
    let index = this.indexes.get(text);
    if (index === undefined) {
      index = this.texts.length;
      this.texts.push(text);
      this.indexes.set(text, index);
    }
    return index;
  }
}

interface Draft extends Recorder {
  readonly events: EventColumns;
  readonly kinds: Pool;
  readonly places: Pool;
  readonly details: Pool;
  readonly frames: Pool;
  readonly tables: Pool;
  readonly states: Map<number, RecordedState[]>;
  readonly looks: Map<number, number>;
  missedCount: number;
}

/** Starts to record. Other observers of the simulator stay. */
export function startRecording(sim: Simulator, maxEvents = RECORDING_MAX_EVENTS): Recorder {
  const draft: Draft = {
    sim,
    maxEvents,
    isRecording: true,
    events: { timeNs: [], kind: [], packet: [], parent: [], place: [], frame: [], detail: [] },
    kinds: new Pool(),
    places: new Pool(),
    details: new Pool(),
    frames: new Pool(),
    tables: new Pool(),
    states: new Map(),
    looks: new Map(),
    missedCount: 0,
  };
  observeEvents(sim, (kind, packet, where, detail) => keep(draft, kind, packet, where, detail));
  observeDrops(sim, (packet, reason, where) => keep(draft, 'drop', packet, where, { reason }));
  return draft;
}

/** Ends a recording and gives the document. */
export function finishRecording(recorder: Recorder): Recording {
  const draft = recorder as Draft; // startRecording makes no other
  draft.isRecording = false;
  const { events, kinds, places, details, frames, tables, states, missedCount } = draft;
  return {
    version: 1,
    events,
    kinds: kinds.texts,
    places: places.texts.map((text) => JSON.parse(text) as PacketPlace),
    details: details.texts.map((text) => JSON.parse(text) as TraceDetail),
    frames: frames.texts.map(frameOf),
    tables: tables.texts,
    states: Object.fromEntries(states),
    missedCount,
  };
}

/** The state of each namespace before anything happens: call it once, after startRecording. */
export function noteNamespaces(recorder: Recorder, namespaces: Iterable<NetNamespace>): void {
  for (const netns of namespaces) noteState(recorder as Draft, netns, 0);
}

function keep(
  draft: Draft,
  kind: string,
  packet: Packet,
  where: string,
  detail: TraceDetail,
): void {
  if (!draft.isRecording) return;
  const { events } = draft;
  const number = events.timeNs.length;
  if (number >= draft.maxEvents) {
    draft.missedCount++;
    return;
  }
  events.timeNs.push(timeNs(draft.sim));
  events.kind.push(draft.kinds.indexOf(kind));
  events.packet.push(packet.id);
  events.parent.push(packet.parentId);
  const place = placeOfPacket(packet, where);
  const netns = namespaceNear(packet, place.namespaceNumber);
  events.place.push(draft.places.indexOf(JSON.stringify(place)));
  events.frame.push(draft.frames.indexOf(frameText(packet, kind)));
  events.detail.push(draft.details.indexOf(JSON.stringify(detail)));
  if (netns === null) return;
  const looks = (draft.looks.get(netns.id) ?? 0) + 1;
  draft.looks.set(netns.id, looks);
  if (number <= CLOSE_LOOK_EVENTS || looks % LOOK_EVERY === 0) noteState(draft, netns, number);
}

/** The namespace that an event names, if the packet is still at one of its devices. */
function namespaceNear(packet: Packet, number: number): NetNamespace | null {
  // The namespace of every device is a whole one.
  for (const device of [packet.device, packet.outDevice]) {
    const netns = (device?.netns ?? null) as NetNamespace | null;
    if (netns !== null && netns.id === number) return netns;
  }
  return null;
}

function noteState(draft: Draft, netns: NetNamespace, number: number): void {
  const tables = tablesOf(netns).map((table) => draft.tables.indexOf(JSON.stringify(table)));
  let states = draft.states.get(netns.id);
  if (states === undefined) {
    states = [];
    draft.states.set(netns.id, states);
  }
  const last = states.at(-1);
  if (last !== undefined && isSame(last.tables, tables)) return;
  states.push({ from: number, tables });
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((each, index) => each === other[index]);
}

/** `D` or `F` (datagram or frame), the size, and the digits. */
function frameText(packet: Packet, kind: string): string {
  const { bytes, start, end, network } = packet;
  const isDatagram =
    kind !== 'transmit' &&
    kind !== 'receive' &&
    start === network &&
    bytes[start]! >> 4 === 4 &&
    ((bytes[start + 2]! << 8) | bytes[start + 3]!) <= end - start;
  let text = `${isDatagram ? 'D' : 'F'}${end - start} `;
  const stop = Math.min(end, start + FRAME_BYTES_MAX);
  for (let at = start; at < stop; at++) text += HEX[bytes[at]!];
  return text;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function frameOf(text: string): RecordedFrame {
  const space = text.indexOf(' ');
  return {
    isDatagram: text.startsWith('D'),
    sizeBytes: Number(text.slice(1, space)),
    hex: text.slice(space + 1),
  };
}
