/**
 * Carries out a command of iptables on the tables.
 * @source iptables/nft.c nft_prepare(), nft_action(), nft_strerror()
 */
import { KernelError } from '../../base/errors.ts';
import { type Chain, setPolicyCounters, zeroChain } from '../chain.ts';
import type { Netfilter } from '../netfilter.ts';
import { HOOK_NAMES } from '../netfilter-hooks.ts';
import { makeRule, type Rule } from '../rule.ts';
import {
  chainsOf,
  deleteChain,
  deleteRule,
  ensureBaseChain,
  findChain,
  flushChain,
  hookOf,
  insertRule,
  newChain,
  renameChain,
  setPolicy,
  TABLE_HOOKS,
  type Table,
} from '../tables.ts';
import type { Command, ParsedRule } from './command.ts';
import { ParameterProblem } from './extension.ts';
import { listChains, saveChains } from './list-commands.ts';
import { describeRule } from './rule-list.ts';
import { ruleText } from './rule-text.ts';

/** Refused by iptables itself: `iptables: WORDS.`, exit code 1. */
export class Refused extends Error {
  override name = 'Refused';
}

/** Refused by the kernel: `iptables v1.8.9 (nf_tables):  WHAT failed (WHY): WHERE`, exit code 4. */
export class KernelRefused extends Error {
  override name = 'KernelRefused';
}

/** A chain that cannot be listed: exit code 1, without the "Try" line. */
export class Incompatible extends Error {
  override name = 'Incompatible';
}

const NO_CHAIN = 'No chain/target/match by that name';
const NO_RULE = 'Bad rule (does a matching rule exist in that chain?)';

/** What a command wrote before it failed, if it fails. */
export interface CommandOutput {
  text: string;
}

/** Does what the command says and adds what it prints to `output`. Throws why it cannot. */
export function runCommand(netfilter: Netfilter, command: Command, output: CommandOutput): void {
  switch (command.letter) {
    case 'A':
    case 'I':
      addRules(netfilter, command, output);
      break;
    case 'R':
      replaceRule(netfilter, command, output);
      break;
    case 'D':
    case 'C':
      findRules(netfilter, command, output);
      break;
    case 'L':
    case 'S':
      list(netfilter, command, output);
      break;
    case 'F':
      flush(netfilter, command, output);
      break;
    case 'Z':
      zero(command, output);
      break;
    case 'N':
      create(netfilter, command);
      break;
    case 'X':
      removeChains(netfilter, command, output);
      break;
    case 'E':
      rename(command);
      break;
    default:
      setChainPolicy(netfilter, command);
  }
}

/** The chain of a rule command; base chains come into being here. */
function chainFor(netfilter: Netfilter, table: Table, name: string): Chain {
  const hook = hookOf(table, name);
  if (hook >= 0) return ensureBaseChain(netfilter, table, hook);
  const chain = findChain(table, name);
  if (chain === null) throw new Refused(NO_CHAIN);
  return chain;
}

/** The rule with the chain it jumps to. */
function resolveRule(table: Table, parsed: ParsedRule): Rule {
  const { spec, jumpName, packets, bytes } = parsed;
  if (jumpName === '') return makeRule(spec, packets, bytes);
  // A base chain that does not exist yet is still one: the kernel refuses the jump.
  const hook = hookOf(table, jumpName);
  const jump = findChain(table, jumpName);
  if (jump === null && hook < 0) {
    throw new ParameterProblem(`Chain '${jumpName}' does not exist`);
  }
  if (jump === null) throw new KernelRefused('RULE_APPEND failed (No such file or directory)');
  return makeRule({ ...spec, jump }, packets, bytes);
}

function addRules(netfilter: Netfilter, command: Command, output: CommandOutput): void {
  const { table, letter } = command;
  const rules = command.specs.map((parsed) => resolveRule(table, parsed));
  const chain = chainFor(netfilter, table, command.chain);
  for (const rule of rules) {
    const index = letter === 'A' ? chain.rules.length : Math.max(0, command.ruleNumber - 1);
    if (index > chain.rules.length) throw new Refused('Index of insertion too big');
    const action = letter === 'A' ? 'RULE_APPEND' : 'RULE_INSERT';
    orKernelError(action, `rule in chain ${chain.name}`, () =>
      insertRule(netfilter, table, chain, index, rule),
    );
    if (command.isVerbose) output.text += describeRule(rule);
  }
}

function replaceRule(netfilter: Netfilter, command: Command, output: CommandOutput): void {
  const { table, ruleNumber } = command;
  if (command.specs.length !== 1) {
    throw new ParameterProblem('Replacement rule does not specify a unique address');
  }
  const rule = resolveRule(table, command.specs[0]!);
  const chain = findChain(table, command.chain);
  if (chain === null) throw new Refused(NO_CHAIN);
  const index = ruleNumber - 1;
  if (index >= chain.rules.length) throw new Refused('Index of replacement too big');
  orKernelError('RULE_REPLACE', `rule in chain ${chain.name}`, () =>
    insertRule(netfilter, table, chain, index, rule, true),
  );
  if (command.isVerbose) output.text += describeRule(rule);
}

