/**
 * Rules as text: the canonical form of `iptables -S` and iptables-save.
 * @source iptables/nft-ipv4.c nft_ipv4_save_rule(); iptables/nft-shared.c
 */
import { formatIpv4, type Ipv4 } from '../../base/ipv4-address.ts';
import {
  ANY_INTERFACE,
  FRAGMENT_ANY,
  FRAGMENT_NOT_LATER,
  type InterfaceTest,
  type Rule,
  type RuleSpec,
  VERDICT_ACCEPT,
  VERDICT_DROP,
  VERDICT_GOTO,
  VERDICT_RETURN,
} from '../rule.ts';
import { protocolName } from './protocol-names.ts';

/** The rule without its chain and counters: what `-A CHAIN` is followed by. */
export function ruleText(rule: RuleSpec): string {
  return `${headText(rule)}${targetText(rule)}`.trimStart();
}

/** The rule as `-S -v` prints it: counters before the target. */
export function ruleTextWithCounters(rule: Rule): string {
  return `${headText(rule)} -c ${rule.packets} ${rule.bytes}${targetText(rule)}`.trimStart();
}

function headText(rule: RuleSpec): string {
  const { source, sourceMask, target, targetMask } = rule;
  let text = '';
  if (sourceMask !== 0) {
    text += `${not(rule.isSourceInverted)} -s ${addressText(source, sourceMask)}`;
  }
  if (targetMask !== 0) {
    text += `${not(rule.isTargetInverted)} -d ${addressText(target, targetMask)}`;
  }
  text += interfaceOption(rule.inInterface, '-i') + interfaceOption(rule.outInterface, '-o');
  if (rule.protocol !== 0) {
    text += `${not(rule.isProtocolInverted)} -p ${protocolName(rule.protocol)}`;
  }
  if (rule.fragment !== FRAGMENT_ANY) {
    text += rule.fragment === FRAGMENT_NOT_LATER ? ' ! -f' : ' -f';
  }
  for (const match of rule.matches) text += ` -m ${match.name}${match.text.save}`;
  return text;
}

function targetText(rule: RuleSpec): string {
  const name = targetName(rule);
  if (name === '') return '';
  const option = rule.verdict === VERDICT_GOTO ? '-g' : '-j';
  return ` ${option} ${name}${rule.action?.text.save ?? ''}`;
}

const not = (isInverted: boolean): string => (isInverted ? ' !' : '');

function interfaceOption(test: InterfaceTest, option: string): string {
  if (test.name === '' && !test.isInverted) return '';
  return `${not(test.isInverted)} ${option} ${interfaceText(test)}`;
}

/** `eth0`, or `eth+` for a prefix. */
export function interfaceText(test: InterfaceTest): string {
  return test.isPrefix ? `${test.name}+` : test.name;
}

/** An interface as `-i` takes it: a last `+` makes it a prefix. */
export function parseInterface(text: string, isInverted: boolean): InterfaceTest {
  if (text === '+' && !isInverted) return ANY_INTERFACE;
  const isPrefix = text.endsWith('+');
  return { name: isPrefix ? text.slice(0, -1) : text, isPrefix, isInverted };
}

/** The prefix length of a mask, or -1 if its ones are not all at its beginning. */
export function prefixLengthOf(mask: number): number {
  for (let length = 0; length <= 32; length++) {
    if (mask === (length === 0 ? 0 : (-1 << (32 - length)) | 0)) return length;
  }
  return -1;
}

/** `10.0.0.0/8`, or with the mask in full if it is not a prefix. */
export function addressText(address: Ipv4, mask: number): string {
  const length = prefixLengthOf(mask);
  return `${formatIpv4(address)}/${length < 0 ? formatIpv4(mask) : length}`;
}

/** The target's name as `-j` takes it, '' for a rule without one. */
export function targetName(rule: RuleSpec): string {
  if (rule.action !== null) return rule.action.name;
  if (rule.jump !== null) return rule.jump.name;
  if (rule.verdict === VERDICT_ACCEPT) return 'ACCEPT';
  if (rule.verdict === VERDICT_DROP) return 'DROP';
  return rule.verdict === VERDICT_RETURN ? 'RETURN' : '';
}
