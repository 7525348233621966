/**
 * The record of one TCP socket: everything that RFC 9293 calls the transmission control block, and
 * what Linux keeps beside it. Only data; the files around it act on it.
 * @source include/linux/tcp.h struct tcp_sock, include/net/inet_connection_sock.h
 */
import type { Errno } from '../../base/errors.ts';
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { makePacketQueue, type PacketQueue } from '../../engine/packet.ts';
import { makeTimer, type Timer } from '../../engine/timer-queue.ts';
import { PROTOCOL_TCP } from '../../protocols/ipv4.ts';
import type { NetNamespace } from '../namespace.ts';
import { type BoundSocket, makeBoundSocket } from '../socket.ts';
import { makeReceiveQueue, type ReceiveQueue } from './tcp-receive-queue.ts';
import { makeSendQueue, type SendQueue } from './tcp-send-queue.ts';
import type { TcpRequest } from './tcp-small-records.ts';
import {
  CA_OPEN,
  TCP_CLOSE,
  TCP_INFINITE_SSTHRESH,
  TCP_INIT_CWND,
  TCP_MSS_DEFAULT,
  TCP_TIMEOUT_INIT,
  TIMER_NONE,
} from './tcp-states.ts';
import type { BindBucket, TcpEntry } from './tcp-table.ts';

/** What the timers of a socket call; tcp-timers.ts gives them (it imports this file). */
export interface TcpTimerHandlers {
  readonly retransmit: (socket: TcpSocket) => void;
  readonly delayedAck: (socket: TcpSocket) => void;
  readonly keepalive: (socket: TcpSocket) => void;
}

export interface TcpSocket extends TcpEntry, BoundSocket {
  readonly kind: 'socket';
  /** What ICMP said and is only reported if nothing better comes (sk_err_soft). */
  softError: Errno | null;
  /** The address that was bound, 0 for any. */
  boundAddress: Ipv4;
  isPortBound: boolean;
  bucket: BindBucket | null;
  isKeepalive: boolean;
  /** 0: Nagle; bit 0: TCP_NODELAY (NAGLE_OFF), bit 1: TCP_CORK, bit 2: push once. */
  nagle: number;
  /** SO_LINGER with time 0: close resets. */
  isAbortOnClose: boolean;
  state: number;
  /** RECEIVE_SHUTDOWN, SEND_SHUTDOWN. */
  shutdown: number;
  /** No process has it any more (SOCK_DEAD). */
  isOrphan: boolean;
  /** The peer's FIN was received (SOCK_DONE). */
  isDone: boolean;
  isDestroyed: boolean;

  /** A process has it locked; what comes in goes to the backlog (sk_lock.owned). */
  isOwned: boolean;
  readonly backlog: PacketQueue;
  /** A smaller path MTU was learnt while it was locked; 0 if not. */
  deferredMtuBytes: number;

  /** Whether `route` holds a decision (it may be an old one). */
  isRouted: boolean;

  // Listening.
  backlogMax: number;
  readonly acceptQueue: TcpSocket[];
  readonly requests: Set<TcpRequest>;
  listener: TcpSocket | null;

  // Sending.
  readonly sending: SendQueue;
  sendBufferBytes: number;
  iss: number;
  sendUna: number;
  sendNext: number;
  writeSeq: number;
  pushedSeq: number;
  sendWindow: number;
  sendWl1: number;
  maxWindow: number;
  /** End of the last small segment sent (Minshall's variant of Nagle). */
  sendSmall: number;
  sendWindowScale: number;
  receiveWindowScale: number;
  mssCache: number;
  mssClamp: number;
  userMss: number;
  advertisedMss: number;
  headerBytes: number;
  pathMtuCookie: number;
  gsoSegments: number;
  /** Jiffies of the last data sent (lsndtime). */
  lastSendJiffies: number;
  /** When a new segment was sent last (tcp_wstamp_ns). */
  lastWriteNs: number;

  // Receiving.
  readonly received: ReceiveQueue;
  irs: number;
  receiveNext: number;
  copiedSeq: number;
  receiveWup: number;
  receiveWindow: number;
  windowClamp: number;
  receiveSsthresh: number;
  receiveMss: number;
  /** Out-of-band: the FIN's sequence number when it came out of order, valid if hasEarlyFin. */
  earlyFinSeq: number;
  hasEarlyFin: boolean;
  duplicateSackStart: number;
  duplicateSackEnd: number;
  hasDuplicateSack: boolean;
  rcvRttEstimateUs: number;
  rcvRttSeq: number;
  rcvRttTimeUs: number;
  rcvSpaceSeq: number;
  rcvSpaceBytes: number;
  rcvSpaceTimeUs: number;
  lastOutOfWindowAckNs: number;

  // Acknowledging.
  ackPending: number;
  ackQuick: number;
  ackPingpong: number;
  ackAto: number;
  ackTimeout: number;
  ackLastReceive: number;
  ackRetry: number;
  ackLastSegmentBytes: number;

