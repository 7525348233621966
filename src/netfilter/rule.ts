/**
 * A rule as the walk sees it: numbers to compare, matches and a target as function slots, counters.
 * @source include/uapi/linux/netfilter_ipv4/ip_tables.h struct ipt_entry, struct ipt_ip
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import type { DropReason } from '../engine/drop-reason.ts';
import type { Packet } from '../engine/packet.ts';
import type { Simulator } from '../engine/simulator.ts';
import type { Chain } from './chain.ts';
import type { Netfilter } from './netfilter.ts';

/** Verdicts of a rule, a target or a chain. The walk drops the packet itself on VERDICT_DROP. */
export const VERDICT_DROP = 0;
export const VERDICT_ACCEPT = 1;
/** Go on with the next rule (XT_CONTINUE, or a rule without a target). */
export const VERDICT_CONTINUE = 3;
export const VERDICT_RETURN = 4;
export const VERDICT_JUMP = 5;
export const VERDICT_GOTO = 6;

/** Chains that may be nested in a walk. @source include/net/netfilter/nf_tables.h NFT_JUMP_STACK_SIZE */
export const JUMP_STACK_SIZE = 16;

/** What matches and targets know of the walk they are part of; one record per depth, used again. */
export interface Walk {
  sim: Simulator;
  readonly netfilter: Netfilter;
  hook: number;
  tableName: string;
  inDevice: Device | null;
  outDevice: Device | null;
  /** Of the packet's IP header, read once: no rule changes them and goes on. */
  source: Ipv4;
  target: Ipv4;
  protocol: number;
  /** Fragment offset of the packet in units of 8 bytes. */
  fragmentOffset: number;
  /** By number of an InterfaceTest: 1 if the device that the packet came by (goes by) passes it. */
  inResults: Uint8Array;
  outResults: Uint8Array;
  /** Set by a match that finds the packet malformed (hotdrop). */
  isHotDrop: boolean;
  /** What a target that says VERDICT_DROP wants the drop to be counted as. */
  dropReason: DropReason;
  readonly returnChains: Chain[];
  readonly returnIndexes: Int32Array;
}

/** How a match or target is written: in `-S`, in `-L`, and in `-L -n`. */
export interface ExtensionText {
  /** ` -m tcp --dport 80` without the leading ` -m tcp`: the options alone, with a leading space. */
  readonly save: string;
  /** With its own leading space, as the real extension prints it. */
  readonly list: string;
  readonly listNumeric: string;
}

/** Where an extension may stand; the kernel refuses a rule elsewhere with EINVAL. */
export interface ExtensionScope {
  /** Bits of the hooks (1 << HOOK_*) from which it may be reached. */
  readonly hooks: number;
  /** The one table that may have it, null for any. */
  readonly table: string | null;
  /** Whether connection tracking must run for it. */
  readonly needsConntrack: boolean;
}

export interface Match {
  readonly name: string;
  readonly test: (walk: Walk, packet: Packet, info: unknown) => boolean;
  readonly info: unknown;
  readonly text: ExtensionText;
  readonly scope: ExtensionScope;
}

export interface Target {
  readonly name: string;
  /** The name that `-L` shows (CT for a NOTRACK rule). */
  readonly listName: string;
  readonly act: (walk: Walk, packet: Packet, info: unknown) => number;
  readonly info: unknown;
  readonly text: ExtensionText;
  readonly scope: ExtensionScope;
}

export const ANY_HOOK = 31;
export const ANYWHERE: ExtensionScope = { hooks: ANY_HOOK, table: null, needsConntrack: false };
/** The kernel refuses it in every table. */
export const NOWHERE: ExtensionScope = { hooks: 0, table: '', needsConntrack: false };
export const ANYWHERE_TRACKED: ExtensionScope = {
  hooks: ANY_HOOK,
  table: null,
  needsConntrack: true,
};

/** Puts a match together; `info` is the state that only `test` reads. */
export function makeMatch<Info>(
  name: string,
  test: (walk: Walk, packet: Packet, info: Info) => boolean,
  info: Info,
  text: ExtensionText,
  scope: ExtensionScope = ANYWHERE,
): Match {
  // The pair of test and info is made only here, so the walk may pass the one to the other.
  return { name, test: test as Match['test'], info, text, scope };
}

/** Puts a target together; `info` is the state that only `act` reads. */
export function makeTarget<Info>(
  name: string,
  act: (walk: Walk, packet: Packet, info: Info) => number,
  info: Info,
  text: ExtensionText,
  scope: ExtensionScope = ANYWHERE,
): Target {
  return { name, listName: name, act: act as Target['act'], info, text, scope };
}

/** An interface name to compare: `eth0`, `eth+` (isPrefix), or '' for any. */
export interface InterfaceTest {
  readonly name: string;
  readonly isPrefix: boolean;
  readonly isInverted: boolean;
}

export const ANY_INTERFACE: InterfaceTest = { name: '', isPrefix: true, isInverted: false };

/** Fragment tests of `-f`. */
export const FRAGMENT_ANY = 0;
export const FRAGMENT_LATER = 1;
export const FRAGMENT_NOT_LATER = 2;

export interface RuleSpec {
  readonly source: Ipv4;
  readonly sourceMask: number;
  readonly isSourceInverted: boolean;
  readonly target: Ipv4;
  readonly targetMask: number;
  readonly isTargetInverted: boolean;
  readonly inInterface: InterfaceTest;
  readonly outInterface: InterfaceTest;
  /** IP protocol, 0 for any. */
  readonly protocol: number;
  readonly isProtocolInverted: boolean;
  readonly fragment: number;
  readonly matches: readonly Match[];
  /** ACCEPT, DROP, RETURN, CONTINUE (no target, or one that acts), JUMP or GOTO. */
  readonly verdict: number;
  readonly jump: Chain | null;
  readonly action: Target | null;
}

export interface Rule extends RuleSpec {
  /** Numbers of the interface tests in netfilter.interfaces, 0 for any; set when it is inserted. */
  inTest: number;
  outTest: number;
  packets: number;
  bytes: number;
}

/** A rule with its counters. All fields in one order, whatever the spec's own. */
export function makeRule(spec: RuleSpec, packets = 0, bytes = 0): Rule {
  return {
    source: spec.source & spec.sourceMask,
    sourceMask: spec.sourceMask,
    isSourceInverted: spec.isSourceInverted,
    target: spec.target & spec.targetMask,
    targetMask: spec.targetMask,
    isTargetInverted: spec.isTargetInverted,
    inInterface: spec.inInterface,
    outInterface: spec.outInterface,
    protocol: spec.protocol,
    isProtocolInverted: spec.isProtocolInverted,
    fragment: spec.fragment,
    matches: spec.matches,
    verdict: spec.verdict,
    jump: spec.jump,
    action: spec.action,
    inTest: 0,
    outTest: 0,
    packets,
    bytes,
  };
}

/** A rule that matches everything and does nothing: what specs are built from. */
export const EMPTY_SPEC: RuleSpec = {
  source: 0,
  sourceMask: 0,
  isSourceInverted: false,
  target: 0,
  targetMask: 0,
  isTargetInverted: false,
  inInterface: ANY_INTERFACE,
  outInterface: ANY_INTERFACE,
  protocol: 0,
  isProtocolInverted: false,
  fragment: FRAGMENT_ANY,
  matches: [],
  verdict: VERDICT_CONTINUE,
  jump: null,
  action: null,
};
