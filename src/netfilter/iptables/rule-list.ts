/**
 * Rules as lines of `iptables -L`.
 *
 *     num   pkts bytes target     prot opt in     out     source               destination
 *
 * @source iptables/nft-shared.c print_rule_details(), print_ifaces(); libxtables/xtables.c xtables_print_num()
 */
import { formatIpv4, type Ipv4 } from '../../base/ipv4-address.ts';
import {
  FRAGMENT_ANY,
  FRAGMENT_NOT_LATER,
  type InterfaceTest,
  type Rule,
  VERDICT_GOTO,
} from '../rule.ts';
import { protocolName } from './protocol-names.ts';
import { interfaceText, prefixLengthOf, targetName } from './rule-text.ts';

export interface ListFormat {
  readonly isNumeric: boolean;
  /** Protocols as numbers too, as 1.8.9 does with -n. */
  readonly hasProtocolNumbers: boolean;
  readonly isVerbose: boolean;
  /** Counters in full instead of with K, M, G. */
  readonly isExact: boolean;
  readonly hasLineNumbers: boolean;
}

/** What addresses are called without `-n`: Debian's /etc/hosts and /etc/networks. */
const HOST_NAMES: ReadonlyMap<Ipv4, string> = new Map([[0x7f000001, 'localhost']]);
const NETWORK_NAMES: ReadonlyMap<Ipv4, string> = new Map([
  [0, 'default'],
  [0x7f000000, 'loopback'],
  [0xa9fe0000 | 0, 'link-local'],
]);

/** The line of column titles. */
export function listHeader(format: ListFormat): string {
  const number = format.hasLineNumbers ? 'num  ' : '';
  const counters = format.isExact ? '    pkts      bytes ' : ' pkts bytes ';
  const interfaces = format.isVerbose ? 'in     out     ' : '';
  const columns = `target     prot opt ${interfaces}source               destination         `;
  return `${number}${format.isVerbose ? counters : ''}${columns}\n`;
}

/** One rule of a table that listHeader began; `number` counts from 1. */
export function listRule(rule: Rule, number: number, format: ListFormat): string {
  let line = format.hasLineNumbers ? `${String(number).padEnd(4)} ` : '';
  if (format.isVerbose) {
    line += counterColumn(rule.packets, format.isExact) + counterColumn(rule.bytes, format.isExact);
  }
  line += `${listName(rule).padEnd(9)} `;
  line += `${rule.isProtocolInverted ? '!' : ' '}${protocolText(rule, format).padEnd(4)} `;
  line += `${fragmentText(rule)} `;
  if (format.isVerbose) {
    line += ` ${interfaceColumn(rule.inInterface, format).padEnd(6)} `;
    line += `${interfaceColumn(rule.outInterface, format).padEnd(6)} `;
  }
  const { isNumeric } = format;
  line += rule.isSourceInverted ? '!' : ' ';
  line += `${hostText(rule.source, rule.sourceMask, isNumeric).padEnd(19)} `;
  line += rule.isTargetInverted ? '!' : ' ';
  line += `${hostText(rule.target, rule.targetMask, isNumeric).padEnd(19)} `;
  return `${line}${extensionText(rule, isNumeric)}\n`;
}

/** What `-v` prints of a rule that was added, checked or deleted. */
export function describeRule(rule: Rule): string {
  const sourceSign = rule.isSourceInverted ? '!' : ' ';
  const targetSign = rule.isTargetInverted ? '!' : ' ';
  const inName = interfaceColumn(rule.inInterface, NUMERIC);
  const outName = interfaceColumn(rule.outInterface, NUMERIC);
  const source = hostText(rule.source, rule.sourceMask, true);
  const target = hostText(rule.target, rule.targetMask, true);
  const head = `${listName(rule)} ${rule.isProtocolInverted ? '!' : ' '}${protocolName(rule.protocol)}`;
  const way = `opt ${fragmentText(rule)} in ${inName} out ${outName}`;
  return `${head} ${way} ${sourceSign}${source} ${targetSign}-> ${target}  ${extensionText(rule, true)}\n`;
}

const NUMERIC: ListFormat = {
  isNumeric: true,
  hasProtocolNumbers: true,
  isVerbose: true,
  isExact: true,
  hasLineNumbers: false,
};

const listName = (rule: Rule): string => rule.action?.listName ?? targetName(rule);

function protocolText(rule: Rule, format: ListFormat): string {
  return format.hasProtocolNumbers ? String(rule.protocol) : protocolName(rule.protocol);
}

function fragmentText(rule: Rule): string {
  if (rule.fragment === FRAGMENT_ANY) return '--';
  return rule.fragment === FRAGMENT_NOT_LATER ? '!f' : '-f';
}

function interfaceColumn(test: InterfaceTest, format: ListFormat): string {
  if (test.name === '' && !test.isInverted) return format.isNumeric ? '*' : 'any';
  return `${test.isInverted ? '!' : ''}${interfaceText(test)}`;
}

function hostText(address: Ipv4, mask: number, isNumeric: boolean): string {
  if (mask === 0 && !isNumeric) return 'anywhere';
  const length = prefixLengthOf(mask);
  const isHost = length === 32;
  const name = (isHost ? HOST_NAMES.get(address) : undefined) ?? NETWORK_NAMES.get(address);
  const text = isNumeric || name === undefined ? formatIpv4(address) : name;
  if (isHost) return text;
  return `${text}/${length < 0 ? formatIpv4(mask) : length}`;
}

function extensionText(rule: Rule, isNumeric: boolean): string {
  let text = rule.verdict === VERDICT_GOTO ? '[goto] ' : '';
  for (const match of rule.matches) {
    text += isNumeric ? match.text.listNumeric : match.text.list;
  }
  if (rule.action === null) return text;
  return text + (isNumeric ? rule.action.text.listNumeric : rule.action.text.list);
}

function counterColumn(count: number, isExact: boolean): string {
  if (isExact) return `${String(count).padStart(8)} `;
  return `${shortCount(count).padStart(5)} `;
}

/** A count in at most five digits: 12345, 123K, 12M ... */
export function shortCount(count: number): string {
  if (count <= 99999) return String(count);
  let value = count;
  for (const unit of ['K', 'M', 'G']) {
    value = Math.floor((value + 500) / 1000);
    if (value <= 9999) return `${value}${unit}`;
  }
  return `${Math.floor((value + 500) / 1000)}T`;
}
