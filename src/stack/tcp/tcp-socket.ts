/**
 * The system calls of TCP sockets. Those that may block are generators: `yield* readTcp(...)`.
 *
 *     server: openTcp -> bindTcp -> listenTcp -> acceptTcp* -> readTcp*, writeTcp* -> closeTcp
 *     client: openTcp -> (bindTcp) -> connectTcp* -> writeTcp*, readTcp* -> closeTcp
 *
 * @source net/ipv4/af_inet.c, net/ipv4/tcp.c, net/ipv4/inet_connection_sock.c
 */
import type { Errno } from '../../base/errors.ts';
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { nextInt32 } from '../../base/prng.ts';
import { type Process, type Program, waitFor, wake } from '../../engine/process.ts';
import type { NetNamespace } from '../namespace.ts';
import {
  addressTypeOf,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_UNICAST,
  routeOutput,
} from '../route.ts';
import { takeError } from '../socket.ts';
import {
  abortConnection,
  advanceToClose,
  closeState,
  destroySocket,
  enterTimeWait,
  finTimeOf,
  leavePort,
  sendActiveReset,
} from './tcp-close.ts';
import { dropRequest } from './tcp-listen.ts';
import { lockSocket, releaseSocket, workOnBacklog } from './tcp-lock.ts';
import { NAGLE_OFF, pushPending, sendFin } from './tcp-output.ts';
import { currentMss, drawHash, limitToIpsec, prngOf } from './tcp-path.ts';
import { hashConnecting, takePort } from './tcp-ports.ts';
import { armKeepalive } from './tcp-rearm.ts';
import type { TcpSocket } from './tcp-record.ts';
import {
  RECEIVE_SHUTDOWN,
  SEND_SHUTDOWN,
  SHUTDOWN_MASK,
  TCP_CLOSE,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT2,
  TCP_LISTEN,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIMEWAIT_JIFFIES,
} from './tcp-states.ts';
import { addListener } from './tcp-table.ts';
import { makeTcpSocket } from './tcp-timers.ts';
import { initConnect, sendSyn, timestampOffsetOf } from './tcp-transfer.ts';
import { disableSoftirq, enableSoftirq } from './tcp-transmit.ts';
import { unreadBytes } from './tcp-window.ts';

export { listTcpSockets } from './tcp-list.ts';
export type { TcpSocket } from './tcp-record.ts';
export { readTcp, sendFileTcp, writeTcp } from './tcp-stream.ts';

const LOOPBACK_ADDRESS = 0x7f000001;

/** A new socket, bound to nothing. Close it with closeTcp. */
export function openTcp(netns: NetNamespace): TcpSocket {
  const socket = makeTcpSocket(netns);
  netns.tcp.sockets.add(socket);
  return socket;
}

/**
 * bind(2): port 0 takes a free one. Set socket.reuseAddress before for SO_REUSEADDR.
 * @returns null, EINVAL (bound already), EADDRNOTAVAIL or EADDRINUSE.
 */
export function bindTcp(socket: TcpSocket, address: Ipv4, port: number): Errno | null {
  if (socket.state !== TCP_CLOSE || socket.localPort !== 0) return 'EINVAL';
  if (address !== 0 && socket.netns.sysctl.ipNonlocalBind === 0) {
    const type = addressTypeOf(socket.netns, address, null);
    if (type !== RTN_LOCAL && type !== RTN_BROADCAST && type !== RTN_MULTICAST) {
      return 'EADDRNOTAVAIL';
    }
  }
  socket.boundAddress = address;
  const failure = takePort(socket, port);
  if (failure !== null) {
    socket.boundAddress = 0;
    return failure;
  }
  socket.localAddress = address;
  socket.isPortBound = port !== 0;
  return null;
}

/** listen(2); binds to a free port if need be. A second call changes the backlog. */
export function listenTcp(socket: TcpSocket, backlog: number): Errno | null {
  if (socket.state !== TCP_CLOSE && socket.state !== TCP_LISTEN) return 'EINVAL';
  socket.backlogMax = Math.max(0, Math.min(backlog, socket.netns.sysctl.somaxconn));
  if (socket.state === TCP_LISTEN) return null;
  socket.state = TCP_LISTEN;
  const failure = takePort(socket, socket.localPort);
  if (failure !== null) {
    socket.state = TCP_CLOSE;
    return failure;
  }
  addListener(socket.netns.tcp, socket);
  return null;
}

