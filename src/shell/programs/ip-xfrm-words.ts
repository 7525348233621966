/** How `ip xfrm` reads its words. @source iproute2 ip/ipxfrm.c xfrm_id_parse(), xfrm_selector_parse() */
import { maskOf } from '../../base/ipv4-address.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import type {
  XfrmDirection,
  XfrmLimits,
  XfrmMark,
  XfrmMode,
  XfrmSelector,
} from '../../stack/xfrm/xfrm-record.ts';
import {
  CommandError,
  findCommand,
  notEmulated,
  peek,
  take,
  takeNumber,
  takePrefix,
  takeValue,
  type Words,
  wrongArgument,
} from './words.ts';

export type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** By the name that `ip xfrm` has for them. */
export const XFRM_PROTOCOLS: Readonly<Record<string, number>> = {
  esp: 50,
  ah: 51,
  comp: 108,
  route2: 43,
  hao: 60,
  'ipsec-any': 255,
};

/** The names of /etc/protocols that matter here. */
export const IP_PROTOCOLS: Readonly<Record<string, number>> = {
  ip: 0,
  icmp: 1,
  igmp: 2,
  ipencap: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  ipv6: 41,
  gre: 47,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  sctp: 132,
  udplite: 136,
};

/** Addresses, protocol and SPI of a state or template, as far as they were given. */
export interface XfrmIdWords {
  source: number;
  sourceLength: number;
  target: number;
  targetLength: number;
  protocol: number;
  spi: number;
}

export const missing = (what: string): CommandError =>
  new CommandError(`Error: argument "${what}" is required\n`, 255);
export const duplicate = (what: string, word: string): CommandError =>
  new CommandError(`Error: duplicate "${what}": "${word}" is the second value.\n`, 255);

/** ID: words as long as they belong to it. @param isLoose the protocol may be left out */
export function takeId(words: Words, isLoose: boolean): Partial<XfrmIdWords> {
  const id: Partial<XfrmIdWords> = {};
  for (let word = peek(words); word !== null; word = peek(words)) {
    if (word === 'src') {
      words.at++;
      const prefix = takePrefix(words);
      id.source = prefix.address;
      id.sourceLength = prefix.length;
    } else if (word === 'dst') {
      words.at++;
      const prefix = takePrefix(words);
      id.target = prefix.address;
      id.targetLength = prefix.length;
    } else if (word === 'proto') {
      words.at++;
      const name = takeValue(words);
      const protocol = XFRM_PROTOCOLS[name];
      if (protocol === undefined) throw wrongArgument(name, 'XFRM-PROTO value is invalid');
      id.protocol = protocol;
    } else if (word === 'spi') {
      words.at++;
      id.spi = takeNumber(words, 'SPI value is invalid');
    } else break;
  }
  if (!isLoose && id.protocol === undefined) throw missing('XFRM-PROTO');
  return id;
}

/** SELECTOR: words as long as they belong to it; ports under their masks. */
export function takeSelector(words: Words, netns: NetNamespace): Partial<Mutable<XfrmSelector>> {
  const selector: Partial<Mutable<XfrmSelector>> = {};
  let hasUpper = false;
  for (let word = peek(words); word !== null; word = peek(words)) {
    if (word === 'src') {
      words.at++;
      const prefix = takePrefix(words);
      selector.source = prefix.address;
      selector.sourceLength = prefix.length;
    } else if (word === 'dst') {
      words.at++;
      const prefix = takePrefix(words);
      selector.target = prefix.address;
      selector.targetLength = prefix.length;
    } else if (word === 'dev') {
      words.at++;
      selector.deviceIndex = takeDeviceIndex(words, netns);
    } else if (!hasUpper && UPPER_WORDS.includes(word)) {
      hasUpper = true;
      takeUpper(words, selector);
    } else break;
  }
  return selector;
}

const UPPER_WORDS = ['proto', 'sport', 'dport', 'type', 'code', 'key'];

function takeDeviceIndex(words: Words, netns: NetNamespace): number {
  const name = takeValue(words);
  if (name === 'none') return 0;
  const device = netns.deviceByName.get(name);
  if (device === undefined) throw wrongArgument(name, 'DEV value is invalid');
  return device.index;
}

