/**
 * What an acknowledgment does to the sending side.
 * @source net/ipv4/tcp_input.c tcp_ack(), tcp_clean_rtx_queue()
 */
import { timeNs } from '../../engine/simulator.ts';
import { TCP_SYN } from '../../protocols/tcp.ts';
import { jiffiesOf } from '../jiffies.ts';
import {
  growCongestionWindow,
  isReducingWindow,
  noteRoundTrip,
  restartAfterIdle,
  setCongestionState,
} from './tcp-congestion.ts';
import { received } from './tcp-options.ts';
import { NAGLE_OFF, probeDelay, pushPending, scheduleLossProbe, windowEnd } from './tcp-output.ts';
import { currentMss, nowUsOf, syncMss } from './tcp-path.ts';
import { armSendTimer, rearmTimeout, stopSendTimer } from './tcp-rearm.ts';
import type { TcpSocket } from './tcp-record.ts';
import {
  alert,
  alertRecovery,
  endWindowReduction,
  initWindowReduction,
  REXMIT_NEW,
  REXMIT_NONE,
  reduceWindow,
  removeRenoSacks,
  tryKeepOpen,
} from './tcp-recovery.ts';
import { transmitLost, trimHead } from './tcp-retransmit.ts';
import { updateRtt } from './tcp-rtt.ts';
import {
  advanceRack,
  FLAG_ACKED,
  FLAG_CA_ALERT,
  FLAG_DATA,
  FLAG_DATA_ACKED,
  FLAG_DATA_SACKED,
  FLAG_DSACK_TLP,
  FLAG_DSACKING_ACK,
  FLAG_FORWARD_PROGRESS,
  FLAG_NO_CHALLENGE_ACK,
  FLAG_NOT_DUP,
  FLAG_ORIG_SACK_ACKED,
  FLAG_RETRANS_DATA_ACKED,
  FLAG_SACK_RENEGING,
  FLAG_SET_XMIT_TIMER,
  FLAG_SND_UNA_ADVANCED,
  FLAG_SYN_ACKED,
  FLAG_UPDATE_TS_RECENT,
  FLAG_WIN_UPDATE,
  highestSackSeq,
  noteReordering,
  sackResult,
  tagSacked,
} from './tcp-sack.ts';
import type { SegmentInfo } from './tcp-segment.ts';
import {
  MARK_EVER_RETRANSMITTED,
  MARK_LOST,
  MARK_RETRANSMITTED,
  MARK_SACKED,
  removeSegment,
  type Segment,
} from './tcp-send-queue.ts';
import { after, before, CA_CWR, CA_OPEN, TCP_SYN_SENT, TIMER_PROBE } from './tcp-states.ts';
import { replaceRecentTimestamp, sendChallengeAck } from './tcp-validate.ts';

/** The ACK told of data that we never sent, or of such old data that it looks forged. */
export const ACK_UNSENT = -1;
export const ACK_TOO_OLD = -2;

/**
 * Takes an acknowledgment in.
 * @param segment the segment that carries it; its options are in `received`.
 * @returns 1: it counts; 0: it is an old one; ACK_UNSENT, ACK_TOO_OLD: to be discarded.
 */
