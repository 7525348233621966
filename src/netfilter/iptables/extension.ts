/**
 * The frame in which the matches and targets of iptables read their options and build their records.
 * @source libxtables/xtoptions.c; libxtables/xtables.c
 */
import { type Ipv4, parseIpv4 } from '../../base/ipv4-address.ts';
import type { ExtensionText, Match, Target } from '../rule.ts';
import { parseUnsigned } from './protocol-names.ts';

/** A mistake in the arguments: printed after the program's name, exit code 2 with the "Try" line. */
export class ParameterProblem extends Error {
  override name = 'ParameterProblem';
}

/** Something that the real iptables has and netsim does not. Exit code 2. */
export class NotEmulated extends Error {
  override name = 'NotEmulated';
}

export interface ExtensionOption {
  /** All spellings without the two dashes; the first one is the one in error messages. */
  readonly names: readonly string[];
  /** How many arguments it takes. */
  readonly argumentCount: 0 | 1 | 2;
  readonly canInvert?: true;
  readonly canRepeat?: true;
  readonly isRequired?: true;
  /** First names of options that exclude it. */
  readonly excludes?: readonly string[];
  /** Throws at once what is wrong with a value, before later words are looked at. */
  readonly check?: (value: string) => void;
}

/** What was given for an option. */
export interface GivenOption {
  /** First name of the option. */
  readonly name: string;
  readonly value: string;
  readonly secondValue: string;
  readonly isInverted: boolean;
}

/** What is known of the rule when its extensions are built. */
export interface RuleContext {
  readonly protocol: number;
  readonly isProtocolInverted: boolean;
}

interface ExtensionBase {
  readonly name: string;
  readonly options: readonly ExtensionOption[];
  /** The exact words for an option given twice, where they are not the usual ones. */
  readonly onRepeat?: (option: ExtensionOption) => string;
}

export interface MatchExtension extends ExtensionBase {
  readonly build: (given: readonly GivenOption[], rule: RuleContext) => Match;
}

export interface TargetExtension extends ExtensionBase {
  readonly build: (given: readonly GivenOption[], rule: RuleContext) => Target;
}

/** Checks what holds for every option: once only, inverted only where it may be, exclusions. */
export function checkGiven(
  extension: MatchExtension | TargetExtension,
  option: ExtensionOption,
  given: readonly GivenOption[],
  isInverted: boolean,
): void {
  const label = `${extension.name}: option "--${option.names[0]}"`;
  if (isInverted && option.canInvert !== true) {
    throw new ParameterProblem(`${label} cannot be inverted.\n`);
  }
  if (option.canRepeat !== true && given.some((each) => each.name === option.names[0])) {
    throw new ParameterProblem(extension.onRepeat?.(option) ?? `${label} can only be used once.\n`);
  }
}

/** Checks, once all options are read, that required ones are there and none exclude each other. */
export function checkComplete(
  extension: MatchExtension | TargetExtension,
  given: readonly GivenOption[],
): void {
  for (const option of extension.options) {
    const isGiven = given.some((each) => each.name === option.names[0]);
    const label = `${extension.name}: option "--${option.names[0]}"`;
    if (!isGiven) {
      if (option.isRequired === true) throw new ParameterProblem(`${label} must be specified\n`);
      continue;
    }
    for (const other of option.excludes ?? []) {
      if (!given.some((each) => each.name === other)) continue;
      throw new ParameterProblem(`${label} cannot be used together with "--${other}".\n`);
    }
  }
}

/** The option of this name among those given. */
export function findOption(given: readonly GivenOption[], name: string): GivenOption | undefined {
  return given.find((each) => each.name === name);
}

/** A text that is the same in every form of listing. */
export function sameText(save: string, list: string): ExtensionText {
  return { save, list, listNumeric: list };
}

/** An integer within bounds, or the error that libxtables gives. */
export function numberOf(extension: string, option: GivenOption, min: number, max: number): number {
  const value = parseUnsigned(option.value, max);
  if (value === null || value < min) {
    throw new ParameterProblem(
      `${extension}: bad value for option "--${option.name}", or out of range (${min}-${max}).\n`,
    );
  }
  return value;
}

