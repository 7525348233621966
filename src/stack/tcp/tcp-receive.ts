/**
 * A segment for a socket, by the state of the connection.
 * @source net/ipv4/tcp_input.c tcp_rcv_established(), tcp_rcv_state_process()
 */
import { wake } from '../../engine/process.ts';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from '../../protocols/tcp.ts';
import { jiffiesOf } from '../jiffies.ts';
import { processAck } from './tcp-ack.ts';
import { enterTimeWait, finishConnection, finTimeOf, resetConnection } from './tcp-close.ts';
import { packetsInFlight } from './tcp-congestion.ts';
import { acknowledge, queueData } from './tcp-data.ts';
import { parseOptions, received, TIMESTAMP_BYTES } from './tcp-options.ts';
import { enterQuickAck, isPingpong, pushPending, sendAck, sendFin } from './tcp-output.ts';
import { currentMss, nowMsOf, nowUsOf, syncMss } from './tcp-path.ts';
import { armDelayedAck, armKeepalive, armSendTimer } from './tcp-rearm.ts';
import type { TcpSocket } from './tcp-record.ts';
import { hasSendRoom } from './tcp-room.ts';
import { updateRtt } from './tcp-rtt.ts';
import { FLAG_NO_CHALLENGE_ACK, FLAG_SLOWPATH, FLAG_UPDATE_TS_RECENT } from './tcp-sack.ts';
import type { SegmentInfo } from './tcp-segment.ts';
import {
  ACK_SCHEDULED,
  ACK_TIMER,
  after,
  before,
  between,
  RECEIVE_SHUTDOWN,
  SEND_SHUTDOWN,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_DELACK_MAX,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_LAST_ACK,
  TCP_LISTEN,
  TCP_MAX_QUICKACKS,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
  TCP_TIMEWAIT_JIFFIES,
  TIMER_RETRANSMIT,
} from './tcp-states.ts';
import {
  expandSendBuffer,
  finishConnect,
  initTransfer,
  sendCrossedSynAck,
} from './tcp-transfer.ts';
import { sendChallengeAck, storeRecentTimestamp, validateSegment } from './tcp-validate.ts';
import { initializeReceiveMss, remainingWindow } from './tcp-window.ts';

/**
 * Works on a segment for a socket that is not locked by somebody else. The packet stays the caller's.
 * @returns true: the segment is to be answered with RST.
 * @source tcp_v4_do_rcv()
 */
export function receiveSegment(socket: TcpSocket, segment: SegmentInfo): boolean {
  const { packet } = segment;
  parseOptions(packet!.bytes, packet!.transport, segment.headerBytes);
  if (socket.state === TCP_ESTABLISHED) {
    receiveEstablished(socket, segment);
    return false;
  }
  return receiveInState(socket, segment);
}

/** Sends what an ACK has made room for. @source tcp_data_snd_check() */
export function sendAfterReceive(socket: TcpSocket): void {
  if (socket.sending.unsent !== null) pushPending(socket, currentMss(socket), socket.nagle);
  wakeWriter(socket);
}

/** @source tcp_check_space(), tcp_new_space(), sk_stream_write_space() */
function wakeWriter(socket: TcpSocket): void {
  if (!socket.isWaitingForRoom) return;
  if (packetsInFlight(socket) < socket.cwnd) expandSendBuffer(socket);
  if (!hasSendRoom(socket)) return;
  socket.isWaitingForRoom = false;
  wake(socket.waiters);
}

function receiveEstablished(socket: TcpSocket, segment: SegmentInfo): void {
  if (isPlainAck(socket, segment)) {
    if (processAck(socket, segment, FLAG_UPDATE_TS_RECENT) >= 0) sendAfterReceive(socket);
    return;
  }
  if (!isBelieved(socket, segment)) return;
  if (processAck(socket, segment, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT) < 0) return;
  queueData(socket, segment);
  if (socket.state === TCP_CLOSE) return;
  sendAfterReceive(socket);
  acknowledge(socket);
}

/** Whether there is something to do with a segment; a valid RST ends the connection. */
function isBelieved(socket: TcpSocket, segment: SegmentInfo): boolean {
  if ((segment.flags & (TCP_ACK | TCP_RST | TCP_SYN)) === 0) {
    segment.refusal = 'tcp-unacceptable';
    return false;
  }
  const verdict = validateSegment(socket, segment);
  if (verdict === 'reset') {
    segment.refusal = 'tcp-reset';
    resetConnection(socket);
  } else if (verdict === 'discard') {
    const isNews = after(segment.endSeq, socket.receiveNext);
    segment.refusal = isNews ? 'tcp-unacceptable' : 'tcp-old-data';
  }
  return verdict === 'accept';
}

