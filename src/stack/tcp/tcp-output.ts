/**
 * Decides what may be sent now: windows, Nagle, segmentation, acknowledgments, FIN, probes.
 * @source net/ipv4/tcp_output.c
 */
import { timeNs } from '../../engine/simulator.ts';
import { TCP_ACK, TCP_FIN, TCP_PSH } from '../../protocols/tcp.ts';
import { jiffiesOf } from '../jiffies.ts';
import { isReducingWindow, packetsInFlight, validateWindow } from './tcp-congestion.ts';
import { currentMss, segmentPacketsMax } from './tcp-path.ts';
import {
  armDelayedAck,
  armSendTimer,
  jiffiesOfUs,
  rearmTimeout,
  untilTimeoutUs,
} from './tcp-rearm.ts';
import type { TcpSocket } from './tcp-record.ts';
import {
  appendSegment,
  dataBytesOf,
  insertSegmentAfter,
  removeSegment,
  type Segment,
  takeSegment,
} from './tcp-send-queue.ts';
import {
  ACK_PUSHED,
  ACK_SCHEDULED,
  ACK_TIMER,
  after,
  before,
  CA_CWR,
  CA_OPEN,
  CA_RECOVERY,
  HZ_US,
  TCP_ATO_MIN,
  TCP_CLOSE,
  TCP_DELACK_MAX,
  TCP_DELACK_MIN,
  TCP_RTO_MAX,
  TCP_TIMEOUT_INIT,
  TIMER_LOSS_PROBE,
  TIMER_NONE,
  TIMER_PROBE,
} from './tcp-states.ts';
import { transmitControl, transmitSegment } from './tcp-transmit.ts';

export const NAGLE_OFF = 1;
export const NAGLE_CORK = 2;
export const NAGLE_PUSH = 4;

/** How writeSegments is called: as much as may go, one segment, or a loss probe. */
export const PUSH_ALL = 0;
export const PUSH_ONE = 1;
export const PUSH_PROBE = 2;

/** Sequence number where the peer's window ends. */
export function windowEnd(socket: TcpSocket): number {
  return (socket.sendUna + socket.sendWindow) | 0;
}

/** Whether acknowledgments are not delayed. @source tcp_in_quickack_mode() */
export function isInQuickAckMode(socket: TcpSocket): boolean {
  return socket.ackQuick > 0 && !isPingpong(socket);
}

/** Whether data goes both ways, question and answer. @source inet_csk_in_pingpong_mode() */
export function isPingpong(socket: TcpSocket): boolean {
  return socket.ackPingpong >= socket.netns.sysctl.tcpPingpongThresh;
}

/** Marks the last segment to be pushed. @source net/ipv4/tcp.c tcp_mark_push() */
export function markPush(socket: TcpSocket, segment: Segment): void {
  segment.flags |= TCP_PSH;
  socket.pushedSeq = socket.writeSeq;
}

/** Sends what may be sent. @source __tcp_push_pending_frames() */
export function pushPending(socket: TcpSocket, mss: number, nagle: number): void {
  if (socket.sending.unsent === null || socket.state === TCP_CLOSE) return;
  if (writeSegments(socket, mss, nagle, PUSH_ALL)) checkProbeTimer(socket);
}

/** Zero-window probing starts if nothing is under way that would bring an answer. */
export function checkProbeTimer(socket: TcpSocket): void {
  if (socket.packetsOut !== 0 || socket.timerPending !== TIMER_NONE) return;
  armSendTimer(socket, TIMER_PROBE, probeBase(socket));
}

/** @source include/net/tcp.h tcp_probe0_base(), tcp_rto_min() */
export function probeBase(socket: TcpSocket): number {
  return Math.max(socket.rto, jiffiesOfUs(socket.netns.sysctl.tcpRtoMinUs));
}

/** @source include/net/tcp.h tcp_probe0_when() */
export function probeDelay(socket: TcpSocket): number {
  return Math.min(probeBase(socket) * 2 ** Math.min(socket.backoff, 30), TCP_RTO_MAX);
}

