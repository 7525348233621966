/**
 * Window tracking: what each side of a TCP connection may send and acknowledge, seen from the middle.
 *
 *     sequence                 <= sender.maxEnd                       (what the receiver offered)
 *     sequence + length        >= sender.end - receiver.maxWindow     (not too old)
 *     acknowledgment (or SACK) <= receiver.end                        (of data that was seen)
 *     acknowledgment (or SACK) >= receiver.end - 66000 or more        (not too old)
 *
 * @source net/netfilter/nf_conntrack_proto_tcp.c tcp_in_window() (Linux 6.1), after Guido van Rooij,
 *   "Real Stateful TCP Packet Filtering in IP Filter"
 */
import { readInt32 } from '../protocols/bytes.ts';
import {
  TCP_ACK,
  TCP_BYTES,
  TCP_FIN,
  TCP_OPTION_END,
  TCP_OPTION_NOP,
  TCP_OPTION_SACK,
  TCP_OPTION_SACK_PERMITTED,
  TCP_OPTION_WINDOW_SCALE,
  TCP_RST,
  TCP_SYN,
  tcpAcknowledgment,
  tcpFlags,
  tcpHeaderBytes,
  tcpSequence,
  tcpWindow,
} from '../protocols/tcp.ts';
import {
  DIRECTION_ORIGINAL,
  DIRECTION_REPLY,
  type TcpSide,
  type TcpTrack,
} from './conntrack-flow.ts';

/** Bits of TcpSide.flags. @source include/uapi/linux/netfilter/nf_conntrack_tcp.h */
export const TCP_WINDOW_SCALED = 0x01;
export const TCP_SACK_PERMITTED = 0x02;
export const TCP_CLOSE_INIT = 0x04;
export const TCP_LIBERAL = 0x08;
export const TCP_DATA_UNACKNOWLEDGED = 0x10;
export const TCP_MAX_ACK_SET = 0x20;
export const TCP_CHALLENGE_ACK_EXPECTED = 0x40;
export const TCP_SIMULTANEOUS_OPEN = 0x80;

/** The verdicts of isTcpInWindow. */
export const TCP_IN_WINDOW = 1;
/** Not to be believed, but harmless: passes, changes nothing. */
export const TCP_BESIDE_WINDOW = 2;
export const TCP_OUT_OF_WINDOW = 0;

const MAX_WINDOW_SCALE = 14;
/** How far behind an acknowledgment may be. */
const MAX_ACK_WINDOW = 66000;
/** SYN_SENT and SYN_RECV of conntrack-tcp.ts. */
const STATE_SYN_SENT = 1;
const STATE_SYN_RECV = 2;

/** The sequence number behind the segment bytes[tcp, end): SYN and FIN count as one. */
export function tcpSegmentEnd(bytes: Uint8Array, tcp: number, end: number): number {
  const flags = tcpFlags(bytes, tcp);
  const length = end - tcp - tcpHeaderBytes(bytes, tcp);
  const marks = ((flags & TCP_SYN) !== 0 ? 1 : 0) + ((flags & TCP_FIN) !== 0 ? 1 : 0);
  return (tcpSequence(bytes, tcp) + length + marks) | 0;
}

/** Reads window scale and SACK-permitted of a SYN into the side that sent it. */
export function readTcpOptions(bytes: Uint8Array, tcp: number, end: number, side: TcpSide): void {
  const optionsEnd = Math.min(tcp + tcpHeaderBytes(bytes, tcp), end);
  let at = tcp + TCP_BYTES;
  if (at >= optionsEnd) return;
  side.windowScale = 0;
  side.flags &= TCP_LIBERAL;
  while (at < optionsEnd) {
    const kind = bytes[at]!;
    if (kind === TCP_OPTION_END) return;
    if (kind === TCP_OPTION_NOP) {
      at++;
      continue;
    }
    if (at + 2 > optionsEnd) return;
    const size = bytes[at + 1]!;
    if (size < 2 || at + size > optionsEnd) return;
    if (kind === TCP_OPTION_SACK_PERMITTED && size === 2) {
      side.flags |= TCP_SACK_PERMITTED;
    } else if (kind === TCP_OPTION_WINDOW_SCALE && size === 3) {
      side.windowScale = Math.min(bytes[at + 2]!, MAX_WINDOW_SCALE);
      side.flags |= TCP_WINDOW_SCALED;
    }
    at += size;
  }
}

