/**
 * nc: a connection from standard input to standard output, or the other end of one.
 * @source netcat-openbsd 1.219 netcat.c
 */
import { ERRNO, type Errno } from '../base/errors.ts';
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import { NS_PER_SEC } from '../base/units.ts';
import { releasePacket } from '../engine/packet-pool.ts';
import { type Process, type Program, sleep, waitFor } from '../engine/process.ts';
import { ipSource } from '../protocols/ipv4.ts';
import { serviceName } from '../protocols/line-context.ts';
import { UDP_BYTES, udpSourcePort } from '../protocols/udp.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { takeError, takeReceived } from '../stack/socket.ts';
import {
  acceptTcp,
  bindTcp,
  closeTcp,
  connectTcp,
  listenTcp,
  openTcp,
  readTcp,
  shutdownTcp,
  type TcpSocket,
  writeTcp,
} from '../stack/tcp/tcp-socket.ts';
import { bindUdp, closeUdp, connectUdp, openUdp, sendUdp } from '../stack/udp-socket.ts';
import { bytesOf } from './http-message.ts';
import type { ProgramOutput } from './program-output.ts';
import { ownSocket } from './socket-owner.ts';

export interface NetcatOptions {
  readonly host: string;
  readonly address: Ipv4;
  readonly ports: readonly number[];
  readonly isUdp: boolean;
  readonly isVerbose: boolean;
  /** No names of services. */
  readonly isNumeric: boolean;
  readonly isScan: boolean;
  readonly keepsListening: boolean;
  readonly shutsDownAtEnd: boolean;
  readonly waitNs: number;
  readonly sourceAddress: Ipv4;
  readonly sourcePort: number;
  readonly ttlHops: number;
  readonly tos: number;
  /** What to send: standard input, all of it. */
  readonly input: string;
  readonly writeBytes: (bytes: Uint8Array) => void;
}

/** Connects to each port in turn. @returns 0 if at least one answered. */
export function* netcatConnect(
  process: Process,
  netns: NetNamespace,
  options: NetcatOptions,
  output: ProgramOutput,
): Program {
  let exitCode = 1;
  for (const port of options.ports) {
    const isDone = options.isUdp
      ? yield* talkUdp(process, netns, options, port, output)
      : yield* talkTcp(process, netns, options, port, output);
    if (process.signal !== null) return process.signal === 'SIGINT' ? 130 : 143;
    if (isDone) exitCode = 0;
  }
  return exitCode;
}

function placeOf(options: NetcatOptions, port: number): string {
  const text = formatIpv4(options.address);
  const shown = options.host === text ? text : `${options.host} (${text})`;
  return `${shown} port ${port} (${options.isUdp ? 'udp' : 'tcp'})`;
}

function succeeded(options: NetcatOptions, port: number): string {
  const kind = options.isUdp ? 'udp' : 'tcp';
  const text = formatIpv4(options.address);
  const shown = options.host === text ? text : `${options.host} (${text})`;
  const service = options.isNumeric ? '*' : (serviceName(port, kind) ?? '*');
  return `Connection to ${shown} ${port} port [${kind}/${service}] succeeded!\n`;
}

function* talkTcp(
  process: Process,
  netns: NetNamespace,
  options: NetcatOptions,
  port: number,
  output: ProgramOutput,
): Program<boolean> {
  const socket = openTcp(netns);
  process.cleanups.push(() => closeTcp(socket));
  ownSocket(socket, process);
  socket.ttlHops = options.ttlHops;
  socket.tos = options.tos;
  socket.reuseAddress = true;
  if (options.sourceAddress !== 0 || options.sourcePort !== 0) {
    const refused = bindTcp(socket, options.sourceAddress, options.sourcePort);
    if (refused !== null) {
      output.writeError(`nc: bind failed: ${ERRNO[refused]}\n`);
      return false;
    }
  }
  const errno = yield* connectTcp(process, socket, options.address, port, options.waitNs);
  if (errno !== null) {
    const why =
      errno === 'EAGAIN' ? 'timed out: Operation now in progress' : `failed: ${ERRNO[errno]}`;
    const isShown = options.isVerbose || !options.isScan;
    if (isShown && process.signal === null) {
      if (options.isVerbose) {
        output.writeError(`nc: connect to ${placeOf(options, port)} ${why}\n`);
      }
    }
    closeTcp(socket);
    return false;
  }
  if (options.isVerbose) output.writeError(succeeded(options, port));
  if (!options.isScan) yield* relayTcp(process, socket, options);
  closeTcp(socket);
  return true;
}

/** Input to the connection, the connection to output, until the other end closes. */
function* relayTcp(process: Process, socket: TcpSocket, options: NetcatOptions): Program<void> {
  if (options.input !== '') {
    const failure = yield* writeTcp(process, socket, bytesOf(options.input));
    if (failure !== null) return;
  }
  if (options.shutsDownAtEnd) shutdownTcp(socket, 'write');
  for (;;) {
    const bytes = yield* readTcp(process, socket, 16384, options.waitNs);
    if (typeof bytes === 'string' || bytes.length === 0) return;
    options.writeBytes(bytes);
  }
}

