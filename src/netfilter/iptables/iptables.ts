/**
 * iptables, iptables-save and iptables-restore as functions: arguments in, text and exit code out.
 * The shell's programs and the Docker engine both call these.
 * @source iptables v1.8.9 (nf_tables): iptables/xtables-standalone.c, xtables-save.c
 */
import { timeNs } from '../../engine/simulator.ts';
import type { Netfilter } from '../netfilter.ts';
import { TABLE_NAMES } from '../tables.ts';
import { dateText } from './date-text.ts';
import { describeFailure, type IptablesResult } from './failure.ts';
import { saveTables } from './list-commands.ts';
import { parseCommand } from './parse-command.ts';
import { type CommandOutput, runCommand } from './run-command.ts';
import { restoreSnapshot, type Snapshot, takeSnapshot } from './snapshot.ts';

export type { IptablesResult } from './failure.ts';
export { runIptablesRestore } from './restore.ts';

/** Runs `iptables ARGS...` in a namespace. */
export function runIptables(netfilter: Netfilter, args: readonly string[]): IptablesResult {
  const program = 'iptables';
  const output: CommandOutput = { text: '' };
  let snapshot: Snapshot | null = null;
  let warnings = '';
  try {
    const command = parseCommand(netfilter, args, { program, tableName: 'filter', line: 0 });
    warnings = command.warnings;
    if (command.letter !== 'C') snapshot = takeSnapshot(netfilter); // a question changes nothing
    runCommand(netfilter, command, output);
    return { stdout: output.text, stderr: warnings, exitCode: 0 };
  } catch (error) {
    const failure = describeFailure(error, program, netfilter.iptablesVersion, 0);
    if (failure === null) throw error;
    if (snapshot !== null) restoreSnapshot(netfilter, snapshot);
    if (failure.exitCode === 0) return failure;
    return { ...failure, stdout: output.text, stderr: warnings + failure.stderr };
  }
}

/** Runs `iptables-save ARGS...`. */
export function runIptablesSave(netfilter: Netfilter, args: readonly string[]): IptablesResult {
  let hasCounters = false;
  let tableName: string | null = null;
  for (let index = 0; index < args.length; index++) {
    const word = args[index]!;
    if (word === '-c' || word === '--counters') hasCounters = true;
    else if (word === '-t' || word === '--table') tableName = args[++index] ?? '';
    else if (word === '-M' || word === '--modprobe') index++;
    else if (word === '-V' || word === '--version') {
      return {
        stdout: `iptables-save v${netfilter.iptablesVersion} (nf_tables)\n`,
        stderr: '',
        exitCode: 0,
      };
    } else if (word.startsWith('-') && word !== '-4' && word !== '-6') {
      const found = word.startsWith('--')
        ? `unrecognized option '${word}'`
        : `invalid option -- '${word[1]}'`;
      const hint = "Look at manual page `iptables-save.8' for more information.";
      return { stdout: '', stderr: `iptables-save: ${found}\n${hint}\n`, exitCode: 1 };
    } else if (!word.startsWith('-')) {
      return { stdout: '', stderr: 'Unknown arguments found on commandline\n', exitCode: 1 };
    }
  }
  const table = TABLE_NAMES.find((name) => name === tableName) ?? null;
  if (tableName !== null && table === null) {
    return { stdout: '', stderr: `Table \`${tableName}' does not exist\n`, exitCode: 1 };
  }
  const date = dateText(timeNs(netfilter.netns.sim));
  const stdout = saveTables(netfilter, { hasCounters, tableName: table, date });
  return { stdout, stderr: '', exitCode: 0 };
}
