/**
 * The event queue: a binary heap over timers in total order of (time, sequence). The keys live in
 * typed arrays, the heap holds timer records that know their own place, so that arming, moving and
 * disarming a timer allocates nothing (as the kernel's struct timer_list embedded in its owner).
 */
import { assert } from '../base/assert.ts';
import { nextInt32, type Prng } from '../base/prng.ts';
import type { Cpu } from './cpu.ts';

/**
 * Something that happens at a moment. Owned by whoever made it; armed at most once at a time. A record
 * that extends it is its own timer: `run` gets it back (as container_of() of a struct timer_list).
 */
export interface Timer {
  /** Place in the heap, -1 while it is not armed. */
  heapIndex: number;
  /** The tick of the coarse clock at which it fires, -1 for a precise timer; see runOne. */
  tick: number;
  /** The CPU on which `run` runs. */
  readonly cpu: Cpu;
  readonly run: (timer: Timer) => void;
}

export interface TimerQueue {
  count: number;
  sequence: number;
  /** Key 1: time. Key 2: order of arming (or, in the tie-shuffle mode, a random number). */
  times: Float64Array;
  orders: Float64Array;
  /** In the order of the keys; null beyond `count`. */
  timers: Array<Timer | null>;
  /** Not null: equal times run in random order (a test of outcomes, see architecture). */
  tieShuffle: Prng | null;
}

/** A timer that calls `run` on `cpu` each time it fires. */
export function makeTimer(cpu: Cpu, run: (timer: Timer) => void): Timer {
  return { heapIndex: -1, tick: -1, cpu, run };
}

export function makeTimerQueue(): TimerQueue {
  return {
    count: 0,
    sequence: 0,
    times: new Float64Array(64),
    orders: new Float64Array(64),
    timers: new Array<Timer | null>(64).fill(null),
    tieShuffle: null,
  };
}

/** Arms the timer for `timeNs`, or moves it there. */
export function armTimer(queue: TimerQueue, timer: Timer, timeNs: number): void {
  let index = timer.heapIndex;
  if (index < 0) {
    index = queue.count++;
    if (index === queue.times.length) grow(queue);
    queue.timers[index] = timer;
    timer.heapIndex = index;
  }
  timer.tick = -1;
  queue.times[index] = timeNs;
  queue.orders[index] =
    queue.tieShuffle === null
      ? queue.sequence++
      : nextInt32(queue.tieShuffle) + queue.sequence++ / 1e12;
  if (!siftUp(queue, index)) siftDown(queue, timer.heapIndex);
}

/** Disarms the timer; nothing happens if it is not armed. */
export function disarmTimer(queue: TimerQueue, timer: Timer): void {
  const index = timer.heapIndex;
  if (index < 0) return;
  timer.heapIndex = -1;
  removeAt(queue, index);
}

/** Whether the timer is armed. */
export function isArmed(timer: Timer): boolean {
  return timer.heapIndex >= 0;
}

/** The time of the earliest timer, Infinity if there is none. */
export function earliestNs(queue: TimerQueue): number {
  return queue.count === 0 ? Number.POSITIVE_INFINITY : queue.times[0]!;
}

/** Whether the earliest timer is one of this CPU for this tick. */
export function isNextOfTick(queue: TimerQueue, cpu: Cpu, tick: number): boolean {
  if (tick < 0 || queue.count === 0) return false;
  const next = queue.timers[0]!;
  return next.tick === tick && next.cpu === cpu;
}

/** Takes the earliest timer out; the queue must not be empty. */
export function popTimer(queue: TimerQueue): Timer {
  assert(queue.count > 0, 'a timer is popped from a queue that has one');
  const timer = queue.timers[0]!;
  timer.heapIndex = -1;
  removeAt(queue, 0);
  return timer;
}

function removeAt(queue: TimerQueue, index: number): void {
  const last = --queue.count;
  const moved = queue.timers[last]!;
  queue.timers[last] = null; // and not `length`, which costs a call into the runtime
  if (index === last) return;
  queue.timers[index] = moved;
  queue.times[index] = queue.times[last]!;
  queue.orders[index] = queue.orders[last]!;
  moved.heapIndex = index;
  if (!siftUp(queue, index)) siftDown(queue, index);
}

function siftUp(queue: TimerQueue, from: number): boolean {
  const { times, orders, timers } = queue;
  const time = times[from]!;
  const order = orders[from]!;
  const timer = timers[from]!;
  let index = from;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const parentTime = times[parent]!;
    if (parentTime < time || (parentTime === time && orders[parent]! < order)) break;
    times[index] = parentTime;
    orders[index] = orders[parent]!;
    const shifted = timers[parent]!;
    timers[index] = shifted;
    shifted.heapIndex = index;
    index = parent;
  }
  if (index === from) return false;
  times[index] = time;
  orders[index] = order;
  timers[index] = timer;
  timer.heapIndex = index;
  return true;
}

function siftDown(queue: TimerQueue, from: number): void {
  const { times, orders, timers, count } = queue;
  const time = times[from]!;
  const order = orders[from]!;
  const timer = timers[from]!;
  let index = from;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= count) break;
    const right = child + 1;
    if (
      right < count &&
      (times[right]! < times[child]! ||
        (times[right]! === times[child]! && orders[right]! < orders[child]!))
    ) {
      child = right;
    }
    const childTime = times[child]!;
    if (time < childTime || (time === childTime && order < orders[child]!)) break;
    times[index] = childTime;
    orders[index] = orders[child]!;
    const shifted = timers[child]!;
    timers[index] = shifted;
    shifted.heapIndex = index;
    index = child;
  }
  times[index] = time;
  orders[index] = order;
  timers[index] = timer;
  timer.heapIndex = index;
}

function grow(queue: TimerQueue): void {
  const times = new Float64Array(queue.times.length * 2);
  const orders = new Float64Array(queue.orders.length * 2);
  times.set(queue.times);
  orders.set(queue.orders);
  queue.times = times;
  queue.orders = orders;
  for (let i = queue.timers.length; i < times.length; i++) queue.timers.push(null);
}
