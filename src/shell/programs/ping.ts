/**
 * `ping`: the command line of iputils 20221126 in front of apps/ping.ts.
 * @source iputils 20221126 ping/ping.c main()
 */
import { PING_LINGER_MS, ping as runPing } from '../../apps/ping.ts';
import type { PingOptions } from '../../apps/ping-state.ts';
import { nameOfAddress, parseLooseIpv4, RESOLVE_ERRORS, resolveHost } from '../../apps/resolver.ts';
import { parseIpv4 } from '../../base/ipv4-address.ts';
import type { Process, Program } from '../../engine/process.ts';
import { getopt } from '../getopt.ts';
import { nameSourcesOf } from '../name-sources.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';

const INT_MAX = 0x7fffffff;
const LONG_MAX_TEXT = '9223372036854775807';
const NOT_EMULATED = 'RT6FNrC';
const USAGE = '\nUsage\n  ping [options] <destination>\n\nFor more details see ping(8).\n';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Draft = Mutable<Omit<PingOptions, 'target' | 'host' | 'nameOf'>> & {
  isNumeric: boolean;
  hasInterval: boolean;
};

/** A mistake that ends ping: its message and exit code. */
interface Failure {
  readonly message: string;
  readonly exitCode: number;
}

export const ping: ProgramDefinition = {
  name: 'ping',
  async run(context) {
    const { args } = context;
    const read = getopt(args, { short: 'h?4bRT:6F:N:aABc:CdDe:fi:I:l:Lm:M:nOp:qQ:rs:S:t:UvVw:W:' });
    const draft = defaultsOf(context);
    for (const { name, value } of read.options) {
      if (NOT_EMULATED.includes(name)) return refuse(context, 'ping', `option -${name}`);
      if (name === 'V') {
        context.write('ping from iputils 20221126\n');
        return 0;
      }
      const failure = applyOption(context, draft, name, value);
      if (failure === null) continue;
      context.writeError(failure.message);
      return failure.exitCode;
    }
    if (read.error !== null) {
      context.writeError(`ping: ${read.error}\n${USAGE}`);
      return 2;
    }
    if (read.operands.length === 0) {
      context.writeError('ping: usage error: Destination address required\n');
      return 1;
    }
    if (read.operands.length > 1) return refuse(context, 'ping', 'a source route');
    const host = read.operands[0]!;
    if (draft.isFlood && !draft.hasInterval) draft.intervalMs = 0;
    return context.run('ping', (process) => resolveAndPing(process, context, draft, host));
  },
};

function* resolveAndPing(
  process: Process,
  context: ProgramContext,
  draft: Draft,
  host: string,
): Program {
  const { netns } = context;
  const sources = nameSourcesOf(context);
  const found = yield* resolveHost(process, netns, sources, host);
  if (typeof found === 'string') {
    context.writeError(`ping: ${host}: ${RESOLVE_ERRORS[found]}\n`);
    return 2;
  }
  const isLiteral = parseLooseIpv4(host) !== null;
  let target = found.addresses[0]!;
  if (target === 0) target = parseIpv4('127.0.0.1')!;
  const nameOf: PingOptions['nameOf'] =
    isLiteral || draft.isNumeric
      ? null
      : (pinging, address) => nameOfAddress(pinging, netns, sources, address);
  if (draft.pattern !== null && !draft.isQuiet) {
    const shown = Array.from(draft.pattern, (byte) => byte.toString(16).padStart(2, '0')).join('');
    context.write(`PATTERN: 0x${shown}\n`);
  }
  if (draft.isVerbose) {
    context.writeError(
      'ping: sock4.fd: 3 (socktype: SOCK_RAW), sock6.fd: 4 (socktype: SOCK_RAW), hints.ai_family: AF_UNSPEC\n\n',
    );
    context.write(`ai->ai_family: AF_INET, ai->ai_canonname: '${found.canonicalName}'\n`);
  }
  const name = isLiteral ? host : found.canonicalName;
  return yield* runPing(process, netns, { ...draft, target, host: name, nameOf }, context);
}

function defaultsOf(context: ProgramContext): Draft {
  return {
    count: null,
    intervalMs: 1000,
    dataBytes: 56,
    ttlHops: null,
    tos: 0,
    mark: 0,
    lingerMs: PING_LINGER_MS,
    deadlineSec: 0,
    preload: 1,
    id: null,
    pathMtuDiscovery: null,
    device: null,
    source: null,
    pattern: null,
    isQuiet: false,
    isFlood: false,
    isAdaptive: false,
    isVerbose: false,
    isBroadcast: false,
    isNumeric: false,
    showsTimestamps: false,
    showsOutstanding: false,
    epochSec: context.world.epochS,
    hasInterval: false,
  };
}

