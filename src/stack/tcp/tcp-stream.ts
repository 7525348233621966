/**
 * Reading and writing: how a program's bytes become segments and segments a program's bytes.
 * @source net/ipv4/tcp.c tcp_sendmsg_locked(), tcp_recvmsg_locked(), tcp_splice_eof()
 */
import type { Errno } from '../../base/errors.ts';
import { type Process, type Program, type WaitQueue, waitFor } from '../../engine/process.ts';
import { TCP_ACK } from '../../protocols/tcp.ts';
import { takeError } from '../socket.ts';
import { restartAfterIdle } from './tcp-congestion.ts';
import { acknowledgeRead } from './tcp-data.ts';
import { lockSocket, releaseSocket, workOnBacklog } from './tcp-lock.ts';
import {
  markPush,
  NAGLE_CORK,
  NAGLE_PUSH,
  PUSH_ONE,
  pushPending,
  writeSegments,
} from './tcp-output.ts';
import { currentMss, nowUsOf, sizeGoal } from './tcp-path.ts';
import { loadReceived, returnMemory } from './tcp-receive-queue.ts';
import type { TcpSocket } from './tcp-record.ts';
import { hasSendMemory } from './tcp-room.ts';
import { appendSegment, dataBytesOf, storeBytes, takeSegment } from './tcp-send-queue.ts';
import {
  after,
  RECEIVE_SHUTDOWN,
  SEND_SHUTDOWN,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_ESTABLISHED,
  TCP_LISTEN,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
} from './tcp-states.ts';
import { disableSoftirq, enableSoftirq } from './tcp-transmit.ts';
import { adjustReceiveSpace, unreadBytes } from './tcp-window.ts';

/** sendfile moves this much through its pipe at a time: 16 pages. */
const SENDFILE_CHUNK_BYTES = 65536;

/**
 * read(2): waits for data; an empty array is the end. EAGAIN: a signal came or `timeoutNs` is over.
 */
export function* readTcp(
  process: Process,
  socket: TcpSocket,
  maxBytes = 65536,
  timeoutNs = Number.POSITIVE_INFINITY,
): Program<Uint8Array | Errno> {
  const queues: WaitQueue[] = [socket.waiters];
  const result = tryReadTcp(socket, maxBytes);
  if (result !== 'EAGAIN') return result;
  if (!(yield* waitFor(process, queues, () => isTcpReadable(socket), timeoutNs))) return 'EAGAIN';
  return tryReadTcp(socket, maxBytes);
}

/** What can be read at once: bytes, empty for the end, EAGAIN for nothing yet, or the error. */
function tryReadTcp(socket: TcpSocket, maxBytes = 65536): Uint8Array | Errno {
  if (socket.state === TCP_LISTEN) return 'ENOTCONN';
  lockSocket(socket);
  // Some data and a backlog: that is looked at too before the call returns.
  if (unreadBytes(socket) > 0 && unreadBytes(socket) < maxBytes && socket.backlog.count > 0) {
    disableSoftirq(socket.netns.sim);
    workOnBacklog(socket);
    enableSoftirq(socket.netns.sim);
  }
  const result = readLocked(socket, maxBytes);
  acknowledgeRead(socket, typeof result === 'string' ? 0 : result.length);
  releaseSocket(socket);
  return result;
}

function readLocked(socket: TcpSocket, maxBytes: number): Uint8Array | Errno {
  const count = Math.min(unreadBytes(socket), maxBytes);
  if (count > 0) {
    const data = loadReceived(socket.received, socket.copiedSeq, count);
    socket.copiedSeq = (socket.copiedSeq + count) | 0;
    returnMemory(socket.received, socket.copiedSeq);
    adjustReceiveSpace(socket, nowUsOf(socket.netns));
    return data;
  }
  if (socket.isDone) return new Uint8Array(0);
  const error = takeError(socket);
  if (error !== null) return error;
  if ((socket.shutdown & RECEIVE_SHUTDOWN) !== 0) return new Uint8Array(0);
  if (socket.state === TCP_CLOSE) return 'ENOTCONN';
  return 'EAGAIN';
}

/** Whether a read would not block (poll's POLLIN): data, the end, an error, a new connection. */
export function isTcpReadable(socket: TcpSocket): boolean {
  if (socket.state === TCP_LISTEN) return socket.acceptQueue.length > 0;
  if (socket.error !== null || socket.state === TCP_CLOSE) return true;
  if (socket.state === TCP_SYN_SENT || socket.state === TCP_SYN_RECV) return false;
  return unreadBytes(socket) > 0 || (socket.shutdown & RECEIVE_SHUTDOWN) !== 0;
}

/**
 * write(2): returns when all of `data` is in the socket's buffer. EAGAIN: a signal came.
 * @returns null, or why it failed: EPIPE, ECONNRESET, ETIMEDOUT ...
 */
