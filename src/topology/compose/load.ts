/**
 * Loads Compose files: YAML, variables, schema, `extends`, several files on top of each other, then
 * the checks that need the whole. All mistakes come at once.
 */
import { checkProject } from './check.ts';
import { interpolate, type Variables } from './interpolate.ts';
import { isMapping, type Mapping, mergeMappings } from './merge.ts';
import { type ComposeProblem, pathText, type ValuePath } from './problem.ts';
import { buildProject, type ComposeProject } from './project.ts';
import { validateFile } from './validate.ts';
import { readYamlFile, type YamlFile } from './yaml-file.ts';

export interface ComposeSource {
  readonly name: string;
  readonly text: string;
}

export interface LoadOptions {
  /** In the order of `-f`. */
  readonly files: readonly ComposeSource[];
  /** A file that `extends` names; null if there is none. */
  readonly readFile: (name: string) => string | null;
  /** The environment over `.env`. */
  readonly variables: Variables;
  /** If the files name none. */
  readonly projectName: string;
  /** Active profiles; `*` for all. */
  readonly profiles: readonly string[];
  /** The files are for `docker stack deploy`: what only one host has is not checked. */
  readonly isStack?: boolean;
}

export interface LoadedCompose {
  /** Null if there are problems. */
  readonly project: ComposeProject | null;
  readonly problems: readonly ComposeProblem[];
  readonly warnings: readonly string[];
  /** All files in one, as they are written. */
  readonly merged: Mapping;
}

/** A file with its variables put in. */
interface ReadFile {
  readonly file: YamlFile;
  readonly value: Mapping;
}

interface Loading {
  readonly options: LoadOptions;
  readonly problems: ComposeProblem[];
  readonly unset: Set<string>;
  /** Files by name, as `extends` may come back to one. */
  readonly files: Map<string, ReadFile | null>;
}

/** Services that extend each other at most. */
const EXTENDS_MAX = 32;

/** Loads files into a project. */
export function loadCompose(options: LoadOptions): LoadedCompose {
  const loading: Loading = { options, problems: [], unset: new Set(), files: new Map() };
  let merged: Mapping = {};
  const files: YamlFile[] = [];
  for (const { name, text } of options.files) {
    const read = readFile(loading, name, text);
    if (read === null) continue;
    files.push(read.file);
    merged = withTags(read, mergeMappings(merged, withExtends(loading, read)), []);
  }
  const warnings = [...loading.unset].map(
    (name) => `The "${name}" variable is not set. Defaulting to a blank string.`,
  );
  const project = buildProject(merged, options.projectName, options.profiles);
  const where = (path: ValuePath): ComposeProblem['where'] => {
    // A value that another service or file gave has its place at the nearest thing around it.
    const deepest = Math.max(0, ...files.map((each) => each.depthOf(path)));
    const file = files.findLast((each) => each.depthOf(path) === deepest);
    return file === undefined ? { file: 'compose.yaml' } : file.placeOf(path);
  };
  warnings.push(...project.warnings);
  const problems = [...loading.problems];
  // What is wrong with a whole that lacks a file would mislead.
  if (files.length === options.files.length && options.isStack !== true) {
    problems.push(
      ...checkProject(
        project,
        where,
        loading.problems.map(({ path }) => path),
      ),
    );
  }
  return {
    project: problems.length === 0 ? project : null,
    problems: sorted(problems),
    warnings,
    merged,
  };
}

/** In the order of the files, then of their lines. */
function sorted(problems: readonly ComposeProblem[]): ComposeProblem[] {
  const files = [...new Set(problems.map(({ where }) => where.file))];
  const rank = ({ where }: ComposeProblem): number =>
    files.indexOf(where.file) * 1e9 + (where.line ?? 0) * 1e4 + Math.min(where.column ?? 0, 9999);
  return [...problems].sort((a, b) => rank(a) - rank(b));
}

function readFile(loading: Loading, name: string, text: string): ReadFile | null {
  const known = loading.files.get(name);
  if (known !== undefined) return known;
  const file = readYamlFile(name, text);
  loading.problems.push(...file.problems);
  let read: ReadFile | null = null;
  if (file.problems.length === 0) {
    const value = putVariablesIn(loading, file, file.value, []);
    const { problems, rest } = validateFile(file, value);
    loading.problems.push(...problems);
    if (isMapping(rest)) read = { file, value: rest };
  }
  loading.files.set(name, read);
  return read;
}

/** Members whose text becomes a number when it came from a variable. */
const NUMBERS = new Set([
  'scale',
  'replicas',
  'nodes',
  'mtu',
  'queue',
  'seed',
  'priority',
  'target',
]);
/** Mappings whose names are the user's own. */
const OWN_NAMES = new Set(['environment', 'labels', 'driver_opts', 'sysctls', 'aux_addresses']);

