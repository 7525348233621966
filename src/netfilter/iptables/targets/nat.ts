/**
 * -j DNAT, SNAT, MASQUERADE, REDIRECT, NETMAP: options and texts.
 * @source extensions/libxt_NAT.c, libipt_NETMAP.c
 */
import { formatIpv4 } from '../../../base/ipv4-address.ts';
import {
  makeNatRange,
  NAT_MAP_ADDRESS,
  NAT_PERSISTENT,
  NAT_PORT_OFFSET,
  NAT_PORT_RANDOM,
  NAT_PORT_RANDOM_FULLY,
  NAT_PORT_SPECIFIED,
  type NatRange,
} from '../../nat.ts';
import {
  HOOK_INPUT,
  HOOK_OUTPUT,
  HOOK_POSTROUTING,
  HOOK_PREROUTING,
} from '../../netfilter-hooks.ts';
import { type ExtensionScope, makeTarget } from '../../rule.ts';
import {
  actDnat,
  actMasquerade,
  actNetmap,
  actRedirect,
  actSnat,
} from '../../targets/nat-actions.ts';
import {
  addressOf,
  type ExtensionOption,
  findOption,
  type GivenOption,
  ParameterProblem,
  parseMasked,
  type RuleContext,
  sameText,
  type TargetExtension,
} from '../extension.ts';
import { parseUnsigned } from '../protocol-names.ts';
import { addressText } from '../rule-text.ts';

const scopeOf = (...hooks: number[]): ExtensionScope => ({
  hooks: hooks.reduce((bits, hook) => bits | (1 << hook), 0),
  table: 'nat',
  needsConntrack: true,
});

const TARGET_SCOPE = scopeOf(HOOK_PREROUTING, HOOK_OUTPUT);
const SOURCE_SCOPE = scopeOf(HOOK_POSTROUTING, HOOK_INPUT);

const RANDOM: ExtensionOption = { names: ['random'], argumentCount: 0 };
const RANDOM_FULLY: ExtensionOption = { names: ['random-fully'], argumentCount: 0 };
const PERSISTENT: ExtensionOption = { names: ['persistent'], argumentCount: 0 };

const PORT_PROTOCOLS = [1, 6, 17, 132, 33, 136];

function checkHasPorts(rule: RuleContext): void {
  if (PORT_PROTOCOLS.includes(rule.protocol)) return;
  throw new ParameterProblem('Need TCP, UDP, SCTP or DCCP with port specification');
}

function portOf(text: string): number {
  const port = parseUnsigned(text, 65535);
  if (port === null) throw new ParameterProblem(`Port \`${text}' not valid`);
  return port;
}

/** `80`, `80-90` or `80-90/100`. */
function readPorts(text: string, range: NatRange): void {
  const [ports = '', base] = text.split('/');
  const dash = ports.indexOf('-');
  range.minPort = portOf(dash < 0 ? ports : ports.slice(0, dash));
  range.maxPort = dash < 0 ? range.minPort : portOf(ports.slice(dash + 1));
  if (range.maxPort < range.minPort) {
    throw new ParameterProblem(`Port range \`${ports.slice(dash + 1)}' funky`);
  }
  range.flags |= NAT_PORT_SPECIFIED;
  if (base === undefined) return;
  range.basePort = portOf(base);
  range.flags |= NAT_PORT_OFFSET;
}

/** `[address[-address]][:ports]`. */
function readTo(text: string, range: NatRange, rule: RuleContext): void {
  const colon = text.indexOf(':');
  const addresses = colon < 0 ? text : text.slice(0, colon);
  if (colon >= 0) {
    checkHasPorts(rule);
    readPorts(text.slice(colon + 1), range);
  }
  if (addresses === '' && colon >= 0) return;
  const dash = addresses.indexOf('-');
  range.minAddress = addressOf(dash < 0 ? addresses : addresses.slice(0, dash));
  range.maxAddress = dash < 0 ? range.minAddress : addressOf(addresses.slice(dash + 1));
  range.flags |= NAT_MAP_ADDRESS;
}

function readFlags(given: readonly GivenOption[], range: NatRange): void {
  if (findOption(given, 'random') !== undefined) range.flags |= NAT_PORT_RANDOM;
  if (findOption(given, 'random-fully') !== undefined) range.flags |= NAT_PORT_RANDOM_FULLY;
  if (findOption(given, 'persistent') !== undefined) range.flags |= NAT_PERSISTENT;
}

