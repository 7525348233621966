/**
 * -m ipvs: options and texts.
 * @source extensions/libxt_ipvs.c
 */
import { formatIpv4 } from '../../../base/ipv4-address.ts';
import type { IpvsCondition, IpvsMatchInfo } from '../../ipvs/match.ts';
import { FORWARD_MASQ, FORWARD_ROUTE, FORWARD_TUNNEL } from '../../ipvs/service.ts';
import { testIpvs } from '../../matches/device-tests.ts';
import { makeMatch } from '../../rule.ts';
import {
  findOption,
  type GivenOption,
  type MatchExtension,
  not,
  numberOf,
  ParameterProblem,
  parseMasked,
  sameText,
} from '../extension.ts';
import { parseProtocol } from '../protocol-names.ts';
import { prefixLengthOf } from '../rule-text.ts';

const METHODS: Readonly<Record<string, number>> = {
  GATE: FORWARD_ROUTE,
  IPIP: FORWARD_TUNNEL,
  MASQ: FORWARD_MASQ,
};

function badValue(option: string, value: string): ParameterProblem {
  return new ParameterProblem(`ipvs: Bad value for "--${option}" option: "${value}"`);
}

/** The condition of an option, null if it was not given. */
function conditionOf<Value>(
  given: readonly GivenOption[],
  name: string,
  parse: (option: GivenOption) => Value,
): IpvsCondition<Value> | null {
  const option = findOption(given, name);
  return option === undefined ? null : { value: parse(option), isInverted: option.isInverted };
}

function parseDirection(option: GivenOption): boolean {
  const word = option.value.toUpperCase();
  if (word !== 'ORIGINAL' && word !== 'REPLY') throw badValue('vdir', option.value);
  return word === 'REPLY';
}

function parseMethod(option: GivenOption): number {
  const method = METHODS[option.value.toUpperCase()];
  if (method === undefined) throw badValue('vmethod', option.value);
  return method;
}

function parseProtocolName(option: GivenOption): number {
  const protocol = parseProtocol(option.value);
  if (protocol === null) {
    throw new ParameterProblem(`unknown protocol "${option.value}" specified`);
  }
  return protocol;
}

function readConditions(given: readonly GivenOption[]): IpvsMatchInfo {
  const port = (option: GivenOption): number => numberOf('ipvs', option, 0, 65535);
  return {
    handled: conditionOf(given, 'ipvs', () => true as const),
    protocol: conditionOf(given, 'vproto', parseProtocolName),
    address: conditionOf(given, 'vaddr', (option) => {
      const parsed = parseMasked(option.value);
      if (parsed === null) throw badValue('vaddr', option.value);
      return parsed;
    }),
    port: conditionOf(given, 'vport', port),
    controlPort: conditionOf(given, 'vportctl', port),
    isReply: conditionOf(given, 'vdir', parseDirection),
    method: conditionOf(given, 'vmethod', parseMethod),
  };
}

function textOf(info: IpvsMatchInfo, isAlone: boolean, dashes: string): string {
  let text = '';
  const add = <Value>(
    condition: IpvsCondition<Value> | null,
    name: string,
    print: (value: Value) => string,
  ): void => {
    if (condition === null) return;
    text += `${not(condition.isInverted)} ${dashes}${name}${print(condition.value)}`;
  };
  if (isAlone) add(info.handled, 'ipvs', () => '');
  add(info.protocol, 'vproto', (value) => ` ${value}`);
  add(info.address, 'vaddr', ({ address, mask }) => {
    const length = prefixLengthOf(mask);
    return ` ${formatIpv4(address)}${length === 32 ? '' : `/${length}`}`;
  });
  add(info.port, 'vport', (value) => ` ${value}`);
  add(info.isReply, 'vdir', (value) => (value ? ' REPLY' : ' ORIGINAL'));
  add(info.method, 'vmethod', (value) => {
    const name = Object.keys(METHODS).find((each) => METHODS[each] === value);
    return ` ${name}`;
  });
  add(info.controlPort, 'vportctl', (value) => ` ${value}`);
  return text;
}

export const ipvsMatch: MatchExtension = {
  name: 'ipvs',
  options: [
    { names: ['ipvs'], argumentCount: 0, canInvert: true },
    { names: ['vproto'], argumentCount: 1, canInvert: true },
    { names: ['vaddr'], argumentCount: 1, canInvert: true },
    { names: ['vport'], argumentCount: 1, canInvert: true },
    { names: ['vdir'], argumentCount: 1 },
    { names: ['vmethod'], argumentCount: 1, canInvert: true },
    { names: ['vportctl'], argumentCount: 1, canInvert: true },
  ],
  build: (given) => {
    if (given.length === 0) throw new ParameterProblem('IPVS: At least one option is required');
    const info = readConditions(given);
    const isAlone = given.every((option) => option.name === 'ipvs');
    if (!isAlone && info.handled?.isInverted === true) {
      throw new ParameterProblem('! --ipvs cannot be together with other options');
    }
    const text = sameText(textOf(info, isAlone, '--'), textOf(info, isAlone, ''));
    return makeMatch('ipvs', testIpvs, info, text);
  },
};
