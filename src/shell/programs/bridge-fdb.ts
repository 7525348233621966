/** `bridge fdb`. @source iproute2 bridge/fdb.c */
import { KernelError } from '../../base/errors.ts';
import { formatIpv4 } from '../../base/ipv4-address.ts';
import { formatMac, formatMacHalves, type Mac, parseMac } from '../../base/mac-address.ts';
import { bridgePortOf } from '../../devices/bridge.ts';
import {
  addBridgeFdb,
  deleteBridgeFdb,
  type FdbState,
  flushBridgeFdb,
  listBridgeFdb,
} from '../../devices/bridge-control.ts';
import { unicastAddressesOf } from '../../devices/unicast-filter.ts';
import { addVxlanFdb, listVxlanFdb, removeVxlanFdb } from '../../devices/vxlan-control.ts';
import { vxlanOf } from '../../devices/vxlan-record.ts';
import type { Device } from '../../engine/device.ts';
import { timeNs } from '../../engine/simulator.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import type { Json } from './format.ts';
import { deviceByName, type IpCommand, writeJson } from './ip-command.ts';
import { ipv6AddressesOf } from './ipv6-show.ts';
import { netnsId } from './netns-ids.ts';
import {
  CommandError,
  findCommand,
  notEmulated,
  take,
  takeAddress,
  takeNumber,
  takeValue,
} from './words.ts';

const COMMANDS = [
  'add',
  'append',
  'replace',
  'delete',
  'show|lst|list',
  'get',
  'flush',
  'help',
] as const;

/** One command of `bridge fdb`. */
export function bridgeFdb(command: IpCommand): number {
  const word = take(command.words);
  if (word === null) return showFdb(command);
  const verb = findCommand(word, COMMANDS);
  switch (verb) {
    case 'add':
    case 'append':
    case 'replace':
      return changeFdb(command, verb);
    case 'delete':
      return deleteFdb(command);
    case 'show|lst|list':
      return showFdb(command);
    case 'flush':
      return flushFdb(command);
    case null:
      throw new CommandError(`Command "${word}" is unknown, try "bridge fdb help".\n`, 255);
    default:
      throw notEmulated('bridge', `fdb ${word}`);
  }
}

/** Addresses that a device takes beside its own (dev_uc_add): no effect on what it receives here. */
const ownAddresses = new WeakMap<Device, Mac[]>();

interface Named {
  readonly device: Device;
  readonly mac: Mac;
  readonly isMaster: boolean;
  readonly isSelf: boolean;
  readonly state: FdbState;
  readonly remote: number;
  readonly port: number | undefined;
  readonly vni: number | undefined;
  readonly via: Device | undefined;
  readonly isRouter: boolean;
  readonly isSticky: boolean;
}

function takeNamed(command: IpCommand): Named {
  const { netns, words } = command;
  let device: string | null = null;
  let mac: string | null = null;
  let isMaster = false;
  let isSelf = false;
  let state: FdbState = 'permanent';
  let remote = 0;
  let port: number | undefined;
  let vni: number | undefined;
  let via: Device | undefined;
  let isRouter = false;
  let isSticky = false;
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'dev') device = takeValue(words);
    else if (word === 'dst') remote = takeAddress(words);
    else if (word === 'port') port = takeNumber(words, 'invalid port', 0, 65535);
    else if (word === 'vni') vni = takeNumber(words, 'invalid VNI', 0, 0xffffff);
    else if (word === 'via') via = deviceByName(netns, takeValue(words), 255);
    else if (word === 'self') isSelf = true;
    else if (word === 'master') isMaster = true;
    else if (word === 'router') isRouter = true;
    else if (word === 'sticky') isSticky = true;
    else if (word === 'local' || 'permanent'.startsWith(word)) state = 'permanent';
    else if (word === 'temp' || 'static'.startsWith(word)) state = 'static';
    else if ('dynamic'.startsWith(word)) state = 'dynamic';
    else if (['vlan', 'src_vni', 'use', 'extern_learn', 'nhid', 'activity_notify'].includes(word)) {
      throw notEmulated('bridge', `fdb ${word}`);
    } else mac = word === 'to' ? takeValue(words) : word;
  }
  if (device === null || mac === null) {
    throw new CommandError('Device and address are required arguments.\n', 255);
  }
  const parsed = parseMac(mac);
  if (parsed === null) throw new CommandError(`Invalid mac address ${mac}\n`, 255);
  if (!isMaster) isSelf = true;
  const found = deviceByName(netns, device, 255);
  const rest = { isMaster, isSelf, state, remote, port, vni, via, isRouter, isSticky };
  return { device: found, mac: parsed, ...rest };
}

