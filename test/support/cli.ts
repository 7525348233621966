// Runs the command line in this process and keeps what it prints.
import { Readable } from 'node:stream';
import { runCli } from '../../src/cli/cli.ts';
import { currentSimulator } from '../../src/cli/current-run.ts';
import { checkLaws } from '../../src/observe/invariants.ts';
import { letRest } from './run-recorded.ts';

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A storm never comes to rest: the laws of rest are not asked for. */
  readonly isRestless?: boolean;
}

/** Virtual time after which what was under way has arrived or is given up. */
const SETTLE_NS = 30e9;

/** `netsim ARGV...`; afterwards the network comes to rest, and the laws must hold. */
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
  const sim = currentSimulator();
  if (sim !== null && exitCode !== 4 && options.isRestless !== true) {
    if (letRest(sim, SETTLE_NS) !== 'frame-limit') checkLaws(sim);
  }
  return { exitCode, stdout, stderr };
}
