/** Checks one file against the schema and says of each mistake what was found and expected where. */
import type { z } from 'zod';
import { suggestionFor } from '../../base/suggest.ts';
import { type ComposeProblem, foundText, pathText, type ValuePath } from './problem.ts';
import { composeSchema } from './schema.ts';
import type { YamlFile } from './yaml-file.ts';

type Issue = z.core.$ZodIssue;

export interface Validation {
  readonly problems: readonly ComposeProblem[];
  /** The value without the members that have problems; null if nothing is left. */
  readonly rest: unknown;
}

/** All mistakes of a file's value (variables already put in, `x-` members already taken out). */
export function validateFile(file: YamlFile, value: unknown): Validation {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const message = `found ${foundText(value)}, expected a mapping with services`;
    const problems = [{ where: file.placeOf([]), path: '', message, hint: null }];
    return { problems, rest: null };
  }
  const checked = composeSchema.safeParse(value);
  if (checked.success) return { problems: [], rest: value };
  const { issues } = checked.error;
  const problems = issues.flatMap((issue) => problemsOf(file, value, issue, []));
  const rest = structuredClone(value);
  for (const issue of issues) prune(rest, issue);
  const isGood = composeSchema.safeParse(rest).success;
  return { problems, rest: isGood ? rest : null };
}

/** Takes the member with the mistake away: of a list, the whole list. */
function prune(root: unknown, issue: Issue): void {
  const path = issue.path as (string | number)[];
  const names = issue.code === 'unrecognized_keys' ? issue.keys : null;
  const at = path.findIndex((step) => typeof step === 'number');
  const whole = at < 0 ? path : path.slice(0, at);
  const holder = valueAt(root, names === null ? whole.slice(0, -1) : whole);
  if (typeof holder !== 'object' || holder === null) return;
  const gone = names === null || at >= 0 ? [whole.at(-1)] : names;
  const members = at >= 0 && names !== null ? valueAt(root, whole.slice(0, -1)) : holder;
  for (const name of gone) {
    if (name !== undefined) delete (members as Record<string, unknown>)[name];
  }
}

function problemsOf(
  file: YamlFile,
  root: unknown,
  issue: Issue,
  before: ValuePath,
): ComposeProblem[] {
  const path: ValuePath = [...before, ...(issue.path as (string | number)[])];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      where: file.placeOfKey([...path, key]),
      path: pathText([...path, key]),
      message: `found the unknown name "${key}", expected a name of the Compose specification`,
      hint: suggestionNear(key, path),
    }));
  }
  if (issue.code === 'invalid_key') {
    const message = `found the name ${foundText(path.at(-1))}, expected ${keyText(path)}`;
    return [{ where: file.placeOfKey(path), path: pathText(path), message, hint: null }];
  }
  if (issue.code === 'invalid_union') {
    const nested = nearestBranch(issue.errors, valueAt(root, path));
    if (nested !== null) return nested.flatMap((each) => problemsOf(file, root, each, path));
  }
  const found = valueAt(root, path);
  const isMissing = found === undefined && path.length > 0;
  const where = file.placeOf(path);
  const message = `found ${foundText(found)}, expected ${expectedText(issue)}`;
  return [{ where, path: pathText(path), message, hint: isMissing ? 'it is required' : null }];
}

/** The alternative that was meant: the one whose mistakes lie inside the value. */
function nearestBranch(branches: readonly Issue[][], found: unknown): readonly Issue[] | null {
  if (typeof found !== 'object' || found === null) return null;
  const deep = branches.filter((issues) =>
    issues.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
  );
  return deep[0] ?? null;
}

function expectedText(issue: Issue): string {
  const { message } = issue;
  if (!/^Invalid |^Too |^Unrecognized /.test(message)) return message;
  if (issue.code === 'invalid_type') return EXPECTED_TYPES[issue.expected] ?? issue.expected;
  if (issue.code === 'invalid_value') return `one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'too_small') return `at least ${issue.minimum}`;
  if (issue.code === 'too_big') return `at most ${issue.maximum}`;
  return 'something else';
}

const EXPECTED_TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
};

function keyText(path: ValuePath): string {
  const isNode = path.includes('links') || path.includes('firewall');
  return isNode ? 'node1, node2 ...' : 'a name of letters, digits, _, . and -';
}

export function valueAt(root: unknown, path: ValuePath): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[step]; // checked: an object or a list
  }
  return value;
}

/** Names that stand where this one does. */
function suggestionNear(key: string, path: ValuePath): string | null {
  const known = knownNames(path);
  if (known.length === 0) return null;
  const hint = suggestionFor(key, known);
  return hint.startsWith('did you mean') ? hint : null;
}

function knownNames(path: ValuePath): string[] {
  let schema: unknown = composeSchema;
  for (const step of path) schema = childSchema(schema, step);
  const shape = (unwrap(schema) as { shape?: Readonly<Record<string, unknown>> } | null)?.shape;
  return shape === undefined ? [] : Object.keys(shape);
}

interface Def {
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly innerType?: unknown;
  readonly valueType?: unknown;
  readonly element?: unknown;
  readonly options?: readonly unknown[];
}

function defOf(schema: unknown): Def {
  return (schema as { def?: Def } | null)?.def ?? {};
}

/** The object inside optional, nullable and union. */
function unwrap(schema: unknown): unknown {
  const { innerType, options } = defOf(schema);
  if (innerType !== undefined) return unwrap(innerType);
  if (options !== undefined) {
    return options.map(unwrap).find((option) => defOf(option).shape !== undefined) ?? options[0];
  }
  return schema;
}

function childSchema(schema: unknown, step: string | number): unknown {
  const { innerType, options, shape, valueType, element } = defOf(schema);
  if (innerType !== undefined) return childSchema(innerType, step);
  if (options !== undefined) {
    for (const option of options) {
      const child = childSchema(option, step);
      if (child !== null) return child;
    }
    return null;
  }
  return shape?.[step] ?? valueType ?? element ?? null;
}
