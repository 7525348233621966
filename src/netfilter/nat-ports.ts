/**
 * The choice of a mapping: which address and port a flow gets, so that its answers cannot be taken
 * for another flow's.
 *
 *     1. the tuple as it is, if it is in the range and free (source NAT only)
 *     2. the mapping that another flow of the same source has, if it is in the range and free
 *     3. the address of the range (by a hash if there are several), the port as it is if it is free
 *     4. other ports from a random place on, in up to four rounds of 128, 64, 32 and 16 tries
 *
 * @source net/netfilter/nf_nat_core.c get_unique_tuple(), nf_nat_l4proto_unique_tuple()
 */
import { nextBelow, type Prng } from '../base/prng.ts';
import { type Simulator, streamOf } from '../engine/simulator.ts';
import { PROTOCOL_ICMP, PROTOCOL_TCP } from '../protocols/ipv4.ts';
import { DIRECTION_REPLY, FLOW_NAT_EXHAUSTED, FLOW_SRC_NAT, type Flow } from './conntrack-flow.ts';
import {
  type Conntrack,
  findEnd,
  firstBySource,
  isTupleTaken,
  killFlow,
  nowTicks,
} from './conntrack-table.ts';
import { TCP_SYN_SENT, TCP_TIME_WAIT } from './conntrack-tcp-states.ts';
import { copyTuple, hasPorts, invertTuple, makeTuple, type Tuple } from './conntrack-tuple.ts';
import {
  NAT_MAP_ADDRESS,
  NAT_PERSISTENT,
  NAT_PORT_OFFSET,
  NAT_PORT_SPECIFIED,
  NAT_RANDOM_ANY,
  type NatKind,
  type NatRange,
} from './nat-range.ts';

const TRIES_MAX = 128;
const TRIES_MIN = 16;
const HARDER_TRIES = 32;

const answer = makeTuple();

/** Whether another flow's answers look like the answers to this tuple. */
function isUsed(conntrack: Conntrack, tuple: Tuple, own: Flow, now: number): boolean {
  invertTuple(tuple, answer);
  return isTupleTaken(conntrack, answer, own, now);
}

/**
 * As isUsed; in the last tries a TCP flow that is over gives way to a new one that begins with a
 * higher sequence number.
 * @source nf_nat_used_tuple_harder() (Linux 6.7)
 */
function isUsedInEarnest(
  conntrack: Conntrack,
  tuple: Tuple,
  own: Flow,
  now: number,
  triesLeft: number,
): boolean {
  invertTuple(tuple, answer);
  const end = findEnd(conntrack, answer, now);
  if (end === null || end.flow === own) return false;
  const other = end.flow;
  const mayGiveWay =
    triesLeft <= HARDER_TRIES &&
    tuple.protocol === PROTOCOL_TCP &&
    own.tcp.state === TCP_SYN_SENT &&
    end.direction === DIRECTION_REPLY &&
    other.tcp.state >= TCP_TIME_WAIT &&
    (other.status & FLOW_SRC_NAT) !== 0 &&
    ((own.tcp.original.end - other.tcp.original.end) | 0) > 0;
  if (mayGiveWay) killFlow(conntrack, other);
  return !mayGiveWay;
}

function isPortInRange(tuple: Tuple, kind: NatKind, range: NatRange): boolean {
  if (tuple.protocol !== PROTOCOL_ICMP && !hasPorts(tuple.protocol)) return true;
  const isSource = kind === 'src' || tuple.protocol === PROTOCOL_ICMP;
  const port = isSource ? tuple.sourcePort : tuple.targetPort;
  return port >= range.minPort && port <= range.maxPort;
}

/** Whether the source of the tuple is one that the range allows. */
function isSourceInRange(tuple: Tuple, range: NatRange): boolean {
  if ((range.flags & NAT_MAP_ADDRESS) !== 0) {
    const address = tuple.source >>> 0;
    if (address < range.minAddress >>> 0 || address > range.maxAddress >>> 0) return false;
  }
  return (range.flags & NAT_PORT_SPECIFIED) === 0 || isPortInRange(tuple, 'src', range);
}

/**
 * Writes into `chosen` what `wanted` becomes. If nothing is free the last try stands, and the flow
 * is marked FLOW_NAT_EXHAUSTED: its first packet is dropped when the flow is to be entered.
 */
export function chooseTuple(
  sim: Simulator,
  conntrack: Conntrack,
  flow: Flow,
  kind: NatKind,
  range: NatRange,
  wanted: Tuple,
  chosen: Tuple,
): void {
  const now = nowTicks(sim);
  const isRandom = (range.flags & NAT_RANDOM_ANY) !== 0;
  if (kind === 'src' && !isRandom) {
    if (isSourceInRange(wanted, range)) {
      copyTuple(wanted, chosen);
      if (!isUsed(conntrack, chosen, flow, now)) return;
    } else if (reuseMapping(conntrack, range, wanted, chosen)) {
      if (!isUsed(conntrack, chosen, flow, now)) return;
    }
  }
  copyTuple(wanted, chosen);
  chooseAddress(kind, range, chosen);
  if (!isRandom) {
    if ((range.flags & NAT_PORT_SPECIFIED) === 0) {
      if (!isUsed(conntrack, chosen, flow, now)) return;
    } else if ((range.flags & NAT_PORT_OFFSET) === 0 && isPortInRange(chosen, kind, range)) {
      // A single port is taken unseen: a clash shows when the flow is entered.
      if (range.minPort === range.maxPort || !isUsed(conntrack, chosen, flow, now)) return;
    }
  }
  choosePort(streamOf(sim, 'netfilter/nat'), conntrack, flow, kind, range, chosen, now);
}

