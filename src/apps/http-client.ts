/**
 * One HTTP request over a fresh TCP connection: what curl and wget do on the wire. The order of calls
 * is curl's: connect, send the request in one write, read until the reply is whole, close.
 * @source curl 7.88 lib/connect.c, lib/transfer.c
 */
import type { Errno } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import { type Process, type Program, sleep } from '../engine/process.ts';
import { timeNs } from '../engine/simulator.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import {
  bindTcp,
  closeTcp,
  connectTcpPolling,
  openTcp,
  readTcp,
  setNoDelayTcp,
  type TcpSocket,
  writeTcp,
} from '../stack/tcp/tcp-socket.ts';
import {
  bodyLengthOf,
  concat,
  decodeChunks,
  HTTP_HEADER_MAX_BYTES,
  type HttpHeader,
  parseHttpHeader,
} from './http-message.ts';

/** Bytes of a reply's body that a client keeps. */
const BODY_MAX_BYTES = 256 * 1024 * 1024;

export interface HttpClientOptions {
  readonly addresses: readonly Ipv4[];
  readonly port: number;
  readonly method: string;
  /** The whole request. */
  readonly request: Uint8Array;
  /** Source address and port to bind to; 0 for any. */
  readonly localAddress: Ipv4;
  readonly localPorts: { readonly first: number; readonly last: number } | null;
  readonly device: Device | null;
  /** What the program does between its connection and its request, if that takes a time that shows. */
  readonly requestDelayNs?: number;
  /** Virtual times at which the patience ends; Infinity for never. */
  readonly connectUntilNs: number;
  readonly untilNs: number;
  /** Called at the steps, for -v. */
  readonly onStep?: (step: HttpStep, socket: TcpSocket, address: Ipv4, errno: Errno | null) => void;
  /** Called when a header has come, with its status. */
  readonly onHeader?: (header: HttpHeader, status: number) => void;
}

export type HttpStep = 'trying' | 'connected' | 'connect-failed' | 'sent' | 'closed';

/** How it ended. */
export type HttpFailure =
  | 'bind'
  | 'connect'
  | 'connect-timeout'
  | 'timeout'
  | 'send'
  | 'receive'
  | 'empty'
  | 'partial'
  | 'malformed'
  | 'interrupted';

