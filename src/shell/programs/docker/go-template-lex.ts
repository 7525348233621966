/**
 * Cuts a Go text/template into texts and actions, and actions into words.
 * @source Go src/text/template/parse/lex.go
 */

/** A mistake in a template or in what it is run on; the text is Go's, without `template parsing error`. */
export class TemplateError extends Error {
  override name = 'TemplateError';
}

/** A template's text, for messages. */
export interface Source {
  readonly source: string;
}

/** A word of an action. */
export interface Token {
  readonly kind:
    | 'field'
    | 'variable'
    | 'word'
    | 'string'
    | 'number'
    | 'char'
    | 'space'
    | 'sign'
    | 'end';
  readonly text: string;
  readonly at: number;
}

/** A text, or what stands between `{{` and `}}`. */
export interface Piece {
  readonly kind: 'text' | 'action';
  readonly text: string;
  readonly at: number;
}

function lineOf(source: string, at: number): number {
  return source.slice(0, at).split('\n').length;
}

/** @throws TemplateError with the line of `at`. */
export function fail(parser: Source, at: number, message: string): never {
  throw new TemplateError(`template: :${lineOf(parser.source, at)}: ${message}`);
}

/** Splits the text at `{{` and `}}`; trims what `{{-` and `-}}` say. */
export function cutActions(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimsNext = false;
  for (;;) {
    const open = source.indexOf('{{', at);
    let text = open < 0 ? source.slice(at) : source.slice(at, open);
    if (trimsNext) text = text.trimStart();
    if (open < 0) {
      if (text !== '') pieces.push({ kind: 'text', text, at });
      return pieces;
    }
    const trimsBefore = /^-[ \t\r\n]/.test(source.slice(open + 2, open + 4));
    if (trimsBefore) text = text.trimEnd();
    if (text !== '') pieces.push({ kind: 'text', text, at });
    const start = open + 2 + (trimsBefore ? 2 : 0);
    if (source.startsWith('/*', start)) {
      const close = source.indexOf('*/', start);
      if (close < 0) fail({ source }, open, 'unclosed comment');
      const rest = /^(\s-)?\}\}/.exec(source.slice(close + 2));
      if (rest === null) fail({ source }, open, 'comment ends before closing delimiter');
      trimsNext = rest[1] !== undefined;
      at = close + 2 + rest[0].length;
      continue;
    }
    const close = findClose(source, start);
    trimsNext = /[ \t\r\n]-$/.test(source.slice(start, close));
    pieces.push({
      kind: 'action',
      text: source.slice(start, close - (trimsNext ? 2 : 0)),
      at: start,
    });
    at = close + 2;
  }
}

/** The place of the `}}` that ends the action that starts at `start`; quotes hide others. */
function findClose(source: string, start: number): number {
  for (let i = start; i < source.length; i++) {
    const char = source[i]!;
    if (char === '}' && source[i + 1] === '}') return i;
    if (char === '}') fail({ source }, i, `bad character U+007D '}'`);
    if (char === '"' || char === "'" || char === '`') i = endOfQuote(source, i);
  }
  return fail({ source }, start, 'unclosed action');
}

function endOfQuote(source: string, start: number): number {
  const quote = source[start]!;
  for (let i = start + 1; i < source.length; i++) {
    const char = source[i]!;
    if (char === quote) return i;
    if (quote !== '`' && char === '\\') i++;
    else if (quote !== '`' && char === '\n') break;
  }
  const what =
    quote === '`'
      ? 'unterminated raw quoted string'
      : quote === '"'
        ? 'unterminated quoted string'
        : 'unterminated character constant';
  return fail({ source }, start, what);
}

const TOKEN =
  /(?<space>[ \t\r\n]+)|(?<field>\.[A-Za-z_]\w*)|(?<variable>\$\w*)|(?<number>[+-]?(?:0[xX][\da-fA-F_]+|0[bB][01]+|0[oO][0-7]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))|(?<word>[A-Za-z_]\w*)|(?<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?<char>'(?:[^'\\\n]|\\.)+')|(?<sign>:=|[.|=(),])/y;

/** The tokens of one action, with an `end` token last. */
export function tokenize(parser: Source, piece: Piece): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let parens = 0;
  while (at < piece.text.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(piece.text);
    const where = piece.at + at;
    if (match === null) refuseCharacter(parser, where, piece.text.slice(at));
    const groups = match.groups!;
    const kind = (Object.keys(groups) as Array<keyof typeof groups>).find(
      (name) => groups[name] !== undefined,
    ) as Token['kind'];
    tokens.push({ kind, text: match[0], at: where });
    if (match[0] === '(') parens++;
    if (match[0] === ')' && --parens < 0) fail(parser, where, 'unexpected right paren');
    at += match[0].length;
  }
  const end = piece.at + piece.text.length;
  if (parens > 0) fail(parser, end, 'unclosed left paren');
  tokens.push({ kind: 'end', text: '', at: end });
  return tokens;
}

function refuseCharacter(parser: Source, at: number, rest: string): never {
  if (rest.startsWith(':')) return fail(parser, at, 'expected :=');
  const char = String.fromCodePoint(rest.codePointAt(0)!);
  if (char < ' ' || char > '~') {
    const code = char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    return fail(parser, at, `unrecognized character in action: U+${code} '${char}'`);
  }
  return fail(parser, at, `unexpected ${JSON.stringify(char)} in command`);
}

/** @source parse/lex.go item.String */
export function describe(token: Token): string {
  if (token.kind === 'end') return '"}}"';
  if (KEYWORDS.has(token.text)) return `<${token.text}>`;
  return token.text.length > 10
    ? `${JSON.stringify(token.text.slice(0, 10))}...`
    : JSON.stringify(token.text);
}

/** Words that are no functions. */
export const KEYWORDS = new Set([
  'if',
  'range',
  'with',
  'end',
  'else',
  'define',
  'template',
  'block',
  'break',
  'continue',
  'nil',
  '.',
]);

/** The value of a number token. */
export function readNumber(parser: Source, token: Token): number {
  const value = Number(token.text.replaceAll('_', '').replace(/^\+/, ''));
  if (Number.isNaN(value))
    fail(parser, token.at, `bad number syntax: ${JSON.stringify(token.text)}`);
  return value;
}

/** The code of a character token. */
export function readCharacter(parser: Source, token: Token): number {
  const characters = [...unquote(parser, token)];
  if (characters.length !== 1) {
    fail(parser, token.at, `malformed character constant: ${token.text}`);
  }
  return characters[0]!.codePointAt(0)!;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
};

/** The text of a string token. */
export function unquote(parser: Source, token: Token): string {
  if (token.text.startsWith('`')) return token.text.slice(1, -1);
  const inside = token.text.slice(1, -1);
  return inside.replaceAll(
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|(.))/g,
    (_whole, x, u, long, octal, char: string | undefined) => {
      const digits = x ?? u ?? long;
      if (digits !== undefined) return String.fromCodePoint(Number.parseInt(digits, 16));
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      const simple = ESCAPES[char!];
      if (simple !== undefined) return simple;
      if (char === '\\' || char === '"' || char === "'") return char;
      return fail(parser, token.at, 'invalid syntax');
    },
  );
}