function changeFdb(command: IpCommand, verb: 'add' | 'append' | 'replace'): number {
  const { context, netns } = command;
  const named = takeNamed(command);
  const { device, mac, state, isSticky } = named;
  const isReplace = verb === 'replace';
  context.kernel(() => {
    if (named.isMaster) {
      if (device.master === null) throw new KernelError('EOPNOTSUPP');
      addBridgeFdb(netns.sim, device, { mac, state, isSticky, isReplace });
    }
    if (!named.isSelf) return;
    if (device.kind === 'vxlan') addToVxlan(netns, named, verb);
    else if (device.kind === 'bridge') {
      addBridgeFdb(netns.sim, device, { mac, state, isSticky, isReplace });
    } else if (named.remote !== 0) throw new KernelError('EOPNOTSUPP');
    else ownAddresses.set(device, [...(ownAddresses.get(device) ?? []), mac]);
  });
  return 0;
}

function addToVxlan(netns: NetNamespace, named: Named, how: 'add' | 'append' | 'replace'): void {
  const { device, mac, remote, state, port, vni, via, isRouter } = named;
  addVxlanFdb(netns.sim, device, {
    mac,
    remote,
    state,
    how,
    isRouter,
    ...(port === undefined ? {} : { port }),
    ...(vni === undefined ? {} : { vni }),
    ...(via === undefined ? {} : { via }),
  });
}

function deleteFdb(command: IpCommand): number {
  const { context } = command;
  const { device, mac, isMaster, isSelf, remote, port, vni, via } = takeNamed(command);
  context.kernel(() => {
    if (isMaster) {
      if (device.master === null) throw new KernelError('EOPNOTSUPP');
      deleteBridgeFdb(device, mac);
    }
    if (!isSelf) return;
    if (device.kind === 'vxlan') {
      removeVxlanFdb(device, mac, remote, {
        ...(port === undefined ? {} : { port }),
        ...(vni === undefined ? {} : { vni }),
        ...(via === undefined ? {} : { via }),
      });
    } else if (device.kind === 'bridge') deleteBridgeFdb(device, mac);
    else {
      const own = ownAddresses.get(device) ?? [];
      if (!own.includes(mac)) throw new KernelError('ENOENT');
      ownAddresses.set(
        device,
        own.filter((each) => each !== mac),
      );
    }
  });
  return 0;
}

function flushFdb(command: IpCommand): number {
  const { context, netns, words } = command;
  let device: Device | null = null;
  for (let word = take(words); word !== null; word = take(words)) {
    if (word !== 'dev') throw notEmulated('bridge', `fdb flush ${word}`);
    device = deviceByName(netns, takeValue(words), 255);
  }
  if (device === null) throw new CommandError('Device is a required argument.\n', 255);
  const found = device;
  if (found.kind !== 'bridge') throw notEmulated('bridge', 'fdb flush of a port');
  context.kernel(() => flushBridgeFdb(found, null));
  return 0;
}

/** One line of the table. */
interface Row {
  readonly mac: string;
  readonly device: Device;
  readonly state: string;
  /** The bridge whose entry it is; null for the device's own. */
  readonly master: Device | null;
  readonly updatedNs: number;
  readonly usedNs: number;
  /** `dst 192.168.0.13 link-netnsid 0`, as pairs. */
  readonly remote: ReadonlyArray<readonly [string, string | number]>;
}

interface Filter {
  bridge: Device | null;
  device: Device | null;
  isDynamic: boolean;
  state: string | null;
}

function takeFilter(command: IpCommand): Filter {
  const { netns, words } = command;
  const filter: Filter = { bridge: null, device: null, isDynamic: false, state: null };
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'br') {
      const name = takeValue(words);
      filter.bridge = netns.deviceByName.get(name) ?? null;
      if (filter.bridge === null) {
        throw new CommandError(`Cannot find bridge device "${name}"\n`, 255);
      }
    } else if (word === 'dev' || word === 'brport') {
      filter.device = deviceByName(netns, takeValue(words), 255);
    } else if (word === 'dynamic') filter.isDynamic = true;
    else if (word === 'state') filter.state = takeValue(words);
    else if (word === 'vlan' || word === 'nhid') throw notEmulated('bridge', `fdb show ${word}`);
    else filter.device = deviceByName(netns, word, 255);
  }
  return filter;
}

function showFdb(command: IpCommand): number {
  const { context, netns, options } = command;
  const filter = takeFilter(command);
  const rows = netns.devices
    .filter((device) => {
      if (filter.device !== null && device !== filter.device) return false;
      if (filter.bridge === null) return true;
      return device === filter.bridge || device.master === filter.bridge;
    })
    .flatMap((device) => rowsOf(netns, device))
    .filter((row) => {
      if (filter.isDynamic && row.state !== '') return false;
      return filter.state === null || row.state === filter.state || filter.state === 'all';
    });
  const hasDevice = filter.device === null;
  if (options.isJson) {
    writeJson(
      command,
      rows.map((row) => rowJson(row, hasDevice)),
    );
    return 0;
  }
  const isTimed = options.statistics > 0;
  for (const row of rows) context.write(`${rowText(row, hasDevice, isTimed)}\n`);
  return 0;
}

