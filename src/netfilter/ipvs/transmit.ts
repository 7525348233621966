/**
 * Sending on to a destination: by a new target (Masq), by its MAC address alone (Route), or in an
 * outer packet (Tunnel). What is sent passes OUTPUT and POSTROUTING as a packet of our own.
 *
 * Unlike Linux, tunnels are of the kind ipip only (no GUE, no GRE).
 * @source net/netfilter/ipvs/ip_vs_xmit.c ip_vs_nat_xmit(), ip_vs_dr_xmit(), ip_vs_tunnel_xmit(),
 *   ip_vs_icmp_xmit(), __ip_vs_get_out_rt()
 */
import { formatIpv4, type Ipv4 } from '../../base/ipv4-address.ts';
import { PACKET_IGNORE_DF, PACKET_IPVS, type Packet } from '../../engine/packet.ts';
import { drop, type Simulator } from '../../engine/simulator.ts';
import { writeUint16 } from '../../protocols/bytes.ts';
import {
  ICMP_BYTES,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  TIME_EXCEEDED_TTL,
  UNREACHABLE_FRAG_NEEDED,
  UNREACHABLE_HOST,
  writeIcmpChecksum,
} from '../../protocols/icmp.ts';
import {
  decreaseTtl,
  IP_DF,
  IPV4_BYTES,
  ipFragmentField,
  ipHeaderBytes,
  ipProtocol,
  ipSource,
  ipTarget,
  ipTos,
  ipTtl,
  PROTOCOL_ICMP,
  rewriteIpSource,
  rewriteIpTarget,
} from '../../protocols/ipv4.ts';
import { confirmPacket } from '../conntrack.ts';
import { ipEnd, makeTuple } from '../conntrack-tuple.ts';
import { rewritePacket } from '../nat-manip.ts';
import type { RouteChoice } from '../netfilter.ts';
import { HOOK_FORWARD, HOOK_INPUT, HOOK_OUTPUT } from '../netfilter-hooks.ts';
import { CONNECTION_FORWARD_MASK, CONNECTION_TRACKED, type IpvsConnection } from './connection.ts';
import type { Ipvs } from './ipvs.ts';
import { FORWARD_MASQ, FORWARD_TUNNEL } from './service.ts';
import { putConnection, tellConntrack } from './state.ts';

/** RTN_LOCAL of stack/route.ts. */
const TYPE_LOCAL = 2;
/** The smallest MTU that a tunnel may have left. */
const MTU_MIN_BYTES = 68;

/** What routeOut() allows, as bits. @source IP_VS_RT_MODE_* */
const MAY_BE_LOCAL = 1;
const MAY_BE_REMOTE = 2;
/** A packet that came for another machine's address may end on this one. */
const MAY_REDIRECT = 4;
const IS_TUNNEL = 8;

const wanted = makeTuple();

/**
 * Sends a packet on to its connection's destination.
 * @returns null: it is gone; the packet: the destination is this machine, it goes on here.
 */
export function transmitRequest(
  sim: Simulator,
  ipvs: Ipvs,
  hook: number,
  packet: Packet,
  connection: IpvsConnection,
): Packet | null {
  const method = connection.flags & CONNECTION_FORWARD_MASK;
  if (method === FORWARD_MASQ) return transmitMasq(sim, ipvs, hook, packet, connection);
  if (method === FORWARD_TUNNEL) return transmitTunnel(sim, ipvs, hook, packet, connection);
  return transmitRoute(sim, ipvs, hook, packet, connection);
}

function transmitMasq(
  sim: Simulator,
  ipvs: Ipvs,
  hook: number,
  packet: Packet,
  connection: IpvsConnection,
): Packet | null {
  const { target } = connection;
  const allowed = MAY_BE_LOCAL | MAY_BE_REMOTE | MAY_REDIRECT;
  const route = routeOut(sim, ipvs, packet, target, allowed);
  if (route === null) return abandon(ipvs, connection);
  const isLocal = route.type === TYPE_LOCAL;
  if (isLocal && target >>> 24 === 127 && hook !== HOOK_OUTPUT) {
    drop(sim, packet, 'ipvs-boundary', null, ipvs.netfilter.netns.name);
    return abandon(ipvs, connection);
  }
  if (sim.trace !== null) traceTarget(sim, ipvs, packet, connection);
  const { bytes, network } = packet;
  wanted.target = target;
  wanted.targetPort = connection.targetPort;
  rewritePacket(bytes, network, ipEnd(bytes, network, packet.end), wanted, 'dst');
  packet.flags |= PACKET_IGNORE_DF | PACKET_IPVS;
  tellConntrack(connection, packet, true);
  putConnection(ipvs, connection);
  return isLocal ? packet : sendOn(sim, ipvs, hook, packet, route);
}

