/**
 * Routing decisions.
 * @source net/ipv4/route.c ip_route_output_key_hash_rcu(), ip_route_input_slow()
 */
import type { Errno } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import type { Simulator } from '../engine/simulator.ts';
import type { NetNamespace } from './namespace.ts';

/** Route types. @source include/uapi/linux/rtnetlink.h RTN_* */
export const RTN_UNSPEC = 0;
export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;
export const RTN_BROADCAST = 3;
export const RTN_ANYCAST = 4;
export const RTN_MULTICAST = 5;
export const RTN_BLACKHOLE = 6;
export const RTN_UNREACHABLE = 7;
export const RTN_PROHIBIT = 8;

/** A routing decision for output; sockets keep one and give it to sendIpv4 for every packet. */
export interface Route {
  type: number;
  outDevice: Device | null;
  /** The neighbour to hand the packet to: the gateway or the target itself. */
  nextHop: Ipv4;
  /** The source address that the route prefers (or the one asked for). */
  source: Ipv4;
  target: Ipv4;
  pathMtuBytes: number;
  /** Whether the MTU was learnt or locked so that DF may not be set... see path-mtu.ts. */
  isMtuLearnt: boolean;
  /** Fib.generation at the time of the decision: an older one must be looked up again. */
  generation: number;
}

export function makeRoute(): Route {
  return {
    type: RTN_UNSPEC,
    outDevice: null,
    nextHop: 0,
    source: 0,
    target: 0,
    pathMtuBytes: 0,
    isMtuLearnt: false,
    generation: -1,
  };
}

/**
 * Decides how a packet of our own goes out, and writes it into `into`.
 * @param source 0 for any: the route's preferred source is then put in `into.source`.
 * @param outDevice a device it has to leave by, or null.
 * @returns null, or why there is no way (ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL).
 */
export function routeOutput(
  _netns: NetNamespace,
  _target: Ipv4,
  _source: Ipv4,
  _outDevice: Device | null,
  _mark: number,
  _tos: number,
  _into: Route,
): Errno | null {
  throw new Error('not written');
}

/**
 * Decides what becomes of a packet that came in by packet.inDevice: sets routeType, outDevice,
 * nextHop, pathMtuBytes of the packet. False: it was dropped (and, where Linux does, answered).
 */
export function routeInput(_sim: Simulator, _netns: NetNamespace, _packet: Packet): boolean {
  throw new Error('not written');
}
