/** Small programs of the system around: namespaces by nsenter, modules, the log, processes, the date. */
import { engineOf } from '../../docker/engine.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import { resolvePath } from '../../world/file-system.ts';
import { type Daemon, namespaceAt } from '../../world/machine.ts';
import { wallClockS } from '../../world/world.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';

/** Only the network namespace can be entered: `--net=/run/netns/NAME`, `-t PID -n`. */
export const nsenter: ProgramDefinition = {
  name: 'nsenter',
  async run(context) {
    const args = [...context.args];
    let netns: NetNamespace | null = null;
    let pid: string | null = null;
    while (args[0]?.startsWith('-') === true) {
      const word = args.shift()!;
      if (word === '--') break;
      if (word === '-t' || word === '--target') pid = args.shift() ?? '';
      else if (word.startsWith('--target=')) pid = word.slice(9);
      else if (/^--net=|^-n./.test(word)) {
        const path = word.replace(/^--net=|^-n/, '');
        const absolute = resolvePath(context.cwd, path);
        const process = /^\/proc\/(\d+)\/ns\/net$/.exec(absolute)?.[1];
        netns =
          process === undefined
            ? namespaceAt(context.machine, absolute)
            : namespaceOfProcess(context, process);
        if (netns === null) {
          const isThere = context.machine.files.find(absolute) !== null;
          context.writeError(
            isThere
              ? "nsenter: reassociate to namespace 'ns/net' failed: Invalid argument\n"
              : `nsenter: cannot open ${path}: No such file or directory\n`,
          );
          return 1;
        }
      } else if (!/^(-n|--net|-m|--mount|-u|--uts|-i|--ipc|-p|--pid|-a|--all)$/.test(word)) {
        return refuse(context, 'nsenter', `option ${word}`);
      }
    }
    if (pid !== null && netns === null) {
      netns = namespaceOfProcess(context, pid);
      if (netns === null) {
        context.writeError(`nsenter: cannot open /proc/${pid}/ns/net: No such file or directory\n`);
        return 1;
      }
    }
    if (args.length === 0) return refuse(context, 'nsenter', 'an interactive shell');
    return context.call(args, netns ?? context.netns);
  },
};

function namespaceOfProcess(context: ProgramContext, pid: string): NetNamespace | null {
  if (pid === '1') return context.machine.root;
  const { machine } = context;
  const daemon = machine.daemons.find((each) => String(each.pid) === pid);
  if (daemon !== undefined) return daemon.netns;
  // A container's main process has a pid of its host too.
  for (const container of engineOf(machine)?.containers.values() ?? []) {
    if (String(container.pid) === pid && container.main !== null) return container.netns;
  }
  return null;
}

export const unshare: ProgramDefinition = {
  name: 'unshare',
  async run(context) {
    return refuse(context, 'unshare', 'a namespace without a name (use ip netns add)');
  },
};

/** Every module is there. */
export const modprobe: ProgramDefinition = { name: 'modprobe', run: async () => 0 };

export const dmesg: ProgramDefinition = {
  name: 'dmesg',
  async run(context) {
    const { kernelLog } = context.machine;
    const isBare = context.args.includes('-t');
    for (const { timeNs, text } of kernelLog) {
      const stamp = `[${(timeNs / 1e9).toFixed(6).padStart(12)}] `;
      context.write(`${isBare ? '' : stamp}${text}\n`);
    }
    if (context.args.some((word) => word === '-C' || word === '-c')) kernelLog.length = 0;
    return 0;
  },
};

/** Columns of `ps -o`. */
const PS_COLUMNS: Readonly<Record<string, (daemon: Daemon) => string>> = {
  args: ({ command }) => command,
  cmd: ({ command }) => command,
  comm: ({ command }) => programOf(command),
  pid: ({ pid }) => String(pid),
};