function traceTarget(sim: Simulator, ipvs: Ipvs, packet: Packet, to: IpvsConnection): void {
  sim.trace?.('nat', packet, ipvs.netfilter.netns.name, {
    kind: 'IPVS',
    before: formatIpv4(ipTarget(packet.bytes, packet.network)),
    after: formatIpv4(to.target),
    port: to.targetPort,
  });
}

/** The packet ended on its way out; its connection stays. */
function abandon(ipvs: Ipvs, connection: IpvsConnection): null {
  putConnection(ipvs, connection);
  return null;
}

/** Direct routing: the destination has the virtual address, too, and answers by itself. */
function transmitRoute(
  sim: Simulator,
  ipvs: Ipvs,
  hook: number,
  packet: Packet,
  connection: IpvsConnection,
): Packet | null {
  const route = routeOut(sim, ipvs, packet, connection.target, MAY_BE_LOCAL | MAY_BE_REMOTE);
  if (route === null) return abandon(ipvs, connection);
  const isLocal = route.type === TYPE_LOCAL;
  packet.flags |= PACKET_IPVS;
  if (!isLocal) packet.flags |= PACKET_IGNORE_DF;
  tellConntrack(connection, packet, true);
  putConnection(ipvs, connection);
  return isLocal ? packet : sendOn(sim, ipvs, hook, packet, route);
}

function transmitTunnel(
  sim: Simulator,
  ipvs: Ipvs,
  hook: number,
  packet: Packet,
  connection: IpvsConnection,
): Packet | null {
  const { netfilter, settings } = ipvs;
  const allowed = MAY_BE_LOCAL | MAY_BE_REMOTE | IS_TUNNEL;
  const route = routeOut(sim, ipvs, packet, connection.target, allowed);
  if (route === null) return abandon(ipvs, connection);
  packet.flags |= PACKET_IPVS;
  if (route.type === TYPE_LOCAL) {
    tellConntrack(connection, packet, true);
    putConnection(ipvs, connection);
    return packet;
  }
  const isTracked = (connection.flags & CONNECTION_TRACKED) !== 0;
  const { target } = connection;
  putConnection(ipvs, connection);
  if (isTracked && !confirmPacket(sim, netfilter, packet)) return null;
  packet.conntrack = null;
  packet.conntrackInfo = 0;
  packet.flags |= PACKET_IGNORE_DF;
  if (hook !== HOOK_OUTPUT) packet.socket = null;
  const { bytes, network } = packet;
  const df = settings.pmtuDisc === 0 ? 0 : ipFragmentField(bytes, network) & IP_DF;
  const ttl = ipTtl(bytes, network);
  netfilter.slots.sendInTunnel(sim, packet, route, target, ttl, tunnelTos(bytes, network), df);
  return null;
}

/** The outer packet's tos: a congestion mark (CE) stays within. @source INET_ECN_encapsulate() */
function tunnelTos(bytes: Uint8Array, network: number): number {
  const tos = ipTos(bytes, network);
  return (tos & 3) === 3 ? (tos & 0xfc) | 2 : tos;
}

/**
 * An ICMP error for a destination: it and what it quotes get the destination's address.
 * @param quoted where the quoted packet is.
 */
