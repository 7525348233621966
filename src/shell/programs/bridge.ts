/** `bridge`, of iproute2 6.1: fdb, link, vlan. @source iproute2 bridge/ */
import { bridgeOf, bridgePortOf } from '../../devices/bridge.ts';
import type { Device } from '../../engine/device.ts';
import type { ProgramContext, ProgramDefinition } from '../program.ts';
import { describePortFlags } from './bridge-describe.ts';
import { bridgeFdb } from './bridge-fdb.ts';
import {
  deviceByName,
  type IpCommand,
  namespaceByName,
  parseIpOptions,
  writeEntry,
} from './ip-command.ts';
import { setPortOption } from './ip-link-kind.ts';
import { deviceFlags } from './ip-link-show.ts';
import {
  CommandError,
  findCommand,
  isShortFor,
  notEmulated,
  runCommand,
  take,
  takeValue,
} from './words.ts';

const OBJECTS = ['link', 'fdb', 'mdb', 'vlan', 'vni', 'monitor', 'help'] as const;

export const bridge: ProgramDefinition = {
  name: 'bridge',
  run: (context) =>
    runCommand(
      (text) => context.writeError(text),
      255,
      () => runBridge(context),
    ),
};

function runBridge(context: ProgramContext): number {
  let { netns } = context;
  const { options, rest, isVersion } = parseIpOptions(context.args, (name) => {
    netns = namespaceByName(context.machine, name);
  });
  if (isVersion) {
    context.write('bridge utility, 6.1.0\n');
    return 0;
  }
  const [object, ...words] = rest;
  if (object === undefined) {
    throw new CommandError('Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }\n', 255);
  }
  const command: IpCommand = { context, netns, options, words: { list: words, at: 0 } };
  switch (findCommand(object, OBJECTS)) {
    case 'fdb':
      return bridgeFdb(command);
    case 'link':
      return bridgeLink(command);
    case 'vlan':
      return bridgeVlan(command);
    case null:
      throw new CommandError(`Object "${object}" is unknown, try "bridge help".\n`, 255);
    default:
      throw notEmulated('bridge', `object ${object}`);
  }
}

function bridgeLink(command: IpCommand): number {
  const word = take(command.words);
  if (word === null || isShortFor(word, 'show') || isShortFor(word, 'list') || word === 'lst') {
    return showLinks(command);
  }
  if (isShortFor(word, 'set') || isShortFor(word, 'change')) return setLink(command);
  throw new CommandError(`Command "${word}" is unknown, try "bridge link help".\n`, 255);
}

function showLinks(command: IpCommand): number {
  const { netns, options, words } = command;
  if (options.isJson) throw notEmulated('bridge', 'option -j of bridge link');
  let only: Device | null = null;
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'master') throw notEmulated('bridge', 'link show master');
    only = deviceByName(netns, word === 'dev' ? takeValue(words) : word, 255);
  }
  for (const device of netns.devices) {
    const port = bridgePortOf(device);
    if (port === null || (only !== null && only !== device)) continue;
    const state = port.isForwarding ? 'forwarding' : 'disabled';
    const lines = [
      `${device.index}: ${portName(device)}: <${deviceFlags(device).join(',')}> ` +
        `mtu ${device.mtuBytes} master ${port.bridge.name} state ${state} ` +
        `priority ${port.priority} cost ${port.cost} `,
    ];
    if (options.isDetailed) lines.push(`    ${describePortFlags(port)} `);
    writeEntry(command, lines);
  }
  return 0;
}

/**
 * `veth1@eth0`: the link's index is looked up in this namespace, even if the link is in another.
 * @source iproute2 bridge/link.c print_linkinfo()
 */
function portName(device: Device): string {
  const link = device.kind === 'vxlan' ? null : device.lower;
  if (link === null) return device.name;
  const netns = device.netns as { readonly devices?: readonly Device[] };
  const seen = netns.devices?.find(({ index }) => index === link.index);
  return `${device.name}@${seen === undefined ? `if${link.index}` : seen.name}`;
}

function setLink(command: IpCommand): number {
  const { context, netns, words } = command;
  if (take(words) !== 'dev') {
    throw new CommandError('Device is a required argument.\n', 255);
  }
  const name = takeValue(words);
  const device = netns.deviceByName.get(name);
  if (device === undefined) throw new CommandError(`Cannot find bridge device "${name}"\n`, 255);
  const port = bridgePortOf(device);
  context.kernel(() => {
    for (let word = take(words); word !== null; word = take(words)) {
      if (word === 'master' || word === 'self') continue;
      if (port === null)
        throw new CommandError('RTNETLINK answers: Operation not supported\n', 255);
      if (word === 'state') throw notEmulated('bridge', 'link set state');
      setPortOption(port, word, words);
    }
  });
  return 0;
}

/** Without VLAN filtering every port is in VLAN 1. */
function bridgeVlan(command: IpCommand): number {
  const { context, netns, words } = command;
  const word = take(words);
  if (word !== null && !isShortFor(word, 'show') && !isShortFor(word, 'list')) {
    throw notEmulated('bridge', `vlan ${word}`);
  }
  context.write('port              vlan-id  \n');
  for (const device of netns.devices) {
    const isMember = device.master?.kind === 'bridge' || device.kind === 'bridge';
    if (!isMember) continue;
    if (device.kind === 'bridge') bridgeOf(device);
    context.write(`${device.name.padEnd(18)}1 PVID Egress Untagged\n`);
  }
  return 0;
}
