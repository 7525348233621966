/**
 * The options of iptables that are not commands: -s, -p, -i, -j, -m, -c, -t ...
 * @source iptables/xshared.c do_parse()
 */
import { FRAGMENT_LATER, FRAGMENT_NOT_LATER, type InterfaceTest } from '../rule.ts';
import { TABLE_NAMES } from '../tables.ts';
import {
  BadArgument,
  CHAIN_NAME_MAX,
  type Draft,
  loadExtension,
  NoSuchTable,
  PrintedAnswer,
} from './draft.ts';
import { NotEmulated, ParameterProblem } from './extension.ts';
import { lastWord, takeArgument } from './option-reader.ts';
import { parseProtocol } from './protocol-names.ts';
import { findMatch, findTarget, isKnownMatch, isKnownTarget } from './registry.ts';
import { parseInterface } from './rule-text.ts';

/** Longest interface name. */
const INTERFACE_NAME_MAX = 15;

/** -s, -d, -i, -o, -p: what the IP header and the devices must be. */
export function takeHeaderOption(draft: Draft, letter: string, value: string): void {
  const { isInverted } = draft;
  switch (letter) {
    case 's':
      draft.source = value;
      draft.isSourceInverted = isInverted;
      break;
    case 'd':
      draft.target = value;
      draft.isTargetInverted = isInverted;
      break;
    case 'i':
      draft.inInterface = readInterface(draft, value);
      break;
    case 'o':
      draft.outInterface = readInterface(draft, value);
      break;
    default:
      // As the real one: it looks at the whole word, which with -pNAME is the option itself.
      draft.protocol = readProtocol(lastWord(draft.reader), isInverted);
      draft.isProtocolInverted = isInverted;
  }
}

function readProtocol(word: string, isInverted: boolean): number {
  const text = word.startsWith('--') ? word.slice(word.indexOf('=') + 1) : word;
  const protocol = parseProtocol(text.toLowerCase());
  if (protocol === null) throw new ParameterProblem(`unknown protocol "${text}" specified`);
  if (protocol === 0 && isInverted) {
    throw new ParameterProblem('rule would never match protocol');
  }
  return protocol;
}

function readInterface(draft: Draft, text: string): InterfaceTest {
  if (text === '') throw new ParameterProblem('Empty interface is likely to be undesired');
  if (text.length > INTERFACE_NAME_MAX) {
    const bound = `must be shorter than IFNAMSIZ (${INTERFACE_NAME_MAX})`;
    throw new ParameterProblem(`interface name \`${text}' ${bound}`);
  }
  if (/[/ ]/.test(text)) {
    const rule = "('/' and ' ' are not allowed by the kernel)";
    draft.warnings += `Warning: weird character in interface \`${text}' ${rule}.\n`;
  }
  return parseInterface(text, draft.isInverted);
}

/** All others. */
export function takeOtherOption(draft: Draft, letter: string, value: string): void {
  switch (letter) {
    case 'f':
      draft.fragment = draft.isInverted ? FRAGMENT_NOT_LATER : FRAGMENT_LATER;
      break;
    case 'j':
    case 'g':
      takeTarget(draft, value, letter === 'g');
      break;
    case 'm':
      takeMatch(draft, value);
      break;
    case 'c':
      takeCounters(draft, value);
      break;
    case 't':
      takeTable(draft, value);
      break;
    case 'v':
      draft.flags += 'v';
      break;
    case 'w':
      takeWait(draft, value);
      break;
    case 'W':
      if (value === '') takeArgument(draft.reader);
      draft.warnings += 'Ignoring deprecated --wait-interval option.\n';
      break;
    case '6':
      throw new BadArgument('');
    case 'V':
      throw new PrintedAnswer(`${draft.program} v${draft.netfilter.iptablesVersion} (nf_tables)\n`);
    case 'h':
      throw new PrintedAnswer(helpText(draft));
    default: // n, x, 0 are flags only; 4, M, b say nothing here
  }
}

function takeTarget(draft: Draft, name: string, isGoto: boolean): void {
  if (name === '') throw new ParameterProblem('Invalid target name (too short)');
  if (name.length > CHAIN_NAME_MAX) {
    throw new ParameterProblem(`Invalid target name \`${name}' (${CHAIN_NAME_MAX} chars max)`);
  }
  if (/\s/.test(name)) throw new ParameterProblem(`Invalid target name \`${name}'`);
  draft.jumpName = name;
  draft.isGoto = isGoto;
  if (isGoto) return;
  const target = findTarget(name);
  if (target !== undefined) loadExtension(draft, null, target);
  else if (isKnownTarget(name)) throw new NotEmulated(`target ${name}`);
}

function takeMatch(draft: Draft, name: string): void {
  if (draft.isInverted) throw new ParameterProblem('unexpected ! flag before --match');
  const match = findMatch(name);
  if (match !== undefined) {
    loadExtension(draft, match, null);
    return;
  }
  if (isKnownMatch(name)) throw new NotEmulated(`match ${name}`);
  throw new ParameterProblem(`Couldn't load match \`${name}':No such file or directory\n`);
}

function takeCounters(draft: Draft, value: string): void {
  const comma = value.indexOf(',');
  const packets = comma < 0 ? value : value.slice(0, comma);
  const bytes = comma < 0 ? takeArgument(draft.reader) : value.slice(comma + 1);
  if (bytes === null) throw new ParameterProblem('-c requires packet and byte counter');
  if (!/^\d+/.test(packets)) throw new ParameterProblem('-c packet counter not numeric');
  if (!/^\d+/.test(bytes)) throw new ParameterProblem('-c byte counter not numeric');
  draft.packets = Number.parseInt(packets, 10);
  draft.bytes = Number.parseInt(bytes, 10);
}

function takeTable(draft: Draft, value: string): void {
  if (draft.isInverted) throw new ParameterProblem('unexpected ! flag before --table');
  if (draft.line > 0) {
    throw new ParameterProblem(`The -t option cannot be used in ${draft.program}.\n`);
  }
  if (!TABLE_NAMES.some((name) => name === value)) throw new NoSuchTable(value);
  draft.tableName = value;
}

function takeWait(draft: Draft, value: string): void {
  const seconds = value !== '' ? value : takeArgument(draft.reader);
  if (seconds !== null && !/^-?\d+$/.test(seconds)) {
    throw new ParameterProblem('wait seconds not numeric');
  }
}

function helpText({ program, netfilter }: Draft): string {
  return `${program} v${netfilter.iptablesVersion} (nf_tables)

Usage: ${program} [-t table] -A|-C|-D chain rule
       ${program} [-t table] -I chain [number] rule
       ${program} [-t table] -R chain number rule
       ${program} [-t table] -D chain number
       ${program} [-t table] -L|-S [chain [number]]
       ${program} [-t table] -F|-Z|-X [chain]
       ${program} [-t table] -N chain
       ${program} [-t table] -E chain name
       ${program} [-t table] -P chain ACCEPT|DROP
`;
}
