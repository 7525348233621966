/**
 * ping: iputils' main loop on a raw ICMP socket. Sending is paced by a bucket of tokens in
 * milliseconds; waiting is a receive with the socket's timeout (a coarse kernel timer) or a poll (an
 * exact one), mixed just as in the original, for the times on the wire depend on it.
 * @source iputils 20221126 ping/ping_common.c main_loop(), pinger(), __schedule_exit(), ping/ping.c
 */
import { ERRNO } from '../base/errors.ts';
import { formatIpv4, isMulticast } from '../base/ipv4-address.ts';
import { nextBelow } from '../base/prng.ts';
import { NS_PER_MS, NS_PER_SEC } from '../base/units.ts';
import { type Process, type Program, waitFor } from '../engine/process.ts';
import { streamOf, timeNs } from '../engine/simulator.ts';
import { writeUint16 } from '../protocols/bytes.ts';
import { ICMP_BYTES, ICMP_ECHO, writeIcmp } from '../protocols/icmp.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { closeRawSocket, openRawSocket, sendRaw } from '../stack/raw-socket.ts';
import { receivePingDatagram, receivePingError } from './ping-receive.ts';
import {
  inFlight,
  PING_FILTER_ALL,
  PING_TIMEVAL_BYTES,
  type PingOptions,
  type PingState,
  timestampOf,
} from './ping-state.ts';
import { checkPingTarget } from './ping-target.ts';
import { formatSummary, makePingCounts } from './ping-text.ts';
import type { ProgramOutput } from './program-output.ts';
import { waitOnWheel } from './wait-on-wheel.ts';
import { wallClockOf } from './wall-clock.ts';

/** ping never waits less than this between two looks, in milliseconds. */
const MIN_INTERVAL_MS = 10;
/** How long ping waits for the last reply by default. */
export const PING_LINGER_MS = 10_000;
/** Below this a poll is too short for the scheduler's clock of 100 Hz: ping spins. */
const SPIN_MS = 10;

/** Sends echo requests and reports what comes back. @returns iputils' exit code: 0, 1 or 2. */
export function* ping(
  process: Process,
  netns: NetNamespace,
  options: PingOptions,
  output: ProgramOutput,
): Program {
  const source = checkPingTarget(netns, options, output);
  if (typeof source === 'string') {
    output.writeError(`ping: ${source}\n`);
    return 2;
  }
  const state = openPing(process, netns, options, output);
  const { target, host, dataBytes, device } = options;
  const from =
    device !== null || options.source !== null
      ? `from ${formatIpv4(source)} ${device?.name ?? ''}: `
      : '';
  output.write(
    `PING ${host} (${formatIpv4(target)}) ${from}${dataBytes}(${dataBytes + 28}) bytes of data.\n`,
  );
  const startNs = timeNs(process.sim);
  if (options.deadlineSec > 0) state.exitAtNs = startNs + options.deadlineSec * NS_PER_SEC;
  yield* loop(state);
  if (process.signal === 'SIGTERM') return 143;
  const { counts } = state;
  output.write(
    formatSummary(counts, {
      host,
      elapsedNs: (state.paceNs ?? startNs) - startNs,
      hasTimes: state.hasTimes,
      showsGap: state.intervalMs === 0 || options.isFlood || options.isAdaptive,
    }),
  );
  const isShort = options.deadlineSec > 0 && counts.received < (options.count ?? 0);
  return counts.received === 0 || isShort ? 1 : 0;
}

