/**
 * Variables in a Compose file: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`,
 * `${NAME:?message}`, `${NAME?message}`, `${NAME:+other}`, `${NAME+other}`; `$$` is a dollar.
 * @source compose-go template/template.go
 */

export type Variables = ReadonlyMap<string, string>;

export interface Interpolation {
  readonly text: string;
  /** What is wrong; null if nothing is. */
  readonly problem: string | null;
  /** Variables without a value and without a default. */
  readonly unset: readonly string[];
}

/** Defaults within defaults. */
const NESTING_MAX = 20;
/** What one text may grow to. */
const TEXT_MAX = 65_536;

/** The text with its variables put in. */
export function interpolate(text: string, variables: Variables, depth = 0): Interpolation {
  if (!text.includes('$')) return { text, problem: null, unset: [] };
  const unset: string[] = [];
  const fail = (problem: string): Interpolation => ({ text, problem, unset });
  if (depth > NESTING_MAX) return fail('defaults are nested too deeply');
  let result = '';
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '$') {
      result += text[i];
      continue;
    }
    if (text[i + 1] === '$') {
      result += '$';
      i++;
      continue;
    }
    const plain = /^[A-Za-z_]\w*/.exec(text.slice(i + 1))?.[0];
    if (plain !== undefined) {
      const value = variables.get(plain);
      if (value === undefined) unset.push(plain);
      result += value ?? '';
      i += plain.length;
    } else {
      const end = text[i + 1] === '{' ? endOfBraces(text, i + 1) : -1;
      if (end < 0) return fail(`invalid interpolation format: ${JSON.stringify(text)}`);
      const inner = expand(text.slice(i + 2, end), variables, depth);
      if (inner.problem !== null) return fail(inner.problem);
      unset.push(...inner.unset);
      result += inner.text;
      i = end;
    }
    if (result.length > TEXT_MAX) return fail(`longer than ${TEXT_MAX} letters with its variables`);
  }
  return { text: result, problem: null, unset };
}

/** The index of the brace that closes the one at `open`; -1 if there is none. */
function endOfBraces(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === '{' && text[i - 1] === '$') depth++;
    if (text[i] === '}' && --depth === 0) return i;
  }
  return -1;
}

/** What is between the braces. */
function expand(inside: string, variables: Variables, depth: number): Interpolation {
  const match = /^([A-Za-z_]\w*)(?:(:?[-?+])(.*))?$/s.exec(inside);
  if (match === null) {
    return { text: '', problem: `invalid interpolation format: "\${${inside}}"`, unset: [] };
  }
  const name = match[1]!;
  const operator = match[2] ?? '';
  const value = variables.get(name);
  const isMissing = value === undefined || (operator.startsWith(':') && value === '');
  const word = (): Interpolation => interpolate(match[3] ?? '', variables, depth + 1);
  if (operator.endsWith('-')) return isMissing ? word() : plain(value ?? '');
  if (operator.endsWith('+')) return isMissing ? plain('') : word();
  if (operator.endsWith('?') && isMissing) {
    const { text } = word();
    const reason = text === '' ? '' : `: ${text}`;
    return {
      text: '',
      problem: `required variable ${name} is missing a value${reason}`,
      unset: [],
    };
  }
  return { text: value ?? '', problem: null, unset: value === undefined ? [name] : [] };
}

function plain(text: string): Interpolation {
  return { text, problem: null, unset: [] };
}

/**
 * Reads `.env`: NAME=VALUE lines, comments, quotes (single ones keep dollars), `export` in front.
 * @source compose-go dotenv/parser.go
 */
export function parseEnvFile(text: string, before: Variables = new Map()): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.replaceAll('\r\n', '\n').split('\n')) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*[=:]\s*(.*)$/.exec(line);
    if (match === null || line.trimStart().startsWith('#')) continue;
    const all = new Map([...found, ...before]);
    found.set(match[1]!, envValueOf(match[2]!.trim(), all));
  }
  return found;
}

function envValueOf(raw: string, variables: Variables): string {
  const single = /^'([^']*)'/.exec(raw);
  if (single !== null) return single[1]!;
  const double = /^"((?:[^"\\]|\\.)*)"/.exec(raw);
  if (double !== null) {
    const text = double[1]!.replace(/\\([nrt"\\])/g, (_, letter: string) => ESCAPES[letter]!);
    return interpolate(text, variables).text;
  }
  return interpolate(raw.replace(/\s+#.*$/, ''), variables).text;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  '\\': '\\',
};
