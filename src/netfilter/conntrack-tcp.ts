/**
 * The TCP tracker: state table, window tracking, timeouts.
 *
 * A packet is looked at as one passing by would: what it says of the side that sent it, and what
 * that lets the other side do. "In window" is generous, as in Linux: a segment must touch what the
 * receiver may take, and its acknowledgment must be of data that was seen.
 * @source net/netfilter/nf_conntrack_proto_tcp.c (Linux 6.1)
 */
import type { Packet } from '../engine/packet.ts';
import { ipHeaderBytes, ipTotalBytes } from '../protocols/ipv4.ts';
import {
  TCP_BYTES,
  tcpAcknowledgment,
  tcpFlags,
  tcpHeaderBytes,
  tcpSequence,
  tcpWindow,
} from '../protocols/tcp.ts';
import {
  DIRECTION_ORIGINAL,
  DIRECTION_REPLY,
  directionOf,
  FLOW_ASSURED,
  FLOW_CONFIRMED,
  FLOW_SEEN_REPLY,
  type Flow,
  type TcpSide,
  type TcpTrack,
} from './conntrack-flow.ts';
import { TIMEOUT_RETRANSMITTED, TIMEOUT_UNACKNOWLEDGED } from './conntrack-settings.ts';
import { type Conntrack, killFlow, nowTicks, TICKS_PER_SEC } from './conntrack-table.ts';
import {
  isAnswerToIgnoredSyn,
  isChallengeAck,
  noteIgnored,
  resynchronise,
} from './conntrack-tcp-ignored.ts';
import {
  areTcpFlagsValid,
  KIND_ACK,
  KIND_FIN,
  KIND_NONE,
  KIND_RST,
  KIND_SYN,
  nextTcpState,
  TCP_CLOSE,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT,
  TCP_NONE,
  TCP_STATE_COUNT,
  TCP_STATE_IGNORE,
  TCP_STATE_INVALID,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_SYN_SENT2,
  TCP_TIME_WAIT,
  tcpKindOf,
} from './conntrack-tcp-states.ts';
import {
  isTcpInWindow,
  readTcpOptions,
  TCP_CHALLENGE_ACK_EXPECTED,
  TCP_CLOSE_INIT,
  TCP_DATA_UNACKNOWLEDGED,
  TCP_IN_WINDOW,
  TCP_LIBERAL,
  TCP_MAX_ACK_SET,
  TCP_OUT_OF_WINDOW,
  TCP_SACK_PERMITTED,
  TCP_SIMULTANEOUS_OPEN,
  tcpSegmentEnd,
} from './conntrack-tcp-window.ts';

/** The tracker's verdict on a packet. */
export const TRACK_ACCEPT = 1;
/** The packet does not belong to the flow (ctstate INVALID). */
export const TRACK_INVALID = 0;
/** The flow is over and was taken out: look again, a new one begins. */
export const TRACK_REPEAT = 2;

/**
 * Takes a segment of a flow into account. Sets the state, the timeout and ASSURED.
 * @source nf_conntrack_tcp_packet()
 */
export function trackTcp(conntrack: Conntrack, flow: Flow, packet: Packet, info: number): number {
  const { bytes, network } = packet;
  const tcp = network + ipHeaderBytes(bytes, network);
  const end = network + ipTotalBytes(bytes, network);
  if (end > packet.end || end - tcp < TCP_BYTES) return TRACK_INVALID;
  const headerBytes = tcpHeaderBytes(bytes, tcp);
  if (headerBytes < TCP_BYTES || end - tcp < headerBytes) return TRACK_INVALID;
  const flags = tcpFlags(bytes, tcp);
  if (!areTcpFlagsValid(flags)) return TRACK_INVALID;

  const kind = tcpKindOf(flags);
  if ((flow.status & FLOW_CONFIRMED) === 0 && !beginTcp(conntrack, flow, bytes, tcp, end)) {
    return TRACK_INVALID;
  }
  const direction = directionOf(info);
  return advance(conntrack, flow, bytes, tcp, end, kind, direction);
}

