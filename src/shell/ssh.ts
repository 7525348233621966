/**
 * `ssh MACHINE COMMAND...`: runs a command line in the root namespace of another machine of the
 * world. Unlike Linux, no packet is sent and no key asked for: it stands for the seat at that
 * machine's console, so that captures show the network and not the way in.
 */
import { formatIpv4 } from '../base/ipv4-address.ts';
import { listAddresses } from '../stack/address.ts';
import type { Machine } from '../world/machine.ts';
import type { World } from '../world/world.ts';
import { getopt } from './getopt.ts';
import { shellOfMachine } from './machine-shell.ts';
import { execute, GROUP_VARIABLE, type ShellProgramDefinition } from './shell.ts';

/** @source openssh ssh.c: exit status of ssh itself when something goes wrong */
const EXIT_FAILED = 255;
/** @source openssh ssh.c main() getopt string */
const OPTIONS = '1246ab:c:e:fgi:kl:m:no:p:qstvxAB:CD:E:F:GI:J:KL:MNO:P:Q:R:S:TVw:W:XYy';
const HOME = '/root';

/** The machine of a name (`node2`) or an address (`192.168.0.12`); null if there is none. */
export function findMachine(world: World, name: string): Machine | null {
  const named = world.machines.get(name);
  if (named !== undefined) return named;
  for (const machine of world.machines.values()) {
    for (const device of machine.root.devices) {
      if (device.isLoopback) continue;
      const texts = listAddresses(device).map(({ address }) => formatIpv4(address));
      if (texts.includes(name)) return machine;
    }
  }
  return null;
}

/** Where `ssh` with these arguments goes, and the command line that it runs there ('' for a prompt). */
export function readSshArguments(
  args: readonly string[],
): { readonly host: string; readonly text: string } | { readonly error: string } {
  const read = getopt(args, { short: OPTIONS, stopsAtOperand: true });
  if (read.error !== null) return { error: `ssh: ${read.error}` };
  const [destination, ...words] = read.operands;
  if (destination === undefined) return { error: 'usage: ssh [user@]host [command]' };
  const host = destination.replace(/^ssh:\/\//, '').replace(/^[^@]*@/, '');
  return { host, text: words.join(' ') };
}

export const ssh: ShellProgramDefinition = {
  name: 'ssh',
  async run(shell, io, args) {
    const read = readSshArguments(args);
    if ('error' in read) {
      io.writeError(`${read.error}\n`);
      return EXIT_FAILED;
    }
    const machine = findMachine(shell.world, read.host);
    if (machine === null) {
      io.writeError(`ssh: Could not resolve hostname ${read.host}: Name or service not known\n`);
      return EXIT_FAILED;
    }
    const text = read.text === '' ? io.stdin : read.text;
    const result = await execute(shellOfMachine(shell, machine), machine.root, text, {
      env: { [GROUP_VARIABLE]: String(io.group) },
      cwd: HOME,
      stdin: read.text === '' ? '' : io.stdin,
      isTerminal: false,
    });
    if (result.stdout !== '') io.write(result.stdout);
    if (result.stderr !== '') io.writeError(result.stderr);
    return result.exitCode;
  },
};
