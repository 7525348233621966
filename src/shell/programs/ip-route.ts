/** `ip route`: what changes the tables. @source iproute2 ip/iproute.c iproute_modify() */
import {
  addRoute,
  deleteRoute,
  type NextHopSpec,
  type RouteSpec,
  type RouteVerb,
} from '../../stack/fib.ts';
import { flushPathExceptions } from '../../stack/path-mtu.ts';
import { TABLE_MAIN } from '../../stack/route-type.ts';
import { deviceByName, type IpCommand } from './ip-command.ts';
import { routeTypeOf, takeProtocol, takeScope, takeTable } from './ip-names.ts';
import { getRoute } from './ip-route-get.ts';
import { filterRoutes, showRoutes, takeRouteFilter } from './ip-route-show.ts';
import {
  CommandError,
  findCommand,
  invalidPrefix,
  notEmulated,
  parsePrefix,
  peek,
  take,
  takeAddress,
  takeNumber,
  takeValue,
  type Words,
} from './words.ts';

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

const COMMANDS = [
  'list|show|lst',
  'get',
  'add',
  'change|chg',
  'replace',
  'prepend',
  'append',
  'test',
  'delete',
  'flush',
  'save',
  'restore',
  'help',
] as const;

/** One command of `ip route`. */
export function ipRoute(command: IpCommand): number {
  const word = take(command.words);
  if (word === null) return showRoutes(command);
  if (command.options.family === 'inet6') return 0;
  const verb = findCommand(word, COMMANDS);
  switch (verb) {
    case 'list|show|lst':
      return showRoutes(command);
    case 'get':
      return getRoute(command);
    case 'add':
    case 'replace':
    case 'prepend':
    case 'append':
      return changeRoute(command, verb);
    case 'change|chg':
      return changeRoute(command, 'change');
    case 'delete': {
      const spec = takeRoute(command);
      command.context.kernel(() => deleteRoute(command.netns, spec));
      return 0;
    }
    case 'flush':
      return flushRoutes(command);
    case null:
      throw new CommandError(`Command "${word}" is unknown, try "ip route help".\n`, 255);
    default:
      throw notEmulated('ip', `route ${word}`);
  }
}

function changeRoute(command: IpCommand, verb: RouteVerb): number {
  const spec = takeRoute(command);
  command.context.kernel(() => {
    addRoute(command.netns, spec, verb);
    flushPathExceptions(command.netns);
  });
  return 0;
}

/** Reads a route as `add` and `del` name it. */
function takeRoute(command: IpCommand): RouteSpec {
  const { netns, words } = command;
  const spec: Mutable<RouteSpec> = { prefix: 0, prefixLength: 0 };
  const nextHops: NextHopSpec[] = [];
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'via') spec.gateway = takeGateway(words);
    else if (word === 'dev' || word === 'oif') spec.device = deviceByName(netns, takeValue(words));
    else if (word === 'src') spec.preferredSource = takeAddress(words);
    else if (word === 'table') spec.table = takeTable(words);
    else if (word === 'scope') spec.scope = takeScope(words);
    else if (word === 'proto' || word === 'protocol') spec.protocol = takeProtocol(words);
    else if (word === 'metric' || word === 'preference' || word === 'priority') {
      spec.priority = takeNumber(words, '"metric" value is invalid\n');
    } else if (word === 'onlink') spec.isOnlink = true;
    else if (word === 'nexthop') nextHops.push(takeNextHop(command));
    else if (word === 'tos' || word === 'dsfield') {
      spec.tos = takeNumber(words, '"tos" value is invalid\n', 0, 255);
    } else if (!takeMetric(words, word, spec)) takeTarget(words, word, spec);
  }
  if (nextHops.length > 0) spec.nextHops = nextHops;
  return spec;
}

function takeMetric(words: Words, word: string, spec: Mutable<RouteSpec>): boolean {
  if (word === 'mtu') {
    if (peek(words) === 'lock') {
      take(words);
      spec.isMtuLocked = true;
    }
    spec.mtuBytes = takeNumber(words, '"mtu" value is invalid\n');
  } else if (word === 'advmss') spec.advmssBytes = takeNumber(words, '"mss" value is invalid\n');
  else if (word === 'initcwnd') {
    spec.initcwnd = takeNumber(words, '"initcwnd" value is invalid\n');
  } else if (word === 'initrwnd') {
    spec.initrwnd = takeNumber(words, '"initrwnd" value is invalid\n');
  } else if (
    ['rtt', 'rttvar', 'window', 'cwnd', 'ssthresh', 'realms', 'hoplimit', 'rto_min'].includes(
      word,
    ) ||
    ['quickack', 'features', 'congctl', 'nhid', 'encap', 'pref', 'expires', 'pervasive'].includes(
      word,
    )
  ) {
    throw notEmulated('ip', `route option ${word}`);
  } else return false;
  return true;
}

function takeTarget(words: Words, word: string, spec: Mutable<RouteSpec>): void {
  const type = word === 'to' ? null : routeTypeOf(word);
  if (type !== null) {
    spec.type = type;
    return;
  }
  const text = word === 'to' ? takeValue(words) : word;
  if (text.includes(':')) throw notEmulated('ip', 'IPv6');
  const prefix = parsePrefix(text);
  if (prefix === null) throw invalidPrefix(text);
  spec.prefix = prefix.address;
  spec.prefixLength = prefix.length;
}

function takeGateway(words: Words): number {
  if (peek(words) === 'inet') take(words);
  if (peek(words) === 'inet6') throw notEmulated('ip', 'IPv6');
  return takeAddress(words);
}

function takeNextHop(command: IpCommand): NextHopSpec {
  const { netns, words } = command;
  const hop: Mutable<NextHopSpec> = {};
  for (let word = peek(words); word !== null && word !== 'nexthop'; word = peek(words)) {
    take(words);
    if (word === 'via') hop.gateway = takeGateway(words);
    else if (word === 'dev') hop.device = deviceByName(netns, takeValue(words));
    else if (word === 'weight') hop.weight = takeNumber(words, '"weight" is invalid\n', 1, 256);
    else if (word === 'onlink') hop.isOnlink = true;
    else throw notEmulated('ip', `nexthop option ${word}`);
  }
  return hop;
}

function flushRoutes(command: IpCommand): number {
  const { context, netns, words } = command;
  if (words.at >= words.list.length) {
    throw new CommandError('"ip route flush" requires arguments.\n', 1);
  }
  if (peek(words) === 'cache') {
    flushPathExceptions(netns);
    return 0;
  }
  const filter = takeRouteFilter(command);
  context.kernel(() => {
    const routes = filterRoutes(netns, { ...filter, table: filter.table ?? TABLE_MAIN });
    for (const route of routes) {
      deleteRoute(netns, {
        prefix: route.prefix,
        prefixLength: route.prefixLength,
        table: route.table,
        tos: route.tos,
        priority: route.priority,
        type: route.type,
        scope: route.scope,
        protocol: route.protocol,
      });
    }
    flushPathExceptions(netns);
  });
  return 0;
}
