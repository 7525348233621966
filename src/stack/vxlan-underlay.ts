/**
 * The underlay of vxlan devices: fills the VxlanUnderlay slot with the IPv4 stack of the namespace in
 * which a device was made, and with the neighbours of the one it is in now.
 * @source drivers/net/vxlan/vxlan_core.c vxlan_sock_add(); net/ipv4/udp_tunnel_core.c
 */
import { KernelError } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import { receiveVxlan } from '../devices/vxlan.ts';
import type { UnderlayRouteSlot, VxlanRemote } from '../devices/vxlan-fdb.ts';
import {
  type VxlanNeighbour,
  type VxlanUnderlay,
  vxlanOf,
  vxlansBornIn,
} from '../devices/vxlan-record.ts';
import type { Device } from '../engine/device.ts';
import { PACKET_CHECKSUM_KNOWN, type Packet } from '../engine/packet.ts';
import type { Simulator } from '../engine/simulator.ts';
import { addToSum, finishSum, pseudoHeaderSum } from '../protocols/checksum.ts';
import { ipSource, ipTarget, ipTos, PROTOCOL_UDP } from '../protocols/ipv4.ts';
import { UDP_BYTES, udpLengthBytes, writeUdpChecksum, writeUdpHeader } from '../protocols/udp.ts';
import { nextIpId } from './ip-id.ts';
import { type NetNamespace, namespaceOf } from './namespace.ts';
import { findNeighbour } from './neighbour.ts';
import { type Neighbour, NUD_CONNECTED } from './neighbour-table.ts';
import { sendIpv4 } from './output.ts';
import { learnPathMtu } from './path-mtu.ts';
import { makeRoute, type Route, RTN_LOCAL, routeOutput } from './route.ts';
import { bindUdp, closeUdp, openUdp, type UdpSocket } from './udp-socket.ts';
import { limitRoute } from './xfrm/transform.ts';

/** A remote's cached route. @source struct dst_cache */
interface UnderlayRoute extends UnderlayRouteSlot {
  readonly slot: 'underlay-route';
  readonly route: Route;
  tos: number;
}

/** The UDP sockets that vxlan devices share, by the namespace of birth. */
const socketsByBirth = new WeakMap<NetNamespace, UdpSocket[]>();

export const VXLAN_UNDERLAY: VxlanUnderlay = {
  open: openPort,
  close: closePort,
  findWay,
  send,
  portRangeLow: (device) => birthOf(device).sysctl.ipLocalPortRangeLow,
  portRangeHigh: (device) => birthOf(device).sysctl.ipLocalPortRangeHigh,
  findNeighbour: (device, address) => findNeighbour(namespaceOf(device), device, address),
  isConnected: (neighbour: VxlanNeighbour) =>
    // Only findNeighbour above makes one.
    ((neighbour as Neighbour).state & NUD_CONNECTED) !== 0,
  learnPathMtu: (_sim, device, target, mtuBytes) => {
    learnPathMtu(namespaceOf(device), target, mtuBytes, device.mtuBytes);
  },
};

function birthOf(device: Device): NetNamespace {
  return vxlanOf(device).birth as NetNamespace; // every Netns is one: see namespaceOf
}

/** The first device on a port opens the socket. @source __vxlan_sock_add() */
function openPort(_sim: Simulator, device: Device): void {
  const birth = birthOf(device);
  const { port } = vxlanOf(device);
  const sockets = socketsByBirth.get(birth) ?? [];
  socketsByBirth.set(birth, sockets);
  if (sockets.some((socket) => socket.localPort === port)) return;
  const socket = openUdp(birth);
  const failure = bindUdp(socket, 0, port);
  if (failure !== null) {
    closeUdp(socket);
    throw new KernelError(failure);
  }
  socket.encapsulated = receiveDatagram;
  sockets.push(socket);
}

/** The last device on a port closes it. @source vxlan_sock_release() */
function closePort(_sim: Simulator, device: Device): void {
  const birth = birthOf(device);
  const { port } = vxlanOf(device);
  const isUsed = vxlansBornIn(birth).some((other) => {
    const vxlan = vxlanOf(other);
    return vxlan.isOpen && vxlan.port === port;
  });
  const sockets = socketsByBirth.get(birth);
  if (isUsed || sockets === undefined) return;
  const at = sockets.findIndex((socket) => socket.localPort === port);
  if (at < 0) return;
  closeUdp(sockets[at]!);
  sockets.splice(at, 1);
}

