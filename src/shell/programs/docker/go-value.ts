/**
 * Values as Go's text/template sees them, and their two texts: `%v` of package fmt, and JSON.
 * The documents of `docker inspect` are made of these: a struct keeps the order of its fields, a map
 * is printed sorted, and a nil of each kind has a look of its own.
 * @source Go src/fmt/print.go, src/encoding/json/encode.go
 */

/** A field's value; undefined: left out of the JSON text (omitempty), the empty text in a template. */
export type GoValue =
  | null
  | undefined
  | boolean
  | number
  | string
  | readonly GoValue[]
  | GoMap
  | GoStruct
  | GoFunction;

export interface GoMap {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, GoValue>;
  /** What a key that is not there has. */
  readonly zero: GoValue;
}

export interface GoStruct {
  readonly kind: 'struct';
  /** As Go's messages call it: `types.NetworkResource`. */
  readonly type: string;
  /** fmt prints where it is instead of what it holds, if it stands inside another value. */
  readonly isPointer: boolean;
  /** By the name in JSON. */
  readonly fields: Readonly<Record<string, GoValue>>;
}

/** A method that takes arguments (`{{.Label "x"}}`). */
export interface GoFunction {
  readonly kind: 'function';
  readonly call: (args: readonly GoValue[]) => GoValue;
}

/** A nil map of strings: `map[]`, and `null` in JSON. */
export const NIL_MAP: GoMap = { kind: 'map', entries: new Map(), zero: '' };

/** A nil slice: `[]`, and `null` in JSON. */
export const NIL_SLICE: readonly GoValue[] = [];

/** A nil pointer to a struct: `<nil>`, and `null` in JSON. */
export const NIL_POINTER: GoStruct = { kind: 'struct', type: 'nil', isPointer: true, fields: {} };

/** Go's names of fields that have another one in JSON. @source moby api/types json tags */
const GO_NAMES: Readonly<Record<string, string>> = {
  Id: 'ID',
  HostIp: 'HostIP',
  Dns: 'DNS',
  DnsOptions: 'DNSOptions',
  DnsSearch: 'DNSSearch',
};

export function goStruct(type: string, fields: Readonly<Record<string, GoValue>>): GoStruct {
  return { kind: 'struct', type, isPointer: false, fields };
}

export function goPointer(type: string, fields: Readonly<Record<string, GoValue>>): GoStruct {
  return { kind: 'struct', type, isPointer: true, fields };
}

export function goMap<Value extends GoValue>(
  entries: Iterable<readonly [string, Value]> = [],
  zero: GoValue = '',
): GoMap {
  return { kind: 'map', entries: new Map(entries), zero };
}

export function isMap(value: GoValue): value is GoMap {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'map';
}

export function isStruct(value: GoValue): value is GoStruct {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'struct';
}

export function isFunction(value: GoValue): value is GoFunction {
  return (
    typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'function'
  );
}

export function isSlice(value: GoValue): value is readonly GoValue[] {
  return Array.isArray(value);
}

/** The field that Go calls `name`; null: there is none. */
export function fieldOf(struct: GoStruct, name: string): { readonly value: GoValue } | null {
  if (Object.hasOwn(struct.fields, name) && GO_NAMES[name] === undefined) {
    return { value: struct.fields[name] };
  }
  for (const [json, go] of Object.entries(GO_NAMES)) {
    if (go === name && Object.hasOwn(struct.fields, json)) return { value: struct.fields[json] };
  }
  return null;
}

/** Keys in the order of their code points, as Go sorts them. */
export function sortedKeys(map: GoMap): string[] {
  return [...map.entries.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The same value as it comes out of JSON: structs are maps, every nil is one. */
export function rawOf(value: GoValue): GoValue {
  if (value === NIL_MAP || value === NIL_SLICE || value === NIL_POINTER) return null;
  if (isSlice(value)) return value.map(rawOf);
  if (isMap(value)) {
    return goMap(
      [...value.entries].map(([key, each]) => [key, rawOf(each)] as const),
      null,
    );
  }
  if (isStruct(value)) {
    const kept = Object.entries(value.fields).filter(([, each]) => each !== undefined);
    return goMap(
      kept.map(([key, each]) => [key, rawOf(each)] as const),
      null,
    );
  }
  return isFunction(value) ? null : value;
}

/** Where fmt says that a pointer points to; the real number is another one at each run. */
const POINTER_TEXT = '0xc000130000';

/** What `{{.}}` prints. */
export function formatValue(value: GoValue): string {
  if (value === null) return '<no value>';
  if (value === NIL_POINTER) return '<nil>';
  return formatInside(value, 0);
}

/** What Println prints of a value that stands inside another one. */
export function formatInside(value: GoValue, depth: number): string {
  if (value === undefined) return '';
  if (value === null || value === NIL_POINTER) return '<nil>';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return formatNumber(value);
  if (isSlice(value)) return `[${value.map((each) => formatInside(each, depth + 1)).join(' ')}]`;
  if (isMap(value)) {
    const parts = sortedKeys(value).map(
      (key) => `${key}:${formatInside(value.entries.get(key), depth + 1)}`,
    );
    return `map[${parts.join(' ')}]`;
  }
  if (isFunction(value)) return POINTER_TEXT;
  if (value.isPointer && depth > 0) return POINTER_TEXT;
  const fields = Object.values(value.fields).filter((each) => !isFunction(each));
  return `{${fields.map((each) => formatInside(each, depth + 1)).join(' ')}}`;
}

function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return value.toFixed(0);
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2');
}

/** JSON in one line, as Docker's `json` function and its API write it: no HTML escapes. */
export function encodeJson(value: GoValue): string {
  return JSON.stringify(plainOf(value)) ?? 'null';
}

/** JSON over several lines, as `docker inspect` prints it. */
export function encodeIndentedJson(value: GoValue, indent = 4): string {
  return JSON.stringify(plainOf(value), null, indent);
}

/** What JSON.stringify understands; maps sorted, structs in order. */
function plainOf(value: GoValue): unknown {
  if (value === NIL_MAP || value === NIL_SLICE || value === NIL_POINTER) return null;
  if (isSlice(value)) return value.map((each) => plainOf(each) ?? null);
  if (isMap(value)) {
    return Object.fromEntries(
      sortedKeys(value).map((key) => [key, plainOf(value.entries.get(key))]),
    );
  }
  if (isStruct(value)) {
    return Object.fromEntries(
      Object.entries(value.fields).map(([key, each]) => [key, plainOf(each)]),
    );
  }
  return isFunction(value) ? undefined : value;
}
