/**
 * What one command line of iptables asks for, once it is read.
 * @source iptables/xshared.h struct xt_cmd_parse; iptables/nft-cmd.h
 */
import type { RuleSpec } from '../rule.ts';
import type { Table } from '../tables.ts';

/** The commands by their letters; `@` is the second command of -L -Z and -S -Z. */
export const COMMAND_LETTERS = 'ACDEFILNPRSXZ';

export interface Command {
  readonly letter: string;
  readonly table: Table;
  /** '' for all chains. */
  readonly chain: string;
  /** 1 is the first rule; 0: none given. */
  readonly ruleNumber: number;
  /** Rules of -A, -I, -R, -D, -C: one for each pair of the addresses given. */
  readonly specs: readonly ParsedRule[];
  readonly policy: string;
  readonly newName: string;
  /** -L -Z or -S -Z. */
  readonly zeroesAfter: boolean;
  readonly isVerbose: boolean;
  readonly isNumeric: boolean;
  readonly isExact: boolean;
  readonly hasLineNumbers: boolean;
  /** What is said on stderr although the command is carried out. */
  readonly warnings: string;
  /** Line of iptables-restore's input, 0 on a command line. */
  readonly line: number;
}

/** A rule whose jump is a name still: the chain is looked for when the command is carried out. */
export interface ParsedRule {
  readonly spec: RuleSpec;
  readonly jumpName: string;
  readonly packets: number;
  readonly bytes: number;
}

/** Options that a command takes, by its letter. @source iptables/xshared.c commands_v_options[] */
const FLAGS_BY_LETTER: Readonly<Record<string, string>> = {
  A: 'sdpjviocfm',
  I: 'sdpjviocfm',
  R: 'sdpjviocfm',
  D: 'sdpjviofm',
  C: 'sdpjviofm',
  L: 'nvx0',
  S: 'v',
  F: 'v',
  Z: 'v',
  N: 'v',
  X: 'v',
  P: 'vc',
  E: 'v',
};

/** In the order in which iptables looks for options that do not belong. */
const FLAG_ORDER = 'nsdpjvxio0cf';

/** The first option given that does not go with the command, '' if all do. */
export function illegalFlag(letter: string, hasRuleNumber: boolean, given: string): string {
  const allowed = letter === 'D' && hasRuleNumber ? 'v' : (FLAGS_BY_LETTER[letter] ?? '');
  for (const flag of FLAG_ORDER) {
    if (given.includes(flag) && !allowed.includes(flag)) return flag;
  }
  return '';
}
