/**
 * -m icmp: names of types and texts.
 * @source extensions/libipt_icmp.c, libxt_icmp.h
 */
import { type IcmpTest, testIcmp } from '../../matches/port-tests.ts';
import { makeMatch } from '../../rule.ts';
import { type MatchExtension, not, ParameterProblem } from '../extension.ts';
import { parseUnsigned } from '../protocol-names.ts';

/** Name, type, first and last code. */
const ICMP_NAMES: ReadonlyArray<readonly [string, number, number, number]> = [
  ['any', 255, 0, 255],
  ['echo-reply', 0, 0, 255],
  ['pong', 0, 0, 255],
  ['destination-unreachable', 3, 0, 255],
  ['network-unreachable', 3, 0, 0],
  ['host-unreachable', 3, 1, 1],
  ['protocol-unreachable', 3, 2, 2],
  ['port-unreachable', 3, 3, 3],
  ['fragmentation-needed', 3, 4, 4],
  ['source-route-failed', 3, 5, 5],
  ['network-unknown', 3, 6, 6],
  ['host-unknown', 3, 7, 7],
  ['network-prohibited', 3, 9, 9],
  ['host-prohibited', 3, 10, 10],
  ['TOS-network-unreachable', 3, 11, 11],
  ['TOS-host-unreachable', 3, 12, 12],
  ['communication-prohibited', 3, 13, 13],
  ['host-precedence-violation', 3, 14, 14],
  ['precedence-cutoff', 3, 15, 15],
  ['source-quench', 4, 0, 255],
  ['redirect', 5, 0, 255],
  ['network-redirect', 5, 0, 0],
  ['host-redirect', 5, 1, 1],
  ['TOS-network-redirect', 5, 2, 2],
  ['TOS-host-redirect', 5, 3, 3],
  ['echo-request', 8, 0, 255],
  ['ping', 8, 0, 255],
  ['router-advertisement', 9, 0, 255],
  ['router-solicitation', 10, 0, 255],
  ['time-exceeded', 11, 0, 255],
  ['ttl-exceeded', 11, 0, 255],
  ['ttl-zero-during-transit', 11, 0, 0],
  ['ttl-zero-during-reassembly', 11, 1, 1],
  ['parameter-problem', 12, 0, 255],
  ['ip-header-bad', 12, 0, 0],
  ['required-option-missing', 12, 1, 1],
  ['timestamp-request', 13, 0, 255],
  ['timestamp-reply', 14, 0, 255],
  ['address-mask-request', 17, 0, 255],
  ['address-mask-reply', 18, 0, 255],
];

function parseIcmp(text: string, isInverted: boolean): IcmpTest {
  const found = ICMP_NAMES.filter(([name]) => name.toLowerCase().startsWith(text.toLowerCase()));
  const exact = found.find(([name]) => name.toLowerCase() === text.toLowerCase());
  const [first, second] = exact === undefined ? found : [exact];
  if (first !== undefined && second !== undefined) {
    const choice = `\`${first[0]}' or \`${second[0]}'`;
    throw new ParameterProblem(`Ambiguous ICMP type \`${text}': ${choice}?`);
  }
  if (first !== undefined) {
    return { type: first[1], minCode: first[2], maxCode: first[3], isInverted };
  }
  const [typeText = '', codeText] = text.split('/');
  const type = parseUnsigned(typeText, 255);
  if (type === null) throw new ParameterProblem(`Unknown ICMP type \`${typeText}'`);
  if (codeText === undefined) return { type, minCode: 0, maxCode: 255, isInverted };
  const code = parseUnsigned(codeText, 255);
  if (code === null) throw new ParameterProblem(`Unknown ICMP code \`${text}'`);
  return { type, minCode: code, maxCode: code, isInverted };
}

function codeText(info: IcmpTest, before: string): string {
  if (info.minCode === 0 && info.maxCode === 255) return '';
  return `${before}${info.minCode}`;
}

export const icmpMatch: MatchExtension = {
  name: 'icmp',
  options: [{ names: ['icmp-type'], argumentCount: 1, canInvert: true, isRequired: true }],
  build: ([option]) => {
    const info = parseIcmp(option!.value, option!.isInverted);
    const { type, isInverted } = info;
    const typeText = type === 255 ? 'any' : `${type}${codeText(info, '/')}`;
    const name = ICMP_NAMES.find(
      (row) => row[1] === type && row[2] === info.minCode && row[3] === info.maxCode,
    );
    const sign = isInverted ? ' !' : '';
    const numbers = ` icmp${sign}type ${type}${codeText(info, ' code ')}`;
    return makeMatch('icmp', testIcmp, info, {
      save: `${not(isInverted)} --icmp-type ${typeText}`,
      list: name === undefined ? numbers : ` icmp ${isInverted ? '!' : ''}${name[0]}`,
      listNumeric: numbers,
    });
  },
};
