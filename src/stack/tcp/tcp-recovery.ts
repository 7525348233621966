/**
 * The states of congestion: open, disorder, CWR, recovery, loss; and coming back from false alarms.
 * @source net/ipv4/tcp_input.c tcp_fastretrans_alert() and around it
 */
import {
  currentThreshold,
  isReducingWindow,
  packetsInFlight,
  setCongestionState,
  thresholdAfterLoss,
} from './tcp-congestion.ts';
import { received } from './tcp-options.ts';
import { windowEnd } from './tcp-output.ts';
import { armSendTimer, jiffiesOfUs } from './tcp-rearm.ts';
import type { TcpSocket } from './tcp-record.ts';
import { initUndo, markLost, splitSentSegment } from './tcp-retransmit.ts';
import {
  detectLoss,
  FLAG_DATA_SACKED,
  FLAG_LOST_RETRANS,
  FLAG_ORIG_SACK_ACKED,
  FLAG_SACK_RENEGING,
  FLAG_SET_XMIT_TIMER,
  FLAG_SND_UNA_ADVANCED,
  markLostByRack,
  noteReordering,
} from './tcp-sack.ts';
import {
  dataBytesOf,
  isAllAcknowledged,
  MARK_EVER_RETRANSMITTED,
  MARK_LOST,
} from './tcp-send-queue.ts';
import {
  after,
  before,
  CA_CWR,
  CA_DISORDER,
  CA_LOSS,
  CA_OPEN,
  CA_RECOVERY,
  TCP_INFINITE_SSTHRESH,
  TIMER_RETRANSMIT,
} from './tcp-states.ts';

/** What is to be sent after an ACK: nothing special, lost segments, or new data (F-RTO). */
export const REXMIT_NONE = 0;
export const REXMIT_LOST = 1;
export const REXMIT_NEW = 2;

/** What alertRecovery found out: the flags as changed, and REXMIT_*. */
export const alert = { flags: 0, rexmit: REXMIT_NONE };

/** The state machine; called when an ACK is no plain advance. Results are in `alert`. */
export function alertRecovery(
  socket: TcpSocket,
  priorUna: number,
  duplicateAcks: number,
  flags: number,
): void {
  alert.flags = flags;
  alert.rexmit = REXMIT_NONE;
  if (socket.packetsOut === 0 && socket.sackedOut !== 0) socket.sackedOut = 0;
  if (checkReneging(socket)) return;
  if (socket.caState === CA_OPEN) {
    socket.retransStampMs = 0;
  } else if (!before(socket.sendUna, socket.highSeq)) {
    if (socket.caState === CA_CWR && socket.sendUna !== socket.highSeq) {
      endWindowReduction(socket);
      setCongestionState(socket, CA_OPEN);
    } else if (socket.caState === CA_RECOVERY) {
      if (!socket.isSackOk) socket.sackedOut = 0;
      if (tryUndoRecovery(socket)) return;
      endWindowReduction(socket);
    }
  }
  if (socket.caState === CA_RECOVERY) {
    if (continueRecovery(socket, priorUna, duplicateAcks, flags)) return;
  } else if (!enterFromOther(socket, duplicateAcks, flags)) {
    return;
  }
  alert.rexmit = REXMIT_LOST;
}

/** @returns true: nothing more is to be done. */
function continueRecovery(
  socket: TcpSocket,
  priorUna: number,
  duplicateAcks: number,
  flags: number,
): boolean {
  if ((flags & FLAG_SND_UNA_ADVANCED) === 0) {
    if (!socket.isSackOk) addRenoSack(socket, duplicateAcks);
  } else if (tryUndoPartial(socket, priorUna)) {
    return true;
  }
  if (tryUndoByDuplicate(socket)) tryToOpen(socket);
  identifyLoss(socket);
  if (socket.caState === CA_RECOVERY) return false;
  if (socket.lostOut === 0) return true;
  enterRecovery(socket);
  return false;
}

