/** `brctl`, of bridge-utils 1.7. */
import { KernelError } from '../../base/errors.ts';
import { formatMacHalves } from '../../base/mac-address.ts';
import { bridgeOf, bridgePortOf } from '../../devices/bridge.ts';
import { listBridgeFdb } from '../../devices/bridge-control.ts';
import type { Device } from '../../engine/device.ts';
import { timeNs } from '../../engine/simulator.ts';
import { createLink, deleteLink, setLinkMaster } from '../../stack/link.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';

export const brctl: ProgramDefinition = {
  name: 'brctl',
  async run(context) {
    const [command, first, ...rest] = context.args;
    switch (command) {
      case 'show':
        return show(context, first);
      case 'addbr':
        return attempt(
          context,
          () => createLink(context.netns, { kind: 'bridge', name: first ?? '' }),
          {
            EEXIST: `device ${first} already exists; can't create bridge with the same name\n`,
          },
        );
      case 'delbr':
        return deleteBridge(context, first ?? '');
      case 'addif':
      case 'delif':
        return changePorts(context, command, first ?? '', rest);
      case 'showmacs':
        return showMacs(context, first ?? '');
      case 'setageing':
        return setAgeing(context, first ?? '', rest[0] ?? '');
      case 'hairpin':
        return setHairpin(context, rest[0] ?? '', rest[1] ?? '');
      case 'stp':
        return rest[0] === 'off' || rest[0] === 'no' ? 0 : refuse(context, 'brctl', 'stp on');
      default:
        if (command === undefined) {
          context.writeError('Usage: brctl [commands]\n');
          return 1;
        }
        return refuse(context, 'brctl', `command ${command}`);
    }
  },
};

function attempt(
  context: ProgramContext,
  act: () => unknown,
  words: Readonly<Record<string, string>>,
): number {
  try {
    context.kernel(act);
    return 0;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    context.writeError(words[error.errno] ?? `${error.message}\n`);
    return 1;
  }
}

function findBridge(context: ProgramContext, name: string): Device | null {
  const device = context.netns.deviceByName.get(name);
  return device?.kind === 'bridge' ? device : null;
}

function bridgeIdText(bridge: Device): string {
  return `8000.${formatMacHalves(bridge.macHi, bridge.macLo).replaceAll(':', '')}`;
}

function show(context: ProgramContext, name: string | undefined): number {
  const { devices } = context.netns;
  if (name !== undefined && findBridge(context, name) === null) {
    context.writeError(`bridge ${name} does not exist!\n`);
    return 1;
  }
  context.write('bridge name\tbridge id\t\tSTP enabled\tinterfaces\n');
  const bridges = devices
    .filter((device) => device.kind === 'bridge' && (name === undefined || device.name === name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const bridge of bridges) {
    const ports = bridgeOf(bridge)
      .ports.map(({ device }) => device.name)
      .sort();
    const start = `${bridge.name}\t\t${bridgeIdText(bridge)}\tno\t\t`;
    context.write(`${start}${ports.join('\n\t\t\t\t\t\t\t')}\n`);
  }
  return 0;
}

function deleteBridge(context: ProgramContext, name: string): number {
  const bridge = findBridge(context, name);
  if (bridge === null) {
    context.writeError(`bridge ${name} doesn't exist; can't delete it\n`);
    return 1;
  }
  if (bridge.isUp) {
    context.writeError(`bridge ${name} is still up; can't delete it\n`);
    return 1;
  }
  return attempt(context, () => deleteLink(bridge), {});
}

function changePorts(
  context: ProgramContext,
  command: 'addif' | 'delif',
  name: string,
  ports: readonly string[],
): number {
  const bridge = findBridge(context, name);
  for (const port of ports) {
    const device = context.netns.deviceByName.get(port);
    if (device === undefined) {
      context.writeError(`interface ${port} does not exist!\n`);
      return 1;
    }
    if (bridge === null) {
      context.writeError(`bridge ${name} does not exist!\n`);
      return 1;
    }
    if (command === 'addif' && device.master !== null) {
      context.writeError(
        `device ${port} is already a member of a bridge; can't enslave it to bridge ${name}.\n`,
      );
      return 1;
    }
    if (command === 'delif' && device.master !== bridge) {
      context.writeError(`device ${port} is not a slave of ${name}\n`);
      return 1;
    }
    const code = attempt(
      context,
      () => setLinkMaster(device, command === 'addif' ? bridge : null),
      {},
    );
    if (code !== 0) return code;
  }
  return 0;
}

function showMacs(context: ProgramContext, name: string): number {
  const bridge = findBridge(context, name);
  if (bridge === null) {
    context.writeError(`read of forward table failed: No such device\n`);
    return 1;
  }
  const { sim } = context.world;
  context.write('port no\tmac addr\t\tis local?\tageing timer\n');
  for (const entry of listBridgeFdb(sim, bridge)) {
    const seconds = entry.isStatic ? 0 : (timeNs(sim) - entry.updatedNs) / 1e9;
    const port = String(entry.port?.portNumber ?? 0).padStart(3);
    const mac = formatMacHalves(entry.hi, entry.lo);
    const local = entry.isLocal ? 'yes' : 'no';
    context.write(`${port}\t${mac}\t${local}\t\t${seconds.toFixed(2).padStart(7)}\n`);
  }
  return 0;
}

function setAgeing(context: ProgramContext, name: string, seconds: string): number {
  const bridge = findBridge(context, name);
  if (bridge === null) {
    context.writeError(`set ageing time failed: No such device\n`);
    return 1;
  }
  bridgeOf(bridge).ageingNs = Number(seconds) * 1e9;
  return 0;
}

function setHairpin(context: ProgramContext, name: string, value: string): number {
  const device = context.netns.deviceByName.get(name);
  const port = device === undefined ? null : bridgePortOf(device);
  if (port === null) {
    context.writeError(`interface ${name} does not exist!\n`);
    return 1;
  }
  port.isHairpin = value === 'on' || value === 'yes' || value === '1';
  return 0;
}
