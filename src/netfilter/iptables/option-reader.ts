/**
 * Reads options as GNU getopt_long does, with iptables' way of adding options under way.
 * @source iptables/xshared.c do_parse(), command_default(), command_match(); getopt_long(3)
 */
import { type ExtensionOption, ParameterProblem } from './extension.ts';

/** Long names of the options that every rule and command may have. */
const GLOBAL_OPTIONS: ReadonlyArray<readonly [string, string]> = [
  ['append', 'A'],
  ['delete', 'D'],
  ['check', 'C'],
  ['insert', 'I'],
  ['replace', 'R'],
  ['list', 'L'],
  ['list-rules', 'S'],
  ['flush', 'F'],
  ['zero', 'Z'],
  ['new-chain', 'N'],
  ['delete-chain', 'X'],
  ['rename-chain', 'E'],
  ['policy', 'P'],
  ['source', 's'],
  ['destination', 'd'],
  ['src', 's'],
  ['dst', 'd'],
  ['protocol', 'p'],
  ['in-interface', 'i'],
  ['jump', 'j'],
  ['table', 't'],
  ['match', 'm'],
  ['numeric', 'n'],
  ['out-interface', 'o'],
  ['verbose', 'v'],
  ['wait', 'w'],
  ['wait-interval', 'W'],
  ['exact', 'x'],
  ['fragments', 'f'],
  ['version', 'V'],
  ['help', 'h'],
  ['line-numbers', '0'],
  ['modprobe', 'M'],
  ['set-counters', 'c'],
  ['goto', 'g'],
  ['ipv4', '4'],
  ['ipv6', '6'],
];

const WITH_ARGUMENT = 'ACDRINEPopsdjitmcgM';
/** An argument only if it is in the same word: -w5, --list=INPUT. */
const WITH_OPTIONAL_ARGUMENT = 'LFZXShWw';
const WITHOUT_ARGUMENT = 'vnxVf046b';

/** An option found: one of iptables' own by its letter, or one of extension number `extension`. */
export type FoundOption =
  | { readonly kind: 'global'; readonly letter: string; readonly value: string | null }
  | {
      readonly kind: 'extension';
      readonly extension: number;
      readonly option: ExtensionOption;
      readonly value: string;
    }
  | { readonly kind: 'word'; readonly value: string }
  | { readonly kind: 'unknown'; readonly text: string };

export interface OptionReader {
  readonly words: readonly string[];
  /** The word that comes next. */
  index: number;
  /** Within a group like -nvL: the letter that comes next, 0 outside. */
  letterIndex: number;
  /** Options of the matches and targets so far, by extension. */
  readonly extensions: Array<readonly ExtensionOption[]>;
}

export function makeOptionReader(words: readonly string[]): OptionReader {
  return { words, index: 0, letterIndex: 0, extensions: [] };
}

/** Takes the next word if it can be the argument of an option before it. */
export function takeArgument(reader: OptionReader): string | null {
  const word = reader.words[reader.index];
  if (word === undefined || word.startsWith('-') || word.startsWith('!')) return null;
  reader.index++;
  return word;
}

/** The word read last. */
export function lastWord(reader: OptionReader): string {
  return reader.words[reader.index - 1] ?? '';
}

/** The next option or word, null at the end. */
export function nextOption(reader: OptionReader): FoundOption | null {
  if (reader.letterIndex > 0) return nextLetter(reader);
  const word = reader.words[reader.index];
  if (word === undefined) return null;
  reader.index++;
  if (word === '--') {
    if (reader.index < reader.words.length) {
      throw new ParameterProblem('unknown arguments found on commandline');
    }
    return null;
  }
  if (word.startsWith('--')) return readLong(reader, word);
  if (word.length > 1 && word.startsWith('-')) {
    reader.index--;
    reader.letterIndex = 1;
    return nextLetter(reader);
  }
  return { kind: 'word', value: word };
}

function nextLetter(reader: OptionReader): FoundOption {
  const word = reader.words[reader.index]!;
  const letter = word[reader.letterIndex]!;
  const rest = word.slice(reader.letterIndex + 1);
  const isLast = rest === '';
  const endWord = (): void => {
    reader.index++;
    reader.letterIndex = 0;
  };
  if (WITHOUT_ARGUMENT.includes(letter)) {
    if (isLast) endWord();
    else reader.letterIndex++;
    return { kind: 'global', letter, value: null };
  }
  endWord();
  if (WITH_OPTIONAL_ARGUMENT.includes(letter)) {
    return { kind: 'global', letter, value: isLast ? null : rest };
  }
  if (!WITH_ARGUMENT.includes(letter)) return { kind: 'unknown', text: word };
  if (!isLast) return { kind: 'global', letter, value: rest };
  return { kind: 'global', letter, value: requireArgument(reader, word) };
}

function requireArgument(reader: OptionReader, option: string): string {
  const value = reader.words[reader.index];
  if (value === undefined) throw new ParameterProblem(`option "${option}" requires an argument`);
  reader.index++;
  return value;
}

interface Candidate {
  readonly name: string;
  readonly letter: string;
  readonly extension: number;
  readonly option: ExtensionOption | null;
}

/** All long names that begin with `text`; newer extensions come first. */
function candidatesOf(reader: OptionReader, text: string): Candidate[] {
  const found: Candidate[] = [];
  for (const [name, letter] of GLOBAL_OPTIONS) {
    if (name.startsWith(text)) found.push({ name, letter, extension: -1, option: null });
  }
  for (let extension = reader.extensions.length - 1; extension >= 0; extension--) {
    for (const option of reader.extensions[extension]!) {
      for (const name of option.names) {
        if (name.startsWith(text)) found.push({ name, letter: '', extension, option });
      }
    }
  }
  return found;
}

function chooseCandidate(reader: OptionReader, text: string): Candidate | null {
  const found = candidatesOf(reader, text);
  const exact = found.find((candidate) => candidate.name === text);
  if (exact !== undefined) return exact;
  const [first] = found;
  if (first === undefined) return null;
  const isSame = (other: Candidate): boolean =>
    other.extension === first.extension &&
    other.option === first.option &&
    other.letter === first.letter;
  return found.every(isSame) ? first : null;
}

function readLong(reader: OptionReader, word: string): FoundOption {
  const equals = word.indexOf('=');
  const text = equals < 0 ? word.slice(2) : word.slice(2, equals);
  const given = equals < 0 ? null : word.slice(equals + 1);
  const chosen = chooseCandidate(reader, text);
  if (chosen === null) return { kind: 'unknown', text: word };
  if (chosen.option !== null) {
    const { option, extension } = chosen;
    const needs = option.argumentCount > 0;
    const value = given ?? (needs ? requireArgument(reader, word) : '');
    return { kind: 'extension', extension, option, value };
  }
  const { letter } = chosen;
  if (WITH_ARGUMENT.includes(letter)) {
    return { kind: 'global', letter, value: given ?? requireArgument(reader, word) };
  }
  return { kind: 'global', letter, value: given };
}
