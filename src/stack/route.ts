/**
 * Routing decisions: how a packet of our own goes out, and what becomes of one that comes in.
 * @source net/ipv4/route.c ip_route_output_key_hash_rcu(), ip_rcv_finish_core()
 */
import type { Errno } from '../base/errors.ts';
import { formatIpv4, type Ipv4, isLoopback, isMulticast } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import type { DropReason } from '../engine/drop-reason.ts';
import type { Packet } from '../engine/packet.ts';
import { drop, type Simulator, timeNs } from '../engine/simulator.ts';
import {
  ICMP_UNREACHABLE,
  UNREACHABLE_ADMIN_PROHIBITED,
  UNREACHABLE_HOST,
  UNREACHABLE_NET,
} from '../protocols/icmp.ts';
import { ipSource, ipTarget, ipTos } from '../protocols/ipv4.ts';
import { deviceOfAddress, isLocalAddress, isOnLink, selectSource } from './address.ts';
import {
  addressType,
  FIB_BLACKHOLE,
  FIB_FOUND,
  FIB_NO_ROUTE,
  FIB_PROHIBITED,
  type Fib,
  lookup,
  setKey,
} from './fib-lookup.ts';
import { selectNextHop } from './fib-multipath.ts';
import { errnoOf } from './fib-nexthop.ts';
import type { FibRoute, NextHop } from './fib-table.ts';
import { mayRouteErrorBeSent } from './icmp-limit.ts';
import { inetOf } from './inet.ts';
import type { NetNamespace } from './namespace.ts';
import { findPathException } from './path-mtu.ts';
import { claimCachedRoute, findCachedRoute } from './route-cache.ts';
import {
  decideInput,
  decision,
  INPUT_MARTIAN_SOURCE,
  INPUT_MARTIAN_TARGET,
  INPUT_NO_ROUTE,
  INPUT_NOT_JOINED,
  INPUT_OK,
  INPUT_REVERSE_PATH,
  isSourceOnLink,
} from './route-input.ts';
import type { Route } from './route-record.ts';
import {
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  SCOPE_HOST,
  SCOPE_LINK,
  SCOPE_UNIVERSE,
} from './route-type.ts';

export { makeRoute, type Route } from './route-record.ts';
export {
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_PROHIBIT,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  RTN_UNSPEC,
} from './route-type.ts';

/** An IPv4 packet is never larger. @source include/net/ip.h IP_MAX_MTU */
const IP_MAX_MTU_BYTES = 65535;

/** The type (RTN_*) of an address; `device` not null: only as far as it is on that device. */
export function addressTypeOf(netns: NetNamespace, address: Ipv4, device: Device | null): number {
  return addressType(netns.fib, address, device);
}

/**
 * Decides how a packet of our own goes out, and writes it into `into`.
 * @param source 0 for any: the route's preferred source is then put in `into.source`.
 * @param outDevice a device it has to leave by, or null.
 * @returns null, or why there is no way (ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL).
 */
export function routeOutput(
  netns: NetNamespace,
  target: Ipv4,
  source: Ipv4,
  outDevice: Device | null,
  mark: number,
  tos: number,
  into: Route,
): Errno | null {
  if (source !== 0) {
    if (isMulticast(source) || source === -1 || source >>> 24 === 0) return 'EINVAL';
    if (outDevice === null && (isMulticast(target) || target === -1)) {
      // The source names the device: that is how programs choose one for a broadcast.
      const device = deviceOfAddress(netns, source);
      if (device === null) return 'EINVAL';
      return finishGroupRoute(netns, target, source, device, into);
    }
    if (!isLocalAddress(netns, source)) return 'EINVAL';
  }
  return routeOutputFrom(netns, target, source, outDevice, mark, tos, into);
}

/**
 * Like routeOutput, but takes any source address: for packets that exist already (a router's, or
 * rewritten ones). @source FLOWI_FLAG_ANYSRC
 */
