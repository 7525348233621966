/**
 * What a TCP socket has to send and what it has sent but not seen acknowledged: the bytes in a ring
 * addressed by sequence number, and a list of segments over them. A segment is Linux's sk_buff: a
 * stretch that is sent in one go, cut into packets of `packetBytes` (segmentation offload).
 *
 *     sendUna            sendNext                    writeSeq
 *        | seg | seg | seg | seg | seg              |
 *        first               unsent            last
 *
 * @source include/net/tcp.h struct tcp_skb_cb; net/ipv4/tcp_output.c
 */
import { assert } from '../../base/assert.ts';
import { TCP_FIN, TCP_SYN } from '../../protocols/tcp.ts';

/** Segment.marks. */
export const MARK_SACKED = 1;
export const MARK_RETRANSMITTED = 2;
export const MARK_LOST = 4;
export const MARK_EVER_RETRANSMITTED = 8;

export interface Segment {
  seq: number;
  /** One past the last sequence number, SYN and FIN included. */
  endSeq: number;
  /** TCP_SYN, TCP_FIN, TCP_PSH, TCP_ACK. */
  flags: number;
  marks: number;
  /** How many packets it is (tcp_skb_pcount), 0 before it was first looked at. */
  packets: number;
  /** Bytes of data per packet (tcp_gso_size). */
  packetBytes: number;
  /** When it was last sent; 0 if never. */
  sentNs: number;
  /** Socket.delivered at that time, and when it was first sent. */
  deliveredBefore: number;
  next: Segment | null;
  previous: Segment | null;
}

export interface SendQueue {
  /** The ring: byte of sequence number s is at s & (length - 1). */
  ring: Uint8Array;
  first: Segment | null;
  last: Segment | null;
  /** The first one not yet sent (tcp_send_head), null if all were. */
  unsent: Segment | null;
  /** Segments for another use. */
  free: Segment | null;
  freeCount: number;
  /** How many segments are in the list. */
  count: number;
}

const FREE_SEGMENTS_MAX = 64;
const RING_BYTES_MIN = 4096;
const EMPTY = new Uint8Array(0);

export function makeSendQueue(): SendQueue {
  return { ring: EMPTY, first: null, last: null, unsent: null, free: null, freeCount: 0, count: 0 };
}

/** Bytes of data in a segment, SYN and FIN not counted. */
export function dataBytesOf(segment: Segment): number {
  const control =
    ((segment.flags & TCP_SYN) !== 0 ? 1 : 0) + ((segment.flags & TCP_FIN) !== 0 ? 1 : 0);
  return ((segment.endSeq - segment.seq) | 0) - control;
}

/** A segment that is in no list. */
export function takeSegment(queue: SendQueue, seq: number, endSeq: number, flags: number): Segment {
  let segment = queue.free;
  if (segment === null) {
    segment = {
      seq: 0,
      endSeq: 0,
      flags: 0,
      marks: 0,
      packets: 0,
      packetBytes: 0,
      sentNs: 0,
      deliveredBefore: 0,
      next: null,
      previous: null,
    };
  } else {
    queue.free = segment.next;
    queue.freeCount--;
  }
  segment.seq = seq;
  segment.endSeq = endSeq;
  segment.flags = flags;
  segment.marks = 0;
  segment.packets = 0;
  segment.packetBytes = 0;
  segment.sentNs = 0;
  segment.deliveredBefore = 0;
  segment.next = null;
  segment.previous = null;
  return segment;
}

/** Appends a segment that is to be sent. */
export function appendSegment(queue: SendQueue, segment: Segment): void {
  queue.count++;
  segment.previous = queue.last;
  if (queue.last === null) queue.first = segment;
  else queue.last.next = segment;
  queue.last = segment;
  if (queue.unsent === null) queue.unsent = segment;
}

/** Puts `segment` right behind `before`; an unsent one stays unsent, a sent one sent. */
export function insertSegmentAfter(queue: SendQueue, before: Segment, segment: Segment): void {
  queue.count++;
  segment.previous = before;
  segment.next = before.next;
  if (before.next === null) queue.last = segment;
  else before.next.previous = segment;
  before.next = segment;
}

/** Takes a segment out of the list and keeps it for another use. */
export function removeSegment(queue: SendQueue, segment: Segment): void {
  queue.count--;
  if (queue.unsent === segment) queue.unsent = segment.next;
  if (segment.previous === null) queue.first = segment.next;
  else segment.previous.next = segment.next;
  if (segment.next === null) queue.last = segment.previous;
  else segment.next.previous = segment.previous;
  segment.previous = null;
  if (queue.freeCount < FREE_SEGMENTS_MAX) {
    segment.next = queue.free;
    queue.free = segment;
    queue.freeCount++;
  } else {
    segment.next = null;
  }
}

/** Whether nothing waits for an acknowledgment (tcp_rtx_queue_empty). */
export function isAllAcknowledged(queue: SendQueue): boolean {
  return queue.first === queue.unsent;
}

/** The last segment that was sent and not acknowledged, null if none (tcp_rtx_queue_tail). */
export function lastSent(queue: SendQueue): Segment | null {
  return queue.unsent === null ? queue.last : queue.unsent.previous;
}

/** Copies `data[from, to)` into the ring at sequence number `seq`; `usedBytes` are in it already. */
export function storeBytes(
  queue: SendQueue,
  firstSeq: number,
  seq: number,
  data: Uint8Array,
  from: number,
  to: number,
): void {
  const usedBytes = (seq - firstSeq) | 0;
  const needed = usedBytes + (to - from);
  if (needed > queue.ring.length) growRing(queue, firstSeq, usedBytes, needed);
  const { ring } = queue;
  const at = seq & (ring.length - 1);
  const head = Math.min(to - from, ring.length - at);
  ring.set(data.subarray(from, from + head), at);
  if (from + head < to) ring.set(data.subarray(from + head, to), 0);
}

/** Copies the bytes of sequence numbers [seq, seq + count) to target[at...). */
export function loadBytes(
  queue: SendQueue,
  seq: number,
  count: number,
  target: Uint8Array,
  at: number,
): void {
  const { ring } = queue;
  assert(count <= ring.length, 'what is sent is in the ring');
  const from = seq & (ring.length - 1);
  const head = Math.min(count, ring.length - from);
  target.set(ring.subarray(from, from + head), at);
  if (head < count) target.set(ring.subarray(0, count - head), at + head);
}

/** Lets go of everything. */
export function clearSendQueue(queue: SendQueue): void {
  queue.ring = EMPTY;
  queue.first = null;
  queue.last = null;
  queue.unsent = null;
  queue.free = null;
  queue.freeCount = 0;
  queue.count = 0;
}

function growRing(queue: SendQueue, firstSeq: number, usedBytes: number, needed: number): void {
  let lengthBytes = Math.max(RING_BYTES_MIN, queue.ring.length);
  while (lengthBytes < needed) lengthBytes *= 2;
  const larger = new Uint8Array(lengthBytes);
  const { ring } = queue;
  let seq = firstSeq;
  let left = usedBytes;
  while (left > 0) {
    const from = seq & (ring.length - 1);
    const to = seq & (lengthBytes - 1);
    const count = Math.min(left, ring.length - from, lengthBytes - to);
    larger.set(ring.subarray(from, from + count), to);
    seq = (seq + count) | 0;
    left -= count;
  }
  queue.ring = larger;
}