function findRules(netfilter: Netfilter, command: Command, output: CommandOutput): void {
  const { table, letter, ruleNumber } = command;
  if (letter === 'D' && ruleNumber > 0) {
    const chain = findChain(table, command.chain);
    if (chain === null) throw new Refused(NO_CHAIN);
    if (ruleNumber > chain.rules.length) throw new Refused('Index of deletion too big');
    deleteRule(netfilter, chain, ruleNumber - 1);
    return;
  }
  for (const parsed of command.specs) {
    const rule = resolveRule(table, parsed);
    const chain = findChain(table, command.chain);
    if (chain === null) throw new Refused(NO_RULE);
    const text = ruleText(rule);
    const index = chain.rules.findIndex((each) => ruleText(each) === text);
    if (index < 0) throw new Refused(NO_RULE);
    if (command.isVerbose) output.text += describeRule(rule);
    if (letter === 'D') deleteRule(netfilter, chain, index);
  }
}

function list(netfilter: Netfilter, command: Command, output: CommandOutput): void {
  const { table, chain } = command;
  const text = command.letter === 'L' ? listChains(netfilter, command) : saveChains(command);
  if (text === null) {
    throw new Incompatible(
      `chain \`${chain}' in table \`${table.name}' is incompatible, use 'nft' tool.`,
    );
  }
  output.text += text;
  if (!command.zeroesAfter) return;
  if (!table.exists) {
    const why = 'CHAIN_ZERO failed (No such file or directory)';
    throw new KernelRefused(`${why}: chain ${HOOK_NAMES[TABLE_HOOKS[table.name][0]!]}`);
  }
  zero(command, output);
}

function flush(netfilter: Netfilter, command: Command, output: CommandOutput): void {
  const { table, isVerbose } = command;
  if (command.chain !== '') {
    const chain = chainFor(netfilter, table, command.chain);
    flushChain(netfilter, chain);
    if (isVerbose) output.text += `Flushing chain \`${chain.name}'\n`;
    return;
  }
  if (isVerbose) {
    for (const hook of TABLE_HOOKS[table.name]) ensureBaseChain(netfilter, table, hook);
  }
  for (const chain of chainsOf(table)) {
    flushChain(netfilter, chain);
    if (isVerbose) output.text += `Flushing chain \`${chain.name}'\n`;
  }
}

function zero(command: Command, output: CommandOutput): void {
  const { table, ruleNumber } = command;
  const named = command.chain === '' ? null : findChain(table, command.chain);
  if (command.chain !== '' && named === null) throw new Refused(NO_CHAIN);
  for (const chain of named === null ? chainsOf(table) : [named]) {
    if (ruleNumber > 0) {
      if (ruleNumber <= chain.rules.length) zeroChain(chain, ruleNumber - 1);
      return;
    }
    zeroChain(chain, -1);
    if (command.isVerbose) output.text += `Zeroing chain \`${chain.name}'\n`;
  }
}

function create(netfilter: Netfilter, command: Command): void {
  const { table, chain } = command;
  if (hookOf(table, chain) >= 0 || findChain(table, chain) !== null) {
    throw new Refused('Chain already exists');
  }
  newChain(netfilter, table, chain);
}

function removeChains(netfilter: Netfilter, command: Command, output: CommandOutput): void {
  const { table, isVerbose } = command;
  if (command.chain !== '') {
    const chain = findChain(table, command.chain);
    if (chain === null) throw new Refused(NO_CHAIN);
    if (chain.isPolicyDrop) throw new Refused('Directory not empty');
    if (isVerbose) output.text += `Deleting chain \`${chain.name}'\n`;
    removeChain(netfilter, table, chain);
    return;
  }
  const chains = [...table.userChains];
  if (isVerbose) for (const chain of chains) output.text += `Deleting chain \`${chain.name}'\n`;
  const byAge = chains.toSorted((a, b) => a.serial - b.serial);
  for (const chain of byAge) removeChain(netfilter, table, chain);
  for (const chain of chainsOf(table)) {
    if (chain.rules.length === 0 && !chain.isPolicyDrop) deleteChain(netfilter, table, chain);
  }
}

function removeChain(netfilter: Netfilter, table: Table, chain: Chain): void {
  orKernelError('CHAIN_DEL', `chain ${chain.name}`, () => {
    if (chain.rules.length > 0) throw new KernelError('EBUSY');
    deleteChain(netfilter, table, chain);
  });
}

function rename(command: Command): void {
  const { table, chain, newName } = command;
  if (hookOf(table, newName) >= 0 || findChain(table, newName) !== null) {
    throw new Refused('File exists');
  }
  const found = findChain(table, chain);
  if (found === null) throw new Refused(NO_CHAIN);
  // Unlike Linux, a base chain keeps its name.
  if (found.hook >= 0) throw new Refused('Operation not supported');
  renameChain(table, found, newName);
}

function setChainPolicy(netfilter: Netfilter, command: Command): void {
  const { table, chain, policy } = command;
  const hook = hookOf(table, chain);
  if (policy !== 'ACCEPT' && policy !== 'DROP') {
    throw new Refused("Bad policy name. Run `dmesg' for more information");
  }
  if (hook < 0) throw new Refused('Bad built-in chain name');
  const base = ensureBaseChain(netfilter, table, hook);
  setPolicyCounters(base, 0, 0);
  setPolicy(netfilter, base, policy === 'DROP');
}

/** Does `act`; a refusal of the kernel becomes the words of iptables. */
function orKernelError(action: string, place: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new KernelRefused(`${action} failed (${error.message}): ${place}`);
  }
}
