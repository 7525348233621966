/**
 * The terms of a filter expression: `src host A`, `tcp port 80`, `net N/8`, `vlan 5`, `broadcast` ...
 * @source libpcap 1.10 gencode.c; pcap-filter(7)
 */
import { maskOf, parseIpv4 } from '../base/ipv4-address.ts';
import { macHi, macLo, parseMac } from '../base/mac-address.ts';
import { readInt32, readUint16 } from './bytes.ts';
import {
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_VLAN,
  sourceMacHi,
  sourceMacLo,
  targetMacHi,
  targetMacLo,
} from './ethernet.ts';
import { IP_OFFSET_MASK, ipFragmentField, ipHeaderBytes, ipProtocol } from './ipv4.ts';
import { servicePort } from './line-context.ts';

/** A frame that is looked at: bytes[start, end). */
export interface FilteredPacket {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Bytes on the wire. */
  readonly wireBytes: number;
  readonly direction: 'in' | 'out' | null;
}

export type FilterTerm = (packet: FilteredPacket) => boolean;

/** A mistake in an expression, in tcpdump's words. */
export class FilterError extends Error {
  override name = 'FilterError';
}
export const SYNTAX_ERROR = "can't parse filter expression: syntax error";

/** What stands before a value. */
export interface Qualifiers {
  readonly protocol: string | null;
  readonly direction: string | null;
  readonly type: string | null;
}

/** What earlier terms did to later ones. */
export interface TermScope {
  /** Bytes that VLAN tags push the network header back. */
  linkShift: number;
  readonly resolve: (name: string) => readonly number[];
}

interface Parser {
  readonly tokens: readonly string[];
  at: number;
  qualifiers: Qualifiers;
  readonly scope: TermScope;
}

const IP_PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  esp: 50,
  ah: 51,
  sctp: 132,
};
const ETHER_PROTOCOLS: Readonly<Record<string, number>> = {
  ip: ETHERTYPE_IPV4,
  ip6: ETHERTYPE_IPV6,
  arp: ETHERTYPE_ARP,
  rarp: 0x8035,
};
const DIRECTIONS = new Set(['src', 'dst']);
const TYPES = new Set(['host', 'net', 'port', 'portrange', 'proto', 'protochain', 'gateway']);
const PORT_PROTOCOLS = new Set([6, 17, 132]);
const OPERATORS = new Set(['and', 'or', '&&', '||', ')', undefined]);

/** The network header's offset of a frame, by what VLAN terms have said. */
export function networkOf(packet: FilteredPacket, shift: number): number {
  return packet.start + 14 + shift;
}

export function isEthertype(packet: FilteredPacket, shift: number, type: number): boolean {
  const at = networkOf(packet, shift) - 2;
  return at + 2 <= packet.end && readUint16(packet.bytes, at) === type;
}

/** Whether the frame carries this IPv4 protocol. */
export function isIpProtocol(packet: FilteredPacket, shift: number, protocol: number): boolean {
  const ip = networkOf(packet, shift);
  return (
    isEthertype(packet, shift, ETHERTYPE_IPV4) &&
    ip + 20 <= packet.end &&
    ipProtocol(packet.bytes, ip) === protocol
  );
}

/** One term at the parser's place. */
export function makeTerm(parser: Parser): FilterTerm {
  let word = next(parser);
  const follower = parser.tokens[parser.at];
  if (word === 'ether' && (follower === 'broadcast' || follower === 'multicast')) {
    word = next(parser);
  }
  const simple = makeSimpleTerm(parser, word);
  if (simple !== null) return simple;
  parser.at--;
  const qualifiers = readQualifiers(parser);
  const value = parser.tokens[parser.at];
  if (qualifiers === null) {
    // A bare value: the qualifiers of the term before it hold.
    if (OPERATORS.has(value) || parser.qualifiers.type === null) {
      throw new FilterError(SYNTAX_ERROR);
    }
  } else {
    parser.qualifiers = qualifiers;
    if (OPERATORS.has(value)) return makeProtocolTerm(parser, qualifiers);
  }
  return makeValueTerm(parser, next(parser));
}

function next(parser: Parser): string {
  const token = parser.tokens[parser.at];
  if (token === undefined) throw new FilterError(SYNTAX_ERROR);
  parser.at++;
  return token;
}

function makeSimpleTerm(parser: Parser, word: string): FilterTerm | null {
  const { scope } = parser;
  switch (word) {
    case 'less':
    case 'greater': {
      const limit = Number(next(parser));
      if (Number.isNaN(limit)) throw new FilterError(SYNTAX_ERROR);
      return word === 'less'
        ? (packet) => packet.wireBytes <= limit
        : (packet) => packet.wireBytes >= limit;
    }
    case 'inbound':
      return (packet) => packet.direction !== 'out';
    case 'outbound':
      return (packet) => packet.direction === 'out';
    case 'broadcast':
      return ({ bytes, start }) =>
        targetMacHi(bytes, start) === 0xffff && targetMacLo(bytes, start) === -1;
    case 'multicast':
      return ({ bytes, start }) => (bytes[start]! & 1) === 1;
    case 'vlan': {
      const token = parser.tokens[parser.at];
      const id = token !== undefined && /^\d+$/.test(token) ? Number(next(parser)) : null;
      const shift = scope.linkShift;
      scope.linkShift += 4;
      return (packet) => {
        if (!isEthertype(packet, shift, ETHERTYPE_VLAN)) return false;
        const tag = readUint16(packet.bytes, networkOf(packet, shift));
        return id === null || (tag & 0xfff) === id;
      };
    }
    default:
      return null;
  }
}