function flagsText(range: NatRange, dashes: string): string {
  let text = '';
  if ((range.flags & NAT_PORT_RANDOM) !== 0) text += ` ${dashes}random`;
  if ((range.flags & NAT_PORT_RANDOM_FULLY) !== 0) text += ` ${dashes}random-fully`;
  if ((range.flags & NAT_PERSISTENT) !== 0) text += ` ${dashes}persistent`;
  return text;
}

function portsText(range: NatRange): string {
  if ((range.flags & NAT_PORT_SPECIFIED) === 0) return '';
  const { minPort, maxPort } = range;
  const ports = minPort === maxPort ? `${minPort}` : `${minPort}-${maxPort}`;
  return (range.flags & NAT_PORT_OFFSET) === 0 ? ports : `${ports}/${range.basePort}`;
}

function toText(range: NatRange): string {
  let text = '';
  if ((range.flags & NAT_MAP_ADDRESS) !== 0) {
    text = formatIpv4(range.minAddress);
    if (range.maxAddress !== range.minAddress) text += `-${formatIpv4(range.maxAddress)}`;
  }
  const ports = portsText(range);
  return ports === '' ? text : `${text}:${ports}`;
}

/** As unsigned, the higher address is the last of the range. */
function ordered(range: NatRange): NatRange {
  if (range.minAddress >>> 0 <= range.maxAddress >>> 0) return range;
  return { ...range, minAddress: range.maxAddress, maxAddress: range.minAddress };
}

function addressTarget(
  name: 'DNAT' | 'SNAT',
  option: string,
  act: typeof actDnat,
  scope: ExtensionScope,
): TargetExtension {
  const options: ExtensionOption[] = [
    { names: [option], argumentCount: 1, isRequired: true },
    RANDOM,
    RANDOM_FULLY,
    PERSISTENT,
  ];
  return {
    name,
    options: name === 'DNAT' ? options.filter((each) => each !== RANDOM_FULLY) : options,
    build: (given, rule) => {
      const range = makeNatRange();
      readTo(findOption(given, option)?.value ?? '', range, rule);
      readFlags(given, range);
      const to = toText(range);
      const save = ` --${option} ${to}${flagsText(range, '--')}`;
      const text = sameText(save, ` to:${to}${flagsText(range, '')}`);
      return makeTarget(name, act, ordered(range), text, scope);
    },
  };
}

function portTarget(
  name: 'MASQUERADE' | 'REDIRECT',
  act: typeof actMasquerade,
  scope: ExtensionScope,
): TargetExtension {
  const isMasquerade = name === 'MASQUERADE';
  return {
    name,
    options: [
      { names: ['to-ports'], argumentCount: 1 },
      RANDOM,
      ...(isMasquerade ? [RANDOM_FULLY] : []),
    ],
    build: (given, rule) => {
      const range = makeNatRange();
      const ports = findOption(given, 'to-ports')?.value;
      if (ports !== undefined) {
        checkHasPorts(rule);
        if (ports.includes(':')) {
          throw new ParameterProblem('Invalid port:port syntax - use dash');
        }
        readPorts(ports, range);
      }
      readFlags(given, range);
      const label = isMasquerade ? 'masq ports:' : 'redir ports';
      const portsGiven = portsText(range);
      const save = portsGiven === '' ? '' : ` --to-ports ${portsGiven}`;
      const list = portsGiven === '' ? '' : ` ${label} ${portsGiven}`;
      const text = sameText(save + flagsText(range, '--'), list + flagsText(range, ''));
      return makeTarget(name, act, range, text, scope);
    },
  };
}

export const dnatTarget = addressTarget('DNAT', 'to-destination', actDnat, TARGET_SCOPE);
export const snatTarget = addressTarget('SNAT', 'to-source', actSnat, SOURCE_SCOPE);
export const masqueradeTarget = portTarget('MASQUERADE', actMasquerade, scopeOf(HOOK_POSTROUTING));
export const redirectTarget = portTarget('REDIRECT', actRedirect, TARGET_SCOPE);

export const netmapTarget: TargetExtension = {
  name: 'NETMAP',
  options: [{ names: ['to'], argumentCount: 1, isRequired: true }],
  build: (given) => {
    const value = findOption(given, 'to')?.value ?? '';
    const parsed = parseMasked(value);
    if (parsed === null) {
      throw new ParameterProblem('getaddrinfo: Temporary failure in name resolution\n');
    }
    const to = addressText(parsed.address, parsed.mask);
    const scope = scopeOf(HOOK_PREROUTING, HOOK_POSTROUTING, HOOK_OUTPUT, HOOK_INPUT);
    return makeTarget('NETMAP', actNetmap, parsed, sameText(` --to ${to}`, ` to:${to}`), scope);
  },
};
