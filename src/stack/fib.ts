/**
 * Changing the routing tables: what `ip route` asks for and what devices bring about.
 * The lookup is in fib-lookup.ts, one table in fib-table.ts.
 * @source net/ipv4/fib_semantics.c fib_create_info(); net/ipv4/fib_trie.c fib_table_insert()
 */
import { KernelError } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import type { Fib } from './fib-lookup.ts';
import { checkedNextHops, checkPreferredSource } from './fib-nexthop.ts';
import {
  type FibRoute,
  type FibTable,
  insertRoute,
  makeFibTable,
  type NextHop,
  placeOf,
  prefixOf,
  removeRoute,
  routesInOrder,
  routesOf,
} from './fib-table.ts';
import type { NetNamespace } from './namespace.ts';
import {
  ROUTE_PROTOCOL_BOOT,
  RTN_ANYCAST,
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_THROW,
  RTN_UNICAST,
  SCOPE_HOST,
  SCOPE_LINK,
  SCOPE_NOWHERE,
  SCOPE_UNIVERSE,
  TABLE_LOCAL,
  TABLE_MAIN,
} from './route-type.ts';

export { type Fib, makeFib } from './fib-lookup.ts';
export type { FibRoute, FibTable, NextHop } from './fib-table.ts';

/** A next hop as asked for. */
export interface NextHopSpec {
  readonly device?: Device | null;
  /** 0 or absent for none. */
  readonly gateway?: Ipv4;
  readonly weight?: number;
  readonly isOnlink?: boolean;
}

/** A route as asked for. What is left out takes iproute2's and the kernel's defaults. */
export interface RouteSpec extends NextHopSpec {
  readonly prefix: Ipv4;
  readonly prefixLength: number;
  readonly table?: number;
  readonly tos?: number;
  readonly priority?: number;
  readonly type?: number;
  readonly scope?: number;
  readonly protocol?: number;
  readonly preferredSource?: Ipv4;
  readonly mtuBytes?: number;
  readonly isMtuLocked?: boolean;
  readonly advmssBytes?: number;
  readonly initcwnd?: number;
  readonly initrwnd?: number;
  /** Several next hops, in place of device and gateway. */
  readonly nextHops?: readonly NextHopSpec[];
}

/** The verbs of `ip route`. */
export type RouteVerb = 'add' | 'change' | 'replace' | 'prepend' | 'append';

/** Routes of one namespace at most. */
const ROUTES_MAX = 1_000_000;

/** The table with this id, null if nothing was ever put into it. */
export function findTable(netns: NetNamespace, id: number): FibTable | null {
  return netns.fib.tables.get(id) ?? null;
}

/**
 * `ip route add|change|replace|prepend|append`.
 * @throws KernelError with the kernel's words: EEXIST, ENOENT, ENETUNREACH "Nexthop has invalid
 *   gateway", ENETDOWN "Device for nexthop is not up", EINVAL, ENODEV.
 */
export function addRoute(netns: NetNamespace, spec: RouteSpec, verb: RouteVerb = 'add'): void {
  const errno = placeRoute(netns, spec, verb);
  if (errno !== null) throw new KernelError(errno);
}

/** @returns what the kernel refuses it with when nothing is wrong with the route itself. @throws KernelError */
function placeRoute(
  netns: NetNamespace,
  spec: RouteSpec,
  verb: RouteVerb,
): 'EEXIST' | 'ENOENT' | 'ENOSPC' | null {
  const { fib } = netns;
  const { prefix, prefixLength, type = RTN_UNICAST } = spec;
  if (prefixLength < 0 || prefixLength > 32)
    throw new KernelError('EINVAL', 'Invalid prefix length');
  if (prefixOf(prefix, prefixLength) !== prefix) {
    throw new KernelError('EINVAL', 'Invalid prefix for given prefix length');
  }
  const route = makeCheckedRoute(netns, spec, type);
  const table = tableFor(fib, route.table);
  const routes = routesOf(table, prefix, prefixLength) ?? [];
  const at = placeOf(routes, route.tos, route.priority);
  const first = routes[at];
  let place = at;
  if (first !== undefined && isSameKey(first, route)) {
    if (verb === 'add') return 'EEXIST';
    let last = at;
    let twin: FibRoute | null = null;
    for (; last < routes.length && isSameKey(routes[last]!, route); last++) {
      if (isSameRoute(routes[last]!, route)) twin = routes[last]!;
    }
    if (verb === 'replace' || verb === 'change') {
      if (twin === first) return null;
      if (twin !== null) return 'EEXIST';
      removeRoute(table, first);
    } else {
      if (twin !== null) return 'EEXIST';
      if (verb === 'append') place = last;
    }
  } else if (verb === 'change') {
    return 'ENOENT';
  }
  if (table.routeCount >= ROUTES_MAX) return 'ENOSPC';
  insertRoute(table, route, place);
  if (type === RTN_LOCAL) fib.hasCustomLocalRoutes = true;
  fib.generation++;
  return null;
}

