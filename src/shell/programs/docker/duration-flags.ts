/** Durations and amounts as Go's programs write and read them: `1m30s`, `2.5`, `512M`. */
import { parseGoDuration } from './duration-text.ts';

/** Go's Duration.String(): `5s`, `1m0s`, `1.5s`, `200ms`. @source Go src/time/time.go */
export function goDuration(durationNs: number): string {
  if (durationNs === 0) return '0s';
  if (durationNs < 1e3) return `${durationNs}ns`;
  if (durationNs < 1e6) return `${durationNs / 1e3}µs`;
  if (durationNs < 1e9) return `${durationNs / 1e6}ms`;
  const hours = Math.floor(durationNs / 3600e9);
  const minutes = Math.floor((durationNs % 3600e9) / 60e9);
  const seconds = `${(durationNs % 60e9) / 1e9}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

/** For FlagSpec.check. */
export function checkDuration(text: string): string | null {
  if (text === '0' || parseGoDuration(text) !== null) return null;
  const quoted = JSON.stringify(text);
  if (/^\d+(\.\d+)?$/.test(text)) return `time: missing unit in duration ${quoted}`;
  return `time: invalid duration ${quoted}`;
}

/** For FlagSpec.check of durations that may not be negative. @source docker cli opts/duration.go */
export function checkPositiveDuration(text: string): string | null {
  return text.startsWith('-') ? 'duration cannot be negative' : checkDuration(text);
}

/** Nanoseconds of a checked text. */
export function durationOf(text: string): number {
  return text === '0' ? 0 : (parseGoDuration(text) ?? 0);
}

/** Whole numbers from 0. */
export function checkUnsigned(text: string): string | null {
  if (/^\d+$/.test(text) && Number(text) <= Number.MAX_SAFE_INTEGER) return null;
  const why = /^\d+$/.test(text) ? 'value out of range' : 'invalid syntax';
  return `strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`;
}

/** Numbers with a fraction. */
export function checkFloat(text: string): string | null {
  return /^\d*\.?\d+$/.test(text)
    ? null
    : `strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`;
}

/** `0.5` CPUs. @source docker cli opts/opts.go ParseCPUs() */
export function checkCpus(text: string): string | null {
  return /^\d*\.?\d+$/.test(text) ? null : `failed to parse ${text} as a rational number`;
}

export function nanoCpusOf(text: string): number {
  return Math.round(Number(text) * 1e9);
}

const BYTE_UNITS: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4, p: 5 };

/** `64m`, `1.5GiB`. @source docker/go-units size.go RAMInBytes() */
export function bytesOf(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(text);
  if (match === null) return null;
  const power = BYTE_UNITS[match[2]!.toLowerCase()] ?? 0;
  return Math.floor(Number(match[1]) * 1024 ** power);
}

export function checkBytes(text: string): string | null {
  return bytesOf(text) === null ? `invalid size: '${text}'` : null;
}
