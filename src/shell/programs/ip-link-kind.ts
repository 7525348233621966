/** The options of each device kind, for `ip link add` and `ip link set DEV type KIND`. */
import { KernelError } from '../../base/errors.ts';
import { type Bridge, type BridgePort, bridgeOf, bridgePortOf } from '../../devices/bridge.ts';
import {
  IPVLAN_FLAGS,
  IPVLAN_MODES,
  type LinkOptions,
  MACVLAN_MODES,
  type VxlanOptions,
} from '../../devices/device-kind.ts';
import type { Device } from '../../engine/device.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import { deviceByName } from './ip-command.ts';
import {
  CommandError,
  notEmulated,
  parseNumber,
  take,
  takeAddress,
  takeNumber,
  takeOnOff,
  takeValue,
  type Words,
  wrongArgument,
} from './words.ts';

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** Settings of a bridge that netsim keeps to itself: no spanning tree, no snooping, no VLANs. */
const BRIDGE_WITHOUT_EFFECT = [
  'forward_delay',
  'hello_time',
  'max_age',
  'priority',
  'mcast_snooping',
  'mcast_router',
  'mcast_querier',
  'mcast_query_use_ifaddr',
  'mcast_stats_enabled',
  'mcast_igmp_version',
  'mcast_mld_version',
  'mcast_hash_max',
  'mcast_hash_elasticity',
  'nf_call_ip6tables',
  'nf_call_arptables',
  'no_linklocal_learn',
  'vlan_default_pvid',
  'vlan_protocol',
];

/** Reads the options of a new device's kind. @param netns where names of devices are looked up */
export function takeKindOptions(
  kind: string,
  words: Words,
  netns: NetNamespace,
  writeError: (text: string) => void,
): Partial<Mutable<LinkOptions>> {
  switch (kind) {
    case 'vxlan':
      return { vxlan: takeVxlanOptions(words, netns, writeError) };
    case 'bridge':
      return { bridge: takeBridgeOptions(words) };
    case 'macvlan':
      return { macvlan: takeMacvlanOptions(words) };
    case 'ipvlan':
      return { ipvlan: takeIpvlanOptions(words) };
    case 'vlan':
      return { vlan: takeVlanOptions(words) };
    default: {
      const word = take(words);
      if (word !== null) throw unknownOption(kind, word);
      return {};
    }
  }
}

/** `ip link set DEV type KIND ...`: changes what can be changed. */
export function setKindOptions(device: Device, kind: string, words: Words): void {
  if (kind === 'bridge' && device.kind === 'bridge') setBridgeOptions(bridgeOf(device), words);
  else if (kind === 'bridge_slave') {
    const port = bridgePortOf(device);
    if (port === null) throw new KernelError('EOPNOTSUPP');
    setPortOptions(port, words);
  } else if (kind === 'bridge' || take(words) === null) throw new KernelError('EOPNOTSUPP');
  else throw notEmulated('ip', `link set type ${kind} after the device was made`);
}

function unknownOption(kind: string, word: string): CommandError {
  return new CommandError(`${kind}: unknown command "${word}"?\n`, 1);
}

function takeBridgeOptions(words: Words): NonNullable<LinkOptions['bridge']> {
  const options: Mutable<NonNullable<LinkOptions['bridge']>> = {};
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'ageing_time') options.ageingTimeSec = takeBridgeNumber(words, word) / 100;
    else if (word === 'group_fwd_mask') options.groupForwardMask = takeBridgeNumber(words, word);
    else if (word === 'nf_call_iptables')
      options.callIptables = takeBridgeNumber(words, word) !== 0;
    else takeOtherBridgeOption(words, word);
  }
  return options;
}

function setBridgeOptions(bridge: Bridge, words: Words): void {
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'ageing_time') bridge.ageingNs = takeBridgeNumber(words, word) * 1e7;
    else if (word === 'group_fwd_mask') bridge.groupForwardMask = takeBridgeNumber(words, word);
    else if (word === 'nf_call_iptables')
      bridge.callsIptables = takeBridgeNumber(words, word) !== 0;
    else takeOtherBridgeOption(words, word);
  }
}