/**
 * `ip route del`: the first route that has all that the spec names.
 * @throws KernelError ESRCH @source fib_table_delete()
 */
export function deleteRoute(netns: NetNamespace, spec: RouteSpec): void {
  const { fib } = netns;
  const { prefix, prefixLength } = spec;
  if (prefixOf(prefix, prefixLength) !== prefix) {
    throw new KernelError('EINVAL', 'Invalid prefix for given prefix length');
  }
  const table = fib.tables.get(spec.table ?? tableOfType(spec.type ?? RTN_UNICAST));
  const routes = table === undefined ? null : routesOf(table, prefix, prefixLength);
  const route = routes?.find((each) => isNamedBy(each, spec));
  if (table === undefined || route === undefined) throw new KernelError('ESRCH');
  removeRoute(table, route);
  fib.generation++;
}

/**
 * The routes of a table as `ip route show` lists them; all tables in the kernel's order if `id` is null.
 */
export function listRoutes(netns: NetNamespace, id: number | null = TABLE_MAIN): FibRoute[] {
  const { tables } = netns.fib;
  if (id !== null) {
    const table = tables.get(id);
    return table === undefined ? [] : routesInOrder(table);
  }
  // The kernel keeps tables in 256 lists by their id.
  const ordered = [...tables.values()].sort((a, b) => (a.id & 255) - (b.id & 255) || a.id - b.id);
  return ordered.flatMap(routesInOrder);
}

/** A route that an address brings along; nothing happens if it is there. @source fib_magic() */
export function addKernelRoute(netns: NetNamespace, spec: RouteSpec): void {
  const { fib } = netns;
  const { hasCustomLocalRoutes } = fib;
  try {
    placeRoute(netns, spec, 'append'); // most are there: an error for each would be slow
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
  }
  fib.hasCustomLocalRoutes = hasCustomLocalRoutes;
}

/** Takes such a route away; nothing happens if it is not there. */
export function deleteKernelRoute(netns: NetNamespace, spec: RouteSpec): void {
  try {
    deleteRoute(netns, spec);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
  }
}

/**
 * A device went down or (with `isGone`) away: its next hops are dead, and routes that have no other are
 * deleted. Routes to this host itself stay while the device is only down.
 * @source fib_sync_down_dev(), fib_table_flush()
 */
export function downDeviceRoutes(netns: NetNamespace, device: Device, isGone: boolean): void {
  forEachRoute(netns, (table, route) => {
    let isConcerned = false;
    for (const nextHop of route.nextHops) {
      if (nextHop.device !== device) continue;
      if (!isGone && nextHop.scope === SCOPE_NOWHERE) continue;
      nextHop.isDead = true;
      isConcerned = true;
    }
    if (isConcerned && route.nextHops.every((nextHop) => nextHop.isDead)) removeRoute(table, route);
  });
}

/** A device came up: its next hops in multipath routes live again. @source fib_sync_up() */
export function upDeviceRoutes(netns: NetNamespace, device: Device): void {
  forEachRoute(netns, (_table, route) => {
    for (const nextHop of route.nextHops) if (nextHop.device === device) nextHop.isDead = false;
  });
}

/** An address is gone: routes that prefer it as their source are deleted. @source fib_sync_down_addr() */
export function deleteRoutesFrom(netns: NetNamespace, source: Ipv4): void {
  forEachRoute(netns, (table, route) => {
    if (route.preferredSource === source) removeRoute(table, route);
  });
}

function forEachRoute(netns: NetNamespace, act: (table: FibTable, route: FibRoute) => void): void {
  for (const table of netns.fib.tables.values()) {
    for (const route of routesInOrder(table)) act(table, route);
  }
  netns.fib.generation++;
}