/** `min[:max]`; `:max` and `min:` are open ranges. */
export function rangeOf(
  extension: string,
  option: GivenOption,
  max: number,
): { readonly min: number; readonly max: number } {
  const parts = option.value.split(':');
  const [first = '', second] = parts;
  const low = first === '' && second !== undefined ? 0 : parseUnsigned(first, max);
  const high = second === undefined ? low : second === '' ? max : parseUnsigned(second, max);
  if (low === null || high === null || parts.length > 2) {
    const near = low === null ? option.value : (second ?? '');
    throw new ParameterProblem(
      `${extension}: bad value for option "--${option.name}" near "${near}", or out of range (0-${max}).\n`,
    );
  }
  return { min: low, max: high };
}

/** `5` or `5:7`. */
export function rangeText(range: { readonly min: number; readonly max: number }): string {
  return range.min === range.max ? String(range.min) : `${range.min}:${range.max}`;
}

/** `value[/mask]` in any base, as -m mark takes it; both as signed 32-bit integers. */
export function markOf(
  extension: string,
  option: GivenOption,
): { readonly value: number; readonly mask: number } {
  const slash = option.value.indexOf('/');
  const valueText = slash < 0 ? option.value : option.value.slice(0, slash);
  const value = parseUnsigned(valueText, 0xffffffff);
  const mask = slash < 0 ? 0xffffffff : parseUnsigned(option.value.slice(slash + 1), 0xffffffff);
  if (value === null || mask === null) {
    throw new ParameterProblem(
      `${extension}: bad integer value for option "--${option.name}", or out of range.\n`,
    );
  }
  return { value: value | 0, mask: mask | 0 };
}

/** A 32-bit word as `0x1f`. */
export const hexWord = (value: number): string => `0x${(value >>> 0).toString(16)}`;

/** A byte as `0x1f`, two digits. */
export const hexByte = (value: number): string => `0x${value.toString(16).padStart(2, '0')}`;

/** `0x1` or `0x1/0xff`, the mask only if it is not all ones. */
export function markText(value: number, mask: number): string {
  return mask === -1 ? hexWord(value) : `${hexWord(value)}/${hexWord(mask)}`;
}

/** ` !` before what is inverted. */
export const not = (isInverted: boolean): string => (isInverted ? ' !' : '');

/** `10.0.0.0/8` as address and mask; null if it is neither a prefix nor a dotted mask. */
export function parseMasked(text: string): { address: Ipv4; mask: number } | null {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  const mask = slash < 0 ? -1 : parseMask(text.slice(slash + 1));
  return address === null || mask === null ? null : { address: address & mask, mask };
}

/** A prefix length or a dotted mask. */
export function parseMask(text: string): number | null {
  const length = parseUnsigned(text, 32);
  if (length !== null) return length === 0 ? 0 : (-1 << (32 - length)) | 0;
  return text.includes('.') ? parseIpv4(text) : null;
}

/** An address with one to four parts (`10` is 10.0.0.0, as iptables reads it), or `localhost`. */
export function parseAddress(text: string): Ipv4 | null {
  if (text === 'localhost') return 0x7f000001;
  if (!/^\d{1,3}(\.\d{1,3}){0,3}$/.test(text)) return null;
  const parts = text.split('.').map(Number);
  if (parts.some((part) => part > 255)) return null;
  while (parts.length < 4) parts.push(0);
  return parts.reduce((value, part) => (value << 8) | part, 0) | 0;
}

/** A dotted address of four parts, or the error of the targets that take one. */
export function addressOf(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === null) throw new ParameterProblem(`Bad IP address "${text}"`);
  return address;
}

/** A text in quotes where it needs them. @source libxtables/xtables.c xtables_save_string() */
export function quoted(text: string): string {
  if (/^[A-Za-z0-9_-]+$/.test(text)) return text;
  return `"${text.replace(/["\\']/g, '\\$&')}"`;
}
