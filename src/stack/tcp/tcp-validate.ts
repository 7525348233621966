/**
 * Whether a segment may be believed: timestamps (PAWS), sequence numbers, RST, SYN.
 * @source net/ipv4/tcp_input.c tcp_validate_incoming(); RFC 5961, RFC 7323
 */
import { timeNs } from '../../engine/simulator.ts';
import { TCP_ACK, TCP_RST, TCP_SYN } from '../../protocols/tcp.ts';
import { received } from './tcp-options.ts';
import { enterQuickAck, sendAck } from './tcp-output.ts';
import type { TcpSocket } from './tcp-record.ts';
import type { SegmentInfo } from './tcp-segment.ts';
import {
  after,
  before,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_LAST_ACK,
  TCP_MAX_QUICKACKS,
  TCP_SYN_RECV,
} from './tcp-states.ts';
import { remainingWindow, unreadBytes } from './tcp-window.ts';

/** What is to be done with a segment. */
export type Verdict = 'accept' | 'discard' | 'reset';

/** A recent timestamp this old (24 days) says nothing any more. */
const PAWS_EXPIRES_SECONDS = 60 * 60 * 24 * 24;
/** By how much timestamps may go back without being old. */
const PAWS_WINDOW = 1;

/** Seconds of virtual time. */
function secondOf(socket: TcpSocket): number {
  return Math.floor(timeNs(socket.netns.sim) / 1e9);
}

/** Judges a segment in any state with a connection; its options are in `received`. */
export function validateSegment(socket: TcpSocket, segment: SegmentInfo): Verdict {
  const isReset = (segment.flags & TCP_RST) !== 0;
  const isSyn = (segment.flags & TCP_SYN) !== 0;
  if (received.hasTimestamp && socket.isTimestamps && isTooOld(socket, segment)) {
    if (isSyn) {
      sendChallengeAck(socket);
      return 'discard';
    }
    if (!isReset) {
      answerUnacceptable(socket, segment);
      return 'discard';
    }
  }
  if (!isInWindow(socket, segment)) {
    if (isReset) return isResetAfterFin(socket, segment) ? 'reset' : 'discard';
    if (isSyn) sendChallengeAck(socket);
    else answerUnacceptable(socket, segment);
    return 'discard';
  }
  if (isReset) {
    if (segment.seq === socket.receiveNext || isResetAfterFin(socket, segment)) return 'reset';
    if (isAtNewestSack(socket, segment.seq)) return 'reset';
    sendChallengeAck(socket);
    return 'discard';
  }
  if (isSyn && !isCrossedSynAck(socket, segment)) {
    sendChallengeAck(socket);
    return 'discard';
  }
  return 'accept';
}

/** @source tcp_sequence() */
function isInWindow(socket: TcpSocket, segment: SegmentInfo): boolean {
  if (before(segment.endSeq, socket.receiveWup)) return false;
  const end = (socket.receiveNext + remainingWindow(socket)) | 0;
  if (!after(segment.endSeq, end)) return true;
  return !after(segment.seq, end) && unreadBytes(socket) === 0;
}

/** RST right behind the FIN that we got already. @source tcp_reset_check() */
function isResetAfterFin(socket: TcpSocket, segment: SegmentInfo): boolean {
  const { state } = socket;
  return (
    segment.seq === ((socket.receiveNext - 1) | 0) &&
    (state === TCP_CLOSE_WAIT || state === TCP_LAST_ACK || state === TCP_CLOSING)
  );
}

function isAtNewestSack(socket: TcpSocket, seq: number): boolean {
  const { ends } = socket.received;
  return socket.isSackOk && ends.length > 0 && ends[ends.length - 1] === seq;
}

function isCrossedSynAck(socket: TcpSocket, segment: SegmentInfo): boolean {
  return (
    socket.state === TCP_SYN_RECV &&
    (segment.flags & TCP_ACK) !== 0 &&
    ((segment.seq + 1) | 0) === segment.endSeq &&
    segment.endSeq === socket.receiveNext &&
    segment.ack === socket.sendNext
  );
}

