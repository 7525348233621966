/** Values of a Compose file, read leniently: what is not there is empty. */
import { isMapping, type Mapping } from './merge.ts';

export function mappingOf(value: unknown): Mapping {
  return isMapping(value) ? value : {};
}

export function textOf(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}

const DURATION_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** `1m30s` in nanoseconds; null if it is left out. */
export function durationOf(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  let totalNs = 0;
  for (const [, number, unit] of String(value).matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)) {
    totalNs += Number(number) * DURATION_NS[unit!]!;
  }
  return totalNs;
}
