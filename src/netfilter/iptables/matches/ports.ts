/**
 * -m tcp, udp, multiport: options and texts.
 * @source extensions/libxt_tcp.c, libxt_udp.c, libxt_multiport.c
 */
import {
  type MultiportTest,
  type PortRange,
  type TcpTest,
  testMultiport,
  testTcp,
  testUdp,
} from '../../matches/port-tests.ts';
import {
  ANYWHERE,
  type ExtensionScope,
  type ExtensionText,
  makeMatch,
  NOWHERE,
} from '../../rule.ts';
import {
  type ExtensionOption,
  findOption,
  type GivenOption,
  hexByte,
  type MatchExtension,
  not,
  ParameterProblem,
  type RuleContext,
} from '../extension.ts';
import { parsePort, serviceName } from '../protocol-names.ts';

const SOURCE_PORT: ExtensionOption = {
  names: ['source-port', 'sport'],
  argumentCount: 1,
  canInvert: true,
};
const TARGET_PORT: ExtensionOption = {
  names: ['destination-port', 'dport'],
  argumentCount: 1,
  canInvert: true,
};

const ANY_PORT: PortRange = { min: 0, max: 65535, isInverted: false };

function parseTcpRange(option: GivenOption | undefined): PortRange {
  if (option === undefined) return ANY_PORT;
  const port = (text: string): number => {
    const value = parsePort(text, 'tcp') ?? parsePort(text, null);
    if (value === null) throw new ParameterProblem(`invalid port/service \`${text}' specified`);
    return value;
  };
  const { isInverted } = option;
  const colon = option.value.indexOf(':');
  if (colon < 0) {
    const only = port(option.value);
    return { min: only, max: only, isInverted };
  }
  const first = option.value.slice(0, colon);
  const last = option.value.slice(colon + 1);
  const min = first === '' ? 0 : port(first);
  const max = last === '' ? 65535 : port(last);
  if (min > max) throw new ParameterProblem('invalid portrange (min > max)');
  return { min, max, isInverted };
}

function checkTcpRange(value: string): void {
  parseTcpRange({ name: '', value, secondValue: '', isInverted: false });
}

function parseUdpRange(option: GivenOption | undefined): PortRange {
  if (option === undefined) return ANY_PORT;
  const port = (text: string): number => {
    // As the real one: a number too large is cut to 16 bits.
    if (/^\d+$/.test(text)) return Number(text) & 0xffff;
    const value = parsePort(text, null);
    if (value === null)
      throw new ParameterProblem(`Port "${text}" does not resolve to anything.\n`);
    return value;
  };
  const { isInverted } = option;
  const [first = '', last] = option.value.split(':');
  const min = first === '' && last !== undefined ? 0 : port(first);
  const max = last === undefined ? min : last === '' ? 65535 : port(last);
  return { min, max, isInverted };
}

const isAny = (range: PortRange): boolean =>
  range.min === 0 && range.max === 65535 && !range.isInverted;

function saveRange(range: PortRange, option: string): string {
  if (isAny(range)) return '';
  const text = range.min === range.max ? `${range.min}` : `${range.min}:${range.max}`;
  return `${not(range.isInverted)} --${option} ${text}`;
}

function listRange(range: PortRange, label: string, name: (port: number) => string): string {
  if (isAny(range)) return '';
  const sign = range.isInverted ? '!' : '';
  if (range.min === range.max) return ` ${label}:${sign}${name(range.min)}`;
  return ` ${label}s:${sign}${name(range.min)}:${name(range.max)}`;
}

function listPorts(source: PortRange, target: PortRange, protocol: 'tcp' | 'udp' | null): string {
  const name = (port: number) => (protocol === null ? String(port) : serviceName(port, protocol));
  return listRange(source, 'spt', name) + listRange(target, 'dpt', name);
}

const FLAG_NAMES: ReadonlyArray<readonly [string, number]> = [
  ['FIN', 0x01],
  ['SYN', 0x02],
  ['RST', 0x04],
  ['PSH', 0x08],
  ['ACK', 0x10],
  ['URG', 0x20],
  ['ALL', 0x3f],
  ['NONE', 0],
];

