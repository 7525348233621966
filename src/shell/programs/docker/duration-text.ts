/** Durations, dates and sizes as Docker's CLI writes them. @source docker/go-units duration.go, size.go */

/** `Less than a second`, `5 seconds`, `About a minute`, `3 weeks`. */
export function humanDuration(durationNs: number): string {
  const seconds = Math.floor(durationNs / 1e9);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(seconds / 3600 + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(seconds / 3600 / 24 / 365)} years`;
}

/** `142MB`, `1.24MB`, `23.5kB`: three digits, powers of 1000. */
export function humanSize(bytes: number, digits = 3): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let size = bytes;
  let at = 0;
  while (size >= 1000 && at < units.length - 1) {
    size /= 1000;
    at++;
  }
  return `${Number(size.toPrecision(digits))}${units[at]}`;
}

/** `23.54GiB`: powers of 1024. */
export function binarySize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = bytes;
  let at = 0;
  while (size >= 1024 && at < units.length - 1) {
    size /= 1024;
    at++;
  }
  return `${Number(size.toPrecision(4))}${units[at]}`;
}

/** A date of the wall clock, in parts. */
interface Civil {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly clock: string;
}

/** @source the civil calendar: days since 1970-03-01 in eras of 400 years */
function civilOf(epochS: number): Civil {
  const days = Math.floor(epochS / 86_400);
  const rest = epochS - days * 86_400;
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const two = (value: number): string => String(value).padStart(2, '0');
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
    clock: `${two(Math.floor(rest / 3600))}:${two(Math.floor((rest % 3600) / 60))}:${two(rest % 60)}`,
  };
}

function dateOf({ year, month, day }: Civil): string {
  return `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}

/** A virtual time as RFC 3339 with nanoseconds, zeros at the end left out: `2026-11-21T01:47:14.5Z`. */
export function timestamp(epochS: number, timeNs: number | null): string {
  if (timeNs === null) return '0001-01-01T00:00:00Z';
  const { whole, fraction } = split(epochS, timeNs);
  const civil = civilOf(whole);
  const digits = String(fraction).padStart(9, '0').replace(/0+$/, '');
  return `${dateOf(civil)}T${civil.clock}${digits === '' ? '' : `.${digits}`}Z`;
}

/** Nine digits always, as `docker logs -t` and `docker events` write it. */
export function paddedTimestamp(epochS: number, timeNs: number): string {
  const { whole, fraction } = split(epochS, timeNs);
  const civil = civilOf(whole);
  return `${dateOf(civil)}T${civil.clock}.${String(fraction).padStart(9, '0')}Z`;
}

/** Go's Time.String(): `2023-11-14 22:13:20 +0000 UTC`, with a fraction if `isExact`. */
export function goTime(epochS: number, timeNs: number, isExact = false): string {
  const { whole, fraction } = split(epochS, timeNs);
  const civil = civilOf(whole);
  const digits = isExact ? String(fraction).padStart(9, '0').replace(/0+$/, '') : '';
  return `${dateOf(civil)} ${civil.clock}${digits === '' ? '' : `.${digits}`} +0000 UTC`;
}

function split(epochS: number, timeNs: number): { whole: number; fraction: number } {
  const seconds = Math.floor(timeNs / 1e9);
  return { whole: epochS + seconds, fraction: Math.floor(timeNs - seconds * 1e9) };
}

/** Reads Go's `time.ParseDuration` (`1h30m`, `10s`) in nanoseconds; null if it is none. */
export function parseGoDuration(text: string): number | null {
  if (!/^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$/.test(text)) return null;
  const units: Readonly<Record<string, number>> = {
    ns: 1,
    us: 1e3,
    ms: 1e6,
    s: 1e9,
    m: 60e9,
    h: 3600e9,
  };
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)) {
    total += Number(number) * units[unit!]!;
  }
  return total;
}