function programOf(command: string): string {
  return command.split(' ')[0]!.replace(/^.*\//, '');
}

/** @source procps ps: -C NAME, -p PID, -o COLUMN[=HEAD], -e, -f */
export const ps: ProgramDefinition = {
  name: 'ps',
  async run(context) {
    const words = [...context.args];
    let daemons: readonly Daemon[] = context.machine.daemons;
    let columns: readonly string[] | null = null;
    while (words.length > 0) {
      const word = words.shift()!;
      if (word === '-C') {
        const names = (words.shift() ?? '').split(',');
        daemons = daemons.filter(({ command }) => names.includes(programOf(command)));
      } else if (word === '-p') {
        const pids = (words.shift() ?? '').split(',');
        daemons = daemons.filter(({ pid }) => pids.includes(String(pid)));
      } else if (word === '-o' || word === '-eo') columns = (words.shift() ?? '').split(',');
      else if (!/^-?[eAfauxwl]+$/.test(word)) return refuse(context, 'ps', `option ${word}`);
    }
    context.write(columns === null ? psTable(daemons) : psColumns(daemons, columns));
    return daemons.length > 0 ? 0 : 1;
  },
};

function psTable(daemons: readonly Daemon[]): string {
  const rows = daemons.map(
    ({ pid, command }) => `${String(pid).padStart(7)} ?        00:00:00 ${command}\n`,
  );
  return `    PID TTY          TIME CMD\n${rows.join('')}`;
}

/** `args=` has no head; if no column has one there is no line of heads. */
function psColumns(daemons: readonly Daemon[], columns: readonly string[]): string {
  const read = columns.map((column) => {
    const [name = '', head = NAMES_OF_HEADS[name] ?? name.toUpperCase()] = column.split('=');
    return { cell: PS_COLUMNS[name] ?? (() => '-'), head };
  });
  const heads = read.map(({ head }) => head);
  const lines = daemons.map((daemon) => read.map(({ cell }) => cell(daemon)).join(' '));
  if (heads.some((head) => head !== '')) lines.unshift(heads.join(' '));
  return lines.map((line) => `${line}\n`).join('');
}

const NAMES_OF_HEADS: Readonly<Record<string, string>> = { args: 'COMMAND', comm: 'COMMAND' };

const DAYS = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Virtual time: it stands still while commands run that need no time. */
export const date: ProgramDefinition = {
  name: 'date',
  async run(context) {
    const { sim } = context.world;
    const seconds = wallClockS(context.world);
    const nanoseconds = (sim.nowNs + sim.workNs) % 1e9;
    const format = context.args.find((word) => word.startsWith('+'))?.slice(1);
    const other = context.args.find((word) => !word.startsWith('+') && word !== '-u');
    if (other !== undefined) return refuse(context, 'date', `argument ${other}`);
    const text = formatDate(seconds, nanoseconds, format ?? '%a %b %e %H:%M:%S UTC %Y');
    context.write(`${text}\n`);
    return 0;
  },
};

function formatDate(seconds: number, nanoseconds: number, format: string): string {
  const days = Math.floor(seconds / 86400);
  const { year, month, day } = civilDate(days);
  const two = (value: number): string => String(value).padStart(2, '0');
  const hour = two(Math.floor((seconds % 86400) / 3600));
  const minute = two(Math.floor((seconds % 3600) / 60));
  const second = two(seconds % 60);
  const fields: Readonly<Record<string, string>> = {
    '%': '%',
    a: DAYS[days % 7]!,
    b: MONTHS[month - 1]!,
    d: two(day),
    e: String(day).padStart(2),
    F: `${year}-${two(month)}-${two(day)}`,
    H: hour,
    m: two(month),
    M: minute,
    N: String(nanoseconds).padStart(9, '0'),
    n: '\n',
    s: String(seconds),
    S: second,
    T: `${hour}:${minute}:${second}`,
    Y: String(year),
    Z: 'UTC',
    z: '+0000',
  };
  return format
    .replaceAll(/%3N/g, String(Math.floor(nanoseconds / 1e6)).padStart(3, '0'))
    .replaceAll(/%([a-zA-Z%])/g, (whole, letter: string) => fields[letter] ?? whole);
}

/** The calendar date of a day counted from 1970-01-01. */
function civilDate(days: number): { year: number; month: number; day: number } {
  let year = 1970;
  let rest = days;
  const isLeap = (of: number): boolean => (of % 4 === 0 && of % 100 !== 0) || of % 400 === 0;
  while (rest >= (isLeap(year) ? 366 : 365)) {
    rest -= isLeap(year) ? 366 : 365;
    year++;
  }
  const lengths = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  let month = 1;
  for (const length of lengths) {
    if (rest < length) break;
    rest -= length;
    month++;
  }
  return { year, month, day: rest + 1 };
}
