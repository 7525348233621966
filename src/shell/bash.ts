/**
 * Makes the shell: loads just-bash (it is big, so only when a shell is needed), gives it netsim's
 * programs, files and bounds, and turns what programs write into its results.
 */
import type { Bash, CommandContext, ExecResult, ScriptNode } from 'just-bash';
import { engineOf } from '../docker/engine.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import type { Machine } from '../world/machine.ts';
import type { World } from '../world/world.ts';
import { latin1Of, makeBashFiles } from './bash-files.ts';
import { makeCommandRunner } from './container-commands.ts';
import { driverOf, type ShellHost } from './driver.ts';
import { PROGRAMS } from './programs/index.ts';
import { rewriteScript } from './rewrite.ts';
import { runProgram } from './run-program.ts';
import { type Chunk, GROUP_VARIABLE, type Io, type Shell, textOf } from './shell.ts';
import { SHELL_PROGRAMS } from './shell-programs.ts';

/** Bounds of one script. */
const LIMITS = {
  maxCommandCount: 300_000,
  maxLoopIterations: 100_000,
  maxExecutionTimeMs: Number.POSITIVE_INFINITY,
  maxWorkUnits: 1_000_000_000,
} as const;

/** A shell on the machine, with the library loaded. */
export async function makeShell(world: World, machine: Machine, host: ShellHost): Promise<Shell> {
  const library = await import('just-bash');
  return {
    world,
    machine,
    driver: driverOf(world.sim, host),
    isDetached: false,
    library,
    bashOf: new Map(),
    makeBash,
    sink: null,
    failure: null,
    abort: new AbortController(),
    isNextTerminal: false,
    functions: new Map(),
    jobs: [],
    groups: new Map(),
    nextGroup: 1,
    traps: new Map(),
    variablesAtExit: null,
    lastChunks: [],
    lastProgram: '',
    onRecord: null,
  };
}

function makeBash(shell: Shell, netns: NetNamespace): Bash {
  const { library } = shell;
  const engine = engineOf(shell.machine);
  if (engine !== null) engine.commandRunner = makeCommandRunner(shell);
  const bash = new library.Bash({
    fs: makeBashFiles(shell.machine, netns, shell.driver.host, () => shell.sink),
    cwd: '/srv',
    env: { HOME: '/root', USER: 'root', SHELL: '/bin/bash', TERM: 'dumb', LC_ALL: 'C', TZ: 'UTC' },
    customCommands: customCommands(shell, netns),
    executionLimits: LIMITS,
    defenseInDepth: false,
    processInfo: { pid: 999, ppid: 1, uid: 0, gid: 0 },
  });
  bash.registerTransformPlugin({
    name: 'netsim',
    transform({ ast }) {
      const isTerminal = shell.isNextTerminal;
      shell.isNextTerminal = false;
      if (isTerminal) rememberFunctions(shell, ast);
      rewriteScript(ast, isTerminal, library.serialize);
      return { ast };
    },
  });
  return bash;
}

function rememberFunctions(shell: Shell, script: ScriptNode): void {
  for (const statement of script.statements) {
    for (const { commands } of statement.pipelines) {
      for (const command of commands) {
        if (command.type !== 'FunctionDef') continue;
        const only: ScriptNode = { type: 'Script', statements: [statement] };
        shell.functions.set(command.name, shell.library.serialize(only));
      }
    }
  }
}

function customCommands(shell: Shell, netns: NetNamespace) {
  const own = SHELL_PROGRAMS.map((program) =>
    shell.library.defineCommand(program.name, (args, context) =>
      collect(shell, context, program.name, (io) => program.run(shell, io, args, netns)),
    ),
  );
  const programs = PROGRAMS.map((program) =>
    shell.library.defineCommand(program.name, (args, context) =>
      collect(shell, context, program.name, (io) => runProgram(shell, program, netns, args, io)),
    ),
  );
  return [...own, ...programs];
}

/** Runs `act` with input and output that collect what it writes into just-bash's result. */
async function collect(
  shell: Shell,
  context: CommandContext,
  name: string,
  act: (io: Io) => Promise<number>,
): Promise<ExecResult> {
  const chunks: Chunk[] = [];
  const io: Io = {
    stdin: shell.library.decodeBytesToUtf8(context.stdin),
    cwd: context.cwd,
    env: new Map(Object.entries(context.exportedEnv ?? {})),
    variables: context.env,
    group: Number(context.env.get(GROUP_VARIABLE) ?? 0),
    assign: (name, value) => void context.assignShellVariable?.(name, value),
    write: (text) => void chunks.push({ fd: 1, text, bytes: null }),
    writeError: (text) => void chunks.push({ fd: 2, text, bytes: null }),
    writeBytes: (bytes) => void chunks.push({ fd: 1, text: '', bytes }),
  };
  let exitCode: number;
  try {
    exitCode = await act(io);
  } catch (error) {
    shell.failure ??= error;
    shell.abort.abort();
    exitCode = 2;
  }
  const outputs = chunks.filter(({ fd }) => fd === 1);
  const stderr = textOf(chunks, 2);
  shell.lastChunks = chunks;
  shell.lastProgram = name;
  if (outputs.every(({ bytes }) => bytes === null)) {
    return { stdout: textOf(chunks, 1), stdoutKind: 'text', stderr, exitCode };
  }
  const encoder = new TextEncoder();
  const stdout = outputs.map(({ bytes, text }) => latin1Of(bytes ?? encoder.encode(text))).join('');
  return { stdout, stdoutKind: 'bytes', stdoutEncoding: 'binary', stderr, exitCode };
}
