/** `ip route get`: asks the kernel for a decision. @source net/ipv4/route.c inet_rtm_getroute() */
import { KernelError } from '../../base/errors.ts';
import { formatIpv4 } from '../../base/ipv4-address.ts';
import type { Device } from '../../engine/device.ts';
import { timeNs } from '../../engine/simulator.ts';
import { lookup, setKey } from '../../stack/fib-lookup.ts';
import { findPathException } from '../../stack/path-mtu.ts';
import { makeRoute, type Route, routeOutput } from '../../stack/route.ts';
import {
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_UNICAST,
  TABLE_LOCAL,
  TABLE_MAIN,
} from '../../stack/route-type.ts';
import type { Json } from './format.ts';
import { deviceByName, type IpCommand, writeEntry, writeJson } from './ip-command.ts';
import { routeTypeName, tableName } from './ip-names.ts';
import {
  CommandError,
  invalidPrefix,
  notEmulated,
  parsePrefix,
  take,
  takeNumber,
  takePrefix,
  takeValue,
} from './words.ts';

interface Question {
  target: number | null;
  source: number;
  device: Device | null;
  mark: number;
  tos: number;
}

function takeQuestion(command: IpCommand): Question {
  const { netns, words } = command;
  const question: Question = { target: null, source: 0, device: null, mark: 0, tos: 0 };
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'from') question.source = takePrefix(words).address;
    else if (word === 'oif' || word === 'dev') {
      question.device = deviceByName(netns, takeValue(words));
    } else if (word === 'mark') question.mark = takeNumber(words, 'invalid mark value\n');
    else if (word === 'tos' || word === 'dsfield') {
      question.tos = takeNumber(words, 'TOS value is invalid\n', 0, 255);
    } else if (['iif', 'uid', 'ipproto', 'sport', 'dport', 'vrf', 'fibmatch'].includes(word)) {
      throw notEmulated('ip', `route get ${word}`);
    } else {
      const text = word === 'to' ? takeValue(words) : word;
      const prefix = parsePrefix(text);
      if (prefix === null) throw invalidPrefix(text);
      question.target = prefix.address;
    }
  }
  return question;
}

export function getRoute(command: IpCommand): number {
  const { context, netns } = command;
  const question = takeQuestion(command);
  const { target } = question;
  if (target === null) throw new CommandError('need at least a destination address\n', 1);
  const route = makeRoute();
  const { source, device, mark, tos } = question;
  const errno = context.kernel(() => routeOutput(netns, target, source, device, mark, tos, route));
  if (errno !== null) throw new KernelError(errno);
  if (command.options.isJson) writeJson(command, [answerJson(command, question, route)]);
  else writeEntry(command, answerLines(command, question, route));
  return 0;
}

const CACHE_FLAGS: Readonly<Record<number, string>> = {
  [RTN_LOCAL]: 'local',
  [RTN_BROADCAST]: 'local,brd',
  [RTN_MULTICAST]: 'local,mc',
};

function gatewayOf(question: Question, route: Route): number {
  return route.type === RTN_UNICAST && route.nextHop !== question.target ? route.nextHop : 0;
}

/** The table that the answer comes from; null if it need not be said. */
function tableOf(command: IpCommand, question: Question): number | null {
  const { fib } = command.netns;
  const { target, source, mark, tos, device } = question;
  setKey(fib, target ?? 0, source, tos, mark, null, device);
  lookup(fib);
  const table = fib.result.route?.table;
  return table === undefined || table === TABLE_MAIN || table === TABLE_LOCAL ? null : table;
}

function answerLines(command: IpCommand, question: Question, route: Route): string[] {
  const gateway = gatewayOf(question, route);
  const table = tableOf(command, question);
  let text = route.type === RTN_UNICAST ? '' : `${routeTypeName(route.type)} `;
  text += `${formatIpv4(question.target ?? 0)} `;
  if (question.source !== 0) text += `from ${formatIpv4(question.source)} `;
  if (gateway !== 0) text += `via ${formatIpv4(gateway)} `;
  text += `dev ${route.outDevice?.name} `;
  if (table !== null) text += `table ${tableName(table)} `;
  if (question.source === 0) text += `src ${formatIpv4(route.source)} `;
  if (question.mark !== 0) {
    const { mark } = question;
    text += `mark ${mark > 9 ? `0x${mark.toString(16)}` : mark} `;
  }
  text += 'uid 0 ';
  const learnt = learntOf(command, question);
  const flags = cacheFlags(route, learnt);
  let cache = `    cache ${flags.length === 0 ? '' : `<${flags.join(',')}> `}`;
  if (learnt !== null) {
    cache += `expires ${learnt.seconds}sec `;
    if (learnt.mtu !== 0) cache += `mtu ${learnt.isLocked ? 'lock ' : ''}${learnt.mtu} `;
  }
  return [text, cache];
}

/** What was learnt of the way to the target: a path MTU (0: none), another gateway. */
interface Learnt {
  readonly seconds: number;
  readonly mtu: number;
  readonly isLocked: boolean;
  readonly isRedirected: boolean;
}

function learntOf(command: IpCommand, question: Question): Learnt | null {
  const entry = findPathException(command.netns, question.target ?? 0);
  if (entry === null || (entry.mtuBytes === 0 && entry.gateway === 0)) return null;
  const leftNs = entry.expiresNs - timeNs(command.netns.sim);
  return {
    seconds: Math.floor(leftNs / 1e9),
    mtu: entry.mtuBytes,
    isLocked: entry.isLocked,
    isRedirected: entry.gateway !== 0,
  };
}

function cacheFlags(route: Route, learnt: Learnt | null): string[] {
  const flags = CACHE_FLAGS[route.type]?.split(',') ?? [];
  return learnt?.isRedirected === true ? [...flags, 'redirected'] : flags;
}

function answerJson(command: IpCommand, question: Question, route: Route): Json {
  const gateway = gatewayOf(question, route);
  const table = tableOf(command, question);
  const learnt = learntOf(command, question);
  return {
    type: route.type === RTN_UNICAST ? undefined : routeTypeName(route.type),
    dst: formatIpv4(question.target ?? 0),
    from: question.source === 0 ? undefined : formatIpv4(question.source),
    gateway: gateway === 0 ? undefined : formatIpv4(gateway),
    dev: route.outDevice?.name,
    table: table === null ? undefined : tableName(table),
    prefsrc: question.source === 0 ? formatIpv4(route.source) : undefined,
    mark: question.mark === 0 ? undefined : question.mark,
    flags: [],
    uid: 0,
    cache: cacheFlags(route, learnt),
    expires: learnt?.seconds,
    metrics: learnt === null || learnt.mtu === 0 ? undefined : [{ mtu: learnt.mtu }],
  };
}