/** The value with variables put in, without extension members of others (`x-...`). */
function putVariablesIn(
  loading: Loading,
  file: YamlFile,
  value: unknown,
  path: ValuePath,
): unknown {
  if (typeof value === 'string') return putIntoText(loading, file, value, path);
  if (Array.isArray(value)) {
    return value.map((each, index) => putVariablesIn(loading, file, each, [...path, index]));
  }
  if (!isMapping(value)) return value;
  const isOwn = OWN_NAMES.has(String(path.at(-1)));
  const members = Object.entries(value)
    .filter(([name]) => isOwn || name === 'x-netsim' || !name.startsWith('x-'))
    .map(([name, each]) => [name, putVariablesIn(loading, file, each, [...path, name])]);
  return Object.fromEntries(members);
}

function putIntoText(loading: Loading, file: YamlFile, text: string, path: ValuePath): unknown {
  const { text: result, problem, unset } = interpolate(text, loading.options.variables);
  for (const name of unset) loading.unset.add(name);
  if (problem !== null) {
    const hint = problem.startsWith('invalid') ? 'write $$ for a dollar' : null;
    const where = file.placeOf(path);
    loading.problems.push({ where, path: pathText(path), message: problem, hint });
  }
  const isNumber = text !== result && NUMBERS.has(String(path.at(-1))) && /^\d+$/.test(result);
  return isNumber ? Number(result) : result;
}

/** The file's value with every `extends` resolved. */
function withExtends(loading: Loading, read: ReadFile): Mapping {
  const { services } = read.value;
  if (!isMapping(services)) return read.value;
  const resolved = Object.keys(services).map((name) => [
    name,
    resolveService(loading, read, name, []),
  ]);
  return { ...read.value, services: Object.fromEntries(resolved) };
}

function resolveService(
  loading: Loading,
  read: ReadFile,
  name: string,
  seen: readonly string[],
): Mapping {
  const services = isMapping(read.value.services) ? read.value.services : {};
  const service = isMapping(services[name]) ? services[name] : {};
  const asked = service.extends;
  if (asked === undefined) return service;
  const path = ['services', name, 'extends'];
  const target = isMapping(asked) ? String(asked.service) : String(asked);
  const fileName = isMapping(asked) && typeof asked.file === 'string' ? asked.file : null;
  const refuse = (message: string): Mapping => {
    const where = read.file.placeOf(path);
    loading.problems.push({ where, path: pathText(path), message, hint: null });
    return service;
  };
  const base = fileName === null ? read : fileOf(loading, read, fileName);
  if (base === undefined) return refuse(`found the file "${fileName}", expected one that is there`);
  if (base === null) return service; // its own problems are told
  const key = `${base.file.name}: ${target}`;
  if (seen.includes(key)) return refuse(`services extend each other in a circle: ${target}`);
  if (seen.length > EXTENDS_MAX) return refuse('services extend each other too often');
  const others = isMapping(base.value.services) ? base.value.services : {};
  if (!(target in others)) {
    return refuse(`found the service "${target}", expected one of ${base.file.name}`);
  }
  const { extends: _, ...own } = service;
  const whole = mergeMappings(resolveService(loading, base, target, [...seen, key]), own);
  return withTags(read, whole, ['services', name]);
}

/** The value at `at` with what the file's tags `!reset` and `!override` say of it. */
function withTags({ file, value }: ReadFile, whole: Mapping, at: ValuePath): Mapping {
  let result = whole;
  for (const { kind, path } of file.tags) {
    if (path.length <= at.length || !at.every((step, index) => step === path[index])) continue;
    const own = kind === 'reset' ? undefined : memberOf(value, path);
    result = replaceMember(result, path.slice(at.length), own);
  }
  return result;
}

function memberOf(value: Mapping, path: ValuePath): unknown {
  return path.reduce<unknown>((from, step) => (isMapping(from) ? from[step] : undefined), value);
}

/** Another value, or none, at the end of a path. */
function replaceMember(value: Mapping, [step, ...rest]: ValuePath, own: unknown): Mapping {
  if (step === undefined || !(step in value)) return value;
  const { [step]: before, ...others } = value;
  if (rest.length > 0) {
    return isMapping(before) ? { ...value, [step]: replaceMember(before, rest, own) } : value;
  }
  return own === undefined ? others : { ...value, [step]: own };
}

/** Undefined if there is no such file, null if it has mistakes. */
function fileOf(loading: Loading, from: ReadFile, name: string): ReadFile | null | undefined {
  const slash = from.file.name.lastIndexOf('/');
  const path =
    name.startsWith('/') || slash < 0 ? name : `${from.file.name.slice(0, slash)}/${name}`;
  const known = loading.files.get(path);
  if (known !== undefined) return known;
  const text = loading.options.readFile(path);
  return text === null ? undefined : readFile(loading, path, text);
}
