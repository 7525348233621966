/**
 * Compares what a lab's text shows with what a command printed. In the text, a line `...` stands for
 * any lines, and `...` in a line for any words.
 */
import { normaliseJson, normaliseOutput } from './normalise-output.ts';

/** Lines in which the two differ, normalised; null stands for a line that one of them has not. */
export interface OutputDifference {
  readonly expected: string | null;
  readonly found: string | null;
}

/** The first difference, or null if they agree. */
export function compareOutput(expected: string, found: string): OutputDifference | null {
  const [expectedJson, foundJson] = [normaliseJson(expected), normaliseJson(found)];
  const areDocuments = expectedJson !== null && foundJson !== null;
  const wanted = linesOf(areDocuments ? expectedJson : normaliseOutput(expected));
  const given = linesOf(areDocuments ? foundJson : normaliseOutput(found));
  let i = 0;
  let k = 0;
  /** The latest `...`, and how far it reaches. */
  let gap = -1;
  let gapEnd = 0;
  while (k < given.length) {
    if (i < wanted.length && isGap(wanted[i]!)) {
      gap = i++;
      gapEnd = k;
    } else if (i < wanted.length && matchesLine(wanted[i]!, given[k]!)) {
      i++;
      k++;
    } else if (gap >= 0) {
      i = gap + 1;
      k = ++gapEnd;
    } else {
      return { expected: wanted[i] ?? null, found: given[k]! };
    }
  }
  while (i < wanted.length && isGap(wanted[i]!)) i++;
  return i === wanted.length ? null : { expected: wanted[i]!, found: null };
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.split('\n');
}

function isGap(line: string): boolean {
  return line.trim() === '...' || line.trim() === '…';
}

function matchesLine(wanted: string, given: string): boolean {
  if (wanted === given) return true;
  if (!wanted.includes('...')) return false;
  const parts = wanted.split('...');
  const last = parts.pop()!;
  let at = 0;
  for (const [index, part] of parts.entries()) {
    const found = index === 0 ? (given.startsWith(part) ? 0 : -1) : given.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return given.length - last.length >= at && given.endsWith(last);
}
