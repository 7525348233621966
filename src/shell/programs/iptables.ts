/** `iptables`, `iptables-save`, `iptables-restore`, under all names that Debian gives them. */
import {
  type IptablesResult,
  runIptables,
  runIptablesRestore,
  runIptablesSave,
} from '../../netfilter/iptables/iptables.ts';
import { parseRestoreArguments } from '../../netfilter/iptables/restore.ts';
import type { Netfilter } from '../../netfilter/netfilter.ts';
import type { ProgramContext, ProgramDefinition } from '../program.ts';

function print(context: ProgramContext, result: IptablesResult): number {
  if (result.stdout !== '') context.write(result.stdout);
  if (result.stderr !== '') context.writeError(result.stderr);
  return result.exitCode;
}

/** The tables; in another namespace of the machine the program is still the machine's own. */
function netfilterOf({ netns, machine }: ProgramContext): Netfilter {
  const { netfilter } = netns;
  netfilter.iptablesVersion = machine.root.netfilter.iptablesVersion;
  return netfilter;
}

async function runTables(context: ProgramContext): Promise<number> {
  const netfilter = netfilterOf(context);
  return print(
    context,
    context.kernel(() => runIptables(netfilter, context.args)),
  );
}

async function runSave(context: ProgramContext): Promise<number> {
  const netfilter = netfilterOf(context);
  const index = context.args.findIndex((word) => word === '-f' || word === '--file');
  const file = index < 0 ? undefined : context.args[index + 1];
  const args = file === undefined ? context.args : context.args.toSpliced(index, 2);
  const result = context.kernel(() => runIptablesSave(netfilter, args));
  if (file === undefined || result.exitCode !== 0) return print(context, result);
  context.fileSystem.writeFile(file, result.stdout);
  return 0;
}

async function runRestore(context: ProgramContext): Promise<number> {
  const netfilter = netfilterOf(context);
  const options = parseRestoreArguments(context.args);
  let input = context.stdin;
  if ('file' in options && options.file !== null) {
    const text = context.fileSystem.readFile(options.file);
    if (text === null) {
      context.writeError(`Can't open ${options.file}: No such file or directory\n`);
      return 1;
    }
    input = text;
  }
  return print(
    context,
    context.kernel(() => runIptablesRestore(netfilter, context.args, input)),
  );
}

/** One program under the names of all back ends; netsim has one, that of nf_tables. */
function underAllNames(suffix: string, run: ProgramDefinition['run']): ProgramDefinition[] {
  return ['iptables', 'iptables-legacy', 'iptables-nft'].map((name) => ({
    name: `${name}${suffix}`,
    run,
  }));
}

export const iptablesPrograms: readonly ProgramDefinition[] = [
  ...underAllNames('', runTables),
  ...underAllNames('-restore', runRestore),
  ...underAllNames('-save', runSave),
];