function applyOption(
  context: ProgramContext,
  draft: Draft,
  name: string,
  value: string,
): Failure | null {
  switch (name) {
    case 'c':
      return setInteger(value, 1, LONG_MAX_TEXT, (count) => {
        draft.count = count;
      });
    case 'e':
      return setInteger(value, 0, '65535', (id) => {
        draft.id = id;
      });
    case 'l':
      return setInteger(value, 1, '65536', (preload) => {
        draft.preload = preload;
      });
    case 'm':
      return setInteger(value, 0, '4294967295', (mark) => {
        draft.mark = mark | 0;
      });
    case 's':
      return setInteger(value, 0, String(INT_MAX), (size) => {
        draft.dataBytes = size;
      });
    case 'S':
      return setInteger(value, 1, String(INT_MAX), () => {});
    case 't':
      return setInteger(value, 0, '255', (ttl) => {
        draft.ttlHops = ttl;
      });
    case 'w':
      return setInteger(value, 0, String(INT_MAX), (seconds) => {
        draft.deadlineSec = seconds;
      });
    case 'i':
      return setSeconds(context, value, 'bad timing interval', (ms) => {
        draft.intervalMs = ms;
        draft.hasInterval = true;
      });
    case 'W':
      return setSeconds(context, value, 'bad linger time', (ms) => {
        draft.lingerMs = ms;
      });
    default:
      return applyWord(context, draft, name, value);
  }
}

function applyWord(
  context: ProgramContext,
  draft: Draft,
  name: string,
  value: string,
): Failure | null {
  switch (name) {
    case 'I': {
      const address = parseIpv4(value);
      if (address !== null) {
        draft.source = address;
        return null;
      }
      const device = context.netns.deviceByName.get(value) ?? null;
      if (device === null) return failure(`SO_BINDTODEVICE ${value}: No such device`);
      draft.device = device;
      return null;
    }
    case 'M':
      if (value !== 'do' && value !== 'want' && value !== 'dont') {
        return failure(`invalid -M argument: ${value}`);
      }
      draft.pathMtuDiscovery = value;
      return null;
    case 'Q':
      return setTos(draft, value);
    case 'p':
      return setPattern(draft, value);
    default:
      return applyFlag(draft, name);
  }
}

function applyFlag(draft: Draft, name: string): Failure | null {
  switch (name) {
    case 'A':
      draft.isAdaptive = true;
      break;
    case 'b':
      draft.isBroadcast = true;
      break;
    case 'D':
      draft.showsTimestamps = true;
      break;
    case 'f':
      draft.isFlood = true;
      draft.isNumeric = true;
      break;
    case 'n':
      draft.isNumeric = true;
      break;
    case 'O':
      draft.showsOutstanding = true;
      break;
    case 'q':
      draft.isQuiet = true;
      break;
    case 'v':
      draft.isVerbose = true;
      break;
    case 'h':
    case '?':
      return { message: USAGE, exitCode: 2 };
    default: // -4 -a -B -d -L -U: nothing to do here
  }
  return null;
}

function setTos(draft: Draft, value: string): Failure | null {
  const isNumber = /^(0[xX][0-9a-fA-F]+|\d+)$/.test(value);
  if (!isNumber) return failure(`bad TOS value: ${value}`);
  const tos = Number(value);
  if (tos > 255) {
    return failure(`the decimal value of TOS bits must be in range 0-255: ${tos}`);
  }
  draft.tos = tos;
  return null;
}

function setPattern(draft: Draft, value: string): Failure | null {
  const wrong = /[^0-9a-fA-F].*/.exec(value);
  if (wrong !== null) return failure(`patterns must be specified as hex digits: ${wrong[0]}`);
  const octets = (value.match(/../g) ?? [value]).slice(0, 16);
  draft.pattern = Uint8Array.from(octets, (octet) => Number.parseInt(octet, 16));
  return null;
}

function setInteger(
  value: string,
  min: number,
  maxText: string,
  set: (value: number) => void,
): Failure | null {
  if (!/^[-+]?\d+$/.test(value)) {
    return { message: `ping: invalid argument: '${value}'\n`, exitCode: 1 };
  }
  const number = Number(value);
  if (number < min || number > Number(maxText)) {
    const range = `out of range: ${min} <= value <= ${maxText}`;
    return { message: `ping: invalid argument: '${value}': ${range}\n`, exitCode: 1 };
  }
  set(number);
  return null;
}

function setSeconds(
  context: ProgramContext,
  value: string,
  what: string,
  set: (milliseconds: number) => void,
): Failure | null {
  const match = /^[-+]?(\d+\.?\d*|\.\d+)/.exec(value);
  const rest = match === null ? value : value.slice(match[0].length);
  if (value === '') return failure(`${what}: `);
  if (rest !== '') {
    context.writeError(`ping: option argument contains garbage: ${rest}\n`);
    context.writeError('ping: this will become fatal error in the future\n');
  }
  const seconds = match === null ? 0 : Number(match[0]);
  if (seconds < 0 || seconds > INT_MAX / 1000) return failure(`${what}: ${value}`);
  set(Math.trunc(seconds * 1000));
  return null;
}

function failure(text: string): Failure {
  return { message: `ping: ${text}\n`, exitCode: 2 };
}
