/**
 * The functions of templates: Go's own and those that Docker adds.
 * @source Go src/text/template/funcs.go; docker cli templates/templates.go
 */
import { quote, sprintf, typeName } from './go-printf.ts';
import {
  encodeJson,
  formatInside,
  formatValue,
  type GoValue,
  isMap,
  isSlice,
  NIL_POINTER,
} from './go-value.ts';

/** A function of the language. @throws FunctionError with Go's text. */
export type TemplateFunction = (args: readonly GoValue[]) => GoValue;

/** What a function of the language refuses. */
export class FunctionError extends Error {
  override name = 'FunctionError';
}

/** An argument of the wrong type; the place is the argument's. */
export class ArgumentError extends FunctionError {
  override name = 'ArgumentError';
  readonly index: number;

  constructor(index: number, message: string) {
    super(message);
    this.index = index;
  }
}

/** Whether `if` takes it. @source exec.go isTrue */
export function isTrue(value: GoValue): boolean {
  if (value === null || value === undefined || value === NIL_POINTER) return false;
  if (typeof value === 'number') return value !== 0;
  if (typeof value === 'object') {
    if (isSlice(value)) return value.length > 0;
    return isMap(value) ? value.entries.size > 0 : true;
  }
  return value !== false && value !== '';
}

/** `wrong number of args for x: want 2 got 1`. */
function takes(name: string, count: number, act: TemplateFunction): TemplateFunction {
  return (args) => {
    if (args.length !== count) {
      throw new FunctionError(`wrong number of args for ${name}: want ${count} got ${args.length}`);
    }
    return act(args);
  };
}

function takesAtLeast(name: string, count: number, act: TemplateFunction): TemplateFunction {
  return (args) => {
    if (args.length < count) {
      throw new FunctionError(
        `wrong number of args for ${name}: want at least ${count} got ${args.length}`,
      );
    }
    return act(args);
  };
}

function textOf(args: readonly GoValue[], index: number): string {
  const value = args[index];
  if (typeof value === 'string') return value;
  if (value === undefined) return '';
  throw new ArgumentError(index, `wrong type for value; expected string; got ${typeName(value)}`);
}

function numberOf(args: readonly GoValue[], index: number): number {
  const value = args[index];
  if (typeof value === 'number') return value;
  throw new ArgumentError(index, `wrong type for value; expected int; got ${typeName(value)}`);
}

/** @source funcs.go index */
function index(args: readonly GoValue[]): GoValue {
  let value = args[0];
  if (value === null) throw new FunctionError('index of untyped nil');
  for (const key of args.slice(1)) {
    if (value === null || value === NIL_POINTER) throw new FunctionError('index of nil pointer');
    if (isMap(value)) {
      if (typeof key !== 'string') {
        throw new FunctionError(
          key === null
            ? 'value is nil; should be of type string'
            : `value has type ${typeName(key)}; should be string`,
        );
      }
      value = value.entries.has(key) ? value.entries.get(key) : value.zero;
    } else if (isSlice(value) || typeof value === 'string') {
      const at = indexNumber(key);
      const whole = typeof value === 'string' ? new TextEncoder().encode(value) : value;
      if (at < 0 || at >= whole.length) throw new FunctionError(`index out of range: ${at}`);
      value = whole[at];
    } else throw new FunctionError(`can't index item of type ${typeName(value)}`);
  }
  return value ?? null;
}

function indexNumber(key: GoValue): number {
  if (key === null) throw new FunctionError('cannot index slice/array with nil');
  if (typeof key === 'number' && Number.isInteger(key)) return key;
  throw new FunctionError(`cannot index slice/array with type ${typeName(key)}`);
}

/** @source funcs.go slice: strings by bytes */
function slice(args: readonly GoValue[]): GoValue {
  const value = args[0];
  if (value === null) throw new FunctionError('slice of untyped nil');
  const isText = typeof value === 'string' || value === undefined;
  if (args.length > 4) throw new FunctionError(`too many slice indexes: ${args.length - 1}`);
  if (!isText && !isSlice(value)) {
    throw new FunctionError(`can't slice item of type ${typeName(value)}`);
  }
  if (isText && args.length === 4) throw new FunctionError('cannot 3-index slice a string');
  const whole = isText ? new TextEncoder().encode(value ?? '') : value;
  const bounds = args.slice(1).map((each) => {
    const at = indexNumber(each);
    if (at < 0 || at > whole.length) throw new FunctionError(`index out of range: ${at}`);
    return at;
  });
  const from = bounds[0] ?? 0;
  const to = bounds[1] ?? whole.length;
  if (from > to) throw new FunctionError(`invalid slice index: ${from} > ${to}`);
  const part = whole.slice(from, to);
  return part instanceof Uint8Array ? new TextDecoder().decode(part) : part;
}

