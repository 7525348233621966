/**
 * The tables of a namespace and what may be done to them: what the kernel does for iptables-nft.
 * A refusal is a KernelError; the program turns it into its own words.
 * @source net/netfilter/nf_tables_api.c; iptables/nft.c (which base chains each table has)
 */
import { KernelError } from '../base/errors.ts';
import { type Chain, isTrivial, makeChain } from './chain.ts';
import { clearInterfaceTests, numberOfTest } from './interface-tests.ts';
import type { Netfilter } from './netfilter.ts';
import {
  HOOK_FORWARD,
  HOOK_INPUT,
  HOOK_NAMES,
  HOOK_OUTPUT,
  HOOK_POSTROUTING,
  HOOK_PREROUTING,
} from './netfilter-hooks.ts';
import { type ExtensionScope, JUMP_STACK_SIZE, type Rule } from './rule.ts';

/** In the order in which iptables-save prints them. */
export const TABLE_NAMES = ['mangle', 'security', 'raw', 'filter', 'nat'] as const;
export type TableName = (typeof TABLE_NAMES)[number];

/** The hooks on which each table has a base chain. */
export const TABLE_HOOKS: Readonly<Record<TableName, readonly number[]>> = {
  mangle: [HOOK_PREROUTING, HOOK_INPUT, HOOK_FORWARD, HOOK_OUTPUT, HOOK_POSTROUTING],
  security: [HOOK_INPUT, HOOK_FORWARD, HOOK_OUTPUT],
  raw: [HOOK_PREROUTING, HOOK_OUTPUT],
  filter: [HOOK_INPUT, HOOK_FORWARD, HOOK_OUTPUT],
  nat: [HOOK_PREROUTING, HOOK_INPUT, HOOK_OUTPUT, HOOK_POSTROUTING],
};

/** Where IPVS hangs, see ipvs/hooks.ts. */
const IPVS_HOOKS = (1 << HOOK_INPUT) | (1 << HOOK_FORWARD) | (1 << HOOK_OUTPUT);
/** User chains of one table. netsim's own bound. */
const CHAINS_MAX = 10_000;
const RULES_MAX = 100_000;
/** Interface tests of deleted rules that are kept before the rest is numbered afresh. */
const INTERFACE_TESTS_SPARE = 1000;

export interface Table {
  readonly name: TableName;
  /** Whether it exists in the kernel: tables come into being with their first use. */
  exists: boolean;
  /** By hook; null until something made the chain. */
  readonly base: Array<Chain | null>;
  /** User chains in order of their names. */
  readonly userChains: Chain[];
  /** Serial number of the next chain. */
  nextSerial: number;
  /** What the walk looks at, by hook: the base chains that are not trivial. */
  readonly walked: Array<Chain | null>;
}

/** Fields instead of a map: the walk reads them by name. */
export interface Tables {
  readonly mangle: Table;
  readonly security: Table;
  readonly raw: Table;
  readonly filter: Table;
  readonly nat: Table;
}

function makeTable(name: TableName): Table {
  return {
    name,
    exists: false,
    base: [null, null, null, null, null],
    userChains: [],
    nextSerial: 1,
    walked: [null, null, null, null, null],
  };
}

export function makeTables(): Tables {
  return {
    mangle: makeTable('mangle'),
    security: makeTable('security'),
    raw: makeTable('raw'),
    filter: makeTable('filter'),
    nat: makeTable('nat'),
  };
}

/** The hook of a base chain's name in this table, -1 if it has none of that name. */
export function hookOf(table: Table, chainName: string): number {
  const hook = (HOOK_NAMES as readonly string[]).indexOf(chainName);
  return TABLE_HOOKS[table.name].includes(hook) ? hook : -1;
}

/** The chain of this name if it exists (a base chain may not yet). */
export function findChain(table: Table, name: string): Chain | null {
  const hook = hookOf(table, name);
  if (hook >= 0) return table.base[hook] ?? null;
  return table.userChains.find((chain) => chain.name === name) ?? null;
}

