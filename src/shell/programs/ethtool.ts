/** `ethtool`: offloads are accepted and remembered; netsim always sends real checksums and whole frames. */
import type { Device } from '../../engine/device.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';

/** Long names of the offloads that -K takes by a short one. */
const FEATURES: Readonly<Record<string, string>> = {
  rx: 'rx-checksumming',
  tx: 'tx-checksumming',
  sg: 'scatter-gather',
  tso: 'tcp-segmentation-offload',
  gso: 'generic-segmentation-offload',
  gro: 'generic-receive-offload',
  lro: 'large-receive-offload',
  rxvlan: 'rx-vlan-offload',
  txvlan: 'tx-vlan-offload',
};

const settings = new WeakMap<Device, Map<string, boolean>>();

export const ethtool: ProgramDefinition = {
  name: 'ethtool',
  async run(context) {
    const [option, name, ...rest] = context.args[0]?.startsWith('-')
      ? context.args
      : ['', ...context.args];
    const device = context.netns.deviceByName.get(name ?? '');
    if (name === undefined) {
      context.writeError(
        'ethtool: bad command line argument(s)\nFor more information run ethtool -h\n',
      );
      return 1;
    }
    if (device === undefined) return refuseDevice(context, option ?? '');
    switch (option) {
      case '-K':
      case '--offload':
      case '--features':
        return setFeatures(device, rest);
      case '-k':
      case '--show-offload':
      case '--show-features':
        context.write(`Features for ${device.name}:\n${featureLines(device)}`);
        return 0;
      case '-i':
      case '--driver':
        context.write(driverText(device));
        return 0;
      case '-S':
      case '--statistics':
        if (device.kind !== 'veth') {
          context.writeError('no stats available\n');
          return 94;
        }
        context.write(`NIC statistics:\n     peer_ifindex: ${device.lower?.index ?? 0}\n`);
        return 0;
      case '':
        context.write(`Settings for ${device.name}:\n\tLink detected: ${linkText(device)}\n`);
        return 0;
      default:
        return refuse(context, 'ethtool', `option ${option}`);
    }
  },
};

/** Each option has words and an exit code of its own for a device that is not there. */
function refuseDevice(context: ProgramContext, option: string): number {
  if (option === '-i' || option === '--driver') {
    context.writeError('Cannot get driver information: No such device\n');
    return 71;
  }
  if (option === '-S' || option === '--statistics') {
    context.writeError('Cannot get stats strings information: No such device\n');
    return 96;
  }
  context.writeError(
    'netlink error: no device matches name (offset 24)\nnetlink error: No such device\n',
  );
  if (option === '') return 75;
  return option === '-k' || option.startsWith('--show') ? 1 : 92;
}

function linkText(device: Device): string {
  return device.isUp && device.hasCarrier ? 'yes' : 'no';
}

function setFeatures(device: Device, words: readonly string[]): number {
  const known = settings.get(device) ?? new Map<string, boolean>();
  for (let at = 0; at + 1 < words.length; at += 2) {
    known.set(FEATURES[words[at]!] ?? words[at]!, words[at + 1] === 'on');
  }
  settings.set(device, known);
  return 0;
}

function featureLines(device: Device): string {
  const known = settings.get(device);
  return Object.values(FEATURES)
    .map((name) => `${name}: ${known?.get(name) === true ? 'on' : 'off'}\n`)
    .join('');
}

function driverText(device: Device): string {
  const driver =
    device.kind === 'loopback' ? '' : device.kind === 'vlan' ? '802.1Q VLAN Support' : device.kind;
  const version = device.kind === 'bridge' ? '2.3' : device.kind === 'vxlan' ? '0.1' : '1.0';
  return (
    `driver: ${driver}\nversion: ${version}\nfirmware-version: \nexpansion-rom-version: \n` +
    `bus-info: \nsupports-statistics: ${device.kind === 'veth' ? 'yes' : 'no'}\n` +
    'supports-test: no\nsupports-eeprom-access: no\nsupports-register-dump: no\n' +
    'supports-priv-flags: no\n'
  );
}
