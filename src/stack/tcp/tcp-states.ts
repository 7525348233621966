/**
 * States, flags and limits of TCP, and comparison of sequence numbers.
 * @source include/net/tcp_states.h, include/net/tcp.h, include/net/inet_connection_sock.h
 */
import { HZ } from '../jiffies.ts';

export const TCP_ESTABLISHED = 1;
export const TCP_SYN_SENT = 2;
export const TCP_SYN_RECV = 3;
export const TCP_FIN_WAIT1 = 4;
export const TCP_FIN_WAIT2 = 5;
export const TCP_TIME_WAIT = 6;
export const TCP_CLOSE = 7;
export const TCP_CLOSE_WAIT = 8;
export const TCP_LAST_ACK = 9;
export const TCP_LISTEN = 10;
export const TCP_CLOSING = 11;

/** The names as `ss` prints them, by state. */
export const TCP_STATE_NAMES = [
  'UNKNOWN',
  'ESTAB',
  'SYN-SENT',
  'SYN-RECV',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'TIME-WAIT',
  'UNCONN',
  'CLOSE-WAIT',
  'LAST-ACK',
  'LISTEN',
  'CLOSING',
] as const;

/** Which half of a connection is shut down (sk_shutdown). */
export const RECEIVE_SHUTDOWN = 1;
export const SEND_SHUTDOWN = 2;
export const SHUTDOWN_MASK = 3;

/** Why an acknowledgment is due (icsk_ack.pending). */
export const ACK_SCHEDULED = 1;
export const ACK_TIMER = 2;
export const ACK_PUSHED = 4;
export const ACK_PUSHED_TWICE = 8;
export const ACK_NOW = 16;

/** Congestion-avoidance states (icsk_ca_state). */
export const CA_OPEN = 0;
export const CA_DISORDER = 1;
export const CA_CWR = 2;
export const CA_RECOVERY = 3;
export const CA_LOSS = 4;

/** What the retransmit timer is armed for (icsk_pending). */
export const TIMER_NONE = 0;
export const TIMER_RETRANSMIT = 1;
export const TIMER_PROBE = 3;
export const TIMER_LOSS_PROBE = 5;
export const TIMER_REORDER = 6;

/** Microseconds of a jiffy. */
export const HZ_US = 1_000_000 / HZ;

/** In jiffies. */
export const TCP_TIMEOUT_INIT = HZ;
export const TCP_RTO_MIN = HZ / 5;
export const TCP_RTO_MAX = 120 * HZ;
export const TCP_ATO_MIN = HZ / 25;
export const TCP_DELACK_MIN = HZ / 25;
export const TCP_DELACK_MAX = HZ / 5;
export const TCP_TIMEWAIT_JIFFIES = 60 * HZ;
export const TCP_RESOURCE_PROBE_INTERVAL = HZ / 2;

export const TCP_MIN_MSS = 88;
export const TCP_MSS_DEFAULT = 536;
export const TCP_INIT_CWND = 10;
export const TCP_MAX_QUICKACKS = 16;
export const TCP_MAX_WINDOW = 32767;
export const TCP_MAX_WINDOW_SCALE = 14;
export const TCP_INFINITE_SSTHRESH = 0x7fffffff;
/** Ranges of out-of-order data that a receiver remembers; what makes more of them is dropped. */
export const OUT_OF_ORDER_RANGES_MAX = 4096;
/** Packets that may wait for a process that has the socket locked. */
export const TCP_BACKLOG_MAX = 4096;

/** Whether sequence number `a` comes before `b` (they are int32 and wrap around). */
export function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** Whether sequence number `a` comes after `b`. */
export function after(a: number, b: number): boolean {
  return ((b - a) | 0) < 0;
}

/** Whether low <= sequence <= high. */
export function between(sequence: number, low: number, high: number): boolean {
  return (high - low) >>> 0 >= (sequence - low) >>> 0;
}
