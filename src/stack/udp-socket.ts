/**
 * UDP sockets.
 * @source net/ipv4/udp.c; net/ipv4/datagram.c
 */
import type { Errno } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import { nextBelow, nextInt32 } from '../base/prng.ts';
import { PACKET_CHECKSUM_KNOWN, type Packet } from '../engine/packet.ts';
import { takePacket } from '../engine/packet-pool.ts';
import { type Simulator, streamOf } from '../engine/simulator.ts';
import { PROTOCOL_UDP } from '../protocols/ipv4.ts';
import { UDP_BYTES, writeUdp } from '../protocols/udp.ts';
import { addressType } from './fib-lookup.ts';
import { getInt } from './int-table.ts';
import type { NetNamespace } from './namespace.ts';
import { RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, routeOutput } from './route.ts';
import { type BoundSocket, makeBoundSocket, purgeReceived } from './socket.ts';
import { routeDatagram, sendDatagram } from './socket-send.ts';
import { addUdpSocket, removeUdpSocket, type UdpSocket } from './udp-table.ts';
import { limitRoute } from './xfrm/transform.ts';

export { receiveUdp, udpError } from './udp-input.ts';
export { listUdpSockets, makeUdpTable, type UdpSocket, type UdpTable } from './udp-table.ts';

/** What fits into one datagram: 65535 less both headers. */
const UDP_MAX_BYTES = 65535;

/** socket(AF_INET, SOCK_DGRAM): not bound. */
export function openUdp(netns: NetNamespace): UdpSocket {
  const base: BoundSocket = makeBoundSocket(netns, PROTOCOL_UDP);
  return { ...base, encapsulated: null };
}

/** bind(): address 0 for any, port 0 for a free one. */
export function bindUdp(socket: UdpSocket, address: Ipv4, port: number): Errno | null {
  const { netns } = socket;
  if (socket.localPort !== 0) return 'EINVAL';
  if (address !== 0 && netns.sysctl.ipNonlocalBind === 0) {
    const type = addressType(netns.fib, address, null);
    const isOwn = type === RTN_LOCAL || type === RTN_BROADCAST || type === RTN_MULTICAST;
    if (!isOwn) return 'EADDRNOTAVAIL';
  }
  return takePort(socket, address, port);
}

/** connect(): fixes the remote end and, if it was open, our address. */
export function connectUdp(socket: UdpSocket, target: Ipv4, port: number): Errno | null {
  const { netns, route } = socket;
  const own = sourceAddressOf(socket);
  const { boundDevice, mark, tos } = socket;
  const failure = routeOutput(netns, target, own, boundDevice, mark, tos, route);
  if (failure !== null) return failure;
  if (netns.xfrm !== null) {
    const forbidden = limitRoute(netns, route, PROTOCOL_UDP, socket.localPort, port, mark);
    if (forbidden !== null) return forbidden;
  }
  if (route.type === RTN_BROADCAST && !socket.mayBroadcast) return 'EACCES';
  if (socket.localPort === 0) {
    const refused = takePort(socket, 0, 0);
    if (refused !== null) return 'EAGAIN';
  }
  if (socket.localAddress === 0) socket.localAddress = route.source;
  socket.remoteAddress = route.target;
  socket.remotePort = port;
  const stream = streamOf(netns.sim, 'stack/udp');
  socket.hash = nextInt32(stream) || 1;
  socket.nextId = nextInt32(stream) & 0xffff;
  return null;
}

/**
 * sendto(); with target and port left out, send() on a connected socket.
 * @returns null, or why it was not sent.
 */
export function sendUdp(
  socket: UdpSocket,
  payload: Uint8Array,
  target: Ipv4 = socket.remoteAddress,
  port: number = socket.remotePort,
): Errno | null {
  const { netns } = socket;
  if (payload.length > UDP_MAX_BYTES) return 'EMSGSIZE';
  if (port === 0) return socket.remotePort === 0 && target === 0 ? 'EDESTADDRREQ' : 'EINVAL';
  if (socket.localPort === 0) {
    const failure = takePort(socket, 0, 0);
    if (failure !== null) return 'EAGAIN';
  }
  const length = UDP_BYTES + payload.length;
  const failure = routeDatagram(socket, target, port, length);
  if (failure !== null) return failure;
  const packet = takePacket(netns.sim, length);
  const { bytes, start } = packet;
  packet.end = start + length;
  bytes.set(payload, start + UDP_BYTES);
  const { source, target: routed } = socket.route;
  writeUdp(bytes, start, packet.end, socket.localPort, port, source, routed);
  packet.flags |= PACKET_CHECKSUM_KNOWN;
  return sendDatagram(socket, packet);
}

/** close(): what was not read is gone. */
export function closeUdp(socket: UdpSocket): void {
  if (socket.isClosed) return;
  socket.isClosed = true;
  if (socket.localPort !== 0) removeUdpSocket(socket);
  purgeReceived(socket);
}

/**
 * Gives what comes to a socket to a tunnel instead of its queue: the handler owns each packet, whose
 * transport offset is the UDP header. Checksums have been verified.
 * @source include/net/udp_tunnel.h setup_udp_tunnel_sock()
 */
export function setEncapsulation(
  socket: UdpSocket,
  handler: (sim: Simulator, socket: UdpSocket, packet: Packet) => void,
): void {
  socket.encapsulated = handler;
}

/** The source for a lookup: a group address that one is bound to cannot be one. */
function sourceAddressOf(socket: UdpSocket): Ipv4 {
  const { localAddress, netns } = socket;
  if (localAddress === 0) return 0;
  const type = addressType(netns.fib, localAddress, null);
  return type === RTN_BROADCAST || type === RTN_MULTICAST ? 0 : localAddress;
}

/** Binds to a port, a random free one if it is 0. @source udp_lib_get_port() */
function takePort(socket: UdpSocket, address: Ipv4, port: number): Errno | null {
  const { netns } = socket;
  const before = socket.localAddress;
  socket.localAddress = address;
  if (port !== 0) {
    if (!hasConflict(socket, port)) {
      addUdpSocket(socket, port);
      return null;
    }
    socket.localAddress = before;
    return 'EADDRINUSE';
  }
  const low = netns.sysctl.ipLocalPortRangeLow;
  const count = netns.sysctl.ipLocalPortRangeHigh - low + 1;
  const first = nextBelow(streamOf(netns.sim, 'stack/udp'), count);
  for (let i = 0; i < count; i++) {
    const candidate = low + ((first + i) % count);
    if (hasConflict(socket, candidate)) continue;
    addUdpSocket(socket, candidate);
    return null;
  }
  socket.localAddress = before;
  return 'EADDRINUSE';
}

/** Whether another socket keeps this one from the port. @source udp_lib_lport_inuse() */
function hasConflict(socket: UdpSocket, port: number): boolean {
  const others = getInt(socket.netns.udp.byPort, port);
  if (others === null) return false;
  return others.some((other) => {
    if (other === socket || (other.reuseAddress && socket.reuseAddress)) return false;
    if (other.reusePort && socket.reusePort) return false;
    const isOtherDevice =
      other.boundDevice !== null &&
      socket.boundDevice !== null &&
      other.boundDevice !== socket.boundDevice;
    if (isOtherDevice) return false;
    const [one, two] = [other.localAddress, socket.localAddress];
    return one === 0 || two === 0 || one === two;
  });
}
