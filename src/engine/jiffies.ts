/**
 * Coarse kernel timers: what the timer wheel makes of a delay. Everything that Linux arms with
 * mod_timer() or schedule_timeout() (neighbour retries, SO_RCVTIMEO, TCP's timers) expires on a tick
 * of 4 ms, and long delays only on every 8th, 64th ... tick; high-resolution timers (nanosleep,
 * poll, setitimer) are exact and do not come here.
 * @source kernel/time/timer.c calc_wheel_index(), calc_index(); CONFIG_HZ=250
 */

/** Ticks a second. */
export const HZ = 250;
/** One tick. */
export const JIFFY_NS = 4_000_000;

const LEVEL_SIZE = 64;
const LEVEL_SHIFT = 3;
const LEVEL_COUNT = 9;

/**
 * How long from `nowNs` until a wheel timer armed for `delayNs` really expires: at least delayNs
 * (rounded up to ticks), at most an eighth more.
 */
export function wheelDelayNs(nowNs: number, delayNs: number): number {
  const now = Math.floor(nowNs / JIFFY_NS);
  const delay = Math.ceil(delayNs / JIFFY_NS);
  let level = 0;
  while (level < LEVEL_COUNT - 1 && delay >= (LEVEL_SIZE - 1) * 2 ** (LEVEL_SHIFT * level)) level++;
  const granularity = 2 ** (LEVEL_SHIFT * level);
  const expiry = (Math.floor((now + delay) / granularity) + 1) * granularity;
  return expiry * JIFFY_NS - nowNs;
}
