/**
 * Rules as the engine programs them: each through the same iptables as anybody else's.
 * @source libnetwork/iptables/iptables.go ProgramRule(), NewChain(), EnsureJumpRule()
 */
import { runIptables } from '../../netfilter/iptables/iptables.ts';
import type { Netfilter } from '../../netfilter/netfilter.ts';
import { DockerError } from '../engine-record.ts';

/** `-I` puts a rule at the top of its chain, `-A` at the end. */
export type RuleVerb = 'insert' | 'append';

/** A rule: the words after the chain. */
export interface Rule {
  readonly table: 'filter' | 'nat' | 'raw' | 'mangle';
  readonly chain: string;
  readonly words: readonly string[];
  readonly verb: RuleVerb;
}

/** A rule from one line of text: `nat POSTROUTING -s 10.0.0.0/8 -j MASQUERADE`. */
export function insertRule(text: string): Rule {
  return parseRule(text, 'insert');
}

/** Like insertRule, for the end of the chain. */
export function appendRule(text: string): Rule {
  return parseRule(text, 'append');
}

/** Adds a rule unless it is there. @throws DockerError 500 with iptables' words. */
export function addRule(netfilter: Netfilter, rule: Rule): void {
  if (hasRule(netfilter, rule)) return;
  run(netfilter, [rule.verb === 'insert' ? '-I' : '-A', rule.chain, ...rule.words], rule.table);
}

/** Takes a rule out if it is there. */
export function removeRule(netfilter: Netfilter, rule: Rule): void {
  if (!hasRule(netfilter, rule)) return;
  run(netfilter, ['-D', rule.chain, ...rule.words], rule.table);
}

/** Puts a rule at the top of its chain, wherever it was. */
export function moveToTop(netfilter: Netfilter, rule: Rule): void {
  removeRule(netfilter, rule);
  run(netfilter, ['-I', rule.chain, ...rule.words], rule.table);
}

/** Makes a chain unless it is there. */
export function addChain(netfilter: Netfilter, table: Rule['table'], chain: string): void {
  const listed = runIptables(netfilter, ['-t', table, '-n', '-L', chain]);
  if (listed.exitCode !== 0) run(netfilter, ['-N', chain], table);
}

export function hasRule(netfilter: Netfilter, rule: Rule): boolean {
  const args = ['-t', rule.table, '-C', rule.chain, ...rule.words];
  return runIptables(netfilter, args).exitCode === 0;
}

/** `iptables -P`. */
export function setPolicy(netfilter: Netfilter, chain: string, policy: string): void {
  run(netfilter, ['-P', chain, policy], 'filter');
}

function run(netfilter: Netfilter, args: readonly string[], table: Rule['table']): void {
  const whole = ['--wait', '-t', table, ...args];
  const result = runIptables(netfilter, whole);
  if (result.exitCode === 0) return;
  const command = `iptables ${whole.join(' ')}`;
  const said = `${result.stdout}${result.stderr}`;
  const status = `exit status ${result.exitCode}`;
  throw new DockerError(500, `iptables failed: ${command}: ${said} (${status})`);
}

function parseRule(text: string, verb: RuleVerb): Rule {
  const [table, chain, ...words] = text.split(' ');
  return { table: table as Rule['table'], chain: chain!, words, verb }; // the callers are in this folder
}
