/**
 * The end of connections: FIN, reset, TIME-WAIT, and giving everything back.
 * @source net/ipv4/tcp.c tcp_done(), tcp_reset(); net/ipv4/tcp_minisocks.c tcp_time_wait()
 */
import type { Errno } from '../../base/errors.ts';
import { dequeue } from '../../engine/packet.ts';
import { wake } from '../../engine/process.ts';
import { cancel, drop } from '../../engine/simulator.ts';
import { makeTimer } from '../../engine/timer-queue.ts';
import { TCP_ACK, TCP_RST } from '../../protocols/tcp.ts';
import { armWheelTimer, HZ, jiffiesOf } from '../jiffies.ts';
import { acceptableSeq, sendAck } from './tcp-output.ts';
import { stopAllTimers } from './tcp-rearm.ts';
import { clearReceiveQueue } from './tcp-receive-queue.ts';
import type { TcpSocket } from './tcp-record.ts';
import { clearSendQueue } from './tcp-send-queue.ts';
import type { TcpTimeWait } from './tcp-small-records.ts';
import {
  RECEIVE_SHUTDOWN,
  SHUTDOWN_MASK,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_LAST_ACK,
  TCP_LISTEN,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
  TCP_TIMEWAIT_JIFFIES,
} from './tcp-states.ts';
import { hashEntry, leaveBucket, removeListener, type TcpTable, unhashEntry } from './tcp-table.ts';
import { transmitControl } from './tcp-transmit.ts';

/** Enters CLOSE: the socket can be found no more, its port is free unless it was bound. */
export function closeState(socket: TcpSocket): void {
  const table = socket.netns.tcp;
  if (socket.state === TCP_LISTEN) removeListener(table, socket);
  unhashEntry(table, socket);
  socket.state = TCP_CLOSE;
  if (!socket.isPortBound) leavePort(socket);
}

/** Gives the local port back. @source inet_put_port() */
export function leavePort(socket: TcpSocket): void {
  if (socket.bucket === null) return;
  leaveBucket(socket.netns.tcp, socket.bucket, socket);
  socket.bucket = null;
  socket.localPort = 0;
}

/** The connection is over. @source tcp_done() */
export function finishConnection(socket: TcpSocket): void {
  const wasClosed = socket.state === TCP_CLOSE;
  closeState(socket);
  stopAllTimers(socket);
  socket.shutdown = SHUTDOWN_MASK;
  if (!socket.isOrphan) wake(socket.waiters);
  else if (!wasClosed || !socket.isDestroyed) destroySocket(socket);
}

/** Gives back all that a socket without a process has. @source inet_csk_destroy_sock() */
export function destroySocket(socket: TcpSocket): void {
  if (socket.isDestroyed) return;
  socket.isDestroyed = true;
  const { sim, tcp } = socket.netns;
  stopAllTimers(socket);
  unhashEntry(tcp, socket);
  removeListener(tcp, socket);
  leavePort(socket);
  clearSendQueue(socket.sending);
  clearReceiveQueue(socket.received);
  for (;;) {
    const packet = dequeue(socket.backlog);
    if (packet === null) break;
    drop(sim, packet, 'socket-closed', packet.inDevice, socket.netns.name);
  }
  tcp.sockets.delete(socket);
}

/** Throws away what was not sent or not acknowledged. @source tcp_write_queue_purge() */
export function purgeSending(socket: TcpSocket): void {
  clearSendQueue(socket.sending);
  socket.packetsOut = 0;
  socket.sackedOut = 0;
  socket.lostOut = 0;
  socket.retransOut = 0;
  socket.backoff = 0;
}

/** The peer has reset the connection. @source tcp_reset() */
export function resetConnection(socket: TcpSocket): void {
  let errno: Errno = 'ECONNRESET';
  if (socket.state === TCP_CLOSE) return;
  if (socket.state === TCP_SYN_SENT) errno = 'ECONNREFUSED';
  else if (socket.state === TCP_CLOSE_WAIT) errno = 'EPIPE';
  failConnection(socket, errno);
}

/** The connection ends with an error that the process is told. @source tcp_done_with_error() */
export function failConnection(socket: TcpSocket, errno: Errno): void {
  socket.error = errno;
  purgeSending(socket);
  finishConnection(socket);
}

/** Tells the peer that the connection is gone. @source tcp_send_active_reset() */
export function sendActiveReset(socket: TcpSocket): void {
  transmitControl(socket, acceptableSeq(socket), TCP_ACK | TCP_RST);
}

/** Whether the peer has to be told of an abort in this state. @source tcp_need_reset() */
export function needsReset(state: number): boolean {
  return (
    state === TCP_ESTABLISHED ||
    state === TCP_CLOSE_WAIT ||
    state === TCP_FIN_WAIT1 ||
    state === TCP_FIN_WAIT2 ||
    state === TCP_SYN_RECV
  );
}

