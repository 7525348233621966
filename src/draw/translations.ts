/** What the nat tables of a namespace rewrite, in a few words a rule: for the router of a picture. */
import { ruleText, targetName } from '../netfilter/iptables/rule-text.ts';
import type { Netfilter } from '../netfilter/netfilter.ts';
import { HOOK_FORWARD } from '../netfilter/netfilter-hooks.ts';

/** Rules that are told; the picture shows fewer. */
const TRANSLATIONS_MAX = 100;
const TARGETS = ['DNAT', 'REDIRECT', 'SNAT', 'MASQUERADE'];

/** `MASQUERADE 172.17.0.0/16`, `DNAT :8080 → 172.17.0.2:80`, in the order of the rules. */
export function translationsOf(netfilter: Netfilter): string[] {
  const { nat } = netfilter.tables;
  const chains = [...nat.base, ...nat.userChains].filter((chain) => chain !== null);
  const texts = new Set<string>();
  for (const { rules } of chains) {
    for (const rule of rules) {
      const name = targetName(rule);
      if (!TARGETS.includes(name)) continue;
      const text = shortText(name, ruleText(rule));
      if (text !== '' && texts.size < TRANSLATIONS_MAX) texts.add(text);
    }
  }
  // What leads to containers first: a reader looks for it.
  const rankOf = (text: string): number => TARGETS.indexOf(text.split(' ')[0] ?? '');
  const sorted = [...texts].sort((one, other) => rankOf(one) - rankOf(other));
  const forward = netfilter.tables.filter.base[HOOK_FORWARD];
  return forward?.isPolicyDrop === true ? [...sorted, 'FORWARD: policy DROP'] : sorted;
}

function shortText(target: string, rule: string): string {
  const source = /(?:^| )-s (\S+)/.exec(rule)?.[1] ?? '';
  const address = /(?:^| )-d (\S+)/.exec(rule)?.[1] ?? '';
  const port = /--dport (\S+)/.exec(rule)?.[1] ?? '';
  const to = /--to-(?:destination|source|ports) (\S+)/.exec(rule)?.[1] ?? '';
  const out = /(?:^| )-o (\S+)/.exec(rule)?.[1] ?? '';
  // A container that reaches itself by its published port: true, but no help to a reader.
  if (target === 'MASQUERADE' && source !== '' && source === address) return '';
  if (target === 'MASQUERADE') return `MASQUERADE ${source !== '' ? source : out}`.trim();
  if (target === 'REDIRECT') return `REDIRECT :${port} → :${to}`;
  const matched = port === '' ? address : `:${port}`;
  return `${target}${matched === '' ? '' : ` ${matched}`} → ${to}`;
}