/** @returns false: nothing is to be sent again. */
function enterFromOther(socket: TcpSocket, duplicateAcks: number, flags: number): boolean {
  if (socket.caState === CA_LOSS) {
    const rexmit = processLoss(socket, flags, duplicateAcks);
    identifyLoss(socket);
    alert.rexmit = rexmit;
    const isOpen = (socket.caState as number) === CA_OPEN;
    if (!isOpen && (alert.flags & FLAG_LOST_RETRANS) === 0) return false;
  }
  if (!socket.isSackOk) {
    if ((flags & FLAG_SND_UNA_ADVANCED) !== 0) socket.sackedOut = 0;
    addRenoSack(socket, duplicateAcks);
  }
  if (socket.caState <= CA_DISORDER) tryUndoByDuplicate(socket);
  identifyLoss(socket);
  if (socket.lostOut === 0) {
    tryToOpen(socket);
    return false;
  }
  enterRecovery(socket);
  return true;
}

/** @source tcp_check_sack_reneging() */
function checkReneging(socket: TcpSocket): boolean {
  const wanted = FLAG_SACK_RENEGING | FLAG_SND_UNA_ADVANCED;
  if ((alert.flags & wanted) !== wanted) return false;
  const delayUs = Math.max(socket.srttUs >> 4, 10_000);
  armSendTimer(socket, TIMER_RETRANSMIT, jiffiesOfUs(delayUs));
  alert.flags &= ~FLAG_SET_XMIT_TIMER;
  return true;
}

/** @source tcp_identify_packet_loss(), tcp_newreno_mark_lost() */
function identifyLoss(socket: TcpSocket): void {
  if (isAllAcknowledged(socket.sending)) return;
  if (socket.isSackOk) {
    const retransmitted = socket.retransOut;
    if (markLostByRack(socket)) alert.flags &= ~FLAG_SET_XMIT_TIMER;
    if (retransmitted > socket.retransOut) alert.flags |= FLAG_LOST_RETRANS;
    return;
  }
  const isAdvanced = (alert.flags & FLAG_SND_UNA_ADVANCED) !== 0;
  const isDue =
    (socket.caState < CA_RECOVERY && socket.sackedOut >= socket.reordering) ||
    (socket.caState === CA_RECOVERY && isAdvanced);
  const head = socket.sending.first;
  if (!isDue || head === null || (head.marks & MARK_LOST) !== 0) return;
  const mss = socket.mssCache;
  if (head.packets > 1 && dataBytesOf(head) > mss) splitSentSegment(socket, head, mss, mss);
  markLost(socket, head);
}

/** Starts to reduce the window by steps. @source tcp_init_cwnd_reduction() */
export function initWindowReduction(socket: TcpSocket): void {
  socket.highSeq = socket.sendNext;
  socket.hasLossProbe = false;
  socket.cwndCount = 0;
  socket.priorCwnd = socket.cwnd;
  socket.prrDelivered = 0;
  socket.prrOut = 0;
  socket.ssthresh = thresholdAfterLoss(socket);
}

/** One step: proportional rate reduction. @source tcp_cwnd_reduction(); RFC 6937 */
export function reduceWindow(
  socket: TcpSocket,
  delivered: number,
  newlyLost: number,
  flags: number,
): void {
  if (delivered <= 0 || socket.priorCwnd === 0) return;
  const inFlight = packetsInFlight(socket);
  const delta = socket.ssthresh - inFlight;
  socket.prrDelivered += delivered;
  let count: number;
  if (delta < 0) {
    const dividend = socket.ssthresh * socket.prrDelivered + socket.priorCwnd - 1;
    count = Math.floor(dividend / socket.priorCwnd) - socket.prrOut;
  } else {
    count = Math.max(socket.prrDelivered - socket.prrOut, delivered);
    if ((flags & FLAG_SND_UNA_ADVANCED) !== 0 && newlyLost === 0) count++;
    count = Math.min(delta, count);
  }
  count = Math.max(count, socket.prrOut > 0 ? 0 : 1);
  socket.cwnd = Math.max(inFlight + count, 1);
}

