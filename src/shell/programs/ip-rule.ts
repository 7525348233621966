/** `ip rule`. @source iproute2 ip/iprule.c */
import { formatIpv4, type Ipv4 } from '../../base/ipv4-address.ts';
import {
  addRule,
  deleteRule,
  type FibRule,
  type FibRuleSpec,
  flushRules,
  listRules,
} from '../../stack/fib-rules.ts';
import type { Json } from './format.ts';
import { type IpCommand, writeJson } from './ip-command.ts';
import { protocolName, tableName, takeTable } from './ip-names.ts';
import {
  CommandError,
  findCommand,
  notEmulated,
  take,
  takeNumber,
  takePrefix,
  takeValue,
} from './words.ts';

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

const COMMANDS = ['list|lst|show', 'add', 'delete', 'flush', 'save', 'restore', 'help'] as const;

/** One command of `ip rule`. */
export function ipRule(command: IpCommand): number {
  const { context, netns, options, words } = command;
  const word = take(words);
  if (options.family === 'inet6') return 0;
  switch (word === null ? 'list|lst|show' : findCommand(word, COMMANDS)) {
    case 'list|lst|show':
      return showRules(command);
    case 'add': {
      const spec = takeRule(command);
      context.kernel(() => addRule(netns, spec));
      return 0;
    }
    case 'delete': {
      const spec = takeRule(command);
      context.kernel(() => deleteRule(netns, spec));
      return 0;
    }
    case 'flush':
      context.kernel(() => flushRules(netns));
      return 0;
    case null:
      throw new CommandError(`Command "${word}" is unknown, try "ip rule help".\n`, 255);
    default:
      throw notEmulated('ip', `rule ${word}`);
  }
}

function takeRule(command: IpCommand): FibRuleSpec {
  const { words } = command;
  const spec: Mutable<FibRuleSpec> = {};
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'not') spec.isInverted = true;
    else if (word === 'from') {
      const prefix = takePrefix(words);
      if (prefix.length > 0) {
        spec.source = prefix.address;
        spec.sourceLength = prefix.length;
      }
    } else if (word === 'to') {
      const prefix = takePrefix(words);
      if (prefix.length > 0) {
        spec.destination = prefix.address;
        spec.destinationLength = prefix.length;
      }
    } else if (['preference', 'pref', 'priority', 'prio', 'order'].includes(word)) {
      spec.priority = takeNumber(words, 'preference value is invalid\n');
    } else if (word === 'tos' || word === 'dsfield') {
      spec.tos = takeNumber(words, 'TOS value is invalid\n', 0, 255);
    } else if (word === 'fwmark') takeMark(takeValue(words), spec);
    else if (word === 'table' || word === 'lookup') {
      spec.table = takeTable(words);
      spec.action = 'lookup';
    } else if (word === 'iif' || word === 'dev') spec.inDevice = takeValue(words);
    else if (word === 'oif') spec.outDevice = takeValue(words);
    else if (word === 'suppress_prefixlength' || word === 'sup_pl') {
      spec.suppressPrefixLength = takeNumber(words, 'suppress_prefixlength value is invalid\n');
    } else takeAction(command, word, spec);
  }
  return spec;
}

function takeAction(command: IpCommand, word: string, spec: Mutable<FibRuleSpec>): void {
  const action = word === 'type' ? takeValue(command.words) : word;
  if (action === 'goto') {
    spec.action = 'goto';
    spec.target = takeNumber(command.words, 'invalid target\n');
  } else if (['nop', 'blackhole', 'unreachable', 'prohibit'].includes(action)) {
    spec.action = action as FibRule['action']; // one of the list
  } else if (
    ['uidrange', 'ipproto', 'sport', 'dport', 'realms', 'l3mdev', 'nat', 'tun_id'].includes(
      action,
    ) ||
    ['protocol', 'suppress_ifgroup', 'sup_group', 'unicast'].includes(action)
  ) {
    throw notEmulated('ip', `rule option ${action}`);
  } else {
    throw new CommandError(
      `Error: argument "${action}" is wrong: Failed to parse rule type\n`,
      255,
    );
  }
}

function takeMark(word: string, spec: Mutable<FibRuleSpec>): void {
  const [mark, mask] = word.split('/');
  spec.mark = Number(mark) | 0;
  spec.markMask = mask === undefined ? -1 : Number(mask) | 0;
}

function fromText(address: Ipv4, length: number): string {
  if (length === 0) return 'all';
  return length === 32 ? formatIpv4(address) : `${formatIpv4(address)}/${length}`;
}

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

function markText(rule: FibRule): string | null {
  if (rule.mark === 0 && rule.markMask === 0) return null;
  return rule.markMask === -1 ? hex(rule.mark) : `${hex(rule.mark)}/${hex(rule.markMask)}`;
}

function showRules(command: IpCommand): number {
  const { context, netns, options } = command;
  if (options.isJson) {
    writeJson(command, listRules(netns).map(ruleJson));
    return 0;
  }
  for (const rule of listRules(netns)) context.write(`${ruleText(rule, options.isDetailed)}\n`);
  return 0;
}

function ruleText(rule: FibRule, isDetailed: boolean): string {
  let text = `${rule.priority}:\t${rule.isInverted ? 'not ' : ''}`;
  text += `from ${fromText(rule.source, rule.sourceLength)}`;
  if (rule.destinationLength > 0)
    text += ` to ${fromText(rule.destination, rule.destinationLength)}`;
  if (rule.tos !== 0) text += ` tos ${hex(rule.tos)}`;
  const mark = markText(rule);
  if (mark !== null) text += ` fwmark ${mark}`;
  if (rule.inDevice !== null) text += ` iif ${rule.inDevice}`;
  if (rule.outDevice !== null) text += ` oif ${rule.outDevice}`;
  if (rule.action === 'lookup') {
    text += ` lookup ${tableName(rule.table)}`;
    if (rule.suppressPrefixLength >= 0)
      text += ` suppress_prefixlength ${rule.suppressPrefixLength}`;
  } else if (rule.action === 'goto') text += ` goto ${rule.target}`;
  else text += ` ${rule.action}`;
  return isDetailed ? `${text} proto ${protocolName(rule.protocol)}` : text;
}

function ruleJson(rule: FibRule): Json {
  return {
    priority: rule.priority,
    not: rule.isInverted ? null : undefined,
    src: rule.sourceLength === 0 ? 'all' : formatIpv4(rule.source),
    srclen: rule.sourceLength > 0 && rule.sourceLength < 32 ? rule.sourceLength : undefined,
    dst: rule.destinationLength === 0 ? undefined : formatIpv4(rule.destination),
    dstlen:
      rule.destinationLength > 0 && rule.destinationLength < 32
        ? rule.destinationLength
        : undefined,
    fwmark: markText(rule) === null ? undefined : hex(rule.mark),
    fwmask: rule.markMask !== 0 && rule.markMask !== -1 ? hex(rule.markMask) : undefined,
    iif: rule.inDevice ?? undefined,
    oif: rule.outDevice ?? undefined,
    table: rule.action === 'lookup' ? tableName(rule.table) : undefined,
    action: rule.action === 'lookup' ? undefined : rule.action,
  };
}