export function transmitError(
  sim: Simulator,
  ipvs: Ipvs,
  hook: number,
  packet: Packet,
  connection: IpvsConnection,
  quoted: number,
): Packet | null {
  const { target, targetPort } = connection;
  const here = hook === HOOK_FORWARD ? 0 : MAY_BE_LOCAL | MAY_REDIRECT;
  const route = routeOut(sim, ipvs, packet, target, MAY_BE_REMOTE | here);
  if (route === null) return null;
  const { bytes, network } = packet;
  rewriteIpTarget(bytes, network, target);
  rewriteIpSource(bytes, quoted, target);
  writeUint16(bytes, quoted + ipHeaderBytes(bytes, quoted), targetPort);
  writeIcmpChecksum(bytes, quoted - ICMP_BYTES, ipEnd(bytes, network, packet.end));
  packet.flags |= PACKET_IGNORE_DF | PACKET_IPVS;
  tellConntrack(connection, packet, true);
  return route.type === TYPE_LOCAL ? packet : sendOn(sim, ipvs, hook, packet, route);
}

/** By the route that routeOut() has found. */
function sendOn(
  sim: Simulator,
  ipvs: Ipvs,
  hook: number,
  packet: Packet,
  route: RouteChoice,
): null {
  packet.routeType = route.type;
  packet.outDevice = route.outDevice;
  packet.nextHop = route.nextHop;
  packet.pathMtuBytes = route.pathMtuBytes;
  if (hook !== HOOK_OUTPUT) packet.socket = null;
  ipvs.netfilter.slots.sendLocal(sim, packet);
  return null;
}

/**
 * The way to a destination, with what a router does to a packet that it passes on: TTL, size.
 * @returns null: there is none, or the packet may not go there; it was dropped.
 */
function routeOut(
  sim: Simulator,
  ipvs: Ipvs,
  packet: Packet,
  target: Ipv4,
  allowed: number,
): RouteChoice | null {
  const { slots, netns } = ipvs.netfilter;
  const { bytes, network } = packet;
  const route = slots.routeTo(target);
  if (route === null) {
    slots.sendError(sim, packet, ICMP_UNREACHABLE, UNREACHABLE_HOST, 0);
    drop(sim, packet, 'no-route', null, netns.name);
    return null;
  }
  if (crossesBoundary(packet, route, allowed)) {
    drop(sim, packet, 'ipvs-boundary', null, netns.name);
    return null;
  }
  if (route.type === TYPE_LOCAL) return route;
  if (ipTtl(bytes, network) <= 1) {
    slots.sendError(sim, packet, ICMP_TIME_EXCEEDED, TIME_EXCEEDED_TTL, 0);
    drop(sim, packet, 'ttl-exceeded', null, netns.name);
    return null;
  }
  decreaseTtl(bytes, network);
  let mtuBytes = route.pathMtuBytes;
  if ((allowed & IS_TUNNEL) !== 0) {
    mtuBytes -= IPV4_BYTES;
    if (mtuBytes < MTU_MIN_BYTES) {
      drop(sim, packet, 'mtu-exceeded', null, netns.name);
      return null;
    }
    if (ipvs.settings.pmtuDisc === 0) return route;
  }
  const isIcmp = ipProtocol(bytes, network) === PROTOCOL_ICMP;
  const isWhole = (ipFragmentField(bytes, network) & IP_DF) !== 0;
  if (isWhole && packet.end - network > mtuBytes && !isIcmp) {
    slots.sendError(sim, packet, ICMP_UNREACHABLE, UNREACHABLE_FRAG_NEEDED, mtuBytes);
    drop(sim, packet, 'fragmentation-needed', null, netns.name);
    return null;
  }
  return route;
}

/** @source crosses_local_route_boundary() */
function crossesBoundary(packet: Packet, route: RouteChoice, allowed: number): boolean {
  if (route.type === TYPE_LOCAL) {
    if ((allowed & MAY_BE_LOCAL) === 0) return true;
    return (allowed & MAY_REDIRECT) === 0 && packet.routeType !== TYPE_LOCAL;
  }
  if ((allowed & MAY_BE_REMOTE) === 0) return true;
  return ipSource(packet.bytes, packet.network) >>> 24 === 127;
}

/**
 * An answer is routed as a packet of our own with the virtual address as its source. False: it was
 * dropped. @source ip_vs_route_me_harder()
 */
export function rerouteReply(sim: Simulator, ipvs: Ipvs, hook: number, packet: Packet): boolean {
  if (ipvs.settings.snatReroute === 0 || hook === HOOK_INPUT) return true;
  if (packet.routeType === TYPE_LOCAL) return true;
  return ipvs.netfilter.slots.reroute(sim, packet);
}