/** @source tcp_end_cwnd_reduction() */
export function endWindowReduction(socket: TcpSocket): void {
  if (socket.ssthresh >= TCP_INFINITE_SSTHRESH) return;
  if (socket.caState === CA_CWR || socket.hasUndo) socket.cwnd = socket.ssthresh;
}

/** @source tcp_enter_recovery() */
function enterRecovery(socket: TcpSocket): void {
  socket.priorSsthresh = 0;
  initUndo(socket);
  if (!isReducingWindow(socket)) {
    socket.priorSsthresh = currentThreshold(socket);
    initWindowReduction(socket);
  }
  setCongestionState(socket, CA_RECOVERY);
}

function wasEverRetransmitted(socket: TcpSocket): boolean {
  if (socket.retransOut > 0) return true;
  const head = socket.sending.first;
  if (head === null || head === socket.sending.unsent) return false;
  return (head.marks & MARK_EVER_RETRANSMITTED) !== 0;
}

/** @source tcp_try_keep_open() */
export function tryKeepOpen(socket: TcpSocket): void {
  const isDisordered = socket.sackedOut + socket.lostOut > 0 || wasEverRetransmitted(socket);
  const state = isDisordered ? CA_DISORDER : CA_OPEN;
  if (socket.caState === state) return;
  setCongestionState(socket, state);
  socket.highSeq = socket.sendNext;
}

/** @source tcp_try_to_open() */
function tryToOpen(socket: TcpSocket): void {
  if (!wasEverRetransmitted(socket)) socket.retransStampMs = 0;
  if (socket.caState !== CA_CWR) tryKeepOpen(socket);
}

/** Whether the ACK is for the original, not for what was sent again. @source tcp_packet_delayed() */
function wasOnlyDelayed(socket: TcpSocket): boolean {
  if (socket.retransStampMs === 0 || !received.hasTimestamp || received.tsEcho === 0) return false;
  return before(received.tsEcho, (socket.retransStampMs + socket.tsOffset) | 0);
}

function mayUndo(socket: TcpSocket): boolean {
  return socket.hasUndo && (socket.undoRetrans === 0 || wasOnlyDelayed(socket));
}

/** @source tcp_undo_cwnd_reduction() */
function undoReduction(socket: TcpSocket, isLossUnmarked: boolean): void {
  if (isLossUnmarked) {
    const queue = socket.sending;
    for (
      let segment = queue.first;
      segment !== null && segment !== queue.unsent;
      segment = segment.next
    ) {
      segment.marks &= ~MARK_LOST;
    }
    socket.lostOut = 0;
  }
  if (socket.priorSsthresh !== 0) {
    socket.cwnd = Math.max(socket.cwnd, socket.priorCwnd);
    if (socket.priorSsthresh > socket.ssthresh) socket.ssthresh = socket.priorSsthresh;
  }
  socket.hasUndo = false;
  socket.isRackAdvanced = true;
}

/** @source tcp_try_undo_recovery(), tcp_is_non_sack_preventing_reopen() */
function tryUndoRecovery(socket: TcpSocket): boolean {
  if (mayUndo(socket)) undoReduction(socket, false);
  if (holdsForLateDuplicates(socket)) return true;
  setCongestionState(socket, CA_OPEN);
  return false;
}

function holdsForLateDuplicates(socket: TcpSocket): boolean {
  if (socket.sendUna !== socket.highSeq || socket.isSackOk) return false;
  if (!wasEverRetransmitted(socket)) socket.retransStampMs = 0;
  return true;
}

/** @source tcp_try_undo_partial() */
function tryUndoPartial(socket: TcpSocket, priorUna: number): boolean {
  if (!socket.hasUndo || !wasOnlyDelayed(socket)) return false;
  noteReordering(socket, priorUna);
  if (socket.retransOut > 0) return true;
  if (!wasEverRetransmitted(socket)) socket.retransStampMs = 0;
  undoReduction(socket, true);
  tryKeepOpen(socket);
  return false;
}

/** @source tcp_try_undo_dsack() */
function tryUndoByDuplicate(socket: TcpSocket): boolean {
  if (!socket.hasUndo || socket.undoRetrans !== 0) return false;
  undoReduction(socket, false);
  return true;
}

