import {
  type AddrtypeTest,
  type PhysdevTest,
  testAddrtype,
  testPhysdev,
} from '../../matches/device-tests.ts';
import {
  HOOK_INPUT,
  HOOK_OUTPUT,
  HOOK_POSTROUTING,
  HOOK_PREROUTING,
} from '../../netfilter-hooks.ts';
import { ANY_HOOK, type ExtensionScope, makeMatch } from '../../rule.ts';
import {
  findOption,
  type GivenOption,
  type MatchExtension,
  not,
  ParameterProblem,
  sameText,
} from '../extension.ts';
import { interfaceText, parseInterface } from '../rule-text.ts';

/** By number of the route type. @source include/uapi/linux/rtnetlink.h */
const ADDRESS_TYPES = [
  'UNSPEC',
  'UNICAST',
  'LOCAL',
  'BROADCAST',
  'ANYCAST',
  'MULTICAST',
  'BLACKHOLE',
  'UNREACHABLE',
  'PROHIBIT',
  'THROW',
  'NAT',
  'XRESOLVE',
];

function readTypes(option: GivenOption | undefined): number {
  if (option === undefined) return 0;
  let bits = 0;
  for (const part of option.value.split(',')) {
    const type = ADDRESS_TYPES.indexOf(part.toUpperCase());
    if (type < 0) throw new ParameterProblem(`addrtype: bad type "${part}"`);
    bits |= 1 << type;
  }
  return bits;
}

const typesText = (bits: number): string =>
  ADDRESS_TYPES.filter((_, type) => (bits & (1 << type)) !== 0).join(',');

const hooksWithout = (...hooks: number[]): ExtensionScope => ({
  hooks: hooks.reduce((bits, hook) => bits & ~(1 << hook), ANY_HOOK),
  table: null,
  needsConntrack: false,
});

const LIMIT_SCOPES: Readonly<Record<AddrtypeTest['limit'], ExtensionScope>> = {
  '': hooksWithout(),
  in: hooksWithout(HOOK_POSTROUTING, HOOK_OUTPUT),
  out: hooksWithout(HOOK_PREROUTING, HOOK_INPUT),
};

export const addrtypeMatch: MatchExtension = {
  name: 'addrtype',
  options: [
    { names: ['src-type'], argumentCount: 1, canInvert: true },
    { names: ['dst-type'], argumentCount: 1, canInvert: true },
    { names: ['limit-iface-in'], argumentCount: 0, excludes: ['limit-iface-out'] },
    { names: ['limit-iface-out'], argumentCount: 0, excludes: ['limit-iface-in'] },
  ],
  build: (given) => {
    const source = findOption(given, 'src-type');
    const target = findOption(given, 'dst-type');
    if (source === undefined && target === undefined) {
      throw new ParameterProblem('addrtype: you must specify --src-type or --dst-type');
    }
    const isIn = findOption(given, 'limit-iface-in') !== undefined;
    const isOut = findOption(given, 'limit-iface-out') !== undefined;
    const info: AddrtypeTest = {
      sourceTypes: readTypes(source),
      isSourceInverted: source?.isInverted ?? false,
      targetTypes: readTypes(target),
      isTargetInverted: target?.isInverted ?? false,
      limit: isIn ? 'in' : isOut ? 'out' : '',
    };
    let save = '';
    let list = ' ADDRTYPE match';
    if (source !== undefined) {
      save += `${not(source.isInverted)} --src-type ${typesText(info.sourceTypes)}`;
      list += ` src-type ${source.isInverted ? '!' : ''}${typesText(info.sourceTypes)}`;
    }
    if (target !== undefined) {
      save += `${not(target.isInverted)} --dst-type ${typesText(info.targetTypes)}`;
      list += ` dst-type ${target.isInverted ? '!' : ''}${typesText(info.targetTypes)}`;
    }
    if (info.limit !== '') {
      save += ` --limit-iface-${info.limit}`;
      list += ` limit-${info.limit}`;
    }
    return makeMatch(
      'addrtype',
      testAddrtype,
      info,
      sameText(save, list),
      LIMIT_SCOPES[info.limit],
    );
  },
};

/** How an option without an argument was given: 1, inverted -1, not at all 0. */
function flagOf(option: GivenOption | undefined): number {
  if (option === undefined) return 0;
  return option.isInverted ? -1 : 1;
}

function physdevText(info: PhysdevTest): string {
  const flag = (value: number, name: string): string =>
    value === 0 ? '' : `${not(value < 0)} --${name}`;
  let text = flag(info.isIn, 'physdev-is-in');
  if (info.inPort !== null) {
    text += `${not(info.inPort.isInverted)} --physdev-in ${interfaceText(info.inPort)}`;
  }
  text += flag(info.isOut, 'physdev-is-out');
  if (info.outPort !== null) {
    text += `${not(info.outPort.isInverted)} --physdev-out ${interfaceText(info.outPort)}`;
  }
  return text + flag(info.isBridged, 'physdev-is-bridged');
}

export const physdevMatch: MatchExtension = {
  name: 'physdev',
  options: [
    { names: ['physdev-in'], argumentCount: 1, canInvert: true },
    { names: ['physdev-out'], argumentCount: 1, canInvert: true },
    { names: ['physdev-is-in'], argumentCount: 0, canInvert: true },
    { names: ['physdev-is-out'], argumentCount: 0, canInvert: true },
    { names: ['physdev-is-bridged'], argumentCount: 0, canInvert: true },
  ],
  build: (given) => {
    if (given.length === 0) throw new ParameterProblem('PHYSDEV: no physdev option specified');
    const port = (name: string) => {
      const option = findOption(given, name);
      return option === undefined ? null : parseInterface(option.value, option.isInverted);
    };
    const info: PhysdevTest = {
      inPort: port('physdev-in'),
      outPort: port('physdev-out'),
      isIn: flagOf(findOption(given, 'physdev-is-in')),
      isOut: flagOf(findOption(given, 'physdev-is-out')),
      isBridged: flagOf(findOption(given, 'physdev-is-bridged')),
    };
    const asksOut = info.outPort !== null || info.isOut !== 0;
    const scope = asksOut && info.isBridged <= 0 ? hooksWithout(HOOK_OUTPUT) : hooksWithout();
    const shown = physdevText(info);
    return makeMatch(
      'physdev',
      testPhysdev,
      info,
      sameText(shown, ` PHYSDEV match${shown}`),
      scope,
    );
  },
};
