/**
 * One question to one DNS server, as dig, host and nslookup ask it.
 * @source BIND 9.18 bin/dig/dighost.c
 */
import type { Errno } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import { nextBelow, nextInt32, type Prng } from '../base/prng.ts';
import { releasePacket } from '../engine/packet-pool.ts';
import { type Process, type Program, waitFor } from '../engine/process.ts';
import { streamOf, timeNs } from '../engine/simulator.ts';
import { writeInt32 } from '../protocols/bytes.ts';
import { DNS_PORT, DNS_TYPES, type DnsMessage, parseDns, writeDns } from '../protocols/dns.ts';
import { UDP_BYTES } from '../protocols/udp.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { takeReceived } from '../stack/socket.ts';
import { closeTcp, connectTcp, openTcp, readTcp, writeTcp } from '../stack/tcp/tcp-socket.ts';
import { closeUdp, connectUdp, openUdp, sendUdp } from '../stack/udp-socket.ts';

/** Size of a reply that dig is ready for. */
const EDNS_BYTES = 1232;
const COOKIE_OPTION = 10;
const TCP_READ_BYTES = 65_537;

export interface DnsQuery {
  readonly server: Ipv4;
  readonly port?: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Adds an OPT record with a cookie, as dig does. */
  readonly hasEdns: boolean;
  readonly timeoutNs: number;
  /** Asks over TCP (`dig +tcp`). */
  readonly overTcp?: boolean;
}

export interface DnsReply {
  readonly message: DnsMessage;
  readonly sizeBytes: number;
  readonly elapsedNs: number;
}

/** The network refused: at once (`isSetup`), or by an ICMP error. */
export interface DnsRefusal {
  readonly errno: Errno;
  readonly isSetup: boolean;
}

/** Asks once. @returns the reply; why the network refused; `timeout`; `interrupted`. */
export function* askDns(
  process: Process,
  netns: NetNamespace,
  query: DnsQuery,
): Program<DnsReply | DnsRefusal | 'timeout' | 'interrupted'> {
  const { sim } = process;
  const port = query.port ?? DNS_PORT;
  const startNs = timeNs(sim);
  const prng = streamOf(sim, 'apps/dns');
  const id = nextBelow(prng, 0x10000);
  if (query.overTcp === true) {
    return yield* askByTcp(process, netns, query, writeQuery(query, id, prng));
  }
  const socket = openUdp(netns);
  process.cleanups.push(() => closeUdp(socket));
  const refused = connectUdp(socket, query.server, port);
  if (refused !== null) return { errno: refused, isSetup: true };
  const failure = sendUdp(socket, writeQuery(query, id, prng));
  if (failure !== null) return { errno: failure, isSetup: false };
  const endNs = startNs + query.timeoutNs;
  for (;;) {
    const isReady = (): boolean => socket.receiveQueue.count > 0 || socket.error !== null;
    const rest = Math.max(0, endNs - timeNs(sim));
    if (!(yield* waitFor(process, [socket.waiters], isReady, rest))) {
      closeUdp(socket);
      return process.signal === null ? 'timeout' : 'interrupted';
    }
    const packet = takeReceived(socket);
    if (packet === null) {
      const errno = socket.error ?? 'ECONNREFUSED';
      closeUdp(socket);
      return { errno, isSetup: false };
    }
    const start = packet.transport + UDP_BYTES;
    const sizeBytes = packet.end - start;
    const message = parseDns(packet.bytes, start, packet.end);
    releasePacket(sim, packet);
    if (message?.id !== id) continue;
    closeUdp(socket);
    return { message, sizeBytes, elapsedNs: timeNs(sim) - startNs };
  }
}

/** The bytes of a question. */
function writeQuery(query: DnsQuery, id: number, prng: Prng): Uint8Array {
  const cookie = new Uint8Array(12);
  cookie.set([0, COOKIE_OPTION, 0, 8]);
  writeInt32(cookie, 4, nextInt32(prng));
  writeInt32(cookie, 8, nextInt32(prng));
  const edns = {
    name: '',
    type: DNS_TYPES.OPT,
    class: EDNS_BYTES,
    ttlSec: 0,
    data: { kind: 'raw', bytes: cookie },
  } as const;
  return writeDns({
    id,
    flags: query.flags,
    questions: [{ name: query.name, type: query.type, class: 1 }],
    answers: [],
    authorities: [],
    additionals: query.hasEdns ? [edns] : [],
  });
}

/** One question on a connection of its own: each message has its length before it. */
function* askByTcp(
  process: Process,
  netns: NetNamespace,
  query: DnsQuery,
  bytes: Uint8Array,
): Program<DnsReply | DnsRefusal | 'timeout' | 'interrupted'> {
  const startNs = timeNs(process.sim);
  const socket = openTcp(netns);
  process.cleanups.push(() => closeTcp(socket));
  const refused = yield* connectTcp(process, socket, query.server, query.port ?? DNS_PORT);
  if (refused !== null) return { errno: refused, isSetup: false };
  const framed = new Uint8Array(bytes.length + 2);
  framed.set([bytes.length >> 8, bytes.length & 255]);
  framed.set(bytes, 2);
  const failure = yield* writeTcp(process, socket, framed);
  if (failure !== null) return { errno: failure, isSetup: false };
  const received: number[] = [];
  while (received.length < 2 || received.length < 2 + received[0]! * 256 + received[1]!) {
    const more = yield* readTcp(process, socket, TCP_READ_BYTES, query.timeoutNs);
    if (typeof more === 'string' || more.length === 0) {
      closeTcp(socket);
      return process.signal === null ? 'timeout' : 'interrupted';
    }
    received.push(...more);
  }
  closeTcp(socket);
  const message = parseDns(Uint8Array.from(received), 2, received.length);
  if (message === null) return 'timeout';
  const sizeBytes = received.length - 2;
  return { message, sizeBytes, elapsedNs: timeNs(process.sim) - startNs };
}
