/** Runs a whole script file in the world of one machine, as `bash FILE` would. */
import type { ExecResult } from 'just-bash';
import { NetsimError } from '../base/errors.ts';
import type { Machine } from '../world/machine.ts';
import type { World } from '../world/world.ts';
import { makeShell } from './bash.ts';
import {
  enterShell,
  leaveShell,
  letTimePass,
  type ShellHost,
  VIRTUAL_TIME_MAX_NS,
} from './driver.ts';
import {
  ARP_PROBES_LINE,
  CLOSE_NS,
  OPEN_NS,
  putProbesOff,
  RECORD_LINE,
  SETTLE_NS,
} from './recorder.ts';
import { RECORD_PROGRAM } from './rewrite.ts';
import { execute, GROUP_VARIABLE, type Shell } from './shell.ts';
import { makeTerminal, placeMessages, type Terminal } from './terminal.ts';

export interface RunScriptOptions {
  readonly host: ShellHost;
  /** For messages: `lab.sh: line 12: ...`. */
  readonly fileName: string;
  readonly write: (text: string) => void;
  /** `line` is that of the command that wrote it, 0 if it is not known. */
  readonly writeError: (text: string, line: number) => void;
  /** At the line `#@record`: open the captures. Called at the start of a script that has no such line. */
  readonly onRecord?: () => void;
  /** $1, $2 ... */
  readonly args?: readonly string[];
}

/** Whether the script has the recorder's line, so that its rules hold for every namespace. */
export function isRecordedScript(text: string): boolean {
  return text.split('\n').includes(RECORD_LINE);
}

/**
 * Runs the script. @returns its exit code.
 * @throws NetsimError when a bound ends it: too much virtual time, output, commands, frames.
 */
export async function runScript(
  world: World,
  machine: Machine,
  text: string,
  options: RunScriptOptions,
): Promise<number> {
  const shell = await makeShell(world, machine, options.host);
  const terminal = makeTerminal(shell, { ...options, isTraced: /^\s*set\s+-\w*x/m.test(text) });
  shell.sink = terminal;
  const isRecorded = isRecordedScript(text);
  if (isRecorded) world.recorder = true;
  else options.onRecord?.();
  shell.onRecord = () => {
    letTimePass(shell.driver, SETTLE_NS);
    if (!text.split('\n').includes(ARP_PROBES_LINE)) putProbesOff(machine);
    options.onRecord?.();
    letTimePass(shell.driver, OPEN_NS);
  };
  shell.driver.deadlineNs = world.sim.nowNs + VIRTUAL_TIME_MAX_NS;
  enterShell(shell.driver);
  try {
    const exitCode = await runText(shell, terminal, withRecordProgram(text), options);
    if (isRecorded) letTimePass(shell.driver, CLOSE_NS);
    return exitCode;
  } finally {
    leaveShell(shell.driver);
  }
}

/** The record line becomes a command; every line keeps its number. */
function withRecordProgram(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === RECORD_LINE ? RECORD_PROGRAM : line))
    .join('\n');
}

async function runText(
  shell: Shell,
  terminal: Terminal,
  text: string,
  options: RunScriptOptions,
): Promise<number> {
  const { root } = shell.machine;
  const env = { ...positionalParameters(options), [GROUP_VARIABLE]: '0' };
  const rest = { cwd: '/srv', stdin: '', isTerminal: true };
  const result = await execute(shell, root, text, { env, ...rest });
  finish(shell, terminal, options, result);
  const onExit = shell.traps.get('EXIT');
  if (onExit !== undefined) {
    const last = await execute(shell, root, onExit, {
      env: '?' in result.env ? result.env : (shell.variablesAtExit ?? result.env),
      ...rest,
    });
    finish(shell, terminal, options, last);
  }
  return result.exitCode;
}

function positionalParameters(options: RunScriptOptions): Record<string, string> {
  const args = options.args ?? [];
  const parameters: Record<string, string> = { '0': options.fileName, '#': String(args.length) };
  args.forEach((value, index) => {
    parameters[String(index + 1)] = value;
  });
  if (args.length > 0) parameters['@'] = args.join(' ');
  return parameters;
}

/** Prints what did not go to the terminal by itself; throws what ended the script. */
function finish(
  shell: Shell,
  terminal: Terminal,
  options: RunScriptOptions,
  result: ExecResult,
): void {
  terminal.flush();
  const where = { file: options.fileName, line: terminal.line };
  if (result.stdout !== '') options.write(result.stdout);
  const { failure } = shell;
  if (failure instanceof NetsimError && failure.where === undefined) {
    const hint = failure.hint === undefined ? {} : { hint: failure.hint };
    throw new NetsimError(failure.code, failure.message, { where, ...hint });
  }
  if (failure !== null) throw failure;
  if (
    result.exitCode === LIMIT_EXIT_CODE &&
    /exceeded|executionLimits|too many/i.test(result.stderr)
  ) {
    throw new NetsimError('script-limit', limitMessage(result.stderr), {
      where,
      hint: 'a script that never ends? give its loop a count',
    });
  }
  const line = lineOf(result.stderr, terminal);
  options.writeError(placeMessages(result.stderr, options.fileName, line), line);
}

/** just-bash's exit code when one of its bounds ended the script. */
const LIMIT_EXIT_CODE = 126;

function limitMessage(stderr: string): string {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return `the script is too long: ${last.replace(/^bash: /, '').replace(/,? ?increase .*/, '')}`;
}

/** The line that a syntax error names, or where the script was. */
function lineOf(stderr: string, terminal: Terminal): number {
  const named = /(?:line|at) (\d+)/.exec(stderr);
  return stderr.includes('syntax error') && named !== null ? Number(named[1]) : terminal.line;
}
