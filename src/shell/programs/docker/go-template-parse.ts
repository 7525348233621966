/**
 * Reads a Go text/template into a tree.
 * @source Go src/text/template/parse/lex.go, parse.go
 */

import {
  cutActions,
  describe,
  fail,
  KEYWORDS,
  type Piece,
  readCharacter,
  readNumber,
  TemplateError,
  type Token,
  tokenize,
  unquote,
} from './go-template-lex.ts';
import type { Operand, ParsedTemplate, Pipeline, TemplateNode } from './go-template-tree.ts';

/** Nesting that a template may have. */
const DEPTH_MAX = 100;

/** Characters that a template may have. */
export const TEMPLATE_LENGTH_MAX = 100_000;

interface Parser {
  readonly source: string;
  readonly pieces: readonly Piece[];
  /** Index of the next piece. */
  next: number;
  readonly functions: ReadonlySet<string>;
  readonly definitions: Map<string, readonly TemplateNode[]>;
  variables: string[];
  rangeDepth: number;
  depth: number;
}

/** Reads a template. @param functions the names that a word may be. @throws TemplateError. */
export function parseTemplate(source: string, functions: ReadonlySet<string>): ParsedTemplate {
  if (source.length > TEMPLATE_LENGTH_MAX) throw new TemplateError('template: :1: too long');
  const parser: Parser = {
    source,
    pieces: cutActions(source),
    next: 0,
    functions,
    definitions: new Map(),
    variables: ['$'],
    rangeDepth: 0,
    depth: 0,
  };
  const { nodes, end } = parseList(parser);
  if (end !== '') fail(parser, source.length, `unexpected {{${end}}}`);
  return { text: source, nodes, definitions: parser.definitions };
}

interface Reader {
  readonly parser: Parser;
  readonly tokens: readonly Token[];
  at: number;
}

function peekPastSpace(reader: Reader): Token {
  while (reader.tokens[reader.at]!.kind === 'space') reader.at++;
  return reader.tokens[reader.at]!;
}

interface List {
  readonly nodes: TemplateNode[];
  /** `end`, `else`, `else if` ... that ended the list; empty: the template's end. */
  readonly end: string;
  /** The rest of an `else` action. */
  readonly reader: Reader | null;
}

function parseList(parser: Parser): List {
  if (++parser.depth > DEPTH_MAX) fail(parser, 0, 'max expression depth exceeded');
  const nodes: TemplateNode[] = [];
  while (parser.next < parser.pieces.length) {
    const piece = parser.pieces[parser.next++]!;
    if (piece.kind === 'text') {
      nodes.push({ kind: 'text', text: piece.text });
      continue;
    }
    const reader: Reader = { parser, tokens: tokenize(parser, piece), at: 0 };
    const first = peekPastSpace(reader);
    if (first.kind === 'word' && (first.text === 'end' || first.text === 'else')) {
      reader.at++;
      parser.depth--;
      if (first.text === 'end') expectEnd(reader, 'end');
      return { nodes, end: first.text, reader };
    }
    const node = parseAction(reader, first);
    if (node !== null) nodes.push(node);
  }
  parser.depth--;
  return { nodes, end: '', reader: null };
}

function expectEnd(reader: Reader, context: string): void {
  const token = peekPastSpace(reader);
  if (token.kind !== 'end') {
    fail(reader.parser, token.at, `unexpected ${describe(token)} in ${context}`);
  }
}

function parseAction(reader: Reader, first: Token): TemplateNode | null {
  const { parser } = reader;
  if (first.kind === 'word') {
    switch (first.text) {
      case 'if':
      case 'range':
      case 'with':
        reader.at++;
        return parseControl(reader, first.text);
      case 'define':
      case 'block':
        reader.at++;
        return parseDefinition(reader, first.text);
      case 'template':
        reader.at++;
        return parseTemplateCall(reader);
      case 'break':
      case 'continue':
        reader.at++;
        if (parser.rangeDepth === 0) {
          fail(parser, first.at, `{{${first.text}}} outside {{range}}`);
        }
        expectEnd(reader, `{{${first.text}}}`);
        return { kind: first.text };
    }
  }
  return { kind: 'action', pipeline: parsePipeline(reader, 'command', 'end') };
}