/** Cuts a segment for the present MSS. @source tcp_set_skb_tso_segs() */
export function setPackets(segment: Segment, mss: number): number {
  const bytes = dataBytesOf(segment);
  segment.packetBytes = bytes <= mss ? 0 : mss;
  segment.packets = bytes <= mss ? 1 : Math.ceil(bytes / mss);
  return segment.packets;
}

/**
 * Sends from the write queue as far as both windows and Nagle let it.
 * @returns whether there is something to send, nothing is under way, and nothing was sent.
 * @source tcp_write_xmit()
 */
export function writeSegments(
  socket: TcpSocket,
  mss: number,
  nagle: number,
  push: number,
): boolean {
  let sentPackets = 0;
  let isLimited = false;
  const packetsMax = segmentPacketsMax(socket, mss);
  const queue = socket.sending;
  for (;;) {
    const segment = queue.unsent;
    if (segment === null) break;
    let quota = cwndQuota(socket);
    if (quota === 0) {
      if (push !== PUSH_PROBE) break;
      quota = 1;
    }
    quota = Math.min(quota, packetsMax);
    const missingBytes = quota * mss - dataBytesOf(segment);
    if (missingBytes > 0) growSegment(socket, segment, missingBytes);
    const packets = setPackets(segment, mss);
    if (!fitsWindow(socket, segment, mss)) break;
    const isLast = segment.next === null;
    if (packets === 1) {
      if (!mayNagleSend(socket, segment, mss, isLast ? nagle : NAGLE_PUSH)) break;
    } else if (push === PUSH_ALL && shouldDefer(socket, segment, packetsMax)) {
      isLimited ||= deferral.isCwndLimited;
      break;
    }
    const limit = packets > 1 ? splitPoint(socket, segment, mss, quota, nagle) : mss;
    if (dataBytesOf(segment) > limit) splitSegment(socket, segment, limit, mss);
    if (segment.endSeq === segment.seq) break;
    if (!transmitSegment(socket, segment)) break;
    noteSent(socket, segment);
    if (dataBytesOf(segment) < segment.packets * mss) socket.sendSmall = segment.endSeq;
    sentPackets += segment.packets;
    if (push !== PUSH_ALL) break;
  }
  isLimited ||= packetsInFlight(socket) >= socket.cwnd;
  if (sentPackets > 0 || isLimited) validateWindow(socket, isLimited);
  if (sentPackets > 0) {
    if (isReducingWindow(socket)) socket.prrOut += sentPackets;
    if (push !== PUSH_PROBE) scheduleLossProbe(socket, false);
    return false;
  }
  return socket.packetsOut === 0 && queue.unsent !== null;
}

/** Pulls data of the next segment into one that is about to leave. @source tcp_grow_skb() */
function growSegment(socket: TcpSocket, segment: Segment, bytes: number): void {
  const { next } = segment;
  if (next === null || (segment.flags & TCP_FIN) !== 0) return;
  const count = Math.min(bytes, dataBytesOf(next));
  if (count <= 0) return;
  segment.endSeq = (segment.endSeq + count) | 0;
  next.seq = (next.seq + count) | 0;
  if (dataBytesOf(next) > 0) return;
  segment.endSeq = next.endSeq;
  segment.flags |= next.flags;
  removeSegment(socket.sending, next);
}

/** Packets that the congestion window lets out in one go. @source tcp_cwnd_test() */
function cwndQuota(socket: TcpSocket): number {
  const inFlight = packetsInFlight(socket);
  const { cwnd } = socket;
  if (inFlight >= cwnd) return 0;
  return Math.min(Math.max(cwnd >>> 1, 1), cwnd - inFlight);
}

/** @source tcp_snd_wnd_test() */
function fitsWindow(socket: TcpSocket, segment: Segment, mss: number): boolean {
  const bytes = (segment.endSeq - segment.seq) | 0;
  const end = bytes > mss ? (segment.seq + mss) | 0 : segment.endSeq;
  return !after(end, windowEnd(socket));
}

/** @source tcp_nagle_test() */
function mayNagleSend(socket: TcpSocket, segment: Segment, mss: number, nagle: number): boolean {
  if ((nagle & NAGLE_PUSH) !== 0 || (segment.flags & TCP_FIN) !== 0) return true;
  return !isHeldByNagle(socket, dataBytesOf(segment) < mss, nagle);
}