function takeBridgeNumber(words: Words, name: string): number {
  const word = takeValue(words);
  const value = parseNumber(word);
  if (value === null) throw wrongArgument(word, `invalid ${name}`);
  return value;
}

function takeOtherBridgeOption(words: Words, word: string): void {
  if (BRIDGE_WITHOUT_EFFECT.includes(word)) takeValue(words);
  else if (word === 'stp_state' || word === 'vlan_filtering') {
    if (takeBridgeNumber(words, word) !== 0) throw notEmulated('ip', `bridge option ${word} 1`);
  } else if (/^(mcast|vlan|group|fdb)_/.test(word))
    throw notEmulated('ip', `bridge option ${word}`);
  else throw new CommandError(`bridge: unknown command "${word}"?\n`, 1);
}

/** The options of a bridge's port, for `ip link set DEV type bridge_slave` and `bridge link set`. */
export function setPortOptions(port: BridgePort, words: Words): void {
  for (let word = take(words); word !== null; word = take(words)) setPortOption(port, word, words);
}

/** One of them. */
export function setPortOption(port: BridgePort, word: string, words: Words): void {
  if (word === 'hairpin') port.isHairpin = takeOnOff(words, word);
  else if (word === 'learning') port.isLearning = takeOnOff(words, word);
  else if (word === 'flood') port.floodsUnicast = takeOnOff(words, word);
  else if (word === 'mcast_flood') port.floodsMulticast = takeOnOff(words, word);
  else if (word === 'bcast_flood') port.floodsBroadcast = takeOnOff(words, word);
  else if (word === 'isolated') port.isIsolated = takeOnOff(words, word);
  else if (word === 'cost') port.cost = takeNumber(words, 'invalid cost', 1, 65535);
  else if (word === 'priority') port.priority = takeNumber(words, 'invalid priority', 0, 63);
  else if (word === 'group_fwd_mask') {
    port.groupForwardMask = takeNumber(words, 'invalid group_fwd_mask', 0, 0xffff);
  } else if (['guard', 'root_block', 'fastleave', 'mcast_fast_leave'].includes(word)) {
    takeOnOff(words, word); // no spanning tree and no snooping that it could change
  } else throw notEmulated('ip', `port option ${word}`);
}

const VXLAN_FLAGS: Readonly<Record<string, readonly [keyof VxlanOptions, boolean]>> = {
  learning: ['isLearning', true],
  nolearning: ['isLearning', false],
  proxy: ['isProxy', true],
  noproxy: ['isProxy', false],
  rsc: ['isRouteShortCircuit', true],
  norsc: ['isRouteShortCircuit', false],
  l2miss: ['isL2Miss', true],
  nol2miss: ['isL2Miss', false],
  l3miss: ['isL3Miss', true],
  nol3miss: ['isL3Miss', false],
  udpcsum: ['hasUdpChecksum', true],
  noudpcsum: ['hasUdpChecksum', false],
};

function takeVxlanOptions(
  words: Words,
  netns: NetNamespace,
  writeError: (text: string) => void,
): VxlanOptions {
  const options: Mutable<Partial<VxlanOptions>> = {};
  let hasPort = false;
  for (let word = take(words); word !== null; word = take(words)) {
    const flag = VXLAN_FLAGS[word];
    if (flag !== undefined) Object.assign(options, { [flag[0]]: flag[1] });
    else if (word === 'dstport') {
      const port = takeNumber(words, 'dst port', 0, 65535);
      hasPort = true;
      options.port = port === 0 ? 8472 : port;
    } else takeVxlanValue(words, word, options, netns);
  }
  if (options.id === undefined) {
    throw new CommandError('vxlan: missing virtual network identifier\n', 1);
  }
  if (!hasPort) {
    writeError(
      'vxlan: destination port not specified\n' +
        'Will use Linux kernel default (non-standard value)\n' +
        "Use 'dstport 4789' to get the IANA assigned value\n" +
        "Use 'dstport 0' to get default and quiet this message\n",
    );
    options.port = 8472;
  }
  return options as VxlanOptions; // id was checked above
}

