/**
 * What a TCP socket has received and nobody has read: bytes in a ring addressed by sequence number,
 * and the ranges beyond a hole, sorted, with which of them came last (for SACK).
 *
 *     copiedSeq        receiveNext
 *        | in order        |   hole   | range |  hole | range |
 *
 * @source net/ipv4/tcp_input.c tcp_data_queue(), tcp_data_queue_ofo()
 */

export interface ReceiveQueue {
  /** The byte of sequence number s is at s & (length - 1). */
  ring: Uint8Array;
  /** Ranges beyond receiveNext, ascending, not touching: [starts[i], ends[i]). */
  readonly starts: number[];
  readonly ends: number[];
  /** Ranges in order of their last change, newest first (at most 4): start of each. */
  readonly recentStarts: number[];
  readonly recentEnds: number[];
  /** Bytes in the ranges. */
  outOfOrderBytes: number;
  /** Memory that unread segments take (sk_rmem_alloc): in all, and by the segment's end. */
  memoryBytes: number;
  readonly memoryEnds: number[];
  readonly memorySizes: number[];
  /** How many of them were given back already: the first ones. */
  memoryDone: number;
}

const RING_BYTES_MIN = 4096;
const EMPTY = new Uint8Array(0);

export function makeReceiveQueue(): ReceiveQueue {
  return {
    ring: EMPTY,
    starts: [],
    ends: [],
    recentStarts: [],
    recentEnds: [],
    outOfOrderBytes: 0,
    memoryBytes: 0,
    memoryEnds: [],
    memorySizes: [],
    memoryDone: 0,
  };
}

/**
 * Stores data[from, to) as sequence numbers from `seq`. `firstSeq` is the oldest byte still wanted
 * and `lastSeq` one past the newest (ranges included): what lies between survives growing.
 */
export function storeReceived(
  queue: ReceiveQueue,
  firstSeq: number,
  lastSeq: number,
  seq: number,
  data: Uint8Array,
  from: number,
  to: number,
): void {
  const count = to - from;
  const needed = ((seq + count - firstSeq) | 0) >>> 0;
  if (needed > queue.ring.length) growRing(queue, firstSeq, (lastSeq - firstSeq) | 0, needed);
  const { ring } = queue;
  const at = seq & (ring.length - 1);
  const head = Math.min(count, ring.length - at);
  ring.set(data.subarray(from, from + head), at);
  if (head < count) ring.set(data.subarray(from + head, to), 0);
}

/** Copies the bytes of sequence numbers [seq, seq + count) out. */
export function loadReceived(queue: ReceiveQueue, seq: number, count: number): Uint8Array {
  const copy = new Uint8Array(count);
  if (count === 0) return copy;
  const { ring } = queue;
  const from = seq & (ring.length - 1);
  const head = Math.min(count, ring.length - from);
  copy.set(ring.subarray(from, from + head), 0);
  if (head < count) copy.set(ring.subarray(0, count - head), head);
  return copy;
}

/** One past the newest byte that is stored. */
export function newestSeq(queue: ReceiveQueue, receiveNext: number): number {
  const count = queue.ends.length;
  return count === 0 ? receiveNext : queue.ends[count - 1]!;
}

/** Adds the range [start, end) beyond the hole: joins what it touches, remembers it as newest. */
export function addRange(queue: ReceiveQueue, start: number, end: number): void {
  const { starts, ends } = queue;
  let at = 0;
  while (at < starts.length && ((ends[at]! - start) | 0) < 0) at++;
  let joinedStart = start;
  let joinedEnd = end;
  let count = 0;
  while (at + count < starts.length && ((starts[at + count]! - end) | 0) <= 0) {
    if (((starts[at + count]! - joinedStart) | 0) < 0) joinedStart = starts[at + count]!;
    if (((ends[at + count]! - joinedEnd) | 0) > 0) joinedEnd = ends[at + count]!;
    queue.outOfOrderBytes -= (ends[at + count]! - starts[at + count]!) | 0;
    count++;
  }
  if (count === 1) {
    starts[at] = joinedStart;
    ends[at] = joinedEnd;
  } else {
    starts.splice(at, count, joinedStart);
    ends.splice(at, count, joinedEnd);
  }
  queue.outOfOrderBytes += (joinedEnd - joinedStart) | 0;
  noteRecent(queue, joinedStart, joinedEnd);
}

