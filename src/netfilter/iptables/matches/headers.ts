/**
 * -m comment, mark, length, ttl, tos, dscp, mac, pkttype, iprange, tcpmss, icmp: options and texts.
 * @source extensions/libxt_*.c, libipt_ttl.c, libipt_icmp.c of iptables
 */
import { formatIpv4, parseIpv4 } from '../../../base/ipv4-address.ts';
import { formatMac, macHi, macLo, parseMac } from '../../../base/mac-address.ts';
import {
  type AddressRange,
  type MaskedTest,
  type NumberTest,
  testComment,
  testIprange,
  testLength,
  testMac,
  testMark,
  testPacketType,
  testTcpMss,
  testTos,
  testTtl,
} from '../../matches/header-tests.ts';
import { HOOK_FORWARD, HOOK_INPUT, HOOK_PREROUTING } from '../../netfilter-hooks.ts';
import { ANYWHERE, type ExtensionScope, makeMatch, NOWHERE } from '../../rule.ts';
import {
  findOption,
  type GivenOption,
  hexByte,
  type MatchExtension,
  markOf,
  markText,
  not,
  numberOf,
  ParameterProblem,
  quoted,
  rangeOf,
  rangeText,
  sameText,
} from '../extension.ts';
import { dscpOf, tosOf, tosText } from '../tos-names.ts';

/** Longest comment. @source include/uapi/linux/netfilter/xt_comment.h XT_MAX_COMMENT_LEN */
const COMMENT_MAX = 255;

export const commentMatch: MatchExtension = {
  name: 'comment',
  options: [{ names: ['comment'], argumentCount: 1, isRequired: true }],
  build: (given) => {
    const comment = (findOption(given, 'comment')?.value ?? '').slice(0, COMMENT_MAX);
    const text = sameText(` --comment ${quoted(comment)}`, ` /* ${comment} */`);
    return makeMatch('comment', testComment, null, text);
  },
};

export const markMatch: MatchExtension = {
  name: 'mark',
  options: [{ names: ['mark'], argumentCount: 1, canInvert: true, isRequired: true }],
  build: ([option]) => {
    const { value, mask } = markOf('mark', option!);
    const info: MaskedTest = { value, mask, isInverted: option!.isInverted };
    const sign = not(info.isInverted);
    const shown = markText(value, mask);
    const text = sameText(`${sign} --mark ${shown}`, ` mark match${sign} ${shown}`);
    return makeMatch('mark', testMark, info, text);
  },
};

export const lengthMatch: MatchExtension = {
  name: 'length',
  options: [{ names: ['length'], argumentCount: 1, canInvert: true, isRequired: true }],
  build: ([option]) => {
    const range = rangeOf('length', option!, 65535);
    const info: NumberTest = { ...range, isInverted: option!.isInverted };
    const shown = rangeText(range);
    const sign = info.isInverted ? '!' : '';
    const text = sameText(`${not(info.isInverted)} --length ${shown}`, ` length ${sign}${shown}`);
    return makeMatch('length', testLength, info, text);
  },
};

const TTL_ONE_OF = "TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt";

export const ttlMatch: MatchExtension = {
  name: 'ttl',
  options: [
    { names: ['ttl-lt'], argumentCount: 1, excludes: ['ttl-gt', 'ttl-eq'] },
    { names: ['ttl-gt'], argumentCount: 1, excludes: ['ttl-lt', 'ttl-eq'] },
    { names: ['ttl-eq', 'ttl'], argumentCount: 1, canInvert: true },
  ],
  build: ([option]) => {
    if (option === undefined) throw new ParameterProblem(TTL_ONE_OF);
    const value = numberOf('ttl', option, 0, 255);
    const { name, isInverted } = option;
    const save = `${not(isInverted)} --${name} ${value}`;
    let sign = isInverted ? '!=' : '==';
    let info: NumberTest = { min: value, max: value, isInverted };
    if (name === 'ttl-lt') {
      sign = '<';
      info = { min: 0, max: value - 1, isInverted: false };
    } else if (name === 'ttl-gt') {
      sign = '>';
      info = { min: value + 1, max: 255, isInverted: false };
    }
    return makeMatch('ttl', testTtl, info, sameText(save, ` TTL match TTL ${sign} ${value}`));
  },
};

export const tosMatch: MatchExtension = {
  name: 'tos',
  options: [{ names: ['tos'], argumentCount: 1, canInvert: true, isRequired: true }],
  build: ([option]) => {
    const { isInverted } = option!;
    const { value, mask } = tosOf(option!.value, 0x3f);
    const numbers = `${hexByte(value)}/${hexByte(mask)}`;
    const sign = isInverted ? '!' : '';
    const named = tosText(value, mask);
    return makeMatch(
      'tos',
      testTos,
      { value, mask, isInverted },
      {
        save: `${not(isInverted)} --tos ${numbers}`,
        list: named === null ? ` tos match${sign}${numbers}` : ` tos match${sign} ${named}`,
        listNumeric: ` tos match${sign}${numbers}`,
      },
    );
  },
};