function takeVxlanValue(
  words: Words,
  word: string,
  options: Mutable<Partial<VxlanOptions>>,
  netns: NetNamespace,
): void {
  if (word === 'id' || word === 'vni') {
    options.id = takeNumber(words, 'invalid id', 0, 0xffffff);
  } else if (word === 'remote' || word === 'group') options.remote = takeAddress(words);
  else if (word === 'local') options.local = takeAddress(words);
  else if (word === 'dev') options.lower = deviceByName(netns, takeValue(words));
  else if (word === 'srcport') {
    options.sourcePortLow = takeNumber(words, 'min port', 0, 65535);
    options.sourcePortHigh = takeNumber(words, 'max port', 0, 65535);
  } else if (word === 'ttl' || word === 'hoplimit') {
    const value = takeValue(words);
    options.ttl = value === 'inherit' ? 'inherit' : value === 'auto' ? 0 : Number(value);
    if (Number.isNaN(options.ttl)) throw wrongArgument(value, 'invalid TTL');
  } else if (word === 'tos' || word === 'dsfield') {
    const value = takeValue(words);
    options.tos = value === 'inherit' ? 1 : (parseNumber(value) ?? 0);
  } else if (word === 'df') {
    const value = takeValue(words);
    if (value !== 'unset' && value !== 'set' && value !== 'inherit') {
      throw wrongArgument(value, "DF must be 'unset', 'set' or 'inherit'");
    }
    options.df = value;
  } else if (word === 'ageing') options.ageingSec = takeNumber(words, 'ageing timer');
  else if (word === 'maxaddress') options.maxEntries = takeNumber(words, 'max addresses');
  else if (/^(no)?udp6zerocsum[rt]x$/.test(word)) return;
  else throw notEmulated('ip', `vxlan option ${word}`);
}

function takeMacvlanOptions(words: Words): NonNullable<LinkOptions['macvlan']> {
  const options: Mutable<NonNullable<LinkOptions['macvlan']>> = {};
  for (let word = take(words); word !== null; word = take(words)) {
    if (word !== 'mode') throw notEmulated('ip', `macvlan option ${word}`);
    const value = takeValue(words);
    const mode = MACVLAN_MODES.find((each) => each === value);
    if (mode === undefined) {
      if (value === 'source') throw notEmulated('ip', 'macvlan mode source');
      throw new CommandError(
        'Error: argument of "mode" must be "private", "vepa", "bridge", "passthru" or ' +
          `"source", not "${value}"\n`,
        1,
      );
    }
    options.mode = mode;
  }
  return options;
}

function takeIpvlanOptions(words: Words): NonNullable<LinkOptions['ipvlan']> {
  const options: Mutable<NonNullable<LinkOptions['ipvlan']>> = {};
  for (let word = take(words); word !== null; word = take(words)) {
    const flag = IPVLAN_FLAGS.find((each) => each === word);
    if (flag !== undefined) {
      options.flag = flag;
      continue;
    }
    if (word !== 'mode') throw unknownOption('ipvlan', word);
    const value = takeValue(words);
    const mode = IPVLAN_MODES.find((each) => each === value);
    if (mode === undefined) {
      throw new CommandError('Error: argument of "mode" must be either "l2", "l3" or "l3s"\n', 1);
    }
    options.mode = mode;
  }
  return options;
}

function takeVlanOptions(words: Words): NonNullable<LinkOptions['vlan']> {
  let id: number | null = null;
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'id') id = takeNumber(words, 'id is invalid', 0, 4095);
    else if (word === 'protocol') {
      const value = takeValue(words);
      if (!/^802\.1q$/i.test(value)) throw notEmulated('ip', `vlan protocol ${value}`);
    } else if (['reorder_hdr', 'gvrp', 'mvrp', 'loose_binding'].includes(word)) {
      const isOn = takeOnOff(words, word);
      if (isOn !== (word === 'reorder_hdr')) throw notEmulated('ip', `vlan option ${word}`);
    } else throw notEmulated('ip', `vlan option ${word}`);
  }
  if (id === null) throw new CommandError('vlan: missing vlan id\n', 1);
  return { id };
}
