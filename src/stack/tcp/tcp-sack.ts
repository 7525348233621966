/**
 * What selective acknowledgments and time tell about segments: the scoreboard and RACK.
 * @source net/ipv4/tcp_input.c tcp_sacktag_write_queue(); net/ipv4/tcp_recovery.c
 */
import { received } from './tcp-options.ts';
import { nowUsOf } from './tcp-path.ts';
import { armSendTimer, jiffiesOfUs } from './tcp-rearm.ts';
import type { TcpSocket } from './tcp-record.ts';
import { markLost, splitSentSegment } from './tcp-retransmit.ts';
import {
  dataBytesOf,
  MARK_EVER_RETRANSMITTED,
  MARK_LOST,
  MARK_RETRANSMITTED,
  MARK_SACKED,
  type Segment,
} from './tcp-send-queue.ts';
import { after, before, CA_LOSS, CA_RECOVERY, HZ_US, TIMER_REORDER } from './tcp-states.ts';

/** What one ACK told (FLAG_*). */
export const FLAG_DATA = 0x01;
export const FLAG_WIN_UPDATE = 0x02;
export const FLAG_DATA_ACKED = 0x04;
export const FLAG_RETRANS_DATA_ACKED = 0x08;
export const FLAG_SYN_ACKED = 0x10;
export const FLAG_DATA_SACKED = 0x20;
export const FLAG_LOST_RETRANS = 0x80;
export const FLAG_SLOWPATH = 0x100;
export const FLAG_ORIG_SACK_ACKED = 0x200;
export const FLAG_SND_UNA_ADVANCED = 0x400;
export const FLAG_DSACKING_ACK = 0x800;
export const FLAG_SET_XMIT_TIMER = 0x1000;
export const FLAG_SACK_RENEGING = 0x2000;
export const FLAG_UPDATE_TS_RECENT = 0x4000;
export const FLAG_NO_CHALLENGE_ACK = 0x8000;
export const FLAG_DSACK_TLP = 0x20000;
export const FLAG_ACKED = FLAG_DATA_ACKED | FLAG_SYN_ACKED;
export const FLAG_NOT_DUP = FLAG_DATA | FLAG_WIN_UPDATE | FLAG_ACKED;
export const FLAG_CA_ALERT = FLAG_DATA_SACKED | FLAG_DSACKING_ACK;
export const FLAG_FORWARD_PROGRESS = FLAG_ACKED | FLAG_DATA_SACKED;

/** What the SACK blocks of one ACK told beside its flags; valid until the next one. */
export const sackResult = { firstNs: 0, lastNs: 0, reorderedSeq: 0, flags: 0 };

/** Where the newest selectively acknowledged segment ends. @source tcp_highest_sack_seq() */
export function highestSackSeq(socket: TcpSocket): number {
  return socket.sackedOut === 0 ? socket.sendUna : socket.highestSackEnd;
}

/**
 * Marks what the SACK blocks in `received` (tcp-options.ts) name.
 * @returns FLAG_* of what was found; times and reordering are in sackResult.
 */
export function tagSacked(socket: TcpSocket, ack: number, priorUna: number): number {
  sackResult.firstNs = 0;
  sackResult.lastNs = 0;
  sackResult.flags = 0;
  sackResult.reorderedSeq = socket.sendNext;
  if (!socket.isSackOk) return 0;
  if (socket.sackedOut === 0) socket.highestSackEnd = socket.sendUna;
  const { sackCount, sackStarts, sackEnds } = received;
  const isDuplicate = checkDuplicate(socket, ack, priorUna);
  if (socket.packetsOut === 0) return sackResult.flags;
  for (let i = 0; i < sackCount; i++) {
    const start = sackStarts[i]!;
    const end = sackEnds[i]!;
    const isDup = isDuplicate && i === 0;
    if (!isValidBlock(socket, isDup, start, end)) continue;
    tagBlock(socket, start, end, isDup);
  }
  if (socket.caState !== CA_LOSS || socket.hasUndo) {
    noteReordering(socket, sackResult.reorderedSeq);
  }
  return sackResult.flags;
}

/** Data beyond a hole that is not lost came: reordering. @source tcp_check_sack_reordering() */
export function noteReordering(socket: TcpSocket, lowSeq: number): void {
  const highest = highestSackSeq(socket);
  if (!before(lowSeq, highest)) return;
  const metric = (highest - lowSeq) | 0;
  const mss = socket.mssCache;
  if (metric > socket.reordering * mss) {
    const most = socket.netns.sysctl.tcpMaxReordering;
    socket.reordering = Math.min(Math.ceil(metric / mss), most);
  }
  socket.isReorderSeen = true;
}

