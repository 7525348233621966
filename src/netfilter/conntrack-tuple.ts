/**
 * The tuple: what tells one flow's packets from another's in one direction, as numbers.
 *
 *     protocol   source ----sourcePort----> targetPort---- target
 *     icmp       sourcePort is the id, targetPort is type * 256 + code
 *     others     both ports are 0
 *
 * @source include/net/netfilter/nf_conntrack_tuple.h; net/netfilter/nf_conntrack_core.c
 *   nf_ct_get_tuple(), nf_ct_invert_tuple(), hash_conntrack_raw()
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import { readUint16 } from '../protocols/bytes.ts';
import { ICMP_BYTES } from '../protocols/icmp.ts';
import {
  IP_OFFSET_MASK,
  IPV4_BYTES,
  ipFragmentField,
  ipHeaderBytes,
  ipProtocol,
  ipSource,
  ipTarget,
  ipTotalBytes,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../protocols/ipv4.ts';
import { UDP_BYTES } from '../protocols/udp.ts';

export const PROTOCOL_UDPLITE = 136;
export const PROTOCOL_SCTP = 132;

/** Addresses, ports and protocol of one direction. */
export interface Tuple {
  source: Ipv4;
  target: Ipv4;
  sourcePort: number;
  targetPort: number;
  protocol: number;
}

/** A tuple of zeros, to be filled by the functions below. */
export function makeTuple(): Tuple {
  return { source: 0, target: 0, sourcePort: 0, targetPort: 0, protocol: 0 };
}

/**
 * The ICMP type that answers each type that asks, plus one; 0: no answer exists.
 * @source net/netfilter/nf_conntrack_proto_icmp.c invmap
 */
const ICMP_ANSWER_PLUS_ONE = new Uint8Array(19);
ICMP_ANSWER_PLUS_ONE[8] = 1;
ICMP_ANSWER_PLUS_ONE[0] = 9;
ICMP_ANSWER_PLUS_ONE[13] = 15;
ICMP_ANSWER_PLUS_ONE[14] = 14;
ICMP_ANSWER_PLUS_ONE[15] = 17;
ICMP_ANSWER_PLUS_ONE[16] = 16;
ICMP_ANSWER_PLUS_ONE[17] = 19;
ICMP_ANSWER_PLUS_ONE[18] = 18;

/** Whether a packet of this ICMP type may begin a flow: echo, timestamp, information, mask. */
export function beginsIcmpFlow(type: number): boolean {
  return type === 8 || type === 13 || type === 15 || type === 17;
}

/** Whether this ICMP type carries an id in bytes 4 and 5. */
export function hasIcmpId(type: number): boolean {
  return type < 19 && ICMP_ANSWER_PLUS_ONE[type] !== 0;
}

/** Whether both ends of this protocol are told apart by two 16-bit ports at its start. */
export function hasPorts(protocol: number): boolean {
  return (
    protocol === PROTOCOL_TCP ||
    protocol === PROTOCOL_UDP ||
    protocol === PROTOCOL_SCTP ||
    protocol === PROTOCOL_UDPLITE
  );
}

/**
 * Reads the tuple of the IP packet at bytes[ip, end). False: it has none (a later fragment, or its
 * headers are cut short).
 */
export function readTuple(bytes: Uint8Array, ip: number, end: number, into: Tuple): boolean {
  if (end - ip < IPV4_BYTES) return false;
  const transport = ip + ipHeaderBytes(bytes, ip);
  if (transport < ip + IPV4_BYTES || transport > end) return false;
  if ((ipFragmentField(bytes, ip) & IP_OFFSET_MASK) !== 0) return false;
  const protocol = ipProtocol(bytes, ip);
  into.protocol = protocol;
  into.source = ipSource(bytes, ip);
  into.target = ipTarget(bytes, ip);
  into.sourcePort = 0;
  into.targetPort = 0;
  if (protocol === PROTOCOL_ICMP) {
    if (end - transport < ICMP_BYTES) return false;
    into.sourcePort = readUint16(bytes, transport + 4);
    into.targetPort = readUint16(bytes, transport);
  } else if (hasPorts(protocol)) {
    if (end - transport < UDP_BYTES) return false;
    into.sourcePort = readUint16(bytes, transport);
    into.targetPort = readUint16(bytes, transport + 2);
  }
  return true;
}

/** Where the IP packet at `ip` ends, as far as the buffer reaches. */
export function ipEnd(bytes: Uint8Array, ip: number, end: number): number {
  const stated = ip + ipTotalBytes(bytes, ip);
  return stated < end ? stated : end;
}

/** The tuple of an answer. False: an ICMP message of this type is never answered. */
export function invertTuple(from: Tuple, into: Tuple): boolean {
  const { source, target, sourcePort, targetPort, protocol } = from;
  into.source = target;
  into.target = source;
  into.protocol = protocol;
  if (protocol !== PROTOCOL_ICMP) {
    into.sourcePort = targetPort;
    into.targetPort = sourcePort;
    return true;
  }
  const type = targetPort >> 8;
  const answer = type < 19 ? ICMP_ANSWER_PLUS_ONE[type]! : 0;
  into.sourcePort = sourcePort;
  into.targetPort = ((answer - 1) << 8) | (targetPort & 0xff);
  return answer !== 0;
}

export function copyTuple(from: Tuple, into: Tuple): void {
  into.source = from.source;
  into.target = from.target;
  into.sourcePort = from.sourcePort;
  into.targetPort = from.targetPort;
  into.protocol = from.protocol;
}

export function equalTuples(a: Tuple, b: Tuple): boolean {
  return (
    a.source === b.source &&
    a.target === b.target &&
    a.sourcePort === b.sourcePort &&
    a.targetPort === b.targetPort &&
    a.protocol === b.protocol
  );
}

/** A hash of the tuple: a signed int32 of which every bit depends on every field. */
export function hashTuple(tuple: Tuple): number {
  return mix(
    mix(mix(0x2545f491, tuple.source), tuple.target),
    ((tuple.sourcePort << 16) | tuple.targetPort) ^ Math.imul(tuple.protocol, 0x9e3779b1),
  );
}

/** A hash of who sends: source address, source port and protocol. */
export function hashSource(tuple: Tuple): number {
  return mix(mix(0x51ed270b, tuple.source), (tuple.sourcePort << 8) | tuple.protocol);
}

/** One round of mixing `word` into `hash`. */
export function mix(hash: number, word: number): number {
  let h = Math.imul(hash ^ word, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return h ^ (h >>> 13);
}
