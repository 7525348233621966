/**
 * -m conntrack, state, connmark: options and texts.
 * @source extensions/libxt_conntrack.c, libxt_connmark.c
 */
import { formatIpv4 } from '../../../base/ipv4-address.ts';
import { FLOW_ASSURED, FLOW_CONFIRMED, FLOW_SEEN_REPLY } from '../../conntrack-flow.ts';
import {
  type ConntrackTest,
  type FlowAddressTest,
  STATE_DNAT,
  STATE_ESTABLISHED,
  STATE_INVALID,
  STATE_NEW,
  STATE_RELATED,
  STATE_SNAT,
  STATE_UNTRACKED,
  testConnmark,
  testConntrack,
} from '../../matches/conntrack-tests.ts';
import type { PortRange } from '../../matches/port-tests.ts';
import { ANYWHERE_TRACKED, makeMatch } from '../../rule.ts';
import {
  type ExtensionOption,
  findOption,
  type GivenOption,
  type MatchExtension,
  markOf,
  markText,
  not,
  ParameterProblem,
  parseMasked,
  rangeOf,
  rangeText,
  sameText,
} from '../extension.ts';
import { parseProtocol } from '../protocol-names.ts';
import { prefixLengthOf } from '../rule-text.ts';

const STATES: ReadonlyArray<readonly [string, number]> = [
  ['INVALID', STATE_INVALID],
  ['NEW', STATE_NEW],
  ['RELATED', STATE_RELATED],
  ['ESTABLISHED', STATE_ESTABLISHED],
  ['UNTRACKED', STATE_UNTRACKED],
  ['SNAT', STATE_SNAT],
  ['DNAT', STATE_DNAT],
];

/** IPS_EXPECTED: netsim has no helpers, so no flow is ever expected. */
const FLOW_EXPECTED = 1;

const STATUSES: ReadonlyArray<readonly [string, number]> = [
  ['EXPECTED', FLOW_EXPECTED],
  ['SEEN_REPLY', FLOW_SEEN_REPLY],
  ['ASSURED', FLOW_ASSURED],
  ['CONFIRMED', FLOW_CONFIRMED],
];

/** Names joined by commas as bits; a name may be cut short, as with the real one. */
function parseBits(
  text: string,
  names: ReadonlyArray<readonly [string, number]>,
  label: string,
): number {
  let bits = 0;
  for (const part of text.split(',')) {
    const word = part.toUpperCase();
    const found = names.find(([name]) => name === word);
    if (found === undefined) throw new ParameterProblem(`Bad ${label} "${part}"`);
    bits |= found[1];
  }
  return bits;
}

function bitsText(bits: number, names: ReadonlyArray<readonly [string, number]>): string {
  return names
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name)
    .join(',');
}

const NOTHING: ConntrackTest = {
  states: 0,
  isStatesInverted: false,
  statuses: -1,
  isStatusesInverted: false,
  protocol: 0,
  isProtocolInverted: false,
  originalSource: null,
  originalTarget: null,
  replySource: null,
  replyTarget: null,
  originalSourcePort: null,
  originalTargetPort: null,
  replySourcePort: null,
  replyTargetPort: null,
  expires: null,
  direction: -1,
};

function readAddress(option: GivenOption | undefined): FlowAddressTest | null {
  if (option === undefined) return null;
  const parsed = parseMasked(option.value);
  if (parsed === null) throw new ParameterProblem(`host/network \`${option.value}' not found`);
  return { ...parsed, isInverted: option.isInverted };
}

function readRange(option: GivenOption | undefined, max: number): PortRange | null {
  if (option === undefined) return null;
  return { ...rangeOf('conntrack', option, max), isInverted: option.isInverted };
}

function readDirection(option: GivenOption | undefined): number {
  if (option === undefined) return -1;
  const index = ['ORIGINAL', 'REPLY'].indexOf(option.value.toUpperCase());
  if (index < 0)
    throw new ParameterProblem(`conntrack: Bad value for "--ctdir" option: "${option.value}"`);
  return index;
}

function readProtocol(option: GivenOption | undefined): number {
  if (option === undefined) return 0;
  const protocol = parseProtocol(option.value);
  if (protocol === null) {
    throw new ParameterProblem(`unknown protocol "${option.value}" specified`);
  }
  if (protocol === 0 && option.isInverted) {
    throw new ParameterProblem('conntrack: rule would never match protocol');
  }
  return protocol;
}

function addressText(test: FlowAddressTest): string {
  const length = prefixLengthOf(test.mask);
  const text = formatIpv4(test.address);
  return length < 0 || length === 32 ? text : `${text}/${length}`;
}

