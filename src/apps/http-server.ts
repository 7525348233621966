/**
 * A web server: one process that accepts, one more for each connection. What it answers is up to
 * its handler (busybox-httpd.ts, say).
 * @source busybox 1.35 networking/httpd.c mini_httpd(), handle_incoming_and_exit()
 */
import type { Errno } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import { NS_PER_SEC } from '../base/units.ts';
import { type Process, type Program, spawn } from '../engine/process.ts';
import { timeNs } from '../engine/simulator.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import {
  acceptTcp,
  bindTcp,
  closeTcp,
  listenTcp,
  openTcp,
  readTcp,
  sendFileTcp,
  shutdownTcp,
  type TcpSocket,
  writeTcp,
} from '../stack/tcp/tcp-socket.ts';
import { concat, HTTP_HEADER_MAX_BYTES, type HttpHeader, parseHttpHeader } from './http-message.ts';
import { ownSocket } from './socket-owner.ts';

const LISTEN_BACKLOG = 9;
/** How long a client may take for its request. */
const REQUEST_TIMEOUT_NS = 60 * NS_PER_SEC;

export interface HttpRequest {
  readonly method: string;
  /** As sent: path and query. */
  readonly target: string;
  readonly version: string;
  /** Null if the request line was no request line. */
  readonly header: HttpHeader;
  readonly body: Uint8Array;
  readonly clientAddress: Ipv4;
  readonly clientPort: number;
  readonly serverAddress: Ipv4;
}

/** What is sent: the header in one write, then the body in another (none if it is empty). */
export interface HttpReply {
  readonly header: Uint8Array;
  readonly body: Uint8Array;
  /** Whether the next request may come on the same connection. */
  readonly keepsAlive: boolean;
}

export interface HttpServerOptions {
  readonly address: Ipv4;
  readonly port: number;
  /** The answer; the request is null if none came in time or it could not be read. */
  readonly respond: (request: HttpRequest | null, nowNs: number) => HttpReply;
  /** Read a body by Content-Length before answering. */
  readonly readsBody: boolean;
}

/** Opens the server's socket: what may fail, fails here. */
export function openHttpServer(
  netns: NetNamespace,
  options: HttpServerOptions,
): TcpSocket | { readonly call: 'bind' | 'listen'; readonly errno: Errno } {
  const listener = openTcp(netns);
  listener.reuseAddress = true;
  const bound = bindTcp(listener, options.address, options.port);
  if (bound !== null) {
    closeTcp(listener);
    return { call: 'bind', errno: bound };
  }
  const listening = listenTcp(listener, LISTEN_BACKLOG);
  if (listening === null) return listener;
  closeTcp(listener);
  return { call: 'listen', errno: listening };
}

/** Accepts connections until a signal comes. */
export function* serveHttp(
  process: Process,
  listener: TcpSocket,
  options: HttpServerOptions,
): Program {
  process.cleanups.push(() => closeTcp(listener));
  ownSocket(listener, process);
  for (;;) {
    const connection = yield* acceptTcp(process, listener);
    if (process.signal !== null) return process.signal === 'SIGINT' ? 130 : 143;
    if (typeof connection === 'string') continue;
    spawn(process.sim, process.cpu, `${process.name} child`, (child) =>
      serveConnection(child, connection, options),
    );
  }
}

function* serveConnection(
  process: Process,
  connection: TcpSocket,
  options: HttpServerOptions,
): Program {
  process.cleanups.push(() => closeTcp(connection));
  ownSocket(connection, process);
  let rest: Uint8Array = new Uint8Array(0);
  for (;;) {
    const read = yield* readRequest(process, connection, options, rest);
    if (read === 'closed') return 0;
    rest = read.rest;
    const reply = options.respond(read.request, timeNs(process.sim));
    if ((yield* writeTcp(process, connection, reply.header)) !== null) return 1;
    if (reply.body.length > 0) {
      if ((yield* sendFileTcp(process, connection, reply.body)) !== null) return 1;
    }
    if (!reply.keepsAlive) break;
  }
  shutdownTcp(connection, 'write');
  return 0;
}

interface ReadRequest {
  readonly request: HttpRequest | null;
  /** What came after it. */
  readonly rest: Uint8Array;
}

function* readRequest(
  process: Process,
  connection: TcpSocket,
  options: HttpServerOptions,
  already: Uint8Array,
): Program<ReadRequest | 'closed'> {
  const endNs = timeNs(process.sim) + REQUEST_TIMEOUT_NS;
  let bytes = already;
  for (;;) {
    const header = parseHttpHeader(bytes);
    const bodyBytes =
      header === null || !options.readsBody ? 0 : Number(header.fields.get('content-length') ?? 0);
    if (header !== null && bytes.length >= header.sizeBytes + bodyBytes) {
      const end = header.sizeBytes + bodyBytes;
      const body = bytes.slice(header.sizeBytes, end);
      return { request: requestOf(connection, header, body), rest: bytes.slice(end) };
    }
    if (bytes.length > HTTP_HEADER_MAX_BYTES) return { request: null, rest: new Uint8Array(0) };
    const waitNs = Math.max(0, endNs - timeNs(process.sim));
    const more = yield* readTcp(process, connection, 8192, waitNs);
    if (more === 'EAGAIN') return { request: null, rest: new Uint8Array(0) };
    if (typeof more === 'string' || more.length === 0) return 'closed';
    bytes = concat([bytes, more]);
  }
}

function requestOf(
  connection: TcpSocket,
  header: HttpHeader,
  body: Uint8Array,
): HttpRequest | null {
  const match = /^(\S+) (\S+) (HTTP\/\d\.\d)$/.exec(header.startLine);
  if (match === null) return null;
  return {
    method: match[1]!,
    target: match[2]!,
    version: match[3]!,
    header,
    body,
    clientAddress: connection.remoteAddress,
    clientPort: connection.remotePort,
    serverAddress: connection.localAddress,
  };
}
