/**
 * ping as busybox does it: an alarm sends every interval, errors from the network are not reported.
 * @source busybox 1.35 networking/ping.c
 */
import { ERRNO } from '../base/errors.ts';
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import { nextBelow } from '../base/prng.ts';
import type { Device } from '../engine/device.ts';
import { releasePacket } from '../engine/packet-pool.ts';
import { type Process, type Program, waitFor } from '../engine/process.ts';
import { streamOf, timeNs } from '../engine/simulator.ts';
import { readInt32, writeInt32 } from '../protocols/bytes.ts';
import {
  ICMP_BYTES,
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  icmpEchoId,
  icmpEchoSequence,
  icmpType,
  writeIcmp,
} from '../protocols/icmp.ts';
import { ipSource, ipTtl, PROTOCOL_ICMP } from '../protocols/ipv4.ts';
import { isLocalAddress } from '../stack/address.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { closeRawSocket, openRawSocket, sendRaw } from '../stack/raw-socket.ts';
import { takeError, takeReceived } from '../stack/socket.ts';
import { formatMs } from './ping-text.ts';
import type { ProgramOutput } from './program-output.ts';

export interface BusyboxPingOptions {
  readonly host: string;
  readonly target: Ipv4;
  readonly count: number | null;
  readonly intervalNs: number;
  readonly dataBytes: number;
  readonly ttlHops: number;
  /** Everything ends after this long; 0 for never. */
  readonly deadlineNs: number;
  /** How long to wait for the first reply after the last request. */
  readonly lingerNs: number;
  readonly source: Ipv4;
  readonly device: Device | null;
  readonly isQuiet: boolean;
}

interface Run {
  readonly process: Process;
  readonly options: BusyboxPingOptions;
  readonly output: ProgramOutput;
  readonly socket: ReturnType<typeof openRawSocket>;
  readonly id: number;
  readonly seen: Set<number>;
  sent: number;
  received: number;
  repeats: number;
  minUs: number;
  maxUs: number;
  sumUs: number;
}

/** @returns 0 if a reply came, else 1. */
export function* busyboxPing(
  process: Process,
  netns: NetNamespace,
  options: BusyboxPingOptions,
  output: ProgramOutput,
): Program {
  const { sim } = process;
  const socket = openRawSocket(netns, PROTOCOL_ICMP);
  process.cleanups.push(() => closeRawSocket(socket));
  socket.boundDevice = options.device;
  socket.ttlHops = options.ttlHops;
  socket.mayBroadcast = true;
  if (options.source !== 0) {
    if (!isLocalAddress(netns, options.source)) {
      output.writeError(`ping: bind: ${ERRNO.EADDRNOTAVAIL}\n`);
      return 1;
    }
    socket.localAddress = options.source;
  }
  const run: Run = {
    process,
    options,
    output,
    socket,
    id: nextBelow(streamOf(sim, 'apps/busybox-ping'), 0x10000),
    seen: new Set(),
    sent: 0,
    received: 0,
    repeats: 0,
    minUs: Number.MAX_SAFE_INTEGER,
    maxUs: 0,
    sumUs: 0,
  };
  const address = formatIpv4(options.target);
  output.write(`PING ${options.host} (${address}): ${options.dataBytes} data bytes\n`);
  const failure = yield* loop(run);
  if (failure !== null) {
    output.writeError(`ping: sendto: ${failure}\n`);
    return 1;
  }
  if (process.signal === 'SIGTERM') return 143;
  output.write(summary(run));
  return run.received === 0 ? 1 : 0;
}

