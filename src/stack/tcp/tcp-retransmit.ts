/**
 * Sending again: marking what is lost, choosing what goes first, cutting it to the present MSS.
 * @source net/ipv4/tcp_output.c tcp_retransmit_skb(), tcp_xmit_retransmit_queue();
 *   net/ipv4/tcp_input.c tcp_enter_loss(), tcp_simple_retransmit()
 */
import { TCP_FIN, TCP_PSH, TCP_SYN } from '../../protocols/tcp.ts';
import {
  currentThreshold,
  isReducingWindow,
  packetsInFlight,
  setCongestionState,
  thresholdAfterLoss,
} from './tcp-congestion.ts';
import {
  NAGLE_OFF,
  PUSH_PROBE,
  setPackets,
  splitSegment,
  windowEnd,
  writeSegments,
} from './tcp-output.ts';
import { currentMss, nowMsOf, nowUsOf, segmentPacketsMax } from './tcp-path.ts';
import { armSendTimer, rearmTimeout } from './tcp-rearm.ts';
import type { TcpSocket } from './tcp-record.ts';
import {
  dataBytesOf,
  lastSent,
  MARK_EVER_RETRANSMITTED,
  MARK_LOST,
  MARK_RETRANSMITTED,
  MARK_SACKED,
  removeSegment,
  type Segment,
} from './tcp-send-queue.ts';
import {
  after,
  before,
  CA_DISORDER,
  CA_LOSS,
  CA_RECOVERY,
  TIMER_NONE,
  TIMER_REORDER,
  TIMER_RETRANSMIT,
} from './tcp-states.ts';
import { transmitSegment } from './tcp-transmit.ts';

/** Counts a sent segment as so many packets fewer. @source tcp_adjust_pcount() */
export function subtractPackets(socket: TcpSocket, segment: Segment, packets: number): void {
  socket.packetsOut -= packets;
  if ((segment.marks & MARK_SACKED) !== 0) socket.sackedOut -= packets;
  if ((segment.marks & MARK_RETRANSMITTED) !== 0) socket.retransOut -= packets;
  if ((segment.marks & MARK_LOST) !== 0) socket.lostOut -= packets;
}

/** Cuts a segment that was sent, keeping count of the packets. @source tcp_fragment() */
export function splitSentSegment(
  socket: TcpSocket,
  segment: Segment,
  bytes: number,
  mss: number,
): Segment {
  const before = segment.packets;
  const rest = splitSegment(socket, segment, bytes, mss);
  const difference = before - segment.packets - rest.packets;
  if (difference !== 0) subtractPackets(socket, segment, difference);
  return rest;
}

/** @source net/ipv4/tcp_input.c tcp_mark_skb_lost() */
export function markLost(socket: TcpSocket, segment: Segment): void {
  const { marks } = segment;
  if ((marks & MARK_SACKED) !== 0) return;
  if ((marks & MARK_LOST) === 0) {
    socket.lostOut += segment.packets;
    segment.marks |= MARK_LOST;
  } else if ((marks & MARK_RETRANSMITTED) !== 0) {
    segment.marks &= ~MARK_RETRANSMITTED;
    socket.retransOut -= segment.packets;
  }
}

/** Takes acknowledged bytes off the front of a segment. @source tcp_trim_head() */
export function trimHead(segment: Segment, bytes: number, mss: number): void {
  segment.seq = (segment.seq + bytes) | 0;
  if (segment.packets > 1) setPackets(segment, segment.packetBytes || mss);
}

/**
 * Sends a segment again, at most `packetsMax` packets of it, without counting it as retransmitted.
 * @returns whether it left.
 * @source __tcp_retransmit_skb()
 */
