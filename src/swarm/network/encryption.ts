/**
 * Encrypted networks (`-o encrypted`): IPsec in transport mode between nodes. What leaves for such a
 * network is marked by its VNI, the mark leads it to the policy of the other node, and what comes in
 * without ESP is dropped.
 *
 *     mangle OUTPUT  udp dport 4789, VNI -> MARK 0xd0c4e3 -> policy out -> ESP, SPI of the first key
 *     filter INPUT   udp dport 4789, VNI, no policy applied -> DROP
 *
 * @source libnetwork/drivers/overlay/encryption.go, bpf.go; libnetwork/agent.go handleKeyChange()
 */
import { assert } from '../../base/assert.ts';
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { addRule, type Rule, removeRule } from '../../docker/firewall/rules.ts';
import { PROTOCOL_ESP, PROTOCOL_UDP } from '../../protocols/ipv4.ts';
import {
  addXfrmPolicy,
  addXfrmState,
  deleteXfrmPolicy,
  deleteXfrmState,
  findXfrmPolicy,
  findXfrmState,
  listXfrmPolicies,
  listXfrmStates,
  updateXfrmPolicy,
} from '../../stack/xfrm/control.ts';
import type { NodeNetworking } from './overlay-record.ts';

/** Mark, and request id of states and policies. */
const MARK = 0xd0c4e3;
const MARK_MASK = 0xffffffff;
/** SPI, sequence number, IV, padding length, next header and ICV. @source pktExpansion */
const EXPANSION_BYTES = 26;
const ICV_BITS = 64;
const ALGORITHM = 'rfc4106(gcm(aes))';
/** Where the current one stands among the keys that a node holds: [old, current, next]. */
const PRIMARY_INDEX = 1;

/** A key of the data plane, as the managers hand it out. */
export interface DataKey {
  readonly tag: number;
  readonly key: Uint8Array;
}

export interface Encryption {
  /** The first one encrypts, all decrypt. */
  keys: DataKey[];
  /** Nodes that packets are encrypted to. */
  readonly remotes: Set<Ipv4>;
}

export function makeEncryption(): Encryption {
  return { keys: [], remotes: new Set() };
}

/** The MTU that ESP leaves. @source maxMTU() */
export function encryptedMtu(mtuBytes: number): number {
  const left = mtuBytes - EXPANSION_BYTES;
  return left - (left % 4);
}

/** Rules of a subnet that is about to get its tunnel; of one that is not encrypted they are taken away. */
export function programVni(node: NodeNetworking, vni: number, isSecure: boolean): void {
  const { netfilter } = node.engine.machine.root;
  for (const rule of rulesOf(node, vni)) {
    if (isSecure) addRule(netfilter, rule);
    else removeRule(netfilter, rule);
  }
}

/** From now on packets to another node are encrypted, and its packets understood. @source setupEncryption() */
export function encryptTowards(node: NodeNetworking, remote: Ipv4): void {
  const { keys, remotes } = node.encryption;
  remotes.add(remote);
  keys.forEach((key, i) => {
    addInbound(node, remote, key);
    if (i > 0) return;
    addOutbound(node, remote, key);
    const policy = policyOf(node, remote, key);
    const { root } = node.engine.machine;
    if (findXfrmPolicy(root, policy) === null) addXfrmPolicy(root, policy);
  });
}

/**
 * The keys that the managers have handed out, oldest first. The first time they are taken as they are;
 * later the oldest goes, a new one comes and the one in between encrypts.
 */
export function setKeys(node: NodeNetworking, sorted: readonly DataKey[]): void {
  const { encryption } = node;
  const primary = sorted[Math.min(PRIMARY_INDEX, sorted.length - 1)];
  if (primary === undefined) return;
  const before = encryption.keys;
  const isKnown = (list: readonly DataKey[], { tag }: DataKey): boolean =>
    list.some((each) => each.tag === tag);
  const added = sorted.filter((key) => !isKnown(before, key));
  encryption.keys = [primary, ...sorted.filter((key) => key !== primary)];
  if (before.length === 0) {
    clearStates(node);
    for (const remote of encryption.remotes) encryptTowards(node, remote);
    return;
  }
  const pruned = before.filter((key) => !isKnown(sorted, key));
  for (const remote of encryption.remotes) rotate(node, remote, before[0]!, added, pruned);
}

/** The leave of a swarm: nothing of it stays. @source clearEncryptionStates() */
export function clearStates(node: NodeNetworking): void {
  const { root } = node.engine.machine;
  for (const policy of [...listXfrmPolicies(root)]) {
    if (policy.mark.value !== MARK) continue;
    deleteXfrmPolicy(root, policy);
  }
  for (const state of [...listXfrmStates(root)]) {
    if (state.reqid === MARK) deleteXfrmState(root, state);
  }
}