/** @source tcp_nagle_check(), tcp_minshall_check() */
function isHeldByNagle(socket: TcpSocket, isPartial: boolean, nagle: number): boolean {
  if (!isPartial) return false;
  if ((nagle & NAGLE_CORK) !== 0) return true;
  if (nagle !== 0 || socket.packetsOut === 0) return false;
  return after(socket.sendSmall, socket.sendUna) && !after(socket.sendSmall, socket.sendNext);
}

/** Bytes of a large segment that may go now. @source tcp_mss_split_point() */
function splitPoint(
  socket: TcpSocket,
  segment: Segment,
  mss: number,
  packetsMax: number,
  nagle: number,
): number {
  const window = (windowEnd(socket) - segment.seq) | 0;
  const most = mss * packetsMax;
  if (most <= window && segment.next !== null) return most;
  const needed = Math.min(dataBytesOf(segment), window);
  if (most <= needed) return most;
  const partial = needed % mss;
  return isHeldByNagle(socket, partial !== 0, nagle) ? needed - partial : needed;
}

/** What shouldDefer found beside its answer. */
const deferral = { isCwndLimited: false };

/** Whether a large segment had better wait to become larger. @source tcp_tso_should_defer() */
function shouldDefer(socket: TcpSocket, segment: Segment, packetsMax: number): boolean {
  deferral.isCwndLimited = false;
  if (socket.caState >= CA_RECOVERY) return false;
  const now = timeNs(socket.netns.sim);
  if (now - socket.lastWriteNs > 1_000_000) return false;
  const sendWindow = (windowEnd(socket) - segment.seq) | 0;
  const cwndBytes = (socket.cwnd - packetsInFlight(socket)) * socket.mssCache;
  const limit = Math.min(sendWindow, cwndBytes);
  if (limit >= packetsMax * socket.mssCache) return false;
  const bytes = dataBytesOf(segment);
  if (segment.next !== null && limit >= bytes) return false;
  const chunk = Math.min(socket.sendWindow, socket.cwnd * socket.mssCache);
  if (limit >= Math.floor(chunk / 3)) return false;
  const head = socket.sending.first;
  if (head === null || head === socket.sending.unsent) return false;
  const srttNs = socket.srttUs * 125;
  const untilAckNs = head.sentNs + srttNs - now;
  if (untilAckNs > Math.min(srttNs / 2, 1_000_000)) return false;
  if (cwndBytes < sendWindow) {
    if (cwndBytes <= bytes) {
      deferral.isCwndLimited = true;
      return true;
    }
  } else if (sendWindow <= bytes) {
    return true;
  }
  return (segment.flags & TCP_FIN) === 0;
}

/** Cuts an unsent segment: the first `bytes` stay, the rest follows it. @source tso_fragment() */
export function splitSegment(
  socket: TcpSocket,
  segment: Segment,
  bytes: number,
  mss: number,
): Segment {
  const middle = (segment.seq + bytes) | 0;
  const rest = takeSegment(socket.sending, middle, segment.endSeq, segment.flags);
  rest.marks = segment.marks;
  rest.sentNs = segment.sentNs;
  rest.deliveredBefore = segment.deliveredBefore;
  segment.endSeq = middle;
  segment.flags &= ~(TCP_FIN | TCP_PSH);
  insertSegmentAfter(socket.sending, segment, rest);
  setPackets(segment, mss);
  setPackets(rest, mss);
  return rest;
}

/** A segment has left for the first time. @source tcp_event_new_data_sent() */
export function noteSent(socket: TcpSocket, segment: Segment): void {
  const hadNone = socket.packetsOut === 0;
  socket.lastWriteNs = segment.sentNs;
  segment.deliveredBefore = socket.delivered;
  socket.sending.unsent = segment.next;
  socket.sendNext = segment.endSeq;
  socket.packetsOut += segment.packets;
  if (hadNone || socket.timerPending === TIMER_LOSS_PROBE) rearmTimeout(socket);
}

