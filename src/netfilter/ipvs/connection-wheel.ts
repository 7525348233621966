/**
 * The timer wheel of a namespace's connections: when each one ends, to the tick at which the kernel's
 * wheel would fire. Connections of one slot are a list; a packet only writes down that its connection
 * lives longer, and the slot moves it on when its tick comes.
 * @source kernel/time/timer.c calc_wheel_index(), collect_expired_timers()
 */

import type { Netns } from '../../engine/device.ts';
import { cancel, scheduleAt } from '../../engine/simulator.ts';
import { makeTimer, type Timer } from '../../engine/timer-queue.ts';
import { TICK_NS } from '../conntrack-table.ts';
import type { IpvsConnection } from './connection.ts';

const LEVELS = 9;
const SLOTS = 64;
const LEVEL_SHIFT = 3;
const NEVER = Number.MAX_SAFE_INTEGER;

export interface ConnectionWheel {
  readonly netns: Netns;
  /** First connection of each slot: level * 64 + place. Empty until there is a connection. */
  slots: Array<IpvsConnection | null>;
  /** The tick for which the timer is armed. */
  armedTick: number;
  readonly timer: Timer;
}

/** @param onDue ends a connection whose time is over, or gives it more (touchConnection). */
export function makeConnectionWheel(
  netns: Netns,
  onDue: (connection: IpvsConnection) => void,
): ConnectionWheel {
  const wheel: ConnectionWheel = {
    netns,
    slots: [],
    armedTick: NEVER,
    timer: makeTimer(netns.cpu, () => turn(wheel, onDue)),
  };
  return wheel;
}

/** The level of the wheel that holds a timer `delta` ticks ahead. */
function levelOf(delta: number): number {
  let level = 0;
  for (let limit = 63; delta >= limit && level < LEVELS - 1; limit *= 1 << LEVEL_SHIFT) level++;
  return level;
}

/** Restarts a connection's time: it ends `timeoutTicks` from `now`. */
export function touchConnection(
  wheel: ConnectionWheel,
  connection: IpvsConnection,
  now: number,
): void {
  const delta = connection.timeoutTicks;
  const level = levelOf(delta);
  const slotTicks = 1 << (level * LEVEL_SHIFT);
  connection.expiresTick = now + delta;
  connection.firesTick = (Math.floor((now + delta) / slotTicks) + 1) * slotTicks;
  if (connection.wheelSlot >= 0) {
    // It is looked at before it is due: soon enough.
    if (connection.wheelTick <= connection.firesTick) return;
    unlinkFromWheel(wheel, connection);
  }
  link(wheel, connection, level, slotTicks);
}

function link(
  wheel: ConnectionWheel,
  connection: IpvsConnection,
  level: number,
  slotTicks: number,
): void {
  if (wheel.slots.length === 0) {
    wheel.slots = new Array<IpvsConnection | null>(LEVELS * SLOTS).fill(null);
  }
  const tick = connection.firesTick;
  const slot = level * SLOTS + (Math.floor(tick / slotTicks) & (SLOTS - 1));
  const first = wheel.slots[slot]!;
  connection.wheelSlot = slot;
  connection.wheelTick = tick;
  connection.wheelPrevious = null;
  connection.wheelNext = first;
  if (first !== null) first.wheelPrevious = connection;
  wheel.slots[slot] = connection;
  if (tick < wheel.armedTick) arm(wheel, tick);
}

/** Takes a connection off the wheel. */
export function unlinkFromWheel(wheel: ConnectionWheel, connection: IpvsConnection): void {
  const { wheelPrevious, wheelNext, wheelSlot } = connection;
  if (wheelSlot < 0) return;
  if (wheelPrevious === null) wheel.slots[wheelSlot] = wheelNext;
  else wheelPrevious.wheelNext = wheelNext;
  if (wheelNext !== null) wheelNext.wheelPrevious = wheelPrevious;
  connection.wheelSlot = -1;
  connection.wheelPrevious = null;
  connection.wheelNext = null;
}

function arm(wheel: ConnectionWheel, tick: number): void {
  wheel.armedTick = tick;
  scheduleAt(wheel.netns.sim, wheel.timer, tick * TICK_NS);
  wheel.timer.tick = tick;
}

/** Nothing on the wheel ends any more. */
export function stopWheel(wheel: ConnectionWheel): void {
  cancel(wheel.netns.sim, wheel.timer);
  wheel.armedTick = NEVER;
  wheel.slots = [];
}

/** The tick for which the timer was armed has come. */
function turn(wheel: ConnectionWheel, onDue: (connection: IpvsConnection) => void): void {
  const tick = wheel.armedTick;
  wheel.armedTick = NEVER;
  for (let level = 0; level < LEVELS; level++) {
    const slotTicks = 1 << (level * LEVEL_SHIFT);
    if (tick % slotTicks !== 0) break;
    const slot = level * SLOTS + (Math.floor(tick / slotTicks) & (SLOTS - 1));
    for (let at = wheel.slots[slot]!; at !== null && at.wheelTick === tick; ) {
      const next: IpvsConnection | null = at.wheelNext;
      unlinkFromWheel(wheel, at);
      if (at.firesTick > tick) linkAgain(wheel, at, tick);
      else onDue(at);
      at = next!;
    }
  }
  rearm(wheel);
}

/** A connection that had packets since: on to where it is due now. */
function linkAgain(wheel: ConnectionWheel, connection: IpvsConnection, tick: number): void {
  const left = connection.firesTick - tick;
  // The finest level that reaches so far: what is due at a coarser level's step is due at one of its.
  let level = 0;
  while (level < LEVELS - 1 && left >= SLOTS * (1 << (level * LEVEL_SHIFT))) level++;
  link(wheel, connection, level, 1 << (level * LEVEL_SHIFT));
}

function rearm(wheel: ConnectionWheel): void {
  let earliest = wheel.armedTick;
  const { slots } = wheel;
  for (let i = 0; i < slots.length; i++) {
    const first = slots[i]!;
    if (first !== null && first.wheelTick < earliest) earliest = first.wheelTick;
  }
  if (earliest < wheel.armedTick) arm(wheel, earliest);
}