/** @source net/ipv4/tcp_input.c tcp_check_dsack() */
function checkDuplicate(socket: TcpSocket, ack: number, priorUna: number): boolean {
  const { sackCount, sackStarts, sackEnds } = received;
  if (sackCount === 0) return false;
  const start = sackStarts[0]!;
  const end = sackEnds[0]!;
  if (before(start, ack)) {
    // An old block: data that was received twice.
  } else if (sackCount > 1) {
    if (after(end, sackEnds[1]!) || before(start, sackStarts[1]!)) return false;
  } else {
    return false;
  }
  sackResult.flags |= FLAG_DSACKING_ACK;
  if (socket.hasLossProbe && socket.isLossProbeRetransmit && end === socket.lossProbeHighSeq) {
    sackResult.flags |= FLAG_DSACK_TLP;
  }
  if (socket.hasUndo && socket.undoRetrans > 0) {
    if (!after(end, priorUna) && after(end, socket.undoMarker)) {
      const packets = Math.max(1, Math.ceil(((end - start) | 0) / socket.mssCache));
      socket.undoRetrans = Math.max(0, socket.undoRetrans - packets);
    }
  }
  return true;
}

/** @source net/ipv4/tcp_input.c tcp_is_sackblock_valid() */
function isValidBlock(socket: TcpSocket, isDup: boolean, start: number, end: number): boolean {
  if (after(end, socket.sendNext) || !before(start, end)) return false;
  if (!before(start, socket.sendNext)) return false;
  if (after(start, socket.sendUna)) return true;
  if (!isDup || !socket.hasUndo) return false;
  if (after(end, socket.sendUna)) return false;
  if (!before(start, socket.undoMarker)) return true;
  if (!after(end, socket.undoMarker)) return false;
  return !before(start, (end - socket.maxWindow) | 0);
}

function tagBlock(socket: TcpSocket, start: number, end: number, isDup: boolean): void {
  const queue = socket.sending;
  let segment = queue.first;
  while (segment !== null && segment !== queue.unsent && before(segment.seq, end)) {
    if (!after(segment.endSeq, start)) {
      segment = segment.next;
      continue;
    }
    let isInside = !after(start, segment.seq) && !before(end, segment.endSeq);
    if (!isInside && segment.packets > 1) {
      if (after(start, segment.seq)) {
        // The first part is not in the block: cut it off and look at the rest in the next turn.
        cutBeforeBlock(socket, segment, start);
        segment = segment.next;
        continue;
      }
      isInside = cutAfterBlock(socket, segment, end);
    }
    if (isInside) tagSegment(socket, segment, isDup);
    segment = segment.next;
  }
}

/** Cuts a segment of several packets where a block starts in it, rounded up. @source tcp_match_skb_to_sack() */
function cutBeforeBlock(socket: TcpSocket, segment: Segment, start: number): void {
  const size = segment.packetBytes;
  const skip = Math.ceil(((start - segment.seq) | 0) / size) * size;
  if (skip < dataBytesOf(segment)) splitSentSegment(socket, segment, skip, size);
}

/** Cuts it where the block ends in it, rounded down. @returns whether what is left is covered. */
function cutAfterBlock(socket: TcpSocket, segment: Segment, end: number): boolean {
  const size = segment.packetBytes;
  const covered = (end - segment.seq) | 0;
  const take = covered - (covered % size);
  if (take === 0) return false;
  if (take < dataBytesOf(segment)) splitSentSegment(socket, segment, take, size);
  return true;
}

/** @source net/ipv4/tcp_input.c tcp_sacktag_one() */
function tagSegment(socket: TcpSocket, segment: Segment, isDup: boolean): void {
  const { packets } = segment;
  let { marks } = segment;
  if (isDup && (marks & MARK_EVER_RETRANSMITTED) !== 0) {
    if (socket.hasUndo && socket.undoRetrans > 0 && after(segment.endSeq, socket.undoMarker)) {
      socket.undoRetrans = Math.max(0, socket.undoRetrans - packets);
    }
    if ((marks & MARK_SACKED) !== 0) noteLowest(segment.seq);
  }
  if (!after(segment.endSeq, socket.sendUna)) return;
  if ((marks & MARK_SACKED) === 0) {
    advanceRack(socket, segment);
    if ((marks & MARK_RETRANSMITTED) !== 0) {
      if ((marks & MARK_LOST) !== 0) {
        marks &= ~(MARK_LOST | MARK_RETRANSMITTED);
        socket.lostOut -= packets;
        socket.retransOut -= packets;
      }
    } else {
      if ((marks & MARK_EVER_RETRANSMITTED) === 0) noteFirstDelivery(socket, segment);
      if ((marks & MARK_LOST) !== 0) {
        marks &= ~MARK_LOST;
        socket.lostOut -= packets;
      }
    }
    marks |= MARK_SACKED;
    sackResult.flags |= FLAG_DATA_SACKED;
    socket.sackedOut += packets;
    socket.delivered += packets;
    if (socket.sackedOut === packets || after(segment.endSeq, socket.highestSackEnd)) {
      socket.highestSackEnd = segment.endSeq;
    }
  }
  if (isDup && (marks & MARK_RETRANSMITTED) !== 0) {
    marks &= ~MARK_RETRANSMITTED;
    socket.retransOut -= packets;
  }
  segment.marks = marks;
}

