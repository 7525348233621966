/**
 * What the tables held, so that a batch that fails leaves no trace: nf_tables carries out all of a
 * batch or nothing.
 * @source net/netfilter/nf_tables_api.c nf_tables_abort()
 */
import type { Chain } from '../chain.ts';
import type { Netfilter } from '../netfilter.ts';
import type { Rule } from '../rule.ts';
import { chainsOf, rebuild, TABLE_NAMES, type Table } from '../tables.ts';

interface ChainCopy {
  readonly chain: Chain;
  readonly name: string;
  readonly rules: readonly Rule[];
  readonly isPolicyDrop: boolean;
  readonly countsPolicy: boolean;
  readonly policyPackets: number;
  readonly policyBytes: number;
}

interface TableCopy {
  readonly table: Table;
  readonly exists: boolean;
  readonly base: ReadonlyArray<Chain | null>;
  readonly userChains: readonly Chain[];
  readonly chains: readonly ChainCopy[];
}

export type Snapshot = readonly TableCopy[];

export function takeSnapshot(netfilter: Netfilter): Snapshot {
  return TABLE_NAMES.map((name) => {
    const table = netfilter.tables[name];
    const chains = chainsOf(table).map((chain) => ({
      chain,
      name: chain.name,
      rules: [...chain.rules],
      isPolicyDrop: chain.isPolicyDrop,
      countsPolicy: chain.countsPolicy,
      policyPackets: chain.policyPackets,
      policyBytes: chain.policyBytes,
    }));
    const { exists, base, userChains } = table;
    return { table, exists, base: [...base], userChains: [...userChains], chains };
  });
}

export function restoreSnapshot(netfilter: Netfilter, snapshot: Snapshot): void {
  for (const copy of snapshot) {
    const { table } = copy;
    table.exists = copy.exists;
    copy.base.forEach((chain, hook) => {
      table.base[hook] = chain;
    });
    table.userChains.splice(0, table.userChains.length, ...copy.userChains);
    for (const { chain, name, rules, ...policy } of copy.chains) {
      chain.name = name;
      chain.rules.splice(0, chain.rules.length, ...rules);
      chain.isPolicyDrop = policy.isPolicyDrop;
      chain.countsPolicy = policy.countsPolicy;
      chain.policyPackets = policy.policyPackets;
      chain.policyBytes = policy.policyBytes;
    }
  }
  rebuild(netfilter);
}
