/**
 * The forwarding information base of a namespace: its tables and rules, and the lookup that every
 * packet needs. A lookup reads its question from `fib.key`, writes its answer to `fib.result`, and
 * allocates nothing.
 * @source include/net/ip_fib.h fib_lookup(); net/ipv4/fib_trie.c; net/ipv4/fib_frontend.c
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import { defaultRules, type FibRule, ruleMatches } from './fib-rules.ts';
import { type FibRoute, type FibTable, makeFibTable, type NextHop, routesOf } from './fib-table.ts';
import { type InterfaceAddress, inetOf } from './inet.ts';
import { getInt, type IntTable, makeIntTable } from './int-table.ts';
import type { NetNamespace } from './namespace.ts';
import { makeRouteCache, type RouteCache } from './route-cache.ts';
import {
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_PROHIBIT,
  RTN_THROW,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  TABLE_LOCAL,
  TABLE_MAIN,
} from './route-type.ts';

/** Outcomes of a lookup. */
export const FIB_FOUND = 0;
/** Nothing matches: ENETUNREACH. */
export const FIB_NO_ROUTE = 1;
/** A route or rule says no: EHOSTUNREACH, EACCES, EINVAL (blackhole). */
export const FIB_UNREACHABLE = 2;
export const FIB_PROHIBITED = 3;
export const FIB_BLACKHOLE = 4;

/** The bits of tos that routing looks at. @source IPTOS_RT_MASK */
const TOS_ROUTING_MASK = 0x1c;

/** What a lookup asks. */
export interface FibKey {
  target: Ipv4;
  source: Ipv4;
  tos: number;
  mark: number;
  /** Where the packet came in; lo for our own. */
  inDevice: Device | null;
  /** By which device it has to leave; null for any. */
  outDevice: Device | null;
  /** Routes of a nearer scope only; 0 for any. */
  scope: number;
  /** Take routes of a device without carrier even if ignore_routes_with_linkdown says no. */
  ignoresLinkState: boolean;
}

/** What a lookup found; valid after FIB_FOUND. */
export interface FibResult {
  route: FibRoute | null;
  nextHop: NextHop | null;
}

export interface Fib {
  /** Goes up at every change of routes, rules, addresses or devices. */
  generation: number;
  readonly tables: Map<number, FibTable>;
  readonly local: FibTable;
  readonly main: FibTable;
  readonly rules: FibRule[];
  /** The rules were changed once: local and main are two tables from then on. */
  hasCustomRules: boolean;
  /** Somebody made a route of type local: sources are checked by a whole lookup. */
  hasCustomLocalRoutes: boolean;
  /** The namespace's addresses, whatever the state of their devices (inet_addr_lst). */
  readonly addresses: IntTable<InterfaceAddress[]>;
  readonly key: FibKey;
  readonly result: FibResult;
  /** Decisions about packets that came in, and about our own. */
  readonly inputs: RouteCache;
  readonly outputs: RouteCache;
}

export function makeFib(): Fib {
  const local = makeFibTable(TABLE_LOCAL);
  const main = makeFibTable(TABLE_MAIN);
  return {
    generation: 1,
    tables: new Map([
      [TABLE_LOCAL, local],
      [TABLE_MAIN, main],
    ]),
    local,
    main,
    rules: defaultRules(),
    hasCustomRules: false,
    hasCustomLocalRoutes: false,
    addresses: makeIntTable(),
    key: {
      target: 0,
      source: 0,
      tos: 0,
      mark: 0,
      inDevice: null,
      outDevice: null,
      scope: 0,
      ignoresLinkState: false,
    },
    result: { route: null, nextHop: null },
    inputs: makeRouteCache(),
    outputs: makeRouteCache(),
  };
}

/** Writes the question of a lookup; scope 0 and link state as usual. */
export function setKey(
  fib: Fib,
  target: Ipv4,
  source: Ipv4,
  tos: number,
  mark: number,
  inDevice: Device | null,
  outDevice: Device | null,
): void {
  const { key } = fib;
  key.target = target;
  key.source = source;
  key.tos = tos & TOS_ROUTING_MASK;
  key.mark = mark;
  key.inDevice = inDevice;
  key.outDevice = outDevice;
  key.scope = 0;
  key.ignoresLinkState = false;
}

/**
 * Answers fib.key by fib.result. While the rules are the default ones, local and main are searched as
 * one table: the longest prefix of both wins, local before main at the same length.
 * @returns FIB_FOUND, or why there is no way.
 */
export function lookup(fib: Fib): number {
  if (fib.hasCustomRules) return lookupByRules(fib);
  const { local, main, key } = fib;
  const { target } = key;
  const localBits = local.lengthBits;
  const mainBits = main.lengthBits;
  let bits = localBits | mainBits;
  while (bits !== 0) {
    const length = 32 - Math.clz32(bits);
    const bit = 1 << (length - 1);
    bits &= ~bit;
    const prefix = length === 32 ? target : target & (-1 << (32 - length));
    if ((localBits & bit) !== 0) {
      const routes = getInt(local.byLength[length]!, prefix);
      const outcome = routes === null ? NO_MATCH : selectRoute(fib, routes);
      if (outcome >= 0) return outcome;
    }
    if ((mainBits & bit) !== 0) {
      const routes = getInt(main.byLength[length]!, prefix);
      const outcome = routes === null ? NO_MATCH : selectRoute(fib, routes);
      if (outcome >= 0) return outcome;
      if (outcome === THROWN) return FIB_NO_ROUTE;
    }
  }
  const outcome = lookupDefaultRoutes(fib);
  return outcome < 0 ? FIB_NO_ROUTE : outcome;
}