/** The highest right edge of the SACK blocks, or `acknowledgment` if it is higher. */
function highestSack(bytes: Uint8Array, tcp: number, end: number, acknowledgment: number): number {
  const optionsEnd = Math.min(tcp + tcpHeaderBytes(bytes, tcp), end);
  let highest = acknowledgment;
  let at = tcp + TCP_BYTES;
  // Timestamps alone, as in almost every segment: NOP, NOP, kind 8, size 10.
  if (optionsEnd - at === 12 && readInt32(bytes, at) === 0x0101080a) return highest;
  while (at < optionsEnd) {
    const kind = bytes[at]!;
    if (kind === TCP_OPTION_END) break;
    if (kind === TCP_OPTION_NOP) {
      at++;
      continue;
    }
    if (at + 2 > optionsEnd) break;
    const size = bytes[at + 1]!;
    if (size < 2 || at + size > optionsEnd) break;
    if (kind === TCP_OPTION_SACK && size >= 10 && (size - 2) % 8 === 0) {
      for (let block = at + 2; block < at + size; block += 8) {
        const right = readInt32(bytes, block + 4);
        if (isAfter(right, highest)) highest = right;
      }
      break;
    }
    at += size;
  }
  return highest;
}

function isAfter(a: number, b: number): boolean {
  return ((b - a) | 0) < 0;
}

/** Forgets what is known of a side, but for how to judge it. */
export function resetTcpSide(side: TcpSide): void {
  side.end = 0;
  side.maxEnd = 0;
  side.maxWindow = 0;
  side.maxAck = 0;
  side.windowScale = 0;
  side.flags &= TCP_LIBERAL;
}

/** A SYN or SYN-ACK: the sender's numbers begin here. @source tcp_init_sender() */
function beginSide(
  sender: TcpSide,
  receiver: TcpSide,
  bytes: Uint8Array,
  tcp: number,
  end: number,
  direction: number,
): void {
  const window = tcpWindow(bytes, tcp);
  sender.end = tcpSegmentEnd(bytes, tcp, end);
  sender.maxEnd = sender.end;
  sender.maxWindow = window === 0 ? 1 : window;
  readTcpOptions(bytes, tcp, end, sender);
  const isScaled = (sender.flags & receiver.flags & TCP_WINDOW_SCALED) !== 0;
  if (direction === DIRECTION_REPLY && !isScaled) {
    sender.windowScale = 0;
    receiver.windowScale = 0;
  }
}

/** A connection whose beginning we did not see: guess from this segment. */
function guessSide(
  sender: TcpSide,
  receiver: TcpSide,
  segmentEnd: number,
  window: number,
  sack: number,
): void {
  const scaled = window << sender.windowScale;
  sender.end = segmentEnd;
  sender.maxWindow = scaled === 0 ? 1 : scaled;
  sender.maxEnd = (segmentEnd + sender.maxWindow) | 0;
  if (receiver.maxWindow === 0) {
    receiver.end = sack;
    receiver.maxEnd = sack;
  } else if (sack === ((receiver.end + 1) | 0)) {
    receiver.end = sack; // the answer to a keepalive
  }
}

/**
 * Judges the segment bytes[tcp, end) and, if it is in the window, learns from it.
 * @param isAck neither SYN, FIN nor RST.
 * @returns TCP_IN_WINDOW, TCP_BESIDE_WINDOW or TCP_OUT_OF_WINDOW.
 */
export function isTcpInWindow(
  track: TcpTrack,
  bytes: Uint8Array,
  tcp: number,
  end: number,
  isAck: boolean,
  direction: number,
  isLiberal: boolean,
): number {
  const isOriginal = direction === DIRECTION_ORIGINAL;
  const sender = isOriginal ? track.original : track.reply;
  const receiver = isOriginal ? track.reply : track.original;
  const flags = tcpFlags(bytes, tcp);
  const isSyn = (flags & TCP_SYN) !== 0;
  const hasAck = (flags & TCP_ACK) !== 0;
  let sequence = tcpSequence(bytes, tcp);
  let segmentEnd = tcpSegmentEnd(bytes, tcp, end);
  let ack = tcpAcknowledgment(bytes, tcp);
  let sack = ack;
  const window = tcpWindow(bytes, tcp);
  if ((receiver.flags & TCP_SACK_PERMITTED) !== 0) sack = highestSack(bytes, tcp, end, ack);

  if (sender.maxWindow === 0) {
    if (isSyn) {
      beginSide(sender, receiver, bytes, tcp, end, direction);
      if (!hasAck) return TCP_IN_WINDOW; // simultaneous open
    } else {
      guessSide(sender, receiver, segmentEnd, window, sack);
    }
  } else if (
    isSyn &&
    isAfter(segmentEnd, sender.end) &&
    (track.state === STATE_SYN_SENT || track.state === STATE_SYN_RECV)
  ) {
    beginSide(sender, receiver, bytes, tcp, end, direction);
    if (!isOriginal && !hasAck) return TCP_IN_WINDOW;
  }

  if (!hasAck || ((flags & TCP_RST) !== 0 && ack === 0)) {
    ack = receiver.end;
    sack = ack;
  }
  if ((flags & TCP_RST) !== 0 && sequence === 0 && track.state === STATE_SYN_SENT) {
    sequence = sender.end; // the answer to a SYN
    segmentEnd = sender.end;
  }

  const outside = verdictOutside(sender, receiver, sequence, segmentEnd, sack);
  if (outside !== TCP_IN_WINDOW) {
    // A mild judge lets it count as in the window, but learns nothing from it.
    return isLiberal || (sender.flags & TCP_LIBERAL) !== 0 ? TCP_IN_WINDOW : outside;
  }
  learnWindow(
    sender,
    receiver,
    segmentEnd,
    ack,
    sack,
    isSyn ? window : window << sender.windowScale,
    hasAck,
  );
  if (isAck) countRetransmission(track, direction, sequence, ack, segmentEnd, window);
  return TCP_IN_WINDOW;
}