/** Word by word, for both the saved form (with dashes) and the listed one. */
function conntrackText(info: ConntrackTest, dashes: string): string {
  let text = '';
  const add = (name: string, isInverted: boolean, value: string): void => {
    text += `${not(isInverted)} ${dashes}${name} ${value}`;
  };
  const addAddress = (name: string, test: FlowAddressTest | null): void => {
    if (test !== null) add(name, test.isInverted, addressText(test));
  };
  const addRange = (name: string, test: PortRange | null): void => {
    if (test !== null) add(name, test.isInverted, rangeText(test));
  };
  if (info.states !== 0) add('ctstate', info.isStatesInverted, bitsText(info.states, STATES));
  if (info.protocol !== 0) add('ctproto', info.isProtocolInverted, String(info.protocol));
  addAddress('ctorigsrc', info.originalSource);
  addAddress('ctorigdst', info.originalTarget);
  addAddress('ctreplsrc', info.replySource);
  addAddress('ctrepldst', info.replyTarget);
  addRange('ctorigsrcport', info.originalSourcePort);
  addRange('ctorigdstport', info.originalTargetPort);
  addRange('ctreplsrcport', info.replySourcePort);
  addRange('ctrepldstport', info.replyTargetPort);
  if (info.statuses >= 0) {
    const names = info.statuses === 0 ? 'NONE' : bitsText(info.statuses, STATUSES);
    add('ctstatus', info.isStatusesInverted, names);
  }
  addRange('ctexpire', info.expires);
  if (info.direction >= 0) add('ctdir', false, info.direction === 0 ? 'ORIGINAL' : 'REPLY');
  return text;
}

const invertible = (name: string): ExtensionOption => ({
  names: [name],
  argumentCount: 1,
  canInvert: true,
});

export const conntrackMatch: MatchExtension = {
  name: 'conntrack',
  options: [
    invertible('ctstate'),
    invertible('ctproto'),
    invertible('ctorigsrc'),
    invertible('ctorigdst'),
    invertible('ctreplsrc'),
    invertible('ctrepldst'),
    invertible('ctstatus'),
    invertible('ctexpire'),
    invertible('ctorigsrcport'),
    invertible('ctorigdstport'),
    invertible('ctreplsrcport'),
    invertible('ctrepldstport'),
    { names: ['ctdir'], argumentCount: 1 },
  ],
  build: (given) => {
    if (given.length === 0)
      throw new ParameterProblem('conntrack: At least one option is required');
    const option = (name: string) => findOption(given, name);
    const isInverted = (name: string) => option(name)?.isInverted ?? false;
    const states = option('ctstate');
    const statuses = option('ctstatus');
    const statusNames: ReadonlyArray<readonly [string, number]> = [...STATUSES, ['NONE', 0]];
    const info: ConntrackTest = {
      ...NOTHING,
      states: states === undefined ? 0 : parseBits(states.value, STATES, 'ctstate'),
      isStatesInverted: isInverted('ctstate'),
      statuses: statuses === undefined ? -1 : parseBits(statuses.value, statusNames, 'ctstatus'),
      isStatusesInverted: isInverted('ctstatus'),
      protocol: readProtocol(option('ctproto')),
      isProtocolInverted: isInverted('ctproto'),
      originalSource: readAddress(option('ctorigsrc')),
      originalTarget: readAddress(option('ctorigdst')),
      replySource: readAddress(option('ctreplsrc')),
      replyTarget: readAddress(option('ctrepldst')),
      originalSourcePort: readRange(option('ctorigsrcport'), 65535),
      originalTargetPort: readRange(option('ctorigdstport'), 65535),
      replySourcePort: readRange(option('ctreplsrcport'), 65535),
      replyTargetPort: readRange(option('ctrepldstport'), 65535),
      expires: readRange(option('ctexpire'), 0xffffffff),
      direction: readDirection(option('ctdir')),
    };
    const text = sameText(conntrackText(info, '--'), conntrackText(info, ''));
    return makeMatch('conntrack', testConntrack, info, text, ANYWHERE_TRACKED);
  },
};

export const stateMatch: MatchExtension = {
  name: 'state',
  options: [{ names: ['state'], argumentCount: 1, canInvert: true, isRequired: true }],
  build: ([option]) => {
    const states = parseBits(option!.value, STATES.slice(0, 5), 'state');
    const { isInverted } = option!;
    const info: ConntrackTest = { ...NOTHING, states, isStatesInverted: isInverted };
    const names = bitsText(states, STATES);
    const sign = not(isInverted);
    const text = sameText(`${sign} --state ${names}`, `${sign} state ${names}`);
    return makeMatch('state', testConntrack, info, text, ANYWHERE_TRACKED);
  },
};

export const connmarkMatch: MatchExtension = {
  name: 'connmark',
  options: [{ names: ['mark'], argumentCount: 1, canInvert: true, isRequired: true }],
  build: ([option]) => {
    const { value, mask } = markOf('connmark', option!);
    const { isInverted } = option!;
    const shown = markText(value, mask);
    const list = ` connmark match ${isInverted ? '!' : ''} ${shown}`;
    const text = sameText(`${not(isInverted)} --mark ${shown}`, list);
    return makeMatch('connmark', testConnmark, { value, mask, isInverted }, text, ANYWHERE_TRACKED);
  },
};