  // Options.
  isTimestamps: boolean;
  isSackOk: boolean;
  isWindowScaling: boolean;
  tsOffset: number;
  tsRecent: number;
  tsRecentSecond: number;
  hasTsRecent: boolean;

  // Congestion.
  caState: number;
  cwnd: number;
  cwndCount: number;
  cwndClamp: number;
  ssthresh: number;
  priorCwnd: number;
  priorSsthresh: number;
  highSeq: number;
  undoMarker: number;
  hasUndo: boolean;
  undoRetrans: number;
  packetsOut: number;
  sackedOut: number;
  /** End of the newest segment that was selectively acknowledged, valid while sackedOut > 0. */
  highestSackEnd: number;
  lostOut: number;
  retransOut: number;
  delivered: number;
  reordering: number;
  prrDelivered: number;
  prrOut: number;
  retransStampMs: number;
  isCwndLimited: boolean;
  maxPacketsOut: number;
  cwndUsageSeq: number;
  cwndUsed: number;
  cwndStampJiffies: number;
  isReno: boolean;
  cubicLastMaxCwnd: number;
  cubicLastCwnd: number;
  cubicLastJiffies: number;
  /** Acknowledged packets per packet of growth. */
  cubicPace: number;
  cubicOriginPoint: number;
  cubicK: number;
  cubicDelayMinUs: number;
  cubicEpochJiffies: number;
  cubicAckCount: number;
  cubicTcpCwnd: number;
  hystartRoundStartUs: number;
  hystartLastAckUs: number;
  hystartEndSeq: number;
  hystartRttUs: number;
  hystartSamples: number;
  isHystartDone: boolean;

  // Round-trip time and retransmission (microseconds; rto in jiffies).
  srttUs: number;
  mdevUs: number;
  mdevMaxUs: number;
  rttvarUs: number;
  rttSeq: number;
  minRttUs: number;
  rto: number;
  /** When our SYN-ACK was sent, 0 if this side opened. */
  synAckSentNs: number;
  backoff: number;
  retransmits: number;
  probesOut: number;
  totalRetrans: number;
  totalTimeouts: number;
  lastReceiveJiffies: number;
  rackNs: number;
  rackEndSeq: number;
  rackRttUs: number;
  isRackAdvanced: boolean;
  isReorderSeen: boolean;
  lossProbeHighSeq: number;
  hasLossProbe: boolean;
  isLossProbeRetransmit: boolean;
  /** F-RTO: after a timeout it is being found out whether it was false. */
  isFrto: boolean;
  /** Progress was made: the next packet confirms the neighbour (sk_dst_pending_confirm). */
  isConfirmPending: boolean;
  /** When the first unanswered zero-window probe was sent, 0 if none. */
  firstProbeMs: number;
  /** An acknowledgment is due when the socket is unlocked (TCP_ACK_DEFERRED). */
  isAckDeferred: boolean;
  /** Data per unit of buffer in 256ths, as measured (scaling_ratio). */
  scalingRatio: number;
  /** A process waits for room in the send buffer (SOCK_NOSPACE). */
  isWaitingForRoom: boolean;

  /** What retransmitTimer is armed for: TIMER_*. */
  timerPending: number;
  readonly retransmitTimer: Timer;
  readonly delayedAckTimer: Timer;
  readonly keepaliveTimer: Timer;
  bytesAcked: number;
  bytesReceived: number;
  bytesSent: number;
}

