/** How wide a text is, and how it is made to fit. */
import { BOLD_WIDTHS, MONO_WIDTH, REGULAR_WIDTHS } from './font-widths.ts';

export type FontName = 'regular' | 'bold' | 'mono';

const FIRST_CODE = 32;
/** Letters without an entry: arrows and Cyrillic are wide, CJK is wider. */
const OTHER_WIDTH = 760;
const WIDE_WIDTH = 1000;
const WIDE_FROM = 0x2e80;
const ELLIPSIS = '…';
/** Letters of one label; what a name has more is cut. */
export const LABEL_LETTERS_MAX = 28;

/** Width in pixels. */
export function textWidth(text: string, size: number, font: FontName = 'regular'): number {
  let sum = 0;
  for (const letter of text) sum += letterWidth(letter.codePointAt(0) ?? 0, font);
  return (sum * size) / 1000;
}

function letterWidth(code: number, font: FontName): number {
  if (font === 'mono' && code < WIDE_FROM) return MONO_WIDTH;
  const table = font === 'bold' ? BOLD_WIDTHS : REGULAR_WIDTHS;
  const known = table[code - FIRST_CODE];
  if (known !== undefined && known > 0) return known;
  return code >= WIDE_FROM ? WIDE_WIDTH : OTHER_WIDTH;
}

/** The text, with its end replaced by an ellipsis if it is wider than `width`. */
export function fitText(text: string, width: number, size: number, font: FontName): string {
  if (textWidth(text, size, font) <= width) return text;
  const letters = [...text];
  while (letters.length > 0) {
    letters.pop();
    const shown = letters.join('').trimEnd() + ELLIPSIS;
    if (textWidth(shown, size, font) <= width) return shown;
  }
  return '';
}

/** A name of at most `max` letters: its start and its end, which often tells it from its neighbour. */
export function shortName(name: string, max: number = LABEL_LETTERS_MAX): string {
  const letters = [...name.replaceAll(/[\p{Cc}\u2028\u2029]/gu, ' ')];
  if (letters.length <= max) return letters.join('');
  const tail = Math.floor(max / 3);
  const head = max - tail - 1;
  return letters.slice(0, head).join('') + ELLIPSIS + letters.slice(-tail).join('');
}

/** Lines of words no wider than `width`; a word that is wider is cut. */
export function wrapText(text: string, width: number, size: number, font: FontName): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (textWidth(longer, size, font) <= width || line === '') {
      line = longer;
    } else {
      lines.push(line);
      line = word;
    }
  }
  lines.push(line);
  return lines.map((each) => fitText(each, width, size, font));
}
