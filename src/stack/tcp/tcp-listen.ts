/**
 * The listening side: SYNs become requests, and the last ACK of the handshake makes them sockets.
 * @source net/ipv4/tcp_input.c tcp_conn_request(); net/ipv4/tcp_minisocks.c tcp_check_req()
 */

import { nextInt32 } from '../../base/prng.ts';
import { releasePacket, takePacket } from '../../engine/packet-pool.ts';
import { wake } from '../../engine/process.ts';
import { cancel, drop, timeNs } from '../../engine/simulator.ts';
import { makeTimer } from '../../engine/timer-queue.ts';
import { IP_DF, ipSource, ipTarget, ipTos, PROTOCOL_TCP } from '../../protocols/ipv4.ts';
import {
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
  tcpSourcePort,
  writeTcpChecksum,
} from '../../protocols/tcp.ts';
import { armPinnedWheelTimer, jiffiesOf } from '../jiffies.ts';
import { sendIpv4 } from '../output.ts';
import { routeOutput } from '../route.ts';
import { makeRoute } from '../route-record.ts';
import { makeChild } from './tcp-child.ts';
import { parseOptions, received, TIMESTAMP_BYTES, writeSynOptions } from './tcp-options.ts';
import { advertisedMssOf, drawHash, nowMsOf, prngOf } from './tcp-path.ts';
import { receiveSegment } from './tcp-receive.ts';
import type { TcpSocket } from './tcp-record.ts';
import { answer, sendAnswer, sendOwnReset } from './tcp-reset.ts';
import type { SegmentInfo } from './tcp-segment.ts';
import type { TcpRequest } from './tcp-small-records.ts';
import {
  after,
  before,
  TCP_LISTEN,
  TCP_RTO_MAX,
  TCP_SYN_RECV,
  TCP_TIMEOUT_INIT,
} from './tcp-states.ts';
import { hashEntry, TCP_ENTRIES_MAX, unhashEntry } from './tcp-table.ts';
import { clampMss, timestampOffsetOf } from './tcp-transfer.ts';
import { writeHeader } from './tcp-transmit.ts';
import { selectInitialWindow, windowOfSpace } from './tcp-window.ts';

/** One route record for all SYN-ACKs: it is used at once and not kept. */
const route = makeRoute();

/**
 * A segment for a listening socket. Owns the packet.
 * @param sequence the sequence number to start with (from TIME-WAIT), or null for a random one.
 */
export function receiveInListen(
  listener: TcpSocket,
  segment: SegmentInfo,
  sequence: number | null,
): void {
  const packet = segment.packet!;
  const { netns } = listener;
  const { sim } = netns;
  const { flags } = segment;
  if ((flags & TCP_RST) !== 0) {
    drop(sim, packet, 'tcp-reset', packet.inDevice, netns.name);
  } else if ((flags & TCP_ACK) !== 0) {
    sendOwnReset(sim, netns, packet, 0);
    drop(sim, packet, 'tcp-unacceptable', packet.inDevice, netns.name);
  } else if ((flags & TCP_SYN) === 0 || (flags & TCP_FIN) !== 0) {
    drop(sim, packet, 'tcp-unacceptable', packet.inDevice, netns.name);
  } else if (isBacklogFull(listener)) {
    drop(sim, packet, 'listen-overflow', packet.inDevice, netns.name);
  } else {
    makeRequest(listener, segment, sequence);
    releasePacket(sim, packet);
  }
}

/** Unlike Linux, which then answers with SYN cookies, a full queue of requests drops the SYN. */
function isBacklogFull(listener: TcpSocket): boolean {
  return (
    listener.netns.tcp.count >= TCP_ENTRIES_MAX ||
    listener.requests.size >= Math.max(listener.backlogMax, 1) ||
    listener.acceptQueue.length > listener.backlogMax
  );
}

