/**
 * A command line of iptables as far as it is read, and the ways in which reading it ends early.
 * @source iptables/xshared.h struct iptables_command_state
 */
import type { Netfilter } from '../netfilter.ts';
import { EMPTY_SPEC, FRAGMENT_ANY, type InterfaceTest } from '../rule.ts';
import {
  type GivenOption,
  type MatchExtension,
  ParameterProblem,
  type TargetExtension,
} from './extension.ts';
import { makeOptionReader, type OptionReader } from './option-reader.ts';

/** A command that is over once it is read: -V, -h. */
export class PrintedAnswer extends Error {
  override name = 'PrintedAnswer';
}

/** The table of `-t NAME` does not exist. Exit code 3. */
export class NoSuchTable extends Error {
  override name = 'NoSuchTable';
}

/** A word that belongs to nothing; printed without the program's name. */
export class BadArgument extends Error {
  override name = 'BadArgument';
}

/** Longest chain name. */
export const CHAIN_NAME_MAX = 28;

export interface LoadedExtension {
  readonly match: MatchExtension | null;
  readonly target: TargetExtension | null;
  readonly given: GivenOption[];
}

/** The command as far as it is read. */
export interface Draft {
  readonly netfilter: Netfilter;
  readonly reader: OptionReader;
  readonly program: string;
  readonly line: number;
  tableName: string;
  letter: string;
  zeroesAfter: boolean;
  chain: string;
  ruleNumber: number;
  policy: string;
  newName: string;
  /** Letters of the options given so far. */
  flags: string;
  isInverted: boolean;
  source: string;
  isSourceInverted: boolean;
  target: string;
  isTargetInverted: boolean;
  inInterface: InterfaceTest;
  outInterface: InterfaceTest;
  protocol: number;
  isProtocolInverted: boolean;
  fragment: number;
  readonly loaded: LoadedExtension[];
  /** Protocol whose own match has been tried. */
  triedProtocol: number;
  jumpName: string;
  isGoto: boolean;
  packets: number;
  bytes: number;
  warnings: string;
}

export interface ParseOptions {
  readonly program: string;
  /** The table when there is no -t. */
  readonly tableName: string;
  /** Line of iptables-restore's input, 0 on a command line. */
  readonly line: number;
}

/** A draft of which nothing is read. */
export function makeDraft(
  netfilter: Netfilter,
  words: readonly string[],
  options: ParseOptions,
): Draft {
  return {
    netfilter,
    reader: makeOptionReader(words),
    program: options.program,
    line: options.line,
    tableName: options.tableName,
    letter: '',
    zeroesAfter: false,
    chain: '',
    ruleNumber: 0,
    policy: '',
    newName: '',
    flags: '',
    isInverted: false,
    source: '',
    isSourceInverted: false,
    target: '',
    isTargetInverted: false,
    inInterface: EMPTY_SPEC.inInterface,
    outInterface: EMPTY_SPEC.outInterface,
    protocol: 0,
    isProtocolInverted: false,
    fragment: FRAGMENT_ANY,
    loaded: [],
    triedProtocol: 0,
    jumpName: '',
    isGoto: false,
    packets: 0,
    bytes: 0,
    warnings: '',
  };
}

/** Adds a match or target: its options are understood from here on. */
export function loadExtension(
  draft: Draft,
  match: MatchExtension | null,
  target: TargetExtension | null,
): void {
  draft.loaded.push({ match, target, given: [] });
  draft.reader.extensions.push((match ?? target)!.options);
}

/** Notes an option; most may be given once and only some after `!`. */
export function setFlag(draft: Draft, letter: string): void {
  const flag = letter === 'g' ? 'j' : letter;
  if (draft.flags.includes(flag)) {
    throw new ParameterProblem(`multiple -${flag} flags not allowed`);
  }
  if (draft.isInverted && !'sdpiof'.includes(flag)) {
    throw new ParameterProblem(`cannot have ! before -${flag}`);
  }
  draft.flags += flag;
}
