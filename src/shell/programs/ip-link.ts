/** `ip link`. @source iproute2 ip/iplink.c */
import type { Device } from '../../engine/device.ts';
import {
  deleteLink,
  moveLink,
  renameLink,
  setLinkDown,
  setLinkMac,
  setLinkMaster,
  setLinkMtu,
  setLinkUp,
  setPromiscuous,
} from '../../stack/link.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import { macText } from './format.ts';
import {
  deviceByName,
  type IpCommand,
  shownDeviceByName,
  takeNetns,
  writeEntry,
  writeJson,
} from './ip-command.ts';
import { addLink } from './ip-link-add.ts';
import { setKindOptions } from './ip-link-kind.ts';
import {
  briefStart,
  filterLinks,
  type LinkFilter,
  linkFlags,
  linkJson,
  linkLines,
  statisticsLines,
} from './ip-link-show.ts';
import { linkAttributes } from './link-attributes.ts';
import { foreignNetns, introduceNetns, linkOf } from './netns-ids.ts';
import {
  CommandError,
  findCommand,
  notEmulated,
  take,
  takeMac,
  takeNumber,
  takeOnOff,
  takeValue,
  wrongArgument,
} from './words.ts';

const COMMANDS = [
  'add',
  'set|change',
  'replace',
  'delete',
  'show|lst|list',
  'xstats',
  'afstats',
  'property',
  'help',
] as const;

/** One command of `ip link`. */
export function ipLink(command: IpCommand): number {
  const word = take(command.words);
  if (word === null) return showLinks(command);
  switch (findCommand(word, COMMANDS)) {
    case 'add':
      return addLink(command);
    case 'set|change':
      return setLink(command);
    case 'delete':
      return deleteOne(command);
    case 'show|lst|list':
      return showLinks(command);
    case null:
      throw new CommandError(`Command "${word}" is unknown, try "ip link help".\n`, 255);
    default:
      throw notEmulated('ip', `link ${word}`);
  }
}

function showLinks(command: IpCommand): number {
  const { netns, options } = command;
  if (options.family === 'inet6') return 0;
  const devices = filterLinks(netns, takeLinkFilter(command));
  const show = { isLink: true, hasMac: true };
  if (options.isJson) {
    writeJson(
      command,
      devices.map((device) =>
        options.isBrief ? briefJson(device) : linkJson(command, device, show),
      ),
    );
    return 0;
  }
  for (const device of devices) {
    if (options.isBrief) {
      const flags = linkFlags(device).join(',');
      command.context.write(`${briefStart(device)}${macText(device)} <${flags}> \n`);
      continue;
    }
    const lines = linkLines(command, device, show);
    if (options.statistics > 0) lines.push(...statisticsLines(device));
    writeEntry(command, lines);
  }
  return 0;
}

function briefJson(device: Device) {
  const state = briefStart(device).slice(17).trim();
  const link = linkOf(device);
  const isForeign = foreignNetns(device) !== null;
  return {
    link: isForeign ? undefined : link?.name,
    link_index: isForeign ? link?.index : undefined,
    ifname: device.name,
    operstate: state,
    address: macText(device),
    flags: linkFlags(device),
  };
}

/** What is left of the command line says which devices to show. */
export function takeLinkFilter(command: IpCommand): LinkFilter {
  const { netns, words } = command;
  const filter = {
    device: null as Device | null,
    kind: null as string | null,
    master: null as Device | null,
    isUp: false,
    group: null as number | null,
  };
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'up') filter.isUp = true;
    else if (word === 'type') filter.kind = takeValue(words);
    else if (word === 'master') {
      const name = takeValue(words);
      const device = netns.deviceByName.get(name);
      if (device === undefined) throw wrongArgument(name, 'Device does not exist\n');
      filter.master = device;
    } else if (word === 'group') {
      const name = takeValue(words);
      filter.group = name === 'default' ? 0 : Number(name);
    } else if (word === 'vrf' || word === 'nomaster') throw notEmulated('ip', `link show ${word}`);
    else filter.device = shownDeviceByName(netns, word === 'dev' ? takeValue(words) : word);
  }
  return filter;
}

/** What one `ip link set` asks for; done in the kernel's order. */
interface Changes {
  target: NetNamespace | null;
  mac: number | null;
  mtu: number | null;
  name: string | null;
  alias: string | null;
  master: Device | null | undefined;
  isUp: boolean | null;
  isPromiscuous: boolean | null;
  isAllMulticast: boolean | null;
  hasArp: boolean | null;
  txQueueLength: number | null;
  group: number | null;
}