function sendAgain(socket: TcpSocket, segment: Segment, packetsMax: number): boolean {
  const mss = currentMss(socket);
  if (before(segment.seq, socket.sendUna)) {
    if ((segment.flags & TCP_SYN) !== 0) {
      segment.flags &= ~TCP_SYN;
      segment.seq = (segment.seq + 1) | 0;
    }
    if (before(segment.endSeq, socket.sendUna)) return false;
    const packets = segment.packets;
    const acked = (socket.sendUna - segment.seq) | 0;
    if (acked > 0) trimHead(segment, acked, mss);
    if (packets !== segment.packets) subtractPackets(socket, segment, packets - segment.packets);
  }
  let window = (windowEnd(socket) - segment.seq) | 0;
  if (window <= 0) {
    if (segment.seq !== socket.sendUna) return false;
    window = mss;
  }
  let bytes = mss * packetsMax;
  if (bytes > window) bytes = window - (window % mss) || window;
  if (dataBytesOf(segment) > bytes) {
    splitSentSegment(socket, segment, bytes, mss);
  } else {
    const packets = segment.packets;
    setPackets(segment, mss);
    if (packets !== segment.packets) subtractPackets(socket, segment, packets - segment.packets);
    const room = Math.min(window, mss);
    if (dataBytesOf(segment) < room) collapseInto(socket, segment, room);
  }
  socket.totalRetrans += segment.packets;
  if (!transmitSegment(socket, segment)) return false;
  segment.marks |= MARK_EVER_RETRANSMITTED;
  return true;
}

/** Joins small segments that follow, up to `room` bytes in all. @source tcp_retrans_try_collapse() */
function collapseInto(socket: TcpSocket, segment: Segment, room: number): void {
  if (socket.netns.sysctl.tcpRetransCollapse === 0 || (segment.flags & TCP_SYN) !== 0) return;
  let space = room - dataBytesOf(segment);
  for (;;) {
    const next = segment.next;
    if (next === null || next === socket.sending.unsent) return;
    if (next.packets > 1 || (next.marks & MARK_SACKED) !== 0) return;
    if ((segment.flags & TCP_FIN) !== 0) return;
    const bytes = dataBytesOf(next);
    if (bytes === 0) return;
    space -= bytes;
    if (space < 0 || after(next.endSeq, windowEnd(socket))) return;
    segment.endSeq = next.endSeq;
    segment.flags |= next.flags & (TCP_FIN | TCP_PSH);
    segment.marks |= next.marks & MARK_EVER_RETRANSMITTED;
    subtractPackets(socket, next, next.packets);
    removeSegment(socket.sending, next);
  }
}

/** Sends a segment again and counts it. @source tcp_retransmit_skb() */
export function retransmitSegment(
  socket: TcpSocket,
  segment: Segment,
  packetsMax: number,
): boolean {
  if (!sendAgain(socket, segment, packetsMax)) {
    if (socket.retransStampMs === 0) socket.retransStampMs = nowMsOf(socket.netns) || 1;
    return false;
  }
  if ((segment.marks & MARK_RETRANSMITTED) === 0) {
    segment.marks |= MARK_RETRANSMITTED;
    socket.retransOut += segment.packets;
  }
  if (socket.retransStampMs === 0) socket.retransStampMs = nowMsOf(socket.netns) || 1;
  if (socket.undoRetrans < 0) socket.undoRetrans = 0;
  socket.undoRetrans += segment.packets;
  return true;
}

/** Sends lost segments again as far as the window lets it. @source tcp_xmit_retransmit_queue() */
export function transmitLost(socket: TcpSocket): void {
  if (socket.packetsOut === 0) return;
  const queue = socket.sending;
  const head = queue.first;
  const packetsMax = segmentPacketsMax(socket, currentMss(socket));
  let isRearmed = false;
  for (let segment = head; segment !== null && segment !== queue.unsent; segment = segment.next) {
    const quota = Math.min(socket.cwnd - packetsInFlight(socket), packetsMax);
    if (quota <= 0 || socket.retransOut >= socket.lostOut) break;
    if ((segment.marks & MARK_LOST) === 0) continue;
    if ((segment.marks & (MARK_SACKED | MARK_RETRANSMITTED)) !== 0) continue;
    if (!retransmitSegment(socket, segment, quota)) break;
    if (isReducingWindow(socket)) socket.prrOut += segment.packets;
    if (segment === head && socket.timerPending !== TIMER_REORDER) isRearmed = true;
  }
  if (isRearmed) armSendTimer(socket, TIMER_RETRANSMIT, socket.rto);
}

/** Remembers where we were, to come back if it was a false alarm. @source tcp_init_undo() */
export function initUndo(socket: TcpSocket): void {
  socket.undoMarker = socket.sendUna;
  socket.hasUndo = true;
  socket.undoRetrans = socket.retransOut > 0 ? socket.retransOut : -1;
}

