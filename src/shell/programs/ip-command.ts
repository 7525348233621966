/** What the objects of `ip` share: options, namespaces by name, devices by name. */
import type { Device } from '../../engine/device.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import { type Machine, namespaceAt } from '../../world/machine.ts';
import type { ProgramContext } from '../program.ts';
import { type Json, printJson } from './format.ts';
import { CommandError, notEmulated, takeValue, type Words, wrongArgument } from './words.ts';

export interface IpOptions {
  isDetailed: boolean;
  statistics: number;
  isBrief: boolean;
  isOneLine: boolean;
  isJson: boolean;
  isPretty: boolean;
  /** Only this family: inet, inet6, link; null for all. */
  family: 'inet' | 'inet6' | 'link' | null;
  isNumeric: boolean;
  isAllNamespaces: boolean;
  isForced: boolean;
}

/** A command of `ip` in its namespace. */
export interface IpCommand {
  readonly context: ProgramContext;
  readonly netns: NetNamespace;
  readonly options: IpOptions;
  readonly words: Words;
}

/** Takes the options before the object from `args`; @returns their values and what is left. */
export function parseIpOptions(
  args: readonly string[],
  setNamespace: (name: string) => void,
): { options: IpOptions; rest: readonly string[]; isVersion: boolean } {
  const options: IpOptions = {
    isDetailed: false,
    statistics: 0,
    isBrief: false,
    isOneLine: false,
    isJson: false,
    isPretty: false,
    family: null,
    isNumeric: false,
    isAllNamespaces: false,
    isForced: false,
  };
  let at = 0;
  let isVersion = false;
  for (; at < args.length; at++) {
    const word = args[at]!;
    if (!word.startsWith('-')) break;
    if (word === '--') {
      at++;
      break;
    }
    const option = word.replace(/^--?/, '');
    if (option === 'n' || option === 'netns') setNamespace(args[++at] ?? '');
    else if (option === 'f' || option === 'family') setFamily(options, args[++at] ?? '');
    else if (option === 'V' || option === 'Version') isVersion = true;
    else if (!setOption(options, option)) throw unknownOption(word);
  }
  return { options, rest: args.slice(at), isVersion };
}

function unknownOption(word: string): CommandError {
  const known = [
    '-timestamp',
    '-t',
    '-ts',
    '-tshort',
    '-rc',
    '-rcvbuf',
    '-b',
    '-batch',
    '-iec',
    '-h',
  ];
  if (known.includes(word) || word.startsWith('-l')) return notEmulated('ip', `option ${word}`);
  return new CommandError(`Option "${word}" is unknown, try "ip -help".\n`, 255);
}

function setFamily(options: IpOptions, name: string): void {
  if (name === 'inet' || name === 'inet6' || name === 'link') options.family = name;
  else throw notEmulated('ip', `family ${name}`);
}

function setOption(options: IpOptions, option: string): boolean {
  const isShort = (whole: string, least: number): boolean =>
    option.length >= least && whole.startsWith(option);
  if (option === '4') options.family = 'inet';
  else if (option === '6') options.family = 'inet6';
  else if (option === '0') options.family = 'link';
  else if (/^s+$/.test(option) || isShort('statistics', 2) || isShort('stats', 2)) {
    options.statistics += /^s+$/.test(option) ? option.length : 1;
  } else if (isShort('details', 1)) options.isDetailed = true;
  else if (isShort('oneline', 1)) options.isOneLine = true;
  else if (isShort('brief', 2)) options.isBrief = true;
  else if (isShort('json', 1)) options.isJson = true;
  else if (isShort('pretty', 1)) options.isPretty = true;
  else if (isShort('Numeric', 1)) options.isNumeric = true;
  else if (isShort('all', 1)) options.isAllNamespaces = true;
  else if (option === 'force') options.isForced = true;
  else if (option === 'r' || isShort('resolve', 2)) return true;
  else if (/^c(olor)?(=\w+)?$/.test(option)) return true;
  else return false;
  return true;
}

/** Prints JSON in the form that was asked for. */
export function writeJson(command: IpCommand, value: Json): void {
  command.context.write(printJson(value, command.options.isPretty));
}

/** Lines of one entry: `\` instead of line ends with -o. */
export function writeEntry(command: IpCommand, lines: readonly string[]): void {
  command.context.write(`${lines.join(command.options.isOneLine ? '\\' : '\n')}\n`);
}

/** The namespace of this name. @throws CommandError as ip says it */
export function namespaceByName(machine: Machine, name: string): NetNamespace {
  const path = name.startsWith('/') ? name : `/run/netns/${name}`;
  const netns = namespaceAt(machine, path) ?? machine.namespaces.get(name) ?? null;
  if (netns === null) {
    throw new CommandError(
      `Cannot open network namespace "${name}": No such file or directory\n`,
      255,
    );
  }
  return netns;
}

/** The device of this name; `Cannot find device` otherwise. @param exitCode 1 for ip, 255 for bridge */
export function deviceByName(netns: NetNamespace, name: string, exitCode = 1): Device {
  const device = netns.deviceByName.get(name);
  if (device === undefined) throw new CommandError(`Cannot find device "${name}"\n`, exitCode);
  return device;
}

/** As deviceByName, with the words of the commands that only show. */
export function shownDeviceByName(netns: NetNamespace, name: string): Device {
  const device = netns.deviceByName.get(name);
  if (device === undefined) throw new CommandError(`Device "${name}" does not exist.\n`, 1);
  return device;
}

/** The namespace that `netns NAME` or `netns PID` names. */
export function takeNetns(command: IpCommand): NetNamespace {
  const name = takeValue(command.words);
  const { machine } = command.context;
  const named = machine.namespaces.get(name.replace(/^\/(var\/)?run\/netns\//, ''));
  if (named !== undefined) return named;
  if (name === '1') return machine.root;
  const owner = machine.daemons.find((daemon) => String(daemon.pid) === name);
  if (owner === undefined) throw wrongArgument(name, 'Invalid "netns" value\n');
  return owner.netns;
}
