/**
 * `traceroute`: the command line of Debian's traceroute 2.1.2.
 * @source traceroute 2.1.2 traceroute.c main()
 */
import { nameOfAddress, RESOLVE_ERRORS, resolveHost } from '../../apps/resolver.ts';
import { traceroute as runTraceroute, type TracerouteOptions } from '../../apps/traceroute.ts';
import { parseIpv4 } from '../../base/ipv4-address.ts';
import type { Process, Program } from '../../engine/process.ts';
import { getopt } from '../getopt.ts';
import { nameSourcesOf } from '../name-sources.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';

const SPEC = {
  short: '46dFf:g:ITi:m:N:np:t:l:w:q:rs:z:eAM:O:UDP:V',
  long: {
    'dont-fragment': 'F',
    first: 'f:',
    icmp: 'I',
    tcp: 'T',
    interface: 'i:',
    'max-hops': 'm:',
    'sim-queries': 'N:',
    port: 'p:',
    tos: 't:',
    wait: 'w:',
    queries: 'q:',
    source: 's:',
    sendwait: 'z:',
    fwmark: 'fwmark:',
    udp: 'U',
    version: 'V',
    help: 'help',
    gateway: 'g:',
    module: 'M:',
    mtu: 'mtu',
    back: 'back',
    sport: 'sport:',
    extensions: 'e',
    'as-path-lookups': 'A',
  },
} as const;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Draft = Mutable<Omit<TracerouteOptions, 'target' | 'host' | 'nameOf'>> & {
  isNumeric: boolean;
};

export const traceroute: ProgramDefinition = {
  name: 'traceroute',
  async run(context) {
    const read = getopt(context.args, SPEC);
    const draft = defaults();
    for (const { name, value } of read.options) {
      if (name === 'V') {
        context.writeError('Modern traceroute for Linux, version 2.1.2\n');
        return 0;
      }
      const problem = apply(context, draft, name, value);
      if (problem === 'unknown') return refuse(context, 'traceroute', `option -${name}`);
      if (problem === null) continue;
      context.writeError(`${problem}\n`);
      return 2;
    }
    if (read.error !== null) {
      const option = /'(.*)'$/.exec(read.error)?.[1] ?? '';
      context.writeError(`Bad option \`${option.startsWith('-') ? '' : '-'}${option}' (argc 1)\n`);
      return 2;
    }
    const [host, length, extra] = read.operands;
    if (host === undefined || extra !== undefined) {
      context.writeError('Usage:\n  traceroute [ options ] host [ packetlen ]\n');
      return host === undefined ? 0 : 2;
    }
    const problem = checkRanges(draft) ?? applyLength(draft, length);
    if (problem !== null) {
      context.writeError(`${problem}\n`);
      return 2;
    }
    return context.run('traceroute', (process) => resolveAndTrace(process, context, draft, host));
  },
};

function* resolveAndTrace(
  process: Process,
  context: ProgramContext,
  draft: Draft,
  host: string,
): Program {
  const sources = nameSourcesOf(context);
  const { netns } = context;
  const found = yield* resolveHost(process, netns, sources, host);
  if (typeof found === 'string') {
    context.writeError(`${host}: ${RESOLVE_ERRORS[found]}\n`);
    context.writeError(`Cannot handle "host" cmdline arg \`${host}' on position 1 (argc 1)\n`);
    return 2;
  }
  const nameOf: TracerouteOptions['nameOf'] = draft.isNumeric
    ? null
    : (tracing, address) => nameOfAddress(tracing, netns, sources, address);
  const options = { ...draft, target: found.addresses[0]!, host, nameOf };
  return yield* runTraceroute(process, netns, options, context);
}

function defaults(): Draft {
  return {
    method: 'udp',
    firstHop: 1,
    maxHops: 30,
    probesPerHop: 3,
    simultaneousProbes: 16,
    waitSec: 5,
    hereFactor: 3,
    nearFactor: 10,
    sendWaitSec: 0,
    port: 0,
    packetBytes: 60,
    setsDontFragment: false,
    tos: 0,
    mark: 0,
    source: 0,
    device: null,
    isNumeric: false,
  };
}

/** @returns null, `unknown`, or the text of a mistake. */
function apply(context: ProgramContext, draft: Draft, name: string, value: string): string | null {
  const number = Number(value);
  switch (name) {
    case '4':
    case 'd':
      return null;
    case 'n':
      draft.isNumeric = true;
      return null;
    case 'F':
      draft.setsDontFragment = true;
      return null;
    case 'I':
      draft.method = 'icmp';
      return null;
    case 'T':
      draft.method = 'tcp';
      return null;
    case 'U':
      draft.method = 'udp-constant';
      return null;
    case 'w':
      return applyWait(draft, value);
    case 's': {
      const address = parseIpv4(value);
      if (address === null) return `Cannot handle \`-s' option with arg \`${value}' (argc 1)`;
      draft.source = address;
      return null;
    }
    case 'i': {
      const device = context.netns.deviceByName.get(value);
      if (device === undefined) return 'setsockopt SO_BINDTODEVICE: No such device';
      draft.device = device;
      return null;
    }
    default:
      if (value === '' || Number.isNaN(number)) {
        return 'mfNqptzfwmark'.includes(name) && value !== ''
          ? `Cannot handle \`-${name}' option with arg \`${value}' (argc 1)`
          : 'unknown';
      }
      return applyNumber(draft, name, number);
  }
}

function applyNumber(draft: Draft, name: string, number: number): string | null {
  switch (name) {
    case 'f':
      draft.firstHop = number;
      return null;
    case 'm':
      draft.maxHops = number;
      return null;
    case 'N':
      draft.simultaneousProbes = number;
      return null;
    case 'q':
      draft.probesPerHop = number;
      return null;
    case 'p':
      draft.port = number;
      return null;
    case 't':
      draft.tos = number;
      return null;
    case 'fwmark':
      draft.mark = number | 0;
      return null;
    case 'z':
      draft.sendWaitSec = number > 10 ? number / 1000 : number;
      return null;
    default:
      return 'unknown';
  }
}

function applyWait(draft: Draft, value: string): string | null {
  const parts = value.split(/[,/]/).map((part) => (part === '' ? null : Number(part)));
  if (parts.some((part) => part !== null && (Number.isNaN(part) || part < 0))) {
    return `bad wait specifications \`${value}' used`;
  }
  draft.waitSec = parts[0] ?? draft.waitSec;
  // What is not given is off: no guessing from other answers.
  draft.hereFactor = parts[1] ?? 0;
  draft.nearFactor = parts[2] ?? 0;
  return null;
}

function checkRanges(draft: Draft): string | null {
  if (draft.maxHops > 255) return 'max hops cannot be more than 255';
  if (draft.firstHop < 1 || draft.firstHop > draft.maxHops) return 'first hop out of range';
  if (draft.probesPerHop > 10 || draft.probesPerHop < 1) return 'no more than 10 probes per hop';
  return null;
}

function applyLength(draft: Draft, length: string | undefined): string | null {
  const header = 28;
  if (length === undefined) {
    if (draft.method === 'tcp') draft.packetBytes = 60;
    return null;
  }
  const bytes = Number(length);
  if (!/^\d+$/.test(length)) {
    return `Cannot handle "packetlen" cmdline arg \`${length}' on position 2 (argc 2)`;
  }
  if (bytes > 65000) return `too big packetlen ${bytes} specified`;
  draft.packetBytes = Math.max(header, bytes);
  return null;
}