/** @source tcp_try_undo_loss() */
function tryUndoLoss(socket: TcpSocket, isFalseTimeout: boolean): boolean {
  if (!isFalseTimeout && !mayUndo(socket)) return false;
  undoReduction(socket, true);
  socket.retransmits = 0;
  if (holdsForLateDuplicates(socket)) return true;
  if (isFalseTimeout || socket.isSackOk) setCongestionState(socket, CA_OPEN);
  return true;
}

/** An ACK after a timeout. @returns REXMIT_*. @source tcp_process_loss(); F-RTO: RFC 5682 */
function processLoss(socket: TcpSocket, flags: number, duplicateAcks: number): number {
  const isRecovered = !before(socket.sendUna, socket.highSeq);
  const isAdvanced = (flags & FLAG_SND_UNA_ADVANCED) !== 0;
  if (isAdvanced && tryUndoLoss(socket, false)) return REXMIT_NONE;
  if (socket.isFrto) {
    if ((flags & FLAG_ORIG_SACK_ACKED) !== 0 && tryUndoLoss(socket, true)) return REXMIT_NONE;
    if (after(socket.sendNext, socket.highSeq)) {
      if ((flags & FLAG_DATA_SACKED) !== 0 || duplicateAcks > 0) socket.isFrto = false;
    } else if (isAdvanced && !isRecovered) {
      socket.highSeq = socket.sendNext;
      if (socket.sending.unsent !== null && after(windowEnd(socket), socket.sendNext)) {
        return REXMIT_NEW;
      }
      socket.isFrto = false;
    }
  }
  if (isRecovered) {
    tryUndoRecovery(socket);
    return REXMIT_NONE;
  }
  if (!socket.isSackOk) {
    if (after(socket.sendNext, socket.highSeq) && duplicateAcks > 0) {
      addRenoSack(socket, duplicateAcks);
    } else if (isAdvanced) {
      socket.sackedOut = 0;
    }
  }
  return REXMIT_LOST;
}

/** Without SACK every duplicate ACK stands for a packet that arrived. @source tcp_add_reno_sack() */
function addRenoSack(socket: TcpSocket, duplicateAcks: number): void {
  if (duplicateAcks === 0) return;
  const before = socket.sackedOut;
  socket.sackedOut += duplicateAcks;
  limitRenoSacked(socket);
  if (socket.sackedOut > before) socket.delivered += socket.sackedOut - before;
}

function limitRenoSacked(socket: TcpSocket): void {
  const holes = Math.min(Math.max(socket.lostOut, 1), socket.packetsOut);
  if (socket.sackedOut + holes <= socket.packetsOut) return;
  const reordered = socket.sackedOut + holes;
  socket.sackedOut = socket.packetsOut - holes;
  const most = socket.netns.sysctl.tcpMaxReordering;
  socket.reordering = Math.min(Math.max(reordered, socket.reordering), most);
  socket.isReorderSeen = true;
}

/** So many packets were acknowledged: as many duplicates are explained. @source tcp_remove_reno_sacks() */
export function removeRenoSacks(socket: TcpSocket, acked: number): void {
  if (acked > 0) {
    socket.delivered += Math.max(acked - socket.sackedOut, 1);
    if (acked - 1 >= socket.sackedOut) socket.sackedOut = 0;
    else socket.sackedOut -= acked - 1;
  }
  limitRenoSacked(socket);
}

/**
 * The reordering timer fired: what has not come by now is lost. The caller sends it again.
 * @source net/ipv4/tcp_recovery.c tcp_rack_reo_timeout()
 */
export function recoverByReorderTimer(socket: TcpSocket): void {
  const inFlight = packetsInFlight(socket);
  const lostBefore = socket.lostOut;
  detectLoss(socket);
  if (inFlight === packetsInFlight(socket)) return;
  if (socket.caState === CA_RECOVERY) return;
  enterRecovery(socket);
  reduceWindow(socket, 1, socket.lostOut - lostBefore, 0);
}