export function processAck(socket: TcpSocket, segment: SegmentInfo, givenFlags: number): number {
  const priorUna = socket.sendUna;
  const { ack } = segment;
  let flags = givenFlags;
  const deliveredBefore = socket.delivered;
  const lostBefore = socket.lostOut;
  if (before(ack, priorUna)) {
    const most = Math.min(socket.maxWindow, socket.bytesAcked);
    if (before(ack, (priorUna - most) | 0)) {
      if ((flags & FLAG_NO_CHALLENGE_ACK) === 0) sendChallengeAck(socket);
      return ACK_TOO_OLD;
    }
    processOldAck(socket, flags, ack, priorUna, deliveredBefore, lostBefore);
    return 0;
  }
  if (after(ack, socket.sendNext)) return ACK_UNSENT;
  const priorPackets = socket.packetsOut;
  if (after(ack, priorUna)) {
    flags |= FLAG_SND_UNA_ADVANCED;
    socket.retransmits = 0;
  }
  const priorSack = socket.isSackOk ? highestSackSeq(socket) : socket.sendUna;
  if ((flags & FLAG_UPDATE_TS_RECENT) !== 0) replaceRecentTimestamp(socket, segment.seq);
  if (segment.seq !== segment.endSeq) flags |= FLAG_DATA;
  flags |= updateSendWindow(socket, segment);
  resetSackResult(socket);
  if (received.sackCount > 0) flags |= tagSacked(socket, ack, priorUna);
  socket.softError = null;
  socket.probesOut = 0;
  socket.lastReceiveJiffies = jiffiesOf(socket.netns.sim);
  if (priorPackets === 0) {
    acknowledgeNothing(socket, ack, priorUna, flags);
    return 1;
  }
  flags |= cleanSent(socket, priorSack, flags);
  if (socket.hasLossProbe) processLossProbeAck(socket, ack, flags);
  let rexmit = REXMIT_NONE;
  if (isDubious(socket, flags)) {
    const isDuplicate = (flags & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DSACKING_ACK)) === 0;
    alertRecovery(socket, priorUna, isDuplicate ? segment.aggregated : 0, flags);
    flags = alert.flags;
    rexmit = alert.rexmit;
  }
  if ((flags & FLAG_SET_XMIT_TIMER) !== 0) armAfterAck(socket);
  if ((flags & FLAG_FORWARD_PROGRESS) !== 0 || (flags & FLAG_NOT_DUP) === 0) {
    socket.isConfirmPending = true;
  }
  const lost = Math.max(socket.lostOut - lostBefore, 0);
  controlCongestion(socket, socket.delivered - deliveredBefore, lost, flags);
  sendAfterAck(socket, rexmit);
  return 1;
}

function resetSackResult(socket: TcpSocket): void {
  sackResult.firstNs = 0;
  sackResult.lastNs = 0;
  sackResult.flags = 0;
  sackResult.reorderedSeq = socket.sendNext;
}

function isDubious(socket: TcpSocket, flags: number): boolean {
  return (
    (flags & FLAG_NOT_DUP) === 0 || (flags & FLAG_CA_ALERT) !== 0 || socket.caState !== CA_OPEN
  );
}

/** An ACK while nothing was outstanding: it may open a closed window. */
function acknowledgeNothing(socket: TcpSocket, ack: number, priorUna: number, flags: number): void {
  if ((flags & FLAG_DSACKING_ACK) !== 0) {
    alertRecovery(socket, priorUna, 0, flags);
  }
  const head = socket.sending.unsent;
  if (head !== null) {
    if (!after(head.endSeq, windowEnd(socket))) {
      socket.backoff = 0;
      socket.firstProbeMs = 0;
      if (socket.timerPending === TIMER_PROBE) stopSendTimer(socket);
    } else {
      armSendTimer(socket, TIMER_PROBE, probeDelay(socket));
    }
  }
  if (socket.hasLossProbe) processLossProbeAck(socket, ack, flags);
}

function processOldAck(
  socket: TcpSocket,
  givenFlags: number,
  ack: number,
  priorUna: number,
  deliveredBefore: number,
  lostBefore: number,
): void {
  if (received.sackCount === 0) return;
  resetSackResult(socket);
  const flags = givenFlags | tagSacked(socket, ack, priorUna);
  alertRecovery(socket, priorUna, 0, flags);
  const lost = Math.max(socket.lostOut - lostBefore, 0);
  const delivered = socket.delivered - deliveredBefore;
  if (isReducingWindow(socket)) reduceWindow(socket, delivered, lost, alert.flags);
  sendAfterAck(socket, alert.rexmit);
}

