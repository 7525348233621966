/** `ip route show`. @source iproute2 ip/iproute.c print_route() */
import { formatIpv4, type Ipv4, maskOf } from '../../base/ipv4-address.ts';
import type { Device } from '../../engine/device.ts';
import { type FibRoute, findTable, listRoutes, type NextHop } from '../../stack/fib.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import {
  ROUTE_PROTOCOL_BOOT,
  RTN_UNICAST,
  SCOPE_UNIVERSE,
  TABLE_MAIN,
} from '../../stack/route-type.ts';
import { type Json, prefixText } from './format.ts';
import { deviceByName, type IpCommand, writeEntry, writeJson } from './ip-command.ts';
import {
  protocolName,
  routeTypeName,
  routeTypeOf,
  scopeName,
  tableName,
  takeProtocol,
  takeScope,
  takeTable,
} from './ip-names.ts';
import {
  CommandError,
  notEmulated,
  type Prefix,
  parsePrefix,
  peek,
  take,
  takeAddress,
  takePrefix,
  takeValue,
} from './words.ts';

/** Which routes to show; null: no matter. */
export interface RouteFilter {
  /** null for all tables. */
  table: number | null;
  hasTable: boolean;
  device: Device | null;
  gateway: Ipv4 | null;
  source: Ipv4 | null;
  protocol: number | null;
  scope: number | null;
  type: number | null;
  /** Within this prefix. */
  root: Prefix | null;
  /** Containing this prefix. */
  match: Prefix | null;
  exact: Prefix | null;
}

/** Reads what is left of the command line. */
export function takeRouteFilter(command: IpCommand): RouteFilter {
  const { netns, words } = command;
  const filter: RouteFilter = {
    table: TABLE_MAIN,
    hasTable: false,
    device: null,
    gateway: null,
    source: null,
    protocol: null,
    scope: null,
    type: null,
    root: null,
    match: null,
    exact: null,
  };
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'table') {
      if (peek(words) === 'all' || peek(words) === '0') {
        take(words);
        filter.table = null;
      } else {
        filter.table = takeTable(words);
        filter.hasTable = true;
      }
    } else if (word === 'dev' || word === 'oif') {
      filter.device = deviceByName(netns, takeValue(words));
    } else if (word === 'via') filter.gateway = takeAddress(words);
    else if (word === 'src') filter.source = takeAddress(words);
    else if (word === 'proto' || word === 'protocol') filter.protocol = takeProtocol(words);
    else if (word === 'scope') filter.scope = takeScope(words);
    else if (word === 'type') filter.type = routeTypeOf(takeValue(words));
    else if (word === 'root') filter.root = takePrefix(words);
    else if (word === 'match') filter.match = takePrefix(words);
    else if (word === 'exact' || word === 'to') filter.exact = takePrefix(words);
    else if (['cache', 'cloned', 'vrf', 'tos', 'from', 'iif', 'nhid'].includes(word)) {
      throw notEmulated('ip', `route show ${word}`);
    } else takeBare(filter, word);
  }
  return filter;
}

function takeBare(filter: RouteFilter, word: string): void {
  const type = routeTypeOf(word);
  if (type !== null) {
    filter.type = type;
    return;
  }
  const prefix = parsePrefix(word);
  if (prefix === null) {
    throw new CommandError(`Error: any valid prefix is expected rather than "${word}".\n`, 1);
  }
  filter.exact = prefix;
}

/** The routes that pass the filter, in the kernel's order. */
export function filterRoutes(netns: NetNamespace, filter: RouteFilter): FibRoute[] {
  return listRoutes(netns, filter.table).filter((route) => {
    const hops = route.nextHops;
    if (filter.device !== null && !hops.some(({ device }) => device === filter.device))
      return false;
    if (filter.gateway !== null && !hops.some(({ gateway }) => gateway === filter.gateway)) {
      return false;
    }
    if (filter.source !== null && route.preferredSource !== filter.source) return false;
    if (filter.protocol !== null && route.protocol !== filter.protocol) return false;
    if (filter.scope !== null && route.scope !== filter.scope) return false;
    if (filter.type !== null && route.type !== filter.type) return false;
    return prefixFits(route, filter);
  });
}

function prefixFits(route: FibRoute, filter: RouteFilter): boolean {
  const { root, match, exact } = filter;
  const { prefix, prefixLength } = route;
  if (exact !== null && (exact.length !== prefixLength || exact.address !== prefix)) return false;
  if (match !== null) {
    if (prefixLength > match.length) return false;
    if (((match.address ^ prefix) & maskOf(prefixLength)) !== 0) return false;
  }
  if (root === null) return true;
  return prefixLength >= root.length && ((root.address ^ prefix) & maskOf(root.length)) === 0;
}

export function showRoutes(command: IpCommand): number {
  const { context, netns, options } = command;
  const { words } = command;
  if (options.family === 'inet6') return 0;
  if (peek(words) === 'cache') return 0;
  const filter = takeRouteFilter(command);
  if (filter.hasTable && filter.table !== null && findTable(netns, filter.table) === null) {
    context.writeError('Error: ipv4: FIB table does not exist.\nDump terminated\n');
    return 2;
  }
  const routes = filterRoutes(netns, filter);
  if (options.isJson) {
    writeJson(
      command,
      routes.map((route) => routeJson(command, route, filter)),
    );
    return 0;
  }
  for (const route of routes) writeEntry(command, routeLines(command, route, filter));
  return 0;
}