/**
 * The first segment of a flow: what its sender is now known to have sent and to take.
 * False: nothing begins with it.
 * @source tcp_new()
 */
function beginTcp(
  conntrack: Conntrack,
  flow: Flow,
  bytes: Uint8Array,
  tcp: number,
  end: number,
): boolean {
  const state = nextTcpState(DIRECTION_ORIGINAL, tcpKindOf(tcpFlags(bytes, tcp)), TCP_NONE);
  if (state >= TCP_STATE_COUNT) return false;
  if (state !== TCP_SYN_SENT && conntrack.settings.tcpLoose === 0) return false;
  const track = flow.tcp;
  clearTrack(track);
  const side = track.original;
  const window = tcpWindow(bytes, tcp);
  side.end = tcpSegmentEnd(bytes, tcp, end);
  side.maxWindow = window === 0 ? 1 : window;
  side.maxEnd = side.end;
  if (state === TCP_SYN_SENT) {
    readTcpOptions(bytes, tcp, end, side);
  } else {
    side.maxEnd = (side.end + side.maxWindow) | 0;
    // The window scale was agreed on before we came: judge mildly.
    side.flags = TCP_SACK_PERMITTED | TCP_LIBERAL;
    track.reply.flags = TCP_SACK_PERMITTED | TCP_LIBERAL;
  }
  track.lastIndex = KIND_NONE;
  return true;
}

function advance(
  conntrack: Conntrack,
  flow: Flow,
  bytes: Uint8Array,
  tcp: number,
  end: number,
  kind: number,
  direction: 0 | 1,
): number {
  const track = flow.tcp;
  const before = track.state;
  let after = nextTcpState(direction, kind, before);
  let isBelieved = false;

  if (after === TCP_STATE_INVALID) return TRACK_INVALID;
  if (after === TCP_SYN_SENT && before >= TCP_TIME_WAIT) {
    if (isReopened(track, direction)) {
      killFlow(conntrack, flow);
      return TRACK_REPEAT;
    }
    after = TCP_STATE_IGNORE;
  }
  if (after === TCP_STATE_IGNORE) {
    if (!isAnswerToIgnoredSyn(track, kind, direction, tcpAcknowledgment(bytes, tcp))) {
      noteIgnored(track, bytes, tcp, end, kind, direction);
      return TRACK_ACCEPT;
    }
    resynchronise(track, direction);
    return judge(
      conntrack,
      flow,
      bytes,
      tcp,
      end,
      kind,
      direction,
      TCP_SYN_SENT,
      TCP_SYN_RECV,
      false,
    );
  }
  if (after === TCP_TIME_WAIT) {
    if (isChallengeAck(track, before, kind, direction)) {
      track.lastFlags &= ~TCP_CHALLENGE_ACK_EXPECTED;
      return TRACK_ACCEPT;
    }
  } else if (after === TCP_SYN_SENT2) {
    track.lastFlags |= TCP_SIMULTANEOUS_OPEN;
  } else if (after === TCP_SYN_RECV) {
    const isSimultaneous = (track.lastFlags & TCP_SIMULTANEOUS_OPEN) !== 0;
    if (direction === DIRECTION_REPLY && kind === KIND_ACK && isSimultaneous) {
      after = TCP_ESTABLISHED;
    }
  } else if (after === TCP_CLOSE && kind === KIND_RST) {
    after = stateAfterReset(conntrack, flow, bytes, tcp, direction);
    if (after === TCP_STATE_INVALID) return TRACK_INVALID;
    isBelieved = after === TCP_STATE_IGNORE; // skip the window check
    if (isBelieved) after = TCP_CLOSE;
  }
  return judge(conntrack, flow, bytes, tcp, end, kind, direction, before, after, isBelieved);
}

