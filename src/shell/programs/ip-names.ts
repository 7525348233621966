/** Names that iproute2 has for the kernel's numbers. @source iproute2 lib/rt_names.c, etc/iproute2/ */
import {
  RTN_ANYCAST,
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_PROHIBIT,
  RTN_THROW,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  SCOPE_HOST,
  SCOPE_LINK,
  SCOPE_NOWHERE,
  SCOPE_SITE,
  SCOPE_UNIVERSE,
  TABLE_DEFAULT,
  TABLE_LOCAL,
  TABLE_MAIN,
} from '../../stack/route-type.ts';
import { parseNumber, takeValue, type Words, wrongArgument } from './words.ts';

const SCOPES: Readonly<Record<string, number>> = {
  global: SCOPE_UNIVERSE,
  nowhere: SCOPE_NOWHERE,
  host: SCOPE_HOST,
  link: SCOPE_LINK,
  site: SCOPE_SITE,
};

const TYPES: Readonly<Record<string, number>> = {
  unicast: RTN_UNICAST,
  local: RTN_LOCAL,
  broadcast: RTN_BROADCAST,
  anycast: RTN_ANYCAST,
  multicast: RTN_MULTICAST,
  blackhole: RTN_BLACKHOLE,
  unreachable: RTN_UNREACHABLE,
  prohibit: RTN_PROHIBIT,
  throw: RTN_THROW,
};

const TABLES: Readonly<Record<string, number>> = {
  default: TABLE_DEFAULT,
  main: TABLE_MAIN,
  local: TABLE_LOCAL,
};

const PROTOCOLS: Readonly<Record<string, number>> = {
  unspec: 0,
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  gated: 8,
  ra: 9,
  mrt: 10,
  zebra: 11,
  bird: 12,
  babel: 42,
  bgp: 186,
  isis: 187,
  ospf: 188,
  rip: 189,
  eigrp: 192,
  dhcp: 16,
};

function nameOf(names: Readonly<Record<string, number>>, value: number): string {
  for (const [name, each] of Object.entries(names)) if (each === value) return name;
  return String(value);
}

function numberOf(
  names: Readonly<Record<string, number>>,
  word: string,
  most: number,
  why: string,
): number {
  const named = names[word];
  if (named !== undefined) return named;
  const value = parseNumber(word);
  if (value === null || value > most) throw wrongArgument(word, why);
  return value;
}

export function scopeName(scope: number): string {
  return nameOf(SCOPES, scope);
}

export function takeScope(words: Words): number {
  const word = takeValue(words);
  if (word === 'all') return SCOPE_NOWHERE;
  return numberOf(SCOPES, word, 255, 'invalid "scope" value\n');
}

export function routeTypeName(type: number): string {
  return nameOf(TYPES, type);
}

/** The number of a route type's name; null if the word is none. */
export function routeTypeOf(word: string): number | null {
  return TYPES[word] ?? null;
}

export function tableName(table: number): string {
  return nameOf(TABLES, table);
}

export function takeTable(words: Words): number {
  return numberOf(TABLES, takeValue(words), 0xffffffff, 'table id value is invalid\n');
}

export function protocolName(protocol: number): string {
  return nameOf(PROTOCOLS, protocol);
}

export function takeProtocol(words: Words): number {
  return numberOf(PROTOCOLS, takeValue(words), 255, '"protocol" value is invalid\n');
}