/** @source tcp_conn_request(), tcp_openreq_init_rwin() */
function makeRequest(listener: TcpSocket, segment: SegmentInfo, sequence: number | null): void {
  const packet = segment.packet!;
  const { netns } = listener;
  const { bytes, network, transport } = packet;
  const { sysctl } = netns;
  parseOptions(bytes, transport, segment.headerBytes);
  const localAddress = ipTarget(bytes, network);
  const remoteAddress = ipSource(bytes, network);
  const mark = listener.mark;
  const tos = sysctl.tcpReflectTos !== 0 ? ipTos(bytes, network) : listener.tos;
  const failure = routeOutput(
    netns,
    remoteAddress,
    localAddress,
    listener.boundDevice,
    mark,
    tos,
    route,
  );
  if (failure !== null) return;
  const isTimestamps = received.hasTimestamp && sysctl.tcpTimestamps !== 0;
  const mss = clampMss(listener, advertisedMssOf(netns, route));
  const isWindowScaling = received.windowScale >= 0 && sysctl.tcpWindowScaling !== 0;
  const window = selectInitialWindow(
    sysctl,
    windowOfSpace(listener, listener.receiveBufferBytes),
    mss - (isTimestamps ? TIMESTAMP_BYTES : 0),
    isWindowScaling,
    0,
  );
  const request: TcpRequest = {
    kind: 'request',
    listener,
    localAddress,
    localPort: listener.localPort,
    remoteAddress,
    remotePort: tcpSourcePort(bytes, transport),
    boundDevice: listener.boundDevice,
    nextInChain: null,
    isHashed: false,
    irs: segment.seq,
    iss: sequence ?? nextInt32(prngOf(netns)),
    receiveNext: (segment.seq + 1) | 0,
    peerMss: received.mss !== 0 ? received.mss : 536,
    isTimestamps,
    isSackOk: received.isSackPermitted && sysctl.tcpSack !== 0,
    isWindowScaling,
    sendWindowScale: isWindowScaling ? received.windowScale : 0,
    receiveWindowScale: isWindowScaling ? window.scale : 0,
    receiveWindow: window.windowBytes,
    windowClamp: window.clampBytes,
    tsRecent: isTimestamps ? received.tsValue : 0,
    tsOffset: timestampOffsetOf(netns, localAddress, remoteAddress),
    hash: drawHash(netns),
    sentNs: 0,
    retransmits: 0,
    timeouts: 0,
    lastOutOfWindowNs: -1e9,
    isAcked: false,
    timer: makeTimer(netns.cpu, () => expireRequest(request)),
    mark,
  };
  hashEntry(netns.tcp, request);
  listener.requests.add(request);
  armRequest(request, TCP_TIMEOUT_INIT);
  sendSynAck(request);
}

function armRequest(request: TcpRequest, jiffies: number): void {
  const { sim } = request.listener.netns;
  armPinnedWheelTimer(sim, request.timer, jiffiesOf(sim) + jiffies);
}

/** @source tcp_make_synack(), ip_build_and_send_pkt() */
function sendSynAck(request: TcpRequest): void {
  const { listener, localAddress, remoteAddress } = request;
  const { netns } = listener;
  const { sim } = netns;
  const failure = routeOutput(
    netns,
    remoteAddress,
    localAddress,
    listener.boundDevice,
    request.mark,
    listener.tos,
    route,
  );
  if (failure !== null) return;
  const packet = takePacket(sim, 80);
  const { bytes, start } = packet;
  request.sentNs = timeNs(sim);
  const optionBytes = writeSynOptions(
    bytes,
    start + 20,
    clampMss(listener, advertisedMssOf(netns, route)),
    request.isWindowScaling ? request.receiveWindowScale : -1,
    request.isSackOk,
    request.isTimestamps,
    (nowMsOf(netns) + request.tsOffset) | 0,
    request.tsRecent,
  );
  const headerBytes = 20 + optionBytes;
  writeHeader(
    bytes,
    start,
    request.localPort,
    request.remotePort,
    request.iss,
    request.receiveNext,
    headerBytes,
    TCP_SYN | TCP_ACK,
    Math.min(request.receiveWindow, 65535),
  );
  packet.end = start + headerBytes;
  writeTcpChecksum(bytes, start, packet.end, localAddress, remoteAddress);
  packet.hash = request.hash;
  packet.mark = request.mark;
  packet.socket = listener;
  const isFragmentable = listener.pathMtuDiscovery === 'dont' || route.isMtuLearnt;
  sendIpv4(
    sim,
    netns,
    packet,
    route,
    PROTOCOL_TCP,
    localAddress,
    remoteAddress,
    listener.ttlHops !== 0 ? listener.ttlHops : netns.sysctl.ipDefaultTtl,
    listener.tos,
    isFragmentable ? 0 : IP_DF,
    0,
  );
}

/** Sends the SYN-ACK again, or gives up. @source reqsk_timer_handler() */
function expireRequest(request: TcpRequest): void {
  const { sysctl } = request.listener.netns;
  if (request.listener.state !== TCP_LISTEN || request.timeouts >= sysctl.tcpSynackRetries) {
    if (!(request.isAcked && request.timeouts < sysctl.tcpSynackRetries)) {
      dropRequest(request);
      return;
    }
  }
  request.timeouts++;
  if (!request.isAcked) {
    request.hash = drawHash(request.listener.netns);
    sendSynAck(request);
    request.retransmits++;
  }
  armRequest(request, Math.min(TCP_TIMEOUT_INIT * 2 ** request.timeouts, TCP_RTO_MAX));
}

/** The peer has sent its SYN again: so do we, not too often, and wait for it afresh. */
function repeatSynAck(request: TcpRequest): void {
  const { netns } = request.listener;
  const now = timeNs(netns.sim);
  if (now - request.lastOutOfWindowNs < netns.sysctl.tcpInvalidRatelimit * 1_000_000) return;
  request.lastOutOfWindowNs = now;
  sendSynAck(request);
  request.retransmits++;
  armRequest(request, Math.min(TCP_TIMEOUT_INIT * 2 ** request.timeouts, TCP_RTO_MAX));
}