/** What came to the port: the packet's transport offset is its UDP header. Owns the packet. */
function receiveDatagram(sim: Simulator, socket: UdpSocket, packet: Packet): void {
  const source = ipSource(packet.bytes, packet.network);
  const tos = ipTos(packet.bytes, packet.network);
  packet.start = packet.transport + UDP_BYTES;
  receiveVxlan(sim, socket.netns, socket.localPort, packet, source, tos);
}

/** @source udp_tunnel_dst_lookup() */
function findWay(_sim: Simulator, device: Device, remote: VxlanRemote, tos: number): boolean {
  const birth = birthOf(device);
  if (!birth.isAlive) return false;
  const vxlan = vxlanOf(device);
  const route = cachedRoute(birth, vxlan.local, remote, vxlan.port, tos);
  if (route === null) return false;
  vxlan.way.isLocal = route.type === RTN_LOCAL;
  vxlan.way.isCircular = route.outDevice === device;
  vxlan.way.mtuBytes = route.pathMtuBytes - route.ipsecBytes;
  return true;
}

/** The way that findWay has just found is the remote's cached one. @source udp_tunnel_xmit_skb() */
function send(
  sim: Simulator,
  device: Device,
  packet: Packet,
  remote: VxlanRemote,
  sourcePort: number,
  ttlHops: number,
  tos: number,
  fragmentField: number,
): void {
  const birth = birthOf(device);
  const vxlan = vxlanOf(device);
  const { route } = remote.route as UnderlayRoute; // only cachedRoute makes one
  const target = remote.address;
  const source = vxlan.local === 0 ? route.source : vxlan.local;
  const port = remote.port === 0 ? vxlan.port : remote.port;
  packet.start -= UDP_BYTES;
  const { bytes, start, end } = packet;
  writeUdpHeader(bytes, start, end, sourcePort, port);
  if (vxlan.hasUdpChecksum) {
    const sum = pseudoHeaderSum(source, target, PROTOCOL_UDP, end - start);
    writeUdpChecksum(bytes, start, addDatagramToSum(sum, packet));
  }
  const ttl = ttlHops === 0 ? birth.sysctl.ipDefaultTtl : ttlHops;
  const id = nextIpId(sim, birth, source, target, PROTOCOL_UDP);
  sendIpv4(sim, birth, packet, route, PROTOCOL_UDP, source, target, ttl, tos, fragmentField, id);
}

/**
 * Adds packet.bytes[start, end). Where the inner datagram's checksum is known to be right, that datagram
 * adds the complement of its pseudo header, whatever is in it.
 * @source include/linux/skbuff.h lco_csum()
 */
function addDatagramToSum(sum: number, packet: Packet): number {
  const { bytes, start, end, network, transport } = packet;
  const isKnown =
    (packet.flags & PACKET_CHECKSUM_KNOWN) !== 0 &&
    transport > start &&
    udpLengthBytes(bytes, transport) === end - transport;
  if (!isKnown) return addToSum(sum, bytes, start, end);
  const inner = pseudoHeaderSum(
    ipSource(bytes, network),
    ipTarget(bytes, network),
    PROTOCOL_UDP,
    end - transport,
  );
  return addToSum(sum + finishSum(inner), bytes, start, transport);
}

/** The route to a remote, looked up again when the routing tables have changed; null: none. */
function cachedRoute(
  birth: NetNamespace,
  local: Ipv4,
  remote: VxlanRemote,
  port: number,
  tos: number,
): Route | null {
  let cached = remote.route as UnderlayRoute | null; // only this function makes one
  if (cached === null) {
    cached = { slot: 'underlay-route', route: makeRoute(), tos: -1 };
    remote.route = cached;
  }
  const { route } = cached;
  if (route.generation === birth.fib.generation && cached.tos === tos) return route;
  cached.tos = tos;
  const failure = routeOutput(birth, remote.address, local, remote.device, 0, tos, route);
  if (failure === null) {
    if (birth.xfrm !== null) limitRoute(birth, route, PROTOCOL_UDP, 0, remote.port || port, 0);
    return route;
  }
  route.generation = -1;
  return null;
}