export interface HttpOutcome {
  /** Null if the reply is whole. */
  readonly failure: HttpFailure | null;
  readonly errno: Errno | null;
  /** 0 if no header came. */
  readonly status: number;
  readonly header: HttpHeader | null;
  /** Everything before the body: the headers of 1xx replies too. */
  readonly headerText: string;
  readonly body: Uint8Array;
  /** Bytes of the body that are missing, for `partial`; the whole size if known, else -1. */
  readonly missingBytes: number;
  readonly expectedBytes: number;
  readonly remoteAddress: Ipv4;
  readonly localAddress: Ipv4;
  readonly localPort: number;
  readonly connectedNs: number;
  readonly firstByteNs: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Draft = Mutable<HttpOutcome>;

/** Does the whole exchange; the connection is closed when it returns. */
export function* requestHttp(
  process: Process,
  netns: NetNamespace,
  options: HttpClientOptions,
): Program<HttpOutcome> {
  const draft: Draft = {
    failure: null,
    errno: null,
    status: 0,
    header: null,
    headerText: '',
    body: new Uint8Array(0),
    missingBytes: 0,
    expectedBytes: -1,
    remoteAddress: 0,
    localAddress: 0,
    localPort: 0,
    connectedNs: 0,
    firstByteNs: 0,
  };
  for (const address of options.addresses) {
    draft.failure = null;
    const socket = openTcp(netns);
    process.cleanups.push(() => closeTcp(socket));
    yield* connectTo(process, socket, address, options, draft);
    if (draft.failure === null) {
      yield* exchange(process, socket, options, draft);
      options.onStep?.('closed', socket, address, draft.errno);
      closeTcp(socket);
      return draft;
    }
    closeTcp(socket);
    if (draft.failure !== 'connect') break;
  }
  return draft;
}

function* connectTo(
  process: Process,
  socket: TcpSocket,
  address: Ipv4,
  options: HttpClientOptions,
  draft: Draft,
): Program<void> {
  const { sim } = process;
  options.onStep?.('trying', socket, address, null);
  setNoDelayTcp(socket, true);
  socket.boundDevice = options.device;
  const errno = bindLocal(socket, options);
  if (errno !== null) {
    draft.failure = 'bind';
    draft.errno = errno;
    return;
  }
  const untilNs = Math.min(options.connectUntilNs, options.untilNs);
  const result = yield* connectTcpPolling(
    process,
    socket,
    address,
    options.port,
    untilNs - timeNs(sim),
  );
  if (result === null) {
    draft.remoteAddress = address;
    draft.localAddress = socket.localAddress;
    draft.localPort = socket.localPort;
    draft.connectedNs = timeNs(sim);
    options.onStep?.('connected', socket, address, null);
    return;
  }
  draft.errno = result;
  if (process.signal !== null) draft.failure = 'interrupted';
  else if (result === 'EAGAIN' && timeNs(sim) >= options.untilNs) draft.failure = 'timeout';
  else if (result === 'EAGAIN') draft.failure = 'connect-timeout';
  else draft.failure = 'connect';
  options.onStep?.('connect-failed', socket, address, result);
}

function bindLocal(socket: TcpSocket, options: HttpClientOptions): Errno | null {
  const { localPorts, localAddress } = options;
  if (localPorts === null) {
    return localAddress === 0 ? null : bindTcp(socket, localAddress, 0);
  }
  let errno: Errno | null = null;
  for (let port = localPorts.first; port <= localPorts.last; port++) {
    errno = bindTcp(socket, localAddress, port);
    if (errno === null) return null;
  }
  return errno;
}

function* exchange(
  process: Process,
  socket: TcpSocket,
  options: HttpClientOptions,
  draft: Draft,
): Program<void> {
  if (options.requestDelayNs !== undefined) yield* sleep(process, options.requestDelayNs);
  const sent = yield* writeTcp(process, socket, options.request);
  if (sent !== null) {
    draft.failure = 'send';
    draft.errno = sent;
    return;
  }
  options.onStep?.('sent', socket, draft.remoteAddress, null);
  const parts: Uint8Array[] = [];
  let totalBytes = 0;
  let isEnd = false;
  for (;;) {
    if (totalBytes > 0 && readReply(options, draft, parts, isEnd)) return;
    if (isEnd) break;
    const waitNs = options.untilNs - timeNs(process.sim);
    const more = yield* readTcp(process, socket, 65536, Math.max(0, waitNs));
    if (typeof more === 'string') {
      draft.errno = more;
      if (process.signal !== null) draft.failure = 'interrupted';
      else draft.failure = more === 'EAGAIN' ? 'timeout' : 'receive';
      return;
    }
    if (more.length === 0) isEnd = true;
    else if (totalBytes === 0) draft.firstByteNs = timeNs(process.sim);
    totalBytes += more.length;
    if (totalBytes > BODY_MAX_BYTES) break;
    parts.push(more);
  }
  draft.failure = draft.status === 0 ? 'empty' : 'partial';
}

/** Looks at all that has come. @returns whether the reply is whole. */
function readReply(
  options: HttpClientOptions,
  draft: Draft,
  parts: Uint8Array[],
  isEnd: boolean,
): boolean {
  let bytes = parts.length === 1 ? parts[0]! : concat(parts);
  parts.length = 0;
  parts.push(bytes);
  while (draft.header === null) {
    const header = parseHttpHeader(bytes);
    if (header === null) return bytes.length > HTTP_HEADER_MAX_BYTES && fail(draft);
    const match = /^HTTP\/\d(?:\.\d)? (\d{3})/.exec(header.startLine);
    if (match === null) return fail(draft);
    draft.status = Number(match[1]);
    draft.headerText += header.text;
    options.onHeader?.(header, draft.status);
    bytes = bytes.subarray(header.sizeBytes);
    parts[0] = bytes;
    if (draft.status >= 200) draft.header = header;
  }
  const length = bodyLengthOf(draft.status, options.method, draft.header);
  switch (length.kind) {
    case 'known':
      draft.expectedBytes = length.sizeBytes;
      draft.body = bytes.subarray(0, length.sizeBytes);
      draft.missingBytes = length.sizeBytes - draft.body.length;
      return draft.missingBytes === 0;
    case 'chunked': {
      const decoded = decodeChunks(bytes);
      if (decoded === null) return fail(draft);
      draft.body = decoded.data;
      return decoded.isWhole;
    }
    default:
      draft.body = bytes;
      return isEnd;
  }
}

function fail(draft: Draft): true {
  draft.failure = 'malformed';
  return true;
}
