/**
 * `busybox ping`, the ping of Alpine images: replies count from seq=0.
 * @source busybox 1.35 networking/ping.c
 */

import { type BusyboxPingOptions, busyboxPing as runPing } from '../../apps/busybox-ping.ts';
import { resolveHost } from '../../apps/resolver.ts';
import { parseIpv4 } from '../../base/ipv4-address.ts';
import { NS_PER_SEC } from '../../base/units.ts';
import { getopt } from '../getopt.ts';
import { nameSourcesOf } from '../name-sources.ts';
import { type ProgramDefinition, refuse } from '../program.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export const busyboxPing: ProgramDefinition = {
  name: 'ping',
  async run(context) {
    const read = getopt(context.args, { short: '46c:i:s:t:w:W:I:qAp:' });
    const host = read.operands[0];
    if (read.error !== null || host === undefined) {
      const line = read.error === null ? '' : `ping: ${read.error}\n`;
      context.writeError(`${line}Usage: ping [OPTIONS] HOST\n`);
      return 1;
    }
    const draft: Mutable<Omit<BusyboxPingOptions, 'target'>> = {
      host,
      count: null,
      intervalNs: NS_PER_SEC,
      dataBytes: 56,
      ttlHops: 0,
      deadlineNs: 0,
      lingerNs: 10 * NS_PER_SEC,
      source: 0,
      device: null,
      isQuiet: false,
    };
    for (const { name, value } of read.options) {
      if ('6Ap'.includes(name)) return refuse(context, 'ping', `option -${name}`);
      if (name === 'q') draft.isQuiet = true;
      else if (name === 'c') draft.count = Number(value);
      else if (name === 'i') draft.intervalNs = Math.round(Number(value) * NS_PER_SEC);
      else if (name === 's') draft.dataBytes = Number(value);
      else if (name === 't') draft.ttlHops = Number(value);
      else if (name === 'w') draft.deadlineNs = Number(value) * NS_PER_SEC;
      else if (name === 'W') draft.lingerNs = Number(value) * NS_PER_SEC;
      else if (name === 'I') {
        draft.device = context.netns.deviceByName.get(value) ?? null;
        const address = parseIpv4(value);
        if (draft.device === null && address === null) {
          context.writeError(`ping: can't bind to interface ${value}: No such device\n`);
          return 1;
        }
        draft.source = address ?? 0;
      }
    }
    return context.run('ping', function* (process) {
      const found = yield* resolveHost(process, context.netns, nameSourcesOf(context), host);
      if (typeof found === 'string') {
        context.writeError(`ping: bad address '${host}'\n`);
        return 1;
      }
      const options = { ...draft, target: found.addresses[0]! };
      return yield* runPing(process, context.netns, options, context);
    });
  },
};