/** A closed socket that is bound to nothing. */
export function makeTcpRecord(netns: NetNamespace, handlers: TcpTimerHandlers): TcpSocket {
  // Field by field: with a spread in front of so many fields V8 takes a thousand times as long.
  const base = makeBoundSocket(netns, PROTOCOL_TCP);
  const socket: TcpSocket = {
    slot: base.slot,
    netns: base.netns,
    protocol: base.protocol,
    waiters: base.waiters,
    error: base.error,
    boundDevice: base.boundDevice,
    localAddress: base.localAddress,
    localPort: base.localPort,
    remoteAddress: base.remoteAddress,
    remotePort: base.remotePort,
    ttlHops: base.ttlHops,
    multicastTtlHops: base.multicastTtlHops,
    tos: base.tos,
    mark: base.mark,
    pathMtuDiscovery: base.pathMtuDiscovery,
    mayBroadcast: base.mayBroadcast,
    receiveErrors: base.receiveErrors,
    errorQueue: base.errorQueue,
    receiveQueue: base.receiveQueue,
    receiveBytes: base.receiveBytes,
    receiveBufferBytes: base.receiveBufferBytes,
    reuseAddress: base.reuseAddress,
    reusePort: base.reusePort,
    isClosed: base.isClosed,
    dropCount: base.dropCount,
    hash: base.hash,
    nextId: base.nextId,
    route: base.route,
    kind: 'socket',
    nextInChain: null,
    isHashed: false,
    softError: null,
    boundAddress: 0,
    isPortBound: false,
    bucket: null,
    isKeepalive: false,
    nagle: 0,
    isAbortOnClose: false,
    state: TCP_CLOSE,
    shutdown: 0,
    isOrphan: false,
    isDone: false,
    isDestroyed: false,
    isOwned: false,
    backlog: makePacketQueue(),
    deferredMtuBytes: 0,
    isRouted: false,
    backlogMax: 0,
    acceptQueue: [],
    requests: new Set(),
    listener: null,
    sending: makeSendQueue(),
    sendBufferBytes: 0,
    iss: 0,
    sendUna: 0,
    sendNext: 0,
    writeSeq: 0,
    pushedSeq: 0,
    sendWindow: 0,
    sendWl1: 0,
    maxWindow: 0,
    sendSmall: 0,
    sendWindowScale: 0,
    receiveWindowScale: 0,
    mssCache: TCP_MSS_DEFAULT,
    mssClamp: TCP_MSS_DEFAULT,
    userMss: 0,
    advertisedMss: TCP_MSS_DEFAULT,
    headerBytes: 20,
    pathMtuCookie: 0,
    gsoSegments: 0,
    lastSendJiffies: 0,
    lastWriteNs: 0,
    received: makeReceiveQueue(),
    irs: 0,
    receiveNext: 0,
    copiedSeq: 0,
    receiveWup: 0,
    receiveWindow: 0,
    windowClamp: 0,
    receiveSsthresh: 0,
    receiveMss: TCP_MSS_DEFAULT,
    earlyFinSeq: 0,
    hasEarlyFin: false,
    duplicateSackStart: 0,
    duplicateSackEnd: 0,
    hasDuplicateSack: false,
    rcvRttEstimateUs: 0,
    rcvRttSeq: 0,
    rcvRttTimeUs: 0,
    rcvSpaceSeq: 0,
    rcvSpaceBytes: 0,
    rcvSpaceTimeUs: 0,
    lastOutOfWindowAckNs: -1e9,
    ackPending: 0,
    ackQuick: 0,
    ackPingpong: 0,
    ackAto: 0,
    ackTimeout: 0,
    ackLastReceive: -1e9,
    ackRetry: 0,
    ackLastSegmentBytes: 0,
    isTimestamps: false,
    isSackOk: false,
    isWindowScaling: false,
    tsOffset: 0,
    tsRecent: 0,
    tsRecentSecond: 0,
    hasTsRecent: false,
    caState: CA_OPEN,
    cwnd: TCP_INIT_CWND,
    cwndCount: 0,
    cwndClamp: 0xffffffff,
    ssthresh: TCP_INFINITE_SSTHRESH,
    priorCwnd: 0,
    priorSsthresh: 0,
    highSeq: 0,
    undoMarker: 0,
    hasUndo: false,
    undoRetrans: 0,
    packetsOut: 0,
    sackedOut: 0,
    highestSackEnd: 0,
    lostOut: 0,
    retransOut: 0,
    delivered: 0,
    reordering: 3,
    prrDelivered: 0,
    prrOut: 0,
    retransStampMs: 0,
    isCwndLimited: false,
    maxPacketsOut: 0,
    cwndUsageSeq: 0,
    cwndUsed: 0,
    cwndStampJiffies: 0,
    isReno: false,
    cubicLastMaxCwnd: 0,
    cubicLastCwnd: 0,
    cubicLastJiffies: 0,
    cubicPace: 0,
    cubicOriginPoint: 0,
    cubicK: 0,
    cubicDelayMinUs: 0,
    cubicEpochJiffies: 0,
    cubicAckCount: 0,
    cubicTcpCwnd: 0,
    hystartRoundStartUs: 0,
    hystartLastAckUs: 0,
    hystartEndSeq: 0,
    hystartRttUs: 0,
    hystartSamples: 0,
    isHystartDone: false,
    srttUs: 0,
    mdevUs: 1_000_000,
    mdevMaxUs: 0,
    rttvarUs: 0,
    rttSeq: 0,
    minRttUs: -1,
    rto: TCP_TIMEOUT_INIT,
    synAckSentNs: 0,
    backoff: 0,
    retransmits: 0,
    probesOut: 0,
    totalRetrans: 0,
    totalTimeouts: 0,
    lastReceiveJiffies: 0,
    rackNs: 0,
    rackEndSeq: 0,
    rackRttUs: 0,
    isRackAdvanced: false,
    isReorderSeen: false,
    lossProbeHighSeq: 0,
    hasLossProbe: false,
    isLossProbeRetransmit: false,
    isFrto: false,
    isConfirmPending: false,
    firstProbeMs: 0,
    isAckDeferred: false,
    scalingRatio: 128,
    isWaitingForRoom: false,
    timerPending: TIMER_NONE,
    retransmitTimer: makeTimer(netns.cpu, () => handlers.retransmit(socket)),
    delayedAckTimer: makeTimer(netns.cpu, () => handlers.delayedAck(socket)),
    keepaliveTimer: makeTimer(netns.cpu, () => handlers.keepalive(socket)),
    bytesAcked: 0,
    bytesReceived: 0,
    bytesSent: 0,
  };
  return socket;
}
