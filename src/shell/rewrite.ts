/**
 * What netsim changes in a parsed script before just-bash runs it:
 *
 * - An unquoted variable in command position is split into words, as in bash:
 *   `$ipt -A X` becomes `{ w=($ipt -A X); "${w[0]}" "${w[@]:1}"; }`.
 * - Every command whose output goes to the terminal writes to two devices that name the line:
 *   `echo hi` becomes `echo hi >>/dev/netsim/1/7 2>>/dev/netsim/2/7`. So output comes when it is
 *   made, stdout and stderr in order, and messages of the shell can name file and line.
 * - `cmd &` becomes a call of the program that starts jobs, with the command's text.
 *
 * Output that is captured ($(...), pipes, redirected groups) is left alone; a function that is
 * called from such a place writes as it did.
 */
import type { CommandNode, PipelineNode, ScriptNode, StatementNode, WordNode } from 'just-bash';

/** The folder of the devices; the line follows the number of the descriptor. */
export const TERMINAL_PATH = '/dev/netsim/';
/** The program that starts a job in the background. */
export const BACKGROUND_PROGRAM = '__netsim_background';

/** The program that waits for jobs, in place of the builtin. */
export const WAIT_PROGRAM = '__netsim_wait';
/** The program that stands for the line #@record. */
export const RECORD_PROGRAM = '__netsim_record';
/** The program that prints a random number, and the one that prints the wall clock. */
export const RANDOM_PROGRAM = '__netsim_random';
/** The program that notes the variables before an exit. */
export const SNAPSHOT_PROGRAM = '__netsim_snapshot';
/** The variable in place of $!. */
export const LAST_PID_VARIABLE = '_netsim_last_pid';

/** Which descriptors go to the terminal at this place of the script. */
interface Terminal {
  readonly out: boolean;
  readonly err: boolean;
  /** The line of the command around this place, if lines are counted from there; 0 otherwise. */
  readonly line: number;
}

type Simple = Extract<CommandNode, { type: 'SimpleCommand' }>;
type FunctionDef = Extract<CommandNode, { type: 'FunctionDef' }>;
type Redirection = Simple['redirections'][number];
type WordPart = WordNode['parts'][number];

const BOTH: Terminal = { out: true, err: true, line: 0 };
const NONE: Terminal = { out: false, err: false, line: 0 };
const WORDS = '_netsim_words';
const TWIN_SUFFIX = '_netsim_terminal';

/** Builtins for which a redirection means something else, or that leave the place they are in. */
const NEVER_REDIRECTED = new Set(['exec', 'exit', 'return', 'break', 'continue']);

interface Rewriter {
  /** Functions called where their output is captured, and those whose errors are. */
  readonly captured: Set<string>;
  readonly capturedErrors: Set<string>;
  readonly functions: Set<string>;
  /** First pass: find `captured`; second pass: change the script. */
  isCollecting: boolean;
  readonly serialize: (script: ScriptNode) => string;
}

/**
 * Changes the script in place.
 * @param isTerminal whether its output goes to the terminal (the script itself, not a nested one).
 */
export function rewriteScript(
  script: ScriptNode,
  isTerminal: boolean,
  serialize: (script: ScriptNode) => string,
): void {
  const rewriter: Rewriter = {
    captured: new Set(),
    capturedErrors: new Set(),
    functions: new Set(),
    isCollecting: true,
    serialize,
  };
  const terminal = isTerminal ? BOTH : NONE;
  const size = (): number => rewriter.captured.size + rewriter.capturedErrors.size;
  for (let before = -1; before !== size(); ) {
    before = size();
    visitStatements(rewriter, script.statements, terminal);
  }
  rewriter.isCollecting = false;
  visitStatements(rewriter, script.statements, terminal);
}

function visitStatements(rewriter: Rewriter, statements: StatementNode[], to: Terminal): void {
  for (const statement of statements) {
    if (statement.background && !rewriter.isCollecting) putInBackground(rewriter, statement);
    else for (const pipeline of statement.pipelines) visitPipeline(rewriter, pipeline, to);
  }
}