/** Makes the base chain of this hook if it is not there. */
export function ensureBaseChain(netfilter: Netfilter, table: Table, hook: number): Chain {
  const present = table.base[hook];
  if (present !== null && present !== undefined) return present;
  const chain = makeChain(table.name, HOOK_NAMES[hook]!, hook);
  chain.countsPolicy = netfilter.iptablesVersion === '1.8.11';
  table.exists = true;
  table.base[hook] = chain;
  rebuild(netfilter);
  return chain;
}

/** All chains that exist: base chains in the order of the hooks, then user chains by name. */
export function chainsOf(table: Table): Chain[] {
  return [...table.base.filter((chain) => chain !== null), ...table.userChains];
}

/** Makes a user chain. */
export function newChain(netfilter: Netfilter, table: Table, name: string): Chain {
  if (findChain(table, name) !== null) throw new KernelError('EEXIST');
  if (table.userChains.length >= CHAINS_MAX) throw new KernelError('ENOSPC');
  const chain = makeChain(table.name, name, -1, table.nextSerial++);
  table.exists = true;
  table.userChains.push(chain);
  sortChains(table);
  rebuild(netfilter);
  return chain;
}

export function renameChain(table: Table, chain: Chain, name: string): void {
  if (findChain(table, name) !== null) throw new KernelError('EEXIST');
  chain.name = name;
  sortChains(table);
}

