/**
 * A chain: a list of rules, hung on a hook (a base chain, with a policy) or jumped to.
 * @source net/netfilter/nf_tables_api.c struct nft_chain, struct nft_base_chain
 */
import type { Rule } from './rule.ts';

export interface Chain {
  name: string;
  readonly tableName: string;
  /** Grows with every chain of the table: the order in which they were made. */
  readonly serial: number;
  /** HOOK_* of a base chain, -1 of a user chain. */
  readonly hook: number;
  readonly rules: Rule[];
  /** Base chains: what becomes of a packet that no rule decided on. */
  isPolicyDrop: boolean;
  /**
   * Whether packets that fall to the policy are counted. As with nf_tables this begins with the first
   * -P, -Z or restore that names the chain; a chain made by -A alone shows zeros.
   */
  countsPolicy: boolean;
  policyPackets: number;
  policyBytes: number;
}

export function makeChain(tableName: string, name: string, hook: number, serial = 0): Chain {
  return {
    name,
    tableName,
    serial,
    hook,
    rules: [],
    isPolicyDrop: false,
    countsPolicy: false,
    policyPackets: 0,
    policyBytes: 0,
  };
}

/** Whether nothing would change if the chain were not there: no rules, ACCEPT, nothing counted. */
export function isTrivial(chain: Chain): boolean {
  return chain.rules.length === 0 && !chain.isPolicyDrop && !chain.countsPolicy;
}

/** Sets the counters of one rule to zero, or with index -1 those of the policy and of all rules. */
export function zeroChain(chain: Chain, index: number): void {
  for (let i = 0; i < chain.rules.length; i++) {
    if (index >= 0 && i !== index) continue;
    const rule = chain.rules[i]!;
    rule.packets = 0;
    rule.bytes = 0;
  }
  if (index < 0 && chain.hook >= 0) setPolicyCounters(chain, 0, 0);
}

/** Sets the counters of the policy, and counts from here on. */
export function setPolicyCounters(chain: Chain, packets: number, bytes: number): void {
  chain.countsPolicy = true;
  chain.policyPackets = packets;
  chain.policyBytes = bytes;
}