function putInBackground(rewriter: Rewriter, statement: StatementNode): void {
  const line = statement.pipelines[0]?.commands[0]?.line ?? 0;
  const text = rewriter.serialize({
    type: 'Script',
    statements: [{ ...statement, background: false }],
  });
  statement.background = false;
  statement.operators = [];
  statement.pipelines = [
    {
      type: 'Pipeline',
      negated: false,
      commands: [
        simple(line, literal(BACKGROUND_PROGRAM), [
          { type: 'Word', parts: [{ type: 'SingleQuoted', value: text }] },
        ]),
      ],
    },
  ];
}

function visitPipeline(rewriter: Rewriter, pipeline: PipelineNode, to: Terminal): void {
  const last = pipeline.commands.length - 1;
  pipeline.commands = pipeline.commands.map((command, index) => {
    const isPiped = index < last;
    const isErrorPiped = isPiped && pipeline.pipeStderr?.[index] === true;
    return visitCommand(rewriter, command, {
      out: to.out && !isPiped,
      err: to.err && !isErrorPiped,
      line: to.line,
    });
  });
}

function visitCommand(rewriter: Rewriter, command: CommandNode, to: Terminal): CommandNode {
  if (command.type === 'SimpleCommand') return visitSimple(rewriter, command, to);
  if (command.type === 'FunctionDef') {
    return visitFunction(rewriter, command);
  }
  const inside = afterRedirections(command.redirections, to);
  visitWords(rewriter, command.redirections, to);
  switch (command.type) {
    case 'If':
      for (const clause of command.clauses) {
        visitStatements(rewriter, clause.condition, inside);
        visitStatements(rewriter, clause.body, inside);
      }
      if (command.elseBody !== null) visitStatements(rewriter, command.elseBody, inside);
      break;
    case 'While':
    case 'Until':
      visitStatements(rewriter, command.condition, inside);
      visitStatements(rewriter, command.body, inside);
      break;
    case 'For':
    case 'CStyleFor':
    case 'Subshell':
    case 'Group':
      if (command.type === 'For') visitWords(rewriter, command.words, to);
      visitStatements(rewriter, command.body, inside);
      break;
    case 'Case':
      visitWords(rewriter, command.word, to);
      for (const item of command.items) visitStatements(rewriter, item.body, inside);
      break;
    default:
      visitWords(rewriter, command.expression, to);
  }
  return command;
}

/** A function that is called in both ways gets a twin that writes to the terminal by itself. */
function visitFunction(rewriter: Rewriter, command: FunctionDef): CommandNode {
  const { name } = command;
  rewriter.functions.add(name);
  const visitBody = (definition: FunctionDef, to: Terminal): void => {
    definition.body = visitCommand(rewriter, definition.body, to) as FunctionDef['body'];
  };
  if (!isCaptured(rewriter, name)) {
    visitBody(command, BOTH);
    return command;
  }
  const captured = { ...NONE, err: !rewriter.capturedErrors.has(name) };
  if (rewriter.isCollecting) {
    visitBody(command, BOTH);
    visitBody(command, captured);
    return command;
  }
  const twin = structuredClone(command);
  twin.name = twinOf(name);
  visitBody(twin, BOTH);
  visitBody(command, captured);
  return { type: 'Group', redirections: [], body: [statement(command), statement(twin)] };
}

function isCaptured(rewriter: Rewriter, name: string): boolean {
  return rewriter.captured.has(name) || rewriter.capturedErrors.has(name);
}

function twinOf(name: string): string {
  return `${name}${TWIN_SUFFIX}`;
}