/** Ends a connection at once, with a reset. @source tcp_disconnect() */
export function abortConnection(socket: TcpSocket): void {
  const { state } = socket;
  if (state === TCP_CLOSE) return;
  if (needsReset(state)) sendActiveReset(socket);
  else if (state === TCP_SYN_SENT) socket.error = 'ECONNRESET';
  purgeSending(socket);
  clearReceiveQueue(socket.received);
  socket.copiedSeq = socket.receiveNext;
  finishConnection(socket);
}

/**
 * The state that close or shutdown leads to.
 * @returns whether a FIN is to be sent. @source tcp_close_state()
 */
export function advanceToClose(socket: TcpSocket): boolean {
  switch (socket.state) {
    case TCP_ESTABLISHED:
    case TCP_SYN_RECV:
      socket.state = TCP_FIN_WAIT1;
      return true;
    case TCP_CLOSE_WAIT:
      socket.state = TCP_LAST_ACK;
      return true;
    case TCP_SYN_SENT:
      closeState(socket);
      return false;
    default:
      return false;
  }
}

/** The peer's FIN has come in order. @source tcp_fin() */
export function receiveFin(socket: TcpSocket): void {
  socket.ackPending |= 1;
  socket.shutdown |= RECEIVE_SHUTDOWN;
  socket.isDone = true;
  switch (socket.state) {
    case TCP_SYN_RECV:
    case TCP_ESTABLISHED:
      socket.state = TCP_CLOSE_WAIT;
      socket.ackPingpong = socket.netns.sysctl.tcpPingpongThresh;
      break;
    case TCP_FIN_WAIT1:
      sendAck(socket);
      socket.state = TCP_CLOSING;
      break;
    case TCP_FIN_WAIT2:
      sendAck(socket);
      enterTimeWait(socket, TCP_TIME_WAIT, 0);
      break;
    default:
      break;
  }
  socket.received.starts.length = 0;
  socket.received.ends.length = 0;
  socket.received.recentStarts.length = 0;
  socket.received.recentEnds.length = 0;
  socket.received.outOfOrderBytes = 0;
  socket.hasEarlyFin = false;
  if (!socket.isOrphan) wake(socket.waiters);
}

/** How long FIN-WAIT-2 lasts without a process, in jiffies. @source tcp_fin_time() */
export function finTimeOf(socket: TcpSocket): number {
  const least = (socket.rto << 2) - (socket.rto >> 1);
  return Math.max(socket.netns.sysctl.tcpFinTimeout * HZ, least);
}

/**
 * Leaves a small entry behind for the socket and closes it.
 * @param substate TCP_TIME_WAIT, or TCP_FIN_WAIT2 for one that waits for the peer's FIN.
 */
export function enterTimeWait(socket: TcpSocket, substate: number, jiffies: number): void {
  const { netns } = socket;
  const table = netns.tcp;
  if (table.timeWaitCount >= netns.sysctl.tcpMaxTwBuckets) {
    finishConnection(socket);
    return;
  }
  const entry = makeTimeWait(socket, substate);
  const { bucket } = socket;
  unhashEntry(table, socket);
  if (bucket !== null) {
    bucket.owners.push(entry);
    entry.bucket = bucket;
  }
  hashEntry(table, entry);
  table.timeWaitCount++;
  const least = (socket.rto << 2) - (socket.rto >> 1);
  const delay = substate === TCP_TIME_WAIT ? TCP_TIMEWAIT_JIFFIES : Math.max(jiffies, least);
  armWheelTimer(netns.sim, entry.timer, jiffiesOf(netns.sim) + delay);
  finishConnection(socket);
}

function makeTimeWait(socket: TcpSocket, substate: number): TcpTimeWait {
  const { netns } = socket;
  const entry: TcpTimeWait = {
    kind: 'time-wait',
    netns,
    localAddress: socket.localAddress,
    localPort: socket.localPort,
    remoteAddress: socket.remoteAddress,
    remotePort: socket.remotePort,
    boundDevice: socket.boundDevice,
    nextInChain: null,
    isHashed: false,
    substate,
    state: TCP_TIME_WAIT,
    boundAddress: socket.boundAddress,
    reuseAddress: socket.reuseAddress,
    bucket: null,
    receiveNext: socket.receiveNext,
    sendNext: socket.sendNext,
    receiveWindow: Math.max(0, (socket.receiveWup + socket.receiveWindow - socket.receiveNext) | 0),
    isTimestamps: socket.isTimestamps,
    tsOffset: socket.tsOffset,
    tsRecent: socket.tsRecent,
    tsRecentSecond: socket.tsRecentSecond,
    receiveWindowScale: socket.receiveWindowScale,
    hash: socket.hash,
    tos: socket.tos,
    mark: socket.mark,
    lastOutOfWindowAckNs: -1e9,
    timer: makeTimer(netns.cpu, () => killTimeWait(netns.tcp, entry)),
  };
  return entry;
}

/** The entry's time is over, or a reset or a new connection takes its place. */
export function killTimeWait(table: TcpTable, entry: TcpTimeWait): void {
  if (!entry.isHashed) return;
  cancel(entry.netns.sim, entry.timer);
  unhashEntry(table, entry);
  table.timeWaitCount--;
  if (entry.bucket !== null) leaveBucket(table, entry.bucket, entry);
  entry.bucket = null;
}