/** Like lookup, in one table only. @returns negative if it has no answer. */
export function lookupIn(fib: Fib, table: FibTable): number {
  const { target } = fib.key;
  let bits = table.lengthBits;
  while (bits !== 0) {
    const length = 32 - Math.clz32(bits);
    bits &= ~(1 << (length - 1));
    const prefix = length === 32 ? target : target & (-1 << (32 - length));
    const routes = routesOf(table, prefix, length);
    if (routes === null) continue;
    const outcome = selectRoute(fib, routes);
    if (outcome !== NO_MATCH) return outcome;
  }
  const routes = routesOf(table, 0, 0);
  return routes === null ? NO_MATCH : selectRoute(fib, routes);
}

/** Nothing matched in this list or table. */
const NO_MATCH = -1;
/** A throw route matched: as if the table had no answer. */
const THROWN = -2;

function lookupDefaultRoutes(fib: Fib): number {
  let routes = routesOf(fib.local, 0, 0);
  if (routes !== null) {
    const outcome = selectRoute(fib, routes);
    if (outcome >= 0) return outcome;
  }
  routes = routesOf(fib.main, 0, 0);
  if (routes !== null) {
    const outcome = selectRoute(fib, routes);
    if (outcome !== NO_MATCH) return outcome;
  }
  const fallback = fib.tables.get(253);
  return fallback === undefined ? NO_MATCH : lookupIn(fib, fallback);
}

/** The first route of a prefix's list that fits the question. */
function selectRoute(fib: Fib, routes: readonly FibRoute[]): number {
  const { key, result } = fib;
  for (let i = 0; i < routes.length; i++) {
    const route = routes[i]!;
    if (route.tos !== 0 && route.tos !== key.tos) continue;
    if (route.scope < key.scope) continue;
    if (route.type >= RTN_BLACKHOLE) return outcomeOf(route.type);
    const { nextHops } = route;
    for (let n = 0; n < nextHops.length; n++) {
      const nextHop = nextHops[n]!;
      if (!isUsable(nextHop, key)) continue;
      result.route = route;
      result.nextHop = nextHop;
      return FIB_FOUND;
    }
  }
  return NO_MATCH;
}

/** @source fib_lookup_good_nhc() */
function isUsable(nextHop: NextHop, key: FibKey): boolean {
  if (nextHop.isDead) return false;
  const { device } = nextHop;
  if (key.outDevice !== null && key.outDevice !== device) return false;
  if (device === null || device.hasCarrier || key.ignoresLinkState) return true;
  return !ignoresLinkdown(device);
}

function ignoresLinkdown(device: Device): boolean {
  const netns = device.netns as NetNamespace; // every Netns is one: see namespaceOf
  const all = netns.sysctl.confAll.ignoreRoutesWithLinkdown;
  return (all | inetOf(device).conf.ignoreRoutesWithLinkdown) !== 0;
}

/** @source net/ipv4/fib_semantics.c fib_props[] */
function outcomeOf(type: number): number {
  switch (type) {
    case RTN_UNREACHABLE:
      return FIB_UNREACHABLE;
    case RTN_PROHIBIT:
      return FIB_PROHIBITED;
    case RTN_THROW:
      return THROWN;
    default:
      return FIB_BLACKHOLE;
  }
}

function lookupByRules(fib: Fib): number {
  const { rules, key, result } = fib;
  let from = 0;
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i]!;
    if (rule.priority < from || !ruleMatches(rule, key)) continue;
    switch (rule.action) {
      case 'lookup': {
        const table = fib.tables.get(rule.table);
        if (table === undefined) break;
        const outcome = lookupIn(fib, table);
        if (outcome < 0) break;
        const isSuppressed =
          outcome === FIB_FOUND && result.route!.prefixLength <= rule.suppressPrefixLength;
        if (!isSuppressed) return outcome;
        break;
      }
      case 'goto':
        from = rule.target;
        break;
      case 'blackhole':
        return FIB_BLACKHOLE;
      case 'unreachable':
        return FIB_NO_ROUTE;
      case 'prohibit':
        return FIB_PROHIBITED;
      default:
        break;
    }
  }
  return FIB_NO_ROUTE;
}

/**
 * The type (RTN_*) of an address by the local table; unicast if the table does not know it.
 * @param device counts only what is on this device; null for any.
 * @source net/ipv4/fib_frontend.c __inet_dev_addr_type()
 */
export function addressType(fib: Fib, address: Ipv4, device: Device | null): number {
  if (address >>> 24 === 0 || address === -1) return RTN_BROADCAST;
  if ((address & 0xf0000000) === (0xe0000000 | 0)) return RTN_MULTICAST;
  const route = localRouteOf(fib, address);
  if (route === null) return RTN_UNICAST;
  if (device !== null && route.nextHops[0]?.device !== device) return RTN_UNICAST;
  return route.type;
}

/** The device of a local address, by the local table; null if the address is not local. */
export function localDeviceOf(fib: Fib, address: Ipv4): Device | null {
  const route = localRouteOf(fib, address);
  return route !== null && route.type === RTN_LOCAL ? (route.nextHops[0]?.device ?? null) : null;
}

/** The longest match in the local table. */
function localRouteOf(fib: Fib, address: Ipv4): FibRoute | null {
  const { local } = fib;
  let bits = local.lengthBits;
  while (bits !== 0) {
    const length = 32 - Math.clz32(bits);
    bits &= ~(1 << (length - 1));
    const prefix = length === 32 ? address : address & (-1 << (32 - length));
    const routes = routesOf(local, prefix, length);
    if (routes !== null) return routes[0]!;
  }
  return null;
}

/** Whether an interface has exactly this address. @source inet_lookup_ifaddr_rcu() */
export function hasInterfaceAddress(fib: Fib, address: Ipv4): boolean {
  return getInt(fib.addresses, address) !== null;
}
