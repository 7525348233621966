/**
 * The way out: IP header, OUTPUT, POSTROUTING, fragments, neighbour, device.
 *
 *     sendIpv4 -> localOut -> [OUTPUT] -> output -> [POSTROUTING] -> finishOutput -> neighbour -> transmit
 *
 * @source net/ipv4/ip_output.c
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Packet } from '../engine/packet.ts';
import type { Simulator } from '../engine/simulator.ts';
import type { NetNamespace } from './namespace.ts';
import type { Route } from './route.ts';

/**
 * Puts an IPv4 header before the transport payload packet.bytes[start, end) and sends it by `route`.
 * Owns the packet. packet.transport is set to the old start. Errors show as drops.
 * @param fragmentField IP_DF or 0.
 * @param id the IP identification; see ip-id.ts.
 */
export function sendIpv4(
  _sim: Simulator,
  _netns: NetNamespace,
  _packet: Packet,
  _route: Route,
  _protocol: number,
  _source: Ipv4,
  _target: Ipv4,
  _ttlHops: number,
  _tos: number,
  _fragmentField: number,
  _id: number,
): void {
  throw new Error('not written');
}

/** A packet with a finished IP header and a route on it (routeType, outDevice, nextHop). */
export function localOut(_sim: Simulator, _netns: NetNamespace, _packet: Packet): void {
  throw new Error('not written');
}
