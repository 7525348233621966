/**
 * What ping says: the words of ICMP errors, times and the closing statistics.
 * @source iputils 20221126 ping/ping.c pr_icmph(), ping/ping_common.c gather_statistics(), finish()
 */
import { formatIpv4 } from '../base/ipv4-address.ts';

const UNREACHABLE: readonly string[] = [
  'Destination Net Unreachable',
  'Destination Host Unreachable',
  'Destination Protocol Unreachable',
  'Destination Port Unreachable',
  '',
  'Source Route Failed',
  'Destination Net Unknown',
  'Destination Host Unknown',
  'Source Host Isolated',
  'Destination Net Prohibited',
  'Destination Host Prohibited',
  'Destination Net Unreachable for Type of Service',
  'Destination Host Unreachable for Type of Service',
  'Packet filtered',
  'Precedence Violation',
  'Precedence Cutoff',
];

const REDIRECT: readonly string[] = [
  'Redirect Network',
  'Redirect Host',
  'Redirect Type of Service and Network',
  'Redirect Type of Service and Host',
];

/**
 * The words for an ICMP message.
 * @param info the MTU of "frag needed", the gateway (int32) of a redirect, the pointer of a
 *   parameter problem.
 */
export function describeIcmp(type: number, code: number, info: number): string {
  switch (type) {
    case 0:
      return 'Echo Reply';
    case 3:
      if (code === 4) return `Frag needed and DF set (mtu = ${info})`;
      return UNREACHABLE[code] ?? `Dest Unreachable, Bad Code: ${code}`;
    case 4:
      return 'Source Quench';
    case 5:
      return `${REDIRECT[code] ?? `Redirect, Bad Code: ${code}`}(New nexthop: ${formatIpv4(info)})`;
    case 8:
      return 'Echo Request';
    case 11:
      if (code === 0) return 'Time to live exceeded';
      if (code === 1) return 'Frag reassembly time exceeded';
      return `Time exceeded, Bad Code: ${code}`;
    case 12:
      return `Parameter problem: pointer = ${info}`;
    case 13:
      return 'Timestamp';
    case 14:
      return 'Timestamp Reply';
    default:
      return `Bad ICMP type: ${type}`;
  }
}

/** A round trip in microseconds as `0.134`, `1.10`, `12.3` or `123` (milliseconds). */
export function formatRoundTrip(us: number): string {
  if (us >= 100_000 - 50) return String(Math.floor((us + 500) / 1000));
  if (us >= 10_000 - 5) {
    return `${Math.floor((us + 50) / 1000)}.${Math.floor(((us + 50) % 1000) / 100)}`;
  }
  if (us >= 1000) {
    const hundredths = Math.floor(((us + 5) % 1000) / 10);
    return `${Math.floor((us + 5) / 1000)}.${String(hundredths).padStart(2, '0')}`;
  }
  return formatMs(us);
}

/** Microseconds as milliseconds with three decimals. */
export function formatMs(us: number): string {
  return `${Math.floor(us / 1000)}.${String(us % 1000).padStart(3, '0')}`;
}

/** What a run of ping counted. Times in microseconds. */
export interface PingCounts {
  transmitted: number;
  received: number;
  repeats: number;
  errors: number;
  corrupted: number;
  minUs: number;
  maxUs: number;
  sumUs: number;
  sumOfSquares: number;
  /** Moving average, times 8. */
  ewmaUs8: number;
  /** Most requests under way at once. */
  pipe: number;
}

export function makePingCounts(): PingCounts {
  return {
    transmitted: 0,
    received: 0,
    repeats: 0,
    errors: 0,
    corrupted: 0,
    minUs: Number.MAX_SAFE_INTEGER,
    maxUs: 0,
    sumUs: 0,
    sumOfSquares: 0,
    ewmaUs8: 0,
    pipe: -1,
  };
}

/** Adds a round trip to the sums. */
export function addRoundTrip(counts: PingCounts, us: number): void {
  counts.sumUs += us;
  counts.sumOfSquares += us * us;
  counts.minUs = Math.min(counts.minUs, us);
  counts.maxUs = Math.max(counts.maxUs, us);
  counts.ewmaUs8 =
    counts.ewmaUs8 === 0 ? us * 8 : counts.ewmaUs8 + us - Math.floor(counts.ewmaUs8 / 8);
}

export interface SummaryOptions {
  readonly host: string;
  readonly elapsedNs: number;
  /** Whether the data was large enough to carry a time. */
  readonly hasTimes: boolean;
  /** Flood, adaptive or interval 0: the inter-packet gap is printed. */
  readonly showsGap: boolean;
}

/** The closing lines, with the empty line before and the line end after them. */
export function formatSummary(counts: PingCounts, options: SummaryOptions): string {
  const { transmitted, received } = counts;
  let text = `\n--- ${options.host} ping statistics ---\n`;
  text += `${transmitted} packets transmitted, ${received} received`;
  if (counts.repeats > 0) text += `, +${counts.repeats} duplicates`;
  if (counts.corrupted > 0) text += `, +${counts.corrupted} corrupted`;
  if (counts.errors > 0) text += `, +${counts.errors} errors`;
  if (transmitted > 0) {
    const loss = Math.fround(((transmitted - received) * 100) / transmitted);
    text += `, ${formatG(loss)}% packet loss`;
    text += `, time ${Math.floor((options.elapsedNs + 500_000) / 1_000_000)}ms`;
  }
  text += '\n';
  const parts: string[] = [];
  if (received > 0 && options.hasTimes) parts.push(formatTimes(counts));
  if (counts.pipe > 1) parts.push(`pipe ${counts.pipe}`);
  if (received > 0 && options.showsGap && transmitted > 1) {
    const gapUs = Math.floor(options.elapsedNs / 1000 / (transmitted - 1));
    parts.push(`ipg/ewma ${formatMs(gapUs)}/${formatMs(Math.floor(counts.ewmaUs8 / 8))} ms`);
  }
  return `${text}${parts.join(', ')}\n`;
}

function formatTimes(counts: PingCounts): string {
  const total = counts.received + counts.repeats;
  const average = Math.floor(counts.sumUs / total);
  const variance =
    counts.sumUs < 0x7fffffff
      ? Math.floor(
          (counts.sumOfSquares - Math.floor((counts.sumUs * counts.sumUs) / total)) / total,
        )
      : Math.floor(counts.sumOfSquares / total) - average * average;
  const deviation = Math.floor(Math.sqrt(Math.max(0, variance)));
  const values = [counts.minUs, average, counts.maxUs, deviation].map(formatMs).join('/');
  return `rtt min/avg/max/mdev = ${values} ms`;
}

/** C's `%g`: six significant digits without trailing zeros. */
function formatG(value: number): string {
  return String(Number(value.toPrecision(6)));
}
