/**
 * Arms and stops the timers of a socket; what they do is in tcp-timers.ts.
 * @source include/net/inet_connection_sock.h inet_csk_reset_xmit_timer()
 */
import { cancel } from '../../engine/simulator.ts';
import { armWheelTimer, jiffiesOf } from '../jiffies.ts';
import { nowUsOf } from './tcp-path.ts';
import type { TcpSocket } from './tcp-record.ts';
import {
  HZ_US,
  TCP_RTO_MAX,
  TIMER_LOSS_PROBE,
  TIMER_NONE,
  TIMER_REORDER,
  TIMER_RETRANSMIT,
} from './tcp-states.ts';

/** Microseconds in whole jiffies, rounded up. */
export function jiffiesOfUs(us: number): number {
  return Math.ceil(us / HZ_US);
}

/** Arms the one timer of the sending side for `what` (TIMER_*) in `jiffies`. */
export function armSendTimer(socket: TcpSocket, what: number, jiffies: number): void {
  const { sim } = socket.netns;
  socket.timerPending = what;
  const delay = Math.max(0, Math.min(jiffies, TCP_RTO_MAX));
  armWheelTimer(sim, socket.retransmitTimer, jiffiesOf(sim) + delay);
}

/** Stops the timer of the sending side: it stays armed, and does nothing when it fires. */
export function stopSendTimer(socket: TcpSocket): void {
  socket.timerPending = TIMER_NONE;
}

/** Arms the delayed-acknowledgment timer for tick `expires`. */
export function armDelayedAck(socket: TcpSocket, expires: number): void {
  socket.ackTimeout = expires;
  armWheelTimer(socket.netns.sim, socket.delayedAckTimer, expires);
}

/** No acknowledgment is due any more; the timer stays armed, and does nothing when it fires. */
export function stopDelayedAck(socket: TcpSocket): void {
  socket.ackPending = 0;
  socket.ackRetry = 0;
}

/** Arms the keepalive timer (also: orphans in FIN-WAIT-2) in `jiffies`. */
export function armKeepalive(socket: TcpSocket, jiffies: number): void {
  const { sim } = socket.netns;
  armWheelTimer(sim, socket.keepaliveTimer, jiffiesOf(sim) + jiffies);
}

/** Stops every timer of the socket. */
export function stopAllTimers(socket: TcpSocket): void {
  const { sim } = socket.netns;
  stopSendTimer(socket);
  stopDelayedAck(socket);
  cancel(sim, socket.retransmitTimer);
  cancel(sim, socket.delayedAckTimer);
  cancel(sim, socket.keepaliveTimer);
}

/** Microseconds until the oldest segment times out. @source tcp_rto_delta_us() */
export function untilTimeoutUs(socket: TcpSocket): number {
  const rtoUs = socket.rto * HZ_US;
  const head = socket.sending.first;
  if (head === null || head === socket.sending.unsent) return rtoUs;
  return Math.floor(head.sentNs / 1000) + rtoUs - nowUsOf(socket.netns);
}

/** @source net/ipv4/tcp_input.c tcp_rearm_rto() */
export function rearmTimeout(socket: TcpSocket): void {
  if (socket.packetsOut === 0) {
    stopSendTimer(socket);
    return;
  }
  let rto = socket.rto;
  if (socket.timerPending === TIMER_REORDER || socket.timerPending === TIMER_LOSS_PROBE) {
    rto = jiffiesOfUs(Math.max(untilTimeoutUs(socket), 1));
  }
  armSendTimer(socket, TIMER_RETRANSMIT, rto);
}