function visitSimple(rewriter: Rewriter, command: Simple, to: Terminal): CommandNode {
  const inside = afterRedirections(command.redirections, to);
  const line = to.line === 0 ? (command.line ?? 0) : to.line;
  const words = [command.assignments, command.name, command.args, command.redirections];
  visitWords(rewriter, words, { ...to, line });
  const name = command.name === null ? null : literalText(command.name);
  if (rewriter.isCollecting) {
    if (!inside.out) noteCall(rewriter, command, name, rewriter.captured);
    if (!inside.err) noteCall(rewriter, command, name, rewriter.capturedErrors);
    return command;
  }
  if (name === null || !NEVER_REDIRECTED.has(name)) {
    const first: Redirection[] = [];
    const both = inside.out && inside.err ? programName(name) : '';
    if (to.out && command.name !== null) first.push(terminalRedirection(1, line, both));
    if (to.err) first.push(terminalRedirection(2, line, both));
    if (command.name !== null) command.redirections.unshift(...first);
  }
  if (name === 'wait') command.name = literal(WAIT_PROGRAM);
  if (name === 'exit') return withSnapshot(command);
  if (name !== null && inside.out && inside.err && rewriter.functions.has(name)) {
    if (isCaptured(rewriter, name)) command.name = literal(twinOf(name));
  }
  return command.name !== null && needsSplitting(command.name) ? splitName(command) : command;
}

/** A function called here must not write to the terminal by itself; a name we cannot read may be any. */
function noteCall(
  rewriter: Rewriter,
  command: Simple,
  name: string | null,
  captured: Set<string>,
): void {
  if (command.name === null) return;
  if (name === null || name === 'eval' || name === 'source' || name === '.') {
    for (const each of rewriter.functions) captured.add(each);
  } else if (name === 'command' || name === 'builtin' || name === 'time') {
    const first = command.args.map(literalText).find((text) => text !== null);
    if (first !== undefined && first !== null) captured.add(first);
  } else {
    captured.add(name);
  }
}

/** Command substitutions anywhere in words: their output is captured, their errors are not. */
function visitWords(rewriter: Rewriter, node: unknown, to: Terminal): void {
  if (node === null || typeof node !== 'object') return;
  if (Array.isArray(node)) {
    for (const each of node) visitWords(rewriter, each, to);
    return;
  }
  const record = node as { type?: unknown; body?: unknown };
  if (record.type === 'CommandSubstitution' || record.type === 'ProcessSubstitution') {
    const body = record.body as ScriptNode; // both kinds hold a script (ast/types.d.ts)
    visitStatements(rewriter, body.statements, { ...to, out: false });
    return;
  }
  if (!rewriter.isCollecting) replaceParameter(node as ParameterLike);
  for (const value of Object.values(record)) visitWords(rewriter, value, to);
}

interface ParameterLike {
  type?: unknown;
  parameter?: unknown;
  name?: unknown;
  body?: ScriptNode;
}

/** `$!` is a variable of ours; `$RANDOM` comes from the seed; an index is plain arithmetic. */
function replaceParameter(node: ParameterLike): void {
  if (node.type === 'ParameterExpansion' && node.parameter === '!') {
    node.parameter = LAST_PID_VARIABLE;
  } else if (node.type === 'ParameterExpansion' && node.parameter === 'RANDOM') {
    node.type = 'CommandSubstitution';
    node.body = randomScript();
  } else if (node.type === 'ArithVariable' && node.name === 'RANDOM') {
    node.type = 'ArithCommandSubst';
    Object.assign(node, { command: RANDOM_PROGRAM });
  } else if (node.type === 'ParameterExpansion' && typeof node.parameter === 'string') {
    // An index is arithmetic anyway; the library does not see it in `${a[$((i - 1))]}`.
    node.parameter = node.parameter.replace(/\[\$\(\((.*)\)\)\]$/, '[$1]');
  }
}

function randomScript(): ScriptNode {
  return { type: 'Script', statements: [statement(simple(0, literal(RANDOM_PROGRAM), []))] };
}