/** Header prediction: an ACK without data that only moves forward leaves pending ACKs alone. */
function isPlainAck(socket: TcpSocket, segment: SegmentInfo): boolean {
  return (
    (segment.flags & ~TCP_PSH) === TCP_ACK &&
    segment.seq === segment.endSeq &&
    segment.seq === socket.receiveNext &&
    !after(segment.ack, socket.sendNext) &&
    segment.window * 2 ** socket.sendWindowScale === socket.sendWindow &&
    segment.headerBytes === 20 + (socket.isTimestamps ? TIMESTAMP_BYTES : 0) &&
    socket.received.starts.length === 0 &&
    remainingWindow(socket) > 0 &&
    (!received.hasTimestamp || ((received.tsValue - socket.tsRecent) | 0) >= 0)
  );
}

/** Any state but ESTABLISHED and LISTEN. @returns whether to answer with RST. */
function receiveInState(socket: TcpSocket, segment: SegmentInfo): boolean {
  if (socket.state === TCP_CLOSE || socket.state === TCP_LISTEN) {
    segment.refusal = 'socket-closed';
    return false;
  }
  if (socket.state === TCP_SYN_SENT) return receiveInSynSent(socket, segment);
  if (!isBelieved(socket, segment)) return false;
  if ((segment.flags & TCP_ACK) === 0) return false;
  const flags = FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT | FLAG_NO_CHALLENGE_ACK;
  const outcome = processAck(socket, segment, flags);
  if (outcome <= 0) {
    if (socket.state === TCP_SYN_RECV) return true;
    if (outcome < 0) {
      sendChallengeAck(socket);
      return false;
    }
  }
  if (acknowledgeInState(socket, segment)) return isAborted;
  return receiveText(socket, segment);
}

/** Set by acknowledgeInState when it returns true: the segment is to be answered with RST. */
let isAborted = false;

/** What an acknowledgment means by state. @returns true: nothing is left to do with the segment. */
function acknowledgeInState(socket: TcpSocket, segment: SegmentInfo): boolean {
  isAborted = false;
  const isAllAcked = socket.sendUna === socket.writeSeq;
  switch (socket.state) {
    case TCP_SYN_RECV:
      establish(socket, segment);
      return false;
    case TCP_FIN_WAIT1:
      return isAllAcked && enterFinWait2(socket, segment);
    case TCP_CLOSING:
      if (!isAllAcked) return false;
      enterTimeWait(socket, TCP_TIME_WAIT, 0);
      return true;
    case TCP_LAST_ACK:
      if (!isAllAcked) return false;
      finishConnection(socket);
      return true;
    default:
      return false;
  }
}

/** The handshake's last ACK on the side that was asked. */
function establish(socket: TcpSocket, segment: SegmentInfo): void {
  const { netns } = socket;
  socket.delivered++;
  if (socket.srttUs === 0 && socket.synAckSentNs !== 0) {
    const us = nowUsOf(netns) - Math.floor(socket.synAckSentNs / 1000);
    socket.minRttUs = Math.max(us, 1);
    updateRtt(socket, us);
  }
  if (socket.isTimestamps) socket.advertisedMss -= TIMESTAMP_BYTES;
  socket.retransStampMs = 0;
  initTransfer(socket);
  socket.copiedSeq = socket.receiveNext;
  socket.state = TCP_ESTABLISHED;
  socket.sendUna = segment.ack;
  socket.sendWindow = segment.window * 2 ** socket.sendWindowScale;
  socket.sendWl1 = segment.seq;
  socket.lastSendJiffies = jiffiesOf(netns.sim);
  initializeReceiveMss(socket);
  wake(socket.waiters);
  if ((socket.shutdown & SEND_SHUTDOWN) !== 0) {
    socket.state = TCP_FIN_WAIT1;
    sendFin(socket);
  }
}

/** Our FIN was acknowledged. @returns true: the socket is gone. */
function enterFinWait2(socket: TcpSocket, segment: SegmentInfo): boolean {
  socket.state = TCP_FIN_WAIT2;
  socket.shutdown |= SEND_SHUTDOWN;
  socket.isConfirmPending = true;
  if (!socket.isOrphan) {
    wake(socket.waiters);
    return false;
  }
  const hasFin = (segment.flags & TCP_FIN) !== 0;
  if (hasNewData(socket, segment)) {
    finishConnection(socket);
    isAborted = true;
    return true;
  }
  const finTime = finTimeOf(socket);
  if (finTime > TCP_TIMEWAIT_JIFFIES) {
    armKeepalive(socket, finTime - TCP_TIMEWAIT_JIFFIES);
  } else if (hasFin || socket.isOwned) {
    armKeepalive(socket, finTime);
  } else {
    enterTimeWait(socket, TCP_FIN_WAIT2, finTime);
    return true;
  }
  return false;
}

function hasNewData(socket: TcpSocket, segment: SegmentInfo): boolean {
  if (segment.endSeq === segment.seq) return false;
  const fin = (segment.flags & TCP_FIN) !== 0 ? 1 : 0;
  return after((segment.endSeq - fin) | 0, socket.receiveNext);
}

