/**
 * The system calls of TCP sockets. Those that may block are generators: `yield* readTcp(...)`.
 */
import type { Errno } from '../../base/errors.ts';
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { Process, Program } from '../../engine/process.ts';
import type { NetNamespace } from '../namespace.ts';
import type { TcpSocket } from './tcp-record.ts';

export type { TcpSocket } from './tcp-record.ts';

/** What `ss` shows of a connection or a listening socket. */
export interface TcpSocketInfo {
  /** As `ss` prints it: LISTEN, ESTAB, TIME-WAIT... */
  readonly state: string;
  readonly localAddress: Ipv4;
  readonly localPort: number;
  readonly remoteAddress: Ipv4;
  readonly remotePort: number;
  /** Recv-Q: bytes not read; of a listener: connections that wait to be accepted. */
  readonly receiveQueue: number;
  /** Send-Q: bytes not acknowledged; of a listener: its backlog. */
  readonly sendQueue: number;
  /** The socket, null for TIME-WAIT and half-open connections. */
  readonly socket: TcpSocket | null;
}

const TODO = 'not written';

/** A new socket, bound to nothing. Close it with closeTcp. */
export function openTcp(_netns: NetNamespace): TcpSocket {
  throw new Error(TODO);
}

/** bind(2): port 0 takes a free one. Set socket.isReuseAddress before for SO_REUSEADDR. */
export function bindTcp(_socket: TcpSocket, _address: Ipv4, _port: number): Errno | null {
  throw new Error(TODO);
}

/** listen(2). */
export function listenTcp(_socket: TcpSocket, _backlog: number): Errno | null {
  throw new Error(TODO);
}

/** connect(2) without blocking: null means that the SYN is on its way (EINPROGRESS). */
export function startConnectTcp(_socket: TcpSocket, _target: Ipv4, _port: number): Errno | null {
  throw new Error(TODO);
}

/**
 * connect(2). `timeoutNs` is the caller's own patience (curl --connect-timeout): EAGAIN when it is
 * over or a signal came.
 */
// biome-ignore lint/correctness/useYield: to be written
export function* connectTcp(
  _process: Process,
  _socket: TcpSocket,
  _target: Ipv4,
  _port: number,
  _timeoutNs = Number.POSITIVE_INFINITY,
): Program<Errno | null> {
  throw new Error(TODO);
}

/** accept(2): waits for a connection. EAGAIN: a signal came. */
// biome-ignore lint/correctness/useYield: to be written
export function* acceptTcp(_process: Process, _socket: TcpSocket): Program<TcpSocket | Errno> {
  throw new Error(TODO);
}

/**
 * read(2): waits for data; an empty array is the end. EAGAIN: a signal came or `timeoutNs` is over.
 */
// biome-ignore lint/correctness/useYield: to be written
export function* readTcp(
  _process: Process,
  _socket: TcpSocket,
  _maxBytes = 65536,
  _timeoutNs = Number.POSITIVE_INFINITY,
): Program<Uint8Array | Errno> {
  throw new Error(TODO);
}

/** write(2): returns when all of `data` is in the socket's buffer. */
// biome-ignore lint/correctness/useYield: to be written
export function* writeTcp(
  _process: Process,
  _socket: TcpSocket,
  _data: Uint8Array,
): Program<Errno | null> {
  throw new Error(TODO);
}

/** sendfile(2) of a whole file as busybox httpd does it: cut differently than by write. */
// biome-ignore lint/correctness/useYield: to be written
export function* sendFileTcp(
  _process: Process,
  _socket: TcpSocket,
  _data: Uint8Array,
): Program<Errno | null> {
  throw new Error(TODO);
}

/** What can be read at once: bytes, empty for the end, EAGAIN for nothing yet, or the error. */
export function tryReadTcp(_socket: TcpSocket, _maxBytes = 65536): Uint8Array | Errno {
  throw new Error(TODO);
}

/** Whether a read would not block (poll's POLLIN): data, the end, an error, a new connection. */
export function isTcpReadable(_socket: TcpSocket): boolean {
  throw new Error(TODO);
}

/** Whether a write would not block (poll's POLLOUT). */
export function isTcpWritable(_socket: TcpSocket): boolean {
  throw new Error(TODO);
}

/** TCP_NODELAY. */
export function setNoDelayTcp(_socket: TcpSocket, _isOn: boolean): void {
  throw new Error(TODO);
}

/** shutdown(2). */
export function shutdownTcp(_socket: TcpSocket, _how: 'read' | 'write' | 'both'): Errno | null {
  throw new Error(TODO);
}

/** close(2); nothing happens the second time. */
export function closeTcp(_socket: TcpSocket): void {
  throw new Error(TODO);
}

/** All sockets of the namespace, as ss and netstat show them. */
export function listTcpSockets(_netns: NetNamespace): TcpSocketInfo[] {
  throw new Error(TODO);
}