export function routeOutputFrom(
  netns: NetNamespace,
  target: Ipv4,
  source: Ipv4,
  outDevice: Device | null,
  mark: number,
  tos: number,
  into: Route,
): Errno | null {
  let from = source;
  if (outDevice !== null) {
    if (!outDevice.isRegistered) return 'ENODEV';
    if (!outDevice.isUp) return 'ENETUNREACH';
    if (target === -1 || isLocalMulticast(target)) {
      if (from === 0) from = selectSource(netns, outDevice, 0, SCOPE_LINK);
      return finishGroupRoute(netns, target, from, outDevice, into);
    }
    if (from === 0 && isMulticast(target)) {
      from = selectSource(netns, outDevice, 0, SCOPE_UNIVERSE);
    }
    if (from === 0 && target === 0) from = selectSource(netns, outDevice, 0, SCOPE_HOST);
  }
  if (target === 0) {
    if (from === 0) from = 0x7f000001;
    return finishLocalRoute(netns, from, from, into);
  }
  const { fib } = netns;
  setKey(fib, target, from, tos, mark, netns.loopback, outDevice);
  const outcome = lookup(fib);
  if (outcome !== FIB_FOUND) {
    if (outDevice === null) return errnoOf(outcome);
    // The tables do not know: the target is believed to be on the link that was asked for.
    if (from === 0) from = selectSource(netns, outDevice, 0, SCOPE_LINK);
    const type = isMulticast(target) ? RTN_MULTICAST : RTN_UNICAST;
    return finishRoute(netns, target, from, outDevice, type, null, null, into);
  }
  const route = fib.result.route!;
  if (route.type === RTN_LOCAL) {
    if (from === 0) from = route.preferredSource === 0 ? target : route.preferredSource;
    return finishLocalRoute(netns, target, from, into);
  }
  const nextHop = selectNextHop(route, fib.result.nextHop!, from, target, outDevice);
  if (from === 0) from = sourceOf(netns, fib, route, nextHop);
  const device = nextHop.device!;
  if (target === -1 || isMulticast(target)) {
    return finishGroupRoute(netns, target, from, device, into);
  }
  return finishRoute(netns, target, from, device, route.type, route, nextHop, into);
}

/**
 * Decides what becomes of a packet that came in by packet.inDevice: sets routeType, outDevice,
 * nextHop, pathMtuBytes of the packet. False: it was dropped (and, where Linux does, answered).
 */
export function routeInput(sim: Simulator, netns: NetNamespace, packet: Packet): boolean {
  const { bytes, network, mark } = packet;
  const device = packet.inDevice!;
  const target = ipTarget(bytes, network);
  const source = ipSource(bytes, network);
  const tos = ipTos(bytes, network);
  const { inputs, generation } = netns.fib;
  const known = findCachedRoute(inputs, generation, target, source, device, tos, mark);
  if (known !== null) {
    const out = known.outDevice!;
    packet.routeType = known.type;
    packet.outDevice = out;
    packet.nextHop = known.nextHop;
    packet.pathMtuBytes = known.type === RTN_LOCAL ? IP_MAX_MTU_BYTES : mtuOf(known.mtuBytes, out);
  } else {
    const outcome = decideInput(netns, device, target, source, tos, mark);
    if (outcome !== INPUT_OK) {
      refuse(sim, netns, packet, outcome);
      return false;
    }
    followDecision(netns, packet, target, source, tos);
  }
  if (sim.trace !== null) traceRoute(sim, netns, packet);
  return true;
}

/** Writes `decision` into a packet, and into the cache if it will hold for others like it. */
function followDecision(
  netns: NetNamespace,
  packet: Packet,
  target: Ipv4,
  source: Ipv4,
  tos: number,
): void {
  const { type, route } = decision;
  const device = packet.inDevice!;
  const { fib } = netns;
  packet.routeType = type;
  packet.nextHop = target;
  packet.outDevice = device;
  packet.pathMtuBytes = IP_MAX_MTU_BYTES;
  if (type === RTN_LOCAL) {
    packet.outDevice = netns.loopback;
  } else if (type === RTN_UNICAST) {
    const nextHop = decision.nextHop!;
    packet.outDevice = nextHop.device!;
    if (nextHop.gateway !== 0 && nextHop.scope === SCOPE_LINK) packet.nextHop = nextHop.gateway;
    packet.pathMtuBytes = forwardMtuOf(netns, route!, packet.outDevice, target);
    if (netns.sysctl.ipForwardUsePmtu !== 0 || route!.isMtuLocked) return; // see route-again.ts
  } else {
    return;
  }
  const { mark } = packet;
  const entry = claimCachedRoute(fib.inputs, fib.generation, target, source, device, tos, mark);
  entry.type = type;
  entry.outDevice = packet.outDevice;
  entry.nextHop = packet.nextHop;
  entry.mtuBytes = route!.mtuBytes;
}

