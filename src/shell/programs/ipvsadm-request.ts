/**
 * What an `ipvsadm` command line asks for.
 * @source ipvsadm 1.31 ipvsadm.c parse_options(), generic_opt_check()
 */
import { formatIpv4, type Ipv4, parseIpv4 } from '../../base/ipv4-address.ts';
import type { IpvsForwarding, IpvsServiceKey } from '../../netfilter/ipvs/control.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../protocols/ipv4.ts';
import {
  COMMANDS,
  FLAGS,
  type IpvsadmCommand,
  type IpvsadmOption,
  METHODS,
  RULES,
  VALUES,
} from './ipvsadm-options.ts';
import { CommandError } from './words.ts';

export const PROTOCOL_SCTP = 132;

export interface IpvsadmRequest {
  command: IpvsadmCommand;
  readonly options: Set<IpvsadmOption>;
  key: IpvsServiceKey | null;
  scheduler: string | null;
  persistenceSec: number | undefined;
  netmask: number;
  server: { readonly address: Ipv4; readonly port: number } | null;
  forwarding: IpvsForwarding;
  weight: number;
  upperThreshold: number;
  lowerThreshold: number;
  /** Arguments of --set. */
  timeouts: readonly number[];
}

const DEFAULT_PERSISTENCE_SEC = 300;
const TIMEOUT_MAX_SEC = 31 * 24 * 60 * 60;

/** `word` and exit code 2, as ipvsadm's fail(). */
export function failure(text: string): CommandError {
  return new CommandError(`${text}\n`, 2);
}

const TRY_HELP = "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n";

function makeRequest(): IpvsadmRequest {
  return {
    command: 'list',
    options: new Set(),
    key: null,
    scheduler: null,
    persistenceSec: undefined,
    netmask: -1,
    server: null,
    forwarding: 'Route',
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    timeouts: [],
  };
}

/** `-Ln` is `-L -n`, `-w2` is `-w 2`, `--weight=2` is `--weight 2`. */
function splitWords(args: readonly string[]): string[] {
  const words: string[] = [];
  for (const arg of args) {
    if (arg.startsWith('--')) {
      const at = arg.indexOf('=');
      if (at < 0) words.push(arg);
      else words.push(arg.slice(0, at), arg.slice(at + 1));
      continue;
    }
    if (!/^-[A-Za-z]/.test(arg)) {
      words.push(arg);
      continue;
    }
    for (let i = 1; i < arg.length; i++) {
      const option = `-${arg[i]}`;
      words.push(option);
      const takesRest = VALUES[option] !== undefined || option === '-p';
      if (!takesRest || i + 1 === arg.length) continue;
      words.push(arg.slice(i + 1));
      break;
    }
  }
  return words;
}

/** Reads a command line. @throws CommandError */
export function parseIpvsadm(args: readonly string[]): IpvsadmRequest {
  const request = makeRequest();
  const words = splitWords(args);
  const command = COMMANDS[words[0] ?? ''];
  if (command === undefined) throw new CommandError(TRY_HELP, 255);
  request.command = command;
  const loose: string[] = [];
  let at = 1;
  if (command === 'start-daemon' || command === 'stop-daemon') at = 2;
  while (at < words.length) at = readWord(request, words, at, loose);
  if (command === 'set') {
    if (loose.length < 3) throw failure('--set option requires 3 timeout values');
    request.timeouts = loose.splice(0, 3).map((text) => parseTimeout(text, 0));
  }
  if (loose.length > 0) throw failure(`unexpected argument ${loose[0]}`);
  checkOptions(request);
  return request;
}

/** Reads the option at `at`; gives the place of the next one. */
function readWord(
  request: IpvsadmRequest,
  words: readonly string[],
  at: number,
  loose: string[],
): number {
  const word = words[at]!;
  if (!word.startsWith('-')) {
    loose.push(word);
    return at + 1;
  }
  if (COMMANDS[word] !== undefined) throw failure('multiple commands specified');
  if (word === '--sort') return at + 1;
  const flag = FLAGS[word];
  if (flag !== undefined) {
    setOption(request, flag);
    request.forwarding = METHODS[word] ?? request.forwarding;
    return at + 1;
  }
  if (word === '-p' || word === '--persistent') return readPersistence(request, words, at);
  const known = VALUES[word];
  if (known === undefined) throw new CommandError(`${word}: unknown option\n`, 255);
  const value = words[at + 1];
  if (value === undefined) throw new CommandError(`${word}: missing argument\n`, 255);
  const [option, letter] = known;
  setOption(request, option);
  readValue(request, letter, value);
  return at + 2;
}

function setOption(request: IpvsadmRequest, option: IpvsadmOption): void {
  if (request.options.has(option)) throw failure(`multiple '${option}' options specified`);
  request.options.add(option);
}