/** Step 7 of RFC 9293: the text of the segment. @returns whether to answer with RST. */
function receiveText(socket: TcpSocket, segment: SegmentInfo): boolean {
  switch (socket.state) {
    case TCP_CLOSE_WAIT:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
      if (!before(segment.seq, socket.receiveNext)) break;
      if (abortsOnData(socket, segment)) return true;
      queueData(socket, segment);
      break;
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
      if (abortsOnData(socket, segment)) return true;
      queueData(socket, segment);
      break;
    case TCP_ESTABLISHED:
      queueData(socket, segment);
      break;
    default:
      break;
  }
  if ((socket.state as number) !== TCP_CLOSE) {
    sendAfterReceive(socket);
    acknowledge(socket);
  }
  return false;
}

/** Nobody will ever read what comes: the connection is reset. */
function abortsOnData(socket: TcpSocket, segment: SegmentInfo): boolean {
  if ((socket.shutdown & RECEIVE_SHUTDOWN) === 0 || !hasNewData(socket, segment)) return false;
  resetConnection(socket);
  return true;
}

/** @returns whether to answer with RST. @source tcp_rcv_synsent_state_process() */
function receiveInSynSent(socket: TcpSocket, segment: SegmentInfo): boolean {
  const { flags } = segment;
  if ((flags & TCP_ACK) !== 0) {
    if (!after(segment.ack, socket.sendUna) || after(segment.ack, socket.sendNext)) {
      if (socket.retransmits === 0) armSendTimer(socket, TIMER_RETRANSMIT, 2);
      return true;
    }
    if (received.hasTimestamp && received.tsEcho !== 0 && !isEchoPossible(socket)) return true;
    if ((flags & TCP_RST) !== 0) {
      segment.refusal = 'tcp-reset';
      resetConnection(socket);
      return false;
    }
    if ((flags & TCP_SYN) === 0) return false;
    acceptSynAck(socket, segment);
    return false;
  }
  if ((flags & TCP_RST) !== 0 || (flags & TCP_SYN) === 0) return false;
  takeSynOptions(socket, segment);
  socket.state = TCP_SYN_RECV;
  socket.sendWindow = segment.window;
  socket.sendWl1 = segment.seq;
  socket.maxWindow = socket.sendWindow;
  syncMss(socket, socket.pathMtuCookie);
  initializeReceiveMss(socket);
  sendCrossedSynAck(socket);
  return false;
}

function isEchoPossible(socket: TcpSocket): boolean {
  const first = (socket.retransStampMs + socket.tsOffset) | 0;
  return between(received.tsEcho, first, (nowMsOf(socket.netns) + socket.tsOffset) | 0);
}

/** What the peer's SYN offers is agreed upon if we offered it too. */
function takeSynOptions(socket: TcpSocket, segment: SegmentInfo): void {
  const { sysctl } = socket.netns;
  socket.isWindowScaling = received.windowScale >= 0 && sysctl.tcpWindowScaling !== 0;
  socket.sendWindowScale = socket.isWindowScaling ? received.windowScale : 0;
  if (!socket.isWindowScaling) {
    socket.receiveWindowScale = 0;
    socket.windowClamp = Math.min(socket.windowClamp, 65535);
  }
  socket.isSackOk = received.isSackPermitted && sysctl.tcpSack !== 0;
  socket.isTimestamps = received.hasTimestamp && sysctl.tcpTimestamps !== 0;
  socket.headerBytes = socket.isTimestamps ? 20 + TIMESTAMP_BYTES : 20;
  if (socket.isTimestamps) storeRecentTimestamp(socket);
  const offered = received.mss !== 0 ? received.mss : 536;
  socket.mssClamp = socket.userMss !== 0 ? Math.min(offered, socket.userMss) : offered;
  socket.irs = segment.seq;
  socket.receiveNext = (segment.seq + 1) | 0;
  socket.copiedSeq = socket.receiveNext;
  socket.receiveWup = socket.receiveNext;
}

function acceptSynAck(socket: TcpSocket, segment: SegmentInfo): void {
  // Agreed options first: the round trip and the window are reckoned with them.
  takeSynOptions(socket, segment);
  socket.sendWl1 = segment.seq;
  processAck(socket, segment, FLAG_SLOWPATH);
  socket.sendWindow = segment.window;
  if (socket.isTimestamps) socket.advertisedMss -= TIMESTAMP_BYTES;
  syncMss(socket, socket.pathMtuCookie);
  initializeReceiveMss(socket);
  finishConnect(socket);
  if (!socket.isOrphan) wake(socket.waiters);
  if (isPingpong(socket)) {
    socket.ackPending |= ACK_SCHEDULED | ACK_TIMER;
    enterQuickAck(socket, TCP_MAX_QUICKACKS);
    armDelayedAck(socket, jiffiesOf(socket.netns.sim) + TCP_DELACK_MAX);
  } else {
    sendAck(socket);
  }
  sendAfterReceive(socket);
}