function* talkUdp(
  process: Process,
  netns: NetNamespace,
  options: NetcatOptions,
  port: number,
  output: ProgramOutput,
): Program<boolean> {
  const socket = openUdp(netns);
  process.cleanups.push(() => closeUdp(socket));
  ownSocket(socket, process);
  if (options.sourceAddress !== 0 || options.sourcePort !== 0) {
    const refused = bindUdp(socket, options.sourceAddress, options.sourcePort);
    if (refused !== null) {
      output.writeError(`nc: bind failed: ${ERRNO[refused]}\n`);
      return false;
    }
  }
  const errno = connectUdp(socket, options.address, port);
  if (errno !== null) {
    if (options.isVerbose) {
      output.writeError(`nc: connect to ${placeOf(options, port)} failed: ${ERRNO[errno]}\n`);
    }
    closeUdp(socket);
    return false;
  }
  if (options.isVerbose || options.isScan) {
    // A silent port and an open one look alike: send a little and wait for a refusal.
    if (!(yield* probeUdp(process, socket, options.waitNs))) {
      closeUdp(socket);
      return false;
    }
    if (options.isVerbose) output.writeError(succeeded(options, port));
  }
  if (!options.isScan) {
    if (options.input !== '') sendUdp(socket, bytesOf(options.input));
    yield* relayUdp(process, socket, options);
  }
  closeUdp(socket);
  return true;
}

/** Two datagrams, then one a second for as long as -w says, three seconds by default. */
function* probeUdp(
  process: Process,
  socket: ReturnType<typeof openUdp>,
  waitNs: number,
): Program<boolean> {
  const seconds = waitNs === Number.POSITIVE_INFINITY ? 3 : waitNs / NS_PER_SEC;
  for (let i = 0; i < 2; i++) {
    if (sendUdp(socket, bytesOf('X')) !== null) return false;
  }
  for (let waited = 0; waited < seconds && process.signal === null; waited++) {
    yield* sleep(process, NS_PER_SEC);
    if (sendUdp(socket, bytesOf('X')) !== null || takeError(socket) !== null) return false;
  }
  return process.signal === null;
}

function* relayUdp(
  process: Process,
  socket: ReturnType<typeof openUdp>,
  options: NetcatOptions,
): Program<void> {
  for (;;) {
    const isReady = (): boolean => socket.receiveQueue.count > 0 || socket.error !== null;
    if (!(yield* waitFor(process, [socket.waiters], isReady, options.waitNs))) return;
    if (takeError(socket) !== null) return;
    const packet = takeReceived(socket);
    if (packet === null) continue;
    options.writeBytes(packet.bytes.slice(packet.transport + UDP_BYTES, packet.end));
    releasePacket(process.sim, packet);
  }
}

/** Waits for a connection (or a datagram) on the first port. */
export function* netcatListen(
  process: Process,
  netns: NetNamespace,
  options: NetcatOptions,
  output: ProgramOutput,
): Program {
  const port = options.ports[0]!;
  if (options.isUdp) return yield* listenUdp(process, netns, options, port, output);
  const listener = openTcp(netns);
  process.cleanups.push(() => closeTcp(listener));
  ownSocket(listener, process);
  listener.reuseAddress = true;
  const errno: Errno | null = bindTcp(listener, options.address, port) ?? listenTcp(listener, 1);
  if (errno !== null) {
    output.writeError(`nc: ${ERRNO[errno]}\n`);
    return 1;
  }
  if (options.isVerbose) {
    output.writeError(`Listening on ${formatIpv4(options.address)} ${port}\n`);
  }
  do {
    const connection = yield* acceptTcp(process, listener);
    if (process.signal !== null) return process.signal === 'SIGINT' ? 130 : 143;
    if (typeof connection === 'string') continue;
    process.cleanups.push(() => closeTcp(connection));
    if (!options.keepsListening) closeTcp(listener);
    if (options.isVerbose) {
      const from = `${formatIpv4(connection.remoteAddress)} ${connection.remotePort}`;
      output.writeError(`Connection received on ${from}\n`);
    }
    yield* relayTcp(process, connection, options);
    closeTcp(connection);
  } while (options.keepsListening);
  return 0;
}

function* listenUdp(
  process: Process,
  netns: NetNamespace,
  options: NetcatOptions,
  port: number,
  output: ProgramOutput,
): Program {
  const socket = openUdp(netns);
  process.cleanups.push(() => closeUdp(socket));
  ownSocket(socket, process);
  const errno = bindUdp(socket, options.address, port);
  if (errno !== null) {
    output.writeError(`nc: ${ERRNO[errno]}\n`);
    return 1;
  }
  if (options.isVerbose) {
    output.writeError(`Bound on ${formatIpv4(options.address)} ${port}\n`);
  }
  let isFirst = true;
  for (;;) {
    const isReady = (): boolean => socket.receiveQueue.count > 0;
    const wait = isFirst ? Number.POSITIVE_INFINITY : options.waitNs;
    if (!(yield* waitFor(process, [socket.waiters], isReady, wait))) break;
    const packet = takeReceived(socket)!;
    const peer = ipSource(packet.bytes, packet.network);
    const peerPort = udpSourcePort(packet.bytes, packet.transport);
    const data = packet.bytes.slice(packet.transport + UDP_BYTES, packet.end);
    releasePacket(process.sim, packet);
    if (isFirst) {
      isFirst = false;
      if (!options.keepsListening) connectUdp(socket, peer, peerPort);
      if (options.isVerbose) {
        output.writeError(`Connection received on ${formatIpv4(peer)} ${peerPort}\n`);
      }
      if (options.input !== '') sendUdp(socket, bytesOf(options.input), peer, peerPort);
    }
    options.writeBytes(data);
  }
  if (process.signal !== null) return process.signal === 'SIGINT' ? 130 : 143;
  return 0;
}