/** @returns null if there is none. */
function readQualifiers(parser: Parser): Qualifiers | null {
  let protocol: string | null = null;
  let direction: string | null = null;
  let type: string | null = null;
  const startAt = parser.at;
  for (;;) {
    const word = parser.tokens[parser.at];
    if (word === undefined) break;
    const isProtocol = word === 'ether' || word in ETHER_PROTOCOLS || word in IP_PROTOCOLS;
    if (isProtocol && protocol === null && direction === null && type === null) {
      protocol = word;
      parser.at++;
    } else if (DIRECTIONS.has(word) && type === null && direction === null) {
      direction = word;
      parser.at++;
      const joint = parser.tokens[parser.at];
      const other = parser.tokens[parser.at + 1];
      const isPair = (joint === 'or' || joint === 'and') && other !== undefined;
      if (isPair && DIRECTIONS.has(other) && other !== direction) {
        direction = joint;
        parser.at += 2;
      }
    } else if (TYPES.has(word) && type === null) {
      type = word;
      parser.at++;
    } else {
      break;
    }
  }
  if (parser.at === startAt) return null;
  if (protocol !== 'ether' && (protocol === 'arp' || protocol === null) && type === 'port') {
    if (protocol === 'arp') throw new FilterError("'arp' is not a valid qualifier for 'port'");
  }
  return { protocol, direction, type };
}

/** `tcp`, `arp` and the like standing alone. */
function makeProtocolTerm(parser: Parser, qualifiers: Qualifiers): FilterTerm {
  const { protocol, direction, type } = qualifiers;
  if (protocol === null || direction !== null || type !== null) throw new FilterError(SYNTAX_ERROR);
  return protocolTest(protocol, parser.scope.linkShift);
}

function protocolTest(protocol: string, shift: number): FilterTerm {
  const ethertype = ETHER_PROTOCOLS[protocol];
  if (ethertype !== undefined) return (packet) => isEthertype(packet, shift, ethertype);
  const number = IP_PROTOCOLS[protocol];
  if (number !== undefined) return (packet) => isIpProtocol(packet, shift, number);
  return () => true;
}

function makeValueTerm(parser: Parser, value: string): FilterTerm {
  const { qualifiers, scope } = parser;
  const type = qualifiers.type ?? 'host';
  switch (type) {
    case 'host':
      if (qualifiers.protocol === 'ether') return etherHostTerm(qualifiers, value);
      return hostTerm(parser, value);
    case 'net':
      return netTerm(parser, value);
    case 'port':
      return portTerm(qualifiers, scope.linkShift, portRange(value, qualifiers));
    case 'portrange': {
      const [low, high] = value.split('-');
      const first = portRange(low!, qualifiers);
      const last = high === undefined ? first : portRange(high, qualifiers);
      return portTerm(qualifiers, scope.linkShift, { low: first.low, high: last.high });
    }
    case 'proto':
      return protoTerm(qualifiers, scope.linkShift, value);
    default:
      throw new FilterError(SYNTAX_ERROR);
  }
}

/** Joins the tests of source and target as the direction says. */
function both(qualifiers: Qualifiers, source: FilterTerm, target: FilterTerm): FilterTerm {
  switch (qualifiers.direction) {
    case 'src':
      return source;
    case 'dst':
      return target;
    case 'and':
      return (packet) => source(packet) && target(packet);
    default:
      return (packet) => source(packet) || target(packet);
  }
}

function etherHostTerm(qualifiers: Qualifiers, value: string): FilterTerm {
  const mac = parseMac(value);
  if (mac === null) throw new FilterError('illegal link layer address');
  const hi = macHi(mac);
  const lo = macLo(mac);
  return both(
    qualifiers,
    ({ bytes, start }) => sourceMacHi(bytes, start) === hi && sourceMacLo(bytes, start) === lo,
    ({ bytes, start }) => targetMacHi(bytes, start) === hi && targetMacLo(bytes, start) === lo,
  );
}

function hostTerm(parser: Parser, value: string): FilterTerm {
  const literal = parseIpv4(value);
  if (literal === null && /^\d+(\.\d+){0,2}$/.test(value)) return netTerm(parser, value);
  const addresses = literal === null ? parser.scope.resolve(value) : [literal];
  if (addresses.length === 0) throw new FilterError(`unknown host '${value}'`);
  const tests = addresses.map((address) => addressTerm(parser, address, -1));
  return (packet) => tests.some((test) => test(packet));
}

