/**
 * How traceroute asks: UDP to rising ports (a socket each), UDP to one port, ICMP echo, TCP SYN.
 * @source traceroute 2.1.2 mod-udp.c, mod-icmp.c, mod-tcp.c; traceroute.c parse_icmp_res()
 */
import { ERRNO, type Errno } from '../base/errors.ts';
import { nextBelow, nextInt32 } from '../base/prng.ts';
import { releasePacket } from '../engine/packet-pool.ts';
import type { Process, WaitQueue } from '../engine/process.ts';
import { streamOf, timeNs } from '../engine/simulator.ts';
import { readUint16, writeInt32, writeUint16 } from '../protocols/bytes.ts';
import {
  ICMP_BYTES,
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  icmpEchoId,
  icmpEchoSequence,
  icmpType,
  writeIcmp,
} from '../protocols/icmp.ts';
import { IPV4_BYTES, ipSource, PROTOCOL_ICMP, PROTOCOL_TCP } from '../protocols/ipv4.ts';
import {
  TCP_ACK,
  TCP_BYTES,
  TCP_RST,
  TCP_SYN,
  tcpFlags,
  tcpSourcePort,
  tcpTargetPort,
  writeTcpChecksum,
} from '../protocols/tcp.ts';
import { UDP_BYTES } from '../protocols/udp.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { closeRawSocket, openRawSocket, type RawSocket, sendRaw } from '../stack/raw-socket.ts';
import { makeRoute, routeOutput } from '../stack/route.ts';
import { type BoundSocket, type SocketError, takeError, takeReceived } from '../stack/socket.ts';
import {
  bindUdp,
  closeUdp,
  connectUdp,
  openUdp,
  sendUdp,
  type UdpSocket,
} from '../stack/udp-socket.ts';
import type { Probe, TracerouteOptions } from './traceroute.ts';

/** Where UDP probes begin. */
const UDP_FIRST_PORT = 33434;
const UDP_CONSTANT_PORT = 53;
const TCP_PORT = 80;

export interface ProbeMethod {
  /** Sends a probe and notes when. @returns null or the text of an error that ends the run. */
  send(probe: Probe, ttlHops: number): string | null;
  waitQueues(): WaitQueue[];
  hasInput(): boolean;
  /** Takes all that has come and marks the probes it answers as done. */
  receive(probes: readonly Probe[]): void;
  /** Nothing more is expected for this probe. */
  forget(probe: Probe): void;
}

/** The method of the options, or the text of why the kernel refuses. */
export function makeProbeMethod(
  process: Process,
  netns: NetNamespace,
  options: TracerouteOptions,
): ProbeMethod | string {
  if (options.method === 'icmp') return makeIcmpMethod(process, netns, options);
  if (options.method === 'tcp') return makeTcpMethod(process, netns, options);
  return makeUdpMethod(process, netns, options);
}

/** What an ICMP error says about the way: a mark, and whether it ends here. */
export function readIcmpAnswer(error: SocketError): { mark: string; isFinal: boolean } {
  if (error.type === 11) return { mark: error.code === 0 ? '' : `!T`, isFinal: error.code !== 0 };
  if (error.type !== 3) return { mark: `!<${error.type}-${error.code}>`, isFinal: true };
  const marks: Readonly<Record<number, string>> = {
    0: '!N',
    1: '!H',
    2: '!P',
    3: '',
    4: `!F-${error.info}`,
    5: '!S',
    6: '!N',
    7: '!H',
    8: '!N',
    9: '!X',
    10: '!X',
    11: '!N',
    12: '!H',
    13: '!X',
    14: '!V',
    15: '!C',
  };
  return { mark: marks[error.code] ?? `!<${error.code}>`, isFinal: true };
}

/** Data of a probe: bytes from 0x40 up, 64 of them over and over. */
function probeData(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: Math.max(0, sizeBytes) }, (_, i) => 0x40 + (i & 0x3f));
}

function setUp(socket: BoundSocket, options: TracerouteOptions): void {
  socket.boundDevice = options.device;
  socket.tos = options.tos;
  socket.mark = options.mark;
  socket.pathMtuDiscovery = options.setsDontFragment ? 'do' : 'dont';
  socket.receiveErrors = true;
}

