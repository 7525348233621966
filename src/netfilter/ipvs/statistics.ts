/**
 * Counters of a service, of a destination, of all together, and their rates: every two seconds a new
 * measurement weighs a quarter. Nothing ticks: who counts or looks first brings the rates up to date.
 *
 * Unlike Linux, all rates of a namespace are measured at the same moments.
 * @source net/netfilter/ipvs/ip_vs_est.c ip_vs_read_estimator(), ip_vs_chain_estimation()
 */
import { TICKS_PER_SEC } from '../conntrack-table.ts';

const PERIOD_TICKS = 2 * TICKS_PER_SEC;
/** After so many idle periods all rates are 0. */
const PERIODS_MAX = 200;
/** Fixed point: counts are kept times 512 a period (1024 a second), bytes times 16 (32 a second). */
const COUNT_SCALE = 512;
const BYTE_SCALE = 16;

export interface IpvsStatistics {
  connections: number;
  inPackets: number;
  outPackets: number;
  inBytes: number;
  outBytes: number;
  /** Counters at the last measurement. */
  readonly last: Float64Array;
  /** Rates in fixed point: connections, packets in and out, bytes in and out. */
  readonly rates: Float64Array;
  /** When the next measurement is due. */
  dueTick: number;
}

export function makeIpvsStatistics(): IpvsStatistics {
  return {
    connections: 0,
    inPackets: 0,
    outPackets: 0,
    inBytes: 0,
    outBytes: 0,
    last: new Float64Array(5),
    rates: new Float64Array(5),
    dueTick: 0,
  };
}

export function clearIpvsStatistics(statistics: IpvsStatistics): void {
  statistics.connections = 0;
  statistics.inPackets = 0;
  statistics.outPackets = 0;
  statistics.inBytes = 0;
  statistics.outBytes = 0;
  statistics.last.fill(0);
  statistics.rates.fill(0);
}

/** Counts a packet from the client. */
export function countIn(statistics: IpvsStatistics, sizeBytes: number, now: number): void {
  if (now >= statistics.dueTick) measure(statistics, now);
  statistics.inPackets++;
  statistics.inBytes += sizeBytes;
}

/** Counts a packet to the client. */
export function countOut(statistics: IpvsStatistics, sizeBytes: number, now: number): void {
  if (now >= statistics.dueTick) measure(statistics, now);
  statistics.outPackets++;
  statistics.outBytes += sizeBytes;
}

/** Counts a new connection. */
export function countNew(statistics: IpvsStatistics, now: number): void {
  if (now >= statistics.dueTick) measure(statistics, now);
  statistics.connections++;
}

/** Whole numbers a second: connections, packets in and out, bytes in and out. */
export function ratesOf(statistics: IpvsStatistics, now: number): number[] {
  if (now >= statistics.dueTick) measure(statistics, now);
  return Array.from(statistics.rates, (rate, i) => {
    const unit = 2 * (i < 3 ? COUNT_SCALE : BYTE_SCALE);
    return Math.floor((rate + unit / 2 - 1) / unit);
  });
}

/** The measurements that were due until now; in all but the first of them nothing was counted. */
function measure(statistics: IpvsStatistics, now: number): void {
  const { last, rates, dueTick } = statistics;
  const periods = Math.floor((now - dueTick) / PERIOD_TICKS) + 1;
  statistics.dueTick = dueTick + periods * PERIOD_TICKS;
  measureOne(rates, last, 0, statistics.connections, COUNT_SCALE);
  measureOne(rates, last, 1, statistics.inPackets, COUNT_SCALE);
  measureOne(rates, last, 2, statistics.outPackets, COUNT_SCALE);
  measureOne(rates, last, 3, statistics.inBytes, BYTE_SCALE);
  measureOne(rates, last, 4, statistics.outBytes, BYTE_SCALE);
  for (let left = periods < PERIODS_MAX ? periods - 1 : PERIODS_MAX; left > 0; left--) {
    for (let i = 0; i < rates.length; i++) rates[i]! += Math.floor(-rates[i]! / 4);
  }
}

function measureOne(
  rates: Float64Array,
  last: Float64Array,
  place: number,
  count: number,
  scale: number,
): void {
  const rate = (count - last[place]!) * scale;
  last[place] = count;
  rates[place]! += Math.floor((rate - rates[place]!) / 4);
}
