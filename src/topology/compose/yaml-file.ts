/** Reads one YAML file with bounds, and knows where in it each value stands. */
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
} from 'yaml';
import type { Place } from '../../base/errors.ts';
import type { ComposeProblem, ValuePath } from './problem.ts';

/** Larger files are refused unread: a Compose file is written by hand. */
export const YAML_BYTES_MAX = 1024 * 1024;
/** How often anchors may be expanded, and how much may come of it. */
const ALIASES_MAX = 100;
const NODES_MAX = 50_000;
const DEPTH_MAX = 64;

export interface YamlFile {
  readonly name: string;
  /** Null if it could not be read. */
  readonly value: unknown;
  readonly problems: readonly ComposeProblem[];
  /** The place of a value, or of the nearest one around it. */
  placeOf(path: ValuePath): Place;
  /** The place of the name of a member. */
  placeOfKey(path: ValuePath): Place;
  /** How many steps of the path lead somewhere in this file. */
  depthOf(path: ValuePath): number;
  /** Values tagged `!reset` and `!override`, in the order of the file. */
  readonly tags: readonly MergeTag[];
}

/** What a later file says about a value of an earlier one, beside merging with it. */
export interface MergeTag {
  readonly kind: 'reset' | 'override';
  readonly path: ValuePath;
}

/** Reads a text. Never throws: what is wrong is in `problems`. */
export function readYamlFile(name: string, text: string): YamlFile {
  if (text.length > YAML_BYTES_MAX) {
    return failed(name, `the file has ${text.length} bytes, expected at most 1 MiB`);
  }
  if (text.includes('\0')) return failed(name, 'the file is not a text');
  const counter = new LineCounter();
  try {
    const documents = parseAllDocuments(text, {
      lineCounter: counter,
      merge: true,
      prettyErrors: false,
      uniqueKeys: false, // takes time by the square; see repeatedKeys
    });
    if (!Array.isArray(documents) || documents.length === 0)
      return failed(name, 'the file is empty', 'services: ...');
    if (documents.length > 1) {
      return failed(name, `found ${documents.length} documents, expected one`);
    }
    return readDocument(name, documents[0]!, counter);
  } catch (error) {
    // RangeError: nested too deeply for the parser.
    const reason = error instanceof RangeError ? 'it is nested too deeply' : String(error);
    return failed(name, `the file cannot be read: ${reason}`);
  }
}

function failed(name: string, message: string, hint: string | null = null): YamlFile {
  const where = { file: name };
  return {
    name,
    value: null,
    problems: [{ where, path: '', message, hint }],
    placeOf: () => where,
    placeOfKey: () => where,
    depthOf: () => 0,
    tags: [],
  };
}

function readDocument(name: string, document: Document.Parsed, counter: LineCounter): YamlFile {
  const at = (offset: number | undefined): Place => {
    if (offset === undefined) return { file: name };
    const { line, col } = counter.linePos(offset);
    return { file: name, line, column: col };
  };
  const problems: ComposeProblem[] = syntaxErrors(document).map(({ offset, message }) => ({
    where: at(offset),
    path: '',
    message: `not valid YAML: ${message}`,
    hint: null,
  }));
  let value: unknown = null;
  const tags = tagsOf(document.contents, []);
  if (problems.length === 0) {
    try {
      value = document.toJS({ maxAliasCount: ALIASES_MAX });
      for (const { kind, path } of tags) if (kind === 'reset') deleteMember(value, path);
      const bound = boundBroken(value);
      if (bound !== null) problems.push({ where: at(0), path: '', message: bound, hint: null });
    } catch (error) {
      const message = `anchors expand too far: ${(error as Error).message.split('\n')[0]}`;
      problems.push({ where: at(0), path: '', message, hint: 'use fewer aliases' });
    }
  }
  return {
    name,
    value: problems.length === 0 ? value : null,
    problems,
    placeOf: (path) => at(offsetOf(document, path)),
    placeOfKey: (path) => at(keyOffsetOf(document, path)),
    depthOf: (path) => find(document, path).depth,
    tags,
  };
}

/** @source compose-go loader/reset.go */
function tagsOf(node: Node | null, path: ValuePath): MergeTag[] {
  if (node === null || path.length > DEPTH_MAX) return [];
  if (node.tag === '!reset') return [{ kind: 'reset', path }];
  const own: MergeTag[] = node.tag === '!override' ? [{ kind: 'override', path }] : [];
  if (!isMap(node)) return own;
  const inner = node.items.flatMap((item) => {
    const pair = item as Pair<Node, Node | null>;
    const key = keyOf(pair);
    return key === null ? [] : tagsOf(pair.value, [...path, key]);
  });
  return [...own, ...inner];
}

