/**
 * The words and exit codes with which the programs fail.
 * @source libxtables/xtables.c basic_exit_err(); iptables/xtables-standalone.c
 */

import { BadArgument, NoSuchTable, PrintedAnswer } from './draft.ts';
import { NotEmulated, ParameterProblem } from './extension.ts';
import { Incompatible, KernelRefused, Refused } from './run-command.ts';

export interface IptablesResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/**
 * What the program says about an error and the code it exits with; null if it is no error of the
 * user's.
 * @param line of iptables-restore's input, 0 on a command line.
 */
export function describeFailure(
  error: unknown,
  program: string,
  version: string,
  line: number,
): IptablesResult | null {
  const name = `${program} v${version} (nf_tables):`;
  const place = line > 0 ? `Error occurred at line: ${line}\n` : '';
  const tryHelp = `${place}Try \`${program} -h' or '${program} --help' for more information.\n`;
  const fail = (stderr: string, exitCode: number): IptablesResult => ({
    stdout: '',
    stderr,
    exitCode,
  });
  if (error instanceof ParameterProblem) return fail(`${name} ${error.message}\n${tryHelp}`, 2);
  if (error instanceof BadArgument) {
    const text = error.message === '' ? '' : `Bad argument \`${error.message}'\n`;
    return fail(text + tryHelp, 2);
  }
  if (error instanceof NotEmulated) {
    return fail(`${program}: ${error.message} is not emulated by netsim\n`, 2);
  }
  if (error instanceof NoSuchTable) {
    const hint = 'Perhaps iptables or your kernel needs to be upgraded.';
    return fail(`${name} table '${error.message}' does not exist\n${hint}\n`, 3);
  }
  if (error instanceof Incompatible) return fail(`${name} ${error.message}\n`, 1);
  if (error instanceof Refused) {
    const at = line > 0 ? ` line ${line} failed:` : '';
    return fail(`${program}:${at} ${error.message}.\n`, 1);
  }
  if (error instanceof KernelRefused) {
    const at = line > 0 ? `\nline ${line}: ` : ' ';
    return fail(`${name} ${at}${error.message}\n`, 4);
  }
  if (error instanceof PrintedAnswer) return { stdout: error.message, stderr: '', exitCode: 0 };
  return null;
}
