/**
 * The policy database: which policy speaks of a packet.
 * @source net/xfrm/xfrm_policy.c xfrm_policy_lookup_bytype(), xfrm_policy_insert()
 */
import { deleteInt, getInt, makeIntTable, setInt } from '../int-table.ts';
import { flow, isSelected } from './flow.ts';
import type { PolicyTable, Xfrm, XfrmDirection, XfrmPolicy } from './xfrm-record.ts';

export function makePolicyTable(): PolicyTable {
  return { exact: makeIntTable(), inexact: [], count: 0 };
}

/** The policy for `flow`: of those that fit the one of lowest priority number, then the oldest. */
export function lookupPolicy(xfrm: Xfrm, direction: XfrmDirection): XfrmPolicy | null {
  const table = xfrm.tables[direction];
  const chain = getInt(table.exact, flow.target);
  const best = chain === null ? null : firstMatch(chain, null);
  return firstMatch(table.inexact, best);
}

/** The first of a chain that fits and comes before `other`; else `other`. */
function firstMatch(chain: readonly XfrmPolicy[], other: XfrmPolicy | null): XfrmPolicy | null {
  for (let i = 0; i < chain.length; i++) {
    const policy = chain[i]!;
    if (other !== null && !isBefore(policy, other)) return other;
    const { mark } = policy;
    if (((flow.mark ^ mark.value) & mark.mask) === 0 && isSelected(policy.selector)) return policy;
  }
  return other;
}

function isBefore(one: XfrmPolicy, two: XfrmPolicy): boolean {
  return (
    one.priority < two.priority || (one.priority === two.priority && one.position < two.position)
  );
}

/** Puts a policy into the lists. */
export function insertPolicy(xfrm: Xfrm, policy: XfrmPolicy): void {
  const table = xfrm.tables[policy.direction];
  const chain = chainOf(table, policy);
  let at = chain.length;
  while (at > 0 && isBefore(policy, chain[at - 1]!)) at--;
  chain.splice(at, 0, policy);
  table.count++;
  xfrm.policies.unshift(policy);
  xfrm.generation++;
}

/** Takes a policy out. */
export function removePolicy(xfrm: Xfrm, policy: XfrmPolicy): void {
  const table = xfrm.tables[policy.direction];
  const chain = chainOf(table, policy);
  chain.splice(chain.indexOf(policy), 1);
  if (chain.length === 0 && chain !== table.inexact) {
    deleteInt(table.exact, policy.selector.target);
  }
  table.count--;
  xfrm.policies.splice(xfrm.policies.indexOf(policy), 1);
  policy.isAlive = false;
  xfrm.generation++;
}

function chainOf(table: PolicyTable, policy: XfrmPolicy): XfrmPolicy[] {
  const { selector } = policy;
  if (selector.sourceLength < 32 || selector.targetLength < 32) return table.inexact;
  const known = getInt(table.exact, selector.target);
  if (known !== null) return known;
  const chain: XfrmPolicy[] = [];
  setInt(table.exact, selector.target, chain);
  return chain;
}