/** @source tcp_ack_update_window() */
function updateSendWindow(socket: TcpSocket, segment: SegmentInfo): number {
  const { ack, seq } = segment;
  const scale = (segment.flags & TCP_SYN) !== 0 ? 0 : socket.sendWindowScale;
  const window = segment.window * 2 ** scale;
  let flags = 0;
  const mayUpdate =
    after(ack, socket.sendUna) ||
    after(seq, socket.sendWl1) ||
    (seq === socket.sendWl1 && (window > socket.sendWindow || window === 0));
  if (mayUpdate) {
    flags = FLAG_WIN_UPDATE;
    socket.sendWl1 = seq;
    if (socket.sendWindow !== window) {
      socket.sendWindow = window;
      if (socket.sending.unsent !== null) restartAfterIdle(socket);
      if (window > socket.maxWindow) {
        socket.maxWindow = window;
        syncMss(socket, socket.pathMtuCookie);
      }
    }
  }
  socket.bytesAcked += (ack - socket.sendUna) | 0;
  socket.sendUna = ack;
  return flags;
}

/** What cleanSent and forget gather about the acknowledged segments. */
const acked = { flags: 0, packets: 0, firstNs: 0, lastNs: 0, lowestSeq: 0 };

/** Takes off what was acknowledged. @returns FLAG_*. @source tcp_clean_rtx_queue() */
function cleanSent(socket: TcpSocket, priorSack: number, givenFlags: number): number {
  const queue = socket.sending;
  acked.flags = 0;
  acked.packets = 0;
  acked.firstNs = 0;
  acked.lastNs = 0;
  acked.lowestSeq = socket.sendNext;
  let isWhole = true;
  for (;;) {
    const segment = queue.first;
    if (segment === null || segment === queue.unsent) break;
    let packets = segment.packets;
    const { seq } = segment;
    if (after(segment.endSeq, socket.sendUna)) {
      if (packets === 1 || !after(socket.sendUna, seq)) break;
      trimHead(segment, (socket.sendUna - seq) | 0, socket.mssCache);
      packets -= segment.packets;
      if (packets === 0) break;
      isWhole = false;
    }
    noteAcknowledged(socket, segment, seq, packets);
    if (!isWhole) break;
    removeSegment(queue, segment);
  }
  const head = queue.first;
  const hasHead = head !== null && head !== queue.unsent;
  let flags = acked.flags;
  if (hasHead && (head.marks & MARK_SACKED) !== 0) flags |= FLAG_SACK_RENEGING;
  const isRttKnown = measureRtt(socket, flags, givenFlags);
  if ((flags & FLAG_ACKED) !== 0) {
    flags |= FLAG_SET_XMIT_TIMER;
    if (!socket.isSackOk) {
      removeRenoSacks(socket, acked.packets);
      if ((flags & FLAG_RETRANS_DATA_ACKED) !== 0) flags &= ~FLAG_ORIG_SACK_ACKED;
    } else if (before(acked.lowestSeq, priorSack)) {
      noteReordering(socket, acked.lowestSeq);
    }
  } else if (hasHead && isRttKnown && sackResult.firstNs !== 0) {
    if (sackResult.firstNs < head.sentNs) flags |= FLAG_SET_XMIT_TIMER;
  }
  noteRoundTrip(socket, measured.congestionUs);
  return flags;
}

function noteAcknowledged(socket: TcpSocket, segment: Segment, seq: number, packets: number): void {
  const { marks } = segment;
  if ((marks & (MARK_RETRANSMITTED | MARK_EVER_RETRANSMITTED)) !== 0) {
    if ((marks & MARK_RETRANSMITTED) !== 0) socket.retransOut -= packets;
    acked.flags |= FLAG_RETRANS_DATA_ACKED;
  } else if ((marks & MARK_SACKED) === 0) {
    acked.lastNs = segment.sentNs;
    if (acked.firstNs === 0) acked.firstNs = segment.sentNs;
    if (before(seq, acked.lowestSeq)) acked.lowestSeq = seq;
    if (!after(segment.endSeq, socket.highSeq)) acked.flags |= FLAG_ORIG_SACK_ACKED;
  }
  if ((marks & MARK_SACKED) !== 0) {
    socket.sackedOut -= packets;
  } else if (socket.isSackOk) {
    socket.delivered += packets;
    advanceRack(socket, segment);
  }
  if ((marks & MARK_LOST) !== 0) socket.lostOut -= packets;
  socket.packetsOut -= packets;
  acked.packets += packets;
  if ((segment.flags & TCP_SYN) === 0) {
    acked.flags |= FLAG_DATA_ACKED;
  } else {
    acked.flags |= FLAG_SYN_ACKED;
    socket.retransStampMs = 0;
  }
}

