/**
 * Datagrams that come in, and ICMP errors about those that went out.
 * @source net/ipv4/udp.c __udp4_lib_rcv(), __udp4_lib_err()
 */
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import { PACKET_CHECKSUM_KNOWN, type Packet } from '../engine/packet.ts';
import { copyPacket } from '../engine/packet-pool.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import { ICMP_UNREACHABLE, UNREACHABLE_PORT } from '../protocols/icmp.ts';
import { ipSource, ipTarget } from '../protocols/ipv4.ts';
import {
  isUdpChecksumGood,
  UDP_BYTES,
  udpLengthBytes,
  udpSourcePort,
  udpTargetPort,
} from '../protocols/udp.ts';
import { getInt } from './int-table.ts';
import type { NetNamespace } from './namespace.ts';
import { RTN_BROADCAST, RTN_MULTICAST } from './route-type.ts';
import {
  arrivalDeviceOf,
  makeIcmpSocketError,
  meaningOfIcmp,
  queueForSocket,
  reportError,
} from './socket.ts';
import type { UdpSocket } from './udp-table.ts';

/** The handler of IP protocol 17. Owns the packet. */
export function receiveUdp(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  const { bytes, network, transport: udp } = packet;
  const available = packet.end - udp;
  const length = available < UDP_BYTES ? 0 : udpLengthBytes(bytes, udp);
  if (length < UDP_BYTES || length > available) {
    drop(sim, packet, 'transport-header', packet.inDevice);
    return;
  }
  packet.end = udp + length;
  const source = ipSource(bytes, network);
  const target = ipTarget(bytes, network);
  const isKnown = (packet.flags & PACKET_CHECKSUM_KNOWN) !== 0;
  if (!isKnown && !isUdpChecksumGood(bytes, udp, packet.end, source, target)) {
    drop(sim, packet, 'udp-checksum', packet.inDevice);
    return;
  }
  if (packet.routeType === RTN_BROADCAST || packet.routeType === RTN_MULTICAST) {
    deliverToAll(sim, netns, packet);
    return;
  }
  const targetPort = udpTargetPort(bytes, udp);
  const sourcePort = udpSourcePort(bytes, udp);
  const device = arrivalDeviceOf(netns, packet);
  const socket = findSocket(netns, target, targetPort, source, sourcePort, device);
  if (socket === null) {
    netns.sendIcmpError(sim, netns, packet, ICMP_UNREACHABLE, UNREACHABLE_PORT, 0);
    drop(sim, packet, 'no-socket', packet.inDevice);
    return;
  }
  deliver(sim, socket, packet);
}

/** A broadcast goes to every socket that may have it. @source __udp4_lib_mcast_deliver() */
function deliverToAll(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  const { bytes, network, transport: udp, inDevice } = packet;
  const source = ipSource(bytes, network);
  const target = ipTarget(bytes, network);
  const sourcePort = udpSourcePort(bytes, udp);
  const sockets = getInt(netns.udp.byPort, udpTargetPort(bytes, udp));
  let last: UdpSocket | null = null;
  for (const socket of sockets ?? []) {
    if (scoreOf(socket, target, source, sourcePort, inDevice) < 0) continue;
    if (last !== null) deliver(sim, last, copyPacket(sim, packet));
    last = socket;
  }
  if (last === null) drop(sim, packet, 'no-socket', inDevice);
  else deliver(sim, last, packet);
}

function deliver(sim: Simulator, socket: UdpSocket, packet: Packet): void {
  if (sim.trace !== null) {
    const { bytes, network, transport } = packet;
    sim.trace('deliver', packet, socket.netns.name, {
      protocol: 'udp',
      port: udpTargetPort(bytes, transport),
      from: formatIpv4(ipSource(bytes, network)),
    });
  }
  if (socket.encapsulated !== null) {
    socket.encapsulated(sim, socket, packet);
    return;
  }
  queueForSocket(sim, socket, packet);
}

/**
 * The socket that fits best: bound to the very address rather than to any, connected rather than not.
 * Among equals the newest, or with SO_REUSEPORT one by the flow's hash.
 * @source __udp4_lib_lookup(), udp4_lib_lookup2()
 */
function findSocket(
  netns: NetNamespace,
  local: Ipv4,
  localPort: number,
  remote: Ipv4,
  remotePort: number,
  device: Device | null,
): UdpSocket | null {
  const sockets = getInt(netns.udp.byPort, localPort);
  if (sockets === null) return null;
  let best: UdpSocket | null = null;
  let bestScore = -1;
  let equals = 0;
  for (let i = 0; i < sockets.length; i++) {
    const socket = sockets[i]!;
    const score = scoreOf(socket, local, remote, remotePort, device);
    if (score > bestScore) {
      best = socket;
      bestScore = score;
      equals = 1;
    } else if (score === bestScore && score >= 0 && socket.reusePort) {
      equals++;
    }
  }
  if (best === null || equals === 1 || !best.reusePort) return best;
  let chosen = (Math.imul(remote ^ (remotePort << 16), 0x9e3779b1) >>> 8) % equals;
  for (let i = 0; i < sockets.length; i++) {
    const socket = sockets[i]!;
    if (scoreOf(socket, local, remote, remotePort, device) !== bestScore) continue;
    if (chosen-- === 0) return socket;
  }
  return best;
}

/** How well a socket fits; negative: not at all. @source compute_score() */
function scoreOf(
  socket: UdpSocket,
  local: Ipv4,
  remote: Ipv4,
  remotePort: number,
  device: Device | null,
): number {
  let score = 2;
  if (socket.localAddress !== 0) {
    if (socket.localAddress !== local) return -1;
    score += 16;
  }
  if (socket.remoteAddress !== 0) {
    if (socket.remoteAddress !== remote) return -1;
    score += 4;
  }
  if (socket.remotePort !== 0) {
    if (socket.remotePort !== remotePort) return -1;
    score += 4;
  }
  if (socket.boundDevice !== null) {
    if (socket.boundDevice !== device) return -1;
    score += 4;
  }
  return score;
}

/** An ICMP error about a datagram of ours: an ErrorHandler (see namespace.ts). */
export function udpError(
  _sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  icmpType: number,
  icmpCode: number,
  info: number,
  from: Ipv4,
): void {
  const meaning = meaningOfIcmp(icmpType, icmpCode);
  if (meaning === null) return;
  const { bytes, network, transport: udp } = packet;
  const remote = ipTarget(bytes, network);
  const remotePort = udpTargetPort(bytes, udp);
  const local = ipSource(bytes, network);
  const localPort = udpSourcePort(bytes, udp);
  const socket = findSocket(netns, local, localPort, remote, remotePort, packet.inDevice);
  if (socket === null || socket.encapsulated !== null) return;
  const { errno } = meaning;
  const isTooBig = errno === 'EMSGSIZE';
  if (isTooBig && socket.pathMtuDiscovery === 'dont') return;
  const isFatal = isTooBig || meaning.isFatal;
  if (!socket.receiveErrors && (!isFatal || socket.remoteAddress === 0)) return;
  const error = makeIcmpSocketError(
    packet,
    errno,
    icmpType,
    icmpCode,
    info,
    from,
    remotePort,
    UDP_BYTES,
  );
  reportError(socket, error);
}