/** Where output goes inside a command with these redirections. */
function afterRedirections(redirections: readonly Redirection[], to: Terminal): Terminal {
  let { out, err } = to;
  for (const { operator, fd, target } of redirections) {
    if (operator === '&>' || operator === '&>>') out = err = false;
    else if (operator === '>&' && target.type === 'Word') {
      const source = literalText(target);
      if (fd === 2 && source === '1') err = out;
      else if ((fd === null || fd === 1) && source === '2') out = err;
      else out = err = false;
    } else if (operator === '>' || operator === '>>' || operator === '>|') {
      if (fd === 2) err = false;
      else if (fd === null || fd === 1) out = false;
    }
  }
  return { out, err, line: to.line };
}

function needsSplitting(name: WordNode): boolean {
  return name.parts.some(
    (part) => part.type === 'ParameterExpansion' || part.type === 'CommandSubstitution',
  );
}

/** `exit` forgets the variables, which the command of `trap ... EXIT` may need: noted just before. */
function withSnapshot(command: Simple): CommandNode {
  const line = command.line ?? 0;
  const note = simple(line, literal(SNAPSHOT_PROGRAM), []);
  return { type: 'Group', redirections: [], body: [statement(note), statement(command)] };
}

/** `$name args` with everything expanded and split into an array first. */
function splitName(command: Simple): CommandNode {
  const line = command.line ?? 0;
  const assign = simple(line, null, []);
  assign.assignments = [
    {
      type: 'Assignment',
      name: WORDS,
      value: null,
      append: false,
      array: [command.name!, ...command.args],
    },
  ];
  const call = simple(line, fromArray({ type: 'ArithNumber', value: 0 }), []);
  call.name = quoted({ type: 'ParameterExpansion', parameter: `${WORDS}[0]`, operation: null });
  call.args = [fromArray({ type: 'ArithNumber', value: 1 })];
  call.assignments = command.assignments;
  call.redirections = command.redirections;
  return {
    type: 'Group',
    redirections: [],
    body: [statement(assign), statement(call)],
  };
}

/** `"${w[@]:OFFSET}"` */
function fromArray(offset: { type: 'ArithNumber'; value: number }): WordNode {
  return quoted({
    type: 'ParameterExpansion',
    parameter: `${WORDS}[@]`,
    operation: {
      type: 'Substring',
      offset: { type: 'ArithmeticExpression', expression: offset },
      length: null,
    },
  });
}

function quoted(part: WordPart): WordNode {
  return { type: 'Word', parts: [{ type: 'DoubleQuoted', parts: [part] }] };
}

function literal(value: string): WordNode {
  return { type: 'Word', parts: [{ type: 'Literal', value }] };
}

function simple(line: number, name: WordNode | null, args: WordNode[]): Simple {
  return { type: 'SimpleCommand', assignments: [], name, args, redirections: [], line };
}

function statement(command: CommandNode): StatementNode {
  return {
    type: 'Statement',
    pipelines: [{ type: 'Pipeline', commands: [command], negated: false }],
    operators: [],
    background: false,
  };
}

/** What may stand in a path of a device: `docker` of `/usr/bin/docker`. */
function programName(name: string | null): string {
  return /(?:^|\/)([\w.+-]+)$/.exec(name ?? '')?.[1] ?? '';
}

/** @param both the program, if both its outputs go to the terminal: they are then shown in their order. */
function terminalRedirection(fd: 1 | 2, line: number, both: string): Redirection {
  return {
    type: 'Redirection',
    fd,
    operator: '>>',
    target: literal(`${TERMINAL_PATH}${fd}/${line}${both === '' ? '' : `/${both}`}`),
  };
}

/** The text of a word that is nothing but text; null if something in it is expanded. */
function literalText(word: WordNode): string | null {
  let text = '';
  for (const part of word.parts) {
    if (part.type === 'Literal' || part.type === 'SingleQuoted' || part.type === 'Escaped') {
      text += part.value;
    } else return null;
  }
  return text;
}
