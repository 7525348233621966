/** Numbers with units on the command line of `bench`: 200k, 1.5M, 50ms, 3..30. */
import { NetsimError } from '../base/errors.ts';

export interface Sweep {
  readonly name: string;
  readonly values: readonly number[];
}

const SCALES: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9 };
const TIMES: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };
const SIZES: Readonly<Record<string, number>> = { '': 1, B: 1, k: 1000, K: 1024, M: 1e6 };
/** Values of one sweep, and those that a range without a step has. */
const VALUES_MAX = 200;
const RANGE_VALUES = 6;

/** A whole number, as 200000 or 200k. @throws NetsimError */
export function readNumber(option: string, text: string, min: number, max: number): number {
  return read(option, text, SCALES, min, max, 'a whole number, as 200000 or 200k');
}

/** A time in nanoseconds. @throws NetsimError */
export function readDuration(option: string, text: string, minNs: number, maxNs: number): number {
  const found = read(
    option,
    text,
    TIMES,
    0,
    Number.MAX_SAFE_INTEGER,
    'a time, as 50us, 200ms or 1s',
  );
  if (found >= minNs && found <= maxNs) return found;
  throw new NetsimError(
    'usage',
    `${option}: found "${text}", expected ${timeText(minNs)} to ${timeText(maxNs)}`,
  );
}

/** A number of bytes. @throws NetsimError */
export function readSize(option: string, text: string, min: number, max: number): number {
  return read(option, text, SIZES, min, max, 'a number of bytes, as 64 or 10k');
}

function read(
  option: string,
  text: string,
  units: Readonly<Record<string, number>>,
  min: number,
  max: number,
  expected: string,
): number {
  const match = /^(\d{1,12}(?:\.\d{1,9})?)([a-zA-Z]*)$/.exec(text);
  const scale = match === null || !Object.hasOwn(units, match[2]!) ? undefined : units[match[2]!];
  if (match === null || scale === undefined) {
    throw new NetsimError('usage', `${option}: found "${text}", expected ${expected}`);
  }
  const value = Number(match[1]) * scale;
  const rounded = Math.round(value);
  if (Math.abs(value - rounded) > 1e-6 * Math.max(1, value)) {
    throw new NetsimError('usage', `${option}: found "${text}", expected ${expected}`);
  }
  if (rounded >= min && rounded <= max) return rounded;
  throw new NetsimError('usage', `${option}: found "${text}", expected ${min} to ${max}`);
}

/** `nodes=3,10,30`, `replicas=3..30`, `replicas=3..30..3`. @throws NetsimError */
export function readSweep(text: string, names: readonly string[]): Sweep {
  const at = text.indexOf('=');
  const name = text.slice(0, Math.max(0, at));
  if (!names.includes(name)) {
    throw new NetsimError('usage', `--sweep: found "${text}", expected NAME=VALUES`, {
      hint: `NAME is one of ${names.join(', ')}, as in --sweep nodes=3,10,30`,
    });
  }
  const option = `--sweep ${name}`;
  const readOne = (word: string): number => {
    if (name === 'service') return readDuration(option, word, 0, 10e9);
    return readNumber(option, word, 1, name === 'nodes' ? 199 : name === 'replicas' ? 2000 : 1e8);
  };
  const values = text
    .slice(at + 1)
    .split(',')
    .flatMap((part) => (part.includes('..') ? readRange(option, part, readOne) : [readOne(part)]));
  const distinct = [...new Set(values)];
  if (distinct.length > VALUES_MAX) {
    throw new NetsimError('usage', `${option}: ${distinct.length} values are too many`, {
      hint: `at most ${VALUES_MAX}; a range takes a step: 3..300..10`,
    });
  }
  return { name, values: distinct };
}

/** With a step, by addition; without, a few values at equal ratios. */
function readRange(option: string, text: string, readOne: (word: string) => number): number[] {
  const words = text.split('..');
  const [first, last, step] = words.map(readOne);
  if (words.length > 3 || first === undefined || last === undefined || last < first) {
    throw new NetsimError(
      'usage',
      `${option}: found "${text}", expected FROM..TO or FROM..TO..STEP`,
    );
  }
  if (step !== undefined) {
    if ((last - first) / Math.max(1, step) > VALUES_MAX) {
      throw new NetsimError('usage', `${option}: "${text}" has more than ${VALUES_MAX} values`);
    }
    const count = step === 0 ? 1 : Math.floor((last - first) / step) + 1;
    return Array.from({ length: count }, (_, i) => first + i * step);
  }
  const count = Math.min(RANGE_VALUES, last - first + 1);
  if (count === 1) return [first];
  const ratio = (last / Math.max(1, first)) ** (1 / (count - 1));
  return Array.from({ length: count }, (_, i) =>
    i === count - 1 ? last : Math.round(Math.max(1, first) * ratio ** i),
  );
}

/** Three digits and a unit: `12.3 ms`. */
export function timeText(ns: number): string {
  const units = [
    ['s', 1e9],
    ['ms', 1e6],
    ['us', 1e3],
  ] as const;
  for (const [unit, scale] of units) {
    if (ns >= scale) return `${threeDigits(ns / scale)} ${unit}`;
  }
  return `${Math.round(ns)} ns`;
}

export function threeDigits(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(6, digits));
}