/** Opens and sets up the socket. */
function openPing(
  process: Process,
  netns: NetNamespace,
  options: PingOptions,
  output: ProgramOutput,
): PingState {
  const socket = openRawSocket(netns, 1);
  process.cleanups.push(() => closeRawSocket(socket));
  const isGroup = options.isBroadcast || isMulticast(options.target);
  socket.receiveErrors = true;
  socket.icmpFilter = PING_FILTER_ALL;
  socket.mayBroadcast = options.isBroadcast;
  socket.pathMtuDiscovery = options.pathMtuDiscovery ?? (isGroup ? 'do' : 'want');
  socket.boundDevice = options.device;
  socket.ttlHops = options.ttlHops ?? 0;
  socket.tos = options.tos;
  socket.mark = options.mark;
  if (options.source !== null) socket.localAddress = options.source;
  const { dataBytes } = options;
  const request = new Uint8Array(ICMP_BYTES + dataBytes);
  for (let i = 0; i < dataBytes; i++) request[ICMP_BYTES + i] = i;
  if (options.pattern !== null && options.pattern.length > 0) {
    for (let i = 0; i < dataBytes; i++) {
      request[ICMP_BYTES + i] = options.pattern[i % options.pattern.length]!;
    }
  }
  return {
    process,
    options,
    output,
    socket,
    counts: makePingCounts(),
    id: options.id ?? nextBelow(streamOf(process.sim, 'apps/ping'), 0x10000),
    hasTimes: dataBytes >= PING_TIMEVAL_BYTES,
    isMulticast: isGroup,
    request,
    seen: new Set(),
    acked: 0,
    intervalMs: options.intervalMs,
    tokensMs: 0,
    paceNs: null,
    rttAddendUs: 0,
    exitAtNs: Number.POSITIVE_INFINITY,
    isLingering: false,
    refusalCount: 0,
  };
}

function* loop(state: PingState): Program<void> {
  const { options, counts, process } = state;
  for (;;) {
    if (process.signal !== null || timeNs(process.sim) >= state.exitAtNs) return;
    if (options.count !== null && counts.received + counts.errors >= options.count) return;
    if (options.deadlineSec > 0 && counts.errors > 0) return;
    let nextMs: number;
    do {
      nextMs = lingerFrom(state, yield* sendDue(state));
    } while (nextMs <= 0 && process.signal === null);
    if (!(yield* awaitInput(state, nextMs))) continue;
    yield* receiveAll(state);
  }
}

/** Waits for a reply or an error. @returns whether there may be something to read. */
function* awaitInput(state: PingState, nextMs: number): Program<boolean> {
  const { process, socket, options } = state;
  const isReadable = (): boolean =>
    socket.receiveQueue.count > 0 || socket.errorQueue.length > 0 || socket.error !== null;
  const restNs = Math.max(0, state.exitAtNs - timeNs(process.sim));
  const timeoutMs = Math.max(MIN_INTERVAL_MS, state.intervalMs);
  if (options.isAdaptive || nextMs < timeoutMs) {
    const waitMs = nextMs <= SPIN_MS && inFlight(state) > 0 ? MIN_INTERVAL_MS : nextMs;
    const waitNs = Math.min(waitMs * NS_PER_MS, restNs);
    return yield* waitFor(process, [socket.waiters], isReadable, waitNs);
  }
  return yield* waitOnWheel(process, [socket.waiters], isReadable, timeoutMs, restNs);
}

/** Reads all that has come: errors go before datagrams, as in recvmsg(). */
function* receiveAll(state: PingState): Program<void> {
  const { socket } = state;
  for (;;) {
    if (socket.errorQueue.length > 0) {
      socket.error = null;
      yield* receivePingError(state);
    } else if (socket.error !== null) {
      socket.error = null;
    } else if (socket.receiveQueue.count > 0) {
      yield* receivePingDatagram(state);
    } else {
      return;
    }
    if (inFlight(state) === 0) return;
  }
}

/** Sends a request if one is due. @returns milliseconds until the next one, 0 or less for now. */
function* sendDue(state: PingState): Program<number> {
  const { options, counts } = state;
  const { count } = options;
  if (count !== null && counts.transmitted >= count && options.deadlineSec === 0) return 1000;
  const waitMs = takeToken(state);
  if (waitMs > 0) return waitMs;
  if (options.showsOutstanding && counts.transmitted > 0) {
    if (!state.seen.has(counts.transmitted & 0xffff)) {
      const stamp = timestampOf(state);
      state.output.write(`${stamp}no answer yet for icmp_seq=${counts.transmitted % 0x10000}\n`);
    }
  }
  const errno = sendRequest(state);
  if (errno === null) {
    state.refusalCount = 0;
    countRequest(state);
    if (!options.isQuiet && options.isFlood) state.output.write('.');
    return state.intervalMs - state.tokensMs;
  }
  if (errno === 'ENOBUFS' || errno === 'ENOMEM') {
    // Not sent at all: the same request is tried again, for as long as a last answer is waited for.
    state.tokensMs = 0;
    const retryMs = Math.min(Math.floor(state.intervalMs / 2), 500);
    state.refusalCount++;
    if (state.refusalCount * retryMs < options.lingerMs) return retryMs;
  }
  // A refused request counts as sent; its ICMP error or local error says why.
  const hadQueue = state.socket.errorQueue.length > 0;
  const isNetError = hadQueue && (yield* receivePingError(state));
  countRequest(state);
  const isSilent = !isNetError && errno !== 'ENOBUFS' && errno !== 'ENOMEM';
  if (!isSilent && !options.isQuiet) {
    if (options.isFlood) state.output.write('E');
    else state.output.writeError(`ping: sendmsg: ${ERRNO[errno]}\n`);
  }
  state.tokensMs = 0;
  return Math.max(MIN_INTERVAL_MS, state.intervalMs);
}