/**
 * Whether the sender of a forwarded packet should be told that there is a shorter way: it goes out by
 * the device it came in by, and its sender is on that link.
 * @source __mkroute_input() IPSKB_DOREDIRECT
 */
export function shouldRedirect(netns: NetNamespace, packet: Packet): boolean {
  const { inDevice, outDevice, bytes, network } = packet;
  if (inDevice === null || inDevice !== outDevice) return false;
  const { conf } = inetOf(inDevice);
  const { confAll } = netns.sysctl;
  if ((conf.sendRedirects | confAll.sendRedirects) === 0) return false;
  const source = ipSource(bytes, network);
  if (!isSourceOnLink(netns, inDevice, source)) return false;
  if ((conf.sharedMedia | confAll.sharedMedia) !== 0) return true;
  const gateway = packet.nextHop === ipTarget(bytes, network) ? 0 : packet.nextHop;
  return isOnLink(inDevice, source, gateway);
}

/** @source __mkroute_output() for RTN_LOCAL */
function finishLocalRoute(netns: NetNamespace, target: Ipv4, source: Ipv4, into: Route): null {
  into.type = RTN_LOCAL;
  into.outDevice = netns.loopback;
  into.nextHop = target;
  into.source = source;
  into.target = target;
  into.pathMtuBytes = Math.min(netns.loopback.mtuBytes, IP_MAX_MTU_BYTES);
  into.isMtuLearnt = false;
  into.generation = netns.fib.generation;
  return null;
}

/** A route to a broadcast or multicast address, which is never behind a gateway. */
function finishGroupRoute(
  netns: NetNamespace,
  target: Ipv4,
  source: Ipv4,
  device: Device,
  into: Route,
): Errno | null {
  const type = target === -1 ? RTN_BROADCAST : RTN_MULTICAST;
  return finishRoute(netns, target, source, device, type, null, null, into);
}

/** @source __mkroute_output(), rt_set_nexthop() */
function finishRoute(
  netns: NetNamespace,
  target: Ipv4,
  source: Ipv4,
  device: Device,
  type: number,
  route: FibRoute | null,
  nextHop: NextHop | null,
  into: Route,
): Errno | null {
  if (isLoopback(source) && !device.isLoopback) {
    const { conf } = inetOf(device);
    if ((conf.routeLocalnet | netns.sysctl.confAll.routeLocalnet) === 0) return 'EINVAL';
  }
  if (target >>> 24 === 0) return 'EINVAL';
  // What goes out by lo comes in again and is for us, whatever the tables say of its target.
  into.type = device.isLoopback && type === RTN_UNICAST ? RTN_LOCAL : type;
  into.outDevice = device;
  into.source = source;
  into.target = target;
  into.nextHop = target;
  into.pathMtuBytes = Math.min(device.mtuBytes, IP_MAX_MTU_BYTES);
  into.isMtuLearnt = false;
  into.generation = netns.fib.generation;
  if (route === null || nextHop === null || type === RTN_BROADCAST) return null;
  if (nextHop.gateway !== 0 && nextHop.scope === SCOPE_LINK) into.nextHop = nextHop.gateway;
  if (route.mtuBytes !== 0) into.pathMtuBytes = Math.min(route.mtuBytes, IP_MAX_MTU_BYTES);
  into.isMtuLearnt = route.isMtuLocked;
  const learnt = findPathException(netns, target);
  if (learnt === null) return null;
  if (learnt.gateway !== 0) into.nextHop = learnt.gateway;
  if (learnt.mtuBytes !== 0 && !route.isMtuLocked && learnt.mtuBytes < into.pathMtuBytes) {
    into.pathMtuBytes = learnt.mtuBytes;
    into.isMtuLearnt = learnt.isLocked;
  }
  return null;
}