function sortChains(table: Table): void {
  table.userChains.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Rules that jump or go to the chain. */
export function referencesOf(table: Table, chain: Chain): number {
  let count = 0;
  for (const each of chainsOf(table)) {
    for (const rule of each.rules) if (rule.jump === chain) count++;
  }
  return count;
}

/** Deletes a chain: its rules go with it, but it must not be jumped to (EBUSY). */
export function deleteChain(netfilter: Netfilter, table: Table, chain: Chain): void {
  if (referencesOf(table, chain) > 0) throw new KernelError('EBUSY');
  if (chain.hook >= 0) table.base[chain.hook] = null;
  else table.userChains.splice(table.userChains.indexOf(chain), 1);
  rebuild(netfilter);
}

/** Takes a table away with all that it holds. */
export function deleteTable(netfilter: Netfilter, table: Table): void {
  table.base.fill(null);
  table.userChains.length = 0;
  table.exists = false;
  rebuild(netfilter);
}

export function setPolicy(netfilter: Netfilter, chain: Chain, isDrop: boolean): void {
  chain.isPolicyDrop = isDrop;
  rebuild(netfilter);
}

export function flushChain(netfilter: Netfilter, chain: Chain): void {
  chain.rules.length = 0;
  rebuild(netfilter);
}

export function deleteRule(netfilter: Netfilter, chain: Chain, index: number): void {
  chain.rules.splice(index, 1);
  rebuild(netfilter);
}

/**
 * Puts a rule at `index` (in the place of the one there if `replaces`). Throws EINVAL if an extension
 * may not stand where it can be reached from, EMLINK for a loop or too deep a nesting.
 */
export function insertRule(
  netfilter: Netfilter,
  table: Table,
  chain: Chain,
  index: number,
  rule: Rule,
  replaces = false,
): void {
  if (rule.jump !== null && rule.jump.hook >= 0) throw new KernelError('EOPNOTSUPP');
  if (neverMatches(rule)) throw new KernelError('EINVAL');
  if (chain.rules.length >= RULES_MAX) throw new KernelError('ENOSPC');
  numberInterfaces(netfilter, rule);
  const replaced = chain.rules.splice(index, replaces ? 1 : 0, rule);
  try {
    checkTable(table, rule);
    for (const base of table.base) {
      if (base !== null) checkChain(base, base.hook, 0, new Map());
    }
  } catch (error) {
    chain.rules.splice(index, 1, ...replaced);
    throw error;
  }
  rebuild(netfilter);
}

function numberInterfaces(netfilter: Netfilter, rule: Rule): void {
  rule.inTest = numberOfTest(netfilter.interfaces, rule.inInterface);
  rule.outTest = numberOfTest(netfilter.interfaces, rule.outInterface);
}

/** Numbers the interface tests of all rules afresh, when those of deleted rules have piled up. */
function renumberInterfaces(netfilter: Netfilter): void {
  clearInterfaceTests(netfilter.interfaces);
  for (const name of TABLE_NAMES) {
    for (const chain of chainsOf(netfilter.tables[name])) {
      for (const rule of chain.rules) numberInterfaces(netfilter, rule);
    }
  }
}

/** `! -s 0.0.0.0/0`: nf_tables refuses a comparison of no bits. */
function neverMatches(rule: Rule): boolean {
  return (
    (rule.isSourceInverted && rule.sourceMask === 0) ||
    (rule.isTargetInverted && rule.targetMask === 0)
  );
}

function checkTable(table: Table, rule: Rule): void {
  for (const match of rule.matches) checkScopeTable(table, match.scope);
  if (rule.action !== null) checkScopeTable(table, rule.action.scope);
}

function checkScopeTable(table: Table, scope: ExtensionScope): void {
  if (scope.table !== null && scope.table !== table.name) throw new KernelError('EINVAL');
}

/**
 * Looks at everything that a packet of this hook can reach from `chain`.
 * @param checked chains looked at before, and how deep they were then.
 * @source net/netfilter/nf_tables_api.c nft_chain_validate(); nft_compat.c nft_target_validate()
 */
function checkChain(chain: Chain, hook: number, level: number, checked: Map<Chain, number>): void {
  if (level === JUMP_STACK_SIZE) throw new KernelError('EMLINK');
  if ((checked.get(chain) ?? -1) >= level) return;
  checked.set(chain, level);
  const bit = 1 << hook;
  for (const rule of chain.rules) {
    for (const match of rule.matches) {
      if ((match.scope.hooks & bit) === 0) throw new KernelError('EINVAL');
    }
    if (rule.action !== null && (rule.action.scope.hooks & bit) === 0) {
      throw new KernelError('EINVAL');
    }
    if (rule.jump !== null) checkChain(rule.jump, hook, level + 1, checked);
  }
}

/** Brings what the hooks look at up to date; called after every change. */
export function rebuild(netfilter: Netfilter): void {
  const { tables } = netfilter;
  let trackers = 0;
  let rules = 0;
  for (const name of TABLE_NAMES) {
    const table = tables[name];
    for (let hook = 0; hook < 5; hook++) {
      const chain = table.base[hook] ?? null;
      table.walked[hook] = chain === null || isTrivial(chain) ? null : chain;
      if (chain !== null && name === 'nat') trackers++;
    }
    for (const chain of chainsOf(table)) {
      for (const rule of chain.rules) if (isTracking(rule)) trackers++;
      rules += chain.rules.length;
    }
  }
  if (netfilter.interfaces.tests.length > INTERFACE_TESTS_SPARE + 2 * rules) {
    renumberInterfaces(netfilter);
  }
  netfilter.isNatActive = tables.nat.base.some((chain) => chain !== null);
  netfilter.needsConntrack = trackers;
  refreshHooks(netfilter);
}

function isTracking(rule: Rule): boolean {
  if (rule.action?.scope.needsConntrack === true) return true;
  return rule.matches.some((match) => match.scope.needsConntrack);
}

/** Sets `activeHooks` from what hangs on each hook. */
export function refreshHooks(netfilter: Netfilter): void {
  const { tables } = netfilter;
  const tracks = netfilter.needsConntrack > 0 || netfilter.otherTrackers > 0;
  netfilter.isTracking = tracks;
  const { ipvs } = netfilter;
  netfilter.isIpvsActive = ipvs !== null && ipvs.services.length > 0;
  netfilter.activeHooks = netfilter.isIpvsActive ? IPVS_HOOKS : 0;
  for (let hook = 0; hook < 5; hook++) {
    const walks = TABLE_NAMES.some((name) => tables[name].walked[hook] !== null);
    if (walks || (tracks && hook !== HOOK_FORWARD)) netfilter.activeHooks |= 1 << hook;
  }
}