/** The retransmission timer fired: all that is old enough is lost. @source tcp_enter_loss() */
export function enterLoss(socket: TcpSocket): void {
  const isNew = socket.caState < CA_RECOVERY;
  markLostByTimeout(socket);
  if (
    socket.caState <= CA_DISORDER ||
    !after(socket.highSeq, socket.sendUna) ||
    (socket.caState === CA_LOSS && socket.retransmits === 0)
  ) {
    socket.priorSsthresh = currentThreshold(socket);
    socket.priorCwnd = socket.cwnd;
    socket.ssthresh = thresholdAfterLoss(socket);
    initUndo(socket);
  }
  socket.cwnd = packetsInFlight(socket) + 1;
  socket.cwndCount = 0;
  if (socket.caState <= CA_DISORDER && socket.sackedOut >= socket.netns.sysctl.tcpReordering) {
    socket.reordering = Math.min(socket.reordering, socket.netns.sysctl.tcpReordering);
  }
  const wasRetransmitted = socket.retransmits > 0;
  setCongestionState(socket, CA_LOSS);
  socket.highSeq = socket.sendNext;
  socket.hasLossProbe = false;
  socket.isFrto = socket.netns.sysctl.tcpFrto !== 0 && (isNew || wasRetransmitted);
}

/** @source net/ipv4/tcp_input.c tcp_timeout_mark_lost() */
function markLostByTimeout(socket: TcpSocket): void {
  const queue = socket.sending;
  const head = queue.first;
  if (head === null || head === queue.unsent) return;
  const hasReneged = (head.marks & MARK_SACKED) !== 0;
  if (hasReneged || !socket.isSackOk) socket.sackedOut = 0;
  const nowUs = nowUsOf(socket.netns);
  for (
    let segment: Segment | null = head;
    segment !== null && segment !== queue.unsent;
    segment = segment.next
  ) {
    if (hasReneged) segment.marks &= ~MARK_SACKED;
    else if (
      socket.isSackOk &&
      segment !== head &&
      socket.rackRttUs - (nowUs - Math.floor(segment.sentNs / 1000)) > 0
    ) {
      continue;
    }
    markLost(socket, segment);
  }
}

/** The path MTU has shrunk: sends again at once what was too large. @source tcp_simple_retransmit() */
export function retransmitTooLarge(socket: TcpSocket): void {
  const queue = socket.sending;
  const mss = currentMss(socket);
  for (
    let segment = queue.first;
    segment !== null && segment !== queue.unsent;
    segment = segment.next
  ) {
    const bytes = segment.packets > 1 ? segment.packetBytes : dataBytesOf(segment);
    if (bytes > mss) markLost(socket, segment);
  }
  if (socket.lostOut === 0) return;
  if (!socket.isSackOk) {
    socket.sackedOut = Math.min(socket.sackedOut, Math.max(socket.packetsOut - 1, 0));
  }
  if (socket.caState !== CA_LOSS) {
    socket.highSeq = socket.sendNext;
    socket.ssthresh = currentThreshold(socket);
    socket.priorSsthresh = 0;
    socket.hasUndo = false;
    setCongestionState(socket, CA_LOSS);
  }
  transmitLost(socket);
}

/** Sends the last segment again, or a new one, to draw an answer. @source tcp_send_loss_probe() */
export function sendLossProbe(socket: TcpSocket): void {
  if (!socket.hasLossProbe && trySendLossProbe(socket)) {
    socket.hasLossProbe = true;
    socket.lossProbeHighSeq = socket.sendNext;
    socket.timerPending = TIMER_NONE;
  }
  rearmTimeout(socket);
}

function trySendLossProbe(socket: TcpSocket): boolean {
  const mss = currentMss(socket);
  const queue = socket.sending;
  socket.isLossProbeRetransmit = false;
  const { unsent } = queue;
  if (unsent !== null && !after((unsent.seq + 1) | 0, windowEnd(socket))) {
    const bytes = (unsent.endSeq - unsent.seq) | 0;
    const end = bytes > mss ? (unsent.seq + mss) | 0 : unsent.endSeq;
    if (!after(end, windowEnd(socket))) {
      const packets = socket.packetsOut;
      writeSegments(socket, mss, NAGLE_OFF, PUSH_PROBE);
      return socket.packetsOut > packets;
    }
  }
  let segment = lastSent(queue);
  if (segment === null) return false;
  const { packets } = segment;
  if (packets > 1 && dataBytesOf(segment) > (packets - 1) * mss) {
    segment = splitSentSegment(socket, segment, (packets - 1) * mss, mss);
  }
  if (!sendAgain(socket, segment, 1)) return false;
  socket.isLossProbeRetransmit = true;
  return true;
}
