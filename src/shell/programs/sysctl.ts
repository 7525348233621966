/** `sysctl`, of procps 4. */
import { KernelError } from '../../base/errors.ts';
import { listSysctls, readSysctl, writeSysctl } from '../../stack/sysctl.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';

interface Options {
  isQuiet: boolean;
  isWrite: boolean;
  isAll: boolean;
  isIgnoring: boolean;
  /** Only the value (-n), only the name (-N). */
  shows: 'both' | 'value' | 'name';
  /** File of -p. */
  file: string | null;
}

export const sysctl: ProgramDefinition = {
  name: 'sysctl',
  async run(context) {
    const options: Options = {
      isQuiet: false,
      isWrite: false,
      isAll: false,
      isIgnoring: false,
      shows: 'both',
      file: null,
    };
    const words: string[] = [];
    for (let at = 0; at < context.args.length; at++) {
      const word = context.args[at]!;
      if (word === '--system') return 0;
      if (!word.startsWith('-')) words.push(word);
      else if (word === '-p' || word.startsWith('--load')) {
        const next = context.args[at + 1];
        options.file = next === undefined || next.startsWith('-') ? '/etc/sysctl.conf' : next;
        if (options.file === next) at++;
      } else if (!takeOptions(options, word)) {
        return refuse(context, 'sysctl', `option ${word}`);
      }
    }
    if (options.file !== null) return loadFile(context, options, options.file);
    if (options.isAll) return showAll(context, options);
    if (words.length === 0) {
      context.writeError(
        "sysctl: no variables specified\nTry `sysctl --help' for more information.\n",
      );
      return 1;
    }
    let exitCode = 0;
    for (const word of words) exitCode = Math.max(exitCode, handle(context, options, word));
    return exitCode;
  },
};

const LONG: Readonly<Record<string, string>> = {
  '--write': 'w',
  '--quiet': 'q',
  '--values': 'n',
  '--names': 'N',
  '--all': 'a',
  '--ignore': 'e',
};

function takeOptions(options: Options, word: string): boolean {
  const letters = word.startsWith('--') ? LONG[word] : word.slice(1);
  if (letters === undefined || letters === '') return false;
  for (const letter of letters) {
    if (letter === 'w') options.isWrite = true;
    else if (letter === 'q') options.isQuiet = true;
    else if (letter === 'n') options.shows = 'value';
    else if (letter === 'N') options.shows = 'name';
    else if (letter === 'a' || letter === 'A' || letter === 'X') options.isAll = true;
    else if (letter === 'e') options.isIgnoring = true;
    else return false;
  }
  return true;
}

/** `net/ipv4/ip_forward` is net.ipv4.ip_forward; dots and slashes may change places. */
function keyOf(name: string): string {
  const slash = name.indexOf('/');
  const dot = name.indexOf('.');
  if (slash < 0 || (dot >= 0 && dot < slash)) return name;
  return name.replaceAll(/[./]/g, (char) => (char === '/' ? '.' : '/'));
}

function handle(context: ProgramContext, options: Options, word: string): number {
  const equals = word.indexOf('=');
  if (equals < 0) {
    if (!options.isWrite) return show(context, options, word);
    context.writeError('sysctl: command line(0): invalid syntax, continuing...\n');
    return 1;
  }
  return set(context, options, word.slice(0, equals).trim(), word.slice(equals + 1).trim());
}

function unknown(context: ProgramContext, options: Options, name: string): number {
  if (options.isIgnoring) return 0;
  const path = `/proc/sys/${keyOf(name).replaceAll('.', '/')}`;
  context.writeError(`sysctl: cannot stat ${path}: No such file or directory\n`);
  return 1;
}

function show(context: ProgramContext, options: Options, name: string): number {
  const key = keyOf(name);
  const value = readSysctl(context.netns, key);
  if (value !== null) {
    context.write(line(options, key, value));
    return 0;
  }
  const inside = listSysctls(context.netns).filter((each) => each.startsWith(`${key}.`));
  if (inside.length === 0) return unknown(context, options, name);
  for (const each of inside) {
    context.write(line(options, each, readSysctl(context.netns, each) ?? ''));
  }
  return 0;
}

function line(options: Options, key: string, value: string): string {
  if (options.shows === 'value') return `${value}\n`;
  return options.shows === 'name' ? `${key}\n` : `${key} = ${value}\n`;
}

function set(context: ProgramContext, options: Options, name: string, value: string): number {
  const key = keyOf(name);
  if (readSysctl(context.netns, key) === null) return unknown(context, options, name);
  try {
    context.kernel(() => writeSysctl(context.netns, key, value));
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (options.isIgnoring) return 0;
    context.writeError(
      error.errno === 'EINVAL'
        ? `sysctl: setting key "${name}": Invalid argument\n`
        : `sysctl: setting key "${name}": ${error.message}\n`,
    );
    return 1;
  }
  if (!options.isQuiet) context.write(line(options, key, value));
  return 0;
}

function showAll(context: ProgramContext, options: Options): number {
  for (const key of listSysctls(context.netns)) {
    context.write(line(options, key, readSysctl(context.netns, key) ?? ''));
  }
  return 0;
}

function loadFile(context: ProgramContext, options: Options, file: string): number {
  const text = file === '-' ? context.stdin : context.fileSystem.readFile(file);
  if (text === null) {
    context.writeError(`sysctl: cannot open "${file}": No such file or directory\n`);
    return 1;
  }
  let exitCode = 0;
  for (const each of text.split('\n')) {
    const trimmed = each.trim();
    if (trimmed === '' || trimmed.startsWith('#') || trimmed.startsWith(';')) continue;
    exitCode = Math.max(exitCode, handle(context, { ...options, isWrite: true }, trimmed));
  }
  return exitCode;
}