/** Errors of a send that the error queue explains better, or that only this probe suffers. */
function sendFailure(errno: Errno | null): string | null {
  if (errno === null || errno === 'EMSGSIZE' || errno === 'EHOSTUNREACH') return null;
  return `send: ${ERRNO[errno]}`;
}

function noteError(probe: Probe, error: SocketError, nowNs: number): void {
  if (probe.isDone) return;
  probe.isDone = true;
  probe.receivedNs = nowNs;
  if (error.origin === 'local') {
    probe.mark = `!F-${error.info}`;
    probe.isFinal = true;
    return;
  }
  const { mark, isFinal } = readIcmpAnswer(error);
  probe.from = error.from;
  probe.mark = mark;
  probe.isFinal = isFinal;
}

function noteReply(probe: Probe, from: number, nowNs: number): void {
  if (probe.isDone) return;
  probe.isDone = true;
  probe.isFinal = true;
  probe.receivedNs = nowNs;
  probe.from = from;
}

function makeUdpMethod(
  process: Process,
  netns: NetNamespace,
  options: TracerouteOptions,
): ProbeMethod {
  const { sim } = process;
  const data = probeData(options.packetBytes - IPV4_BYTES - UDP_BYTES);
  const isConstant = options.method === 'udp-constant';
  const open = new Map<number, { socket: UdpSocket; probe: Probe }>();
  let port = options.port || (isConstant ? UDP_CONSTANT_PORT : UDP_FIRST_PORT);
  let nextKey = 1;
  const close = (key: number): void => {
    const entry = open.get(key);
    if (entry !== undefined) closeUdp(entry.socket);
    open.delete(key);
  };
  process.cleanups.push(() => {
    for (const key of [...open.keys()]) close(key);
  });
  return {
    send(probe, ttlHops) {
      const socket = openUdp(netns);
      setUp(socket, options);
      socket.ttlHops = ttlHops;
      if (options.source !== 0) {
        const bound = bindUdp(socket, options.source, 0);
        if (bound !== null) return `bind: ${ERRNO[bound]}`;
      }
      const connected = connectUdp(socket, options.target, port);
      if (connected !== null) {
        closeUdp(socket);
        return `connect: ${ERRNO[connected]}`;
      }
      probe.key = nextKey++;
      open.set(probe.key, { socket, probe });
      probe.sentNs = Math.max(1, timeNs(sim));
      const failure = sendFailure(sendUdp(socket, data, options.target, port));
      if (!isConstant) port = (port + 1) & 0xffff;
      return failure;
    },
    waitQueues: () => [...open.values()].map(({ socket }) => socket.waiters),
    hasInput: () => [...open.values()].some(({ socket }) => isReadable(socket)),
    receive() {
      for (const [key, { socket, probe }] of [...open]) {
        const now = timeNs(sim);
        const error = socket.errorQueue.shift();
        if (error !== undefined) {
          takeError(socket);
          noteError(probe, error, now);
          close(key);
          continue;
        }
        const packet = takeReceived(socket);
        if (packet === null) continue;
        noteReply(probe, ipSource(packet.bytes, packet.network), now);
        releasePacket(sim, packet);
        close(key);
      }
    },
    forget: (probe) => close(probe.key),
  };
}

function isReadable(socket: BoundSocket): boolean {
  return socket.errorQueue.length > 0 || socket.receiveQueue.count > 0;
}

/** What ICMP and TCP probes have in common: one raw socket, answers told apart by a key. */
interface RawMethod {
  readonly protocol: number;
  /** Builds the probe with this key. */
  readonly build: (key: number) => Uint8Array;
  readonly firstKey: number;
  /** The key of the probe quoted in an error; -1 if it is not ours. */
  readonly keyOfQuoted: (payload: Uint8Array) => number;
  /** The key that a received message answers; -1 if none. */
  readonly keyOfReply: (message: Uint8Array) => number;
}

