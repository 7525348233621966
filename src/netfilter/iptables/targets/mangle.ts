/**
 * -j MARK, CONNMARK, TCPMSS, TTL, TOS, DSCP, CT, NOTRACK, CLASSIFY, CHECKSUM: options and texts.
 * @source extensions/libxt_MARK.c, libxt_CONNMARK.c, libxt_TCPMSS.c, libipt_TTL.c, libxt_TOS.c,
 *   libxt_DSCP.c, libxt_CT.c, libxt_CLASSIFY.c, libxt_CHECKSUM.c
 */
import { HOOK_FORWARD, HOOK_OUTPUT, HOOK_POSTROUTING } from '../../netfilter-hooks.ts';
import {
  ANY_HOOK,
  ANYWHERE_TRACKED,
  type ExtensionScope,
  makeTarget,
  NOWHERE,
} from '../../rule.ts';
import {
  actConnmark,
  actMark,
  actNothing,
  actNotrack,
  actTcpMss,
  actTos,
  actTtl,
} from '../../targets/mangle-actions.ts';
import {
  findOption,
  type GivenOption,
  hexByte,
  hexWord,
  markOf,
  NotEmulated,
  numberOf,
  ParameterProblem,
  sameText,
  type TargetExtension,
} from '../extension.ts';
import { parseUnsigned } from '../protocol-names.ts';
import { dscpOf, tosOf, tosText } from '../tos-names.ts';

const inTable = (table: string, needsConntrack = false): ExtensionScope => ({
  hooks: ANY_HOOK,
  table,
  needsConntrack,
});

const MARK_OPERATIONS = ['set-xmark', 'set-mark', 'and-mark', 'or-mark', 'xor-mark'] as const;

const markOptions = MARK_OPERATIONS.map((name) => ({ names: [name], argumentCount: 1 as const }));

/** value and mask of `mark = (mark & ~mask) ^ value`. */
function readMark(
  extension: string,
  option: GivenOption,
): { readonly value: number; readonly mask: number } {
  if (option.name === 'set-mark' || option.name === 'set-xmark') {
    const { value, mask } = markOf(extension, option);
    return { value, mask: option.name === 'set-mark' ? mask | value : mask };
  }
  const bits = parseUnsigned(option.value, 0xffffffff);
  if (bits === null) {
    throw new ParameterProblem(
      `${extension}: bad integer value for option "--${option.name}", or out of range.\n`,
    );
  }
  if (option.name === 'and-mark') return { value: 0, mask: ~bits };
  return option.name === 'or-mark'
    ? { value: bits | 0, mask: bits | 0 }
    : { value: bits | 0, mask: 0 };
}

function markList(value: number, mask: number): string {
  if (value === 0) return `and ${hexWord(~mask)}`;
  if (value === mask) return `or ${hexWord(value)}`;
  if (mask === 0) return `xor ${hexWord(value)}`;
  return mask === -1 ? `set ${hexWord(value)}` : `xset ${hexWord(value)}/${hexWord(mask)}`;
}

export const markTarget: TargetExtension = {
  name: 'MARK',
  options: markOptions,
  build: ([option]) => {
    if (option === undefined) {
      throw new ParameterProblem(
        'MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required',
      );
    }
    const { value, mask } = readMark('MARK', option);
    const save = ` --set-xmark ${hexWord(value)}/${hexWord(mask)}`;
    return makeTarget(
      'MARK',
      actMark,
      { value, mask },
      sameText(save, ` MARK ${markList(value, mask)}`),
    );
  },
};

function readMask(option: GivenOption | undefined): number {
  if (option === undefined) return -1;
  const mask = parseUnsigned(option.value, 0xffffffff);
  if (mask !== null) return mask | 0;
  throw new ParameterProblem(
    `CONNMARK: bad integer value for option "--${option.name}", or out of range.\n`,
  );
}

function copyMasksText(mode: 'save' | 'restore', flowMask: number, packetMask: number): string {
  if (flowMask === -1 && packetMask === -1) return ` CONNMARK ${mode}`;
  if (flowMask === packetMask) return ` CONNMARK ${mode} mask ${hexWord(flowMask)}`;
  return mode === 'save'
    ? ` CONNMARK save nfmask ${hexWord(packetMask)} ctmask ~${hexWord(flowMask)}`
    : ` CONNMARK restore ctmask ${hexWord(flowMask)} nfmask ~${hexWord(packetMask)}`;
}

