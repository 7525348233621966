/** A world of one machine with a shell, for tests of programs. */
import { makeShell } from '../../src/shell/bash.ts';
import { enterShell, leaveShell, type ShellHost } from '../../src/shell/driver.ts';
import { execute, type Shell } from '../../src/shell/shell.ts';
import { makeTerminal } from '../../src/shell/terminal.ts';
import type { Machine } from '../../src/world/machine.ts';
import { addMachine, createWorld, type World, type WorldOptions } from '../../src/world/world.ts';

export const TEST_HOST: ShellHost = {
  yieldToPrograms: () => new Promise((resolve) => setImmediate(resolve)),
  makeDate: (epochMs) => new Date(epochMs),
};

export interface Lab {
  readonly world: World;
  readonly machine: Machine;
  readonly shell: Shell;
  /** Runs a text; both streams come back as one. */
  run(text: string): Promise<{ output: string; exitCode: number }>;
}

export async function makeLab(options: WorldOptions = {}): Promise<Lab> {
  const world = createWorld(options);
  const machine = addMachine(world);
  const shell = await makeShell(world, machine, TEST_HOST);
  let output = '';
  const write = (text: string): void => {
    output += text;
  };
  shell.sink = makeTerminal(shell, { fileName: null, write, writeError: write });
  return {
    world,
    machine,
    shell,
    async run(text) {
      output = '';
      enterShell(shell.driver);
      try {
        const rest = { env: {}, cwd: '/srv', stdin: '', isTerminal: true };
        const result = await execute(shell, machine.root, text, rest);
        if (shell.failure !== null) throw shell.failure;
        return { output: output + result.stdout + result.stderr, exitCode: result.exitCode };
      } finally {
        leaveShell(shell.driver);
      }
    },
  };
}
