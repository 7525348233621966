/**
 * Asking the world outside for the embedded DNS: one upstream server after the other.
 * @source moby libnetwork/resolver.go forwardExtDNS(), exchange()
 */
import { ownSocket } from '../apps/socket-owner.ts';
import { type Ipv4, parseIpv4 } from '../base/ipv4-address.ts';
import { NS_PER_SEC } from '../base/units.ts';
import { releasePacket } from '../engine/packet-pool.ts';
import { type Process, type Program, waitFor } from '../engine/process.ts';
import { timeNs } from '../engine/simulator.ts';
import { readUint16 } from '../protocols/bytes.ts';
import { DNS_PORT } from '../protocols/dns.ts';
import { UDP_BYTES } from '../protocols/udp.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { takeReceived } from '../stack/socket.ts';
import type { TcpSocket } from '../stack/tcp/tcp-socket.ts';
import { closeTcp, connectTcp, openTcp, readTcp, writeTcp } from '../stack/tcp/tcp-socket.ts';
import { closeUdp, connectUdp, openUdp, sendUdp } from '../stack/udp-socket.ts';
import { dockerdOf } from './daemon-process.ts';
import type { Container, DockerEngine } from './engine-record.ts';

/** How long one server may take. @source extIOTimeout */
const TIMEOUT_NS = 4 * NS_PER_SEC;
/** Servers that are asked at most. @source maxExtDNS */
const UPSTREAMS_MAX = 3;
const RCODE_SERVFAIL = 2;
const RCODE_REFUSED = 5;
/** Bytes of a message's id, flags and counts. */
const HEADER_BYTES = 12;

/** The first useful reply to a query; null if no server gave one (or, in 20.10, none at all). */
export function* forwardQuery(
  process: Process,
  engine: DockerEngine,
  container: Container,
  query: Uint8Array,
  protocol: 'udp' | 'tcp',
): Program<Uint8Array | null> {
  let failure: Uint8Array | null = null;
  for (const server of container.resolver?.upstreams.slice(0, UPSTREAMS_MAX) ?? []) {
    const address = parseIpv4(server.address);
    const isFromHost = server.isHostLoopback || engine.profile.namesAskedFrom === 'host';
    const netns = isFromHost ? engine.machine.root : container.netns;
    if (address === null || netns === null) continue;
    const exchange = protocol === 'udp' ? exchangeUdp : exchangeTcp;
    const reply = yield* exchange(process, engine, netns, address, query);
    if (reply === null || reply.length < HEADER_BYTES) continue;
    const rcode = reply[3]! & 15;
    if (rcode !== RCODE_SERVFAIL && rcode !== RCODE_REFUSED) return reply;
    failure = reply;
  }
  // An engine that makes no failure of its own passes on the last one it got.
  return engine.profile.answersFailedQueries ? null : failure;
}

function* exchangeUdp(
  process: Process,
  engine: DockerEngine,
  netns: NetNamespace,
  server: Ipv4,
  query: Uint8Array,
): Program<Uint8Array | null> {
  const socket = openUdp(netns);
  process.cleanups.push(() => closeUdp(socket));
  ownSocket(socket, dockerdOf(engine));
  const isSent = connectUdp(socket, server, DNS_PORT) === null && sendUdp(socket, query) === null;
  const endNs = timeNs(process.sim) + TIMEOUT_NS;
  let reply: Uint8Array | null = null;
  while (isSent && reply === null) {
    const isReady = (): boolean => socket.receiveQueue.count > 0 || socket.error !== null;
    const restNs = Math.max(0, endNs - timeNs(process.sim));
    if (!(yield* waitFor(process, [socket.waiters], isReady, restNs))) break;
    const packet = takeReceived(socket);
    if (packet === null) break; // refused, unreachable
    const bytes = packet.bytes.slice(packet.transport + UDP_BYTES, packet.end);
    releasePacket(process.sim, packet);
    if (bytes.length >= 2 && readUint16(bytes, 0) === readUint16(query, 0)) reply = bytes;
  }
  closeUdp(socket);
  return reply;
}

function* exchangeTcp(
  process: Process,
  engine: DockerEngine,
  netns: NetNamespace,
  server: Ipv4,
  query: Uint8Array,
): Program<Uint8Array | null> {
  const socket = openTcp(netns);
  process.cleanups.push(() => closeTcp(socket));
  ownSocket(socket, dockerdOf(engine));
  const framed = new Uint8Array(query.length + 2);
  framed[0] = query.length >> 8;
  framed[1] = query.length & 255;
  framed.set(query, 2);
  let reply: Uint8Array | null = null;
  if ((yield* connectTcp(process, socket, server, DNS_PORT)) === null) {
    if ((yield* writeTcp(process, socket, framed)) === null) {
      reply = yield* readFramed(process, socket, TIMEOUT_NS);
    }
  }
  closeTcp(socket);
  return reply;
}

/** A message with its length before it; null at the end or if it takes too long. */
export function* readFramed(
  process: Process,
  socket: TcpSocket,
  timeoutNs = Number.POSITIVE_INFINITY,
): Program<Uint8Array | null> {
  const bytes: number[] = [];
  while (bytes.length < 2 || bytes.length < 2 + bytes[0]! * 256 + bytes[1]!) {
    const wanted =
      bytes.length < 2 ? 2 - bytes.length : 2 + bytes[0]! * 256 + bytes[1]! - bytes.length;
    const more = yield* readTcp(process, socket, wanted, timeoutNs);
    if (typeof more === 'string' || more.length === 0) return null;
    bytes.push(...more);
  }
  return Uint8Array.from(bytes.slice(2));
}