function parseFlags(text: string): number {
  let flags = 0;
  for (const part of text.split(',')) {
    if (part === '') continue;
    const flag = FLAG_NAMES.find(([name]) => name === part.toUpperCase());
    if (flag === undefined) throw new ParameterProblem(`Unknown TCP flag \`${part}'`);
    flags |= flag[1];
  }
  return flags;
}

function flagsText(flags: number): string {
  const names = FLAG_NAMES.filter(([name, bit]) => name !== 'ALL' && (flags & bit) !== 0);
  return flags === 0 ? 'NONE' : names.map(([name]) => name).join(',');
}

const upperByte = (value: number): string => `0x${hexByte(value).slice(2).toUpperCase()}`;

function tcpText(info: TcpTest): ExtensionText {
  const { flagMask, flags } = info;
  const sign = info.isFlagsInverted ? '!' : '';
  const hasFlags = flagMask !== 0 || info.isFlagsInverted;
  let save = saveRange(info.source, 'sport') + saveRange(info.target, 'dport');
  let middle = '';
  if (info.option !== 0) {
    save += `${not(info.isOptionInverted)} --tcp-option ${info.option}`;
    middle = ` option=${info.isOptionInverted ? '!' : ''}${info.option}`;
  }
  if (hasFlags) {
    save += `${not(info.isFlagsInverted)} --tcp-flags ${flagsText(flagMask)} ${flagsText(flags)}`;
  }
  const named = hasFlags ? ` flags:${sign}${flagsText(flagMask)}/${flagsText(flags)}` : '';
  const numeric = hasFlags ? ` flags:${sign}${upperByte(flagMask)}/${upperByte(flags)}` : '';
  return {
    save,
    list: ` tcp${listPorts(info.source, info.target, 'tcp')}${middle}${named}`,
    listNumeric: ` tcp${listPorts(info.source, info.target, null)}${middle}${numeric}`,
  };
}

/** Without its protocol before it the kernel refuses the match. */
function scopeOf(rule: RuleContext, protocol: number): ExtensionScope {
  return rule.protocol === protocol && !rule.isProtocolInverted ? ANYWHERE : NOWHERE;
}

function requireProtocol(rule: RuleContext, protocol: number, name: string): void {
  if (rule.protocol === protocol && !rule.isProtocolInverted) return;
  throw new ParameterProblem(`${name.toUpperCase()} match requires '-p ${name}'`);
}

export const tcpMatch: MatchExtension = {
  name: 'tcp',
  options: [
    { ...SOURCE_PORT, check: checkTcpRange },
    { ...TARGET_PORT, check: checkTcpRange },
    { names: ['syn'], argumentCount: 0, canInvert: true },
    { names: ['tcp-flags'], argumentCount: 2, canInvert: true },
    { names: ['tcp-option'], argumentCount: 1, canInvert: true },
  ],
  onRepeat: (option) => {
    const name = option.names[0]!;
    if (name === 'syn' || name === 'tcp-flags')
      return "Only one of `--syn' or `--tcp-flags'  allowed";
    return `Only one \`--${name}' allowed`;
  },
  build: (given, rule) => {
    if (given.length > 0) requireProtocol(rule, 6, 'tcp');
    const syn = findOption(given, 'syn');
    const flags = findOption(given, 'tcp-flags');
    if (syn !== undefined && flags !== undefined) {
      throw new ParameterProblem("Only one of `--syn' or `--tcp-flags'  allowed");
    }
    const option = findOption(given, 'tcp-option');
    const kind = option === undefined ? 0 : Number(option.value);
    if (option !== undefined && !(kind >= 1 && kind <= 255)) {
      throw new ParameterProblem(`Bad TCP option "${option.value}"`);
    }
    const flagMask = syn !== undefined ? 0x17 : flags === undefined ? 0 : parseFlags(flags.value);
    const wanted =
      syn !== undefined ? 0x02 : flags === undefined ? 0 : parseFlags(flags.secondValue);
    const info: TcpTest = {
      source: parseTcpRange(findOption(given, 'source-port')),
      target: parseTcpRange(findOption(given, 'destination-port')),
      flagMask,
      flags: wanted,
      isFlagsInverted: (syn ?? flags)?.isInverted ?? false,
      option: kind,
      isOptionInverted: option?.isInverted ?? false,
    };
    return makeMatch('tcp', testTcp, info, tcpText(info), scopeOf(rule, 6));
  },
};

