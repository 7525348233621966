/** `busybox APPLET ...`: the applets that netsim emulates in busybox's manner. */
import type { ProgramContext, ProgramDefinition } from '../program.ts';
import { busyboxHttpd } from './busybox-httpd.ts';
import { busyboxArp, busyboxIfconfig, busyboxIp, busyboxTraceroute } from './busybox-network.ts';
import { busyboxNslookup } from './busybox-nslookup.ts';
import { busyboxPing } from './busybox-ping.ts';
import { busyboxWget } from './busybox-wget.ts';
import { sleep } from './sleep.ts';

const APPLETS: readonly ProgramDefinition[] = [
  busyboxArp,
  busyboxHttpd,
  busyboxIfconfig,
  busyboxIp,
  busyboxNslookup,
  busyboxPing,
  busyboxTraceroute,
  busyboxWget,
  sleep,
];

const APPLET_BY_NAME: ReadonlyMap<string, ProgramDefinition> = new Map(
  APPLETS.map((applet) => [applet.name, applet]),
);

/** What stands for a program on a machine whose small programs are busybox's. */
export function appletOf(program: ProgramDefinition): ProgramDefinition {
  return APPLET_BY_NAME.get(program.name) ?? program;
}

/** Applets of the real busybox that the shell has too, in the same form. */
const SHELL_APPLETS = new Set(['cat', 'echo', 'ls', 'mkdir', 'rm', 'seq', 'sh', 'true', 'false']);

export const busybox: ProgramDefinition = {
  name: 'busybox',
  async run(context) {
    const [name, ...args] = context.args;
    if (name === undefined || name === '--help' || name === '--list') {
      const names = [...APPLETS.map((applet) => applet.name), ...SHELL_APPLETS].sort();
      context.write(name === '--list' ? `${names.join('\n')}\n` : usage(names));
      return 0;
    }
    const applet = APPLET_BY_NAME.get(name);
    if (applet !== undefined) return applet.run(withArgs(context, args));
    if (SHELL_APPLETS.has(name)) return context.call(context.args);
    context.writeError(`${name}: applet not found\n`);
    return 127;
  },
};

function usage(names: readonly string[]): string {
  return `BusyBox v1.35.0 multi-call binary, as netsim emulates it.\n\nCurrently defined functions:\n\t${names.join(', ')}\n`;
}

/** The same context with other arguments. */
export function withArgs(context: ProgramContext, args: readonly string[]): ProgramContext {
  const changed: ProgramContext = Object.create(context, {
    args: { value: args, enumerable: true },
  });
  return changed;
}
