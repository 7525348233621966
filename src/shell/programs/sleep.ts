/** `sleep`: lets virtual time pass. */
import { sleep as sleepProcess } from '../../engine/process.ts';
import type { ProgramDefinition } from '../program.ts';

const UNIT_NS: Readonly<Record<string, number>> = {
  '': 1e9,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 86400e9,
};

/** The length of `5`, `0.3`, `2m` in nanoseconds (Infinity for `infinity`); null if it is none. */
export function parseDurationNs(text: string): number | null {
  if (/^inf(inity)?$/i.test(text)) return Number.POSITIVE_INFINITY;
  const match = /^(\d+\.?\d*|\.\d+)([smhd]?)$/.exec(text);
  if (match === null) return null;
  return Math.round(Number(match[1]) * UNIT_NS[match[2]!]!);
}

/** @source coreutils sleep.c: several arguments add up */
export const sleep: ProgramDefinition = {
  name: 'sleep',
  async run(context) {
    if (context.args.length === 0) {
      context.writeError("sleep: missing operand\nTry 'sleep --help' for more information.\n");
      return 1;
    }
    let totalNs = 0;
    for (const argument of context.args) {
      const ns = parseDurationNs(argument);
      if (ns === null) {
        context.writeError(
          `sleep: invalid time interval '${argument}'\nTry 'sleep --help' for more information.\n`,
        );
        return 1;
      }
      totalNs += ns;
    }
    return context.run('sleep', function* (process) {
      if (totalNs === Number.POSITIVE_INFINITY) {
        while (process.signal === null) yield;
      } else {
        yield* sleepProcess(process, totalNs);
      }
      return process.signal === null ? 0 : process.signal === 'SIGINT' ? 130 : 143;
    });
  },
};
