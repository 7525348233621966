/**
 * Comparisons in filter expressions: `icmp[icmptype] == icmp-echo`, `tcp[tcpflags] & tcp-syn != 0`,
 * `ip[8] < 5`, `len > 100`.
 * @source libpcap 1.10 grammar.y.in arth, gencode.c gen_load(); pcap-filter(7)
 */

import { ETHERTYPE_ARP, ETHERTYPE_IPV4 } from './ethernet.ts';
import { IP_OFFSET_MASK, ipFragmentField, ipHeaderBytes } from './ipv4.ts';
import {
  FilterError,
  type FilteredPacket,
  type FilterTerm,
  isEthertype,
  isIpProtocol,
  networkOf,
  SYNTAX_ERROR,
  type TermScope,
} from './packet-filter-terms.ts';

interface Parser {
  readonly tokens: readonly string[];
  at: number;
  readonly scope: TermScope;
}

/** A number computed from a packet; null where the packet has no such bytes: the comparison fails. */
type Value = (packet: FilteredPacket) => number | null;

const NAMES: Readonly<Record<string, number>> = {
  icmptype: 0,
  icmpcode: 1,
  'icmp-echoreply': 0,
  'icmp-unreach': 3,
  'icmp-sourcequench': 4,
  'icmp-redirect': 5,
  'icmp-echo': 8,
  'icmp-routeradvert': 9,
  'icmp-routersolicit': 10,
  'icmp-timxceed': 11,
  'icmp-paramprob': 12,
  'icmp-tstamp': 13,
  'icmp-tstampreply': 14,
  tcpflags: 13,
  'tcp-fin': 1,
  'tcp-syn': 2,
  'tcp-rst': 4,
  'tcp-push': 8,
  'tcp-ack': 16,
  'tcp-urg': 32,
  'tcp-ece': 64,
  'tcp-cwr': 128,
};
const COMPARISONS = new Set(['=', '==', '!=', '<', '>', '<=', '>=']);
const INDEXED = new Set(['ether', 'ip', 'arp', 'icmp', 'tcp', 'udp', 'igmp']);
const TRANSPORTS: Readonly<Record<string, number>> = { icmp: 1, igmp: 2, tcp: 6, udp: 17 };

/** Binding strength of operators, stronger is higher. */
const STRENGTH: Readonly<Record<string, number>> = {
  '|': 1,
  '^': 1,
  '&': 2,
  '<<': 3,
  '>>': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
};

/** Whether a comparison starts here, as opposed to a term or a parenthesis around terms. */
export function startsRelation(parser: Parser): boolean {
  const token = parser.tokens[parser.at];
  if (token === undefined) return false;
  if (token === 'len') return true;
  if (INDEXED.has(token) && parser.tokens[parser.at + 1] === '[') return true;
  if (/^(0x[0-9a-f]+|\d+)$/i.test(token)) {
    const follower = parser.tokens[parser.at + 1] ?? '';
    return COMPARISONS.has(follower) || follower in STRENGTH;
  }
  if (token !== '(') return false;
  // A parenthesis belongs to a comparison if an operator of numbers follows its end.
  let depth = 0;
  for (let i = parser.at; i < parser.tokens.length; i++) {
    if (parser.tokens[i] === '(') depth++;
    if (parser.tokens[i] === ')' && --depth === 0) {
      const follower = parser.tokens[i + 1] ?? '';
      return COMPARISONS.has(follower) || follower in STRENGTH;
    }
  }
  return false;
}

/** Reads a comparison. */
export function makeRelation(parser: Parser): FilterTerm {
  const left = readSum(parser, 1);
  const operator = parser.tokens[parser.at] ?? '';
  if (!COMPARISONS.has(operator)) throw new FilterError(SYNTAX_ERROR);
  parser.at++;
  const right = readSum(parser, 1);
  return (packet) => {
    const a = left(packet);
    const b = right(packet);
    return a !== null && b !== null && compare(operator, a >>> 0, b >>> 0);
  };
}