function length(args: readonly GoValue[]): GoValue {
  const value = args[0];
  if (typeof value === 'string') return new TextEncoder().encode(value).length;
  if (value === undefined) return 0;
  if (value === null) throw new FunctionError('len of nil pointer');
  if (isSlice(value)) return value.length;
  if (isMap(value)) return value.entries.size;
  throw new FunctionError(`len of type ${typeName(value)}`);
}

type Basic = string | number | boolean;

function kindOf(value: GoValue): 'string' | 'number' | 'boolean' | 'nil' | 'other' {
  if (value === null || value === NIL_POINTER) return 'nil';
  if (value === undefined) return 'string';
  const kind = typeof value;
  return kind === 'string' || kind === 'number' || kind === 'boolean' ? kind : 'other';
}

/** @source funcs.go eq */
function equal(a: GoValue, b: GoValue): boolean {
  const kindA = kindOf(a);
  const kindB = kindOf(b);
  if (kindA === 'nil' || kindB === 'nil') return kindA === kindB;
  if (kindA === 'other' || kindB === 'other') {
    throw new FunctionError(
      kindA === 'other' && kindB === 'other'
        ? `non-comparable type ${formatInside(a, 0)}: ${typeName(a)}`
        : 'incompatible types for comparison',
    );
  }
  if (kindA !== kindB) throw new FunctionError('incompatible types for comparison');
  return (a ?? '') === (b ?? '');
}

function less(a: GoValue, b: GoValue): boolean {
  const kind = kindOf(a);
  if (kind !== kindOf(b)) throw new FunctionError('incompatible types for comparison');
  if (kind !== 'string' && kind !== 'number') {
    throw new FunctionError('invalid type for comparison');
  }
  return (a as Basic) < (b as Basic); // both are of that kind
}

/** Go's Sprint: a blank between two operands if neither is a text. */
function sprint(args: readonly GoValue[]): string {
  let out = '';
  args.forEach((each, at) => {
    const isBlank =
      at > 0 && typeof each !== 'string' && typeof args[at - 1] !== 'string' && each !== undefined;
    out += (isBlank ? ' ' : '') + formatInside(each, 0);
  });
  return out;
}

const HTML: Readonly<Record<string, string>> = {
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
};

function titleCase(text: string): string {
  return text.replaceAll(
    /(^|\s)(\S)/g,
    (_whole, space: string, char: string) => space + char.toUpperCase(),
  );
}

export const TEMPLATE_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  call: () => {
    throw new FunctionError('non-function');
  },
  html: (args) => sprint(args).replaceAll(/["'&<>]/g, (char) => HTML[char]!),
  index: takesAtLeast('index', 1, index),
  slice: takesAtLeast('slice', 1, slice),
  js: (args) => quote(sprint(args)).slice(1, -1).replaceAll("'", "\\'"),
  len: takes('len', 1, length),
  not: takes('not', 1, ([value]) => !isTrue(value)),
  print: sprint,
  printf: takesAtLeast('printf', 1, (args) => sprintf(textOf(args, 0), args.slice(1))),
  println: (args) => `${args.map((each) => formatInside(each, 0)).join(' ')}\n`,
  urlquery: (args) => encodeURIComponent(sprint(args)).replaceAll('%20', '+'),
  eq: takesAtLeast('eq', 1, ([first, ...rest]) => {
    if (rest.length === 0) throw new FunctionError('missing argument for comparison');
    return rest.some((each) => equal(first, each));
  }),
  ne: takes('ne', 2, ([a, b]) => !equal(a, b)),
  lt: takes('lt', 2, ([a, b]) => less(a, b)),
  le: takes('le', 2, ([a, b]) => less(a, b) || equal(a, b)),
  gt: takes('gt', 2, ([a, b]) => !(less(a, b) || equal(a, b))),
  ge: takes('ge', 2, ([a, b]) => !less(a, b)),
  json: takes('json', 1, ([value]) => encodeJson(value)),
  split: takes('split', 2, (args) => textOf(args, 0).split(textOf(args, 1))),
  join: takes('join', 2, (args) => {
    const list = args[0];
    if (!isSlice(list)) {
      throw new ArgumentError(
        0,
        `wrong type for value; expected []string; got ${typeName(list ?? null)}`,
      );
    }
    return list.map((each) => formatValue(each)).join(textOf(args, 1));
  }),
  title: takes('title', 1, (args) => titleCase(textOf(args, 0))),
  lower: takes('lower', 1, (args) => textOf(args, 0).toLowerCase()),
  upper: takes('upper', 1, (args) => textOf(args, 0).toUpperCase()),
  pad: takes('pad', 3, (args) => {
    const text = textOf(args, 0);
    const blanks = (index: number): string => ' '.repeat(Math.max(0, numberOf(args, index)));
    return text === '' ? '' : blanks(1) + text + blanks(2);
  }),
  truncate: takes('truncate', 2, (args) => {
    const text = textOf(args, 0);
    return text.slice(0, Math.max(0, numberOf(args, 1)));
  }),
};
