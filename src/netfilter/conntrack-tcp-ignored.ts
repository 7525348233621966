/**
 * Segments that the TCP tracker lets by unjudged because its own picture may be the wrong one, and
 * how it gets back in step with the two ends.
 * @source net/netfilter/nf_conntrack_proto_tcp.c nf_conntrack_tcp_packet(), case IGNORE (Linux 6.1)
 */
import { tcpAcknowledgment, tcpSequence, tcpWindow } from '../protocols/tcp.ts';
import {
  DIRECTION_ORIGINAL,
  DIRECTION_REPLY,
  type TcpSide,
  type TcpTrack,
} from './conntrack-flow.ts';
import {
  KIND_ACK,
  KIND_SYN,
  KIND_SYNACK,
  TCP_LAST_ACK,
  TCP_SYN_SENT,
} from './conntrack-tcp-states.ts';
import {
  readTcpOptions,
  resetTcpSide,
  TCP_CHALLENGE_ACK_EXPECTED,
  TCP_SACK_PERMITTED,
  TCP_WINDOW_SCALED,
  tcpSegmentEnd,
} from './conntrack-tcp-window.ts';

/** Whether client and server are in step and only we are not. */
export function isAnswerToIgnoredSyn(
  track: TcpTrack,
  kind: number,
  direction: number,
  acknowledgment: number,
): boolean {
  return (
    kind === KIND_SYNACK &&
    track.lastIndex === KIND_SYN &&
    track.lastDirection !== direction &&
    acknowledgment === track.lastEnd
  );
}

/** Takes over what was noted of the ignored SYN. */
export function resynchronise(track: TcpTrack, direction: number): void {
  const isReply = direction === DIRECTION_REPLY;
  const client = isReply ? track.original : track.reply;
  const server = isReply ? track.reply : track.original;
  client.end = track.lastEnd;
  client.maxEnd = track.lastEnd;
  client.maxWindow = track.lastWindow === 0 ? 1 : track.lastWindow;
  client.windowScale = track.lastWindowScale;
  track.lastFlags &= ~TCP_CHALLENGE_ACK_EXPECTED;
  client.flags = track.lastFlags;
  resetTcpSide(server);
}

/** Scratch for the options of a SYN that is let by. */
const ignoredSide: TcpSide = {
  end: 0,
  maxEnd: 0,
  maxWindow: 0,
  maxAck: 0,
  windowScale: 0,
  flags: 0,
};

/** Remembers what an ignored segment said, for when it turns out to have been right. */
export function noteIgnored(
  track: TcpTrack,
  bytes: Uint8Array,
  tcp: number,
  end: number,
  kind: number,
  direction: number,
): void {
  const { state } = track;
  track.lastIndex = kind;
  track.lastDirection = direction;
  track.lastSequence = tcpSequence(bytes, tcp);
  track.lastEnd = tcpSegmentEnd(bytes, tcp, end);
  track.lastWindow = tcpWindow(bytes, tcp);
  if (kind === KIND_SYN && direction === DIRECTION_ORIGINAL) {
    ignoredSide.windowScale = 0;
    ignoredSide.flags = 0;
    readTcpOptions(bytes, tcp, end, ignoredSide);
    track.lastFlags = ignoredSide.flags & (TCP_WINDOW_SCALED | TCP_SACK_PERMITTED);
    track.lastWindowScale = ignoredSide.windowScale;
    // The answer may be a challenge, which must not pass for the acknowledgment of the last FIN.
    if (state === TCP_LAST_ACK) track.lastFlags |= TCP_CHALLENGE_ACK_EXPECTED;
  }
  if (state === TCP_SYN_SENT && kind === KIND_ACK && direction === DIRECTION_REPLY) {
    track.lastAck = tcpAcknowledgment(bytes, tcp);
  }
}

/** Whether an ACK in LAST_ACK answers a SYN that was let by, and not the last FIN (RFC 5961). */
export function isChallengeAck(
  track: TcpTrack,
  before: number,
  kind: number,
  direction: number,
): boolean {
  return (
    before === TCP_LAST_ACK &&
    kind === KIND_ACK &&
    track.lastDirection !== direction &&
    track.lastIndex === KIND_SYN &&
    (track.lastFlags & TCP_CHALLENGE_ACK_EXPECTED) !== 0
  );
}
