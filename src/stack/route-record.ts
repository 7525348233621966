/** The record of a routing decision for output. */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import { RTN_UNSPEC } from './route-type.ts';

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
  /** What IPsec takes of it; see xfrm/transform.ts limitRoute(). */
  ipsecBytes: number;
  /** The MTU was learnt below the smallest allowed, or is locked: DF is not set on what is sent. */
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
    ipsecBytes: 0,
    isMtuLearnt: false,
    generation: -1,
  };
}
