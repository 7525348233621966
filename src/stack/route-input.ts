/**
 * What becomes of a packet that comes in, before anything happens to it: for us, forwarded, or refused
 * with a reason. ARP asks the same question about the addresses in a request.
 * @source net/ipv4/route.c ip_route_input_slow(); net/ipv4/fib_frontend.c fib_validate_source()
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import {
  FIB_FOUND,
  FIB_UNREACHABLE,
  type Fib,
  hasInterfaceAddress,
  lookup,
  setKey,
} from './fib-lookup.ts';
import { selectNextHop } from './fib-multipath.ts';
import type { FibRoute, NextHop } from './fib-table.ts';
import { inetOf } from './inet.ts';
import type { NetNamespace } from './namespace.ts';
import {
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_UNICAST,
  RTN_UNSPEC,
  SCOPE_HOST,
} from './route-type.ts';

export const INPUT_OK = 0;
export const INPUT_MARTIAN_SOURCE = 1;
export const INPUT_MARTIAN_TARGET = 2;
export const INPUT_REVERSE_PATH = 3;
/** No way: decision.outcome says why (FIB_*). */
export const INPUT_NO_ROUTE = 4;
/** Multicast that nobody here joined. */
export const INPUT_NOT_JOINED = 5;

/** 224.0.0.1: the one group that every host is in. */
const ALL_HOSTS = 0xe0000001 | 0;

/** The answer of decideInput; valid until its next call. */
export const decision: {
  type: number;
  /** For unicast. */
  route: FibRoute | null;
  nextHop: NextHop | null;
  outcome: number;
} = { type: RTN_UNSPEC, route: null, nextHop: null, outcome: FIB_FOUND };

/** Decides about a packet from `source` to `target` that came in by `device`. @returns INPUT_* */
export function decideInput(
  netns: NetNamespace,
  device: Device,
  target: Ipv4,
  source: Ipv4,
  tos: number,
  mark: number,
): number {
  const { conf } = inetOf(device);
  decision.route = null;
  decision.nextHop = null;
  if ((target & 0xf0000000) === (0xe0000000 | 0)) {
    return decideMulticast(netns, device, target, source, tos, mark);
  }
  if ((source & 0xf0000000) === (0xe0000000 | 0) || source === -1) return INPUT_MARTIAN_SOURCE;
  if (target === -1 || (source | target) === 0) {
    return decideBroadcast(netns, device, source, tos, mark);
  }
  if (source >>> 24 === 0) return INPUT_MARTIAN_SOURCE;
  if (target >>> 24 === 0) return INPUT_MARTIAN_TARGET;
  if (target >>> 24 === 127 || source >>> 24 === 127) {
    if ((conf.routeLocalnet | netns.sysctl.confAll.routeLocalnet) === 0) {
      return target >>> 24 === 127 ? INPUT_MARTIAN_TARGET : INPUT_MARTIAN_SOURCE;
    }
  }
  const { fib } = netns;
  setKey(fib, target, source, tos, mark, device, null);
  const outcome = lookup(fib);
  if (outcome !== FIB_FOUND) {
    decision.outcome = conf.forwarding === 0 ? FIB_UNREACHABLE : outcome;
    return INPUT_NO_ROUTE;
  }
  const route = fib.result.route!;
  if (route.type === RTN_BROADCAST) {
    if (conf.bcForwarding === 0 || netns.sysctl.confAll.bcForwarding === 0) {
      return decideBroadcast(netns, device, source, tos, mark);
    }
  } else if (route.type === RTN_LOCAL) {
    decision.type = RTN_LOCAL;
    decision.route = route;
    return validateSource(netns, device, source, target, tos, mark, null);
  } else if (route.type !== RTN_UNICAST) {
    return INPUT_MARTIAN_TARGET;
  }
  if (conf.forwarding === 0) {
    decision.outcome = FIB_UNREACHABLE;
    return INPUT_NO_ROUTE;
  }
  const nextHop = selectNextHop(route, fib.result.nextHop!, source, target, null);
  decision.type = RTN_UNICAST;
  decision.route = route;
  decision.nextHop = nextHop;
  return validateSource(netns, device, source, target, tos, mark, nextHop.device);
}

/** @source ip_route_input_slow() brd_input */
function decideBroadcast(
  netns: NetNamespace,
  device: Device,
  source: Ipv4,
  tos: number,
  mark: number,
): number {
  decision.type = RTN_BROADCAST;
  if (source >>> 24 === 0) return INPUT_OK;
  return validateSource(netns, device, source, 0, tos, mark, null);
}