/** @returns 0 if a request may go now, else milliseconds to wait. */
function takeToken(state: PingState): number {
  const { intervalMs } = state;
  const { preload } = state.options;
  const now = timeNs(state.process.sim);
  if (state.paceNs === null) {
    state.paceNs = now;
    state.tokensMs = intervalMs * (preload - 1);
    return 0;
  }
  const elapsedMs = millisecondsBetween(state.paceNs, now);
  if (intervalMs === 0 && elapsedMs < MIN_INTERVAL_MS && inFlight(state) >= preload) {
    return MIN_INTERVAL_MS - elapsedMs;
  }
  const tokens = Math.min(elapsedMs + state.tokensMs, intervalMs * preload);
  if (tokens < intervalMs) return intervalMs - tokens;
  state.paceNs = now;
  state.tokensMs = tokens - intervalMs;
  return 0;
}

/** Seconds and nanoseconds are subtracted apart and cut to milliseconds, as the original does. */
function millisecondsBetween(fromNs: number, toNs: number): number {
  const fromSec = Math.floor(fromNs / NS_PER_SEC);
  const toSec = Math.floor(toNs / NS_PER_SEC);
  const restNs = toNs - toSec * NS_PER_SEC - (fromNs - fromSec * NS_PER_SEC);
  return (toSec - fromSec) * 1000 + Math.trunc(restNs / NS_PER_MS);
}

/** Once all requests are out, sets the alarm that ends the wait for the last replies. */
function lingerFrom(state: PingState, nextMs: number): number {
  const { options, counts } = state;
  if (options.count === null || counts.transmitted < options.count) return nextMs;
  if (options.deadlineSec > 0 || state.isLingering) return nextMs;
  state.isLingering = true;
  const waitUs =
    counts.received > 0
      ? Math.max(2 * counts.maxUs, 1000 * state.intervalMs)
      : options.lingerMs * 1000;
  if (waitUs > 0) state.exitAtNs = timeNs(state.process.sim) + waitUs * 1000;
  return Math.max(nextMs, Math.floor(waitUs / 1000));
}

function sendRequest(state: PingState): ReturnType<typeof sendRaw> {
  const { request, counts, process, options } = state;
  const sequence = (counts.transmitted + 1) & 0xffff;
  state.seen.delete(sequence);
  if (state.hasTimes) {
    const clock = wallClockOf(process.sim, options.epochSec);
    writeInt64LittleEndian(request, ICMP_BYTES, clock.sec);
    writeInt64LittleEndian(request, ICMP_BYTES + 8, clock.usec);
  }
  writeUint16(request, 4, state.id);
  writeUint16(request, 6, sequence);
  writeIcmp(request, 0, request.length, ICMP_ECHO, 0, (state.id << 16) | sequence);
  return sendRaw(state.socket, request, options.target);
}

function countRequest(state: PingState): void {
  const { counts } = state;
  counts.transmitted++;
  if (((counts.transmitted - state.acked) & 0xffff) > 0x7fff) {
    state.acked = (counts.transmitted + 1) & 0xffff;
  }
}

function writeInt64LittleEndian(bytes: Uint8Array, offset: number, value: number): void {
  let rest = value;
  for (let i = 0; i < 8; i++) {
    bytes[offset + i] = rest & 0xff;
    rest = Math.floor(rest / 256);
  }
}