/** Sends and receives until the end. @returns the text of a refusal, or null. */
function* loop(run: Run): Program<string | null> {
  const { process, options, socket } = run;
  const { sim } = process;
  const startNs = timeNs(sim);
  const deadlineNs =
    options.deadlineNs > 0 ? startNs + options.deadlineNs : Number.POSITIVE_INFINITY;
  let nextNs = startNs;
  while (process.signal === null && timeNs(sim) < deadlineNs) {
    if (timeNs(sim) >= nextNs) {
      if (options.count !== null && run.sent >= options.count) return null;
      const failure = send(run);
      if (failure !== null) return failure;
      const isLast = options.count !== null && run.sent >= options.count;
      // After the last one the alarm is for the end: twice the round trip, or the user's patience.
      const lingerNs = run.received > 0 ? Math.max(run.maxUs * 2000, 1e9) : options.lingerNs;
      nextNs = timeNs(sim) + (isLast ? lingerNs : options.intervalNs);
    }
    const waitNs = Math.max(0, Math.min(nextNs, deadlineNs) - timeNs(sim));
    const isReady = (): boolean => socket.receiveQueue.count > 0;
    if (yield* waitFor(process, [socket.waiters], isReady, waitNs)) receive(run);
    takeError(socket);
    if (options.count !== null && run.received >= options.count) return null;
  }
  return null;
}

function send(run: Run): string | null {
  const { options } = run;
  const message = new Uint8Array(ICMP_BYTES + options.dataBytes);
  // The data begins with the time in microseconds and is zero otherwise.
  if (options.dataBytes >= 4) {
    writeInt32(message, ICMP_BYTES, Math.floor(timeNs(run.process.sim) / 1000) | 0);
  }
  const sequence = run.sent & 0xffff;
  run.seen.delete(sequence);
  writeIcmp(message, 0, message.length, ICMP_ECHO, 0, (run.id << 16) | sequence);
  run.sent++;
  const errno = sendRaw(run.socket, message, options.target);
  return errno === null || errno === 'EPERM' ? null : ERRNO[errno];
}

function receive(run: Run): void {
  const { options, output, process } = run;
  const packet = takeReceived(run.socket);
  if (packet === null) return;
  const { bytes, network, transport, end } = packet;
  const isOurs =
    end - transport >= ICMP_BYTES &&
    icmpType(bytes, transport) === ICMP_ECHO_REPLY &&
    icmpEchoId(bytes, transport) === run.id;
  const sequence = isOurs ? icmpEchoSequence(bytes, transport) : 0;
  const from = formatIpv4(ipSource(bytes, network));
  const ttl = ipTtl(bytes, network);
  const size = end - transport;
  const hasTime = size >= ICMP_BYTES + 4;
  const nowUs = Math.floor(timeNs(process.sim) / 1000) | 0;
  const us = isOurs && hasTime ? (nowUs - readInt32(bytes, transport + ICMP_BYTES)) >>> 0 : 0;
  releasePacket(process.sim, packet);
  if (!isOurs) return;
  run.received++;
  if (hasTime) {
    run.sumUs += us;
    run.minUs = Math.min(run.minUs, us);
    run.maxUs = Math.max(run.maxUs, us);
  }
  const isRepeat = run.seen.has(sequence);
  if (isRepeat) {
    run.repeats++;
    run.received--;
  }
  run.seen.add(sequence);
  if (options.isQuiet) return;
  const time = hasTime ? ` time=${formatMs(us)} ms` : '';
  const repeat = isRepeat ? ' (DUP!)' : '';
  output.write(`${size} bytes from ${from}: seq=${sequence} ttl=${ttl}${time}${repeat}\n`);
}

function summary(run: Run): string {
  const { sent, received, repeats } = run;
  let text = `\n--- ${run.options.host} ping statistics ---\n`;
  text += `${sent} packets transmitted, ${received} packets received, `;
  if (repeats > 0) text += `${repeats} duplicates, `;
  text += `${sent === 0 ? 0 : Math.floor(((sent - received) * 100) / sent)}% packet loss\n`;
  if (received + repeats > 0 && run.minUs !== Number.MAX_SAFE_INTEGER) {
    const average = Math.floor(run.sumUs / (received + repeats));
    const times = [run.minUs, average, run.maxUs].map(formatMs).join('/');
    text += `round-trip min/avg/max = ${times} ms\n`;
  }
  return text;
}