/**
 * connect(2) without blocking: null means that the SYN is on its way (EINPROGRESS). Then wait on
 * socket.waiters until the state is another, and look at socket.error.
 */
export function startConnectTcp(socket: TcpSocket, target: Ipv4, port: number): Errno | null {
  if (socket.state !== TCP_CLOSE || socket.isClosed) return 'EISCONN';
  lockSocket(socket);
  const failure = connectLocked(socket, target, port);
  releaseSocket(socket);
  return failure;
}

/** @source net/ipv4/tcp_ipv4.c tcp_v4_connect() */
function connectLocked(socket: TcpSocket, target: Ipv4, port: number): Errno | null {
  const { netns, route } = socket;
  const { boundAddress, boundDevice, mark, tos } = socket;
  const remote = target === 0 ? boundAddress || LOOPBACK_ADDRESS : target;
  const failure = routeOutput(netns, remote, boundAddress, boundDevice, mark, tos, route);
  if (failure !== null) return failure;
  if (route.type !== RTN_LOCAL && route.type !== RTN_UNICAST) return 'ENETUNREACH';
  const refused = limitToIpsec(socket);
  if (refused !== null) return refused;
  socket.isRouted = true;
  socket.localAddress = boundAddress !== 0 ? boundAddress : route.source;
  socket.remoteAddress = remote;
  socket.remotePort = port;
  socket.writeSeq = 0;
  socket.state = TCP_SYN_SENT;
  const isTaken = hashConnecting(socket);
  if (isTaken !== null) {
    socket.state = TCP_CLOSE;
    socket.remoteAddress = 0;
    socket.remotePort = 0;
    socket.localAddress = boundAddress;
    return isTaken;
  }
  limitToIpsec(socket);
  const prng = prngOf(netns);
  if (socket.writeSeq === 0) socket.writeSeq = nextInt32(prng) || 1;
  socket.iss = socket.writeSeq;
  socket.tsOffset = timestampOffsetOf(netns, socket.localAddress, remote);
  socket.hash = drawHash(netns);
  socket.nextId = nextInt32(prng) & 0xffff;
  socket.shutdown = 0;
  initConnect(socket);
  sendSyn(socket);
  return null;
}

/**
 * connect(2). `timeoutNs` is the caller's own patience (curl --connect-timeout): EAGAIN when it is
 * over or a signal came.
 */
export function* connectTcp(
  process: Process,
  socket: TcpSocket,
  target: Ipv4,
  port: number,
  timeoutNs = Number.POSITIVE_INFINITY,
): Program<Errno | null> {
  const failure = startConnectTcp(socket, target, port);
  if (failure !== null) return failure;
  const isDecided = () => socket.state !== TCP_SYN_SENT && socket.state !== TCP_SYN_RECV;
  if (!(yield* waitFor(process, [socket.waiters], isDecided, timeoutNs))) return 'EAGAIN';
  const error = takeError(socket);
  if (error !== null) return error;
  return socket.state === TCP_CLOSE ? 'ECONNABORTED' : null;
}

/**
 * The same for a program that connects without blocking, polls, and then asks for SO_ERROR (curl): an
 * ICMP error that came while connect() still had the socket shows at once (POLLERR: the error queue has
 * it), where a blocking connect() goes on trying. @source net/ipv4/tcp_ipv4.c tcp_v4_err()
 */
export function* connectTcpPolling(
  process: Process,
  socket: TcpSocket,
  target: Ipv4,
  port: number,
  timeoutNs: number,
): Program<Errno | null> {
  const failure = startConnectTcp(socket, target, port);
  if (failure !== null) return failure;
  const isDecided = () =>
    (socket.state !== TCP_SYN_SENT && socket.state !== TCP_SYN_RECV) || socket.softError !== null;
  if (!(yield* waitFor(process, [socket.waiters], isDecided, timeoutNs))) return 'EAGAIN';
  const error = takeError(socket);
  if (error !== null) return error;
  if (socket.state === TCP_CLOSE) return 'ECONNABORTED';
  return socket.state === TCP_SYN_SENT ? socket.softError : null;
}

