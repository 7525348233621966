/**
 * Segments for connections in TIME-WAIT, and in FIN-WAIT-2 without a process.
 * @source net/ipv4/tcp_minisocks.c tcp_timewait_state_process()
 */
import { releasePacket } from '../../engine/packet-pool.ts';
import { drop, timeNs } from '../../engine/simulator.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../protocols/tcp.ts';
import { armWheelTimer, jiffiesOf } from '../jiffies.ts';
import { killTimeWait } from './tcp-close.ts';
import { receiveInListen } from './tcp-listen.ts';
import { parseOptions, received } from './tcp-options.ts';
import { nowMsOf } from './tcp-path.ts';
import { answer, sendAnswer, sendOwnReset } from './tcp-reset.ts';
import type { SegmentInfo } from './tcp-segment.ts';
import type { TcpTimeWait } from './tcp-small-records.ts';
import { after, before, TCP_FIN_WAIT2, TCP_TIME_WAIT, TCP_TIMEWAIT_JIFFIES } from './tcp-states.ts';
import { findListener } from './tcp-table.ts';

/** A segment for such an entry. Owns the packet. */
export function receiveInTimeWait(entry: TcpTimeWait, segment: SegmentInfo): void {
  const packet = segment.packet!;
  const { netns } = entry;
  const { sim } = netns;
  parseOptions(packet.bytes, packet.transport, segment.headerBytes);
  const isOld =
    received.hasTimestamp && entry.isTimestamps && ((entry.tsRecent - received.tsValue) | 0) > 0;
  const isKept =
    entry.substate === TCP_FIN_WAIT2
      ? receiveInFinWait2(entry, segment, isOld)
      : receiveInRealTimeWait(entry, segment, isOld);
  if (isKept) return;
  if ((segment.flags & TCP_RST) !== 0) drop(sim, packet, 'tcp-reset', packet.inDevice, netns.name);
  else releasePacket(sim, packet);
}

/** @returns true: the packet went elsewhere. */
function receiveInFinWait2(entry: TcpTimeWait, segment: SegmentInfo, isOld: boolean): boolean {
  const { netns } = entry;
  const { flags, seq, endSeq } = segment;
  const packet = segment.packet!;
  if (isOld || !isInWindow(entry, segment)) {
    if (!isAnsweredTooOften(entry)) sendTimeWaitAck(entry);
    return false;
  }
  if ((flags & TCP_RST) !== 0) {
    killTimeWait(netns.tcp, entry);
    return false;
  }
  const isNewSyn = (flags & TCP_SYN) !== 0 && !before(seq, entry.receiveNext);
  const isDuplicate =
    (flags & TCP_ACK) === 0 || !after(endSeq, entry.receiveNext) || endSeq === seq;
  if (!isNewSyn && isDuplicate) return false;
  const isFin = (flags & TCP_FIN) !== 0 && endSeq === ((entry.receiveNext + 1) | 0);
  if (isNewSyn || !isFin) {
    sendOwnReset(netns.sim, netns, packet, entry.hash);
    killTimeWait(netns.tcp, entry);
    return false;
  }
  entry.substate = TCP_TIME_WAIT;
  entry.receiveNext = endSeq;
  noteTimestamp(entry);
  restart(entry);
  sendTimeWaitAck(entry);
  return false;
}

/** @returns true: the packet went to a listening socket. */
function receiveInRealTimeWait(entry: TcpTimeWait, segment: SegmentInfo, isOld: boolean): boolean {
  const { netns } = entry;
  const { flags, seq, endSeq } = segment;
  const isReset = (flags & TCP_RST) !== 0;
  if (!isOld && seq === entry.receiveNext && (seq === endSeq || isReset)) {
    if (isReset) {
      if (netns.sysctl.tcpRfc1337 === 0) killTimeWait(netns.tcp, entry);
    } else {
      restart(entry);
    }
    noteTimestamp(entry);
    return false;
  }
  const isBareSyn = (flags & (TCP_SYN | TCP_RST | TCP_ACK)) === TCP_SYN;
  const isNewer =
    after(seq, entry.receiveNext) ||
    (received.hasTimestamp && ((entry.tsRecent - received.tsValue) | 0) < 0);
  if (isBareSyn && !isOld && isNewer) {
    const device = segment.packet!.inDevice;
    const listener = findListener(netns.tcp, entry.localAddress, entry.localPort, device);
    if (listener !== null) {
      killTimeWait(netns.tcp, entry);
      receiveInListen(listener, segment, (entry.sendNext + 65537) | 0);
      return true;
    }
    sendTimeWaitAck(entry);
    return false;
  }
  if (isReset) return false;
  if (isOld || (flags & TCP_ACK) !== 0) restart(entry);
  if (seq !== endSeq || !isAnsweredTooOften(entry)) sendTimeWaitAck(entry);
  return false;
}

function isInWindow(entry: TcpTimeWait, segment: SegmentInfo): boolean {
  const start = entry.receiveNext;
  const end = (start + entry.receiveWindow) | 0;
  if (segment.seq === start) return true;
  if (after(segment.endSeq, start) && before(segment.seq, end)) return true;
  return segment.seq === end && segment.seq === segment.endSeq;
}

function noteTimestamp(entry: TcpTimeWait): void {
  if (!received.hasTimestamp) return;
  entry.tsRecent = received.tsValue;
  entry.tsRecentSecond = Math.floor(timeNs(entry.netns.sim) / 1e9);
}

function restart(entry: TcpTimeWait): void {
  const { sim } = entry.netns;
  armWheelTimer(sim, entry.timer, jiffiesOf(sim) + TCP_TIMEWAIT_JIFFIES);
}

function isAnsweredTooOften(entry: TcpTimeWait): boolean {
  const now = timeNs(entry.netns.sim);
  const limitNs = entry.netns.sysctl.tcpInvalidRatelimit * 1_000_000;
  if (now - entry.lastOutOfWindowAckNs < limitNs) return true;
  entry.lastOutOfWindowAckNs = now;
  return false;
}

/** @source net/ipv4/tcp_ipv4.c tcp_v4_timewait_ack() */
function sendTimeWaitAck(entry: TcpTimeWait): void {
  const { netns } = entry;
  answer.localAddress = entry.localAddress;
  answer.localPort = entry.localPort;
  answer.remoteAddress = entry.remoteAddress;
  answer.remotePort = entry.remotePort;
  answer.seq = entry.sendNext;
  answer.ack = entry.receiveNext;
  answer.flags = TCP_ACK;
  answer.window = Math.min(Math.floor(entry.receiveWindow / 2 ** entry.receiveWindowScale), 65535);
  answer.hasTimestamps = entry.isTimestamps;
  answer.tsValue = (nowMsOf(netns) + entry.tsOffset) | 0;
  answer.tsEcho = entry.tsRecent;
  answer.hash = entry.hash;
  answer.mark = entry.mark;
  answer.tos = entry.tos;
  answer.parentId = 0;
  sendAnswer(netns.sim, netns, null);
}
