/**
 * Runs a Go text/template: the language of `--format`, with Docker's functions.
 * @source Go src/text/template/exec.go; docker cli templates/templates.go
 */

import { typeName } from './go-printf.ts';
import {
  ArgumentError,
  FunctionError,
  isTrue,
  TEMPLATE_FUNCTIONS,
  type TemplateFunction,
} from './go-template-functions.ts';
import { TemplateError } from './go-template-lex.ts';
import { parseTemplate } from './go-template-parse.ts';
import type { Operand, ParsedTemplate, Pipeline, TemplateNode } from './go-template-tree.ts';
import {
  fieldOf,
  formatValue,
  type GoValue,
  isFunction,
  isMap,
  isSlice,
  isStruct,
  NIL_POINTER,
  sortedKeys,
} from './go-value.ts';

export interface RunOptions {
  /** A map without the key is a mistake (`missingkey=error`). */
  readonly isStrict?: boolean;
  /** Functions that stand in for those of the same name. */
  readonly functions?: Readonly<Record<string, TemplateFunction>>;
}

/** Steps that one run may take. */
const STEPS_MAX = 1_000_000;

/** Templates that may call each other at a time. */
const CALLS_MAX = 200;

/** Reads a template. @throws TemplateError with Go's message. */
export function parseGoTemplate(text: string): ParsedTemplate {
  return parseTemplate(text, FUNCTION_NAMES);
}

const FUNCTION_NAMES: ReadonlySet<string> = new Set([
  ...Object.keys(TEMPLATE_FUNCTIONS),
  'and',
  'or',
]);

interface Variable {
  readonly name: string;
  value: GoValue;
}

interface Run {
  readonly template: ParsedTemplate;
  readonly options: RunOptions;
  readonly out: string[];
  readonly variables: Variable[];
  stepCount: number;
  callDepth: number;
}

type Flow = 'go-on' | 'break' | 'continue';

/** The text that the template makes of `data`. @throws TemplateError; `partial` is what came before. */
export function runGoTemplate(
  template: ParsedTemplate,
  data: GoValue,
  options: RunOptions = {},
): string {
  const run: Run = {
    template,
    options,
    out: [],
    variables: [{ name: '$', value: data }],
    stepCount: 0,
    callDepth: 0,
  };
  walkList(run, template.nodes, data);
  return run.out.join('');
}

function fail(run: Run, place: { at: number; text: string }, message: string): never {
  const before = run.template.text.slice(0, place.at);
  const line = before.split('\n').length;
  const column = new TextEncoder().encode(before.slice(before.lastIndexOf('\n') + 1)).length;
  throw new TemplateError(
    `template: :${line}:${column}: executing "" at <${place.text}>: ${message}`,
  );
}

function walkList(run: Run, nodes: readonly TemplateNode[], dot: GoValue): Flow {
  for (const node of nodes) {
    const flow = walk(run, node, dot);
    if (flow !== 'go-on') return flow;
  }
  return 'go-on';
}

function walk(run: Run, node: TemplateNode, dot: GoValue): Flow {
  if (++run.stepCount > STEPS_MAX) {
    throw new TemplateError('template: :1: the template takes too long');
  }
  switch (node.kind) {
    case 'text':
      run.out.push(node.text);
      return 'go-on';
    case 'action': {
      const value = evalPipeline(run, node.pipeline, dot);
      if (node.pipeline.declare.length === 0) print(run, node.pipeline, value);
      return 'go-on';
    }
    case 'if':
    case 'with': {
      const mark = run.variables.length;
      const value = evalPipeline(run, node.pipeline, dot);
      const inner = node.kind === 'with' ? value : dot;
      const flow = isTrue(value)
        ? walkList(run, node.body, inner)
        : walkList(run, node.otherwise, dot);
      run.variables.length = mark;
      return flow;
    }
    case 'range':
      return walkRange(run, node, dot);
    case 'template':
      walkTemplate(run, node, dot);
      return 'go-on';
    default:
      return node.kind;
  }
}

function print(run: Run, pipeline: Pipeline, value: GoValue): void {
  if (isFunction(value)) fail(run, pipeline, `can't print ${pipeline.text} of type func`);
  run.out.push(formatValue(value));
}

