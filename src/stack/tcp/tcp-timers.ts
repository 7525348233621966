/**
 * What the timers of a socket do, and the making of sockets with them.
 * @source net/ipv4/tcp_timer.c
 */
import { TCP_ACK } from '../../protocols/tcp.ts';
import { HZ, jiffiesOf } from '../jiffies.ts';
import type { NetNamespace } from '../namespace.ts';
import {
  enterTimeWait,
  failConnection,
  finishConnection,
  finTimeOf,
  sendActiveReset,
} from './tcp-close.ts';
import { isPingpong, probeDelay, sendAck } from './tcp-output.ts';
import { drawHash, nowMsOf } from './tcp-path.ts';
import { sendWindowProbe } from './tcp-probe.ts';
import { armKeepalive, armSendTimer, rearmTimeout } from './tcp-rearm.ts';
import { makeTcpRecord, type TcpSocket, type TcpTimerHandlers } from './tcp-record.ts';
import { recoverByReorderTimer } from './tcp-recovery.ts';
import { enterLoss, retransmitSegment, sendLossProbe, transmitLost } from './tcp-retransmit.ts';
import {
  ACK_SCHEDULED,
  ACK_TIMER,
  TCP_ATO_MIN,
  TCP_CLOSE,
  TCP_FIN_WAIT2,
  TCP_LISTEN,
  TCP_RESOURCE_PROBE_INTERVAL,
  TCP_RTO_MAX,
  TCP_RTO_MIN,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
  TCP_TIMEOUT_INIT,
  TCP_TIMEWAIT_JIFFIES,
  TIMER_LOSS_PROBE,
  TIMER_NONE,
  TIMER_PROBE,
  TIMER_REORDER,
  TIMER_RETRANSMIT,
} from './tcp-states.ts';
import { transmitControl } from './tcp-transmit.ts';

const handlers: TcpTimerHandlers = {
  retransmit: expireSendTimer,
  delayedAck: expireDelayedAck,
  keepalive: expireKeepalive,
};

/** A closed socket that is bound to nothing, with the namespace's settings. */
export function makeTcpSocket(netns: NetNamespace): TcpSocket {
  const socket = makeTcpRecord(netns, handlers);
  socket.sendBufferBytes = netns.sysctl.tcpWmemDefault;
  socket.receiveBufferBytes = netns.sysctl.tcpRmemDefault;
  socket.reordering = netns.sysctl.tcpReordering;
  return socket;
}

/** @source tcp_write_timer_handler() */
function expireSendTimer(socket: TcpSocket): void {
  if (socket.state === TCP_CLOSE || socket.state === TCP_LISTEN) return;
  const what = socket.timerPending;
  switch (what) {
    case TIMER_REORDER:
      recoverByReorderTimer(socket);
      transmitLost(socket);
      if (socket.timerPending !== TIMER_RETRANSMIT) rearmTimeout(socket);
      break;
    case TIMER_LOSS_PROBE:
      sendLossProbe(socket);
      break;
    case TIMER_RETRANSMIT:
      socket.timerPending = TIMER_NONE;
      expireRetransmit(socket);
      break;
    case TIMER_PROBE:
      socket.timerPending = TIMER_NONE;
      expireProbe(socket);
      break;
    default:
      break;
  }
}

/** @source tcp_retransmit_timer() */
function expireRetransmit(socket: TcpSocket): void {
  const head = socket.sending.first;
  if (socket.packetsOut === 0 || head === null) return;
  const isHandshake = socket.state === TCP_SYN_SENT || socket.state === TCP_SYN_RECV;
  if (socket.sendWindow === 0 && !socket.isOrphan && !isHandshake) {
    // The peer has closed its window: this is a probe, and no reason to give up.
    if (isLongDead(socket)) {
      failConnection(socket, socket.softError ?? 'ETIMEDOUT');
      return;
    }
    enterLoss(socket);
    if (socket.sending.first !== null) retransmitSegment(socket, socket.sending.first, 1);
    backOff(socket);
    return;
  }
  if (isGivenUp(socket)) return;
  enterLoss(socket);
  socket.retransmits++;
  socket.totalTimeouts++;
  const first = socket.sending.first;
  if (first !== null && !retransmitSegment(socket, first, 1)) {
    armSendTimer(socket, TIMER_RETRANSMIT, TCP_RESOURCE_PROBE_INTERVAL);
    if (socket.isRouted) return;
  }
  backOff(socket);
}

/** Twice the time until the next try; SYNs stay at one second for a while (tcp_syn_linear_timeouts). */
function backOff(socket: TcpSocket): void {
  const linear = socket.netns.sysctl.tcpSynLinearTimeouts;
  if (socket.state !== TCP_SYN_SENT || socket.totalTimeouts > linear) {
    socket.backoff++;
    socket.rto = Math.min(socket.rto << 1, TCP_RTO_MAX);
  }
  armSendTimer(socket, TIMER_RETRANSMIT, socket.rto);
}

/** The peer's window has been closed for so long that it must be dead. @source tcp_rtx_probe0_timed_out() */
function isLongDead(socket: TcpSocket): boolean {
  const silence = jiffiesOf(socket.netns.sim) - socket.lastReceiveJiffies;
  return silence > 2 * TCP_RTO_MAX;
}

