/**
 * Data that comes in: in order, out of order, twice; and when it is acknowledged.
 * @source net/ipv4/tcp_input.c tcp_data_queue(), __tcp_ack_snd_check()
 */
import type { DropReason } from '../../engine/drop-reason.ts';
import { wake } from '../../engine/process.ts';
import { TCP_FIN, TCP_PSH, TCP_SYN, TCP_URG } from '../../protocols/tcp.ts';
import { jiffiesOf } from '../jiffies.ts';
import { receiveFin } from './tcp-close.ts';
import {
  delayAck,
  enterQuickAck,
  isInQuickAckMode,
  isPingpong,
  raiseQuickAck,
  sendAck,
} from './tcp-output.ts';
import { nowUsOf } from './tcp-path.ts';
import {
  addRange,
  findRange,
  newestSeq,
  noteMemory,
  storeReceived,
  takeReachedRanges,
} from './tcp-receive-queue.ts';
import type { TcpSocket } from './tcp-record.ts';
import type { SegmentInfo } from './tcp-segment.ts';
import {
  ACK_NOW,
  ACK_PUSHED,
  ACK_PUSHED_TWICE,
  ACK_SCHEDULED,
  after,
  before,
  OUT_OF_ORDER_RANGES_MAX,
  TCP_ATO_MIN,
  TCP_MAX_QUICKACKS,
  TCP_MIN_MSS,
  TCP_MSS_DEFAULT,
} from './tcp-states.ts';
import { setDuplicateSack } from './tcp-validate.ts';
import {
  computeWindow,
  growWindow,
  measureReceiveRtt,
  remainingWindow,
  segmentMemory,
  setScaling,
  unreadBytes,
} from './tcp-window.ts';

/** Takes a segment's data (and FIN) in. The packet stays the caller's. */
export function queueData(socket: TcpSocket, segment: SegmentInfo): void {
  const { seq, endSeq } = segment;
  if (seq === endSeq) return;
  const window = remainingWindow(socket);
  if (!after(endSeq, socket.receiveNext)) {
    setDuplicateSack(socket, seq, endSeq);
    refuse(socket, segment, 'tcp-old-data');
    return;
  }
  if (after(seq, socket.receiveNext)) {
    const isBeyond = !before(seq, (socket.receiveNext + window) | 0);
    if (isBeyond) refuse(socket, segment, 'tcp-unacceptable');
    else queueOutOfOrder(socket, segment, window);
    return;
  }
  const isBareFin = segment.dataEnd === segment.dataStart;
  if (seq !== socket.receiveNext) setDuplicateSack(socket, seq, socket.receiveNext);
  if (window === 0 && !isBareFin) {
    refuse(socket, segment, 'socket-buffer-full');
    return;
  }
  acceptInOrder(socket, segment);
}

/** Out of the window, or nothing new: says so at once. */
function refuse(socket: TcpSocket, segment: SegmentInfo, reason: DropReason): void {
  segment.refusal = reason;
  enterQuickAck(socket, TCP_MAX_QUICKACKS);
  socket.ackPending |= ACK_SCHEDULED;
}

/** @source tcp_queue_rcv(), tcp_ofo_queue() */
function acceptInOrder(socket: TcpSocket, segment: SegmentInfo): void {
  const packet = segment.packet!;
  const queue = socket.received;
  const skip = (socket.receiveNext - segment.seq) | 0;
  const count = segment.dataEnd - segment.dataStart - skip;
  let hasFin = (segment.flags & TCP_FIN) !== 0;
  if (count > 0) {
    const newest = newestSeq(queue, socket.receiveNext);
    const from = segment.dataStart + skip;
    storeReceived(
      queue,
      socket.copiedSeq,
      newest,
      socket.receiveNext,
      packet.bytes,
      from,
      segment.dataEnd,
    );
    socket.receiveNext = (socket.receiveNext + count) | 0;
    socket.bytesReceived += count;
    const memoryBytes = memoryOf(socket, segment);
    noteMemory(queue, socket.receiveNext, memoryBytes);
    noteDataReceived(socket, segment, memoryBytes);
  }
  if (queue.starts.length > 0 && !hasFin) {
    const before = socket.receiveNext;
    let reached = takeReachedRanges(queue, before);
    if (queue.starts.length === 0) socket.ackPending |= ACK_NOW;
    // A range may end with the FIN, whose sequence number is no byte.
    if (socket.hasEarlyFin && reached === ((socket.earlyFinSeq + 1) | 0)) {
      hasFin = true;
      reached = socket.earlyFinSeq;
    }
    socket.receiveNext = reached;
    socket.bytesReceived += (reached - before) | 0;
  }
  if (hasFin) {
    socket.receiveNext = (socket.receiveNext + 1) | 0;
    receiveFin(socket);
  }
  if (!socket.isOrphan) wake(socket.waiters);
}