function walkRange(
  run: Run,
  node: TemplateNode & { kind: 'if' | 'range' | 'with' },
  dot: GoValue,
): Flow {
  const mark = run.variables.length;
  const { declare, isAssignment } = node.pipeline;
  const value = evalPipeline(run, { ...node.pipeline, declare: [] }, dot);
  const pairs = rangePairs(run, node.pipeline, value);
  const elementName = declare.at(-1);
  const keyName = declare.length > 1 ? declare[0] : undefined;
  for (const [key, element] of pairs) {
    const set = (name: string | undefined, to: GoValue): void => {
      if (name === undefined) return;
      if (isAssignment) assign(run, name, to);
      else run.variables.push({ name, value: to });
    };
    set(keyName, key);
    set(elementName, element);
    const flow = walkList(run, node.body, element);
    run.variables.length = mark;
    if (flow === 'break') break;
  }
  if (pairs.length === 0) {
    const flow = walkList(run, node.otherwise, dot);
    run.variables.length = mark;
    return flow;
  }
  return 'go-on';
}

function rangePairs(run: Run, pipeline: Pipeline, value: GoValue): Array<[GoValue, GoValue]> {
  if (value === null) return [];
  if (isSlice(value)) return value.map((each, index) => [index, each]);
  if (isMap(value)) return sortedKeys(value).map((key) => [key, value.entries.get(key)]);
  if (typeof value === 'number' && Number.isInteger(value)) {
    return Array.from({ length: Math.min(value, STEPS_MAX) }, (_, index) => [index, index]);
  }
  return fail(run, pipeline, `range can't iterate over ${formatValue(value)}`);
}

function walkTemplate(run: Run, node: TemplateNode & { kind: 'template' }, dot: GoValue): void {
  const nodes = run.template.definitions.get(node.name);
  const place = { at: node.at, text: `{{template "${node.name}"}}` };
  if (nodes === undefined) fail(run, place, `template "${node.name}" not defined`);
  if (run.callDepth >= CALLS_MAX) fail(run, place, 'exceeded maximum template depth (100000)');
  const value = node.pipeline === null ? null : evalPipeline(run, node.pipeline, dot);
  const saved = run.variables.splice(0, run.variables.length, { name: '$', value });
  run.callDepth++;
  walkList(run, nodes, value);
  run.callDepth--;
  run.variables.splice(0, run.variables.length, ...saved);
}

function assign(run: Run, name: string, value: GoValue): void {
  const variable = run.variables.findLast((each) => each.name === name);
  if (variable !== undefined) variable.value = value;
}

/** What stands for the value of an earlier command of the pipeline that is not there. */
const NOTHING = Symbol('nothing');

function evalPipeline(run: Run, pipeline: Pipeline, dot: GoValue): GoValue {
  let value: GoValue | typeof NOTHING = NOTHING;
  for (const command of pipeline.commands) value = evalCommand(run, command, dot, value);
  const result = value === NOTHING ? null : value;
  for (const name of pipeline.declare) {
    if (pipeline.isAssignment) assign(run, name, result);
    else run.variables.push({ name, value: result });
  }
  return result;
}

function evalCommand(
  run: Run,
  command: readonly Operand[],
  dot: GoValue,
  final: GoValue | typeof NOTHING,
): GoValue {
  if (++run.stepCount > STEPS_MAX) {
    throw new TemplateError('template: :1: the template takes too long');
  }
  const head = command[0]!;
  if (head.kind === 'function') return callFunction(run, head, command, dot, final);
  const rest = command.slice(1);
  if (head.kind === 'field' || head.kind === 'variable' || head.kind === 'pipeline') {
    const args = (): GoValue[] => [
      ...rest.map((each) => evalOperand(run, each, dot)),
      ...(final === NOTHING ? [] : [final]),
    ];
    const hasArgs = rest.length > 0 || final !== NOTHING;
    if (head.kind !== 'field' && head.names.length === 0) {
      if (hasArgs) fail(run, head, `can't give argument to non-function ${head.text}`);
      return evalOperand(run, head, dot);
    }
    return evalFields(run, head, startOf(run, head, dot), hasArgs ? args : null);
  }
  if (rest.length > 0 || final !== NOTHING) {
    fail(run, head, `can't give argument to non-function ${head.text}`);
  }
  if (head.kind === 'nil') return fail(run, head, 'nil is not a command');
  return evalOperand(run, head, dot);
}

type Chained = Operand & { kind: 'field' | 'variable' | 'pipeline' };

function startOf(run: Run, operand: Chained, dot: GoValue): GoValue {
  if (operand.kind === 'field') return dot;
  if (operand.kind === 'pipeline') return evalPipeline(run, operand.pipeline, dot);
  return run.variables.findLast((each) => each.name === operand.name)?.value ?? null;
}

function evalOperand(run: Run, operand: Operand, dot: GoValue): GoValue {
  switch (operand.kind) {
    case 'dot':
      return dot;
    case 'nil':
      return null;
    case 'constant':
      return operand.value;
    case 'function':
      return callFunction(run, operand, [operand], dot, NOTHING);
    default:
      return evalFields(run, operand, startOf(run, operand, dot), null);
  }
}