function makeCheckedRoute(netns: NetNamespace, spec: RouteSpec, type: number): FibRoute {
  if (type < RTN_UNICAST || type > RTN_THROW) throw new KernelError('EINVAL', 'Invalid route type');
  const scope = spec.scope ?? scopeOf(type, spec);
  if (scope < leastScope(type)) throw new KernelError('EINVAL', 'Invalid scope');
  const table = spec.table ?? tableOfType(type);
  const nextHops: NextHop[] = [];
  if (type >= RTN_BLACKHOLE) {
    if ((spec.gateway ?? 0) !== 0 || spec.device != null || spec.nextHops !== undefined) {
      const words = 'Gateway, device and multipath can not be specified for this route type';
      throw new KernelError('EINVAL', words);
    }
  } else {
    if (scope > SCOPE_HOST) throw new KernelError('EINVAL', 'Invalid scope');
    nextHops.push(...checkedNextHops(netns, spec.nextHops ?? [spec], scope, table));
    checkPreferredSource(netns, spec, type);
  }
  return {
    table,
    prefix: spec.prefix,
    prefixLength: spec.prefixLength,
    tos: spec.tos ?? 0,
    priority: spec.priority ?? 0,
    type,
    scope,
    protocol: spec.protocol ?? ROUTE_PROTOCOL_BOOT,
    preferredSource: spec.preferredSource ?? 0,
    mtuBytes: spec.mtuBytes ?? 0,
    isMtuLocked: spec.isMtuLocked ?? false,
    advmssBytes: spec.advmssBytes ?? 0,
    initcwnd: spec.initcwnd ?? 0,
    initrwnd: spec.initrwnd ?? 0,
    nextHops,
  };
}

function tableFor(fib: Fib, id: number): FibTable {
  let table = fib.tables.get(id);
  if (table === undefined) {
    table = makeFibTable(id);
    fib.tables.set(id, table);
  }
  return table;
}

/** Where iproute2 puts a route of this type. */
function tableOfType(type: number): number {
  const isLocal = type === RTN_LOCAL || type === RTN_BROADCAST || type === RTN_ANYCAST;
  return isLocal ? TABLE_LOCAL : TABLE_MAIN;
}

/** The scope that iproute2 gives to a route without one. */
function scopeOf(type: number, spec: RouteSpec): number {
  if (type === RTN_LOCAL) return SCOPE_HOST;
  if (type === RTN_BROADCAST || type === RTN_MULTICAST || type === RTN_ANYCAST) return SCOPE_LINK;
  if (type !== RTN_UNICAST) return SCOPE_UNIVERSE;
  const hasGateway = (spec.gateway ?? 0) !== 0 || spec.nextHops !== undefined;
  return hasGateway ? SCOPE_UNIVERSE : SCOPE_LINK;
}

/** @source fib_props[].scope */
function leastScope(type: number): number {
  if (type === RTN_LOCAL) return SCOPE_HOST;
  return type === RTN_BROADCAST || type === RTN_ANYCAST ? SCOPE_LINK : SCOPE_UNIVERSE;
}

function isSameKey(one: FibRoute, other: FibRoute): boolean {
  return one.tos === other.tos && one.priority === other.priority;
}

function isSameRoute(one: FibRoute, other: FibRoute): boolean {
  return (
    one.type === other.type &&
    one.scope === other.scope &&
    one.protocol === other.protocol &&
    one.preferredSource === other.preferredSource &&
    one.mtuBytes === other.mtuBytes &&
    one.isMtuLocked === other.isMtuLocked &&
    one.advmssBytes === other.advmssBytes &&
    one.nextHops.length === other.nextHops.length &&
    one.nextHops.every((nextHop, i) => isSameNextHop(nextHop, other.nextHops[i]!))
  );
}

function isSameNextHop(one: NextHop, other: NextHop): boolean {
  return (
    one.device === other.device &&
    one.gateway === other.gateway &&
    one.weight === other.weight &&
    one.isOnlink === other.isOnlink
  );
}

/** Whether a route is one that `ip route del` with this spec means. */
function isNamedBy(route: FibRoute, spec: RouteSpec): boolean {
  if (route.tos !== (spec.tos ?? 0)) return false;
  if (spec.priority !== undefined && spec.priority !== 0 && route.priority !== spec.priority) {
    return false;
  }
  if (spec.type !== undefined && route.type !== spec.type) return false;
  if (spec.scope !== undefined && route.scope !== spec.scope) return false;
  if (spec.protocol !== undefined && spec.protocol !== 0 && route.protocol !== spec.protocol) {
    return false;
  }
  const { preferredSource = 0, device = null, gateway = 0 } = spec;
  if (preferredSource !== 0 && route.preferredSource !== preferredSource) return false;
  const wanted = spec.nextHops ?? (device === null && gateway === 0 ? [] : [{ device, gateway }]);
  return wanted.every((each, i) => {
    const nextHop = route.nextHops[i];
    if (nextHop === undefined) return false;
    if (each.device != null && nextHop.device !== each.device) return false;
    return (each.gateway ?? 0) === 0 || nextHop.gateway === each.gateway;
  });
}
