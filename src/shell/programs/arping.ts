/** `arping`, of iputils 20221126. @source iputils arping.c main() */
import { type ArpingOptions, arping as runArping } from '../../apps/arping.ts';
import { RESOLVE_ERRORS, resolveHost } from '../../apps/resolver.ts';
import { ERRNO } from '../../base/errors.ts';
import { type Ipv4, parseIpv4 } from '../../base/ipv4-address.ts';
import type { Device } from '../../engine/device.ts';
import type { Process, Program } from '../../engine/process.ts';
import { makeRoute, routeOutput } from '../../stack/route.ts';
import { getopt } from '../getopt.ts';
import { nameSourcesOf } from '../name-sources.ts';
import type { ProgramContext, ProgramDefinition } from '../program.ts';

interface Draft {
  deviceName: string | null;
  source: Ipv4 | null;
  count: number | null;
  deadlineSec: number;
  intervalSec: number;
  readonly flags: Set<string>;
}

export const arping: ProgramDefinition = {
  name: 'arping',
  async run(context) {
    const read = getopt(context.args, { short: 'h?bfDUAqc:w:i:s:I:V' });
    const draft: Draft = {
      deviceName: null,
      source: null,
      count: null,
      deadlineSec: 0,
      intervalSec: 1,
      flags: new Set(),
    };
    for (const { name, value } of read.options) {
      if (name === 'V') {
        context.write('arping from iputils 20221126\n');
        return 0;
      }
      const problem = apply(draft, name, value);
      if (problem === null) continue;
      context.writeError(`arping: ${problem}\n`);
      return 1;
    }
    const host = read.operands[0];
    if (read.error !== null || host === undefined || read.operands.length > 1) {
      const line = read.error === null ? '' : `arping: ${read.error}\n`;
      context.writeError(`${line}\nUsage:\n  arping [options] <destination>\n`);
      return 2;
    }
    return context.run('arping', (process) => resolveAndAsk(process, context, draft, host));
  },
};

function apply(draft: Draft, name: string, value: string): string | null {
  const number = /^\d+$/.test(value) ? Number(value) : null;
  switch (name) {
    case 'I':
      draft.deviceName = value;
      return null;
    case 's': {
      const address = parseIpv4(value);
      if (address === null) return `invalid source address: ${value}`;
      draft.source = address;
      return null;
    }
    case 'c':
    case 'w':
    case 'i':
      if (number === null) return `invalid argument: '${value}'`;
      if (name === 'c') draft.count = number;
      else if (name === 'w') draft.deadlineSec = number;
      else draft.intervalSec = Math.max(1, number);
      return null;
    default:
      draft.flags.add(name);
      return null;
  }
}

function* resolveAndAsk(
  process: Process,
  context: ProgramContext,
  draft: Draft,
  host: string,
): Program {
  const { netns } = context;
  const found = yield* resolveHost(process, netns, nameSourcesOf(context), host);
  if (typeof found === 'string') {
    context.writeError(`arping: ${host}: ${RESOLVE_ERRORS[found]}\n`);
    return 2;
  }
  const target = found.addresses[0]!;
  const { flags, deviceName } = draft;
  const route = makeRoute();
  const wanted = deviceName === null ? null : (netns.deviceByName.get(deviceName) ?? null);
  if (deviceName !== null && wanted === null) {
    context.writeError(`arping: Device ${deviceName} not available.\n`);
    return 2;
  }
  const isAnnouncing = flags.has('U') || flags.has('A');
  const errno = routeOutput(netns, target, 0, isAnnouncing ? null : wanted, 0, 0, route);
  const device = wanted ?? (errno === null ? route.outDevice : null);
  if (device === null) {
    context.writeError('arping: no device to use: give one with -I\n');
    return 2;
  }
  const refusal = refusalOf(device);
  if (refusal !== null) {
    context.writeError(`${refusal}\n`);
    return 2;
  }
  const source = sourceOf(draft, target, errno === null ? route.source : null);
  if (source === null) {
    context.writeError(`arping: connect: ${ERRNO[errno ?? 'ENETUNREACH']}\n`);
    return 2;
  }
  const options: ArpingOptions = {
    device,
    target,
    source,
    count: draft.count,
    deadlineSec: draft.deadlineSec,
    intervalSec: draft.intervalSec,
    quitsOnReply: flags.has('f') || flags.has('D'),
    keepsBroadcasting: flags.has('b') || isAnnouncing,
    isDuplicateDetection: flags.has('D'),
    isUnsolicited: isAnnouncing,
    isAdvertising: flags.has('A'),
    isQuiet: flags.has('q'),
  };
  return yield* runArping(process, options, context);
}

function refusalOf(device: Device): string | null {
  if (!device.isUp) return `Interface "${device.name}" is down`;
  if (device.isLoopback || !device.hasArp) return `Interface "${device.name}" is not ARPable`;
  return null;
}

function sourceOf(draft: Draft, target: Ipv4, routed: Ipv4 | null): Ipv4 | null {
  if (draft.source !== null) return draft.source;
  if (draft.flags.has('D')) return 0;
  if (draft.flags.has('U') || draft.flags.has('A')) return target;
  return routed;
}