export const connmarkTarget: TargetExtension = {
  name: 'CONNMARK',
  options: [
    ...markOptions,
    { names: ['save-mark'], argumentCount: 0 },
    { names: ['restore-mark'], argumentCount: 0 },
    { names: ['ctmask'], argumentCount: 1 },
    { names: ['nfmask'], argumentCount: 1 },
    { names: ['mask'], argumentCount: 1 },
  ],
  build: (given) => {
    const operation = given.find((option) => !option.name.endsWith('mask'));
    if (operation === undefined) {
      throw new ParameterProblem('CONNMARK target: No operation specified');
    }
    const both = findOption(given, 'mask');
    const flowMask = readMask(findOption(given, 'ctmask') ?? both);
    const packetMask = readMask(findOption(given, 'nfmask') ?? both);
    if (operation.name === 'save-mark' || operation.name === 'restore-mark') {
      const mode = operation.name === 'save-mark' ? 'save' : 'restore';
      const save = ` --${mode}-mark --nfmask ${hexWord(packetMask)} --ctmask ${hexWord(flowMask)}`;
      const text = sameText(save, copyMasksText(mode, flowMask, packetMask));
      const info = { mode, value: 0, flowMask, packetMask } as const;
      return makeTarget('CONNMARK', actConnmark, info, text, ANYWHERE_TRACKED);
    }
    const { value, mask } = readMark('CONNMARK', operation);
    const save = ` --set-xmark ${hexWord(value)}/${hexWord(mask)}`;
    const text = sameText(save, ` CONNMARK ${markList(value, mask)}`);
    const info = { mode: 'set', value, flowMask: mask, packetMask: 0 } as const;
    return makeTarget('CONNMARK', actConnmark, info, text, ANYWHERE_TRACKED);
  },
};

export const tcpmssTarget: TargetExtension = {
  name: 'TCPMSS',
  options: [
    { names: ['set-mss'], argumentCount: 1, excludes: ['clamp-mss-to-pmtu'] },
    { names: ['clamp-mss-to-pmtu'], argumentCount: 0 },
  ],
  build: ([option], rule) => {
    if (option === undefined) {
      throw new ParameterProblem('TCPMSS target: At least one parameter is required');
    }
    const isTcp = rule.protocol === 6 && !rule.isProtocolInverted;
    const isClamp = option.name === 'clamp-mss-to-pmtu';
    const mssBytes = isClamp ? 0 : numberOf('TCPMSS', option, 0, 65515);
    const clampHooks = (1 << HOOK_FORWARD) | (1 << HOOK_OUTPUT) | (1 << HOOK_POSTROUTING);
    const hooks = isClamp ? clampHooks : ANY_HOOK;
    const text = isClamp
      ? sameText(' --clamp-mss-to-pmtu', ' TCPMSS clamp to PMTU')
      : sameText(` --set-mss ${mssBytes}`, ` TCPMSS set ${mssBytes}`);
    const scope = isTcp ? { hooks, table: null, needsConntrack: false } : NOWHERE;
    return makeTarget('TCPMSS', actTcpMss, { mssBytes }, text, scope);
  },
};

const TTL_WORDS = { set: 'set to', inc: 'increment by', dec: 'decrement by' } as const;

export const ttlTarget: TargetExtension = {
  name: 'TTL',
  options: [
    { names: ['ttl-set'], argumentCount: 1, excludes: ['ttl-inc', 'ttl-dec'] },
    { names: ['ttl-dec'], argumentCount: 1, excludes: ['ttl-inc', 'ttl-set'] },
    { names: ['ttl-inc'], argumentCount: 1, excludes: ['ttl-set', 'ttl-dec'] },
  ],
  build: ([option]) => {
    if (option === undefined) throw new ParameterProblem('TTL: You must specify an action');
    // The options above have these three names.
    const mode = option.name.slice(4) as keyof typeof TTL_WORDS;
    const value = numberOf('TTL', option, mode === 'set' ? 0 : 1, 255);
    const text = sameText(` --ttl-${mode} ${value}`, ` TTL ${TTL_WORDS[mode]} ${value}`);
    return makeTarget('TTL', actTtl, { mode, value }, text, inTable('mangle'));
  },
};

const TOS_OPERATIONS = ['set-tos', 'and-tos', 'or-tos', 'xor-tos'];

function readTos(option: GivenOption): { value: number; mask: number } {
  if (option.name === 'set-tos') return tosOf(option.value, 0x3f);
  const bits = numberOf('TOS', option, 0, 255);
  if (option.name === 'and-tos') return { value: 0, mask: ~bits & 0xff };
  return option.name === 'or-tos' ? { value: bits, mask: bits } : { value: bits, mask: 0 };
}