function rowText(row: Row, hasDevice: boolean, isTimed: boolean): string {
  let text = `${row.mac} `;
  if (hasDevice) text += `dev ${row.device.name} `;
  for (const [name, value] of row.remote) text += `${name} ${value} `;
  if (isTimed) {
    const seconds = (ns: number): number => Math.floor((timeNs(row.device.netns.sim) - ns) / 1e9);
    text += `used ${seconds(row.usedNs)}/${seconds(row.updatedNs)} `;
  }
  text += row.master === null ? 'self ' : `master ${row.master.name} `;
  return text + row.state;
}

function rowJson(row: Row, hasDevice: boolean): Json {
  return {
    mac: row.mac,
    ifname: hasDevice ? row.device.name : undefined,
    ...Object.fromEntries(row.remote.map(([name, value]) => [name.replace('-', '_'), value])),
    flags: row.master === null ? ['self'] : [],
    master: row.master?.name,
    state: row.state,
  };
}

/** What the kernel dumps for one device: the bridge's entries for it, then its own. */
function rowsOf(netns: NetNamespace, device: Device): Row[] {
  if (device.kind === 'bridge') return [...ownRows(device), ...bridgeRows(netns, device, device)];
  const { master } = device;
  const rows = master?.kind === 'bridge' ? bridgeRows(netns, master, device) : [];
  return [...rows, ...(device.kind === 'vxlan' ? vxlanRows(netns, device) : ownRows(device))];
}

/** A bridge's entries that point to `device` (the bridge itself: its own addresses). */
function bridgeRows(netns: NetNamespace, bridge: Device, device: Device): Row[] {
  const port = device === bridge ? null : bridgePortOf(device);
  return listBridgeFdb(netns.sim, bridge)
    .filter((entry) => entry.port === port)
    .map((entry) => ({
      mac: formatMacHalves(entry.hi, entry.lo),
      device,
      state: entry.isLocal ? 'permanent' : entry.isStatic ? 'static' : '',
      master: bridge,
      updatedNs: entry.updatedNs,
      usedNs: entry.usedNs,
      remote: [],
    }));
}

function vxlanRows(netns: NetNamespace, device: Device): Row[] {
  const vxlan = vxlanOf(device);
  const birth = vxlan.birth;
  return listVxlanFdb(netns.sim, device).flatMap((entry) =>
    entry.remotes.map((remote) => {
      const parts: Array<readonly [string, string | number]> = [];
      if (remote.address !== 0) parts.push(['dst', formatIpv4(remote.address)]);
      if (remote.port !== 0 && remote.port !== vxlan.port) parts.push(['port', remote.port]);
      if (remote.vni >= 0 && remote.vni !== vxlan.id) parts.push(['vni', remote.vni]);
      if (remote.device !== null) parts.push(['via', remote.device.name]);
      if (birth !== netns) parts.push(['link-netnsid', netnsId(netns, birth as NetNamespace)]);
      return {
        mac: formatMacHalves(entry.hi, entry.lo),
        device,
        state: entry.state === 'dynamic' ? '' : entry.state,
        master: null,
        updatedNs: entry.updatedNs,
        usedNs: entry.usedNs,
        remote: parts,
      };
    }),
  );
}

const ALL_NODES = ['33:33:00:00:00:01'];
const ALL_HOSTS = ['01:00:5e:00:00:01'];
const ALL_SNOOPERS = ['01:00:5e:00:00:6a', '33:33:00:00:00:6a'];

/** The group in which others ask for a link-local address: 33:33:ff and its last 24 bits. */
function solicitedGroup(device: Device): string[] {
  if (ipv6AddressesOf(device).length === 0) return [];
  return [formatMacHalves(0x3333, 0xff000000 | (device.macLo & 0xffffff))];
}

/** The multicast groups that a device listens to, and addresses added by hand. */
function ownRows(device: Device): Row[] {
  if (device.isLoopback) return [];
  const own = [...(ownAddresses.get(device) ?? []), ...unicastAddressesOf(device)].map(formatMac);
  const groups = device.isUp
    ? [...ALL_NODES, ...(device.kind === 'bridge' ? ALL_SNOOPERS : []), ...ALL_HOSTS]
    : ALL_NODES;
  return [...own, ...groups, ...solicitedGroup(device)].map((mac) => ({
    mac,
    device,
    state: 'permanent',
    master: null,
    updatedNs: 0,
    usedNs: 0,
    remote: [],
  }));
}
