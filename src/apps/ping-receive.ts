/**
 * What ping does with what comes back: echo replies, ICMP errors, the kernel's own refusals.
 * @source iputils 20221126 ping/ping.c ping4_parse_reply(), ping4_receive_error_msg(),
 *   ping/ping_common.c gather_statistics()
 */
import { ERRNO } from '../base/errors.ts';
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import { releasePacket } from '../engine/packet-pool.ts';
import { kill, makeWaitQueue, type Program, spawn, waitFor, wake } from '../engine/process.ts';
import { timeNs } from '../engine/simulator.ts';
import {
  ICMP_BYTES,
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  ICMP_REDIRECT,
  icmpCode,
  icmpEchoId,
  icmpEchoSequence,
  icmpGateway,
  icmpType,
  isIcmpError,
} from '../protocols/icmp.ts';
import { IPV4_BYTES, ipHeaderBytes, ipSource, ipTarget, ipTtl } from '../protocols/ipv4.ts';
import { takeReceived } from '../stack/socket.ts';
import {
  acknowledge,
  adaptInterval,
  PING_FILTER_ERRORS,
  PING_TIMEVAL_BYTES,
  type PingState,
  timestampOf,
} from './ping-state.ts';
import { addRoundTrip, describeIcmp, formatRoundTrip } from './ping-text.ts';
import { wallClockOf } from './wall-clock.ts';

/** Takes one entry of the socket's error queue. @returns whether it was an error from the network. */
export function* receivePingError(state: PingState): Program<boolean> {
  const { options, output, counts } = state;
  const error = state.socket.errorQueue.shift();
  if (error === undefined) return false;
  if (error.origin === 'local') {
    if (options.isQuiet) return false;
    if (options.isFlood) output.write('E');
    else if (error.errno === 'EMSGSIZE') {
      output.writeError(`ping: local error: message too long, mtu=${error.info}\n`);
    } else {
      output.writeError(`ping: local error: ${ERRNO[error.errno]}\n`);
    }
    counts.errors++;
    return false;
  }
  const { payload } = error;
  const isOurs =
    payload.length >= ICMP_BYTES &&
    error.target === options.target &&
    icmpType(payload, 0) === ICMP_ECHO &&
    icmpEchoId(payload, 0) === state.id;
  if (!isOurs) return false;
  const sequence = icmpEchoSequence(payload, 0);
  acknowledge(state, sequence);
  state.socket.icmpFilter = PING_FILTER_ERRORS;
  counts.errors++;
  if (options.isQuiet) return true;
  if (options.isFlood) {
    output.write('\bE');
    return true;
  }
  const from = yield* nameAddress(state, error.from);
  const words = describeIcmp(error.type, error.code, error.info);
  output.write(`${timestampOf(state)}From ${from} icmp_seq=${sequence} ${words}\n`);
  return true;
}

/** Takes one datagram of the socket's queue: a reply of ours is counted and printed. */
export function* receivePingDatagram(state: PingState): Program<void> {
  const packet = takeReceived(state.socket);
  if (packet === null) return;
  const { bytes, network, end } = packet;
  const datagram = bytes.slice(network, end);
  releasePacket(state.process.sim, packet);
  if (datagram.length < IPV4_BYTES) return;
  const icmp = ipHeaderBytes(datagram, 0);
  if (datagram.length < icmp + ICMP_BYTES) return;
  const type = icmpType(datagram, icmp);
  if (type === ICMP_ECHO_REPLY && icmpEchoId(datagram, icmp) === state.id) {
    yield* receiveReply(state, datagram, icmp);
  } else if (isIcmpError(type)) {
    yield* receiveQuoted(state, datagram, icmp);
  }
}

function* receiveReply(state: PingState, datagram: Uint8Array, icmp: number): Program<void> {
  const { options, output, counts } = state;
  const sequence = icmpEchoSequence(datagram, icmp);
  const messageBytes = datagram.length - icmp;
  const isWhole = messageBytes >= options.dataBytes + ICMP_BYTES;
  counts.received++;
  acknowledge(state, sequence);
  let roundTripUs = 0;
  if (state.hasTimes && messageBytes >= ICMP_BYTES + PING_TIMEVAL_BYTES) {
    roundTripUs = roundTripOf(state, datagram, icmp + ICMP_BYTES);
    addRoundTrip(counts, roundTripUs);
    if (options.isAdaptive) adaptInterval(state);
  }
  const isRepeat = state.seen.has(sequence);
  if (isRepeat) {
    counts.repeats++;
    counts.received--;
  } else {
    state.seen.add(sequence);
  }
  if (options.isQuiet) return;
  if (options.isFlood) {
    output.write('\b \b');
    return;
  }
  const from = ipSource(datagram, 0);
  const name = yield* nameAddress(state, from);
  let line = `${timestampOf(state)}${messageBytes} bytes from ${name}: icmp_seq=${sequence}`;
  if (options.isVerbose) line += ` ident=${state.id}`;
  line += ` ttl=${ipTtl(datagram, 0)}`;
  if (!isWhole) {
    output.write(`${line} (truncated)\n`);
    return;
  }
  if (state.hasTimes) line += ` time=${formatRoundTrip(roundTripUs)} ms`;
  if (isRepeat && (!state.isMulticast || options.isVerbose)) line += ' (DUP!)';
  if (!state.isMulticast && from !== options.target) line += ' (DIFFERENT ADDRESS!)';
  output.write(`${line}${wrongData(state, datagram, icmp)}\n`);
}