/**
 * Takes the ranges that in-order data up to `receiveNext` has reached.
 * @returns the new end of in-order data.
 */
export function takeReachedRanges(queue: ReceiveQueue, receiveNext: number): number {
  const { starts, ends } = queue;
  let next = receiveNext;
  let count = 0;
  while (count < starts.length && ((starts[count]! - next) | 0) <= 0) {
    if (((ends[count]! - next) | 0) > 0) next = ends[count]!;
    queue.outOfOrderBytes -= (ends[count]! - starts[count]!) | 0;
    count++;
  }
  if (count > 0) {
    starts.splice(0, count);
    ends.splice(0, count);
    forgetRecent(queue, next);
  }
  return next;
}

/** The stored part that covers the first byte of [start, end), or -1: index of the range. */
export function findRange(queue: ReceiveQueue, seq: number): number {
  const { starts, ends } = queue;
  for (let i = 0; i < starts.length; i++) {
    if (((starts[i]! - seq) | 0) <= 0 && ((seq - ends[i]!) | 0) < 0) return i;
  }
  return -1;
}

/** A segment that ends at `end` was stored and takes this much memory. */
export function noteMemory(queue: ReceiveQueue, end: number, bytes: number): void {
  queue.memoryEnds.push(end);
  queue.memorySizes.push(bytes);
  queue.memoryBytes += bytes;
}

/** The program has read up to `copiedSeq`: gives back the memory of segments that were read whole. */
export function returnMemory(queue: ReceiveQueue, copiedSeq: number): void {
  const { memoryEnds, memorySizes } = queue;
  let done = queue.memoryDone;
  while (done < memoryEnds.length && ((memoryEnds[done]! - copiedSeq) | 0) <= 0) {
    queue.memoryBytes -= memorySizes[done]!;
    done++;
  }
  if (done === memoryEnds.length) {
    memoryEnds.length = 0;
    memorySizes.length = 0;
    done = 0;
  } else if (done >= 256) {
    memoryEnds.splice(0, done);
    memorySizes.splice(0, done);
    done = 0;
  }
  queue.memoryDone = done;
}

/** Lets go of everything. */
export function clearReceiveQueue(queue: ReceiveQueue): void {
  queue.ring = EMPTY;
  queue.starts.length = 0;
  queue.ends.length = 0;
  queue.recentStarts.length = 0;
  queue.recentEnds.length = 0;
  queue.outOfOrderBytes = 0;
  queue.memoryBytes = 0;
  queue.memoryEnds.length = 0;
  queue.memorySizes.length = 0;
  queue.memoryDone = 0;
}

/** @source net/ipv4/tcp_input.c tcp_sack_new_ofo_skb() */
function noteRecent(queue: ReceiveQueue, start: number, end: number): void {
  const { recentStarts, recentEnds } = queue;
  for (let i = recentStarts.length - 1; i >= 0; i--) {
    const overlaps = ((recentStarts[i]! - end) | 0) <= 0 && ((start - recentEnds[i]!) | 0) <= 0;
    if (!overlaps) continue;
    recentStarts.splice(i, 1);
    recentEnds.splice(i, 1);
  }
  recentStarts.unshift(start);
  recentEnds.unshift(end);
  if (recentStarts.length > 4) {
    recentStarts.pop();
    recentEnds.pop();
  }
}

/** @source net/ipv4/tcp_input.c tcp_sack_remove() */
function forgetRecent(queue: ReceiveQueue, receiveNext: number): void {
  const { recentStarts, recentEnds } = queue;
  if (queue.starts.length === 0) {
    recentStarts.length = 0;
    recentEnds.length = 0;
    return;
  }
  for (let i = recentStarts.length - 1; i >= 0; i--) {
    if (((recentStarts[i]! - receiveNext) | 0) > 0) continue;
    recentStarts.splice(i, 1);
    recentEnds.splice(i, 1);
  }
}

function growRing(queue: ReceiveQueue, firstSeq: number, usedBytes: number, needed: number): void {
  let lengthBytes = Math.max(RING_BYTES_MIN, queue.ring.length);
  while (lengthBytes < needed) lengthBytes *= 2;
  const larger = new Uint8Array(lengthBytes);
  const { ring } = queue;
  let seq = firstSeq;
  let left = ring.length === 0 ? 0 : usedBytes;
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
