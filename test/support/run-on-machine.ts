// Runs a text of the shell on one machine of a world and keeps what it prints.
import { runScript } from '../../src/shell/run-script.ts';
import type { Machine } from '../../src/world/machine.ts';

export async function runOnMachine(
  machine: Machine,
  text: string,
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  const exitCode = await runScript(machine.world, machine, text, {
    host: {
      yieldToPrograms: () => new Promise((resolve) => setImmediate(resolve)),
      makeDate: (epochMs) => new Date(epochMs),
    },
    fileName: 'test',
    write: (piece) => {
      stdout += piece;
    },
    writeError: (piece) => {
      stderr += piece;
    },
  });
  return { exitCode, stdout, stderr };
}