export const dscpMatch: MatchExtension = {
  name: 'dscp',
  options: [
    { names: ['dscp'], argumentCount: 1, canInvert: true },
    { names: ['dscp-class'], argumentCount: 1, canInvert: true },
  ],
  build: ([option]) => {
    if (option === undefined) {
      throw new ParameterProblem('DSCP match: Parameter --dscp is required');
    }
    const { isInverted } = option;
    const dscp = option.name === 'dscp' ? numberOf('dscp', option, 0, 63) : dscpOf(option.value);
    const info: MaskedTest = { value: dscp << 2, mask: 0xfc, isInverted };
    const save = `${not(isInverted)} --dscp ${hexByte(dscp)}`;
    const list = ` DSCP match ${isInverted ? '!' : ''}${hexByte(dscp)}`;
    return makeMatch('dscp', testTos, info, sameText(save, list));
  },
};

const BEFORE_ROUTING_OUT: ExtensionScope = {
  hooks: (1 << HOOK_PREROUTING) | (1 << HOOK_INPUT) | (1 << HOOK_FORWARD),
  table: null,
  needsConntrack: false,
};

export const macMatch: MatchExtension = {
  name: 'mac',
  options: [{ names: ['mac-source'], argumentCount: 1, canInvert: true, isRequired: true }],
  build: ([option]) => {
    const mac = parseMac(option!.value);
    if (mac === null) throw new ParameterProblem('Invalid MAC address specified.');
    const { isInverted } = option!;
    const info = { hi: macHi(mac), lo: macLo(mac), isInverted };
    const shown = formatMac(mac);
    const text = sameText(
      `${not(isInverted)} --mac-source ${shown}`,
      ` MAC${not(isInverted)} ${shown}`,
    );
    return makeMatch('mac', testMac, info, text, BEFORE_ROUTING_OUT);
  },
};

const PACKET_TYPES = ['unicast', 'broadcast', 'multicast'];

export const pkttypeMatch: MatchExtension = {
  name: 'pkttype',
  options: [{ names: ['pkt-type'], argumentCount: 1, canInvert: true, isRequired: true }],
  build: ([option]) => {
    const word = option!.value.toLowerCase();
    const type = word === 'host' ? 0 : PACKET_TYPES.indexOf(word);
    if (type < 0) throw new ParameterProblem(`Bad packet type '${option!.value}'`);
    const { isInverted } = option!;
    const name = PACKET_TYPES[type]!;
    const list = ` PKTTYPE ${isInverted ? '!=' : '='} ${name}`;
    const text = sameText(`${not(isInverted)} --pkt-type ${name}`, list);
    return makeMatch('pkttype', testPacketType, { min: type, max: type, isInverted }, text);
  },
};

function readAddressRange(option: GivenOption | undefined): AddressRange | null {
  if (option === undefined) return null;
  const [first = '', last = first] = option.value.split('-');
  const number = (text: string): number => {
    const address = parseIpv4(text);
    if (address !== null) return address >>> 0;
    throw new ParameterProblem(`iprange: Bad value for "--${option.name}" option: "${text}"`);
  };
  return { min: number(first), max: number(last), isInverted: option.isInverted };
}

const addressRangeText = (range: AddressRange): string =>
  `${formatIpv4(range.min | 0)}-${formatIpv4(range.max | 0)}`;

export const iprangeMatch: MatchExtension = {
  name: 'iprange',
  options: [
    { names: ['src-range'], argumentCount: 1, canInvert: true },
    { names: ['dst-range'], argumentCount: 1, canInvert: true },
  ],
  build: (given) => {
    if (given.length === 0) {
      throw new ParameterProblem("iprange match: You must specify `--src-range' or `--dst-range'");
    }
    const source = readAddressRange(findOption(given, 'src-range'));
    const target = readAddressRange(findOption(given, 'dst-range'));
    let save = '';
    let list = '';
    if (source !== null) {
      const sign = not(source.isInverted);
      save += `${sign} --src-range ${addressRangeText(source)}`;
      list += ` source IP range${sign} ${addressRangeText(source)}`;
    }
    if (target !== null) {
      const sign = not(target.isInverted);
      save += `${sign} --dst-range ${addressRangeText(target)}`;
      list += ` destination IP range${sign} ${addressRangeText(target)}`;
    }
    return makeMatch('iprange', testIprange, { source, target }, sameText(save, list));
  },
};

export const tcpmssMatch: MatchExtension = {
  name: 'tcpmss',
  options: [{ names: ['mss'], argumentCount: 1, canInvert: true, isRequired: true }],
  build: ([option], rule) => {
    const range = rangeOf('tcpmss', option!, 65535);
    const { isInverted } = option!;
    const shown = rangeText(range);
    const text = sameText(
      `${not(isInverted)} --mss ${shown}`,
      ` tcpmss match ${isInverted ? '!' : ''}${shown}`,
    );
    const isTcp = rule.protocol === 6 && !rule.isProtocolInverted;
    const scope = isTcp ? ANYWHERE : NOWHERE;
    return makeMatch('tcpmss', testTcpMss, { ...range, isInverted }, text, scope);
  },
};