function setLink(command: IpCommand): number {
  const { context, netns, words } = command;
  let device: Device | null = null;
  const changes: Changes = {
    target: null,
    mac: null,
    mtu: null,
    name: null,
    alias: null,
    master: undefined,
    isUp: null,
    isPromiscuous: null,
    isAllMulticast: null,
    hasArp: null,
    txQueueLength: null,
    group: null,
  };
  let name: string | null = null;
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'type') {
      device ??= deviceByName(netns, name ?? '');
      const target = device;
      const kind = takeValue(words);
      context.kernel(() => setKindOptions(target, kind, words));
    } else if (word === 'group' && name === null) {
      throw notEmulated('ip', 'link set group');
    } else if (!takeChange(command, word, changes)) {
      name = word === 'dev' ? takeValue(words) : word;
    }
  }
  if (name === null) {
    throw new CommandError('Not enough information: "dev" argument is required.\n', 255);
  }
  const found = device ?? deviceByName(netns, name);
  context.kernel(() => apply(found, changes));
  return 0;
}

function takeChange(command: IpCommand, word: string, changes: Changes): boolean {
  const { netns, words } = command;
  if (word === 'up') changes.isUp = true;
  else if (word === 'down') changes.isUp = false;
  else if (word === 'netns') changes.target = takeNetns(command);
  else if (word === 'name') changes.name = takeValue(words);
  else if (word === 'address') changes.mac = takeMac(words);
  else if (word === 'mtu') changes.mtu = takeNumber(words, 'Invalid "mtu" value\n');
  else if (word === 'alias' || word === 'ifalias') changes.alias = takeValue(words);
  else if (word === 'master') changes.master = takeMaster(netns, takeValue(words));
  else if (word === 'nomaster') changes.master = null;
  else if (word === 'promisc') changes.isPromiscuous = takeOnOff(words, word);
  else if (word === 'allmulticast') changes.isAllMulticast = takeOnOff(words, word);
  else if (word === 'arp') changes.hasArp = takeOnOff(words, word);
  else if (word === 'multicast' || word === 'trailers' || word === 'dynamic') {
    takeOnOff(words, word); // nothing here depends on it
  } else if (word === 'txqueuelen' || word === 'txqlen' || word === 'qlen') {
    changes.txQueueLength = takeNumber(words, 'Invalid "txqueuelen" value\n');
  } else if (word === 'group') {
    const group = takeValue(words);
    changes.group = group === 'default' ? 0 : Number(group);
  } else if (word === 'addrgenmode') takeValue(words);
  else if (['vf', 'xdp', 'vrf', 'link-netnsid', 'broadcast', 'brd', 'protodown'].includes(word)) {
    throw notEmulated('ip', `link set ${word}`);
  } else return false;
  return true;
}

function takeMaster(netns: NetNamespace, name: string): Device {
  const master = netns.deviceByName.get(name);
  if (master === undefined) throw wrongArgument(name, 'Device does not exist\n');
  return master;
}

/** @source net/core/rtnetlink.c do_setlink() */
function apply(device: Device, changes: Changes): void {
  const attributes = linkAttributes(device);
  if (changes.target !== null) {
    moveLink(device, changes.target, changes.name ?? undefined);
    introduceNetns(device);
    attributes.wasUp = false;
    attributes.queueDiscipline = null;
  }
  if (changes.mac !== null) setLinkMac(device, changes.mac);
  if (changes.mtu !== null) setLinkMtu(device, changes.mtu);
  if (changes.group !== null) attributes.group = changes.group;
  if (changes.name !== null && changes.target === null) renameLink(device, changes.name);
  if (changes.alias !== null) attributes.alias = changes.alias === '' ? null : changes.alias;
  if (changes.master !== undefined) setLinkMaster(device, changes.master);
  if (changes.hasArp !== null) device.hasArp = changes.hasArp;
  if (changes.isAllMulticast !== null) attributes.isAllMulticast = changes.isAllMulticast;
  const { isPromiscuous } = changes;
  if (isPromiscuous !== null && isPromiscuous !== attributes.isPromiscuous) {
    attributes.isPromiscuous = isPromiscuous;
    setPromiscuous(device, isPromiscuous);
  }
  if (changes.isUp === true) setLinkUp(device);
  if (changes.isUp === false) setLinkDown(device);
  attributes.wasUp ||= device.isUp;
  if (changes.txQueueLength !== null) device.txQueueLength = changes.txQueueLength;
}

function deleteOne(command: IpCommand): number {
  const { context, netns, words } = command;
  let name: string | null = null;
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'type') takeValue(words);
    else if (word === 'group') throw notEmulated('ip', 'link delete group');
    else name = word === 'dev' ? takeValue(words) : word;
  }
  if (name === null) {
    throw new CommandError('Not enough information: "dev" argument is required.\n', 255);
  }
  const device = deviceByName(netns, name);
  context.kernel(() => deleteLink(device));
  return 0;
}