/** The value of -p may be left out. */
function readPersistence(request: IpvsadmRequest, words: readonly string[], at: number): number {
  setOption(request, 'persistent');
  const value = words[at + 1];
  if (value === undefined || value.startsWith('-')) {
    request.persistenceSec = DEFAULT_PERSISTENCE_SEC;
    return at + 1;
  }
  request.persistenceSec = parseTimeout(value, 1);
  return at + 2;
}

function readValue(request: IpvsadmRequest, letter: string, value: string): void {
  switch (letter) {
    case 't':
      request.key = parseService(value, PROTOCOL_TCP);
      break;
    case 'u':
      request.key = parseService(value, PROTOCOL_UDP);
      break;
    case 'z':
      request.key = parseService(value, PROTOCOL_SCTP);
      break;
    case 'f':
      request.key = { fwmark: parseFwmark(value) };
      break;
    case 's':
      request.scheduler = value;
      break;
    case 'M': {
      const mask = parseIpv4(value);
      if (mask === null) throw failure('illegal virtual server persistent mask specified');
      request.netmask = mask;
      break;
    }
    case 'r':
      request.server = parseServer(value, request.key);
      break;
    case 'w':
      request.weight = parseNumber(value, 65535) ?? illegal('weight');
      break;
    case 'x':
      request.upperThreshold = parseNumber(value, 0x7fffffff) ?? illegal('u_threshold');
      break;
    case 'y':
      request.lowerThreshold = parseNumber(value, 0x7fffffff) ?? illegal('l_threshold');
      break;
    default:
      break;
  }
}

function illegal(what: string): never {
  throw failure(`illegal ${what} specified`);
}

function parseNumber(text: string, most: number): number | null {
  if (!/^\+?\d{1,10}$/.test(text)) return null;
  const number = Number(text);
  return number <= most ? number : null;
}

function parseTimeout(text: string, least: number): number {
  const seconds = parseNumber(text, TIMEOUT_MAX_SEC);
  if (seconds === null || seconds < least) {
    throw failure(`invalid timeout value \`${text}' specified`);
  }
  return seconds;
}

function parseFwmark(text: string): number {
  const mark = parseNumber(text, 0xffffffff);
  if (mark === null || mark === 0) throw failure(`invalid fwmark value \`${text}' specified`);
  return mark;
}

/** address[:port]; null: it is neither. */
function parseAddressPort(text: string): { address: Ipv4; port: number | null } | null {
  const at = text.lastIndexOf(':');
  const address = parseIpv4(at < 0 ? text : text.slice(0, at));
  if (address === null) return null;
  if (at < 0) return { address, port: null };
  const port = parseNumber(text.slice(at + 1), 65535);
  return port === null ? null : { address, port };
}

function parseService(text: string, protocol: number): IpvsServiceKey {
  const parsed = parseAddressPort(text);
  if (parsed === null) throw failure('illegal virtual server address[:port] specified');
  return { protocol, address: parsed.address, port: parsed.port ?? 0 };
}

function parseServer(text: string, key: IpvsServiceKey | null): { address: Ipv4; port: number } {
  const parsed = parseAddressPort(text);
  if (parsed === null) throw failure('illegal real server address[:port] specified');
  const servicePort = key !== null && 'port' in key ? key.port : 0;
  return { address: parsed.address, port: parsed.port ?? servicePort };
}

function checkOptions(request: IpvsadmRequest): void {
  const { command, options } = request;
  const rule = RULES[command];
  if (rule === undefined) return;
  const [name, needed, allowed] = rule;
  for (const option of needed) {
    if (options.has(option)) continue;
    throw failure(`You need to supply the '${option}' option for the '${name}' command`);
  }
  for (const option of options) {
    if (needed.includes(option) || allowed.includes(option)) continue;
    throw failure(`Illegal '${option}' option with the '${name}' command`);
  }
  if (command === 'add-service' || command === 'edit-service') checkService(request);
  if (command === 'list') checkList(options);
}

function checkService({ key, options }: IpvsadmRequest): void {
  if (key === null || 'fwmark' in key) return;
  if (key.port === 0 && !options.has('persistent')) {
    throw failure('Zero port specified for non-persistent service');
  }
  if (options.has('ops') && key.protocol !== PROTOCOL_UDP) {
    throw failure('One-Packet Scheduling is only for UDP virtual services');
  }
}

function checkList(options: ReadonlySet<IpvsadmOption>): void {
  const has = (...names: readonly IpvsadmOption[]) => names.some((name) => options.has(name));
  if (
    (has('connection', 'timeout', 'daemon') && has('stats', 'rate', 'thresholds')) ||
    (has('timeout', 'daemon') && has('persistent-conn'))
  ) {
    throw failure('options conflicts in the list command');
  }
}

/** `10.0.0.1:80` */
export function addressPortText(address: Ipv4, port: number): string {
  return `${formatIpv4(address)}:${port}`;
}