/** The four bounds. TCP_IN_WINDOW: the segment is within all. */
function verdictOutside(
  sender: TcpSide,
  receiver: TcpSide,
  sequence: number,
  segmentEnd: number,
  sack: number,
): number {
  const ackWindow = sender.maxWindow > MAX_ACK_WINDOW ? sender.maxWindow : MAX_ACK_WINDOW;
  const isAckNew = isAfter(sack, (receiver.end - ackWindow - 1) | 0);
  const isAckSeen = isAfter((receiver.end + 1) | 0, sack);
  const isDataNew = isAfter(segmentEnd, (sender.end - receiver.maxWindow - 1) | 0);
  if (!isAfter((sender.maxEnd + 1) | 0, sequence)) {
    const overshoot = (segmentEnd - sender.maxEnd + 1) >>> 0;
    const isSmall = receiver.maxWindow !== 0 && overshoot <= receiver.maxWindow;
    if (isSmall && isDataNew && isAckNew && isAckSeen) {
      sender.end = segmentEnd; // the peer may acknowledge it all the same
      sender.flags |= TCP_DATA_UNACKNOWLEDGED;
      return TCP_BESIDE_WINDOW;
    }
    return TCP_OUT_OF_WINDOW;
  }
  if (!isAckSeen) return TCP_OUT_OF_WINDOW;
  if (receiver.maxWindow !== 0 && !isDataNew) return TCP_BESIDE_WINDOW;
  return isAckNew ? TCP_IN_WINDOW : TCP_BESIDE_WINDOW;
}

function learnWindow(
  sender: TcpSide,
  receiver: TcpSide,
  segmentEnd: number,
  ack: number,
  sack: number,
  window: number,
  hasAck: boolean,
): void {
  const offered = window + ((sack - ack) | 0);
  if (sender.maxWindow < offered) sender.maxWindow = offered;
  if (isAfter(segmentEnd, sender.end)) {
    sender.end = segmentEnd;
    sender.flags |= TCP_DATA_UNACKNOWLEDGED;
  }
  if (hasAck) {
    if ((sender.flags & TCP_MAX_ACK_SET) === 0) {
      sender.maxAck = ack;
      sender.flags |= TCP_MAX_ACK_SET;
    } else if (isAfter(ack, sender.maxAck)) {
      sender.maxAck = ack;
    }
  }
  if (receiver.maxWindow !== 0 && isAfter(segmentEnd, sender.maxEnd)) {
    receiver.maxWindow += (segmentEnd - sender.maxEnd) | 0;
  }
  const right = (sack + window) | 0;
  if (isAfter(right, (receiver.maxEnd - 1) | 0)) {
    receiver.maxEnd = window === 0 ? (right + 1) | 0 : right;
  }
  if (ack === receiver.end) receiver.flags &= ~TCP_DATA_UNACKNOWLEDGED;
}

function countRetransmission(
  track: TcpTrack,
  direction: number,
  sequence: number,
  ack: number,
  segmentEnd: number,
  window: number,
): void {
  if (
    track.lastDirection === direction &&
    track.lastSequence === sequence &&
    track.lastAck === ack &&
    track.lastEnd === segmentEnd &&
    track.lastWindow === window
  ) {
    track.retransmitCount++;
    return;
  }
  track.lastDirection = direction;
  track.lastSequence = sequence;
  track.lastAck = ack;
  track.lastEnd = segmentEnd;
  track.lastWindow = window;
  track.retransmitCount = 0;
}
