/**
 * The walk of a packet through the rules of one table on one hook.
 * @source net/netfilter/nf_tables_core.c nft_do_chain(); net/ipv4/netfilter/ip_tables.c ip_packet_match()
 */
import { assert } from '../base/assert.ts';
import type { Device } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import {
  IP_OFFSET_MASK,
  ipFragmentField,
  ipProtocol,
  ipSource,
  ipTarget,
  ipTotalBytes,
} from '../protocols/ipv4.ts';
import type { Chain } from './chain.ts';
import { resultsOf } from './interface-tests.ts';
import { ruleText } from './iptables/rule-text.ts';
import type { Netfilter } from './netfilter.ts';
import { HOOK_NAMES } from './netfilter-hooks.ts';
import {
  FRAGMENT_ANY,
  FRAGMENT_LATER,
  JUMP_STACK_SIZE,
  type Rule,
  VERDICT_ACCEPT,
  VERDICT_CONTINUE,
  VERDICT_DROP,
  VERDICT_GOTO,
  VERDICT_JUMP,
  VERDICT_RETURN,
  type Walk,
} from './rule.ts';
import type { TableName } from './tables.ts';

/** Walks within walks: REJECT's answer passes OUTPUT while the rejected packet's walk waits. */
const WALK_DEPTH_MAX = 16;

/**
 * Walks the base chain that a table has on a hook.
 * @returns true: the packet goes on; false: it was dropped here (or taken), and is gone.
 */
export function walkTable(
  sim: Simulator,
  netfilter: Netfilter,
  tableName: TableName,
  hook: number,
  packet: Packet,
  inDevice: Device | null,
  outDevice: Device | null,
): boolean {
  const chain = netfilter.tables[tableName].walked[hook]!;
  if (chain === null) return true;
  return walkBaseChain(sim, netfilter, chain, packet, inDevice, outDevice);
}

/** The same for a base chain at hand. */
export function walkBaseChain(
  sim: Simulator,
  netfilter: Netfilter,
  chain: Chain,
  packet: Packet,
  inDevice: Device | null,
  outDevice: Device | null,
): boolean {
  const walk = takeWalk(sim, netfilter);
  walk.hook = chain.hook;
  walk.tableName = chain.tableName;
  walk.inDevice = inDevice;
  walk.outDevice = outDevice;
  const { bytes, network } = packet;
  walk.source = ipSource(bytes, network);
  walk.target = ipTarget(bytes, network);
  walk.protocol = ipProtocol(bytes, network);
  walk.fragmentOffset = ipFragmentField(bytes, network) & IP_OFFSET_MASK;
  walk.inResults = resultsOf(netfilter.interfaces, inDevice);
  walk.outResults = resultsOf(netfilter.interfaces, outDevice);
  walk.isHotDrop = false;
  walk.dropReason = 'rule-drop';
  const verdict = walkRules(sim, walk, chain, packet);
  netfilter.walkDepth--;
  if (verdict === VERDICT_ACCEPT) return true;
  if (verdict === VERDICT_DROP) {
    const { name } = netfilter.netns;
    const where = sim.onDrop === null ? '' : `${name}.${chain.tableName}/${chain.name}`;
    drop(sim, packet, walk.dropReason, null, where);
  }
  return false;
}

function takeWalk(sim: Simulator, netfilter: Netfilter): Walk {
  const depth = netfilter.walkDepth;
  assert(depth < WALK_DEPTH_MAX, 'walks within walks are bounded by the transmit depth');
  if (depth === netfilter.walks.length) netfilter.walks.push(makeWalk(sim, netfilter));
  netfilter.walkDepth = depth + 1;
  return netfilter.walks[depth]!;
}

function makeWalk(sim: Simulator, netfilter: Netfilter): Walk {
  return {
    sim,
    netfilter,
    hook: 0,
    tableName: '',
    inDevice: null,
    outDevice: null,
    source: 0,
    target: 0,
    protocol: 0,
    fragmentOffset: 0,
    inResults: new Uint8Array(0),
    outResults: new Uint8Array(0),
    isHotDrop: false,
    dropReason: 'rule-drop',
    returnChains: [],
    returnIndexes: new Int32Array(JUMP_STACK_SIZE),
  };
}

