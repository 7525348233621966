/**
 * Packet events with the devices at which they happened. Events name their places in words, and two
 * hosts may have namespaces of the same name; a drawing has to know which box is meant.
 */
import type { Simulator } from '../engine/simulator.ts';
import { observeDrops, observeEvents, startTrace, type TraceRecorder } from '../observe/trace.ts';
import { deviceIdOf } from './take-snapshot.ts';

export interface WayRecorder {
  readonly trace: TraceRecorder;
  /** By the number of an event: the device that had the packet then. */
  readonly deviceOf: Map<number, string>;
}

/** Starts to record; other observers stay. */
export function recordWays(sim: Simulator): WayRecorder {
  const trace = startTrace(sim);
  const deviceOf = new Map<number, string>();
  const note = (packet: { readonly device: Parameters<typeof deviceIdOf>[0] | null }): void => {
    if (packet.device !== null) deviceOf.set(trace.count, deviceIdOf(packet.device));
  };
  // They come after the recorder's own, which has numbered the event by then.
  observeEvents(sim, (_kind, packet) => note(packet));
  observeDrops(sim, (packet) => note(packet));
  return { trace, deviceOf };
}