export const udpMatch: MatchExtension = {
  name: 'udp',
  options: [SOURCE_PORT, TARGET_PORT],
  build: (given, rule) => {
    if (given.length > 0) requireProtocol(rule, 17, 'udp');
    const source = parseUdpRange(findOption(given, 'source-port'));
    const target = parseUdpRange(findOption(given, 'destination-port'));
    const text: ExtensionText = {
      save: saveRange(source, 'sport') + saveRange(target, 'dport'),
      list: ` udp${listPorts(source, target, 'udp')}`,
      listNumeric: ` udp${listPorts(source, target, null)}`,
    };
    return makeMatch('udp', testUdp, { source, target }, text, scopeOf(rule, 17));
  },
};

/** Ports that one multiport match may name; a range counts as two. */
const MULTIPORT_MAX = 15;

const MULTIPORT_KINDS = {
  'source-ports': { kind: 'source', save: 'sports', list: 'sports' },
  'destination-ports': { kind: 'target', save: 'dports', list: 'dports' },
  ports: { kind: 'either', save: 'ports', list: 'ports' },
} as const;

const MULTIPORT_PROTOCOLS = [6, 17, 136, 132, 33];

function checkMultiportProtocol(rule: RuleContext): void {
  if (rule.isProtocolInverted) {
    throw new ParameterProblem('multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP');
  }
  if (!MULTIPORT_PROTOCOLS.includes(rule.protocol)) {
    throw new ParameterProblem(
      "multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'",
    );
  }
}

function parseMultiport(text: string, protocol: 'tcp' | 'udp'): Uint16Array {
  const ranges: number[] = [];
  let count = 0;
  const port = (word: string): number => {
    const value = parsePort(word, protocol);
    if (value === null) throw new ParameterProblem(`invalid port/service \`${word}' specified`);
    return value;
  };
  for (const part of text.split(',')) {
    const [first = '', last] = part.split(':');
    const min = port(first);
    const max = last === undefined ? min : port(last);
    if (last !== undefined && min >= max) throw new ParameterProblem('invalid portrange specified');
    count += last === undefined ? 1 : 2;
    if (count > MULTIPORT_MAX) throw new ParameterProblem('too many ports specified');
    ranges.push(min, max);
  }
  return Uint16Array.from(ranges);
}

function multiportText(ranges: Uint16Array, name: (port: number) => string): string {
  const parts: string[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const min = ranges[i]!;
    const max = ranges[i + 1]!;
    parts.push(min === max ? name(min) : `${name(min)}:${name(max)}`);
  }
  return parts.join(',');
}

export const multiportMatch: MatchExtension = {
  name: 'multiport',
  options: [
    {
      names: ['source-ports', 'sports'],
      argumentCount: 1,
      canInvert: true,
      excludes: ['destination-ports', 'ports'],
    },
    {
      names: ['destination-ports', 'dports'],
      argumentCount: 1,
      canInvert: true,
      excludes: ['source-ports', 'ports'],
    },
    { names: ['ports'], argumentCount: 1, canInvert: true },
  ],
  build: (given, rule) => {
    checkMultiportProtocol(rule);
    const [option] = given;
    if (option === undefined) throw new ParameterProblem('multiport expection an option');
    // The names given are those of the options above.
    const { kind, save, list } = MULTIPORT_KINDS[option.name as keyof typeof MULTIPORT_KINDS];
    const protocol = rule.protocol === 17 ? 'udp' : 'tcp';
    const ranges = parseMultiport(option.value, protocol);
    const info: MultiportTest = { kind, ranges, isInverted: option.isInverted };
    const sign = option.isInverted ? ' !' : '';
    const numeric = multiportText(ranges, String);
    const named = multiportText(ranges, (port) => serviceName(port, protocol));
    return makeMatch('multiport', testMultiport, info, {
      save: `${not(option.isInverted)} --${save} ${numeric}`,
      list: ` multiport ${list} ${sign}${named}`,
      listNumeric: ` multiport ${list} ${sign}${numeric}`,
    });
  },
};