function walkRules(sim: Simulator, walk: Walk, base: Chain, packet: Packet): number {
  const lengthBytes = ipTotalBytes(packet.bytes, packet.network);
  let chain = base;
  let index = 0;
  let depth = 0;
  for (;;) {
    if (index >= chain.rules.length) {
      if (depth === 0) return fallToPolicy(sim, walk, base, packet, lengthBytes);
      depth--;
      chain = walk.returnChains[depth]!;
      index = walk.returnIndexes[depth]!;
      continue;
    }
    const rule = chain.rules[index]!;
    index++;
    sim.workNs += sim.cost.ruleNs;
    if (!matchesRule(walk, rule, packet)) {
      if (walk.isHotDrop) return VERDICT_DROP;
      continue;
    }
    rule.packets++;
    rule.bytes += lengthBytes;
    if (sim.trace !== null) traceRule(sim, walk, chain, index, packet);
    const verdict =
      rule.action === null ? rule.verdict : rule.action.act(walk, packet, rule.action.info);
    if (verdict === VERDICT_CONTINUE) continue;
    if (verdict === VERDICT_JUMP) {
      walk.returnChains[depth] = chain;
      walk.returnIndexes[depth] = index;
      depth++;
      chain = rule.jump!;
      index = 0;
    } else if (verdict === VERDICT_GOTO) {
      chain = rule.jump!;
      index = 0;
    } else if (verdict === VERDICT_RETURN) {
      index = chain.rules.length;
    } else {
      return verdict;
    }
  }
}

function fallToPolicy(
  sim: Simulator,
  walk: Walk,
  base: Chain,
  packet: Packet,
  lengthBytes: number,
): number {
  if (base.countsPolicy) {
    base.policyPackets++;
    base.policyBytes += lengthBytes;
  }
  if (sim.trace !== null && (base.isPolicyDrop || base.rules.length > 0)) {
    tracePolicy(sim, walk, base, packet);
  }
  if (!base.isPolicyDrop) return VERDICT_ACCEPT;
  walk.dropReason = 'policy-drop';
  return VERDICT_DROP;
}

/** Whether all that the rule asks for holds. */
function matchesRule(walk: Walk, rule: Rule, packet: Packet): boolean {
  if (((walk.source & rule.sourceMask) === rule.source) === rule.isSourceInverted) return false;
  if (((walk.target & rule.targetMask) === rule.target) === rule.isTargetInverted) return false;
  if (walk.inResults[rule.inTest] === 0 || walk.outResults[rule.outTest] === 0) return false;
  const { protocol } = rule;
  if (protocol !== 0 && (walk.protocol === protocol) === rule.isProtocolInverted) return false;
  if (rule.fragment !== FRAGMENT_ANY) {
    if ((walk.fragmentOffset !== 0) !== (rule.fragment === FRAGMENT_LATER)) return false;
  }
  const { matches } = rule;
  for (let i = 0; i < matches.length; i++) {
    const match = matches[i]!;
    if (!match.test(walk, packet, match.info)) return false;
  }
  return true;
}

function traceRule(
  sim: Simulator,
  walk: Walk,
  chain: Chain,
  ruleNumber: number,
  packet: Packet,
): void {
  sim.trace?.('rule', packet, walk.netfilter.netns.name, {
    hook: HOOK_NAMES[walk.hook]!,
    table: chain.tableName,
    chain: chain.name,
    rule: ruleNumber,
    spec: ruleText(chain.rules[ruleNumber - 1]!),
  });
}

function tracePolicy(sim: Simulator, walk: Walk, base: Chain, packet: Packet): void {
  sim.trace?.('rule', packet, walk.netfilter.netns.name, {
    hook: HOOK_NAMES[walk.hook]!,
    table: base.tableName,
    chain: base.name,
    rule: 0,
    spec: `policy ${base.isPolicyDrop ? 'DROP' : 'ACCEPT'}`,
  });
}
