/**
 * What a running ping knows, and the bookkeeping of its sequence numbers.
 * @source iputils 20221126 ping/ping.h struct ping_rts, acknowledge(), in_flight()
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import type { Process, Program } from '../engine/process.ts';
import type { RawSocket } from '../stack/raw-socket.ts';
import type { PingCounts } from './ping-text.ts';
import type { ProgramOutput } from './program-output.ts';
import { wallClockOf } from './wall-clock.ts';

/** Space for a struct timeval: data shorter than this carries no time. */
export const PING_TIMEVAL_BYTES = 16;
/** ICMP_FILTER bits: all but replies, redirects and errors. */
export const PING_FILTER_ALL = ~((1 << 0) | (1 << 3) | (1 << 4) | (1 << 5) | (1 << 11) | (1 << 12));
/** Once the error queue is known to work, errors need not come as datagrams too. */
export const PING_FILTER_ERRORS = ~((1 << 0) | (1 << 4) | (1 << 5));

export interface PingOptions {
  readonly target: Ipv4;
  /** The target as the user named it. */
  readonly host: string;
  readonly count: number | null;
  readonly intervalMs: number;
  readonly dataBytes: number;
  readonly ttlHops: number | null;
  readonly tos: number;
  readonly mark: number;
  readonly lingerMs: number;
  readonly deadlineSec: number;
  readonly preload: number;
  /** ICMP identifier; null for a random one. */
  readonly id: number | null;
  readonly pathMtuDiscovery: 'do' | 'want' | 'dont' | null;
  readonly device: Device | null;
  /** Source address that the user wants, or null. */
  readonly source: Ipv4 | null;
  readonly pattern: Uint8Array | null;
  readonly isQuiet: boolean;
  readonly isFlood: boolean;
  readonly isAdaptive: boolean;
  readonly isVerbose: boolean;
  readonly isBroadcast: boolean;
  readonly showsTimestamps: boolean;
  readonly showsOutstanding: boolean;
  readonly epochSec: number;
  /** The name that belongs to an address, or null; null itself to print numbers only. */
  readonly nameOf: ((process: Process, address: Ipv4) => Program<string | null>) | null;
}

/** What a running ping knows. */
export interface PingState {
  readonly process: Process;
  readonly options: PingOptions;
  readonly output: ProgramOutput;
  readonly socket: RawSocket;
  readonly counts: PingCounts;
  readonly id: number;
  readonly hasTimes: boolean;
  readonly isMulticast: boolean;
  /** The request as it is sent: ICMP header and data. */
  readonly request: Uint8Array;
  /** Sequence numbers whose reply has come. */
  readonly seen: Set<number>;
  /** Highest sequence number acknowledged, 16 bits. */
  acked: number;
  intervalMs: number;
  tokensMs: number;
  /** When the last request was due (cur_time), null before the first. */
  paceNs: number | null;
  rttAddendUs: number;
  /** The alarm that ends it. */
  exitAtNs: number;
  isLingering: boolean;
  /** Requests that the device had no room for, one after another (oom_count). */
  refusalCount: number;
}

/** A reply or an error for this sequence number has come. */
export function acknowledge(state: PingState, sequence: number): void {
  const { counts } = state;
  const behind = (counts.transmitted - sequence) & 0xffff;
  if (behind > 0x7fff) return;
  if (behind + 1 > counts.pipe) counts.pipe = behind + 1;
  const ahead = ((sequence - state.acked) << 16) >> 16;
  if (ahead > 0 || ((counts.transmitted - state.acked) & 0xffff) > 0x7fff) state.acked = sequence;
}

/** Requests without an answer so far. */
export function inFlight(state: PingState): number {
  const { counts } = state;
  const difference = (counts.transmitted - state.acked) & 0xffff;
  if (difference <= 0x7fff) return difference;
  return counts.transmitted - counts.received - counts.errors;
}

/** With -A the interval follows the round trip. */
export function adaptInterval(state: PingState): void {
  const { ewmaUs8 } = state.counts;
  const estimateUs = ewmaUs8 > 0 ? Math.floor(ewmaUs8 / 8) : state.intervalMs * 1000;
  state.intervalMs = Math.floor((estimateUs + state.rttAddendUs + 500) / 1000);
}

/** `[seconds.microseconds] ` with -D. */
export function timestampOf(state: PingState): string {
  if (!state.options.showsTimestamps) return '';
  const { sec, usec } = wallClockOf(state.process.sim, state.options.epochSec);
  return `[${sec}.${String(usec).padStart(6, '0')}] `;
}