/** Whether a SYN on a closed connection begins another one. */
function isReopened(track: TcpTrack, direction: number): boolean {
  if (((track.original.flags | track.reply.flags) & TCP_CLOSE_INIT) !== 0) return true;
  return track.lastDirection === direction && track.lastIndex === KIND_RST;
}

/**
 * What a RST does: the state after it, INVALID if it is not to be believed, or IGNORE if it is
 * believed whatever the window says.
 * @source nf_conntrack_tcp_packet(), case TCP_CONNTRACK_CLOSE
 */
function stateAfterReset(
  conntrack: Conntrack,
  flow: Flow,
  bytes: Uint8Array,
  tcp: number,
  direction: number,
): number {
  const track = flow.tcp;
  const before = track.state;
  if (before >= TCP_FIN_WAIT && before <= TCP_CLOSE) return TCP_STATE_IGNORE;
  const other = direction === DIRECTION_ORIGINAL ? track.reply : track.original;
  const sequence = tcpSequence(bytes, tcp);
  let after = TCP_CLOSE;
  if ((other.flags & TCP_MAX_ACK_SET) !== 0 && track.lastIndex !== KIND_SYN) {
    const isEstablished = before === TCP_ESTABLISHED && (flow.status & FLOW_ASSURED) !== 0;
    if (sequence === 0 && !isEstablished) return after;
    if (((sequence - other.maxAck) | 0) < 0 && conntrack.settings.tcpIgnoreInvalidRst === 0) {
      return TCP_STATE_INVALID;
    }
    if (!isEstablished || sequence === other.maxAck) return after;
    const followsData = track.lastIndex === KIND_ACK && track.lastDirection === direction;
    if (followsData && sequence === track.lastEnd) return after;
    after = before; // the peer may answer with a challenge
  }
  const hasSeenReply = (flow.status & FLOW_SEEN_REPLY) !== 0;
  const isAssured = (flow.status & FLOW_ASSURED) !== 0;
  const answersIgnored =
    (hasSeenReply && track.lastIndex === KIND_SYN) || (!isAssured && track.lastIndex === KIND_ACK);
  const isFromOther = track.lastDirection !== direction;
  if (answersIgnored && isFromOther && tcpAcknowledgment(bytes, tcp) === track.lastEnd) {
    return TCP_STATE_IGNORE;
  }
  if (
    before === TCP_SYN_SENT &&
    track.lastIndex === KIND_ACK &&
    track.lastDirection === DIRECTION_REPLY &&
    sequence === track.lastAck
  ) {
    return TCP_STATE_IGNORE;
  }
  return after;
}

/** The window check, then the new state, its timeout, ASSURED. */
function judge(
  conntrack: Conntrack,
  flow: Flow,
  bytes: Uint8Array,
  tcp: number,
  end: number,
  kind: number,
  direction: 0 | 1,
  before: number,
  after: number,
  isBelieved: boolean,
): number {
  const track = flow.tcp;
  if (!isBelieved) {
    const isLiberal = conntrack.settings.tcpBeLiberal !== 0;
    const verdict = isTcpInWindow(track, bytes, tcp, end, kind === KIND_ACK, direction, isLiberal);
    if (verdict === TCP_OUT_OF_WINDOW) {
      shortenInvalid(conntrack, flow, kind, direction);
      return TRACK_INVALID;
    }
    if (verdict !== TCP_IN_WINDOW) return TRACK_ACCEPT;
  }
  track.lastIndex = kind;
  track.lastDirection = direction;
  track.state = after;
  if (before !== after && after === TCP_FIN_WAIT) {
    const side = direction === DIRECTION_ORIGINAL ? track.original : track.reply;
    side.flags |= TCP_CLOSE_INIT;
  }
  settle(conntrack, flow, kind, before, after);
  return TRACK_ACCEPT;
}

