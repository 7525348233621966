/**
 * Errors that the stack reports to the sender of a packet.
 * @source net/ipv4/icmp.c __icmp_send()
 */

import { formatIpv4 } from '../base/ipv4-address.ts';
import { PACKET_HOST, type Packet } from '../engine/packet.ts';
import { takePacket } from '../engine/packet-pool.ts';
import { type Simulator, timeNs } from '../engine/simulator.ts';
import { attachConntrack } from '../netfilter/conntrack.ts';
import { ICMP_BYTES, icmpType, isIcmpError, writeIcmp } from '../protocols/icmp.ts';
import {
  IP_OFFSET_MASK,
  IPV4_BYTES,
  ipFragmentField,
  ipHeaderBytes,
  ipProtocol,
  ipSource,
  ipTarget,
  ipTos,
  PROTOCOL_ICMP,
} from '../protocols/ipv4.ts';
import { mayIcmpBeSent } from './icmp-limit.ts';
import { nextIpId } from './ip-id.ts';
import type { NetNamespace } from './namespace.ts';
import { sendIpv4 } from './output.ts';
import {
  addressTypeOf,
  makeRoute,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  routeOutput,
} from './route.ts';

/** An ICMP error is at most this long in all (RFC 1812 4.3.2.3). */
const ERROR_MAX_BYTES = 576;
/** Precedence "internetwork control", put on every error. */
const TOS_INTERNETWORK_CONTROL = 0xc0;
const TOS_MASK = 0x1e;

/** One route record for all: an error's route is used at once and not kept. */
const route = makeRoute();

/**
 * Tells the sender of `packet` (packet.network is its IP header) what went wrong with it. The packet
 * stays the caller's. Says nothing where RFC 1122 forbids it: about errors, later fragments,
 * broadcasts, and beyond the rate limit.
 * @param rest bytes 4..7 of the ICMP header: the next-hop MTU, or a redirect's gateway.
 */
export function sendIcmpError(
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  type: number,
  code: number,
  rest: number,
): void {
  const { bytes, network } = packet;
  if (!mayBeAnswered(netns, packet)) return;
  const target = ipSource(bytes, network);
  // A packet that was for one of our addresses is answered from that address.
  const wanted = ipTarget(bytes, network);
  const source = packet.routeType === RTN_LOCAL ? wanted : 0;
  const tos = (ipTos(bytes, network) & TOS_MASK) | TOS_INTERNETWORK_CONTROL;
  if (routeOutput(netns, target, source, null, 0, tos, route) !== null) return;
  const { sysctl } = netns;
  const isFree = route.outDevice?.isLoopback === true;
  const now = timeNs(sim);
  if (
    !isFree &&
    !mayIcmpBeSent(
      netns.icmpLimits,
      now,
      target,
      type,
      code,
      sysctl.icmpRatemask,
      sysctl.icmpRatelimitMs,
    )
  ) {
    return;
  }
  const mtuBytes = Math.min(route.pathMtuBytes, ERROR_MAX_BYTES);
  const quotedBytes = Math.min(packet.end - network, mtuBytes - IPV4_BYTES - ICMP_BYTES);
  const error = takePacket(sim, ERROR_MAX_BYTES);
  error.parentId = packet.id;
  const icmp = error.start;
  error.end = icmp + ICMP_BYTES + quotedBytes;
  for (let i = 0; i < quotedBytes; i++) {
    error.bytes[icmp + ICMP_BYTES + i] = bytes[network + i]!;
  }
  writeIcmp(error.bytes, icmp, error.end, type, code, rest);
  attachConntrack(packet, error);
  if (sim.trace !== null) {
    sim.trace('answer', error, netns.name, {
      icmpType: type,
      icmpCode: code,
      to: formatIpv4(target),
      from: formatIpv4(route.source),
    });
  }
  const id = nextIpId(sim, netns, route.source, target, PROTOCOL_ICMP);
  sendIpv4(
    sim,
    netns,
    error,
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

function mayBeAnswered(netns: NetNamespace, packet: Packet): boolean {
  const { bytes, network } = packet;
  if (packet.packetType !== PACKET_HOST) return false;
  if (packet.routeType === RTN_BROADCAST || packet.routeType === RTN_MULTICAST) return false;
  if ((ipFragmentField(bytes, network) & IP_OFFSET_MASK) !== 0) return false;
  const source = ipSource(bytes, network);
  if (source === 0) return false;
  const sourceType = addressTypeOf(netns, source, null);
  if (sourceType === RTN_BROADCAST || sourceType === RTN_MULTICAST) return false;
  if (ipProtocol(bytes, network) === PROTOCOL_ICMP) {
    const icmp = network + ipHeaderBytes(bytes, network);
    if (icmp >= packet.end || isIcmpError(icmpType(bytes, icmp))) return false;
  }
  return true;
}
