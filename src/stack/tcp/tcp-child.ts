/**
 * The socket that is born when a handshake on the listening side is done.
 * @source net/ipv4/tcp_minisocks.c tcp_create_openreq_child(); net/ipv4/tcp_ipv4.c tcp_v4_syn_recv_sock()
 */
import { nextInt32 } from '../../base/prng.ts';
import { timeNs } from '../../engine/simulator.ts';
import { jiffiesOf } from '../jiffies.ts';
import { routeOutput } from '../route.ts';
import { TIMESTAMP_BYTES } from './tcp-options.ts';
import { advertisedMssOf, limitToIpsec, prngOf, syncMss } from './tcp-path.ts';
import type { TcpSocket } from './tcp-record.ts';
import type { SegmentInfo } from './tcp-segment.ts';
import type { TcpRequest } from './tcp-small-records.ts';
import { TCP_SYN_RECV } from './tcp-states.ts';
import { makeTcpSocket } from './tcp-timers.ts';
import { clampMss } from './tcp-transfer.ts';
import { initializeReceiveMss } from './tcp-window.ts';

/** The child of a request; `segment` is the last ACK of the handshake. It is in no table yet. */
export function makeChild(request: TcpRequest, segment: SegmentInfo): TcpSocket {
  const { listener } = request;
  const { netns } = listener;
  const child = makeTcpSocket(netns);
  child.localAddress = request.localAddress;
  child.localPort = request.localPort;
  child.remoteAddress = request.remoteAddress;
  child.remotePort = request.remotePort;
  child.boundAddress = listener.boundAddress;
  child.boundDevice = request.boundDevice;
  child.reuseAddress = listener.reuseAddress;
  child.bucket = listener.bucket;
  listener.bucket?.owners.push(child);
  child.mark = request.mark;
  child.tos = listener.tos;
  child.ttlHops = listener.ttlHops;
  child.pathMtuDiscovery = listener.pathMtuDiscovery;
  child.nagle = listener.nagle;
  child.isKeepalive = listener.isKeepalive;
  child.userMss = listener.userMss;
  child.listener = listener;
  child.state = TCP_SYN_RECV;
  child.hash = request.hash;
  child.nextId = nextInt32(prngOf(netns)) & 0xffff;
  child.sendBufferBytes = listener.sendBufferBytes;
  child.receiveBufferBytes = listener.receiveBufferBytes;
  child.iss = request.iss;
  const next = (request.iss + 1) | 0;
  child.sendUna = next;
  child.sendNext = next;
  child.sendSmall = next;
  child.writeSeq = next;
  child.pushedSeq = next;
  child.irs = request.irs;
  child.receiveNext = request.receiveNext;
  child.receiveWup = request.receiveNext;
  child.copiedSeq = request.receiveNext;
  child.receiveWindow = request.receiveWindow;
  child.windowClamp = request.windowClamp;
  child.receiveSsthresh = request.receiveWindow;
  child.isTimestamps = request.isTimestamps;
  child.isSackOk = request.isSackOk;
  child.isWindowScaling = request.isWindowScaling;
  child.sendWindowScale = request.sendWindowScale;
  child.receiveWindowScale = request.receiveWindowScale;
  child.tsOffset = request.tsOffset;
  child.tsRecent = request.tsRecent;
  child.tsRecentSecond = Math.floor(timeNs(netns.sim) / 1e9);
  child.hasTsRecent = request.isTimestamps;
  child.headerBytes = request.isTimestamps ? 20 + TIMESTAMP_BYTES : 20;
  child.synAckSentNs = request.retransmits === 0 ? request.sentNs : 0;
  child.totalRetrans = request.retransmits;
  child.mssClamp = request.peerMss;
  child.sendWindow = segment.window * 2 ** request.sendWindowScale;
  child.maxWindow = child.sendWindow;
  child.sendWl1 = request.irs;
  startChild(child, segment);
  return child;
}

/** What depends on the present moment and on the route. */
function startChild(child: TcpSocket, segment: SegmentInfo): void {
  const { netns } = child;
  const now = jiffiesOf(netns.sim);
  child.ackLastReceive = now;
  child.lastSendJiffies = now;
  const dataBytes = segment.dataEnd - segment.dataStart;
  if (dataBytes >= 536) child.ackLastSegmentBytes = dataBytes;
  const failure = routeOutput(
    netns,
    child.remoteAddress,
    child.localAddress,
    child.boundDevice,
    child.mark,
    child.tos,
    child.route,
  );
  child.isRouted = failure === null && limitToIpsec(child) === null;
  child.advertisedMss = clampMss(child, advertisedMssOf(netns, child.route));
  syncMss(child, child.route.pathMtuBytes - child.route.ipsecBytes);
  initializeReceiveMss(child);
}