/** Timeout and ASSURED after an accepted segment. */
function settle(
  conntrack: Conntrack,
  flow: Flow,
  kind: number,
  before: number,
  after: number,
): void {
  const timeouts = conntrack.settings.tcpTimeouts;
  let seconds = tcpTimeoutSeconds(conntrack, flow.tcp, kind, after);
  if ((flow.status & FLOW_SEEN_REPLY) === 0) {
    if (kind === KIND_RST) {
      killFlow(conntrack, flow);
      return;
    }
    // A repeated SYN does not prolong the flow, or a port that is used again would keep it for ever.
    if (kind === KIND_SYN && before === TCP_SYN_SENT) return;
    if (after === TCP_ESTABLISHED) seconds = Math.min(seconds, timeouts[TIMEOUT_UNACKNOWLEDGED]!);
  } else if (
    (flow.status & FLOW_ASSURED) === 0 &&
    (before === TCP_SYN_RECV || before === TCP_ESTABLISHED) &&
    after === TCP_ESTABLISHED
  ) {
    flow.status |= FLOW_ASSURED;
  }
  refreshFlow(conntrack, flow, seconds);
}

function tcpTimeoutSeconds(
  conntrack: Conntrack,
  track: TcpTrack,
  kind: number,
  state: number,
): number {
  const { tcpTimeouts, tcpMaxRetrans } = conntrack.settings;
  const usual = tcpTimeouts[state]!;
  const retransmitted = tcpTimeouts[TIMEOUT_RETRANSMITTED]!;
  const unacknowledged = tcpTimeouts[TIMEOUT_UNACKNOWLEDGED]!;
  if (track.retransmitCount >= tcpMaxRetrans && usual > retransmitted) return retransmitted;
  if (kind === KIND_RST) return tcpTimeouts[TCP_CLOSE]!;
  const flags = track.original.flags | track.reply.flags;
  if ((flags & TCP_DATA_UNACKNOWLEDGED) !== 0 && usual > unacknowledged) return unacknowledged;
  if (track.lastWindow === 0 && usual > retransmitted) return retransmitted;
  return usual;
}

/** Lets the flow live for this long from now (from its confirmation if it is yet to come). */
export function refreshFlow(conntrack: Conntrack, flow: Flow, seconds: number): void {
  const ticks = seconds * TICKS_PER_SEC;
  const isConfirmed = (flow.status & FLOW_CONFIRMED) !== 0;
  flow.timeoutTicks = isConfirmed ? nowTicks(conntrack.netns.sim) + ticks : ticks;
}

/**
 * A FIN or RST out of the window, answered by another: the ends know more than we, so the flow
 * shall not stay for days.
 * @source nf_tcp_handle_invalid()
 */
function shortenInvalid(conntrack: Conntrack, flow: Flow, kind: number, direction: number): void {
  if ((flow.status & FLOW_ASSURED) === 0) return;
  if (kind !== KIND_RST && kind !== KIND_FIN) return;
  const track = flow.tcp;
  const lastWasEnd = track.lastIndex === KIND_FIN || track.lastIndex === KIND_RST;
  if (track.lastDirection === direction || !lastWasEnd) {
    track.lastIndex = kind;
    track.lastDirection = direction;
    return;
  }
  const now = nowTicks(conntrack.netns.sim);
  const left = flow.timeoutTicks - now;
  const limit = conntrack.settings.tcpTimeouts[TIMEOUT_UNACKNOWLEDGED]! * TICKS_PER_SEC;
  if (left >= 120 * TICKS_PER_SEC && left > limit) flow.timeoutTicks = now + limit;
}

function clearTrack(track: TcpTrack): void {
  clearSide(track.original);
  clearSide(track.reply);
  track.state = TCP_NONE;
  track.lastDirection = 0;
  track.retransmitCount = 0;
  track.lastIndex = 0;
  track.lastSequence = 0;
  track.lastAck = 0;
  track.lastEnd = 0;
  track.lastWindow = 0;
  track.lastWindowScale = 0;
  track.lastFlags = 0;
}

function clearSide(side: TcpSide): void {
  side.end = 0;
  side.maxEnd = 0;
  side.maxWindow = 0;
  side.maxAck = 0;
  side.windowScale = 0;
  side.flags = 0;
}