/** @source tcp_data_queue_ofo() */
function queueOutOfOrder(socket: TcpSocket, segment: SegmentInfo, window: number): void {
  const queue = socket.received;
  socket.ackPending |= ACK_SCHEDULED;
  const { seq } = segment;
  const room = (socket.receiveNext + window - seq) | 0;
  const count = Math.min(segment.dataEnd - segment.dataStart, room);
  let end = (seq + count) | 0;
  const hasFin = (segment.flags & TCP_FIN) !== 0 && ((end + 1) | 0) === segment.endSeq;
  if (hasFin) end = segment.endSeq;
  const inside = findRange(queue, seq);
  if (inside >= 0 && !after(end, queue.ends[inside]!)) {
    segment.refusal = 'tcp-old-data';
    setDuplicateSack(socket, seq, end);
    return;
  }
  if (inside < 0 && queue.starts.length >= OUT_OF_ORDER_RANGES_MAX) {
    segment.refusal = 'socket-buffer-full';
    return;
  }
  if (inside >= 0) setDuplicateSack(socket, seq, queue.ends[inside]!);
  storeReceived(
    queue,
    socket.copiedSeq,
    newestSeq(queue, socket.receiveNext),
    seq,
    segment.packet!.bytes,
    segment.dataStart,
    segment.dataStart + count,
  );
  addRange(queue, seq, end);
  noteMemory(queue, end, memoryOf(socket, segment));
  if (hasFin) {
    socket.hasEarlyFin = true;
    socket.earlyFinSeq = (end - 1) | 0;
  }
}

function memoryOf(socket: TcpSocket, segment: SegmentInfo): number {
  const isPushed = (segment.flags & TCP_PSH) !== 0;
  return segmentMemory(socket, segment.dataEnd - segment.dataStart, isPushed);
}

/** @source tcp_event_data_recv() */
function noteDataReceived(socket: TcpSocket, segment: SegmentInfo, memoryBytes: number): void {
  socket.ackPending |= ACK_SCHEDULED;
  measureReceiveMss(socket, segment, memoryBytes);
  measureReceiveRtt(socket, nowUsOf(socket.netns));
  const now = jiffiesOf(socket.netns.sim);
  if (socket.ackAto === 0) {
    raiseQuickAck(socket, TCP_MAX_QUICKACKS);
    socket.ackAto = TCP_ATO_MIN;
  } else {
    const gap = now - socket.ackLastReceive;
    if (gap <= TCP_ATO_MIN / 2) {
      socket.ackAto = (socket.ackAto >> 1) + TCP_ATO_MIN / 2;
    } else if (gap < socket.ackAto) {
      socket.ackAto = Math.min((socket.ackAto >> 1) + gap, socket.rto);
    } else if (gap > socket.rto) {
      raiseQuickAck(socket, TCP_MAX_QUICKACKS);
    }
  }
  socket.ackLastReceive = now;
  const dataBytes = segment.dataEnd - segment.dataStart;
  if (dataBytes >= 128) growWindow(socket, dataBytes, memoryBytes);
}

/** Learns how large the peer's segments are. @source tcp_measure_rcv_mss() */
function measureReceiveMss(socket: TcpSocket, segment: SegmentInfo, memoryBytes: number): void {
  const lastBytes = socket.ackLastSegmentBytes;
  socket.ackLastSegmentBytes = 0;
  const dataBytes = segment.dataEnd - segment.dataStart;
  if (dataBytes >= socket.receiveMss) {
    if (dataBytes !== socket.receiveMss) setScaling(socket, dataBytes, memoryBytes);
    socket.receiveMss = Math.min(dataBytes, socket.advertisedMss);
    if ((segment.flags & TCP_PSH) !== 0) socket.ackPending |= ACK_PUSHED;
    return;
  }
  const withHeader = dataBytes + segment.headerBytes;
  const isRemnant = (segment.flags & (TCP_FIN | TCP_URG | TCP_SYN | TCP_PSH)) !== 0;
  if (withHeader >= TCP_MSS_DEFAULT + 20 || (withHeader >= TCP_MIN_MSS + 20 && !isRemnant)) {
    const bytes = withHeader - socket.headerBytes;
    socket.ackLastSegmentBytes = bytes;
    if (bytes === lastBytes) {
      socket.receiveMss = bytes;
      return;
    }
  }
  if ((socket.ackPending & ACK_PUSHED) !== 0) socket.ackPending |= ACK_PUSHED_TWICE;
  socket.ackPending |= ACK_PUSHED;
}

/** Acknowledges what came, now or later. @source tcp_ack_snd_check(), __tcp_ack_snd_check() */
export function acknowledge(socket: TcpSocket): void {
  if ((socket.ackPending & ACK_SCHEDULED) === 0) return;
  const isFullFrame =
    ((socket.receiveNext - socket.receiveWup) | 0) > socket.receiveMss &&
    (unreadBytes(socket) < 1 || computeWindow(socket) >= socket.receiveWindow);
  if (isFullFrame || isInQuickAckMode(socket) || (socket.ackPending & ACK_NOW) !== 0) {
    // While a process has the socket locked, one ACK at the end of the backlog will do.
    if (socket.isOwned) socket.isAckDeferred = true;
    else sendAck(socket);
    return;
  }
  if (socket.received.starts.length === 0) delayAck(socket);
  else sendAck(socket);
}

/** The program has read: is the peer to be told of the room? @source __tcp_cleanup_rbuf() */
export function acknowledgeRead(socket: TcpSocket, copiedBytes: number): void {
  let isDue = false;
  const { ackPending } = socket;
  if ((ackPending & ACK_SCHEDULED) !== 0) {
    const isPushed =
      (ackPending & ACK_PUSHED_TWICE) !== 0 ||
      ((ackPending & ACK_PUSHED) !== 0 && !isPingpong(socket));
    isDue =
      ((socket.receiveNext - socket.receiveWup) | 0) > socket.receiveMss ||
      (copiedBytes > 0 && isPushed && unreadBytes(socket) === 0);
  }
  if (copiedBytes > 0 && !isDue && (socket.shutdown & 1) === 0) {
    const current = remainingWindow(socket);
    if (2 * current <= socket.windowClamp) {
      const window = computeWindow(socket);
      if (window > 0 && window >= 2 * current) isDue = true;
    }
  }
  if (isDue) sendAck(socket);
}