/** What a reset says does not matter: it is as if the file had nothing there. */
function deleteMember(root: unknown, path: ValuePath): void {
  let holder = root;
  for (const step of path.slice(0, -1)) {
    if (typeof holder !== 'object' || holder === null) return;
    holder = (holder as Record<string, unknown>)[step];
  }
  if (typeof holder !== 'object' || holder === null) return;
  delete (holder as Record<string, unknown>)[path.at(-1) ?? ''];
}

/** Syntax errors that are told: one often brings others about. */
const ERRORS_MAX = 20;

function syntaxErrors(document: Document.Parsed): { offset: number; message: string }[] {
  const tooDeep = document.errors.find(({ message }) => message.includes('call stack'));
  if (tooDeep !== undefined) return [{ offset: tooDeep.pos[0], message: 'nested too deeply' }];
  const errors = document.errors.slice(0, ERRORS_MAX).map(({ pos, message }) => ({
    offset: pos[0],
    message: message.split('\n')[0]!,
  }));
  return errors.length > 0 ? errors : repeatedKeys(document.contents, 0);
}

/** Names that stand twice in one mapping. */
function repeatedKeys(node: Node | null, depth: number): { offset: number; message: string }[] {
  if (depth > DEPTH_MAX) return [];
  if (isSeq(node)) return node.items.flatMap((item) => repeatedKeys(item as Node, depth + 1));
  if (!isMap(node)) return [];
  const seen = new Set<string>();
  return node.items.flatMap((item) => {
    const pair = item as Pair<Node, Node | null>;
    const key = keyOf(pair);
    const isRepeated = key !== null && seen.has(key) && key !== '<<';
    if (key !== null) seen.add(key);
    const own = isRepeated
      ? [{ offset: pair.key.range?.[0] ?? 0, message: `"${key}" is there twice` }]
      : [];
    return [...own, ...repeatedKeys(pair.value, depth + 1)];
  });
}

/** What is too big about a value; null if nothing is. */
function boundBroken(root: unknown): string | null {
  let count = 0;
  const walk = (value: unknown, depth: number): string | null => {
    if (++count > NODES_MAX) return `the file has more than ${NODES_MAX} values`;
    if (typeof value !== 'object' || value === null) return null;
    if (depth >= DEPTH_MAX) return `the file is nested more than ${DEPTH_MAX} deep`;
    for (const each of Object.values(value)) {
      const broken = walk(each, depth + 1);
      if (broken !== null) return broken;
    }
    return null;
  };
  return walk(root, 0);
}

interface Found {
  readonly node: Node | null;
  readonly key: Node | null;
  /** How many steps of the path led somewhere. */
  readonly depth: number;
}

function find(document: Document.Parsed, path: ValuePath): Found {
  let node: Node | null = document.contents;
  let key: Node | null = null;
  let depth = 0;
  for (const step of path) {
    const next = stepInto(document, node, step);
    if (next === null) break;
    node = next.node;
    key = next.key;
    depth++;
  }
  return { node, key, depth };
}

function stepInto(
  document: Document.Parsed,
  from: Node | null,
  step: string | number,
): { node: Node | null; key: Node | null } | null {
  const node = isAlias(from) ? (from.resolve(document) ?? null) : from;
  if (isSeq(node)) {
    // A name leads to the item of a list that says it: `networks: [front]`.
    const item = (
      typeof step === 'number'
        ? node.items[step]
        : node.items.find((each) => isScalar(each) && String(each.value).split(/[=:]/)[0] === step)
    ) as Node | undefined;
    return item === undefined ? null : { node: item, key: item };
  }
  if (!isMap(node)) return null;
  const pairs = node.items.filter((item): item is Pair<Node, Node | null> => isPair(item));
  const own = pairs.find((pair) => keyOf(pair) === String(step));
  if (own !== undefined) return { node: own.value, key: own.key };
  for (const pair of pairs) {
    if (keyOf(pair) !== '<<') continue;
    const sources = isSeq(pair.value) ? (pair.value.items as Node[]) : [pair.value];
    for (const source of sources) {
      const found = stepInto(document, source, step);
      if (found !== null) return found;
    }
  }
  return null;
}

function keyOf({ key }: Pair<Node, Node | null>): string | null {
  return isScalar(key) ? String(key.value) : null;
}

function offsetOf(document: Document.Parsed, path: ValuePath): number | undefined {
  const { node, key, depth } = find(document, path);
  const isWhole = depth === path.length;
  const shown = isWhole && isScalar(node) ? node : (key ?? node);
  return shown?.range?.[0];
}

function keyOffsetOf(document: Document.Parsed, path: ValuePath): number | undefined {
  const { key, node } = find(document, path);
  return (key ?? node)?.range?.[0];
}
