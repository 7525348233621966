/**
 * Puts fragments together; what cuts them is fragment.ts.
 * @source net/ipv4/ip_fragment.c
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import { NS_PER_SEC } from '../base/units.ts';
import type { DropReason } from '../engine/drop-reason.ts';
import { PACKET_DEFRAGMENTED, type Packet } from '../engine/packet.ts';
import { releasePacket, takePacket } from '../engine/packet-pool.ts';
import { cancel, drop, type Simulator, schedule } from '../engine/simulator.ts';
import { makeTimer, type Timer } from '../engine/timer-queue.ts';
import { writeUint16 } from '../protocols/bytes.ts';
import { ICMP_TIME_EXCEEDED, TIME_EXCEEDED_REASSEMBLY } from '../protocols/icmp.ts';
import {
  IP_DF,
  IP_MF,
  IP_OFFSET_MASK,
  IPV4_MAX_BYTES,
  ipFragmentField,
  ipHeaderBytes,
  ipId,
  ipProtocol,
  ipSource,
  ipTarget,
  writeIpChecksum,
} from '../protocols/ipv4.ts';
import { copyBytes, copyPlace } from './fragment.ts';
import { sendIcmpError } from './icmp-error.ts';
import type { NetNamespace } from './namespace.ts';

/** Who reassembles: fragments that wait for one do not help another. @source enum ip_defrag_users */
export const REASSEMBLE_LOCAL = 0;
export const REASSEMBLE_CONNTRACK = 1;

/** net.ipv4.ipfrag_time */
const TIMEOUT_NS = 30 * NS_PER_SEC;
/** Incomplete packets at once in a namespace, and fragments in one of them. */
const QUEUES_MAX = 1024;
const FRAGMENTS_MAX = 8192;

interface FragmentQueue {
  readonly user: number;
  readonly source: Ipv4;
  readonly target: Ipv4;
  readonly id: number;
  readonly protocol: number;
  /** In order of offset, linked through `next`; packet.control is the offset of its payload. */
  first: Packet | null;
  count: number;
  receivedBytes: number;
  /** Length of the whole payload, -1 until the last fragment has come. */
  totalBytes: number;
  largestBytes: number;
  largestDfBytes: number;
  readonly timer: Timer;
}

export interface Fragments {
  readonly queues: FragmentQueue[];
}

export function makeFragments(): Fragments {
  return { queues: [] };
}

/**
 * Takes a fragment (packet.start is its IP header). Owns it.
 * @param user REASSEMBLE_LOCAL or REASSEMBLE_CONNTRACK.
 * @returns the whole datagram when this was the missing piece, else null.
 */
export function reassemble(
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  user: number,
): Packet | null {
  const queue = findQueue(sim, netns, packet, user);
  if (queue === null) {
    drop(sim, packet, 'fragment-memory', packet.inDevice, netns.name);
    return null;
  }
  const { bytes, network } = packet;
  const headerBytes = ipHeaderBytes(bytes, network);
  const field = ipFragmentField(bytes, network);
  const offset = (field & IP_OFFSET_MASK) << 3;
  let length = packet.end - network - headerBytes;
  const isLast = (field & IP_MF) === 0;
  if (!isLast && (length & 7) !== 0) length &= ~7; // Linux cuts the odd bytes off
  const isImpossible =
    length <= 0 ||
    offset + length > IPV4_MAX_BYTES - headerBytes ||
    queue.count >= FRAGMENTS_MAX ||
    (isLast && queue.totalBytes >= 0 && queue.totalBytes !== offset + length) ||
    (queue.totalBytes >= 0 && offset + length > queue.totalBytes);
  if (isImpossible) {
    drop(sim, packet, 'fragment-overlap', packet.inDevice, netns.name);
    return null;
  }
  packet.end = network + headerBytes + length;
  if (!insertFragment(sim, netns, queue, packet, offset, length)) return null;
  if (isLast) queue.totalBytes = offset + length;
  queue.receivedBytes += length;
  const datagramBytes = headerBytes + length;
  if (datagramBytes > queue.largestBytes) queue.largestBytes = datagramBytes;
  if ((field & IP_DF) !== 0 && datagramBytes > queue.largestDfBytes) {
    queue.largestDfBytes = datagramBytes;
  }
  if (queue.totalBytes < 0 || queue.receivedBytes !== queue.totalBytes) return null;
  return putTogether(sim, netns, queue, packet, user);
}

/** Drops what waits (the namespace goes). */
export function dropFragments(sim: Simulator, netns: NetNamespace): void {
  for (const queue of [...netns.fragments.queues]) {
    removeQueue(sim, netns, queue);
    dropAll(sim, netns, queue, 'device-gone');
  }
}

