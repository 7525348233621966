/**
 * The state table of the TCP tracker: which segment leads from which state to which, by direction.
 * @source net/netfilter/nf_conntrack_proto_tcp.c tcp_conntracks, tcp_valid_flags (Linux 6.1)
 */
import {
  TCP_ACK,
  TCP_CWR,
  TCP_ECE,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  TCP_URG,
} from '../protocols/tcp.ts';

/** States, as `conntrack -L` names them. */
export const TCP_STATE_NAMES = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
] as const;

export const TCP_NONE = 0;
export const TCP_SYN_SENT = 1;
export const TCP_SYN_RECV = 2;
export const TCP_ESTABLISHED = 3;
export const TCP_FIN_WAIT = 4;
export const TCP_LAST_ACK = 6;
export const TCP_TIME_WAIT = 7;
export const TCP_CLOSE = 8;
export const TCP_SYN_SENT2 = 9;
/** Not states but verdicts of the table: the packet makes no sense, or is let by unjudged. */
export const TCP_STATE_INVALID = 10;
export const TCP_STATE_IGNORE = 11;
export const TCP_STATE_COUNT = 10;

/** What kind of segment: the row of the table. */
export const KIND_SYN = 0;
export const KIND_SYNACK = 1;
export const KIND_FIN = 2;
export const KIND_ACK = 3;
export const KIND_RST = 4;
export const KIND_NONE = 5;
const KIND_COUNT = 6;

/** One letter a state: none, Syn sent, Received, Established, Fin, Close wait, Last, Time wait ... */
const LETTERS = 'NSREFWLTC2!-';

/** Columns: the state before, in the order of TCP_STATE_NAMES. `!` is invalid, `-` is ignored. */
const TABLE_TEXT = [
  // original direction
  'SS-----SS2', // syn: begins, repeats, or reopens
  '!!R!!!!!!R', // syn+ack: only in a simultaneous open
  '!!FFLLLTC!', // fin
  'E!EEWWTTC!', // ack: with no state before it picks up a connection under way
  '!CCCCCCCCC', // rst
  '!!!!!!!!!!', // none of them
  // reply direction
  '!2!!!!!S!2', // syn: simultaneous open, or the roles changed after TIME_WAIT
  '!R-------R', // syn+ack
  '!!FFLLLTC!', // fin
  '!-REWWTTC-', // ack: to a SYN it may be a challenge of a half-open connection
  '!CCCCCCCCC', // rst
  '!!!!!!!!!!', // none of them
];

const TABLE = Uint8Array.from(TABLE_TEXT.join(''), (letter) => LETTERS.indexOf(letter));

/** The state after a segment of this kind, or INVALID (10), or IGNORE (11). */
export function nextTcpState(direction: number, kind: number, state: number): number {
  return TABLE[(direction * KIND_COUNT + kind) * TCP_STATE_COUNT + state]!;
}

/** The kind of segment that these flags make. */
export function tcpKindOf(flags: number): number {
  if ((flags & TCP_RST) !== 0) return KIND_RST;
  if ((flags & TCP_SYN) !== 0) return (flags & TCP_ACK) !== 0 ? KIND_SYNACK : KIND_SYN;
  if ((flags & TCP_FIN) !== 0) return KIND_FIN;
  return (flags & TCP_ACK) !== 0 ? KIND_ACK : KIND_NONE;
}

/** Whether the flags go together. PSH, ECE and CWR go with everything. */
export function areTcpFlagsValid(flags: number): boolean {
  const judged = flags & ~(TCP_ECE | TCP_CWR | TCP_PSH);
  switch (judged) {
    case TCP_SYN:
    case TCP_SYN | TCP_URG:
    case TCP_SYN | TCP_ACK:
    case TCP_RST:
    case TCP_RST | TCP_ACK:
    case TCP_FIN | TCP_ACK:
    case TCP_FIN | TCP_ACK | TCP_URG:
    case TCP_ACK:
    case TCP_ACK | TCP_URG:
      return true;
    default:
      return false;
  }
}