/** Whether the timestamp is from the past. @source tcp_paws_check(), tcp_paws_discard() */
function isTooOld(socket: TcpSocket, segment: SegmentInfo): boolean {
  if (isTimestampFresh(socket, PAWS_WINDOW)) return false;
  return !isDisorderedAck(socket, segment);
}

function isTimestampFresh(socket: TcpSocket, window: number): boolean {
  if (!socket.hasTsRecent) return true;
  if (((socket.tsRecent - received.tsValue) | 0) <= window) return true;
  if (secondOf(socket) >= socket.tsRecentSecond + PAWS_EXPIRES_SECONDS) return true;
  return socket.tsRecent === 0;
}

/** A repeated ACK that was overtaken: harmless. @source tcp_disordered_ack() */
function isDisorderedAck(socket: TcpSocket, segment: SegmentInfo): boolean {
  return (
    (segment.flags & TCP_ACK) !== 0 &&
    segment.seq === segment.endSeq &&
    segment.seq === socket.receiveNext &&
    segment.ack === socket.sendUna &&
    segment.window * 2 ** socket.sendWindowScale === socket.sendWindow &&
    ((socket.tsRecent - received.tsValue) | 0) <= socket.rto * 4
  );
}

/** Remembers the timestamp to echo, if the segment covers what we acknowledged last. @source tcp_replace_ts_recent() */
export function replaceRecentTimestamp(socket: TcpSocket, seq: number): void {
  if (!received.hasTimestamp || after(seq, socket.receiveWup)) return;
  if (isTimestampFresh(socket, 0)) storeRecentTimestamp(socket);
}

/** Remembers the timestamp in `received` to echo. @source tcp_store_ts_recent() */
export function storeRecentTimestamp(socket: TcpSocket): void {
  socket.tsRecent = received.tsValue;
  socket.tsRecentSecond = secondOf(socket);
  socket.hasTsRecent = true;
}

/** Answers what does not fit with where we stand, not too often. @source tcp_send_dupack() */
function answerUnacceptable(socket: TcpSocket, segment: SegmentInfo): void {
  const hasData = segment.seq !== segment.endSeq;
  if (!hasData && isAnsweredTooOften(socket)) return;
  if (hasData && before(segment.seq, socket.receiveNext)) {
    enterQuickAck(socket, TCP_MAX_QUICKACKS);
    const end = before(socket.receiveNext, segment.endSeq) ? socket.receiveNext : segment.endSeq;
    setDuplicateSack(socket, segment.seq, end);
  }
  sendAck(socket);
}

/** Tells with the next ACK that [start, end) came twice. @source tcp_dsack_set() */
export function setDuplicateSack(socket: TcpSocket, start: number, end: number): void {
  if (!socket.isSackOk || socket.netns.sysctl.tcpDsack === 0) return;
  if (!before(start, end)) return;
  socket.duplicateSackStart = start;
  socket.duplicateSackEnd = end;
  socket.hasDuplicateSack = true;
}

/** @source __tcp_oow_rate_limited() */
function isAnsweredTooOften(socket: TcpSocket): boolean {
  const now = timeNs(socket.netns.sim);
  const limitNs = socket.netns.sysctl.tcpInvalidRatelimit * 1_000_000;
  if (now - socket.lastOutOfWindowAckNs < limitNs) return true;
  socket.lastOutOfWindowAckNs = now;
  return false;
}

/** Asks the peer to prove what a suspicious segment claims. @source tcp_send_challenge_ack() */
export function sendChallengeAck(socket: TcpSocket): void {
  if (isAnsweredTooOften(socket)) return;
  const table = socket.netns.tcp;
  const second = secondOf(socket);
  if (table.challengeSecond !== second) {
    table.challengeSecond = second;
    table.challengeCount = 0;
  }
  if (table.challengeCount >= socket.netns.sysctl.tcpChallengeAckLimit) return;
  table.challengeCount++;
  sendAck(socket);
}
