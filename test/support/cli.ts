// Runs the command line in this process and keeps what it prints.
import { Readable } from 'node:stream';
import { runCli } from '../../src/cli/cli.ts';

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** `netsim ARGV...` */
export async function netsim(
  argv: readonly string[],
  options: CliOptions = {},
): Promise<CliResult> {
  let stdout = '';
  let stderr = '';
  const exitCode = await runCli(argv, {
    write: (text) => {
      stdout += text;
    },
    writeError: (text) => {
      stderr += text;
    },
    cwd: options.cwd ?? import.meta.dirname,
    env: options.env ?? {},
    isTerminal: false,
    stdin: Readable.from([options.stdin ?? '']),
    onInterrupt: () => {},
  });
  return { exitCode, stdout, stderr };
}