/** An ICMP error as a datagram: the error queue reports it too, except for redirects. */
function* receiveQuoted(state: PingState, datagram: Uint8Array, icmp: number): Program<void> {
  const { options } = state;
  const quoted = icmp + ICMP_BYTES;
  if (datagram.length < quoted + IPV4_BYTES + ICMP_BYTES) return;
  const echo = quoted + ipHeaderBytes(datagram, quoted);
  if (datagram.length < echo + ICMP_BYTES) return;
  const isOurs =
    icmpType(datagram, echo) === ICMP_ECHO &&
    ipTarget(datagram, quoted) === options.target &&
    icmpEchoId(datagram, echo) === state.id;
  if (!isOurs) return;
  const sequence = icmpEchoSequence(datagram, echo);
  const type = icmpType(datagram, icmp);
  if (type !== ICMP_REDIRECT) {
    acknowledge(state, sequence);
    return;
  }
  if (options.isQuiet || options.isFlood) return;
  const from = yield* nameAddress(state, ipSource(datagram, 0));
  const words = describeIcmp(type, icmpCode(datagram, icmp), icmpGateway(datagram, icmp));
  state.output.write(`${timestampOf(state)}From ${from}: icmp_seq=${sequence} ${words}\n`);
}

/**
 * The address with its name. The alarm that ends ping ends a look-up too: a server that does not answer
 * does not hold up the last line.
 * @source iputils 20221126 ping/ping.c pr_addr(), sigexit()
 */
function* nameAddress(state: PingState, address: Ipv4): Program<string> {
  const text = formatIpv4(address);
  const { process, exitAtNs, options } = state;
  const restNs = exitAtNs - timeNs(process.sim);
  if (options.nameOf === null || restNs <= 0) return text;
  const name =
    restNs === Number.POSITIVE_INFINITY
      ? yield* options.nameOf(process, address)
      : yield* nameWithin(state, options.nameOf, address, restNs);
  return name === null ? text : `${name} (${text})`;
}

function* nameWithin(
  { process }: PingState,
  nameOf: NonNullable<PingState['options']['nameOf']>,
  address: Ipv4,
  restNs: number,
): Program<string | null> {
  let name: string | null = null;
  const queue = makeWaitQueue();
  const lookup = spawn(process.sim, process.cpu, process.name, function* look(self) {
    name = yield* nameOf(self, address);
    return 0;
  });
  lookup.onExit.push(() => wake(queue));
  yield* waitFor(process, [queue], () => lookup.exitCode !== null, restNs);
  kill(lookup, 'SIGKILL');
  return name;
}

function roundTripOf(state: PingState, datagram: Uint8Array, offset: number): number {
  const now = wallClockOf(state.process.sim, state.options.epochSec);
  const sec = readLittleEndian(datagram, offset);
  const usec = readLittleEndian(datagram, offset + 8);
  return Math.max(0, (now.sec - sec) * 1_000_000 + now.usec - usec);
}

/** The low 48 bits of a 64-bit little-endian word. */
function readLittleEndian(bytes: Uint8Array, offset: number): number {
  let value = 0;
  for (let i = 5; i >= 0; i--) value = value * 256 + bytes[offset + i]!;
  return value;
}

/** Says where a reply's data differs from the request's, with a dump; empty if it does not. */
function wrongData(state: PingState, datagram: Uint8Array, icmp: number): string {
  const { request, options } = state;
  for (let i = PING_TIMEVAL_BYTES; i < options.dataBytes; i++) {
    const got = datagram[icmp + ICMP_BYTES + i]!;
    const sent = request[ICMP_BYTES + i]!;
    if (got === sent) continue;
    let text = `\nwrong data byte #${i} should be 0x${sent.toString(16)} but was 0x${got.toString(16)}`;
    for (let k = PING_TIMEVAL_BYTES; k < options.dataBytes; k++) {
      if (k % 32 === PING_TIMEVAL_BYTES) text += `\n#${k}\t`;
      text += `${datagram[icmp + ICMP_BYTES + k]!.toString(16)} `;
    }
    return text;
  }
  return '';
}