/** Two SPIs lead from one node to another by one key: one a direction. @source buildSPI() */
export function spiOf(source: Ipv4, target: Ipv4, tag: number): number {
  const bytes = [...mapped(source), ...bigEndian(tag), ...mapped(target)];
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** -rSA of the oldest, +rSA of the newest, +fSA and policy of the new primary, -fSA of the old one. */
function rotate(
  node: NodeNetworking,
  remote: Ipv4,
  old: DataKey,
  added: readonly DataKey[],
  pruned: readonly DataKey[],
): void {
  const { root } = node.engine.machine;
  const own = node.member.dataPathAddress;
  const primary = node.encryption.keys[0]!; // setKeys has put it there
  const remove = (source: Ipv4, target: Ipv4, { tag }: DataKey): void => {
    const id = { target, spi: spiOf(source, target, tag) };
    if (findXfrmState(root, id) !== null) deleteXfrmState(root, id);
  };
  for (const key of pruned) remove(remote, own, key);
  for (const key of added) addInbound(node, remote, key);
  if (primary.tag === old.tag) return;
  addOutbound(node, remote, primary);
  updateXfrmPolicy(root, policyOf(node, remote, primary));
  remove(own, remote, old);
}

function addInbound(node: NodeNetworking, remote: Ipv4, key: DataKey): void {
  addState(node, remote, node.member.dataPathAddress, key);
}

function addOutbound(node: NodeNetworking, remote: Ipv4, key: DataKey): void {
  addState(node, node.member.dataPathAddress, remote, key);
}

function addState(node: NodeNetworking, source: Ipv4, target: Ipv4, key: DataKey): void {
  const { root } = node.engine.machine;
  const spi = spiOf(source, target, key.tag);
  if (findXfrmState(root, { target, spi }) !== null) return;
  const salted = new Uint8Array([...key.key, ...bigEndian(spi)]);
  addXfrmState(root, {
    source,
    target,
    spi,
    reqid: MARK,
    mode: 'transport',
    algorithms: [{ kind: 'aead', name: ALGORITHM, key: salted, icvBits: ICV_BITS }],
  });
}

function policyOf(node: NodeNetworking, remote: Ipv4, key: DataKey) {
  const source = node.member.dataPathAddress;
  const spi = spiOf(source, remote, key.tag);
  const template = { source, target: remote, protocol: PROTOCOL_ESP, spi, reqid: MARK } as const;
  return {
    direction: 'out',
    selector: {
      source,
      sourceLength: 32,
      target: remote,
      targetLength: 32,
      protocol: PROTOCOL_UDP,
      targetPort: node.member.cluster.dataPathPort,
      targetPortMask: 0xffff,
    },
    mark: { value: MARK, mask: MARK_MASK },
    templates: [{ ...template, mode: 'transport' }],
  } as const;
}

function rulesOf(node: NodeNetworking, vni: number): Rule[] {
  const { vniMatch } = node.engine.profile;
  const port = String(node.member.cluster.dataPathPort);
  const match = ['-p', 'udp', '--dport', port, ...matchOf(vniMatch, vni)];
  const filter = (policy: string, verdict: string, verb: Rule['verb']): Rule => ({
    table: 'filter',
    chain: 'INPUT',
    words: ['-m', 'policy', '--dir', 'in', '--pol', policy, ...match, '-j', verdict],
    verb,
  });
  const mark: Rule = {
    table: 'mangle',
    chain: 'OUTPUT',
    words: [...match, '-j', 'MARK', '--set-mark', String(MARK)],
    verb: 'append',
  };
  const clear = filter('none', 'DROP', 'insert');
  return vniMatch === 'bpf' ? [mark, clear] : [mark, filter('ipsec', 'ACCEPT', 'append'), clear];
}

/** The VNI stands in the upper three bytes of the second word of the VXLAN header. */
function matchOf(kind: 'u32' | 'bpf', vni: number): string[] {
  if (kind === 'u32') return ['-m', 'u32', '--u32', `0>>22&0x3C@12&0xFFFFFF00=${vni * 256}`];
  const program = [
    `32 0 0 ${0xfffff034}`, // offset of the payload
    '7 0 0 0', // into X
    '64 0 0 4',
    '116 0 0 8',
    `21 1 0 ${vni}`,
    '6 0 0 0',
    `6 0 0 ${0xffffffff}`,
  ];
  return ['-m', 'bpf', '--bytecode', [program.length, ...program].join(',')];
}

/** An IPv4 address as the 16 bytes of an IPv6 address. */
function mapped(address: Ipv4): number[] {
  return [...new Array<number>(10).fill(0), 0xff, 0xff, ...bigEndian(address)];
}

function bigEndian(value: number): number[] {
  assert(Number.isInteger(value), 'tags, SPIs and addresses are whole numbers');
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}
