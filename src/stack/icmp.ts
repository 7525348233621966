/**
 * ICMP as a protocol handler: echo, errors about packets we sent, redirects.
 * @source net/ipv4/icmp.c icmp_rcv(), icmp_echo(), icmp_unreach(), icmp_redirect()
 */
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import { releasePacket, takePacket } from '../engine/packet-pool.ts';
import { drop, type Simulator, timeNs } from '../engine/simulator.ts';
import { readInt32 } from '../protocols/bytes.ts';
import { checksumOf } from '../protocols/checksum.ts';
import {
  ICMP_BYTES,
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  ICMP_PARAMETER_PROBLEM,
  ICMP_REDIRECT,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  icmpCode,
  icmpEchoId,
  icmpEchoSequence,
  icmpGateway,
  icmpMtu,
  icmpType,
  UNREACHABLE_FRAG_NEEDED,
  writeIcmp,
} from '../protocols/icmp.ts';
import {
  IPV4_BYTES,
  ipHeaderBytes,
  ipProtocol,
  ipSource,
  ipTarget,
  ipTos,
  ipTotalBytes,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
} from '../protocols/ipv4.ts';
import { isOnLink } from './address.ts';
import { mayIcmpBeSent } from './icmp-limit.ts';
import { inetOf } from './inet.ts';
import { nextIpId } from './ip-id.ts';
import type { NetNamespace } from './namespace.ts';
import { findOrCreateNeighbour, prepareToSend } from './neighbour-state.ts';
import { NUD_VALID } from './neighbour-table.ts';
import { sendIpv4 } from './output.ts';
import { learnGateway, learnPathMtu } from './path-mtu.ts';
import { rawError } from './raw-socket.ts';
import {
  addressTypeOf,
  makeRoute,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_UNICAST,
  routeOutput,
} from './route.ts';

const route = makeRoute();
/** Plateau values for routers that do not say their MTU. @source RFC 1191 section 7.1 */
const MTU_PLATEAUS = [32000, 17914, 8166, 4352, 2002, 1492, 576, 296, 216, 128, 68];

/** The handler of IP protocol 1. Owns the packet. */
export function receiveIcmp(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  const { bytes, transport, end } = packet;
  if (end - transport < ICMP_BYTES) {
    drop(sim, packet, 'transport-header', packet.inDevice, netns.name);
    return;
  }
  if (checksumOf(bytes, transport, end) !== 0) {
    drop(sim, packet, 'icmp-checksum', packet.inDevice, netns.name);
    return;
  }
  switch (icmpType(bytes, transport)) {
    case ICMP_ECHO:
      answerEcho(sim, netns, packet);
      return;
    case ICMP_ECHO_REPLY:
      releasePacket(sim, packet); // raw sockets have their copies
      return;
    case ICMP_UNREACHABLE:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETER_PROBLEM:
      reportError(sim, netns, packet);
      return;
    case ICMP_REDIRECT:
      followRedirect(sim, netns, packet);
      return;
    default:
      drop(sim, packet, 'icmp-unwanted', packet.inDevice, netns.name);
  }
}

/** @source icmp_echo(), icmp_reply() */
function answerEcho(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  const { sysctl } = netns;
  const isGroup = packet.routeType === RTN_BROADCAST || packet.routeType === RTN_MULTICAST;
  const isIgnored =
    sysctl.icmpEchoIgnoreAll !== 0 || (isGroup && sysctl.icmpEchoIgnoreBroadcasts !== 0);
  if (isIgnored) {
    drop(sim, packet, 'broadcast-echo-ignored', packet.inDevice, netns.name);
    return;
  }
  const { bytes, network, transport } = packet;
  const target = ipSource(bytes, network);
  const asked = ipTarget(bytes, network);
  const tos = ipTos(bytes, network);
  const source = packet.routeType === RTN_LOCAL ? asked : 0;
  if (routeOutput(netns, target, source, null, 0, tos, route) !== null) {
    drop(sim, packet, 'no-route', packet.inDevice, netns.name);
    return;
  }
  const now = timeNs(sim);
  const { icmpRatemask, icmpRatelimitMs } = sysctl;
  if (!mayIcmpBeSent(netns.icmpLimits, now, target, 0, 0, icmpRatemask, icmpRatelimitMs)) {
    drop(sim, packet, 'icmp-unwanted', packet.inDevice, netns.name);
    return;
  }
  const length = packet.end - transport;
  const reply = takePacket(sim, length);
  reply.parentId = packet.id;
  reply.end = reply.start + length;
  reply.bytes.set(bytes.subarray(transport, packet.end), reply.start);
  writeIcmp(
    reply.bytes,
    reply.start,
    reply.end,
    ICMP_ECHO_REPLY,
    0,
    readInt32(bytes, transport + 4),
  );
  if (sim.trace !== null) {
    sim.trace('answer', reply, netns.name, {
      what: 'echo reply',
      to: formatIpv4(target),
      id: icmpEchoId(bytes, transport),
      sequence: icmpEchoSequence(bytes, transport),
    });
  }
  releasePacket(sim, packet);
  const id = nextIpId(sim, netns, route.source, target, PROTOCOL_ICMP);
  sendIpv4(
    sim,
    netns,
    reply,
    route,
    PROTOCOL_ICMP,
    route.source,
    target,
    sysctl.ipDefaultTtl,
    tos,
    0,
    id,
  );
}

