/**
 * Policy routing: the rules that name the table to look into.
 * @source net/core/fib_rules.c fib_rules_lookup(); net/ipv4/fib_rules.c fib4_rule_match()
 */
import { KernelError } from '../base/errors.ts';
import { type Ipv4, maskOf } from '../base/ipv4-address.ts';
import type { Fib, FibKey } from './fib-lookup.ts';
import type { NetNamespace } from './namespace.ts';
import { TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN } from './route-type.ts';

export type RuleAction = 'lookup' | 'goto' | 'nop' | 'blackhole' | 'unreachable' | 'prohibit';

export interface FibRule {
  readonly priority: number;
  readonly action: RuleAction;
  /** For `lookup`. */
  readonly table: number;
  /** For `goto`: the priority to go on with. */
  readonly target: number;
  readonly source: Ipv4;
  readonly sourceLength: number;
  readonly destination: Ipv4;
  readonly destinationLength: number;
  /** Names, so that a rule may stand before its device; null for any. */
  readonly inDevice: string | null;
  readonly outDevice: string | null;
  readonly tos: number;
  readonly mark: number;
  readonly markMask: number;
  readonly isInverted: boolean;
  /** Ignore results whose prefix is this long or shorter; -1 for none. */
  readonly suppressPrefixLength: number;
  /** Who made it: 2 is the kernel. */
  readonly protocol: number;
}

export type FibRuleSpec = Partial<FibRule>;

/** Rules of one namespace at most. */
const RULES_MAX = 4096;

/** The three rules that every namespace starts with. */
export function defaultRules(): FibRule[] {
  const own = { protocol: 2 };
  return [
    makeRule({ ...own, priority: 0, table: TABLE_LOCAL }),
    makeRule({ ...own, priority: 32766, table: TABLE_MAIN }),
    makeRule({ ...own, priority: 32767, table: TABLE_DEFAULT }),
  ];
}

/** All rules in the order in which they are asked. */
export function listRules(netns: NetNamespace): readonly FibRule[] {
  return netns.fib.rules;
}

/**
 * `ip rule add`. Without a priority it goes right before the first rule that is not number 0.
 * @throws KernelError EEXIST, EINVAL, ENOSPC @source fib_nl_newrule()
 */
export function addRule(netns: NetNamespace, spec: FibRuleSpec): void {
  const { rules } = netns.fib;
  const rule = makeRule({ ...spec, priority: spec.priority ?? defaultPriority(rules) });
  if (rule.action === 'lookup' && rule.table === 0) throw new KernelError('EINVAL');
  if (rule.action === 'goto' && rule.target <= rule.priority) {
    throw new KernelError('EINVAL', 'Backward goto not supported');
  }
  if (rules.length >= RULES_MAX) throw new KernelError('ENOSPC');
  if (rules.some((each) => isSameRule(each, rule))) throw new KernelError('EEXIST');
  let at = 0;
  while (at < rules.length && rules[at]!.priority <= rule.priority) at++;
  rules.splice(at, 0, rule);
  customize(netns);
}

/** `ip rule del`: the first rule that has everything that `spec` names. @throws KernelError ENOENT */
export function deleteRule(netns: NetNamespace, spec: FibRuleSpec): void {
  const { rules } = netns.fib;
  const names = Object.keys(spec) as (keyof FibRule)[]; // FibRuleSpec has no other keys
  const at = rules.findIndex((rule) => names.every((name) => rule[name] === spec[name]));
  if (at < 0) throw new KernelError('ENOENT');
  rules.splice(at, 1);
  customize(netns);
}

/** `ip rule flush`: all but number 0. */
export function flushRules(netns: NetNamespace): void {
  const { rules } = netns.fib;
  rules.splice(0, rules.length, ...rules.filter((rule) => rule.priority === 0));
  customize(netns);
}

/** Whether the rule is for this lookup. */
export function ruleMatches(rule: FibRule, key: FibKey): boolean {
  return fits(rule, key) !== rule.isInverted;
}

function fits(rule: FibRule, key: FibKey): boolean {
  if (rule.inDevice !== null && (key.inDevice === null || key.inDevice.name !== rule.inDevice)) {
    return false;
  }
  if (
    rule.outDevice !== null &&
    (key.outDevice === null || key.outDevice.name !== rule.outDevice)
  ) {
    return false;
  }
  if (((key.mark ^ rule.mark) & rule.markMask) !== 0) return false;
  if (((key.source ^ rule.source) & maskOf(rule.sourceLength)) !== 0) return false;
  if (((key.target ^ rule.destination) & maskOf(rule.destinationLength)) !== 0) return false;
  return rule.tos === 0 || rule.tos === (key.tos & 0xfc);
}

function makeRule(spec: FibRuleSpec): FibRule {
  const mark = spec.mark ?? 0;
  return {
    priority: spec.priority ?? 0,
    action: spec.action ?? 'lookup',
    table: spec.table ?? 0,
    target: spec.target ?? 0,
    source: spec.source ?? 0,
    sourceLength: spec.sourceLength ?? 0,
    destination: spec.destination ?? 0,
    destinationLength: spec.destinationLength ?? 0,
    inDevice: spec.inDevice ?? null,
    outDevice: spec.outDevice ?? null,
    tos: spec.tos ?? 0,
    mark,
    markMask: spec.markMask ?? (mark === 0 ? 0 : -1),
    isInverted: spec.isInverted ?? false,
    suppressPrefixLength: spec.suppressPrefixLength ?? -1,
    protocol: spec.protocol ?? 3,
  };
}

/** @source fib_default_rule_pref() */
function defaultPriority(rules: readonly FibRule[]): number {
  const second = rules[1];
  return second === undefined || second.priority === 0 ? 0 : second.priority - 1;
}

function isSameRule(one: FibRule, other: FibRule): boolean {
  const names = Object.keys(one) as (keyof FibRule)[]; // both were made by makeRule
  return names.every((name) => name === 'protocol' || one[name] === other[name]);
}

/** From here on the rules are asked one by one, also if they are the default ones again. */
function customize(netns: NetNamespace): void {
  const fib: Fib = netns.fib;
  fib.hasCustomRules = true;
  fib.generation++;
}
