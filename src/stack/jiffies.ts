/**
 * The kernel's coarse clock and its timer wheel. Timers of the network stack do not fire when they
 * are due but at a later tick, and the longer they are the coarser: 1 s takes up to 1.032 s, 5 s up to
 * 5.256 s. Who copies Linux's timing has to copy this.
 * @source kernel/time/timer.c calc_wheel_index(), collect_expired_timers(); CONFIG_HZ=250
 */
import { nextBelow } from '../base/prng.ts';
import type { Simulator } from '../engine/simulator.ts';
import { scheduleAt } from '../engine/simulator.ts';
import { isArmed, type Timer } from '../engine/timer-queue.ts';

/** Ticks a second. */
export const HZ = 250;
export const JIFFY_NS = 4_000_000;

/** Slots of a level of the wheel are 64; each level is 8 times coarser than the one below. */
const LEVEL_SHIFT = 3;
const LEVEL_COUNT = 9;
/** Timers of one slot fire newest first; this many are told apart. */
const ORDER_MASK = 0x1fff;

/** Ticks since the start of the run. */
export function jiffiesOf(sim: Simulator): number {
  return Math.floor((sim.nowNs + sim.workNs) / JIFFY_NS);
}

export function jiffiesOfMs(ms: number): number {
  return Math.ceil((ms * HZ) / 1000);
}

/**
 * Arms the timer for tick `expires` the way add_timer() does: it fires at the next boundary of its
 * level's slot. Timers of one slot run newest first (in random order in the tie-shuffle mode), those of
 * coarser levels before finer ones.
 */
export function armWheelTimer(sim: Simulator, timer: Timer, expires: number): void {
  const now = jiffiesOf(sim);
  const due = expires < now ? now : expires;
  let level = 0;
  let limit = 63;
  while (due - now >= limit && level < LEVEL_COUNT - 1) {
    level++;
    limit *= 1 << LEVEL_SHIFT;
  }
  const slotJiffies = 2 ** (level * LEVEL_SHIFT);
  const slotStart = (Math.floor(due / slotJiffies) + 1) * slotJiffies;
  // mod_timer() leaves a timer that is pending in the same slot where it is, in the same order.
  if (isArmed(timer) && timer.tick === slotStart) return;
  const { tieShuffle, sequence } = sim.queue;
  const place =
    tieShuffle === null
      ? ORDER_MASK - (sequence & ORDER_MASK)
      : nextBelow(tieShuffle, ORDER_MASK + 1);
  const order = (LEVEL_COUNT - level) * (ORDER_MASK + 1) + place;
  scheduleAt(sim, timer, slotStart * JIFFY_NS + order);
  timer.tick = slotStart;
}

/**
 * The same for a timer that stays on its CPU (TIMER_PINNED): those of a tick run before all others.
 * @source kernel/time/timer.c run_timer_softirq(): BASE_LOCAL comes before BASE_GLOBAL
 */
export function armPinnedWheelTimer(sim: Simulator, timer: Timer, expires: number): void {
  const before = isArmed(timer) ? timer.tick : -1;
  armWheelTimer(sim, timer, expires);
  const { tick } = timer;
  if (tick === before) return;
  scheduleAt(sim, timer, tick * JIFFY_NS + (ORDER_MASK - (sim.queue.sequence & ORDER_MASK)));
  timer.tick = tick;
}
