/**
 * Puts segments of a socket into packets.
 * @source net/ipv4/tcp_output.c __tcp_transmit_skb(), tcp_established_options()
 */
import { PACKET_CONFIRM, type Packet } from '../../engine/packet.ts';
import { takePacket } from '../../engine/packet-pool.ts';
import { runSoftirq, type Simulator, timeNs } from '../../engine/simulator.ts';
import { writeInt32, writeUint16 } from '../../protocols/bytes.ts';
import { IP_DF, PROTOCOL_TCP } from '../../protocols/ipv4.ts';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_SYN, writeTcpChecksum } from '../../protocols/tcp.ts';
import { jiffiesOf } from '../jiffies.ts';
import { sendIpv4 } from '../output.ts';
import { noteDataSent } from './tcp-congestion.ts';
import {
  SACK_BLOCKS_MAX,
  TIMESTAMP_BYTES,
  writeSackBlock,
  writeSackHead,
  writeSynOptions,
  writeTimestamps,
} from './tcp-options.ts';
import { ensureRoute, nowMsOf, sackBlockCount } from './tcp-path.ts';
import { stopDelayedAck } from './tcp-rearm.ts';
import type { TcpSocket } from './tcp-record.ts';
import { dataBytesOf, loadBytes, type Segment } from './tcp-send-queue.ts';
import { ACK_SCHEDULED, TCP_ATO_MIN } from './tcp-states.ts';
import { selectWindow } from './tcp-window.ts';

/** The longest TCP header. */
const HEADER_MAX_BYTES = 60;

/** Softirqs wait from here: what a process does under a spin lock (local_bh_disable). */
export function disableSoftirq(sim: Simulator): void {
  sim.bottomHalfDepth++;
}

/** Softirqs may run again, and do if frames wait (local_bh_enable). */
export function enableSoftirq(sim: Simulator): void {
  sim.bottomHalfDepth--;
  if (sim.bottomHalfDepth === 0 && sim.cpu.backlog.count > 0) runSoftirq(sim);
}

/** Writes the 20 fixed bytes; the checksum comes last, with sealPacket. */
export function writeHeader(
  bytes: Uint8Array,
  at: number,
  sourcePort: number,
  targetPort: number,
  sequence: number,
  acknowledgment: number,
  headerBytes: number,
  flags: number,
  window: number,
): void {
  writeUint16(bytes, at, sourcePort);
  writeUint16(bytes, at + 2, targetPort);
  writeInt32(bytes, at + 4, sequence);
  writeInt32(bytes, at + 8, acknowledgment);
  bytes[at + 12] = (headerBytes >> 2) << 4;
  bytes[at + 13] = flags;
  writeUint16(bytes, at + 14, window);
  writeInt32(bytes, at + 16, 0);
}

/**
 * Sends a segment: all its packets, back to back. Its data is read from the send queue.
 * @returns false if there is no route: nothing was sent.
 */
export function transmitSegment(socket: TcpSocket, segment: Segment): boolean {
  if (ensureRoute(socket) !== null) return false;
  const { sim } = socket.netns;
  if (segment.packets > 1) segment.flags |= TCP_PSH;
  segment.sentNs = timeNs(sim);
  const dataBytes = dataBytesOf(segment);
  const flags = segment.flags;
  const isSyn = (flags & TCP_SYN) !== 0;
  const { receiveNext } = socket;
  const window = isSyn ? Math.min(socket.receiveWindow, 65535) : selectWindow(socket);
  if ((flags & TCP_ACK) !== 0) noteAckSent(socket, receiveNext);
  if (dataBytes > 0) {
    noteDataSentForAck(socket);
    socket.bytesSent += dataBytes;
  }
  disableSoftirq(sim);
  let seq = segment.seq;
  let left = dataBytes;
  const size = segment.packets > 1 ? segment.packetBytes : dataBytes;
  do {
    const count = left > size ? size : left;
    left -= count;
    const packetFlags = left > 0 ? flags & ~(TCP_FIN | TCP_PSH) : flags;
    sendPacket(socket, seq, packetFlags, window, count);
    seq = (seq + count) | 0;
  } while (left > 0);
  enableSoftirq(sim);
  return true;
}

/** Sends a packet without data that takes no place in the queue: an ACK, a RST, a probe. */
export function transmitControl(socket: TcpSocket, seq: number, flags: number): boolean {
  if (ensureRoute(socket) !== null) return false;
  const { receiveNext } = socket;
  const window = selectWindow(socket);
  if ((flags & TCP_ACK) !== 0) noteAckSent(socket, receiveNext);
  sendPacket(socket, seq, flags, window, 0);
  return true;
}