function parseControl(reader: Reader, kind: 'if' | 'range' | 'with'): TemplateNode {
  const { parser } = reader;
  const known = parser.variables.length;
  const pipeline = parsePipeline(reader, kind, 'end');
  if (kind === 'range') parser.rangeDepth++;
  const list = parseList(parser);
  if (kind === 'range') parser.rangeDepth--;
  let otherwise: readonly TemplateNode[] = [];
  if (list.end === 'else') {
    const rest = list.reader!;
    const token = peekPastSpace(rest);
    if (token.kind === 'word' && token.text === kind && kind !== 'range') {
      rest.at++;
      otherwise = [parseControl(rest, kind)];
    } else {
      expectEnd(rest, 'else');
      const second = parseList(parser);
      if (second.end === 'else') fail(parser, token.at, 'expected end; found {{else}}');
      if (second.end === '') fail(parser, parser.source.length, 'unexpected EOF');
      otherwise = second.nodes;
    }
  } else if (list.end === '') fail(parser, parser.source.length, 'unexpected EOF');
  parser.variables.length = known;
  return { kind, pipeline, body: list.nodes, otherwise };
}

function parseDefinition(reader: Reader, kind: 'define' | 'block'): TemplateNode | null {
  const { parser } = reader;
  const name = parseName(reader, kind === 'define' ? 'define clause' : 'block clause');
  let pipeline: Pipeline | null = null;
  if (kind === 'define') expectEnd(reader, 'define clause');
  else pipeline = parsePipeline(reader, 'block clause', 'end');
  const variables = parser.variables;
  parser.variables = ['$'];
  const list = parseList(parser);
  parser.variables = variables;
  if (list.end !== 'end') fail(parser, parser.source.length, 'unexpected EOF');
  parser.definitions.set(name, list.nodes);
  return kind === 'define' ? null : { kind: 'template', at: 0, name, pipeline };
}

function parseTemplateCall(reader: Reader): TemplateNode {
  const name = parseName(reader, 'template clause');
  const at = reader.tokens[reader.at - 1]!.at;
  const isBare = peekPastSpace(reader).kind === 'end';
  const pipeline = isBare ? null : parsePipeline(reader, 'template clause', 'end');
  return { kind: 'template', at, name, pipeline };
}

function parseName(reader: Reader, context: string): string {
  const token = peekPastSpace(reader);
  if (token.kind !== 'string') {
    fail(reader.parser, token.at, `unexpected ${describe(token)} in ${context}`);
  }
  reader.at++;
  return unquote(reader.parser, token);
}

function parsePipeline(reader: Reader, context: string, until: 'end' | ')'): Pipeline {
  const { parser } = reader;
  const first = peekPastSpace(reader);
  const { declare, isAssignment } = parseDeclarations(reader, context);
  const commands: Array<readonly Operand[]> = [];
  for (;;) {
    const token = peekPastSpace(reader);
    const isEnd = token.kind === 'end' || token.text === ')';
    if (isEnd) {
      if (commands.length === 0) fail(parser, token.at, `missing value for ${context}`);
      if (until === 'end' && token.text === ')') {
        fail(parser, token.at, `unexpected ${describe(token)} in ${context}`);
      }
      break;
    }
    const command = parseCommand(reader);
    commands.push(command);
    const after = peekPastSpace(reader);
    if (after.text === '|') {
      reader.at++;
      const following = peekPastSpace(reader);
      if (following.kind === 'end' || following.text === ')') {
        fail(parser, following.at, `missing value for ${context}`);
      }
    }
  }
  commands.forEach((command, index) => {
    if (index === 0) return;
    const head = command[0]!;
    if (head.kind === 'constant' || head.kind === 'nil' || head.kind === 'dot') {
      fail(parser, head.at, `non executable command in pipeline stage ${index + 1}`);
    }
  });
  const end = reader.tokens[reader.at]!.at;
  const text = parser.source.slice(first.at, end).trim();
  return { at: first.at, text, declare, isAssignment, commands };
}

function parseDeclarations(
  reader: Reader,
  context: string,
): { declare: readonly string[]; isAssignment: boolean } {
  const { parser } = reader;
  const start = reader.at;
  const names: string[] = [];
  while (peekPastSpace(reader).kind === 'variable') {
    const token = reader.tokens[reader.at]!;
    reader.at++;
    const sign = peekPastSpace(reader);
    names.push(token.text);
    if (sign.text === ':=' || sign.text === '=') {
      reader.at++;
      if (names.length > 1 && context !== 'range') {
        fail(parser, token.at, `too many declarations in ${context}`);
      }
      if (sign.text === ':=') parser.variables.push(...names);
      return { declare: names, isAssignment: sign.text === '=' };
    }
    if (sign.text !== ',' || context !== 'range' || names.length > 1) break;
    reader.at++;
  }
  reader.at = start;
  return { declare: [], isAssignment: false };
}

