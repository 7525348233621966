/** The way of a datagram that is like others before it. */
import type { Errno } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import type { NetNamespace } from './namespace.ts';
import { findPathException } from './path-mtu.ts';
import { mtuOf, routeOutput } from './route.ts';
import { claimCachedRoute, findCachedRoute } from './route-cache.ts';
import type { Route } from './route-record.ts';
import { RTN_LOCAL, RTN_UNICAST } from './route-type.ts';

/**
 * Like routeOutput, for every datagram of a socket: a decision that was made before is taken again while
 * nothing has changed.
 */
export function routeOutputAgain(
  netns: NetNamespace,
  target: Ipv4,
  source: Ipv4,
  outDevice: Device | null,
  mark: number,
  tos: number,
  into: Route,
): Errno | null {
  const { fib } = netns;
  const { outputs, generation } = fib;
  const known = findCachedRoute(outputs, generation, target, source, outDevice, tos, mark);
  if (known !== null) {
    const device = known.outDevice!;
    into.type = known.type;
    into.outDevice = device;
    into.nextHop = known.nextHop;
    into.source = known.chosenSource;
    into.target = target;
    into.pathMtuBytes = mtuOf(known.mtuBytes, device);
    into.isMtuLearnt = known.isMtuLearnt;
    into.generation = generation;
    return null;
  }
  const failure = routeOutput(netns, target, source, outDevice, mark, tos, into);
  if (failure !== null) return failure;
  const isPlain = into.type === RTN_UNICAST || into.type === RTN_LOCAL;
  // What ICMP taught expires by the clock, which the generation does not see; 0 stands for another target.
  if (!isPlain || target === 0 || findPathException(netns, target) !== null) return null;
  const entry = claimCachedRoute(outputs, generation, target, source, outDevice, tos, mark);
  const device = into.outDevice!;
  entry.type = into.type;
  entry.outDevice = device;
  entry.nextHop = into.nextHop;
  entry.chosenSource = into.source;
  entry.mtuBytes = into.pathMtuBytes === mtuOf(0, device) ? 0 : into.pathMtuBytes;
  entry.isMtuLearnt = into.isMtuLearnt;
  return null;
}
