/** Go's `printf` for templates: the verbs and flags of package fmt. @source Go src/fmt/print.go */
import { formatInside, type GoValue, isMap, isSlice, isStruct } from './go-value.ts';

/** Characters to which a width or a precision pads at most. */
const WIDTH_MAX = 10_000;

const VERB = /%(?:%|([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?([a-zA-Z])|(.)?)/gs;

/** `fmt.Sprintf(format, args...)`. */
export function sprintf(format: string, args: readonly GoValue[]): string {
  let next = 0;
  const star = (text: string | undefined): number | null => {
    if (text === undefined) return null;
    return Math.min(WIDTH_MAX, text === '*' ? Number(args[next++]) : Number(text));
  };
  const out = format.replaceAll(
    VERB,
    (whole, flags: string | undefined, width, precision, verb: string | undefined, odd) => {
      if (whole === '%%') return '%';
      if (verb === undefined) return odd === undefined ? '%!(NOVERB)' : `%!${odd}(NOVERB)`;
      const columns = star(width);
      const digits = whole.includes('.') ? (star(precision) ?? 0) : null;
      if (next >= args.length) return `%!${verb}(MISSING)`;
      const text = formatVerb(verb, args[next++], flags ?? '', digits);
      return pad(text, columns, flags ?? '', verb);
    },
  );
  if (next >= args.length) return out;
  const extra = args.slice(next).map((each) => `${typeName(each)}=${formatInside(each, 0)}`);
  return `${out}%!(EXTRA ${extra.join(', ')})`;
}

function pad(text: string, columns: number | null, flags: string, verb: string): string {
  const length = [...text].length;
  if (columns === null || length >= columns) return text;
  const fill = columns - length;
  if (flags.includes('-')) return text + ' '.repeat(fill);
  if (flags.includes('0') && verb !== 's' && verb !== 'q' && verb !== 'v') {
    const sign = /^[+-]/.exec(text)?.[0] ?? '';
    return sign + '0'.repeat(fill) + text.slice(sign.length);
  }
  return ' '.repeat(fill) + text;
}

function formatVerb(verb: string, value: GoValue, flags: string, digits: number | null): string {
  const bad = (): string => `%!${verb}(${typeName(value)}=${formatInside(value, 0)})`;
  const plus = (text: string): string =>
    flags.includes('+') && !text.startsWith('-') ? `+${text}` : text;
  if (isSlice(value) && verb !== 'T' && verb !== 'v') {
    return `[${value.map((each) => formatVerb(verb, each, flags, digits)).join(' ')}]`;
  }
  switch (verb) {
    case 'v':
      if (typeof value === 'number') return plus(formatInside(value, 0));
      return flags.includes('#') ? formatSource(value) : formatInside(value, 0);
    case 'T':
      return typeName(value);
    case 's':
      if (value === null) return '%!s(<nil>)';
      if (typeof value === 'number' || typeof value === 'boolean') return bad();
      return cut(formatInside(value, 0), digits);
    case 'q':
      if (typeof value === 'string' || value === undefined) return quote(cut(value ?? '', digits));
      return typeof value === 'number' ? `'${String.fromCodePoint(value)}'` : bad();
    case 't':
      return typeof value === 'boolean' ? String(value) : bad();
    case 'x':
    case 'X':
      return hex(value, verb) ?? bad();
    default:
      return typeof value === 'number' ? (formatNumber(verb, value, plus, digits) ?? bad()) : bad();
  }
}

function cut(text: string, digits: number | null): string {
  return digits === null ? text : [...text].slice(0, digits).join('');
}

function hex(value: GoValue, verb: string): string | null {
  let text: string;
  if (typeof value === 'number') text = value.toString(16);
  else if (typeof value === 'string') {
    text = [...new TextEncoder().encode(value)]
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join('');
  } else return null;
  return verb === 'X' ? text.toUpperCase() : text;
}

function formatNumber(
  verb: string,
  value: number,
  plus: (text: string) => string,
  digits: number | null,
): string | null {
  if ('fFeEgG'.includes(verb)) {
    if (verb === 'e' || verb === 'E') {
      return plus(value.toExponential(digits ?? 6).replace(/e([+-])(\d)$/, `${verb}$10$2`));
    }
    return plus(verb === 'g' || verb === 'G' ? String(value) : value.toFixed(digits ?? 6));
  }
  if (!Number.isInteger(value)) return null;
  switch (verb) {
    case 'd':
      return plus(value.toFixed(0));
    case 'b':
      return plus(value.toString(2));
    case 'o':
      return plus(value.toString(8));
    case 'c':
      return String.fromCodePoint(value);
    case 'U':
      return `U+${value.toString(16).toUpperCase().padStart(4, '0')}`;
    default:
      return null;
  }
}

/** What `%T` and messages call the type of a value. */
export function typeName(value: GoValue): string {
  if (value === null) return '<nil>';
  if (typeof value === 'string' || value === undefined) return 'string';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  if (isSlice(value))
    return value.every((each) => typeof each === 'string') ? '[]string' : '[]interface {}';
  if (isMap(value)) return value.zero === '' ? 'map[string]string' : 'map[string]interface {}';
  if (isStruct(value)) return value.isPointer ? `*${value.type}` : value.type;
  return 'func';
}

/** `%#v`, as far as strings and their slices go. */
function formatSource(value: GoValue): string {
  if (typeof value === 'string') return quote(value);
  if (isSlice(value)) return `${typeName(value)}{${value.map(formatSource).join(', ')}}`;
  return formatInside(value, 0);
}

/** A Go string literal. @source Go src/strconv/quote.go */
export function quote(text: string): string {
  let out = '"';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    if (char === '"' || char === '\\') out += `\\${char}`;
    else if (char === '\n') out += '\\n';
    else if (char === '\t') out += '\\t';
    else if (char === '\r') out += '\\r';
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else out += char;
  }
  return `${out}"`;
}