/** UPSPEC @source xfrm_selector_upspec_parse() */
function takeUpper(words: Words, selector: Partial<Mutable<XfrmSelector>>): void {
  let [hasPorts, hasTypes] = [false, false];
  for (let word = peek(words); word !== null && UPPER_WORDS.includes(word); word = peek(words)) {
    words.at++;
    if (word === 'proto') selector.protocol = takeIpProtocol(words);
    else if (word === 'key') throw notEmulated('ip', 'xfrm selector with a GRE key');
    else {
      const isSource = word === 'sport' || word === 'type';
      const isPort = word.endsWith('port');
      const value = takeNumber(words, `value after "${word}" is invalid`, 0, isPort ? 65535 : 255);
      const mask = isPort && value === 0 ? 0 : 0xffff;
      if (isPort) hasPorts = true;
      else hasTypes = true;
      if (isSource) {
        selector.sourcePort = value;
        selector.sourcePortMask = mask;
      } else {
        selector.targetPort = value;
        selector.targetPortMask = mask;
      }
    }
  }
  const protocol = selector.protocol ?? 0;
  if (hasPorts && ![0, 6, 17, 33, 132].includes(protocol)) {
    throw invalidWith('"sport" and "dport" are', protocol);
  }
  if (hasTypes && ![1, 58, 135].includes(protocol)) {
    throw invalidWith('"type" and "code" are', protocol);
  }
}

function invalidWith(what: string, protocol: number): CommandError {
  const name = ipProtocolName(protocol);
  return new CommandError(`${what} invalid with PROTO value "${name}"\n`, 1);
}

function takeIpProtocol(words: Words): number {
  const name = peek(words);
  if (name === 'any') {
    words.at++;
    return 0;
  }
  const known = name === null ? undefined : IP_PROTOCOLS[name.toLowerCase()];
  if (known === undefined) return takeNumber(words, 'PROTO value is invalid', 0, 255);
  words.at++;
  return known;
}

/** The name of an IP protocol, its number if it has none here. */
export function ipProtocolName(protocol: number): string {
  const found = Object.entries(IP_PROTOCOLS).find(([, number]) => number === protocol);
  return found === undefined ? String(protocol) : found[0];
}

/** `mark MARK [ mask MASK ]`; the word `mark` is taken already. */
export function takeXfrmMark(words: Words): XfrmMark {
  const value = takeNumber(words, 'MARK value is invalid\n');
  if (peek(words) !== 'mask') return { value, mask: 0xffffffff };
  words.at++;
  return { value, mask: takeNumber(words, 'MASK value is invalid\n') };
}

export function takeDirection(words: Words): XfrmDirection {
  const word = takeValue(words);
  if (word !== 'in' && word !== 'out' && word !== 'fwd') {
    throw wrongArgument(word, 'DIR value is invalid');
  }
  return word;
}

const MODES = ['transport', 'tunnel', 'ro', 'in_trigger', 'beet'] as const;

export function takeMode(words: Words): XfrmMode {
  const word = takeValue(words);
  const mode = findCommand(word, MODES);
  if (mode === null) throw wrongArgument(word, 'MODE value is invalid');
  if (mode !== 'transport' && mode !== 'tunnel') throw notEmulated('ip', `xfrm mode ${mode}`);
  return mode;
}

const LIMITS: Readonly<Record<string, keyof XfrmLimits>> = {
  'time-soft': 'softAddSec',
  'time-hard': 'hardAddSec',
  'time-use-soft': 'softUseSec',
  'time-use-hard': 'hardUseSec',
  'byte-soft': 'softBytes',
  'byte-hard': 'hardBytes',
  'packet-soft': 'softPackets',
  'packet-hard': 'hardPackets',
};

/** `limit LIMIT`; the word `limit` is taken already. */
export function takeLimit(words: Words, limits: Partial<Mutable<XfrmLimits>>): void {
  const word = takeValue(words);
  const key = LIMITS[word];
  if (key === undefined) throw wrongArgument(word, 'LIMIT value is invalid');
  const most = Number.MAX_SAFE_INTEGER;
  limits[key] = takeNumber(words, `value after "${word}" is invalid`, 0, most);
}

/** `flag FLAG-LIST`; the word `flag` is taken already. */
export function takeFlags(words: Words, names: readonly string[]): number {
  const first = peek(words);
  if (first?.startsWith('0x') === true) return takeNumber(words, 'FLAG value is invalid', 0, 255);
  if (first === null) takeValue(words);
  let flags = 0;
  for (let word = peek(words); word !== null && names.includes(word); word = peek(words)) {
    flags |= 1 << names.indexOf(word);
    take(words);
  }
  return flags;
}

/** Whether an address of a record is in the prefix that was asked for; left out: any. */
export function isInPrefix(
  address: number,
  prefix: number | undefined,
  length: number | undefined,
): boolean {
  return prefix === undefined || ((address ^ prefix) & maskOf(length ?? 32)) === 0;
}