/** Fills in the checksum and gives the packet to IP. Owns it. */
export function sealPacket(socket: TcpSocket, packet: Packet): void {
  const { netns } = socket;
  const { localAddress, remoteAddress } = socket;
  writeTcpChecksum(packet.bytes, packet.start, packet.end, localAddress, remoteAddress);
  packet.hash = socket.hash;
  if (socket.isConfirmPending) {
    socket.isConfirmPending = false;
    packet.flags |= PACKET_CONFIRM;
  }
  packet.socket = socket;
  packet.mark = socket.mark;
  const isFragmentable =
    socket.pathMtuDiscovery === 'dont' ||
    (socket.pathMtuDiscovery === 'want' && socket.route.isMtuLearnt);
  const id = socket.nextId;
  socket.nextId = (id + 1) & 0xffff;
  sendIpv4(
    netns.sim,
    netns,
    packet,
    socket.route,
    PROTOCOL_TCP,
    localAddress,
    remoteAddress,
    socket.ttlHops !== 0 ? socket.ttlHops : netns.sysctl.ipDefaultTtl,
    socket.tos,
    isFragmentable ? 0 : IP_DF,
    id,
  );
}

function sendPacket(
  socket: TcpSocket,
  seq: number,
  flags: number,
  window: number,
  dataBytes: number,
): void {
  const { sim } = socket.netns;
  const packet = takePacket(sim, 20 + HEADER_MAX_BYTES + dataBytes);
  const { bytes, start } = packet;
  const optionBytes =
    (flags & TCP_SYN) !== 0
      ? writeSynOptionsOf(socket, flags, bytes, start + 20)
      : writeOptionsOf(socket, bytes, start + 20);
  const headerBytes = 20 + optionBytes;
  writeHeader(
    bytes,
    start,
    socket.localPort,
    socket.remotePort,
    seq,
    (flags & TCP_ACK) !== 0 ? socket.receiveNext : 0,
    headerBytes,
    flags,
    window,
  );
  if (dataBytes > 0) loadBytes(socket.sending, seq, dataBytes, bytes, start + headerBytes);
  packet.end = start + headerBytes + dataBytes;
  sealPacket(socket, packet);
}

function writeSynOptionsOf(
  socket: TcpSocket,
  flags: number,
  bytes: Uint8Array,
  at: number,
): number {
  const { sysctl } = socket.netns;
  // A SYN offers all that we can; a SYN-ACK (simultaneous open) only what the peer offered too.
  const isAnswer = (flags & TCP_ACK) !== 0;
  const isScaling = isAnswer ? socket.isWindowScaling : sysctl.tcpWindowScaling !== 0;
  const isSackOk = isAnswer ? socket.isSackOk : sysctl.tcpSack !== 0;
  const isTimestamps = isAnswer ? socket.isTimestamps : sysctl.tcpTimestamps !== 0;
  return writeSynOptions(
    bytes,
    at,
    socket.advertisedMss,
    isScaling ? socket.receiveWindowScale : -1,
    isSackOk,
    isTimestamps,
    timestampOf(socket),
    socket.hasTsRecent ? socket.tsRecent : 0,
  );
}

/** The clock that our timestamps show. */
export function timestampOf(socket: TcpSocket): number {
  return (nowMsOf(socket.netns) + socket.tsOffset) | 0;
}

function writeOptionsOf(socket: TcpSocket, bytes: Uint8Array, at: number): number {
  let next = at;
  if (socket.isTimestamps) {
    writeTimestamps(bytes, next, timestampOf(socket), socket.hasTsRecent ? socket.tsRecent : 0);
    next += TIMESTAMP_BYTES;
  }
  const wanted = sackBlockCount(socket);
  if (wanted === 0) return next - at;
  const room = socket.isTimestamps ? SACK_BLOCKS_MAX - 1 : SACK_BLOCKS_MAX;
  const count = Math.min(wanted, room);
  writeSackHead(bytes, next, count);
  next += 4;
  let written = 0;
  if (socket.hasDuplicateSack) {
    writeSackBlock(bytes, next, socket.duplicateSackStart, socket.duplicateSackEnd);
    socket.hasDuplicateSack = false;
    next += 8;
    written++;
  }
  const { recentStarts, recentEnds } = socket.received;
  for (let i = 0; written < count; i++, written++) {
    writeSackBlock(bytes, next, recentStarts[i]!, recentEnds[i]!);
    next += 8;
  }
  return next - at;
}

/** @source net/ipv4/tcp_output.c tcp_event_ack_sent(), tcp_dec_quickack_mode() */
function noteAckSent(socket: TcpSocket, receiveNext: number): void {
  if (receiveNext !== socket.receiveNext) return;
  if (socket.ackQuick > 0) {
    const count = (socket.ackPending & ACK_SCHEDULED) !== 0 ? 1 : 0;
    if (count >= socket.ackQuick) {
      socket.ackQuick = 0;
      socket.ackAto = TCP_ATO_MIN;
    } else {
      socket.ackQuick -= count;
    }
  }
  stopDelayedAck(socket);
}

/** @source net/ipv4/tcp_output.c tcp_event_data_sent() */
function noteDataSentForAck(socket: TcpSocket): void {
  const now = jiffiesOf(socket.netns.sim);
  noteDataSent(socket);
  socket.lastSendJiffies = now;
  if (now - socket.ackLastReceive < socket.ackAto && socket.ackPingpong < 255) {
    socket.ackPingpong++;
  }
}