function findQueue(
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  user: number,
): FragmentQueue | null {
  const { bytes, network } = packet;
  const source = ipSource(bytes, network);
  const target = ipTarget(bytes, network);
  const id = ipId(bytes, network);
  const protocol = ipProtocol(bytes, network);
  const { queues } = netns.fragments;
  for (let i = 0; i < queues.length; i++) {
    const each = queues[i]!;
    if (
      each.id === id &&
      each.source === source &&
      each.target === target &&
      each.protocol === protocol &&
      each.user === user
    ) {
      return each;
    }
  }
  if (queues.length >= QUEUES_MAX) return null;
  const queue: FragmentQueue = {
    user,
    source,
    target,
    id,
    protocol,
    first: null,
    count: 0,
    receivedBytes: 0,
    totalBytes: -1,
    largestBytes: 0,
    largestDfBytes: 0,
    timer: makeTimer(netns.cpu, () => expire(sim, netns, queue)),
  };
  queues.push(queue);
  schedule(sim, queue.timer, TIMEOUT_NS);
  return queue;
}

/** Puts the fragment in its place; false: it was dropped (duplicate), or all were (overlap). */
function insertFragment(
  sim: Simulator,
  netns: NetNamespace,
  queue: FragmentQueue,
  packet: Packet,
  offset: number,
  length: number,
): boolean {
  let before: Packet | null = null;
  let after = queue.first;
  while (after !== null && after.control < offset) {
    before = after;
    after = after.next;
  }
  const isDuplicate = after !== null && after.control === offset && payloadBytes(after) >= length;
  const overlaps =
    (before !== null && before.control + payloadBytes(before) > offset) ||
    (after !== null && offset + length > after.control);
  if (isDuplicate || overlaps) {
    drop(sim, packet, 'fragment-overlap', packet.inDevice, netns.name);
    if (!isDuplicate) {
      removeQueue(sim, netns, queue);
      dropAll(sim, netns, queue, 'fragment-overlap');
    }
    return false;
  }
  packet.control = offset;
  packet.next = after;
  if (before === null) queue.first = packet;
  else before.next = packet;
  queue.count++;
  return true;
}

function putTogether(
  sim: Simulator,
  netns: NetNamespace,
  queue: FragmentQueue,
  last: Packet,
  user: number,
): Packet {
  const first = queue.first!;
  const headerBytes = ipHeaderBytes(first.bytes, first.network);
  const whole = takePacket(sim, headerBytes + queue.totalBytes);
  const at = whole.start;
  copyPlace(first, whole);
  whole.device = last.device;
  whole.inDevice = last.inDevice;
  whole.parentId = first.id;
  whole.network = at;
  whole.transport = at + headerBytes;
  whole.end = whole.transport + queue.totalBytes;
  copyBytes(first.bytes, first.network, whole.bytes, at, headerBytes);
  for (let each: Packet | null = first; each !== null; ) {
    const piece: Packet = each;
    each = piece.next;
    const from = piece.network + ipHeaderBytes(piece.bytes, piece.network);
    copyBytes(piece.bytes, from, whole.bytes, whole.transport + piece.control, piece.end - from);
    piece.next = null;
    releasePacket(sim, piece);
  }
  queue.first = null;
  removeQueue(sim, netns, queue);
  whole.fragmentMaxBytes = Math.max(queue.largestBytes, queue.largestDfBytes);
  const hadDf = queue.largestDfBytes !== 0 && queue.largestDfBytes === queue.largestBytes;
  writeUint16(whole.bytes, at + 2, headerBytes + queue.totalBytes);
  writeUint16(whole.bytes, at + 6, hadDf ? IP_DF : 0);
  writeIpChecksum(whole.bytes, at);
  if (user === REASSEMBLE_CONNTRACK) whole.flags |= PACKET_DEFRAGMENTED;
  if (sim.trace !== null) {
    sim.trace('reassemble', whole, netns.name, { bytes: headerBytes + queue.totalBytes });
  }
  return whole;
}

/** @source ip_expire() */
function expire(sim: Simulator, netns: NetNamespace, queue: FragmentQueue): void {
  removeQueue(sim, netns, queue);
  const { first } = queue;
  // Only the target tells the sender, and only if it can quote the beginning.
  if (first !== null && first.control === 0 && queue.user === REASSEMBLE_LOCAL) {
    sendIcmpError(sim, netns, first, ICMP_TIME_EXCEEDED, TIME_EXCEEDED_REASSEMBLY, 0);
  }
  dropAll(sim, netns, queue, 'reassembly-timeout');
}

function removeQueue(sim: Simulator, netns: NetNamespace, queue: FragmentQueue): void {
  cancel(sim, queue.timer);
  const { queues } = netns.fragments;
  const at = queues.indexOf(queue);
  if (at >= 0) queues.splice(at, 1);
}

function dropAll(
  sim: Simulator,
  netns: NetNamespace,
  queue: FragmentQueue,
  reason: DropReason,
): void {
  for (let each = queue.first; each !== null; ) {
    const piece = each;
    each = piece.next;
    piece.next = null;
    drop(sim, piece, reason, piece.inDevice, netns.name);
  }
  queue.first = null;
}

function payloadBytes(packet: Packet): number {
  return packet.end - packet.network - ipHeaderBytes(packet.bytes, packet.network);
}