/** Forgets a half-open connection. */
export function dropRequest(request: TcpRequest): void {
  const { listener } = request;
  cancel(listener.netns.sim, request.timer);
  unhashEntry(listener.netns.tcp, request);
  listener.requests.delete(request);
}

/**
 * A segment for a half-open connection. Owns the packet.
 * @source tcp_v4_rcv() TCP_NEW_SYN_RECV, tcp_check_req()
 */
export function receiveForRequest(request: TcpRequest, segment: SegmentInfo): void {
  const packet = segment.packet!;
  const { listener } = request;
  const { netns } = listener;
  const { sim } = netns;
  parseOptions(packet.bytes, packet.transport, segment.headerBytes);
  const { flags, seq } = segment;
  const isOld =
    received.hasTimestamp &&
    request.isTimestamps &&
    ((request.tsRecent - received.tsValue) | 0) > 0;
  if (seq === request.irs && (flags & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN && !isOld) {
    repeatSynAck(request);
    releasePacket(sim, packet);
    return;
  }
  if ((flags & TCP_ACK) !== 0 && segment.ack !== ((request.iss + 1) | 0)) {
    if ((flags & TCP_RST) === 0) sendOwnReset(sim, netns, packet, 0);
    drop(sim, packet, 'tcp-unacceptable', packet.inDevice, netns.name);
    return;
  }
  if (isOld || !isInRequestWindow(request, segment)) {
    if ((flags & TCP_RST) === 0) answerForRequest(request);
    drop(sim, packet, 'tcp-unacceptable', packet.inDevice, netns.name);
    return;
  }
  if (received.hasTimestamp && !after(seq, request.receiveNext)) {
    request.tsRecent = received.tsValue;
  }
  if ((flags & TCP_RST) !== 0 || ((flags & TCP_SYN) !== 0 && seq !== request.irs)) {
    if ((flags & TCP_RST) === 0) sendOwnReset(sim, netns, packet, 0);
    dropRequest(request);
    drop(sim, packet, 'tcp-reset', packet.inDevice, netns.name);
    return;
  }
  if ((flags & TCP_ACK) === 0) {
    drop(sim, packet, 'tcp-unacceptable', packet.inDevice, netns.name);
    return;
  }
  if (listener.state !== TCP_LISTEN || listener.acceptQueue.length > listener.backlogMax) {
    if (netns.sysctl.tcpAbortOnOverflow === 0) request.isAcked = true;
    else {
      sendOwnReset(sim, netns, packet, 0);
      dropRequest(request);
    }
    drop(sim, packet, 'listen-overflow', packet.inDevice, netns.name);
    return;
  }
  adopt(request, segment);
}

function isInRequestWindow(request: TcpRequest, segment: SegmentInfo): boolean {
  const start = request.receiveNext;
  const end = (start + request.receiveWindow) | 0;
  if (segment.seq === start) return true;
  if (after(segment.endSeq, start) && before(segment.seq, end)) return true;
  return segment.seq === end && segment.seq === segment.endSeq;
}

/** An ACK for something that does not fit. @source tcp_v4_reqsk_send_ack() */
function answerForRequest(request: TcpRequest): void {
  const { netns } = request.listener;
  answer.localAddress = request.localAddress;
  answer.localPort = request.localPort;
  answer.remoteAddress = request.remoteAddress;
  answer.remotePort = request.remotePort;
  answer.seq = (request.iss + 1) | 0;
  answer.ack = request.receiveNext;
  answer.flags = TCP_ACK;
  answer.window = Math.floor(request.receiveWindow / 2 ** request.receiveWindowScale);
  answer.hasTimestamps = request.isTimestamps;
  answer.tsValue = (nowMsOf(netns) + request.tsOffset) | 0;
  answer.tsEcho = request.tsRecent;
  answer.hash = request.hash;
  answer.mark = request.mark;
  answer.tos = 0;
  answer.parentId = 0;
  sendAnswer(netns.sim, netns, null);
}

/** The handshake is done: a socket is born and queued for accept. */
function adopt(request: TcpRequest, segment: SegmentInfo): void {
  const packet = segment.packet!;
  const { listener } = request;
  const { netns } = listener;
  const { sim } = netns;
  const child = makeChild(request, segment);
  dropRequest(request);
  hashEntry(netns.tcp, child);
  netns.tcp.sockets.add(child);
  listener.acceptQueue.push(child);
  const isRefused = receiveSegment(child, segment);
  if (isRefused) sendOwnReset(sim, netns, packet, child.hash);
  if (child.state !== TCP_SYN_RECV) wake(listener.waiters);
  releasePacket(sim, packet);
}