/** @source tcp_schedule_loss_probe() */
export function scheduleLossProbe(socket: TcpSocket, isAdvancing: boolean): boolean {
  const early = socket.netns.sysctl.tcpEarlyRetrans;
  if ((early !== 3 && early !== 4) || socket.packetsOut === 0 || !socket.isSackOk) return false;
  if (socket.caState !== CA_OPEN && socket.caState !== CA_CWR) return false;
  let timeout = TCP_TIMEOUT_INIT;
  if (socket.srttUs !== 0) {
    let us = socket.srttUs >> 2;
    us += socket.packetsOut === 1 ? socket.netns.sysctl.tcpRtoMinUs : 2 * HZ_US;
    timeout = jiffiesOfUs(us);
  }
  const rtoUs = isAdvancing ? socket.rto * HZ_US : untilTimeoutUs(socket);
  if (rtoUs > 0) timeout = Math.min(timeout, jiffiesOfUs(rtoUs));
  armSendTimer(socket, TIMER_LOSS_PROBE, timeout);
  return true;
}

/** Sends a bare acknowledgment. @source __tcp_send_ack() */
export function sendAck(socket: TcpSocket): void {
  if (socket.state === TCP_CLOSE) return;
  transmitControl(socket, acceptableSeq(socket), TCP_ACK);
}

/** The sequence number that the peer will take for a segment without data. @source tcp_acceptable_seq() */
export function acceptableSeq(socket: TcpSocket): number {
  const end = windowEnd(socket);
  if (!before(end, socket.sendNext)) return socket.sendNext;
  const overBytes = (socket.sendNext - end) | 0;
  return socket.isWindowScaling && overBytes < 1 << socket.sendWindowScale ? socket.sendNext : end;
}

/** Lets an acknowledgment wait for company. @source tcp_send_delayed_ack() */
export function delayAck(socket: TcpSocket): void {
  const now = jiffiesOf(socket.netns.sim);
  let ato = socket.ackAto;
  if (ato > TCP_DELACK_MIN) {
    let most = 125;
    if (isPingpong(socket) || (socket.ackPending & ACK_PUSHED) !== 0) most = TCP_DELACK_MAX;
    if (socket.srttUs !== 0) {
      const rtt = Math.max(jiffiesOfUs(socket.srttUs >> 3), TCP_DELACK_MIN);
      if (rtt < most) most = rtt;
    }
    ato = Math.min(ato, most);
  }
  ato = Math.min(ato, TCP_DELACK_MAX);
  let expires = now + ato;
  if ((socket.ackPending & ACK_TIMER) !== 0) {
    if (socket.ackTimeout <= now + (ato >> 2)) {
      sendAck(socket);
      return;
    }
    if (expires >= socket.ackTimeout) expires = socket.ackTimeout;
  }
  socket.ackPending |= ACK_SCHEDULED | ACK_TIMER;
  armDelayedAck(socket, expires);
}

/** Acknowledges the next segments at once. @source tcp_incr_quickack() */
export function raiseQuickAck(socket: TcpSocket, most: number): void {
  let count = Math.floor(socket.receiveWindow / (2 * socket.receiveMss));
  if (count === 0) count = 2;
  count = Math.min(count, most);
  if (count > socket.ackQuick) socket.ackQuick = count;
}

/** @source net/ipv4/tcp_input.c tcp_enter_quickack_mode() */
export function enterQuickAck(socket: TcpSocket, most: number): void {
  raiseQuickAck(socket, most);
  socket.ackPingpong = 0;
  socket.ackAto = TCP_ATO_MIN;
}

/** Queues our FIN, on the last unsent segment if there is one, and sends. @source tcp_send_fin() */
export function sendFin(socket: TcpSocket): void {
  const queue = socket.sending;
  if (queue.unsent !== null) {
    const tail = queue.last!;
    tail.flags |= TCP_FIN;
    tail.endSeq = (tail.endSeq + 1) | 0;
    socket.writeSeq = (socket.writeSeq + 1) | 0;
  } else {
    const seq = socket.writeSeq;
    appendSegment(queue, takeSegment(queue, seq, (seq + 1) | 0, TCP_ACK | TCP_FIN));
    socket.writeSeq = (seq + 1) | 0;
  }
  pushPending(socket, currentMss(socket), NAGLE_OFF);
}