/** What is said of a route: names and values in iproute2's order. */
function routeLines(command: IpCommand, route: FibRoute, filter: RouteFilter): string[] {
  const { isDetailed } = command.options;
  const hop = route.nextHops.length === 1 ? route.nextHops[0]! : null;
  let text = '';
  if (route.type !== RTN_UNICAST || isDetailed) text += `${routeTypeName(route.type)} `;
  text += `${prefixText(route.prefix, route.prefixLength)} `;
  if (route.tos !== 0) text += `tos 0x${route.tos.toString(16).padStart(2, '0')} `;
  if (hop !== null && hop.gateway !== 0 && filter.gateway === null) {
    text += `via ${formatIpv4(hop.gateway)} `;
  }
  if (hop !== null && hop.device !== null && filter.device === null) {
    text += `dev ${hop.device.name} `;
  }
  if (filter.table === null && (route.table !== TABLE_MAIN || isDetailed)) {
    text += `table ${tableName(route.table)} `;
  }
  if ((route.protocol !== ROUTE_PROTOCOL_BOOT || isDetailed) && filter.protocol === null) {
    text += `proto ${protocolName(route.protocol)} `;
  }
  if ((route.scope !== SCOPE_UNIVERSE || isDetailed) && filter.scope === null) {
    text += `scope ${scopeName(route.scope)} `;
  }
  if (route.preferredSource !== 0 && filter.source === null) {
    text += `src ${formatIpv4(route.preferredSource)} `;
  }
  if (route.priority !== 0) text += `metric ${route.priority} `;
  if (hop !== null)
    text += hopFlags(hop)
      .map((flag) => `${flag} `)
      .join('');
  else if (isAllDown(route)) text += 'linkdown ';
  text += metricsText(route);
  if (route.nextHops.length < 2) return [text];
  const hops = route.nextHops.map(nextHopText);
  return [text, ...hops];
}

function nextHopText(hop: NextHop): string {
  const via = hop.gateway === 0 ? '' : `via ${formatIpv4(hop.gateway)} `;
  const flags = hopFlags(hop)
    .map((flag) => `${flag} `)
    .join('');
  return `\tnexthop ${via}dev ${hop.device?.name} weight ${hop.weight} ${flags}`;
}

function hopFlags(hop: NextHop): string[] {
  const flags: string[] = [];
  if (hop.isDead) flags.push('dead');
  if (hop.isOnlink) flags.push('onlink');
  if (hop.device !== null && !(hop.device.isUp && hop.device.hasCarrier) && !isLocalHop(hop)) {
    flags.push('linkdown');
  }
  return flags;
}

/** Several next hops and no carrier to any. */
function isAllDown(route: FibRoute): boolean {
  const { nextHops } = route;
  return nextHops.length > 1 && nextHops.every((hop) => hopFlags(hop).includes('linkdown'));
}

/** Routes to this host itself do not care for the carrier. */
function isLocalHop(hop: NextHop): boolean {
  return hop.scope === 255;
}

function metricsText(route: FibRoute): string {
  let text = '';
  if (route.mtuBytes !== 0) {
    text += route.isMtuLocked ? `mtu lock ${route.mtuBytes} ` : `mtu ${route.mtuBytes} `;
  }
  if (route.advmssBytes !== 0) text += `advmss ${route.advmssBytes} `;
  if (route.initcwnd !== 0) text += `initcwnd ${route.initcwnd} `;
  if (route.initrwnd !== 0) text += `initrwnd ${route.initrwnd} `;
  return text;
}

function routeJson(command: IpCommand, route: FibRoute, filter: RouteFilter): Json {
  const { isDetailed } = command.options;
  const hop = route.nextHops.length === 1 ? route.nextHops[0]! : null;
  const metrics: Record<string, Json> = {};
  if (route.mtuBytes !== 0) metrics.mtu = route.mtuBytes;
  if (route.advmssBytes !== 0) metrics.advmss = route.advmssBytes;
  if (route.initcwnd !== 0) metrics.initcwnd = route.initcwnd;
  if (route.initrwnd !== 0) metrics.initrwnd = route.initrwnd;
  const shown = <Value>(condition: boolean, value: Value): Value | undefined =>
    condition ? value : undefined;
  return {
    type: shown(route.type !== RTN_UNICAST || isDetailed, routeTypeName(route.type)),
    dst: prefixText(route.prefix, route.prefixLength),
    tos: shown(route.tos !== 0, `0x${route.tos.toString(16)}`),
    gateway: hop !== null && hop.gateway !== 0 ? formatIpv4(hop.gateway) : undefined,
    dev: hop?.device?.name,
    table: shown(filter.table === null && route.table !== TABLE_MAIN, tableName(route.table)),
    protocol: shown(
      (route.protocol !== ROUTE_PROTOCOL_BOOT || isDetailed) && filter.protocol === null,
      protocolName(route.protocol),
    ),
    scope: shown(
      (route.scope !== SCOPE_UNIVERSE || isDetailed) && filter.scope === null,
      scopeName(route.scope),
    ),
    prefsrc: shown(route.preferredSource !== 0, formatIpv4(route.preferredSource)),
    metric: shown(route.priority !== 0, route.priority),
    flags: hop === null ? (isAllDown(route) ? ['linkdown'] : []) : hopFlags(hop),
    metrics: shown(Object.keys(metrics).length > 0, [metrics]),
    nexthops: shown(
      route.nextHops.length > 1,
      route.nextHops.map((each) => ({
        gateway: each.gateway === 0 ? undefined : formatIpv4(each.gateway),
        dev: each.device?.name,
        weight: each.weight,
        flags: hopFlags(each),
      })),
    ),
  };
}
