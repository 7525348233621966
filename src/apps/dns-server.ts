/** A DNS server: answers each question of a UDP socket with what its lookup finds. */
import type { Errno } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import { releasePacket } from '../engine/packet-pool.ts';
import { type Process, type Program, waitFor } from '../engine/process.ts';
import {
  DNS_FLAG_AUTHORITATIVE,
  DNS_FLAG_RECURSION_AVAILABLE,
  DNS_FLAG_RECURSION_DESIRED,
  DNS_FLAG_RESPONSE,
  DNS_FLAG_TRUNCATED,
  DNS_UDP_MAX_BYTES,
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  parseDns,
  writeDns,
} from '../protocols/dns.ts';
import { ipSource } from '../protocols/ipv4.ts';
import { UDP_BYTES, udpSourcePort } from '../protocols/udp.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { takeError, takeReceived } from '../stack/socket.ts';
import { bindUdp, closeUdp, openUdp, sendUdp, type UdpSocket } from '../stack/udp-socket.ts';

/** What a lookup finds: records, or a response code (3: no such name). */
export interface DnsFinding {
  readonly answers: readonly DnsRecord[];
  readonly rcode: number;
  readonly isAuthoritative: boolean;
}

export interface DnsServerOptions {
  readonly address: Ipv4;
  readonly port: number;
  readonly recursionAvailable: boolean;
  readonly lookup: (question: DnsQuestion, client: Ipv4) => DnsFinding;
}

/** Opens the server's socket. */
export function openDnsServer(netns: NetNamespace, options: DnsServerOptions): UdpSocket | Errno {
  const socket = openUdp(netns);
  const errno = bindUdp(socket, options.address, options.port);
  if (errno === null) return socket;
  closeUdp(socket);
  return errno;
}

/** Answers until a signal comes. */
export function* serveDns(process: Process, socket: UdpSocket, options: DnsServerOptions): Program {
  process.cleanups.push(() => closeUdp(socket));
  for (;;) {
    const isReady = (): boolean => socket.receiveQueue.count > 0;
    yield* waitFor(process, [socket.waiters], isReady);
    if (process.signal !== null) return process.signal === 'SIGINT' ? 130 : 143;
    takeError(socket);
    const packet = takeReceived(socket);
    if (packet === null) continue;
    const { bytes, transport, end } = packet;
    const client = ipSource(bytes, packet.network);
    const port = udpSourcePort(bytes, transport);
    const query = parseDns(bytes, transport + UDP_BYTES, end);
    releasePacket(process.sim, packet);
    const reply = query === null ? null : answerDns(query, options, client);
    if (reply !== null) sendUdp(socket, reply, client, port);
  }
}

/** The reply to a query, cut to what a datagram may carry; null for what is no query. */
export function answerDns(
  query: DnsMessage,
  options: DnsServerOptions,
  client: Ipv4,
): Uint8Array | null {
  const question = query.questions[0];
  if ((query.flags & DNS_FLAG_RESPONSE) !== 0 || question === undefined) return null;
  const { answers, rcode, isAuthoritative } = options.lookup(question, client);
  let flags = DNS_FLAG_RESPONSE | (query.flags & DNS_FLAG_RECURSION_DESIRED) | (rcode & 15);
  if (options.recursionAvailable) flags |= DNS_FLAG_RECURSION_AVAILABLE;
  if (isAuthoritative) flags |= DNS_FLAG_AUTHORITATIVE;
  const reply = { id: query.id, flags, questions: [question], authorities: [], additionals: [] };
  const whole = writeDns({ ...reply, answers });
  if (whole.length <= DNS_UDP_MAX_BYTES) return whole;
  return writeDns({ ...reply, flags: flags | DNS_FLAG_TRUNCATED, answers: [] });
}
