/**
 * The start of a connection: first values, the SYN, and the step into data transfer.
 * @source net/ipv4/tcp_output.c tcp_connect(); net/ipv4/tcp_input.c tcp_init_transfer()
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { TCP_ACK, TCP_SYN } from '../../protocols/tcp.ts';
import { HZ, jiffiesOf } from '../jiffies.ts';
import type { NetNamespace } from '../namespace.ts';
import { startHystartRound } from './tcp-congestion.ts';
import { TIMESTAMP_BYTES } from './tcp-options.ts';
import { noteSent } from './tcp-output.ts';
import { advertisedMssOf, nowUsOf, secretOf, syncMss } from './tcp-path.ts';
import { armKeepalive, armSendTimer } from './tcp-rearm.ts';
import type { TcpSocket } from './tcp-record.ts';
import { appendSegment, takeSegment } from './tcp-send-queue.ts';
import {
  TCP_ESTABLISHED,
  TCP_INIT_CWND,
  TCP_MSS_DEFAULT,
  TCP_TIMEOUT_INIT,
  TIMER_RETRANSMIT,
} from './tcp-states.ts';
import { hashConnection } from './tcp-table.ts';
import { transmitSegment } from './tcp-transmit.ts';
import { initializeReceiveMss, selectInitialWindow, windowOfSpace } from './tcp-window.ts';

/** Memory of a segment beside its data: room for headers and skb_shared_info; then struct sk_buff. */
const SEGMENT_HEAD_BYTES = 576;
const SEGMENT_RECORD_BYTES = 256;

/** The offset of a connection's timestamps: random, but the same for the same pair of addresses. */
export function timestampOffsetOf(netns: NetNamespace, local: Ipv4, remote: Ipv4): number {
  return hashConnection(local ^ secretOf(netns), 0, remote, 0);
}

/** First values before a SYN; the route is known. @source tcp_connect_init() */
export function initConnect(socket: TcpSocket): void {
  const { netns } = socket;
  const { sysctl } = netns;
  socket.headerBytes = 20 + (sysctl.tcpTimestamps !== 0 ? TIMESTAMP_BYTES : 0);
  socket.mssClamp = socket.userMss !== 0 ? socket.userMss : TCP_MSS_DEFAULT;
  socket.maxWindow = 0;
  syncMss(socket, socket.route.pathMtuBytes - socket.route.ipsecBytes);
  socket.advertisedMss = clampMss(socket, advertisedMssOf(netns, socket.route));
  const initial = selectInitialWindow(
    sysctl,
    windowOfSpace(socket, socket.receiveBufferBytes),
    socket.advertisedMss,
    sysctl.tcpWindowScaling !== 0,
    socket.windowClamp,
  );
  socket.receiveWindow = initial.windowBytes;
  socket.windowClamp = initial.clampBytes;
  socket.receiveWindowScale = initial.scale;
  socket.receiveSsthresh = socket.receiveWindow;
  initializeReceiveMss(socket);
  socket.error = null;
  socket.isDone = false;
  socket.sendWindow = 0;
  socket.sendWl1 = 0;
  socket.sendUna = socket.writeSeq;
  socket.sendSmall = socket.writeSeq;
  socket.sendNext = socket.writeSeq;
  socket.pushedSeq = socket.writeSeq;
  socket.receiveNext = 0;
  socket.receiveWup = 0;
  socket.copiedSeq = 0;
  socket.rto = TCP_TIMEOUT_INIT;
  socket.retransmits = 0;
}

/** The smaller of what the route allows and what the program asked for (TCP_MAXSEG). */
export function clampMss(socket: TcpSocket, mss: number): number {
  return socket.userMss !== 0 && socket.userMss < mss ? socket.userMss : mss;
}

/** Sends the SYN. @source tcp_connect() */
export function sendSyn(socket: TcpSocket): void {
  const seq = socket.writeSeq;
  const syn = takeSegment(socket.sending, seq, (seq + 1) | 0, TCP_SYN);
  syn.packets = 1;
  socket.writeSeq = (seq + 1) | 0;
  appendSegment(socket.sending, syn);
  socket.isReno = socket.netns.sysctl.tcpCongestionControl === 'reno';
  socket.retransStampMs = Math.floor(nowUsOf(socket.netns) / 1000) || 1;
  transmitSegment(socket, syn);
  noteSent(socket, syn);
  socket.pushedSeq = socket.writeSeq;
  armSendTimer(socket, TIMER_RETRANSMIT, socket.rto);
}

/** Queues and sends a SYN-ACK from SYN-RECV (simultaneous open). @source tcp_send_synack() */
export function sendCrossedSynAck(socket: TcpSocket): void {
  const syn = socket.sending.first;
  if (syn === null || (syn.flags & TCP_SYN) === 0) return;
  syn.flags |= TCP_ACK;
  transmitSegment(socket, syn);
}

/** Ready for data: buffers, congestion control. @source tcp_init_transfer(), tcp_init_buffer_space() */
export function initTransfer(socket: TcpSocket): void {
  const { netns } = socket;
  const now = jiffiesOf(netns.sim);
  socket.cwnd = socket.totalRetrans > 1 && socket.hasUndo ? 1 : TCP_INIT_CWND;
  socket.isReno = netns.sysctl.tcpCongestionControl === 'reno';
  startHystartRound(socket);
  expandSendBuffer(socket);
  socket.rcvSpaceTimeUs = nowUsOf(netns);
  socket.rcvSpaceSeq = socket.copiedSeq;
  const most = windowOfSpace(socket, socket.receiveBufferBytes);
  if (socket.windowClamp > most) socket.windowClamp = most;
  // One segment is kept in reserve.
  const mss = socket.advertisedMss;
  if (socket.windowClamp > 2 * mss && socket.windowClamp + mss > most) {
    socket.windowClamp = Math.max(2 * mss, most - mss);
  }
  if (socket.receiveSsthresh > socket.windowClamp) socket.receiveSsthresh = socket.windowClamp;
  socket.cwndStampJiffies = now;
  socket.rcvSpaceBytes = Math.min(
    socket.receiveSsthresh,
    socket.receiveWindow,
    TCP_INIT_CWND * socket.advertisedMss,
  );
}

/** Our SYN was acknowledged. @source tcp_finish_connect() */
export function finishConnect(socket: TcpSocket): void {
  const now = jiffiesOf(socket.netns.sim);
  socket.state = TCP_ESTABLISHED;
  socket.ackLastReceive = now;
  initTransfer(socket);
  socket.lastSendJiffies = now;
  if (socket.isKeepalive) armKeepalive(socket, socket.netns.sysctl.tcpKeepaliveTime * HZ);
}

/** Room for two congestion windows of data. @source tcp_sndbuf_expand() */
export function expandSendBuffer(socket: TcpSocket): void {
  const packetBytes = Math.max(socket.mssClamp, socket.mssCache) + SEGMENT_HEAD_BYTES;
  const rounded = 2 ** Math.ceil(Math.log2(packetBytes)) + SEGMENT_RECORD_BYTES;
  const packets = Math.max(TCP_INIT_CWND, socket.cwnd, socket.reordering + 1);
  const wanted = 2 * packets * rounded;
  if (socket.sendBufferBytes < wanted) {
    socket.sendBufferBytes = Math.min(wanted, socket.netns.sysctl.tcpWmemMax);
  }
}