/** `N`, `N/24`, `N mask M`; a short number is a network of its octets. */
function netTerm(parser: Parser, value: string): FilterTerm {
  const octets = value.split('.');
  if (!/^\d+(\.\d+){0,3}$/.test(value) || octets.some((octet) => Number(octet) > 255)) {
    throw new FilterError(`unknown network '${value}'`);
  }
  const address = parseIpv4([...octets, '0', '0', '0'].slice(0, 4).map(Number).join('.'))!;
  let mask = maskOf(octets.length * 8);
  const follower = parser.tokens[parser.at];
  if (follower === '/') {
    parser.at++;
    const length = Number(next(parser));
    if (!(length >= 0 && length <= 32)) throw new FilterError('mask length must be <= 32');
    mask = maskOf(length);
    if ((address & ~mask) !== 0) {
      throw new FilterError(`non-network bits set in "${value}/${length}"`);
    }
  } else if (follower === 'mask') {
    parser.at++;
    const text = next(parser);
    const given = parseIpv4(text);
    if (given === null) throw new FilterError(SYNTAX_ERROR);
    mask = given;
    if ((address & ~mask) !== 0) {
      throw new FilterError(`non-network bits set in "${value} mask ${text}"`);
    }
  }
  return addressTerm(parser, address, mask);
}

/** An address in IPv4 or, unless a protocol says otherwise, in ARP. */
function addressTerm(parser: Parser, address: number, mask: number): FilterTerm {
  const { qualifiers } = parser;
  const shift = parser.scope.linkShift;
  const { protocol } = qualifiers;
  const isAt = (packet: FilteredPacket, offset: number): boolean => {
    const at = networkOf(packet, shift) + offset;
    return at + 4 <= packet.end && (readInt32(packet.bytes, at) & mask) === (address & mask);
  };
  const takesIp = protocol !== 'arp' && protocol !== 'rarp';
  const takesArp = protocol === null || protocol === 'arp' || protocol === 'rarp';
  const limit = protocol === null ? null : protocolTest(protocol, shift);
  const inIp = both(
    qualifiers,
    (packet) => isAt(packet, 12),
    (packet) => isAt(packet, 16),
  );
  const inArp = both(
    qualifiers,
    (packet) => isAt(packet, 14),
    (packet) => isAt(packet, 24),
  );
  return (packet) => {
    if (limit !== null && !limit(packet)) return false;
    if (takesIp && isEthertype(packet, shift, ETHERTYPE_IPV4)) return inIp(packet);
    return takesArp && isEthertype(packet, shift, ETHERTYPE_ARP) && inArp(packet);
  };
}

function portRange(value: string, qualifiers: Qualifiers): { low: number; high: number } {
  const number = /^\d+$/.test(value) ? Number(value) : servicePort(value);
  if (number === null) {
    const kind = qualifiers.protocol === 'tcp' || qualifiers.protocol === 'udp';
    throw new FilterError(
      kind ? `unknown ${qualifiers.protocol} port '${value}'` : `unknown port '${value}'`,
    );
  }
  if (number > 65535) throw new FilterError(`illegal port number ${number} > 65535`);
  return { low: number, high: number };
}

function portTerm(
  qualifiers: Qualifiers,
  shift: number,
  range: { low: number; high: number },
): FilterTerm {
  const wanted = qualifiers.protocol === null ? null : (IP_PROTOCOLS[qualifiers.protocol] ?? null);
  const isAt = (packet: FilteredPacket, offset: number): boolean => {
    const ip = networkOf(packet, shift);
    const at = ip + ipHeaderBytes(packet.bytes, ip) + offset;
    if (at + 2 > packet.end) return false;
    const port = readUint16(packet.bytes, at);
    return port >= range.low && port <= range.high;
  };
  const matches = both(
    qualifiers,
    (packet) => isAt(packet, 0),
    (packet) => isAt(packet, 2),
  );
  return (packet) => {
    const ip = networkOf(packet, shift);
    if (!isEthertype(packet, shift, ETHERTYPE_IPV4) || ip + 20 > packet.end) return false;
    const protocol = ipProtocol(packet.bytes, ip);
    if (wanted === null ? !PORT_PROTOCOLS.has(protocol) : protocol !== wanted) return false;
    if ((ipFragmentField(packet.bytes, ip) & IP_OFFSET_MASK) !== 0) return false;
    return matches(packet);
  };
}

function protoTerm(qualifiers: Qualifiers, shift: number, value: string): FilterTerm {
  const name = value.replace(/^\\/, '');
  const number = /^(0x[0-9a-f]+|\d+)$/i.test(name) ? Number(name) : null;
  if (qualifiers.protocol === 'ether') {
    const type = number ?? ETHER_PROTOCOLS[name];
    if (type === undefined) throw new FilterError(`unknown ether proto '${name}'`);
    return (packet) => isEthertype(packet, shift, type);
  }
  // Names of protocols are keywords: they need a backslash here.
  if (number === null && !value.startsWith('\\')) throw new FilterError(SYNTAX_ERROR);
  const protocol = number ?? IP_PROTOCOLS[name];
  if (protocol === undefined) throw new FilterError(`unknown ip proto '${name}'`);
  return (packet) => isIpProtocol(packet, shift, protocol);
}