/** What measureRtt found: the round trip for congestion control, -1 if none. */
const measured = { congestionUs: -1 };

/** @source tcp_ack_update_rtt() */
function measureRtt(socket: TcpSocket, flags: number, givenFlags: number): boolean {
  const nowUs = nowUsOf(socket.netns);
  measured.congestionUs = -1;
  let rttUs = -1;
  if (acked.firstNs !== 0 && (flags & FLAG_RETRANS_DATA_ACKED) === 0) {
    rttUs = nowUs - Math.floor(acked.firstNs / 1000);
    measured.congestionUs = nowUs - Math.floor(acked.lastNs / 1000);
  }
  if (sackResult.firstNs !== 0) {
    if (rttUs < 0) rttUs = nowUs - Math.floor(sackResult.firstNs / 1000);
    measured.congestionUs = nowUs - Math.floor(sackResult.lastNs / 1000);
  }
  if (rttUs < 0 && ((flags | givenFlags) & FLAG_ACKED) !== 0) {
    rttUs = rttByTimestamp(socket);
    measured.congestionUs = rttUs;
  }
  if (rttUs < 0) return false;
  const sample = measured.congestionUs;
  if (socket.minRttUs < 0 || sample < socket.minRttUs) socket.minRttUs = Math.max(sample, 1);
  updateRtt(socket, rttUs);
  socket.backoff = 0;
  return true;
}

/** @source tcp_rtt_tsopt_us() */
function rttByTimestamp(socket: TcpSocket): number {
  if (!received.hasTimestamp || received.tsEcho === 0) return -1;
  const nowMs = Math.floor(timeNs(socket.netns.sim) / 1_000_000);
  const deltaMs = ((nowMs + socket.tsOffset) | 0) - received.tsEcho;
  const ms = deltaMs | 0;
  return ms < 0 || ms > 600_000 ? -1 : Math.max(ms, 1) * 1000;
}

/** @source tcp_process_tlp_ack() */
function processLossProbeAck(socket: TcpSocket, ack: number, flags: number): void {
  if (before(ack, socket.lossProbeHighSeq)) return;
  if (!socket.isLossProbeRetransmit || (flags & FLAG_DSACK_TLP) !== 0) {
    socket.hasLossProbe = false;
  } else if (after(ack, socket.lossProbeHighSeq)) {
    initWindowReduction(socket);
    setCongestionState(socket, CA_CWR);
    endWindowReduction(socket);
    tryKeepOpen(socket);
  } else if ((flags & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DATA_SACKED)) === 0) {
    socket.hasLossProbe = false;
  }
}

/** @source tcp_set_xmit_timer() */
function armAfterAck(socket: TcpSocket): void {
  if (!scheduleLossProbe(socket, true)) rearmTimeout(socket);
}

/** @source tcp_cong_control(), tcp_may_raise_cwnd() */
function controlCongestion(
  socket: TcpSocket,
  delivered: number,
  lost: number,
  flags: number,
): void {
  if (isReducingWindow(socket)) {
    reduceWindow(socket, delivered, lost, flags);
    return;
  }
  const isReordered = socket.reordering > socket.netns.sysctl.tcpReordering;
  const wanted = isReordered ? FLAG_FORWARD_PROGRESS : FLAG_DATA_ACKED;
  if ((flags & wanted) !== 0 && delivered > 0) growCongestionWindow(socket, delivered);
}

/** @source tcp_xmit_recovery() */
function sendAfterAck(socket: TcpSocket, rexmit: number): void {
  if (rexmit === REXMIT_NONE || socket.state === TCP_SYN_SENT) return;
  if (rexmit === REXMIT_NEW) {
    pushPending(socket, currentMss(socket), NAGLE_OFF);
    if (after(socket.sendNext, socket.highSeq)) return;
    socket.isFrto = false;
  }
  transmitLost(socket);
}