function tosList(value: number, mask: number): string {
  const named = tosText(value, mask);
  if (named !== null) return `  TOS set${named}`;
  if (value === 0) return ` TOS and ${hexByte(~mask & 0xff)}`;
  if (value === mask) return ` TOS or ${hexByte(value)}`;
  if (mask === 0) return ` TOS xor ${hexByte(value)}`;
  return ` TOS set ${hexByte(value)}/${hexByte(mask)}`;
}

export const tosTarget: TargetExtension = {
  name: 'TOS',
  options: TOS_OPERATIONS.map((name) => ({ names: [name], argumentCount: 1 })),
  build: ([option]) => {
    if (option === undefined) throw new ParameterProblem('TOS: An action is required');
    const { value, mask } = readTos(option);
    const numbers = `${hexByte(value)}/${hexByte(mask)}`;
    return makeTarget(
      'TOS',
      actTos,
      { value, mask },
      {
        save: ` --set-tos ${numbers}`,
        list: tosList(value, mask),
        listNumeric: ` TOS set ${numbers}`,
      },
      inTable('mangle'),
    );
  },
};

export const dscpTarget: TargetExtension = {
  name: 'DSCP',
  options: [
    { names: ['set-dscp'], argumentCount: 1, excludes: ['set-dscp-class'] },
    { names: ['set-dscp-class'], argumentCount: 1, excludes: ['set-dscp'] },
  ],
  build: ([option]) => {
    if (option === undefined) {
      throw new ParameterProblem('DSCP target: Parameter --set-dscp is required');
    }
    const isNumber = option.name === 'set-dscp';
    const dscp = isNumber ? numberOf('DSCP', option, 0, 63) : dscpOf(option.value);
    const text = sameText(` --set-dscp ${hexByte(dscp)}`, ` DSCP set ${hexByte(dscp)}`);
    return makeTarget('DSCP', actTos, { value: dscp << 2, mask: 0xfc }, text, inTable('mangle'));
  },
};

export const ctTarget: TargetExtension = {
  name: 'CT',
  options: [
    { names: ['notrack'], argumentCount: 0 },
    { names: ['helper'], argumentCount: 1 },
    { names: ['timeout'], argumentCount: 1 },
    { names: ['ctevents'], argumentCount: 1 },
    { names: ['expevents'], argumentCount: 1 },
    { names: ['zone'], argumentCount: 1 },
    { names: ['zone-orig'], argumentCount: 1 },
    { names: ['zone-reply'], argumentCount: 1 },
  ],
  build: (given) => {
    const refused = given.find((option) => option.name !== 'notrack');
    if (refused !== undefined) throw new NotEmulated(`option --${refused.name} of target CT`);
    const scope = inTable('raw', true);
    if (given.length === 0) {
      return makeTarget('CT', actNothing, null, sameText('', ' CT'), scope);
    }
    return makeTarget('CT', actNotrack, null, sameText(' --notrack', ' CT notrack'), scope);
  },
};

export const notrackTarget: TargetExtension = {
  name: 'NOTRACK',
  options: [],
  build: () => {
    const text = sameText('', ' NOTRACK');
    const target = makeTarget('NOTRACK', actNotrack, null, text, inTable('raw', true));
    return { ...target, listName: 'CT' };
  },
};

export const classifyTarget: TargetExtension = {
  name: 'CLASSIFY',
  options: [{ names: ['set-class'], argumentCount: 1, isRequired: true }],
  build: ([option]) => {
    const match = /^([0-9a-fA-F]{1,4}):([0-9a-fA-F]{1,4})$/.exec(option!.value);
    if (match === null) throw new ParameterProblem(`Bad class value "${option!.value}"`);
    const [major, minor] = [match[1]!, match[2]!].map((word) =>
      Number.parseInt(word, 16).toString(16),
    );
    const wide = `${major!.padStart(4, '0')}:${minor!.padStart(4, '0')}`;
    const text = sameText(` --set-class ${wide}`, ` CLASSIFY set ${major}:${minor}`);
    const hooks = (1 << HOOK_FORWARD) | (1 << HOOK_OUTPUT) | (1 << HOOK_POSTROUTING);
    const scope = { hooks, table: null, needsConntrack: false };
    return makeTarget('CLASSIFY', actNothing, null, text, scope);
  },
};

export const checksumTarget: TargetExtension = {
  name: 'CHECKSUM',
  options: [{ names: ['checksum-fill'], argumentCount: 0 }],
  build: (given) => {
    if (given.length === 0) {
      throw new ParameterProblem('CHECKSUM target: Parameter --checksum-fill is required');
    }
    const text = sameText(' --checksum-fill', ' CHECKSUM fill');
    return makeTarget('CHECKSUM', actNothing, null, text, inTable('mangle'));
  },
};