function compare(operator: string, a: number, b: number): boolean {
  switch (operator) {
    case '!=':
      return a !== b;
    case '<':
      return a < b;
    case '>':
      return a > b;
    case '<=':
      return a <= b;
    case '>=':
      return a >= b;
    default:
      return a === b;
  }
}

function readSum(parser: Parser, strength: number): Value {
  let left = readAtom(parser);
  for (;;) {
    const operator = parser.tokens[parser.at] ?? '';
    const own = STRENGTH[operator];
    if (own === undefined || own < strength) return left;
    parser.at++;
    const first = left;
    const second = readSum(parser, own + 1);
    left = (packet) => {
      const a = first(packet);
      const b = second(packet);
      return a === null || b === null ? null : calculate(operator, a, b);
    };
  }
}

function calculate(operator: string, a: number, b: number): number | null {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0 ? null : Math.floor(a / b);
    case '%':
      return b === 0 ? null : a % b;
    case '&':
      return a & b;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    case '<<':
      return a << b;
    default:
      return a >>> b;
  }
}

function readAtom(parser: Parser): Value {
  const token = parser.tokens[parser.at++];
  if (token === undefined) throw new FilterError(SYNTAX_ERROR);
  if (token === '(') {
    const inner = readSum(parser, 1);
    if (parser.tokens[parser.at++] !== ')') throw new FilterError(SYNTAX_ERROR);
    return inner;
  }
  if (token === 'len') return (packet) => packet.wireBytes;
  if (/^(0x[0-9a-f]+|\d+)$/i.test(token)) {
    const number = Number(token);
    return () => number;
  }
  const named = NAMES[token];
  if (named !== undefined) return () => named;
  if (!INDEXED.has(token) || parser.tokens[parser.at] !== '[') throw new FilterError(SYNTAX_ERROR);
  parser.at++;
  return readIndex(parser, token);
}

/** What stands in brackets: an offset and, after a colon, a size of 1, 2 or 4. */
function readIndex(parser: Parser, protocol: string): Value {
  const inside: string[] = [];
  while (parser.tokens[parser.at] !== ']') {
    const token = parser.tokens[parser.at++];
    if (token === undefined) throw new FilterError(SYNTAX_ERROR);
    inside.push(...token.split(/(:)/).filter((part) => part !== ''));
  }
  parser.at++;
  const colon = inside.indexOf(':');
  const sizeBytes = colon < 0 ? 1 : Number(inside[colon + 1]);
  if (![1, 2, 4].includes(sizeBytes)) throw new FilterError('data size must be 1, 2, or 4');
  const offsetParser: Parser = {
    tokens: colon < 0 ? inside : inside.slice(0, colon),
    at: 0,
    scope: parser.scope,
  };
  const offset = readSum(offsetParser, 1);
  if (offsetParser.at < offsetParser.tokens.length) throw new FilterError(SYNTAX_ERROR);
  const shift = parser.scope.linkShift;
  return (packet) => {
    const base = baseOf(packet, protocol, shift);
    const at = offset(packet);
    if (base < 0 || at === null || base + at + sizeBytes > packet.end) return null;
    let value = 0;
    for (let i = 0; i < sizeBytes; i++) value = (value << 8) | packet.bytes[base + at + i]!;
    return value >>> 0;
  };
}

/** Where a protocol's header begins in this frame; -1 if it has none. */
function baseOf(packet: FilteredPacket, protocol: string, shift: number): number {
  const network = networkOf(packet, shift);
  switch (protocol) {
    case 'ether':
      return packet.start;
    case 'ip':
      return isEthertype(packet, shift, ETHERTYPE_IPV4) ? network : -1;
    case 'arp':
      return isEthertype(packet, shift, ETHERTYPE_ARP) ? network : -1;
    default: {
      if (!isIpProtocol(packet, shift, TRANSPORTS[protocol] ?? -1)) return -1;
      const isLater = (ipFragmentField(packet.bytes, network) & IP_OFFSET_MASK) !== 0;
      return isLater ? -1 : network + ipHeaderBytes(packet.bytes, network);
    }
  }
}
