/**
 * The route of a socket, the segment size that fits it, and the clocks of TCP.
 * @source net/ipv4/tcp_output.c tcp_sync_mss(), tcp_current_mss()
 */
import type { Errno } from '../../base/errors.ts';
import { nextInt32, type Prng } from '../../base/prng.ts';
import { streamOf } from '../../engine/simulator.ts';
import { PROTOCOL_TCP } from '../../protocols/ipv4.ts';
import type { NetNamespace } from '../namespace.ts';
import { routeOutput } from '../route.ts';
import type { Route } from '../route-record.ts';
import { limitRoute } from '../xfrm/transform.ts';
import { TIMESTAMP_BYTES } from './tcp-options.ts';
import type { TcpSocket } from './tcp-record.ts';
import { TCP_MSS_DEFAULT } from './tcp-states.ts';
import type { TcpTable } from './tcp-table.ts';

const HEADERS_BYTES = 40;
/** The largest MSS that IPv4 allows. @source net/ipv4/route.c ipv4_default_advmss() */
const MSS_MAX = 65495;
/** What one offloaded segment may carry: 64 KiB less the headers. @source sk_setup_caps() */
const GSO_MAX_BYTES = 65215;

/** Virtual time in microseconds: TCP's clock for round trips. */
export function nowUsOf(netns: NetNamespace): number {
  return Math.floor((netns.sim.nowNs + netns.sim.workNs) / 1000);
}

/** Virtual time in milliseconds: the clock of timestamps. */
export function nowMsOf(netns: NetNamespace): number {
  return Math.floor((netns.sim.nowNs + netns.sim.workNs) / 1_000_000);
}

/** The stream that TCP of this namespace draws from. */
export function prngOf(netns: NetNamespace): Prng {
  netns.tcp.prng ??= streamOf(netns.sim, `stack/tcp/${netns.id}`);
  return netns.tcp.prng;
}

/** A random number that is not 0: sk_txhash. */
export function drawHash(netns: NetNamespace): number {
  return nextInt32(prngOf(netns)) | 1;
}

/** The key under which sequence numbers, offsets and ports of a namespace are hashed. */
export function secretOf(netns: NetNamespace): number {
  const table: TcpTable = netns.tcp;
  if (table.secret === 0) table.secret = nextInt32(prngOf(netns)) | 1;
  return table.secret;
}

/** Makes sure that the socket's route is a decision of today. */
export function ensureRoute(socket: TcpSocket): Errno | null {
  const { netns, route } = socket;
  if (socket.isRouted && route.generation === netns.fib.generation) return null;
  const failure = routeOutput(
    netns,
    socket.remoteAddress,
    socket.localAddress,
    socket.boundDevice,
    socket.mark,
    socket.tos,
    route,
  );
  socket.isRouted = failure === null;
  return failure ?? limitToIpsec(socket);
}

/** What IPsec takes off the socket's new route; the error of a policy that forbids it. */
export function limitToIpsec(socket: TcpSocket): Errno | null {
  const { netns, route, localPort, remotePort, mark } = socket;
  if (netns.xfrm === null) return null;
  return limitRoute(netns, route, PROTOCOL_TCP, localPort, remotePort, mark);
}

/** The MSS that we announce on a route. @source net/ipv4/route.c ipv4_default_advmss() */
export function advertisedMssOf(netns: NetNamespace, route: Route): number {
  const mss = Math.max(route.pathMtuBytes - HEADERS_BYTES, netns.sysctl.routeMinAdvMss);
  return Math.min(mss, MSS_MAX);
}

/** At most half of the peer's largest window. @source include/net/tcp.h tcp_bound_to_half_wnd() */
function boundToHalfWindow(socket: TcpSocket, bytes: number): number {
  const cutoff = socket.maxWindow > TCP_MSS_DEFAULT ? socket.maxWindow >>> 1 : socket.maxWindow;
  return cutoff !== 0 && bytes > cutoff ? Math.max(cutoff, 68 - socket.headerBytes) : bytes;
}

/** Fits the segment size to a path MTU. @returns the new size of data per packet. */
export function syncMss(socket: TcpSocket, pathMtuBytes: number): number {
  let mss = Math.min(pathMtuBytes - HEADERS_BYTES, socket.mssClamp);
  mss = Math.max(mss, socket.netns.sysctl.tcpMinSndMss);
  mss -= socket.headerBytes - 20;
  mss = boundToHalfWindow(socket, mss);
  socket.pathMtuCookie = pathMtuBytes;
  socket.mssCache = mss;
  return mss;
}

/** How many bytes of options a segment with data carries now. */
export function optionBytesOf(socket: TcpSocket): number {
  let bytes = socket.isTimestamps ? TIMESTAMP_BYTES : 0;
  const blocks = sackBlockCount(socket);
  if (blocks > 0) bytes += 4 + 8 * Math.min(blocks, (36 - bytes) >> 3);
  return bytes;
}

/** SACK blocks that we have to tell, a duplicate one included. */
export function sackBlockCount(socket: TcpSocket): number {
  if (!socket.isSackOk) return 0;
  return socket.received.recentStarts.length + (socket.hasDuplicateSack ? 1 : 0);
}

/** Data per packet for what is sent now. @source net/ipv4/tcp_output.c tcp_current_mss() */
export function currentMss(socket: TcpSocket): number {
  let mss = socket.mssCache;
  const mtuBytes = socket.route.pathMtuBytes - socket.route.ipsecBytes;
  if (socket.isRouted && mtuBytes !== socket.pathMtuCookie) mss = syncMss(socket, mtuBytes);
  const headerBytes = optionBytesOf(socket) + 20;
  return mss - (headerBytes - socket.headerBytes);
}

/** Bytes that a segment is filled with before it is sent. @source net/ipv4/tcp.c tcp_xmit_size_goal() */
export function sizeGoal(socket: TcpSocket, mss: number): number {
  const wanted = boundToHalfWindow(socket, GSO_MAX_BYTES);
  let goal = socket.gsoSegments * mss;
  if (wanted < goal || wanted >= goal + mss) {
    socket.gsoSegments = Math.floor(wanted / mss);
    goal = socket.gsoSegments * mss;
  }
  return Math.max(goal, mss);
}

/** Packets that one segment may be cut into. @source net/ipv4/tcp_output.c tcp_tso_segs() */
export function segmentPacketsMax(socket: TcpSocket, mss: number): number {
  let bytes = GSO_MAX_BYTES;
  if (socket.srttUs > 0) {
    const packets = Math.max(socket.cwnd, socket.packetsOut);
    const ratio = socket.cwnd < socket.ssthresh / 2 ? 2 : 1.2;
    bytes = (socket.mssCache * packets * ratio * 8e6) / socket.srttUs / 1024;
    const shift = socket.minRttUs < 0 ? 32 : socket.minRttUs >> 9;
    if (shift < 17) bytes += GSO_MAX_BYTES >> shift;
    bytes = Math.min(bytes, GSO_MAX_BYTES);
  }
  return Math.max(Math.floor(bytes / mss), 2);
}
