/**
 * Sending one datagram from a raw or UDP socket: route, size, DF, IP id, TTL.
 * @source net/ipv4/ip_output.c __ip_append_data(), __ip_make_skb(); net/ipv4/raw.c raw_sendmsg()
 */
import type { Errno } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import { DROP_REASONS, type DropReason } from '../engine/drop-reason.ts';
import { PACKET_IGNORE_DF, type Packet } from '../engine/packet.ts';
import { IP_DF, IPV4_BYTES, PROTOCOL_UDP } from '../protocols/ipv4.ts';
import { nextIpId } from './ip-id.ts';
import { sendIpv4 } from './output.ts';
import { type Route, RTN_BROADCAST, RTN_MULTICAST } from './route.ts';
import { routeOutputAgain } from './route-again.ts';
import { type BoundSocket, reportTooBig, takeError } from './socket.ts';
import { limitRoute } from './xfrm/transform.ts';

/** The most that one IP packet can hold. */
const IP_MAX_BYTES = 65535;

/**
 * Finds the way for a datagram of `length` bytes (all after the IP header), writes it into socket.route,
 * and refuses what may not be sent.
 */
export function routeDatagram(
  socket: BoundSocket,
  target: Ipv4,
  targetPort: number,
  length: number,
): Errno | null {
  const { netns, route } = socket;
  const failure = routeOutputAgain(
    netns,
    target,
    socket.localAddress,
    socket.boundDevice,
    socket.mark,
    socket.tos,
    route,
  );
  if (failure !== null) return failure;
  if (netns.xfrm !== null) {
    const { protocol, localPort, mark } = socket;
    const refused = limitRoute(netns, route, protocol, localPort, targetPort, mark);
    if (refused !== null) return refused;
  }
  if (route.type === RTN_BROADCAST && !socket.mayBroadcast) return 'EACCES';
  const mtuBytes = linkMtuOf(socket, route);
  const limit = ignoresDf(socket) ? IP_MAX_BYTES : mtuBytes;
  if (length > limit - IPV4_BYTES) {
    reportTooBig(socket, route.target, targetPort, mtuBytes);
    return 'EMSGSIZE';
  }
  // An error that came back for an earlier datagram is reported by the next call; raw sockets do
  // not look (their ip_append_data() has no transport header and so allocates without a check).
  return socket.protocol === PROTOCOL_UDP ? takeError(socket) : null;
}

/**
 * Sends packet.bytes[start, end) to socket.route.target. Owns the packet.
 * @returns what sendmsg() reports if the packet did not get out of this namespace.
 */
export function sendDatagram(socket: BoundSocket, packet: Packet): Errno | null {
  const { netns, route, protocol } = socket;
  const { sim, sysctl } = netns;
  const { source, target } = route;
  const fragmentField = hasDf(socket, route, packet.end - packet.start) ? IP_DF : 0;
  let id = 0;
  if (fragmentField === 0 || ignoresDf(socket)) {
    id = nextIpId(sim, netns, source, target, protocol);
  } else if (socket.remoteAddress !== 0) {
    id = socket.nextId;
    socket.nextId = (socket.nextId + 1) & 0xffff;
  }
  packet.socket = socket;
  packet.mark = socket.mark;
  packet.hash = socket.hash;
  if (ignoresDf(socket)) packet.flags |= PACKET_IGNORE_DF;
  const isGroup = route.type === RTN_MULTICAST;
  const ttlHops = isGroup ? socket.multicastTtlHops : socket.ttlHops || sysctl.ipDefaultTtl;
  const failure = sendIpv4(
    sim,
    netns,
    packet,
    route,
    protocol,
    source,
    target,
    ttlHops,
    socket.tos,
    fragmentField,
    id,
  );
  return failure === null ? null : errnoOfLoss(failure, socket.receiveErrors);
}

/**
 * What a sender hears of the loss of its own packet: always of a firewall's, of a full or unwilling
 * device only if it asked for errors (IP_RECVERR).
 * @source net/ipv4/ip_output.c ip_send_skb(); include/linux/netdevice.h net_xmit_errno()
 */
export function errnoOfLoss(reason: DropReason, receivesErrors: boolean): Errno | null {
  if (DROP_REASONS[reason].layer === 'netfilter') return 'EPERM';
  switch (reason) {
    case 'ipsec-blocked':
      return 'EPERM';
    case 'device-down':
    case 'dead-loop':
      return 'ENETDOWN';
    case 'fragmentation-needed':
      return 'EMSGSIZE';
    case 'mtu-exceeded':
    case 'backlog-full':
    case 'queue-full':
      return receivesErrors ? 'ENOBUFS' : null;
    default:
      return null;
  }
}

/** @source include/net/ip.h ip_sk_use_pmtu() */
function linkMtuOf(socket: BoundSocket, route: Route): number {
  if (socket.pathMtuDiscovery !== 'probe') return route.pathMtuBytes - route.ipsecBytes;
  return Math.min(route.outDevice!.mtuBytes, IP_MAX_BYTES);
}

/** @source include/net/ip.h ip_sk_ignore_df() */
function ignoresDf(socket: BoundSocket): boolean {
  return socket.pathMtuDiscovery === 'dont' || socket.pathMtuDiscovery === 'want';
}

/** @source __ip_make_skb(), ip_dont_fragment() */
function hasDf(socket: BoundSocket, route: Route, length: number): boolean {
  const { pathMtuDiscovery } = socket;
  if (pathMtuDiscovery === 'do' || pathMtuDiscovery === 'probe') return true;
  if (pathMtuDiscovery === 'dont' || route.isMtuLearnt) return false;
  return length + IPV4_BYTES <= route.pathMtuBytes - route.ipsecBytes;
}