/** An error about a packet that we sent: the sockets are told. @source icmp_unreach() */
function reportError(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  const { bytes, network, transport, end } = packet;
  const quoted = transport + ICMP_BYTES;
  if (end - quoted < IPV4_BYTES || end - quoted < ipHeaderBytes(bytes, quoted)) {
    drop(sim, packet, 'transport-header', packet.inDevice, netns.name);
    return;
  }
  const type = icmpType(bytes, transport);
  const code = icmpCode(bytes, transport);
  let info = readInt32(bytes, transport + 4);
  if (type === ICMP_UNREACHABLE && code === UNREACHABLE_FRAG_NEEDED) {
    info = mtuOfError(bytes, transport, quoted);
    // TCP believes it itself, if the quoted segment is one of its own, and when its socket is free.
    if (ipProtocol(bytes, quoted) !== PROTOCOL_TCP) {
      learnFromError(netns, ipSource(bytes, quoted), ipTarget(bytes, quoted), info);
    }
  }
  if (sim.trace !== null) {
    sim.trace('deliver', packet, netns.name, {
      icmpType: type,
      icmpCode: code,
      from: formatIpv4(ipSource(bytes, network)),
    });
  }
  const from = ipSource(bytes, network);
  // Handlers see the quoted headers where a packet's own would be.
  packet.network = quoted;
  packet.transport = quoted + ipHeaderBytes(bytes, quoted);
  if (netns.rawSockets.length > 0) rawError(sim, netns, packet, type, code, info, from);
  if (packet.end - packet.transport >= 8) {
    const handler = netns.errorHandlers[ipProtocol(bytes, quoted)];
    if (handler !== null && handler !== undefined) {
      handler(sim, netns, packet, type, code, info, from);
    }
  }
  releasePacket(sim, packet);
}

/** The MTU that the router names, or a guess below the quoted length if it names none. */
function mtuOfError(bytes: Uint8Array, icmp: number, quoted: number): number {
  const named = icmpMtu(bytes, icmp);
  if (named !== 0) return named;
  const length = ipTotalBytes(bytes, quoted);
  for (const plateau of MTU_PLATEAUS) if (plateau < length) return plateau;
  return 68;
}

function learnFromError(netns: NetNamespace, source: number, target: number, mtu: number): void {
  if (routeOutput(netns, target, source, null, 0, 0, route) !== null) return;
  learnPathMtu(netns, target, mtu, route.pathMtuBytes);
}

/** @source icmp_redirect(), ipv4_redirect() */
function followRedirect(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  const { bytes, network, transport, end, inDevice } = packet;
  const quoted = transport + ICMP_BYTES;
  if (end - quoted < IPV4_BYTES || inDevice === null) {
    drop(sim, packet, 'transport-header', packet.inDevice, netns.name);
    return;
  }
  const gateway = icmpGateway(bytes, transport);
  const from = ipSource(bytes, network);
  takeGateway(sim, netns, inDevice, ipTarget(bytes, quoted), from, gateway);
  packet.network = quoted;
  packet.transport = quoted + ipHeaderBytes(bytes, quoted);
  const code = icmpCode(bytes, transport);
  if (netns.rawSockets.length > 0) rawError(sim, netns, packet, ICMP_REDIRECT, code, gateway, from);
  releasePacket(sim, packet);
}

/**
 * Only the gateway in use may name another one, and it is taken once its MAC address is known: the
 * first redirect just asks for that. @source __ip_do_redirect()
 */
function takeGateway(
  sim: Simulator,
  netns: NetNamespace,
  device: Device,
  target: Ipv4,
  from: Ipv4,
  gateway: Ipv4,
): void {
  const { conf } = inetOf(device);
  const { confAll } = netns.sysctl;
  const accepts =
    conf.forwarding !== 0
      ? (conf.acceptRedirects & confAll.acceptRedirects) !== 0
      : (conf.acceptRedirects | confAll.acceptRedirects) !== 0;
  if (!accepts || gateway === from) return;
  if ((conf.sharedMedia | confAll.sharedMedia) === 0 && !isOnLink(device, gateway, from)) return;
  if (addressTypeOf(netns, gateway, null) !== RTN_UNICAST) return;
  if (routeOutput(netns, target, 0, null, 0, 0, route) !== null) return;
  if (route.nextHop !== from || route.nextHop === target || route.outDevice !== device) return;
  const neighbour = findOrCreateNeighbour(sim, netns, device, gateway);
  if (neighbour === null) return;
  if ((neighbour.state & NUD_VALID) === 0) prepareToSend(sim, netns, neighbour, null);
  else learnGateway(netns, target, gateway);
}