/** @returns true: the connection was given up. @source tcp_write_timeout() */
function isGivenUp(socket: TcpSocket): boolean {
  const { sysctl } = socket.netns;
  let isExpired: boolean;
  if (socket.state === TCP_SYN_SENT || socket.state === TCP_SYN_RECV) {
    let most = sysctl.tcpSynRetries;
    if (socket.state === TCP_SYN_SENT) most += sysctl.tcpSynLinearTimeouts;
    isExpired = socket.retransmits >= most;
  } else {
    let most = sysctl.tcpRetries2;
    if (socket.isOrphan) {
      const isAlive = socket.rto < TCP_RTO_MAX;
      most = sysctl.tcpOrphanRetries;
      if (socket.softError !== null && !isAlive) most = 0;
      else if (most === 0 && isAlive) most = 8;
    }
    isExpired = hasTimedOut(socket, most);
  }
  if (isExpired) {
    failConnection(socket, socket.softError ?? 'ETIMEDOUT');
    return true;
  }
  // A new flow hash may lead the connection around what swallows it. @source sk_rethink_txhash()
  socket.hash = drawHash(socket.netns);
  return false;
}

/** Whether `boundary` retransmissions with doubling pauses would have been over. @source retransmits_timed_out() */
function hasTimedOut(socket: TcpSocket, boundary: number): boolean {
  if (socket.retransmits === 0) return false;
  const base = TCP_RTO_MIN;
  const linearFrom = Math.floor(Math.log2(TCP_RTO_MAX / base));
  const jiffies =
    boundary <= linearFrom
      ? (2 ** (boundary + 1) - 1) * base
      : (2 ** (linearFrom + 1) - 1) * base + (boundary - linearFrom) * TCP_RTO_MAX;
  const elapsedMs = nowMsOf(socket.netns) - socket.retransStampMs;
  return elapsedMs >= (jiffies * 1000) / HZ;
}

/** Asks a peer with a closed window again. @source tcp_probe_timer(), tcp_send_probe0() */
function expireProbe(socket: TcpSocket): void {
  const { sysctl } = socket.netns;
  if (socket.packetsOut > 0 || socket.sending.unsent === null) {
    socket.probesOut = 0;
    socket.firstProbeMs = 0;
    return;
  }
  const nowMs = nowMsOf(socket.netns);
  if (socket.firstProbeMs === 0) socket.firstProbeMs = nowMs || 1;
  let most = sysctl.tcpRetries2;
  if (socket.isOrphan) {
    const isAlive = TCP_TIMEOUT_INIT * 2 ** socket.backoff < TCP_RTO_MAX;
    most = sysctl.tcpOrphanRetries !== 0 ? sysctl.tcpOrphanRetries : isAlive ? 8 : 0;
  }
  if (socket.probesOut >= most) {
    failConnection(socket, socket.softError ?? 'ETIMEDOUT');
    return;
  }
  const wasSent = sendWindowProbe(socket);
  if (socket.packetsOut > 0 || socket.sending.unsent === null) {
    socket.probesOut = 0;
    socket.backoff = 0;
    socket.firstProbeMs = 0;
    return;
  }
  socket.probesOut++;
  if (wasSent && socket.backoff < sysctl.tcpRetries2) socket.backoff++;
  const delay = wasSent ? probeDelay(socket) : TCP_RESOURCE_PROBE_INTERVAL;
  armSendTimer(socket, TIMER_PROBE, delay);
}

/** @source tcp_delack_timer_handler() */
function expireDelayedAck(socket: TcpSocket): void {
  if (socket.state === TCP_CLOSE || socket.state === TCP_LISTEN) return;
  if ((socket.ackPending & ACK_TIMER) === 0) return;
  socket.ackPending &= ~ACK_TIMER;
  if ((socket.ackPending & ACK_SCHEDULED) === 0) return;
  if (!isPingpong(socket)) {
    // Nobody answered in time: wait longer next time.
    socket.ackAto = Math.min(socket.ackAto << 1, socket.rto);
  } else {
    // It went both ways and now does not: acknowledge sooner.
    socket.ackPingpong = 0;
    socket.ackAto = TCP_ATO_MIN;
  }
  sendAck(socket);
}

/** Keepalive probes, and the end of FIN-WAIT-2 without a process. @source tcp_keepalive_timer() */
function expireKeepalive(socket: TcpSocket): void {
  const { sysctl } = socket.netns;
  if (socket.state === TCP_LISTEN) return;
  if (socket.state === TCP_FIN_WAIT2 && socket.isOrphan) {
    const rest = finTimeOf(socket) - TCP_TIMEWAIT_JIFFIES;
    if (rest > 0) {
      enterTimeWait(socket, TCP_FIN_WAIT2, rest);
      return;
    }
    sendActiveReset(socket);
    finishConnection(socket);
    return;
  }
  const isOff = !socket.isKeepalive || socket.state === TCP_CLOSE || socket.state === TCP_SYN_SENT;
  if (isOff || socket.state === TCP_TIME_WAIT) return;
  let next = sysctl.tcpKeepaliveTime * HZ;
  if (socket.packetsOut === 0 && socket.sending.unsent === null) {
    const now = jiffiesOf(socket.netns.sim);
    const silence = now - Math.max(socket.lastReceiveJiffies, socket.ackLastReceive);
    if (silence >= next) {
      if (socket.probesOut >= sysctl.tcpKeepaliveProbes) {
        sendActiveReset(socket);
        failConnection(socket, 'ETIMEDOUT');
        return;
      }
      transmitControl(socket, (socket.sendUna - 1) | 0, TCP_ACK);
      socket.probesOut++;
      next = sysctl.tcpKeepaliveIntvl * HZ;
    } else {
      next -= silence;
    }
  }
  armKeepalive(socket, next);
}