function noteFirstDelivery(socket: TcpSocket, segment: Segment): void {
  if (before(segment.seq, highestSackSeq(socket))) noteLowest(segment.seq);
  if (!after(segment.endSeq, socket.highSeq)) sackResult.flags |= FLAG_ORIG_SACK_ACKED;
  if (sackResult.firstNs === 0) sackResult.firstNs = segment.sentNs;
  sackResult.lastNs = segment.sentNs;
}

function noteLowest(seq: number): void {
  if (before(seq, sackResult.reorderedSeq)) sackResult.reorderedSeq = seq;
}

/** A segment was delivered: what was sent well before it should have been too. @source tcp_rack_advance() */
export function advanceRack(socket: TcpSocket, segment: Segment): void {
  const sentUs = Math.floor(segment.sentNs / 1000);
  const rttUs = nowUsOf(socket.netns) - sentUs;
  const wasRetransmitted = (segment.marks & (MARK_RETRANSMITTED | MARK_EVER_RETRANSMITTED)) !== 0;
  if (wasRetransmitted && socket.minRttUs >= 0 && rttUs < socket.minRttUs) return;
  socket.isRackAdvanced = true;
  socket.rackRttUs = rttUs;
  const isNewer =
    segment.sentNs > socket.rackNs ||
    (segment.sentNs === socket.rackNs && after(segment.endSeq, socket.rackEndSeq));
  if (isNewer) {
    socket.rackNs = segment.sentNs;
    socket.rackEndSeq = segment.endSeq;
  }
}

/**
 * Marks lost what was sent so long before something delivered that it cannot be on its way still;
 * arms the reordering timer for what may yet come.
 * @returns whether the timer was armed. @source tcp_rack_mark_lost()
 */
export function markLostByRack(socket: TcpSocket): boolean {
  if (!socket.isRackAdvanced) return false;
  socket.isRackAdvanced = false;
  const waitUs = detectLoss(socket);
  if (waitUs === 0) return false;
  armSendTimer(socket, TIMER_REORDER, jiffiesOfUs(waitUs + 2 * HZ_US));
  return true;
}

/** @returns microseconds until the last undecided segment is decided, 0 if none. @source tcp_rack_detect_loss() */
export function detectLoss(socket: TcpSocket): number {
  const windowUs = reorderWindowUs(socket);
  const nowUs = nowUsOf(socket.netns);
  const queue = socket.sending;
  let waitUs = 0;
  for (
    let segment = queue.first;
    segment !== null && segment !== queue.unsent;
    segment = segment.next
  ) {
    const { marks } = segment;
    if ((marks & MARK_SACKED) !== 0) continue;
    if ((marks & MARK_LOST) !== 0 && (marks & MARK_RETRANSMITTED) === 0) continue;
    const isSentBefore =
      socket.rackNs > segment.sentNs ||
      (socket.rackNs === segment.sentNs && after(socket.rackEndSeq, segment.endSeq));
    if (!isSentBefore) {
      if ((marks & MARK_EVER_RETRANSMITTED) === 0) break;
      continue;
    }
    const ageUs = nowUs - Math.floor(segment.sentNs / 1000);
    const remainingUs = socket.rackRttUs + windowUs - ageUs;
    if (remainingUs <= 0) markLost(socket, segment);
    else waitUs = Math.max(waitUs, remainingUs);
  }
  return waitUs;
}

/** @source net/ipv4/tcp_recovery.c tcp_rack_reo_wnd() */
function reorderWindowUs(socket: TcpSocket): number {
  if (!socket.isReorderSeen) {
    if (socket.caState >= CA_RECOVERY) return 0;
    if (socket.sackedOut >= socket.reordering) return 0;
  }
  const minRttUs = socket.minRttUs < 0 ? 0xffffffff : socket.minRttUs;
  return Math.min(Math.floor(minRttUs / 4), socket.srttUs >> 3);
}