/** accept(2): waits for a connection. EAGAIN: a signal came. EINVAL: it does not listen. */
export function* acceptTcp(process: Process, socket: TcpSocket): Program<TcpSocket | Errno> {
  const isReady = () => socket.acceptQueue.length > 0 || socket.state !== TCP_LISTEN;
  if (!(yield* waitFor(process, [socket.waiters], isReady))) return 'EAGAIN';
  return tryAcceptTcp(socket);
}

/** accept(2) without blocking: EAGAIN if nobody waits. */
export function tryAcceptTcp(socket: TcpSocket): TcpSocket | Errno {
  if (socket.state !== TCP_LISTEN) return 'EINVAL';
  const child = socket.acceptQueue.shift();
  if (child === undefined) return 'EAGAIN';
  child.listener = null;
  return child;
}

/** TCP_NODELAY: sends small segments at once. */
export function setNoDelayTcp(socket: TcpSocket, isOn: boolean): void {
  socket.nagle = isOn ? socket.nagle | NAGLE_OFF : socket.nagle & ~NAGLE_OFF;
  if (!isOn || socket.state !== TCP_ESTABLISHED) return;
  lockSocket(socket);
  pushPending(socket, currentMss(socket), NAGLE_OFF);
  releaseSocket(socket);
}

/** shutdown(2). */
export function shutdownTcp(socket: TcpSocket, how: 'read' | 'write' | 'both'): Errno | null {
  if (socket.state === TCP_CLOSE) return 'ENOTCONN';
  lockSocket(socket);
  const bits = how === 'read' ? RECEIVE_SHUTDOWN : how === 'write' ? SEND_SHUTDOWN : SHUTDOWN_MASK;
  if (socket.state === TCP_LISTEN) {
    if (how !== 'write') stopListening(socket);
  } else if (socket.state === TCP_SYN_SENT) {
    abortConnection(socket);
  } else {
    socket.shutdown |= bits;
    if ((bits & SEND_SHUTDOWN) !== 0 && advanceToClose(socket)) sendFin(socket);
  }
  wake(socket.waiters);
  releaseSocket(socket);
  return null;
}

/** close(2); nothing happens the second time. Unread data resets the connection. */
export function closeTcp(socket: TcpSocket): void {
  if (socket.isClosed) return;
  socket.isClosed = true;
  if (socket.isDestroyed) return;
  const { sim } = socket.netns;
  lockSocket(socket);
  socket.shutdown = SHUTDOWN_MASK;
  if (socket.state === TCP_LISTEN) stopListening(socket);
  else if (socket.state !== TCP_CLOSE) endConnection(socket);
  // From here on nobody reads it; what waits in the backlog is worked on with softirqs off.
  const { state } = socket;
  disableSoftirq(sim);
  socket.isOrphan = true;
  disableSoftirq(sim);
  workOnBacklog(socket);
  enableSoftirq(sim);
  finishOrphan(socket, state);
  enableSoftirq(sim);
  releaseSocket(socket);
}

/** What close sends: a reset if something was left unread, else FIN. @source __tcp_close() */
function endConnection(socket: TcpSocket): void {
  const isUnread = unreadBytes(socket) > 0;
  socket.copiedSeq = socket.receiveNext;
  if (isUnread) {
    const { localPort } = socket;
    closeState(socket);
    socket.localPort = localPort;
    sendActiveReset(socket);
  } else if (socket.isAbortOnClose) {
    abortConnection(socket);
  } else if (advanceToClose(socket)) {
    sendFin(socket);
  }
}

function finishOrphan(socket: TcpSocket, stateBefore: number): void {
  if (socket.state === TCP_CLOSE) {
    destroySocket(socket);
    return;
  }
  if (stateBefore !== TCP_CLOSE && socket.state === TCP_FIN_WAIT2) {
    const finTime = finTimeOf(socket);
    if (finTime > TCP_TIMEWAIT_JIFFIES) armKeepalive(socket, finTime - TCP_TIMEWAIT_JIFFIES);
    else enterTimeWait(socket, TCP_FIN_WAIT2, finTime);
  }
}

/** Forgets half-open connections and resets those that nobody accepted. @source inet_csk_listen_stop() */
function stopListening(socket: TcpSocket): void {
  closeState(socket);
  for (const request of [...socket.requests]) dropRequest(request);
  for (const child of socket.acceptQueue.splice(0)) {
    child.isClosed = true;
    child.isOrphan = true;
    abortConnection(child);
    destroySocket(child);
  }
  if (socket.isPortBound && socket.isOrphan) leavePort(socket);
}
