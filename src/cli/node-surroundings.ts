/** The surroundings of a real process. */
import type { Surroundings } from './surroundings.ts';

/** Reads and writes the process's own streams; a closed pipe ends writing and nothing else. */
export function nodeSurroundings(): Surroundings & { readonly interrupt: () => void } {
  const interrupts: Array<() => void> = [];
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  return {
    write: (text) => void process.stdout.write(text),
    writeError: (text) => void process.stderr.write(text),
    cwd: process.cwd(),
    env: process.env,
    isTerminal: process.stdout.isTTY === true,
    stdin: process.stdin,
    onInterrupt: (act) => void interrupts.push(act),
    interrupt: () => {
      for (const act of interrupts) act();
    },
  };
}

/** Whether somebody types. */
export function isStdinTerminal(stdin: NodeJS.ReadableStream): boolean {
  return 'isTTY' in stdin && stdin.isTTY === true;
}