function parseCommand(reader: Reader): Operand[] {
  const { parser } = reader;
  const operands: Operand[] = [];
  for (;;) {
    const token = peekPastSpace(reader);
    const operand = parseOperand(reader, token);
    if (operand === null) {
      if (operands.length === 0) fail(parser, token.at, 'empty command');
      if (token.kind === 'end' || token.text === '|' || token.text === ')') return operands;
      fail(parser, token.at, `unexpected ${describe(token)} in operand`);
    }
    operands.push(operand);
    const after = reader.tokens[reader.at]!;
    const isFinal = after.kind === 'end' || after.text === '|' || after.text === ')';
    if (isFinal) return operands;
    if (after.kind !== 'space') fail(parser, after.at, `unexpected ${describe(after)} in operand`);
  }
}

function parseOperand(reader: Reader, token: Token): Operand | null {
  const head = parseTerm(reader, token);
  if (head === null) return null;
  const names: string[] = [];
  let lastAt = head.at;
  while (reader.tokens[reader.at]!.kind === 'field') {
    const field = reader.tokens[reader.at++]!;
    if (names.length === 0) lastAt = field.at;
    names.push(field.text.slice(1));
  }
  if (names.length === 0) return head;
  const last = reader.tokens[reader.at - 1]!;
  const text = reader.parser.source.slice(head.at, last.at + last.text.length);
  switch (head.kind) {
    case 'field':
      return { ...head, at: lastAt, text, names: [...head.names, ...names] };
    case 'variable':
      return { ...head, at: lastAt, text, names };
    case 'pipeline':
      return { ...head, at: lastAt, text, names };
    case 'dot':
    case 'nil':
    case 'constant':
      return fail(reader.parser, lastAt, `unexpected . after term ${JSON.stringify(head.text)}`);
    case 'function': {
      const pipeline: Pipeline = {
        at: head.at,
        text: head.text,
        declare: [],
        isAssignment: false,
        commands: [[head]],
      };
      return { kind: 'pipeline', at: lastAt, text, pipeline, names };
    }
  }
}

function parseTerm(reader: Reader, token: Token): Operand | null {
  const { parser } = reader;
  const place = { at: token.at, text: token.text };
  switch (token.kind) {
    case 'field':
      reader.at++;
      return { kind: 'field', ...place, names: [token.text.slice(1)] };
    case 'variable':
      reader.at++;
      if (!parser.variables.includes(token.text)) {
        fail(parser, token.at, `undefined variable "${token.text}"`);
      }
      return { kind: 'variable', ...place, name: token.text, names: [] };
    case 'string':
      reader.at++;
      return { kind: 'constant', ...place, value: unquote(parser, token) };
    case 'char':
      reader.at++;
      return { kind: 'constant', ...place, value: readCharacter(parser, token) };
    case 'number':
      reader.at++;
      return { kind: 'constant', ...place, value: readNumber(parser, token) };
    case 'word':
      reader.at++;
      return parseWord(parser, token);
    case 'sign':
      if (token.text === '.') {
        reader.at++;
        return { kind: 'dot', ...place };
      }
      if (token.text === '(') {
        reader.at++;
        if (++parser.depth > DEPTH_MAX) fail(parser, token.at, 'max expression depth exceeded');
        const pipeline = parsePipeline(reader, 'parenthesized pipeline', ')');
        parser.depth--;
        reader.at++;
        return { kind: 'pipeline', at: token.at, text: `(${pipeline.text})`, pipeline, names: [] };
      }
      return null;
    default:
      return null;
  }
}

function parseWord(parser: Parser, token: Token): Operand {
  const place = { at: token.at, text: token.text };
  if (token.text === 'true' || token.text === 'false') {
    return { kind: 'constant', ...place, value: token.text === 'true' };
  }
  if (token.text === 'nil') return { kind: 'nil', ...place };
  if (KEYWORDS.has(token.text)) {
    fail(parser, token.at, `unexpected <${token.text}> in command`);
  }
  if (!parser.functions.has(token.text)) {
    fail(parser, token.at, `function ${JSON.stringify(token.text)} not defined`);
  }
  return { kind: 'function', ...place, name: token.text };
}