function makeRawMethod(
  process: Process,
  netns: NetNamespace,
  options: TracerouteOptions,
  method: RawMethod,
): ProbeMethod {
  const { sim } = process;
  const socket: RawSocket = openRawSocket(netns, method.protocol);
  process.cleanups.push(() => closeRawSocket(socket));
  setUp(socket, options);
  if (options.source !== 0) socket.localAddress = options.source;
  let nextKey = method.firstKey;
  const find = (probes: readonly Probe[], key: number): Probe | undefined =>
    key < 0 ? undefined : probes.find((probe) => probe.sentNs > 0 && probe.key === key);
  return {
    send(probe, ttlHops) {
      socket.ttlHops = ttlHops;
      probe.key = nextKey;
      nextKey = (nextKey + 1) & 0xffff;
      probe.sentNs = Math.max(1, timeNs(sim));
      return sendFailure(sendRaw(socket, method.build(probe.key), options.target));
    },
    waitQueues: () => [socket.waiters],
    hasInput: () => isReadable(socket),
    receive(probes) {
      const now = timeNs(sim);
      takeError(socket);
      for (let error = socket.errorQueue.shift(); error; error = socket.errorQueue.shift()) {
        const probe = find(probes, method.keyOfQuoted(error.payload));
        if (probe !== undefined) noteError(probe, error, now);
      }
      for (let packet = takeReceived(socket); packet !== null; packet = takeReceived(socket)) {
        const message = packet.bytes.slice(packet.transport, packet.end);
        const from = ipSource(packet.bytes, packet.network);
        releasePacket(sim, packet);
        const probe =
          from === options.target ? find(probes, method.keyOfReply(message)) : undefined;
        if (probe !== undefined) noteReply(probe, from, now);
      }
    },
    forget: () => {},
  };
}

function makeIcmpMethod(
  process: Process,
  netns: NetNamespace,
  options: TracerouteOptions,
): ProbeMethod {
  const id = nextBelow(streamOf(process.sim, 'apps/traceroute'), 0x10000);
  const data = probeData(options.packetBytes - IPV4_BYTES - ICMP_BYTES);
  const keyOf = (message: Uint8Array, type: number): number =>
    message.length >= ICMP_BYTES && icmpType(message, 0) === type && icmpEchoId(message, 0) === id
      ? icmpEchoSequence(message, 0)
      : -1;
  return makeRawMethod(process, netns, options, {
    protocol: PROTOCOL_ICMP,
    firstKey: options.port || 1,
    build(key) {
      const message = new Uint8Array(ICMP_BYTES + data.length);
      message.set(data, ICMP_BYTES);
      writeIcmp(message, 0, message.length, ICMP_ECHO, 0, (id << 16) | key);
      return message;
    },
    keyOfQuoted: (payload) => keyOf(payload, ICMP_ECHO),
    keyOfReply: (message) => keyOf(message, ICMP_ECHO_REPLY),
  });
}

function makeTcpMethod(
  process: Process,
  netns: NetNamespace,
  options: TracerouteOptions,
): ProbeMethod | string {
  const prng = streamOf(process.sim, 'apps/traceroute');
  const route = makeRoute();
  const { target, device, mark, tos } = options;
  const errno = routeOutput(netns, target, options.source, device, mark, tos, route);
  if (errno !== null) return `connect: ${ERRNO[errno]}`;
  const source = route.source;
  const port = options.port || TCP_PORT;
  return makeRawMethod(process, netns, options, {
    protocol: PROTOCOL_TCP,
    firstKey: 32768 + nextBelow(prng, 28000),
    build(key) {
      const segment = new Uint8Array(TCP_BYTES + 4);
      writeUint16(segment, 0, key);
      writeUint16(segment, 2, port);
      writeInt32(segment, 4, nextInt32(prng));
      segment[12] = ((TCP_BYTES + 4) / 4) << 4;
      segment[13] = TCP_SYN;
      writeUint16(segment, 14, 5840);
      segment.set([2, 4, 0x05, 0xb4], TCP_BYTES);
      writeTcpChecksum(segment, 0, segment.length, source, target);
      return segment;
    },
    keyOfQuoted: (payload) =>
      payload.length >= 4 && readUint16(payload, 2) === port ? tcpSourcePort(payload, 0) : -1,
    keyOfReply(message) {
      if (message.length < TCP_BYTES || tcpSourcePort(message, 0) !== port) return -1;
      const flags = tcpFlags(message, 0);
      const isAnswer = (flags & TCP_RST) !== 0 || (flags & TCP_ACK) !== 0;
      return isAnswer ? tcpTargetPort(message, 0) : -1;
    },
  });
}