/**
 * The source that a route gives to packets without one.
 * @source include/net/ip_fib.h fib_result_prefsrc()
 */
function sourceOf(netns: NetNamespace, fib: Fib, route: FibRoute, nextHop: NextHop): Ipv4 {
  if (route.preferredSource !== 0) return route.preferredSource;
  if (nextHop.sourceGeneration !== fib.generation) {
    nextHop.source = selectSource(netns, nextHop.device!, nextHop.gateway, route.scope);
    nextHop.sourceGeneration = fib.generation;
  }
  return nextHop.source;
}

/** @source include/net/ip.h ip_dst_mtu_maybe_forward() */
function forwardMtuOf(netns: NetNamespace, route: FibRoute, out: Device, target: Ipv4): number {
  if (netns.sysctl.ipForwardUsePmtu !== 0 || route.isMtuLocked) {
    const learnt = findPathException(netns, target);
    if (learnt !== null && learnt.mtuBytes !== 0) return learnt.mtuBytes;
  }
  return mtuOf(route.mtuBytes, out);
}

/** The MTU of a way: its route's, or (0) that of its device. */
export function mtuOf(routeMtuBytes: number, device: Device): number {
  const mtuBytes = routeMtuBytes === 0 ? device.mtuBytes : routeMtuBytes;
  return mtuBytes < IP_MAX_MTU_BYTES ? mtuBytes : IP_MAX_MTU_BYTES;
}

const REFUSALS: Readonly<Record<number, DropReason>> = {
  [INPUT_MARTIAN_SOURCE]: 'martian-source',
  [INPUT_MARTIAN_TARGET]: 'martian-target',
  [INPUT_REVERSE_PATH]: 'reverse-path',
  [INPUT_NOT_JOINED]: 'multicast-not-joined',
};

/** The end of a packet that may not come in or has no way out. @source ip_error() */
function refuse(sim: Simulator, netns: NetNamespace, packet: Packet, outcome: number): void {
  const device = packet.inDevice!;
  if (outcome !== INPUT_NO_ROUTE) {
    drop(sim, packet, REFUSALS[outcome] ?? 'no-route', device);
    return;
  }
  if (inetOf(device).conf.forwarding === 0) {
    drop(sim, packet, 'forwarding-off', device);
    return;
  }
  const cause = decision.outcome;
  packet.routeType = RTN_UNREACHABLE;
  packet.outDevice = device;
  if (cause !== FIB_BLACKHOLE) {
    const source = ipSource(packet.bytes, packet.network);
    if (mayRouteErrorBeSent(netns.icmpLimits, timeNs(sim), source)) {
      netns.sendIcmpError(sim, netns, packet, ICMP_UNREACHABLE, icmpCodeOf(cause), 0);
    }
  }
  drop(sim, packet, cause === FIB_NO_ROUTE ? 'no-route' : 'route-blackhole', device);
}

function icmpCodeOf(outcome: number): number {
  if (outcome === FIB_NO_ROUTE) return UNREACHABLE_NET;
  return outcome === FIB_PROHIBITED ? UNREACHABLE_ADMIN_PROHIBITED : UNREACHABLE_HOST;
}

/** 224.0.0.0/24 */
function isLocalMulticast(address: Ipv4): boolean {
  return (address & 0xffffff00) === (0xe0000000 | 0);
}

function traceRoute(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  if (sim.trace === null) return;
  const out = packet.outDevice === null ? '' : packet.outDevice.name;
  const target = formatIpv4(ipTarget(packet.bytes, packet.network));
  const detail =
    packet.routeType === RTN_UNICAST
      ? { type: 'unicast', target, via: formatIpv4(packet.nextHop), out }
      : { type: packet.routeType === RTN_LOCAL ? 'local' : 'broadcast', target };
  sim.trace('route', packet, netns.name, detail);
}
