/** Runs one program of the registry: gives it its context and waits for it. */
import { type Process, spawn } from '../engine/process.ts';
import { runOn } from '../engine/simulator.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { addDaemon } from '../world/machine.ts';
import { refusalOf } from './capabilities.ts';
import { waitForExit } from './driver.ts';
import type { ProgramContext, ProgramDefinition } from './program.ts';
import { appletOf } from './programs/busybox.ts';
import { PROGRAMS } from './programs/index.ts';
import { execute, GROUP_VARIABLE, groupOf, type Io, quoteWord, type Shell } from './shell.ts';
import { viewFiles } from './virtual-files.ts';

/** Runs `program` in `netns`. @returns its exit code. */
export function runProgram(
  shell: Shell,
  program: ProgramDefinition,
  netns: NetNamespace,
  args: readonly string[],
  io: Io,
): Promise<number> {
  const { world, machine } = shell;
  const { sim } = world;
  const refusal = refusalOf(machine, program.name, args);
  if (refusal !== null) {
    io.writeError(refusal.text);
    return Promise.resolve(refusal.exitCode);
  }
  const start: ProgramContext['spawnDaemon'] = (name, main) =>
    runOn(sim, netns.cpu, () => spawn(sim, netns.cpu, name, main));
  const context: ProgramContext = {
    world,
    machine,
    netns,
    args,
    stdin: io.stdin,
    cwd: io.cwd,
    env: io.env,
    fileSystem: viewFiles(machine, netns, io.cwd),
    write: (text) => io.write(text),
    writeError: (text) => io.writeError(text),
    writeBytes: (bytes) => io.writeBytes(bytes),
    run(name, main) {
      const process = start(name, main);
      joinGroup(groupOf(shell, io.group), process);
      return waitForExit(shell.driver, process, shell.isDetached);
    },
    spawnDaemon(name, main) {
      const process = start(name, main);
      addDaemon(machine, process, netns, name);
      return process;
    },
    call: (argv, where = netns) => callCommand(shell, where, argv, io),
    kernel: (act) => runOn(sim, netns.cpu, act),
  };
  return (machine.hasBusybox ? appletOf(program) : program).run(context);
}

function joinGroup(group: Set<Process>, process: Process): void {
  group.add(process);
  process.onExit.push(() => group.delete(process));
}

const PROGRAM_BY_NAME: ReadonlyMap<string, ProgramDefinition> = new Map(
  PROGRAMS.map((program) => [program.name, program]),
);

/** Runs a command line given as words: a program of the registry, or whatever the shell knows. */
export async function callCommand(
  shell: Shell,
  netns: NetNamespace,
  argv: readonly string[],
  io: Io,
): Promise<number> {
  const [name, ...args] = argv;
  if (name === undefined) return 0;
  const program = PROGRAM_BY_NAME.get(baseName(name));
  if (program !== undefined) return runProgram(shell, program, netns, args, io);
  const result = await execute(shell, netns, argv.map(quoteWord).join(' '), {
    env: { ...Object.fromEntries(io.env), [GROUP_VARIABLE]: String(io.group) },
    cwd: io.cwd,
    stdin: io.stdin,
    isTerminal: false,
  });
  if (result.stdout !== '') io.write(result.stdout);
  if (result.stderr !== '') io.writeError(result.stderr);
  return result.exitCode;
}

/** `ping` of `/usr/bin/ping`: the folders where programs are. */
function baseName(name: string): string {
  return /^\/(usr\/)?s?bin\/([^/]+)$/.exec(name)?.[2] ?? name;
}
