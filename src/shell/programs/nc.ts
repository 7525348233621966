/** `nc` (also `netcat`), as Debian's netcat-openbsd 1.219. @source netcat.c main() */
import { type NetcatOptions, netcatConnect, netcatListen } from '../../apps/netcat.ts';
import { RESOLVE_ERRORS, resolveHost } from '../../apps/resolver.ts';
import { parseIpv4 } from '../../base/ipv4-address.ts';
import { NS_PER_SEC } from '../../base/units.ts';
import { servicePort } from '../../protocols/line-context.ts';
import { getopt } from '../getopt.ts';
import { nameSourcesOf } from '../name-sources.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Draft extends Mutable<Omit<NetcatOptions, 'writeBytes'>> {
  listens: boolean;
}

const EMULATED = 'lkuvzwnpsN46qTMdt';

export const nc: ProgramDefinition = { name: 'nc', run: runNetcat };
export const netcat: ProgramDefinition = { name: 'netcat', run: runNetcat };

async function runNetcat(context: ProgramContext): Promise<number> {
  const read = getopt(context.args, {
    short: '46bCDdFhI:i:klM:m:NnO:P:p:q:rSs:T:tUuV:vW:w:X:x:Zz',
  });
  if (read.error !== null) {
    context.writeError(`nc: ${read.error}\nusage: nc [options] [destination] [port]\n`);
    return 1;
  }
  const draft = defaults(context);
  for (const { name, value } of read.options) {
    if (!EMULATED.includes(name)) return refuse(context, 'nc', `option -${name}`);
    const problem = apply(draft, name, value);
    if (problem === null) continue;
    context.writeError(`nc: ${problem}\n`);
    return 1;
  }
  const words = [...read.operands];
  if (draft.listens) {
    const port = words.pop() ?? (draft.sourcePort > 0 ? String(draft.sourcePort) : undefined);
    const host = words[0] ?? '0.0.0.0';
    if (port === undefined) return usage(context);
    return start(context, draft, host, port);
  }
  const [host, port] = words;
  if (host === undefined) return usage(context);
  if (port === undefined) {
    context.writeError('nc: missing port number\n');
    return 1;
  }
  return start(context, draft, host, port);
}

function usage(context: ProgramContext): number {
  context.writeError('usage: nc [options] [destination] [port]\n');
  return 1;
}

function start(
  context: ProgramContext,
  draft: Draft,
  host: string,
  portText: string,
): Promise<number> | number {
  const ports = portsOf(portText);
  if (typeof ports === 'string') {
    context.writeError(`nc: ${ports}\n`);
    return 1;
  }
  return context.run('nc', function* (process) {
    const found = yield* resolveHost(process, context.netns, nameSourcesOf(context), host);
    if (typeof found === 'string') {
      const error = `getaddrinfo for host "${host}" port ${portText}: ${RESOLVE_ERRORS[found]}`;
      context.writeError(`nc: ${error}\n`);
      return 1;
    }
    const writeBytes = (bytes: Uint8Array): void => context.writeBytes(bytes);
    const options = { ...draft, host, address: found.addresses[0]!, ports, writeBytes };
    return draft.listens
      ? yield* netcatListen(process, context.netns, options, context)
      : yield* netcatConnect(process, context.netns, options, context);
  });
}

function defaults(context: ProgramContext): Draft {
  return {
    host: '',
    address: 0,
    ports: [],
    isUdp: false,
    isVerbose: false,
    isNumeric: false,
    isScan: false,
    keepsListening: false,
    shutsDownAtEnd: false,
    waitNs: Number.POSITIVE_INFINITY,
    sourceAddress: 0,
    sourcePort: 0,
    ttlHops: 0,
    tos: 0,
    input: context.stdin,
    listens: false,
  };
}

function apply(draft: Draft, name: string, value: string): string | null {
  const number = /^\d+$/.test(value) ? Number(value) : null;
  switch (name) {
    case 'l':
      draft.listens = true;
      return null;
    case 'k':
      draft.keepsListening = true;
      return null;
    case 'u':
      draft.isUdp = true;
      return null;
    case 'v':
      draft.isVerbose = true;
      return null;
    case 'n':
      draft.isNumeric = true;
      return null;
    case 'z':
      draft.isScan = true;
      return null;
    case 'N':
    case 'q':
      draft.shutsDownAtEnd = true;
      return null;
    case 'd':
      draft.input = '';
      return null;
    case 'w':
      if (number === null) return `timeout invalid: ${value}`;
      draft.waitNs = number * NS_PER_SEC;
      return null;
    case 'p':
      draft.sourcePort = number ?? servicePort(value) ?? 0;
      return draft.sourcePort > 0 ? null : `port number invalid: ${value}`;
    case 's': {
      const address = parseIpv4(value);
      if (address === null) return `${value}: ${RESOLVE_ERRORS.noname}`;
      draft.sourceAddress = address;
      return null;
    }
    case 'M':
      if (number === null) return `ttl is invalid: ${value}`;
      draft.ttlHops = number;
      return null;
    case 'T':
      draft.tos = Number(value) || 0;
      return null;
    default:
      return null;
  }
}

/** `80`, `http`, `8000-8010`; a text says what is wrong. */
function portsOf(text: string): number[] | string {
  const ports: number[] = [];
  const [low = '', high] = text.split(/-(?=\d)/);
  const first = /^\d+$/.test(low) ? Number(low) : (servicePort(low) ?? -1);
  const last = high === undefined ? first : Number(high);
  if (first < 1 || last > 65535 || Number.isNaN(last)) {
    if (/^\d+$/.test(low)) return `port number ${first < 1 ? 'too small' : 'too large'}: ${text}`;
    return `port number invalid: ${text}`;
  }
  for (let port = Math.min(first, last); port <= Math.max(first, last); port++) ports.push(port);
  return ports;
}
