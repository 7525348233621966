/**
 * The recorder of packet events: what the layers tell through the simulator's slots, kept in a ring
 * of bounded size with a copy of the headers, so that it can be told and drawn afterwards.
 */
import type { DropReason } from '../engine/drop-reason.ts';
import type { Packet } from '../engine/packet.ts';
import type { DropSlot, Simulator } from '../engine/simulator.ts';
import { timeNs } from '../engine/simulator.ts';
import type { TraceDetail, TraceKind, TraceSlot } from '../engine/trace.ts';
import { type FrameView, viewDatagram, viewFrame } from './frame-view.ts';
import { type PacketPlace, placeOfPacket } from './packet-place.ts';

/** Events that are kept; older ones are forgotten first. */
export const TRACE_MAX_EVENTS = 200_000;

export interface TraceEvent {
  /** 1, 2, 3 ... over the whole run, also counting what was forgotten. */
  readonly number: number;
  readonly timeNs: number;
  readonly kind: TraceKind;
  readonly packetId: number;
  /** The packet that this one is a copy of, a fragment of or an answer to; 0 if none. */
  readonly parentId: number;
  /** `namespace` or `namespace.device`. */
  readonly where: string;
  readonly place: PacketPlace;
  readonly detail: TraceDetail;
  /** The packet as it was at that moment. */
  readonly frame: FrameView;
  readonly reason: DropReason | null;
}

export interface TraceRecorder {
  readonly sim: Simulator;
  readonly maxEvents: number;
  /** Read it with `eventsOf`: once full, the oldest stands at `startIndex`. */
  readonly ring: TraceEvent[];
  startIndex: number;
  count: number;
  isRecording: boolean;
}

/** Starts to record packet events and drops. Other observers of the simulator stay. */
export function startTrace(sim: Simulator, maxEvents: number = TRACE_MAX_EVENTS): TraceRecorder {
  const recorder: TraceRecorder = {
    sim,
    maxEvents,
    ring: [],
    startIndex: 0,
    count: 0,
    isRecording: true,
  };
  observeEvents(sim, (kind, packet, where, detail) => {
    if (recorder.isRecording) keep(recorder, packet, kind, where, detail, null);
  });
  observeDrops(sim, (packet, reason, where) => {
    if (recorder.isRecording) keep(recorder, packet, 'drop', where, { reason }, reason);
  });
  return recorder;
}

/** Ends recording; the events stay. */
export function stopTrace(recorder: TraceRecorder): void {
  recorder.isRecording = false;
}

/** Adds an observer of packet events to those that the simulator has already. */
export function observeEvents(sim: Simulator, slot: TraceSlot): void {
  const before = sim.trace;
  sim.trace =
    before === null
      ? slot
      : (kind, packet, where, detail) => {
          before(kind, packet, where, detail);
          slot(kind, packet, where, detail);
        };
}

/** Adds an observer of drops to those that the simulator has already. */
export function observeDrops(sim: Simulator, slot: DropSlot): void {
  const before = sim.onDrop;
  sim.onDrop =
    before === null
      ? slot
      : (packet, reason, where) => {
          before(packet, reason, where);
          slot(packet, reason, where);
        };
}

/** The events kept, oldest first. */
export function eventsOf(recorder: TraceRecorder): TraceEvent[] {
  const { ring, startIndex } = recorder;
  return [...ring.slice(startIndex), ...ring.slice(0, startIndex)];
}

/** Forgets everything recorded so far. */
export function clearTrace(recorder: TraceRecorder): void {
  recorder.ring.length = 0;
  recorder.startIndex = 0;
}

function keep(
  recorder: TraceRecorder,
  packet: Packet,
  kind: TraceKind,
  where: string,
  detail: TraceDetail,
  reason: DropReason | null,
): void {
  recorder.count++;
  const event: TraceEvent = {
    number: recorder.count,
    timeNs: timeNs(recorder.sim),
    kind,
    packetId: packet.id,
    parentId: packet.parentId,
    where,
    place: placeOfPacket(packet, where),
    detail,
    frame: viewPacket(packet, kind),
    reason,
  };
  if (recorder.ring.length < recorder.maxEvents) {
    recorder.ring.push(event);
    return;
  }
  recorder.ring[recorder.startIndex] = event;
  recorder.startIndex = (recorder.startIndex + 1) % recorder.maxEvents;
}

/**
 * The packet's view. Devices hold whole frames; above them a packet may start at its IP header,
 * which shows by its version and by a length that fits.
 */
function viewPacket(packet: Packet, kind: TraceKind): FrameView {
  const { bytes, start, end } = packet;
  const lengthBytes = (bytes[start + 2]! << 8) | bytes[start + 3]!;
  const isDatagram =
    kind !== 'transmit' &&
    kind !== 'receive' &&
    start === packet.network &&
    bytes[start]! >> 4 === 4 &&
    lengthBytes <= end - start;
  if (isDatagram) return viewDatagram(bytes, start, end);
  return viewFrame(bytes, start, end);
}