function evalFields(
  run: Run,
  operand: Chained,
  start: GoValue,
  args: (() => GoValue[]) | null,
): GoValue {
  let value = start;
  operand.names.forEach((name, index) => {
    const isLast = index === operand.names.length - 1;
    value = evalField(run, operand, value, name, isLast ? args : null);
  });
  return value;
}

/** @source exec.go evalField */
function evalField(
  run: Run,
  operand: Chained,
  receiver: GoValue,
  name: string,
  args: (() => GoValue[]) | null,
): GoValue {
  if (receiver === null) {
    return run.options.isStrict === true
      ? fail(run, operand, `nil data; no entry for key "${name}"`)
      : nilField(run, operand, name);
  }
  if (receiver === NIL_POINTER) {
    return fail(run, operand, `nil pointer evaluating *${receiver.type}.${name}`);
  }
  if (isStruct(receiver)) {
    const field = fieldOf(receiver, name);
    if (field === null) {
      return fail(run, operand, `can't evaluate field ${name} in type ${typeName(receiver)}`);
    }
    if (isFunction(field.value)) return callMethod(run, operand, name, field.value, args);
    if (args !== null)
      fail(run, operand, `${name} has arguments but cannot be invoked as function`);
    return field.value;
  }
  if (isMap(receiver)) {
    if (args !== null) fail(run, operand, `${name} is not a method but has arguments`);
    if (receiver.entries.has(name)) return receiver.entries.get(name) ?? null;
    if (run.options.isStrict === true) fail(run, operand, `map has no entry for key "${name}"`);
    return null;
  }
  return fail(run, operand, `can't evaluate field ${name} in type ${fieldlessType(receiver)}`);
}

/** A value out of JSON has the type `interface {}` in Go's messages. */
function fieldlessType(value: GoValue): string {
  return isSlice(value)
    ? typeName(value)
    : typeof value === 'object'
      ? typeName(value)
      : 'interface {}';
}

function nilField(run: Run, operand: Chained, name: string): GoValue {
  return operand.names.length === 1
    ? fail(run, operand, `nil data; no entry for key "${name}"`)
    : fail(run, operand, `nil pointer evaluating interface {}.${name}`);
}

function callMethod(
  run: Run,
  operand: Chained,
  name: string,
  method: { readonly call: (args: readonly GoValue[]) => GoValue },
  args: (() => GoValue[]) | null,
): GoValue {
  const values = args === null ? [] : args();
  if (values.length !== 1) {
    fail(run, operand, `wrong number of args for ${name}: want 1 got ${values.length}`);
  }
  return method.call(values);
}

function callFunction(
  run: Run,
  head: Operand & { kind: 'function' },
  command: readonly Operand[],
  dot: GoValue,
  final: GoValue | typeof NOTHING,
): GoValue {
  const { name } = head;
  if (name === 'and' || name === 'or') return evalShortCircuit(run, head, command, dot, final);
  const args = command.slice(1).map((each) => evalOperand(run, each, dot));
  if (final !== NOTHING) args.push(final);
  const act = run.options.functions?.[name] ?? TEMPLATE_FUNCTIONS[name]!;
  try {
    return act(args);
  } catch (error) {
    if (error instanceof TemplateError || !(error instanceof FunctionError)) throw error;
    if (error instanceof ArgumentError) {
      return fail(run, command[error.index + 1] ?? head, error.message);
    }
    if (error.message.startsWith('wrong number of args')) return fail(run, head, error.message);
    const text = command.map((each) => each.text).join(' ');
    if (name === 'call' && args.length > 0) {
      const what = `non-function ${command[1]?.text ?? 'nil'} of type ${typeName(args[0] ?? null)}`;
      return fail(run, { at: head.at, text }, `error calling call: ${what}`);
    }
    return fail(run, { at: head.at, text }, `error calling ${name}: ${error.message}`);
  }
}

/** @source exec.go evalCall: `and` and `or` stop at the first argument that decides */
function evalShortCircuit(
  run: Run,
  head: Operand & { kind: 'function' },
  command: readonly Operand[],
  dot: GoValue,
  final: GoValue | typeof NOTHING,
): GoValue {
  const count = command.length - 1 + (final === NOTHING ? 0 : 1);
  if (count === 0) {
    fail(run, head, `wrong number of args for ${head.name}: want at least 1 got 0`);
  }
  let value: GoValue = null;
  for (const operand of command.slice(1)) {
    value = evalOperand(run, operand, dot);
    if (isTrue(value) === (head.name === 'or')) return value;
  }
  return final === NOTHING ? value : final;
}
