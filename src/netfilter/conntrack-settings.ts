/**
 * The settings of connection tracking: net.netfilter.nf_conntrack_*, timeouts in seconds.
 * The sysctl tree of the namespace reads and writes them by name through the functions below.
 * Unlike Linux, buckets, timestamp, events, log_invalid and expect_max can be set but do nothing.
 * @source Documentation/networking/nf_conntrack-sysctl.rst; net/netfilter/nf_conntrack_standalone.c
 */

export interface ConntrackSettings {
  max: number;
  buckets: number;
  /** Verify checksums of what comes in. */
  checksum: number;
  /** Count packets and bytes of each flow. */
  acct: number;
  timestamp: number;
  events: number;
  logInvalid: number;
  expectMax: number;
  genericTimeout: number;
  icmpTimeout: number;
  udpTimeout: number;
  udpTimeoutStream: number;
  tcpLoose: number;
  tcpBeLiberal: number;
  tcpIgnoreInvalidRst: number;
  tcpMaxRetrans: number;
  /** By TCP state; the last two are "retransmitted too often" and "unacknowledged". */
  readonly tcpTimeouts: number[];
}

/** Places in tcpTimeouts behind the states of conntrack-tcp.ts. */
export const TIMEOUT_RETRANSMITTED = 10;
export const TIMEOUT_UNACKNOWLEDGED = 11;

/** What Linux starts with. */
export function makeConntrackSettings(): ConntrackSettings {
  return {
    max: 262144,
    buckets: 262144,
    checksum: 1,
    acct: 0,
    timestamp: 0,
    events: 2,
    logInvalid: 0,
    expectMax: 4096,
    genericTimeout: 600,
    icmpTimeout: 30,
    udpTimeout: 30,
    udpTimeoutStream: 120,
    tcpLoose: 1,
    tcpBeLiberal: 0,
    tcpIgnoreInvalidRst: 0,
    tcpMaxRetrans: 3,
    //  none  sent recv  established fin close last wait close sent2 retrans unack
    tcpTimeouts: [120, 120, 60, 432000, 120, 60, 30, 120, 10, 120, 300, 300],
  };
}

type NumberField = Exclude<keyof ConntrackSettings, 'tcpTimeouts'>;

/** sysctl name (after net.netfilter.nf_conntrack_) to field, or to the place in tcpTimeouts. */
const NAMES: Readonly<Record<string, NumberField | number>> = {
  max: 'max',
  buckets: 'buckets',
  checksum: 'checksum',
  acct: 'acct',
  timestamp: 'timestamp',
  events: 'events',
  log_invalid: 'logInvalid',
  expect_max: 'expectMax',
  generic_timeout: 'genericTimeout',
  icmp_timeout: 'icmpTimeout',
  udp_timeout: 'udpTimeout',
  udp_timeout_stream: 'udpTimeoutStream',
  tcp_loose: 'tcpLoose',
  tcp_be_liberal: 'tcpBeLiberal',
  tcp_ignore_invalid_rst: 'tcpIgnoreInvalidRst',
  tcp_max_retrans: 'tcpMaxRetrans',
  tcp_timeout_syn_sent: 1,
  tcp_timeout_syn_recv: 2,
  tcp_timeout_established: 3,
  tcp_timeout_fin_wait: 4,
  tcp_timeout_close_wait: 5,
  tcp_timeout_last_ack: 6,
  tcp_timeout_time_wait: 7,
  tcp_timeout_close: 8,
  tcp_timeout_max_retrans: TIMEOUT_RETRANSMITTED,
  tcp_timeout_unacknowledged: TIMEOUT_UNACKNOWLEDGED,
};

const PREFIX = 'net.netfilter.nf_conntrack_';
/** An older name of the same number. */
const OLD_MAX = 'net.nf_conntrack_max';

function fieldOf(key: string): NumberField | number | undefined {
  if (key === OLD_MAX) return 'max';
  if (!key.startsWith(PREFIX)) return undefined;
  const name = key.slice(PREFIX.length);
  return Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
}

/** All keys, in alphabetical order as `sysctl -a` shows them. */
export function conntrackSysctlKeys(): string[] {
  return [...Object.keys(NAMES).map((name) => PREFIX + name), OLD_MAX].sort();
}

/** The value of `net.netfilter.nf_conntrack_...`, null if there is no such key. */
export function readConntrackSysctl(settings: ConntrackSettings, key: string): string | null {
  const field = fieldOf(key);
  if (field === undefined) return null;
  return String(typeof field === 'number' ? settings.tcpTimeouts[field] : settings[field]);
}

/** Sets a value. False: no such key, or not a number that it may have. */
export function writeConntrackSysctl(
  settings: ConntrackSettings,
  key: string,
  text: string,
): boolean {
  const field = fieldOf(key);
  const trimmed = text.trim();
  if (field === undefined || !/^\d{1,10}$/.test(trimmed)) return false;
  const value = Number(trimmed);
  if (typeof field === 'number') settings.tcpTimeouts[field] = value;
  else settings[field] = value;
  return true;
}
