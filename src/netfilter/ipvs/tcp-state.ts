/**
 * TCP as IPVS follows it: the state of a connection by the flags of its packets alone.
 * @source net/netfilter/ipvs/ip_vs_proto_tcp.c tcp_states[], tcp_timeouts[], set_tcp_state()
 */
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../protocols/tcp.ts';
import { TICKS_PER_SEC } from '../conntrack-table.ts';

export const TCP_ESTABLISHED = 1;
export const TCP_SYN_SENT = 2;
export const TCP_SYN_RECV = 3;
export const TCP_FIN_WAIT = 4;
export const TCP_TIME_WAIT = 5;
export const TCP_CLOSE = 6;
export const TCP_CLOSE_WAIT = 7;
export const TCP_LAST_ACK = 8;
export const TCP_LISTEN = 9;
export const TCP_SYNACK = 10;

export const IPVS_TCP_STATE_NAMES = [
  'NONE',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'SYNACK',
] as const;

/** Seconds that a connection lives in each state after its last packet. */
const TIMEOUTS_SEC = [2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120];

/** The same in ticks: a namespace's own copy, of which `ipvsadm --set` changes two. */
export function makeTcpTimeouts(): number[] {
  return TIMEOUTS_SEC.map((seconds) => seconds * TICKS_PER_SEC);
}

/** Whether a connection in this state counts as active. */
export function isActiveState(state: number): boolean {
  return (
    state === TCP_ESTABLISHED ||
    state === TCP_SYN_SENT ||
    state === TCP_SYN_RECV ||
    state === TCP_SYNACK
  );
}

/** Which way a packet goes; INPUT_ONLY: answers do not come through here. */
export const DIRECTION_INPUT = 0;
export const DIRECTION_OUTPUT = 1;
export const DIRECTION_INPUT_ONLY = 2;

const LETTERS: Readonly<Record<string, number>> = {
  ES: TCP_ESTABLISHED,
  SS: TCP_SYN_SENT,
  SR: TCP_SYN_RECV,
  FW: TCP_FIN_WAIT,
  TW: TCP_TIME_WAIT,
  CL: TCP_CLOSE,
  CW: TCP_CLOSE_WAIT,
  LA: TCP_LAST_ACK,
  LI: TCP_LISTEN,
  SA: TCP_SYNACK,
};

/** Rows by direction and flag (syn, fin, ack, rst); columns are the states in their order. */
const ROWS = [
  // NO ES SS SR FW TW CL CW LA LI SA
  'SR ES ES SR SR SR SR SR SR SR SR',
  'CL CW SS TW TW TW CL CW LA LI TW',
  'ES ES SS ES FW TW CL CW CL LI ES',
  'CL CL CL SR CL CL CL CL LA LI SR',
  'SS ES SS SR SS SS SS SS SS LI SR',
  'TW FW SS TW FW TW CL TW LA LI TW',
  'ES ES SS ES FW TW CL CW LA ES ES',
  'CL CL SS CL CL TW CL CL CL CL CL',
  'SR ES ES SR SR SR SR SR SR SR SR',
  'CL FW SS TW FW TW CL CW LA LI TW',
  'ES ES SS ES FW TW CL CW CL LI ES',
  'CL CL CL SR CL CL CL CL LA LI CL',
];
const STATES = IPVS_TCP_STATE_NAMES.length;
const FLAG_ROWS = 4;
const TABLE = new Uint8Array(ROWS.flatMap((row) => row.split(' ').map((word) => LETTERS[word]!)));

/** The state that follows `state` when a packet with these flags goes this way. */
export function nextTcpState(state: number, direction: number, flags: number): number {
  let row = 0;
  if ((flags & TCP_RST) !== 0) row = 3;
  else if ((flags & TCP_SYN) !== 0) row = 0;
  else if ((flags & TCP_FIN) !== 0) row = 1;
  else if ((flags & TCP_ACK) !== 0) row = 2;
  else return TCP_CLOSE;
  return TABLE[(direction * FLAG_ROWS + row) * STATES + state]!;
}
