/**
 * One routing table: prefixes in a hash table per length, so that a lookup costs at most one probe
 * for each length in use, however many routes there are; and the rules of what stands before what.
 * @source net/ipv4/fib_trie.c fib_table_lookup(), fib_find_alias()
 */
import { type Ipv4, maskOf } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import { deleteInt, getInt, type IntTable, makeIntTable, setInt, valuesOf } from './int-table.ts';

export interface NextHop {
  /** null only for routes that lead nowhere (unreachable, blackhole ...). */
  readonly device: Device | null;
  /** 0: the target itself is on the link. */
  readonly gateway: Ipv4;
  /** How far the next hop is away: HOST for the link itself, LINK for a gateway on it. */
  readonly scope: number;
  /** 1 or more, for routes with several next hops. */
  readonly weight: number;
  /** The gateway is believed to be on the link (RTNH_F_ONLINK). */
  readonly isOnlink: boolean;
  /** Its device is down (RTNH_F_DEAD). */
  isDead: boolean;
  /** Source address when the route names none; good while `sourceGeneration` is the FIB's. */
  source: Ipv4;
  sourceGeneration: number;
}

export interface FibRoute {
  readonly table: number;
  readonly prefix: Ipv4;
  readonly prefixLength: number;
  readonly tos: number;
  /** The metric: the smallest wins among equal prefixes. */
  readonly priority: number;
  /** RTN_* */
  readonly type: number;
  readonly scope: number;
  /** ROUTE_PROTOCOL_* or a number of its maker. */
  readonly protocol: number;
  /** 0: chosen by scope among the device's addresses. */
  readonly preferredSource: Ipv4;
  /** 0: the device's MTU. */
  readonly mtuBytes: number;
  readonly isMtuLocked: boolean;
  /** 0: from the MTU. */
  readonly advmssBytes: number;
  /** Initial windows in segments, 0 for the default. */
  readonly initcwnd: number;
  readonly initrwnd: number;
  readonly nextHops: readonly NextHop[];
}

export interface FibTable {
  readonly id: number;
  /** By prefix length: the routes of each prefix, best first. */
  readonly byLength: Array<IntTable<FibRoute[]> | null>;
  /** Bit length-1 is set if there are prefixes of that length (1..32). */
  lengthBits: number;
  routeCount: number;
}

export function makeFibTable(id: number): FibTable {
  return { id, byLength: new Array(33).fill(null), lengthBits: 0, routeCount: 0 };
}

/** The routes to exactly this prefix, best first; null if there is none. */
export function routesOf(table: FibTable, prefix: Ipv4, length: number): FibRoute[] | null {
  const prefixes = table.byLength[length]!;
  return prefixes === null ? null : getInt(prefixes, prefix);
}

/** Where in the list of its prefix a route with this tos and metric stands: the first of its equals. */
export function placeOf(routes: readonly FibRoute[], tos: number, priority: number): number {
  let at = 0;
  while (at < routes.length) {
    const route = routes[at]!;
    if (route.tos < tos || (route.tos === tos && route.priority >= priority)) break;
    at++;
  }
  return at;
}

/** Puts the route at index `at` of its prefix's list (see placeOf). */
export function insertRoute(table: FibTable, route: FibRoute, at: number): void {
  const { prefixLength } = route;
  let prefixes = table.byLength[prefixLength]!;
  if (prefixes === null) {
    prefixes = makeIntTable<FibRoute[]>();
    table.byLength[prefixLength] = prefixes;
  }
  const routes = getInt(prefixes, route.prefix);
  if (routes === null) setInt(prefixes, route.prefix, [route]);
  else routes.splice(at, 0, route);
  if (prefixLength > 0) table.lengthBits |= 1 << (prefixLength - 1);
  table.routeCount++;
}

/** Takes a route out. */
export function removeRoute(table: FibTable, route: FibRoute): void {
  const prefixes = table.byLength[route.prefixLength]!;
  const routes = prefixes === null ? null : getInt(prefixes, route.prefix);
  if (prefixes === null || routes === null) return;
  const at = routes.indexOf(route);
  if (at < 0) return;
  routes.splice(at, 1);
  table.routeCount--;
  if (routes.length > 0) return;
  deleteInt(prefixes, route.prefix);
  if (prefixes.count > 0 || route.prefixLength === 0) return;
  table.lengthBits &= ~(1 << (route.prefixLength - 1));
}

/** All routes as `ip route` lists them: by address, longer prefixes of one address first. */
export function routesInOrder(table: FibTable): FibRoute[] {
  const lists: FibRoute[][] = [];
  for (const prefixes of table.byLength) if (prefixes !== null) lists.push(...valuesOf(prefixes));
  lists.sort((a, b) => {
    const [one, other] = [a[0]!, b[0]!]; // a list in the table is never empty
    return (one.prefix >>> 0) - (other.prefix >>> 0) || other.prefixLength - one.prefixLength;
  });
  return lists.flat();
}

/** The bits of `address` that a prefix of this length looks at. */
export function prefixOf(address: Ipv4, length: number): Ipv4 {
  return address & maskOf(length);
}
