/** `ip link add`. @source iproute2 ip/iplink.c iplink_parse(), ip/link_veth.c */
import { KernelError } from '../../base/errors.ts';
import type { LinkOptions, PeerOptions } from '../../devices/device-kind.ts';
import { deviceKindOf } from '../../devices/index.ts';
import type { Device } from '../../engine/device.ts';
import { createLink, moveLink, setLinkMaster, setLinkUp } from '../../stack/link.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import { deviceByName, type IpCommand, takeNetns } from './ip-command.ts';
import { takeKindOptions } from './ip-link-kind.ts';
import { linkAttributes } from './link-attributes.ts';
import { introduceNetns } from './netns-ids.ts';
import {
  CommandError,
  notEmulated,
  take,
  takeMac,
  takeNumber,
  takeValue,
  type Words,
  wrongArgument,
} from './words.ts';

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** What stands before `type`, and after `peer`. */
interface Wanted {
  link: Device | null;
  name: string | null;
  mac: number | null;
  mtu: number | null;
  netns: NetNamespace | null;
  master: Device | null;
  txQueueLength: number | null;
  isUp: boolean;
}

/** `ip link add ... type KIND ...`. */
export function addLink(command: IpCommand): number {
  const { context, words } = command;
  const wanted = takeWanted(command, words);
  const kind = take(words);
  if (kind === null) {
    throw new CommandError('Not enough information: "type" argument is required\n', 1);
  }
  if (deviceKindOf(kind) === null) throw new KernelError('EOPNOTSUPP', 'Unknown device type');
  const options = { ...baseOptions(kind, wanted), ...kindOptions(command, kind, wanted) };
  checkLink(kind, wanted);
  context.kernel(() => {
    const device = make(command.netns, options, wanted);
    introduceNetns(device);
    if (wanted.txQueueLength !== null) device.txQueueLength = wanted.txQueueLength;
    if (wanted.master !== null) setLinkMaster(device, wanted.master);
    if (wanted.isUp) setLinkUp(device);
    linkAttributes(device).wasUp ||= device.isUp;
  });
  return 0;
}

/** A vxlan keeps the namespace in which it was born; everything else is made where it will live. */
function make(netns: NetNamespace, options: LinkOptions, wanted: Wanted): Device {
  const target = wanted.netns ?? netns;
  if (options.kind !== 'vxlan' || target === netns) return createLink(target, options);
  const device = createLink(netns, options);
  moveLink(device, target);
  return device;
}

function baseOptions(kind: string, wanted: Wanted): Mutable<LinkOptions> {
  const options: Mutable<LinkOptions> = { kind };
  if (wanted.name !== null) options.name = wanted.name;
  if (wanted.mac !== null) options.mac = wanted.mac;
  if (wanted.mtu !== null) options.mtu = wanted.mtu;
  if (wanted.link !== null) options.link = wanted.link;
  return options;
}

function kindOptions(command: IpCommand, kind: string, wanted: Wanted): Partial<LinkOptions> {
  const { context, netns, words } = command;
  if (kind === 'veth') return { peer: takePeer(command, wanted) };
  return takeKindOptions(kind, words, netns, (text) => context.writeError(text));
}

function takePeer(command: IpCommand, own: Wanted): PeerOptions {
  const { words } = command;
  const word = take(words);
  const peer: Mutable<PeerOptions> = { netns: command.netns };
  if (word === null) return own.netns === null ? {} : peer;
  if (word !== 'peer') {
    throw new CommandError(
      'Usage: ip link <options> type veth [peer <options>]\n' +
        "To get <options> type 'ip link add help'\n",
      1,
    );
  }
  const wanted = takeWanted(command, words);
  if (wanted.name !== null) peer.name = wanted.name;
  if (wanted.mac !== null) peer.mac = wanted.mac;
  if (wanted.mtu !== null) peer.mtu = wanted.mtu;
  if (wanted.netns !== null) peer.netns = wanted.netns;
  return peer;
}

/** Macvlan, ipvlan and VLAN stand on a device. */
function checkLink(kind: string, wanted: Wanted): void {
  if (wanted.link === null && ['macvlan', 'ipvlan', 'vlan'].includes(kind)) {
    if (kind === 'vlan') throw new KernelError('EINVAL', 'link not specified');
    throw new KernelError('EINVAL');
  }
}

function takeWanted(command: IpCommand, words: Words): Wanted {
  const wanted: Wanted = {
    link: null,
    name: null,
    mac: null,
    mtu: null,
    netns: null,
    master: null,
    txQueueLength: null,
    isUp: false,
  };
  for (let word = take(words); word !== null && word !== 'type'; word = take(words)) {
    takeWord(command, word, wanted);
  }
  return wanted;
}

function takeWord(command: IpCommand, word: string, wanted: Wanted): void {
  const { netns, words } = command;
  if (word === 'link') wanted.link = deviceByName(netns, takeValue(words));
  else if (word === 'address') wanted.mac = takeMac(words);
  else if (word === 'mtu') wanted.mtu = takeNumber(words, 'Invalid "mtu" value\n');
  else if (word === 'netns') wanted.netns = takeNetns(command);
  else if (word === 'up') wanted.isUp = true;
  else if (word === 'down') wanted.isUp = false;
  else if (word === 'txqueuelen' || word === 'txqlen' || word === 'qlen') {
    wanted.txQueueLength = takeNumber(words, 'Invalid "txqueuelen" value\n');
  } else if (word === 'numtxqueues' || word === 'numrxqueues') takeValue(words);
  else if (word === 'master') {
    const name = takeValue(words);
    wanted.master = netns.deviceByName.get(name) ?? null;
    if (wanted.master === null) throw wrongArgument(name, 'Device does not exist\n');
  } else if (['index', 'group', 'broadcast', 'brd', 'alias', 'vf'].includes(word)) {
    throw notEmulated('ip', `link add ${word}`);
  } else {
    const name = word === 'name' || word === 'dev' ? takeValue(words) : word;
    if (name.includes('/') || /\s/.test(name) || name === '') {
      throw wrongArgument(name, '"dev" not a valid ifname');
    }
    if (name.length > 15) throw new KernelError('EINVAL', 'Attribute failed policy validation');
    wanted.name = name;
  }
}
