/**
 * The command line of `conntrack`.
 * @source conntrack-tools 1.4.7 src/conntrack.c main(), do_parse()
 */
import type { FlowEvent } from '../../netfilter/conntrack-table.ts';
import { PROTOCOL_ICMP } from '../../protocols/ipv4.ts';
import {
  applyFilterOption,
  BadValue,
  type FlowFilter,
  makeFlowFilter,
} from './conntrack-filter.ts';

/** Letters; `:` takes a value, `?` may take one. Capitals are commands, which may name a table. */
const SHORT = 'L?G?D?I?U?E?F?C?SVhA?s:d:r:q:p:f:t:u:m:c:e:zo:n?g?j?w:l:b:';
const COMMANDS = 'LGDIUEFCSVhA';

const LONG: Readonly<Record<string, string>> = {
  dump: 'L',
  create: 'I',
  add: 'A',
  delete: 'D',
  update: 'U',
  get: 'G',
  flush: 'F',
  event: 'E',
  counter: 'C',
  count: 'C',
  stats: 'S',
  version: 'V',
  help: 'h',
  'orig-src': 's',
  src: 's',
  'orig-dst': 'd',
  dst: 'd',
  'reply-src': 'r',
  'reply-dst': 'q',
  protonum: 'p',
  timeout: 't',
  status: 'u',
  zero: 'z',
  'event-mask': 'e',
  'mask-src': 'mask-src',
  'mask-dst': 'mask-dst',
  mark: 'm',
  secmark: 'c',
  family: 'f',
  'src-nat': 'n',
  'dst-nat': 'g',
  'any-nat': 'j',
  output: 'o',
  zone: 'w',
  label: 'l',
  'buffer-size': 'b',
};

const PORT_OPTIONS: Readonly<Record<string, string>> = {
  sport: 'sport',
  'orig-port-src': 'sport',
  dport: 'dport',
  'orig-port-dst': 'dport',
  'reply-port-src': 'reply-sport',
  'reply-port-dst': 'reply-dport',
};
const ICMP_OPTIONS: Readonly<Record<string, string>> = {
  'icmp-type': 'icmp-type',
  'icmp-code': 'icmp-code',
  'icmp-id': 'icmp-id',
};

/** What a command line asks for. */
export interface ConntrackRequest {
  command: string;
  table: string;
  readonly filter: FlowFilter;
  readonly outputs: Set<string>;
  readonly events: Set<FlowEvent>;
  readonly given: string[];
}

/** Reads a command line. Throws BadValue with the message of the first mistake. */
export function readConntrackRequest(args: readonly string[]): ConntrackRequest {
  const request: ConntrackRequest = {
    command: '',
    table: 'conntrack',
    filter: makeFlowFilter(),
    outputs: new Set(),
    events: new Set(),
    given: [],
  };
  readArguments(request, args);
  return request;
}

function readArguments(request: ConntrackRequest, args: readonly string[]): void {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === '-' || !arg.startsWith('-')) continue; // an operand that nobody asked for
    if (arg.startsWith('--')) {
      const equals = arg.indexOf('=');
      const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
      const letter = longOption(request, name);
      if (letter === null) throw new BadValue(`unknown option \`--${name}'`);
      const kind = letter.length === 1 ? kindOf(letter) : ':';
      const value = equals < 0 ? valueAfter(args, i, kind) : arg.slice(equals + 1);
      if (value === undefined) throw new BadValue(`option \`--${name}' requires an argument`);
      if (equals < 0 && value !== '') i++;
      apply(request, letter, value);
      continue;
    }
    for (let k = 1; k < arg.length; k++) {
      const letter = arg[k]!;
      const kind = kindOf(letter);
      if (kind === null) throw new BadValue(`unknown option \`-${letter}'`);
      const rest = kind === '' ? '' : arg.slice(k + 1);
      const value = rest !== '' ? rest : valueAfter(args, i, kind);
      if (value === undefined) throw new BadValue(`option \`-${letter}' requires an argument`);
      if (rest === '' && value !== '') i++;
      apply(request, letter, value);
      if (rest !== '' || value !== '') break;
    }
  }
}

/** `:`, `?` or '' as the letter takes a value; null: there is no such option. */
function kindOf(letter: string): string | null {
  const at = /[a-zA-Z]/.test(letter) ? SHORT.indexOf(letter) : -1;
  if (at < 0) return null;
  const next = SHORT[at + 1];
  return next === ':' || next === '?' ? next : '';
}

/** The value in the next argument; '' if the option takes none, undefined if it is missing. */
function valueAfter(
  args: readonly string[],
  index: number,
  kind: string | null,
): string | undefined {
  const next = args[index + 1];
  if (kind === ':') return next;
  if (kind === '?' && next !== undefined && !next.startsWith('-')) return next;
  return '';
}

/** The options of a protocol exist only once -p has named it. */
function longOption(request: ConntrackRequest, name: string): string | null {
  const { protocol } = request.filter;
  const known: Record<string, string> = { ...LONG };
  if (protocol === PROTOCOL_ICMP) Object.assign(known, ICMP_OPTIONS);
  if (protocol === 6 || protocol === 17 || protocol === 132 || protocol === 136) {
    Object.assign(known, PORT_OPTIONS);
  }
  if (protocol === 6) known.state = 'state';
  if (Object.hasOwn(known, name)) return known[name]!;
  const matches = Object.keys(known).filter((each) => each.startsWith(name));
  return matches.length === 1 ? known[matches[0]!]! : null;
}

function apply(request: ConntrackRequest, option: string, value: string): void {
  if (COMMANDS.includes(option)) {
    if (request.command !== '') throw new BadValue('Invalid commands combination');
    request.command = option;
    if (value === '') return;
    if (!['conntrack', 'expect', 'dying', 'unconfirmed'].includes(value)) {
      throw new BadValue(`unknown type \`${value}'`);
    }
    request.table = value;
    return;
  }
  request.given.push(option);
  if (option === 'o') {
    for (const word of value.split(',')) {
      if (!OUTPUTS.includes(word)) throw new BadValue(`Bad parameter \`${word}'`);
      request.outputs.add(word);
    }
  } else if (option === 'e') {
    for (const word of value.split(',')) {
      if (word === 'ALL') for (const each of EVENTS) request.events.add(each);
      else if (word === 'UPDATES' || word === 'UPDATE') request.events.add('UPDATE');
      else if (word === 'NEW' || word === 'DESTROY') request.events.add(word);
      else throw new BadValue(`Bad parameter \`${word}'`);
    }
  } else {
    applyFilterOption(request.filter, option, value);
  }
}

const OUTPUTS = ['xml', 'extended', 'timestamp', 'id', 'ktimestamp', 'labels', 'userspace', 'save'];
const EVENTS: readonly FlowEvent[] = ['NEW', 'UPDATE', 'DESTROY'];