/** @source ip_route_input_mc(), ip_mc_validate_source() */
function decideMulticast(
  netns: NetNamespace,
  device: Device,
  target: Ipv4,
  source: Ipv4,
  tos: number,
  mark: number,
): number {
  decision.type = RTN_MULTICAST;
  if (target !== ALL_HOSTS) return INPUT_NOT_JOINED;
  if ((source & 0xf0000000) === (0xe0000000 | 0) || source === -1) return INPUT_MARTIAN_SOURCE;
  if (source >>> 24 === 127) {
    const { conf } = inetOf(device);
    const isLocalnet = (conf.routeLocalnet | netns.sysctl.confAll.routeLocalnet) !== 0;
    if (!isLocalnet) return INPUT_MARTIAN_SOURCE;
  }
  if (source >>> 24 === 0) return INPUT_OK; // only link-local groups get here
  return validateSource(netns, device, source, 0, tos, mark, null);
}

/**
 * Whether a packet from `source` may come in by `device`.
 * @param outDevice where it will go out, if it is forwarded.
 * @returns INPUT_OK, INPUT_MARTIAN_SOURCE or INPUT_REVERSE_PATH
 * @source fib_validate_source()
 */
function validateSource(
  netns: NetNamespace,
  device: Device,
  source: Ipv4,
  target: Ipv4,
  tos: number,
  mark: number,
  outDevice: Device | null,
): number {
  const { conf } = inetOf(device);
  const { confAll } = netns.sysctl;
  const { fib } = netns;
  const filter = conf.rpFilter > confAll.rpFilter ? conf.rpFilter : confAll.rpFilter;
  const sendsRedirects = (conf.sendRedirects | confAll.sendRedirects) !== 0;
  if (filter === 0 && (device !== outDevice || !sendsRedirects)) {
    if ((conf.acceptLocal | confAll.acceptLocal) !== 0) return INPUT_OK;
    if (!fib.hasCustomLocalRoutes && !fib.hasCustomRules) {
      return hasInterfaceAddress(fib, source) ? INPUT_MARTIAN_SOURCE : INPUT_OK;
    }
  }
  return checkReversePath(netns, device, source, target, tos, mark, filter);
}

/** The whole check by a lookup of the way back. @source __fib_validate_source() */
function checkReversePath(
  netns: NetNamespace,
  device: Device,
  source: Ipv4,
  target: Ipv4,
  tos: number,
  mark: number,
  filter: number,
): number {
  const { conf, addresses } = inetOf(device);
  const { confAll } = netns.sysctl;
  const { fib } = netns;
  const usesMark = (conf.srcValidMark | confAll.srcValidMark) !== 0;
  setKey(fib, source, target, tos, usesMark ? mark : 0, netns.loopback, null);
  if (lookup(fib) !== FIB_FOUND) return filter === 0 ? INPUT_OK : INPUT_REVERSE_PATH;
  const { type } = fib.result.route!;
  if (type !== RTN_UNICAST) {
    const acceptsLocal = (conf.acceptLocal | confAll.acceptLocal) !== 0;
    if (type !== RTN_LOCAL || !acceptsLocal) return INPUT_MARTIAN_SOURCE;
  }
  if (usesDevice(fib, device)) return INPUT_OK;
  if (type === RTN_LOCAL && device.isLoopback) return INPUT_OK;
  if (addresses.length === 0) return filter === 0 ? INPUT_OK : INPUT_REVERSE_PATH;
  return filter === 1 ? INPUT_REVERSE_PATH : INPUT_OK;
}

/**
 * Whether `source` is a neighbour on the link of `device`, by the routing table.
 * @source __fib_validate_source() returning 1
 */
export function isSourceOnLink(netns: NetNamespace, device: Device, source: Ipv4): boolean {
  const { fib } = netns;
  setKey(fib, source, 0, 0, 0, netns.loopback, null);
  if (lookup(fib) !== FIB_FOUND) return false;
  if (usesDevice(fib, device)) return fib.result.nextHop!.scope >= SCOPE_HOST;
  setKey(fib, source, 0, 0, 0, netns.loopback, device);
  fib.key.ignoresLinkState = true;
  if (lookup(fib) !== FIB_FOUND || fib.result.route!.type !== RTN_UNICAST) return false;
  return fib.result.nextHop!.scope >= SCOPE_HOST;
}

/** @source fib_info_nh_uses_dev() */
function usesDevice(fib: Fib, device: Device): boolean {
  const { nextHops } = fib.result.route!;
  for (let i = 0; i < nextHops.length; i++) if (nextHops[i]!.device === device) return true;
  return false;
}
