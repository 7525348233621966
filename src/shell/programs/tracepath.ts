/** `tracepath`, of iputils 20221126. @source iputils tracepath.c main() */
import { nameOfAddress, RESOLVE_ERRORS, resolveHost } from '../../apps/resolver.ts';
import { tracepath as runTracepath, TRACEPATH_PORT } from '../../apps/tracepath.ts';
import { getopt } from '../getopt.ts';
import { nameSourcesOf } from '../name-sources.ts';
import { type ProgramDefinition, refuse } from '../program.ts';

const MTU_START_BYTES = 65535;

export const tracepath: ProgramDefinition = {
  name: 'tracepath',
  async run(context) {
    const read = getopt(context.args, { short: '46nbh?l:m:p:V' });
    const host = read.operands[0];
    if (read.error !== null || host === undefined) {
      const line = read.error === null ? '' : `tracepath: ${read.error}\n`;
      context.writeError(`${line}\nUsage\n  tracepath [options] <destination>\n`);
      return 255;
    }
    let maxHops = 30;
    let mtuBytes = MTU_START_BYTES;
    let port = TRACEPATH_PORT;
    const flags = new Set<string>();
    for (const { name, value } of read.options) {
      if (name === '6') return refuse(context, 'tracepath', 'option -6');
      if (name === 'V') {
        context.write('tracepath from iputils 20221126\n');
        return 0;
      }
      if ('lmp'.includes(name) && !/^\d+$/.test(value)) {
        context.writeError(`tracepath: invalid argument: '${value}'\n`);
        return 1;
      }
      if (name === 'l') mtuBytes = Number(value);
      else if (name === 'm') maxHops = Number(value);
      else if (name === 'p') port = Number(value);
      else flags.add(name);
    }
    const sources = nameSourcesOf(context);
    const { netns } = context;
    return context.run('tracepath', function* (process) {
      const found = yield* resolveHost(process, netns, sources, host);
      if (typeof found === 'string') {
        context.writeError(`tracepath: ${host}: ${RESOLVE_ERRORS[found]}\n`);
        return 1;
      }
      const options = {
        target: found.addresses[0]!,
        maxHops,
        mtuBytes,
        port,
        showsBoth: flags.has('b'),
        isNumeric: flags.has('n'),
        nameOf: (tracing: typeof process, address: number) =>
          nameOfAddress(tracing, netns, sources, address),
      };
      return yield* runTracepath(process, netns, options, context);
    });
  },
};
