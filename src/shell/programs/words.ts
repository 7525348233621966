/** The words of an iproute2 command line, read one after the other, and its errors. */
import { KernelError } from '../../base/errors.ts';
import { type Ipv4, parseIpv4 } from '../../base/ipv4-address.ts';
import { type Mac, parseMac } from '../../base/mac-address.ts';

/** What ends a command: the text for stderr and the exit code. */
export class CommandError extends Error {
  override name = 'CommandError';
  readonly exitCode: number;

  constructor(text: string, exitCode: number) {
    super(text);
    this.exitCode = exitCode;
  }
}

export interface Words {
  readonly list: readonly string[];
  at: number;
}

/** The next word; null at the end. Does not take it. */
export function peek(words: Words): string | null {
  return words.list[words.at] ?? null;
}

/** Takes the next word; null at the end. */
export function take(words: Words): string | null {
  const word = peek(words);
  if (word !== null) words.at++;
  return word;
}

/** Takes the value of an option; the command is not complete without. */
export function takeValue(words: Words): string {
  const word = take(words);
  if (word === null) {
    throw new CommandError('Command line is not complete. Try option "help"\n', 255);
  }
  return word;
}

/** Whether `word` is `whole` or the beginning of it. @source iproute2 lib/utils.c matches() */
export function isShortFor(word: string, whole: string): boolean {
  return word !== '' && whole.startsWith(word);
}

/** The first of the names (`a|b` are two for one) that the word is short for; null if none. */
export function findCommand<Name extends string>(
  word: string,
  names: readonly Name[],
): Name | null {
  return names.find((name) => name.split('|').some((each) => isShortFor(word, each))) ?? null;
}

/** `Error: argument "x" is wrong: why`, exit 255. @source iproute2 lib/utils.c invarg() */
export function wrongArgument(argument: string, why: string): CommandError {
  return new CommandError(`Error: argument "${argument}" is wrong: ${why}\n`, 255);
}

/** An option of the real program that netsim does not have. */
export function notEmulated(program: string, what: string): CommandError {
  return new CommandError(`${program}: ${what} is not emulated by netsim\n`, 2);
}

export function takeNumber(words: Words, what: string, least = 0, most = 0xffffffff): number {
  const word = takeValue(words);
  const value = parseNumber(word);
  if (value === null || value < least || value > most) throw wrongArgument(word, what);
  return value;
}

/** Decimal, 0x hexadecimal; null if it is neither. */
export function parseNumber(word: string): number | null {
  return /^(\d+|0x[\da-f]+)$/i.test(word) ? Number(word) : null;
}

/** `on` or `off`. */
export function takeOnOff(words: Words, what: string): boolean {
  const word = takeValue(words);
  if (word !== 'on' && word !== 'off') {
    throw new CommandError(
      `Error: argument of "${what}" must be "on" or "off", not "${word}"\n`,
      1,
    );
  }
  return word === 'on';
}

export function takeMac(words: Words): Mac {
  const word = takeValue(words);
  const mac = parseMac(word);
  if (mac !== null) return mac;
  // The real one reads as far as it is hexadecimal: "bogus" is one octet, 0b.
  const octets = word.split(':').map((part) => Number.parseInt(part, 16));
  if (octets.some((octet) => Number.isNaN(octet) || octet > 255)) {
    throw new CommandError(`"${word}" is invalid lladdr.\n`, 1);
  }
  if (octets.length !== 6) {
    throw new CommandError(`Invalid address length ${octets.length} - must be 6 bytes\n`, 1);
  }
  return octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

export function takeAddress(words: Words): Ipv4 {
  const word = takeValue(words);
  const address = parseIpv4(word);
  if (address === null) {
    throw new CommandError(`Error: any valid address is expected rather than "${word}".\n`, 1);
  }
  return address;
}

export interface Prefix {
  readonly address: Ipv4;
  readonly length: number;
  /** Whether the length was given. */
  readonly hasLength: boolean;
}

/** `10.0.0.0/24`, `10.0.0.1`, `default`, `10.1/16`; null if it is none. */
export function parsePrefix(word: string): Prefix | null {
  if (word === 'default' || word === 'any' || word === 'all') {
    return { address: 0, length: 0, hasLength: true };
  }
  const [text, lengthText, ...rest] = word.split('/');
  if (rest.length > 0 || text === undefined) return null;
  const parts = text.split('.');
  while (lengthText !== undefined && parts.length < 4) parts.push('0');
  const address = parseIpv4(parts.join('.'));
  if (address === null) return null;
  if (lengthText === undefined) return { address, length: 32, hasLength: false };
  const mask = lengthText.includes('.') ? parseIpv4(lengthText) : null;
  const length = mask === null ? parseNumber(lengthText) : 32 - trailingZeroes(mask);
  if (length === null || length > 32) return null;
  return { address, length, hasLength: true };
}

function trailingZeroes(mask: Ipv4): number {
  return mask === 0 ? 32 : 31 - Math.clz32(mask & -mask);
}

export function takePrefix(words: Words): Prefix {
  const word = takeValue(words);
  const prefix = parsePrefix(word);
  if (prefix === null) throw invalidPrefix(word);
  return prefix;
}

export function invalidPrefix(word: string): CommandError {
  return new CommandError(`Error: any valid prefix is expected rather than "${word}".\n`, 1);
}

/** The words of a refusal of the kernel. @source iproute2 lib/libnetlink.c */
export function refusalText(error: KernelError): string {
  if (error.detail === undefined) return `RTNETLINK answers: ${error.message}\n`;
  return `Error: ${error.detail}${error.detail.endsWith('.') ? '' : '.'}\n`;
}

/**
 * Runs a command of iproute2: turns what it throws into text and exit code.
 * @param refusedExitCode when the kernel refuses: 2 for ip, 255 for bridge.
 */
export async function runCommand(
  writeError: (text: string) => void,
  refusedExitCode: number,
  act: () => Promise<number> | number,
): Promise<number> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof CommandError) {
      writeError(error.message);
      return error.exitCode;
    }
    if (error instanceof KernelError) {
      writeError(refusalText(error));
      return refusedExitCode;
    }
    throw error;
  }
}
