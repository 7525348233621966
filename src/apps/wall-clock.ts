/**
 * Dates from virtual time: what gettimeofday() says, and calendar dates without the host's clock.
 */
import { NS_PER_SEC } from '../base/units.ts';
import { type Simulator, timeNs } from '../engine/simulator.ts';

/** A struct timeval. */
export interface WallClock {
  readonly sec: number;
  readonly usec: number;
}

/** What gettimeofday() says now. */
export function wallClockOf(sim: Simulator, epochSec: number): WallClock {
  const now = timeNs(sim);
  const sec = Math.floor(now / NS_PER_SEC);
  return { sec: epochSec + sec, usec: Math.floor((now - sec * NS_PER_SEC) / 1000) };
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = [
  ['Jan', 31],
  ['Feb', 28],
  ['Mar', 31],
  ['Apr', 30],
  ['May', 31],
  ['Jun', 30],
  ['Jul', 31],
  ['Aug', 31],
  ['Sep', 30],
  ['Oct', 31],
  ['Nov', 30],
  ['Dec', 31],
] as const;

export interface CalendarDate {
  readonly year: number;
  /** 1..12 */
  readonly month: number;
  readonly monthName: string;
  readonly day: number;
  readonly weekday: string;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** Seconds since 1970 as a UTC date (proleptic Gregorian, 1970 or later). */
export function calendarOf(unixSec: number): CalendarDate {
  let days = Math.floor(unixSec / 86400);
  const rest = unixSec - days * 86400;
  const weekday = DAYS[(days + 4) % 7]!;
  let year = 1970;
  for (let length = yearDays(year); days >= length; length = yearDays(year)) {
    days -= length;
    year++;
  }
  let month = 0;
  for (; month < 11; month++) {
    const length = MONTHS[month]![1] + (month === 1 && yearDays(year) === 366 ? 1 : 0);
    if (days < length) break;
    days -= length;
  }
  return {
    year,
    month: month + 1,
    monthName: MONTHS[month]![0],
    day: days + 1,
    weekday,
    hour: Math.floor(rest / 3600),
    minute: Math.floor(rest / 60) % 60,
    second: Math.floor(rest) % 60,
  };
}

/** `Thu, 01 Jan 2026 00:00:00 GMT`, the date of HTTP. @source RFC 9110 section 5.6.7 */
export function formatHttpDate(unixSec: number): string {
  const date = calendarOf(unixSec);
  return `${date.weekday}, ${two(date.day)} ${date.monthName} ${date.year} ${formatClock(date)} GMT`;
}

/** `00:00:00` */
export function formatClock(date: CalendarDate): string {
  return `${two(date.hour)}:${two(date.minute)}:${two(date.second)}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function yearDays(year: number): number {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 366 : 365;
}
