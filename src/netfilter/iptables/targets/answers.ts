/**
 * -j REJECT, LOG, NFLOG, TRACE: options and texts.
 * @source extensions/libipt_REJECT.c, libxt_LOG.c, libxt_NFLOG.c, libxt_TRACE.c
 */
import type { RejectAnswer } from '../../netfilter.ts';
import { HOOK_FORWARD, HOOK_INPUT, HOOK_OUTPUT } from '../../netfilter-hooks.ts';
import { makeTarget, NOWHERE } from '../../rule.ts';
import {
  actLog,
  LOG_IP_OPTIONS,
  LOG_TCP_OPTIONS,
  LOG_TCP_SEQUENCE,
  LOG_UID,
} from '../../targets/log-action.ts';
import { actNothing, actReject } from '../../targets/mangle-actions.ts';
import {
  findOption,
  type GivenOption,
  numberOf,
  ParameterProblem,
  quoted,
  sameText,
  type TargetExtension,
} from '../extension.ts';

/** Name, short name, answer. */
const REJECT_TYPES: ReadonlyArray<readonly [string, string, RejectAnswer]> = [
  ['icmp-net-unreachable', 'net-unreach', 0],
  ['icmp-host-unreachable', 'host-unreach', 1],
  ['icmp-port-unreachable', 'port-unreach', 3],
  ['icmp-proto-unreachable', 'proto-unreach', 2],
  ['icmp-net-prohibited', 'net-prohib', 9],
  ['icmp-host-prohibited', 'host-prohib', 10],
  ['tcp-reset', 'tcp-rst', 'tcp-reset'],
  ['icmp-admin-prohibited', 'admin-prohib', 13],
];

export const rejectTarget: TargetExtension = {
  name: 'REJECT',
  options: [{ names: ['reject-with'], argumentCount: 1 }],
  build: ([option], rule) => {
    const asked = (option?.value ?? 'icmp-port-unreachable').toLowerCase();
    const type = REJECT_TYPES.find(
      ([name, short]) => name.startsWith(asked) || short.startsWith(asked),
    );
    if (type === undefined || asked === '') {
      throw new ParameterProblem(`unknown reject type "${option?.value ?? ''}"`);
    }
    const [name, , answer] = type;
    const isTcp = rule.protocol === 6 && !rule.isProtocolInverted;
    const hooks = (1 << HOOK_INPUT) | (1 << HOOK_FORWARD) | (1 << HOOK_OUTPUT);
    const isRefused = answer === 'tcp-reset' && !isTcp;
    const scope = isRefused ? NOWHERE : { hooks, table: 'filter', needsConntrack: false };
    const text = sameText(` --reject-with ${name}`, ` reject-with ${name}`);
    return makeTarget('REJECT', actReject, { answer }, text, scope);
  },
};

const LOG_LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];
const LEVEL_DEFAULT = 4;

/** Option, bit, and the word in lists; in the order in which they are printed. */
const LOG_FLAGS: ReadonlyArray<readonly [string, number, string]> = [
  ['log-tcp-sequence', LOG_TCP_SEQUENCE, 'tcp-sequence'],
  ['log-tcp-options', LOG_TCP_OPTIONS, 'tcp-options'],
  ['log-ip-options', LOG_IP_OPTIONS, 'ip-options'],
  ['log-uid', LOG_UID, 'uid'],
];

/** Longest prefix that a rule keeps. */
const LOG_PREFIX_MAX = 29;
const NFLOG_PREFIX_MAX = 63;

function parsePrefix(given: readonly GivenOption[], name: string, max: number): string {
  const option = findOption(given, name);
  if (option?.value === '') {
    throw new ParameterProblem('Argument must have a minimum length of 1 characters\n');
  }
  return (option?.value ?? '').slice(0, max);
}

function parseLevel(text: string): number {
  if (/^[0-7]$/.test(text)) return Number(text);
  const word = text.toLowerCase();
  const aliases: Record<string, string> = { error: 'err', warning: 'warn', panic: 'emerg' };
  const level = LOG_LEVELS.indexOf(aliases[word] ?? word);
  if (level < 0) throw new ParameterProblem(`log level "${text}" unknown\n`);
  return level;
}

export const logTarget: TargetExtension = {
  name: 'LOG',
  options: [
    { names: ['log-level'], argumentCount: 1 },
    { names: ['log-prefix'], argumentCount: 1 },
    ...LOG_FLAGS.map(([name]) => ({ names: [name], argumentCount: 0 as const })),
    { names: ['log-macdecode'], argumentCount: 0 },
  ],
  build: (given) => {
    const levelOption = findOption(given, 'log-level');
    const level = levelOption === undefined ? LEVEL_DEFAULT : parseLevel(levelOption.value);
    const prefix = parsePrefix(given, 'log-prefix', LOG_PREFIX_MAX);
    const set = LOG_FLAGS.filter(([name]) => findOption(given, name) !== undefined);
    const flags = set.reduce((bits, [, bit]) => bits | bit, 0);
    let save = prefix === '' ? '' : ` --log-prefix ${quoted(prefix)}`;
    if (level !== LEVEL_DEFAULT) save += ` --log-level ${level}`;
    save += set.map(([name]) => ` --${name}`).join('');
    const shownPrefix = prefix === '' ? '' : ` prefix "${prefix}"`;
    const words = set.map(([, , word]) => ` ${word}`).join('');
    return makeTarget(
      'LOG',
      actLog,
      { prefix, level, flags },
      {
        save,
        list: ` LOG level ${LOG_LEVELS[level]}${words}${shownPrefix}`,
        listNumeric: ` LOG flags ${flags} level ${level}${shownPrefix}`,
      },
    );
  },
};

export const nflogTarget: TargetExtension = {
  name: 'NFLOG',
  options: [
    { names: ['nflog-group'], argumentCount: 1 },
    { names: ['nflog-prefix'], argumentCount: 1 },
    { names: ['nflog-range'], argumentCount: 1 },
    { names: ['nflog-size'], argumentCount: 1 },
    { names: ['nflog-threshold'], argumentCount: 1 },
  ],
  build: (given) => {
    let save = '';
    const prefix = parsePrefix(given, 'nflog-prefix', NFLOG_PREFIX_MAX);
    const quotedPrefix = prefix === '' ? '' : quoted(prefix);
    if (prefix !== '') save += ` --nflog-prefix ${quotedPrefix}`;
    for (const name of ['nflog-group', 'nflog-range', 'nflog-size', 'nflog-threshold']) {
      const option = findOption(given, name);
      if (option === undefined) continue;
      const value = numberOf('NFLOG', option, 0, name === 'nflog-group' ? 65535 : 0xffffffff);
      if (value !== 0) save += ` --${name} ${value}`;
    }
    return makeTarget('NFLOG', actNothing, null, sameText(save, save.replaceAll(' --', ' ')));
  },
};

export const traceTarget: TargetExtension = {
  name: 'TRACE',
  options: [],
  build: () => makeTarget('TRACE', actNothing, null, sameText('', '')),
};