export function* writeTcp(
  process: Process,
  socket: TcpSocket,
  data: Uint8Array,
): Program<Errno | null> {
  return yield* sendAll(process, socket, data, false);
}

/**
 * sendfile(2) of a whole file with a count beyond its end, as busybox httpd does it: the last,
 * incomplete segment waits for an acknowledgment or for the end of the file.
 */
export function* sendFileTcp(
  process: Process,
  socket: TcpSocket,
  data: Uint8Array,
): Program<Errno | null> {
  for (let from = 0; from < data.length; from += SENDFILE_CHUNK_BYTES) {
    const chunk = data.subarray(from, Math.min(from + SENDFILE_CHUNK_BYTES, data.length));
    const failure = yield* sendAll(process, socket, chunk, true);
    if (failure !== null) return failure;
  }
  lockSocket(socket);
  if (socket.sending.unsent !== null) pushTail(socket, currentMss(socket), false, socket.nagle);
  releaseSocket(socket);
  return null;
}

function* sendAll(
  process: Process,
  socket: TcpSocket,
  data: Uint8Array,
  isMore: boolean,
): Program<Errno | null> {
  if (socket.state === TCP_SYN_SENT || socket.state === TCP_SYN_RECV) {
    const isConnected = () => socket.state !== TCP_SYN_SENT && socket.state !== TCP_SYN_RECV;
    if (!(yield* waitFor(process, [socket.waiters], isConnected))) return 'EAGAIN';
  }
  let sent = 0;
  for (;;) {
    lockSocket(socket);
    const failure = failureOf(socket);
    if (failure === null) sent = fill(socket, data, sent, isMore);
    releaseSocket(socket);
    if (failure !== null) return failure;
    if (sent >= data.length) return null;
    const mayGoOn = () => !socket.isWaitingForRoom || hasFailed(socket);
    if (!(yield* waitFor(process, [socket.waiters], mayGoOn))) return 'EAGAIN';
  }
}

function hasFailed(socket: TcpSocket): boolean {
  return (
    socket.error !== null ||
    (socket.shutdown & SEND_SHUTDOWN) !== 0 ||
    (socket.state !== TCP_ESTABLISHED && socket.state !== TCP_CLOSE_WAIT)
  );
}

/** @source net/core/stream.c sk_stream_error() */
function failureOf(socket: TcpSocket): Errno | null {
  return hasFailed(socket) ? (takeError(socket) ?? 'EPIPE') : null;
}

/**
 * Puts data[from...) into segments until all is in or the buffer is full, and sends what may go.
 * @returns how far it came; short of the end, socket.isWaitingForRoom is set.
 */
function fill(socket: TcpSocket, data: Uint8Array, from: number, isMore: boolean): number {
  const queue = socket.sending;
  const mss = currentMss(socket);
  const goal = sizeGoal(socket, mss);
  let at = from;
  while (at < data.length) {
    let tail = queue.unsent === null ? null : queue.last;
    let room = tail === null ? 0 : goal - dataBytesOf(tail);
    if (tail === null || room <= 0) {
      if (!hasSendMemory(socket)) {
        socket.isWaitingForRoom = true;
        if (at > from) pushTail(socket, mss, false, NAGLE_PUSH);
        return at;
      }
      tail = takeSegment(queue, socket.writeSeq, socket.writeSeq, TCP_ACK);
      restartAfterIdle(socket);
      appendSegment(queue, tail);
      room = goal;
    }
    const count = Math.min(room, data.length - at);
    storeBytes(queue, socket.sendUna, socket.writeSeq, data, at, at + count);
    tail.endSeq = (tail.endSeq + count) | 0;
    tail.packets = 0;
    socket.writeSeq = (socket.writeSeq + count) | 0;
    at += count;
    if (at === data.length || dataBytesOf(tail) < goal) continue;
    if (isPushForced(socket)) {
      markPush(socket, tail);
      pushPending(socket, mss, NAGLE_PUSH);
    } else if (tail === queue.unsent) {
      writeSegments(socket, mss, NAGLE_PUSH, PUSH_ONE);
    }
  }
  if (at > from) pushTail(socket, mss, isMore, socket.nagle);
  return at;
}

/** Half a window was written since the last push. @source forced_push() */
function isPushForced(socket: TcpSocket): boolean {
  return after(socket.writeSeq, (socket.pushedSeq + (socket.maxWindow >>> 1)) | 0);
}

/**
 * Sends what was written.
 * Unlike Linux, a small segment does not wait for earlier ones to leave the device (autocorking).
 * @source tcp_push()
 */
function pushTail(socket: TcpSocket, mss: number, isMore: boolean, nagle: number): void {
  const tail = socket.sending.unsent === null ? null : socket.sending.last;
  if (tail === null) return;
  if (!isMore || isPushForced(socket)) markPush(socket, tail);
  pushPending(socket, mss, isMore ? NAGLE_CORK : nagle);
}
