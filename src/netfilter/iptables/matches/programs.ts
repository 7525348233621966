/**
 * -m u32, bpf: their small languages.
 * @source extensions/libxt_u32.c, libxt_bpf.c
 */
import {
  testBpf,
  testU32,
  U32_AND,
  U32_AT,
  U32_LEFT,
  U32_RIGHT,
  type U32Part,
} from '../../matches/program-tests.ts';
import { ANYWHERE, makeMatch, NOWHERE } from '../../rule.ts';
import { hexWord, type MatchExtension, not, ParameterProblem, sameText } from '../extension.ts';
import { parseUnsigned } from '../protocol-names.ts';

const OPERATORS: ReadonlyArray<readonly [string, number]> = [
  ['<<', U32_LEFT],
  ['>>', U32_RIGHT],
  ['&', U32_AND],
  ['@', U32_AT],
];

/** Tests, steps and ranges that one match may have. @source linux/netfilter/xt_u32.h XT_U32_MAXSIZE */
const U32_MAX = 10;

interface Cursor {
  readonly text: string;
  at: number;
}

function skipSpace(cursor: Cursor): void {
  while (cursor.text[cursor.at] === ' ') cursor.at++;
}

function takeNumber(cursor: Cursor): number {
  skipSpace(cursor);
  const word = /^(0[xX][0-9a-fA-F]+|\d+)/.exec(cursor.text.slice(cursor.at))?.[0] ?? '';
  const value = parseUnsigned(word, 0xffffffff);
  if (value === null) {
    throw new ParameterProblem(`u32: at char ${cursor.at}: not a number or out of range`);
  }
  cursor.at += word.length;
  skipSpace(cursor);
  return value;
}

/** Takes `word` if it stands here. */
function take(cursor: Cursor, word: string): boolean {
  if (!cursor.text.startsWith(word, cursor.at)) return false;
  cursor.at += word.length;
  return true;
}

function takePart(cursor: Cursor): U32Part {
  const steps: number[] = [takeNumber(cursor) | 0];
  while (!take(cursor, '=')) {
    const operator = OPERATORS.find(([word]) => take(cursor, word));
    if (operator === undefined) {
      throw new ParameterProblem(`u32: at char ${cursor.at}: operator expected`);
    }
    steps.push(operator[1], takeNumber(cursor) | 0);
    if (steps.length > 2 * U32_MAX + 1) {
      throw new ParameterProblem(`u32: at char ${cursor.at}: too many operators`);
    }
  }
  const ranges: number[] = [];
  do {
    const min = takeNumber(cursor);
    ranges.push(min, take(cursor, ':') ? takeNumber(cursor) : min);
  } while (take(cursor, ','));
  return { steps: Int32Array.from(steps), ranges: Float64Array.from(ranges) };
}

function parseU32(text: string): U32Part[] {
  const cursor: Cursor = { text, at: 0 };
  const parts: U32Part[] = [];
  do {
    parts.push(takePart(cursor));
    if (parts.length > U32_MAX) {
      throw new ParameterProblem(`u32: at char ${cursor.at}: too many "&&"s`);
    }
  } while (take(cursor, '&&'));
  if (cursor.at < text.length) {
    throw new ParameterProblem(`u32: at char ${cursor.at}: "&&" was expected`);
  }
  return parts;
}

function partText(part: U32Part): string {
  let text = hexWord(part.steps[0]!);
  for (let i = 1; i < part.steps.length; i += 2) {
    const operator = OPERATORS.find((entry) => entry[1] === part.steps[i]);
    text += `${operator?.[0] ?? ''}${hexWord(part.steps[i + 1]!)}`;
  }
  const ranges: string[] = [];
  for (let i = 0; i < part.ranges.length; i += 2) {
    const min = part.ranges[i]!;
    const max = part.ranges[i + 1]!;
    ranges.push(min === max ? hexWord(min) : `${hexWord(min)}:${hexWord(max)}`);
  }
  return `${text}=${ranges.join(',')}`;
}

export const u32Match: MatchExtension = {
  name: 'u32',
  options: [{ names: ['u32'], argumentCount: 1, canInvert: true, isRequired: true }],
  build: ([option]) => {
    const parts = parseU32(option!.value);
    const { isInverted } = option!;
    const sign = not(isInverted);
    const shown = `"${parts.map(partText).join('&&')}"`;
    const text = sameText(`${sign} --u32 ${shown}`, ` u32${sign} ${shown}`);
    return makeMatch('u32', testU32, { parts, isInverted }, text);
  },
};

/** Instructions of a program. @source linux/netfilter/xt_bpf.h XT_BPF_MAX_NUM_INSTR */
const BPF_MAX = 64;

/** `COUNT,code jt jf k,...` as nfbpf_compile prints it. */
function parseBpf(text: string): Int32Array {
  const [countText = '', ...lines] = text.split(',');
  const count = parseUnsigned(countText.trim(), 0xffff);
  if (count === null || count === 0) {
    throw new ParameterProblem('bpf: error parsing program length');
  }
  if (count > BPF_MAX) throw new ParameterProblem('bpf: number of instructions exceeds maximum');
  const words = lines.map((line) => line.trim().split(/\s+/).map(Number));
  const isGood = words.every((line) => line.length === 4 && line.every(Number.isInteger));
  if (words.length < count) throw new ParameterProblem('bpf: parsed program length error');
  if (words.length > count) throw new ParameterProblem('bpf: trailing data');
  if (!isGood) throw new ParameterProblem('bpf: error at instruction 0');
  return Int32Array.from(words.flat());
}

/** Whether the kernel would load it: jumps stay inside, and the last instruction returns. */
function isLoadable(program: Int32Array): boolean {
  const count = program.length / 4;
  for (let i = 0; i < count; i++) {
    const code = program[i * 4]!;
    if ((code & 7) !== 5) continue;
    const isAlways = (code & 0xf0) === 0;
    const furthest = isAlways
      ? program[i * 4 + 3]! >>> 0
      : Math.max(program[i * 4 + 1]!, program[i * 4 + 2]!);
    if (i + 1 + furthest >= count) return false;
  }
  return (program[(count - 1) * 4]! & 7) === 6;
}

export const bpfMatch: MatchExtension = {
  name: 'bpf',
  options: [{ names: ['bytecode'], argumentCount: 1, isRequired: true }],
  build: ([option]) => {
    const program = parseBpf(option!.value);
    const lines: string[] = [];
    for (let i = 0; i < program.length; i += 4) {
      const [code, jt, jf, k] = program.subarray(i, i + 4);
      lines.push(`${code} ${jt} ${jf} ${k! >>> 0}`);
    }
    const shown = lines.join(',');
    const text = sameText(` --bytecode "${lines.length},${shown}"`, `match bpf ${shown}\0`);
    // A program that the kernel does not load is refused on every hook.
    const scope = isLoadable(program) ? ANYWHERE : NOWHERE;
    return makeMatch('bpf', testBpf, { program }, text, scope);
  },
};