/** @source find_appropriate_src() */
function reuseMapping(
  conntrack: Conntrack,
  range: NatRange,
  wanted: Tuple,
  chosen: Tuple,
): boolean {
  let other = firstBySource(conntrack, wanted);
  for (; other !== null; other = other.nextBySource) {
    const { original, reply } = other;
    const isSameSource =
      original.protocol === wanted.protocol &&
      original.source === wanted.source &&
      original.sourcePort === wanted.sourcePort;
    if (!isSameSource) continue;
    invertTuple(reply, chosen);
    chosen.target = wanted.target;
    chosen.targetPort = wanted.targetPort;
    if (isSourceInRange(chosen, range)) return true;
  }
  return false;
}

/** @source find_best_ips_proto() */
function chooseAddress(kind: NatKind, range: NatRange, chosen: Tuple): void {
  if ((range.flags & NAT_MAP_ADDRESS) === 0) return;
  let address = range.minAddress;
  if (range.minAddress !== range.maxAddress) {
    const salt = (range.flags & NAT_PERSISTENT) !== 0 ? 0 : swapBytes(chosen.target);
    const hash = jenkinsHash(chosen.source, salt);
    const count = (range.maxAddress >>> 0) - (range.minAddress >>> 0) + 1;
    address = ((range.minAddress >>> 0) + Math.floor(((hash >>> 0) / 0x100000000) * count)) | 0;
  }
  if (kind === 'src') chosen.source = address;
  else chosen.target = address;
}

/**
 * The kernel's hash of an address, which spreads clients over a range of addresses: of four words,
 * as the address has room for IPv6, the last three of them 0.
 * @source include/linux/jhash.h jhash2(), __jhash_mix(), __jhash_final()
 */
function jenkinsHash(address: number, seed: number): number {
  const start = (0xdeadbeef + 16 + seed) | 0;
  // The word is in network order, and the kernel's machine is little-endian.
  let a = (start + swapBytes(address)) | 0;
  let b = start;
  let c = start;
  a = ((a - c) | 0) ^ rotate(c, 4);
  c = (c + b) | 0;
  b = ((b - a) | 0) ^ rotate(a, 6);
  a = (a + c) | 0;
  c = ((c - b) | 0) ^ rotate(b, 8);
  b = (b + a) | 0;
  a = ((a - c) | 0) ^ rotate(c, 16);
  c = (c + b) | 0;
  b = ((b - a) | 0) ^ rotate(a, 19);
  a = (a + c) | 0;
  c = ((c - b) | 0) ^ rotate(b, 4);
  b = (b + a) | 0;

  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  return ((c ^ b) - rotate(b, 24)) | 0;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function swapBytes(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/** @source nf_nat_l4proto_unique_tuple() */
function choosePort(
  prng: Prng,
  conntrack: Conntrack,
  flow: Flow,
  kind: NatKind,
  range: NatRange,
  chosen: Tuple,
  now: number,
): void {
  const isIcmp = chosen.protocol === PROTOCOL_ICMP;
  if (!isIcmp && !hasPorts(chosen.protocol)) return;
  const isSource = isIcmp || kind === 'src';
  let low = range.minPort;
  let high = range.maxPort;
  if ((range.flags & NAT_PORT_SPECIFIED) === 0) {
    if (!isSource) return; // the target port is not ours to change
    low = isIcmp ? 0 : lowestPort(chosen.sourcePort);
    high = isIcmp ? 65535 : highestPort(chosen.sourcePort);
  } else if (high < low) {
    low = range.maxPort;
    high = range.minPort;
  }
  const size = high - low + 1;
  const port = isSource ? chosen.sourcePort : chosen.targetPort;
  const isOffset = (range.flags & NAT_PORT_OFFSET) !== 0;
  let offset = 0; // DNAT without --random begins with the first port of its range
  if (isOffset) offset = (port - range.basePort) & 0xffff;
  else if (kind === 'src' || (range.flags & NAT_RANDOM_ANY) !== 0) offset = nextBelow(prng, 65536);
  let tries = size < TRIES_MAX ? size : TRIES_MAX;
  for (;;) {
    for (let i = 0; i < tries; i++) {
      const next = low + (offset % size);
      if (isSource) chosen.sourcePort = next;
      else chosen.targetPort = next;
      if (!isUsedInEarnest(conntrack, chosen, flow, now, tries - i)) return;
      offset = (offset + 1) & 0xffff;
    }
    if (tries >= size || tries < TRIES_MIN) break;
    tries >>= 1;
    offset = nextBelow(prng, 65536);
  }
  flow.status |= FLOW_NAT_EXHAUSTED;
}

/** A port below 512 tells who may use it, so it stays below 512; so with those below 1024. */
function lowestPort(port: number): number {
  if (port >= 1024) return 1024;
  return port < 512 ? 1 : 600;
}

function highestPort(port: number): number {
  if (port >= 1024) return 65535;
  return port < 512 ? 511 : 1023;
}
