/** How `ip link` and `ip addr` show a device. @source iproute2 ip/ipaddress.c print_linkinfo() */
import { bridgeOf, bridgePortOf } from '../../devices/bridge.ts';
import { listBridgeFdb } from '../../devices/bridge-control.ts';
import { deviceKindOf } from '../../devices/index.ts';
import { vxlanOf } from '../../devices/vxlan-record.ts';
import { engineOf } from '../../docker/engine.ts';
import type { Device } from '../../engine/device.ts';
import { deviceOperState } from '../../stack/link.ts';
import { type NetNamespace, namespaceOf } from '../../stack/namespace.ts';
import { memberOf } from '../../swarm/member.ts';
import {
  describeBridgePort,
  withNewBridgeWords,
  withNewVxlanWords,
  withVlanWords,
} from './bridge-describe.ts';
import { type Json, macText } from './format.ts';
import type { IpCommand } from './ip-command.ts';
import { linkAttributes } from './link-attributes.ts';
import { foreignNetns, linkOf, netnsId, netnsName } from './netns-ids.ts';

const KINDS_WITHOUT_LINK_KIND = ['loopback', 'cable'];

/** The flags in angle brackets. */
export function linkFlags(device: Device): string[] {
  const flags = deviceFlags(device);
  const link = linkOf(device);
  if (link !== null && foreignNetns(device) === null && !link.isUp) flags.push('M-DOWN');
  return flags;
}

/** The device's own flags, whatever its link does. */
export function deviceFlags(device: Device): string[] {
  const state = deviceOperState(device);
  const attributes = linkAttributes(device);
  const flags: string[] = [];
  if (device.isUp && state !== 'UP' && state !== 'UNKNOWN') flags.push('NO-CARRIER');
  if (device.isLoopback) flags.push('LOOPBACK');
  else flags.push('BROADCAST');
  if (device.kind === 'dummy') flags.push('NOARP');
  else if (!device.isLoopback) {
    flags.push('MULTICAST');
    if (!device.hasArp) flags.push('NOARP');
  }
  if (attributes.isAllMulticast) flags.push('ALLMULTI');
  if (attributes.isPromiscuous) flags.push('PROMISC');
  if (device.isUp) flags.push('UP');
  if (device.isUp && device.hasCarrier) flags.push('LOWER_UP');
  return flags;
}

/** `eth0@if3`, `veth0@veth1`, `br0`. */
export function linkName(device: Device): string {
  const link = linkOf(device);
  if (link === null) return device.name;
  return foreignNetns(device) === null
    ? `${device.name}@${link.name}`
    : `${device.name}@if${link.index}`;
}

/** The queueing discipline's name. */
export function disciplineName(device: Device): string {
  const attributes = linkAttributes(device);
  return attributes.queueDiscipline ?? (attributes.wasUp ? 'noqueue' : 'noop');
}

export interface ShowLinkOptions {
  /** `ip link` shows more than `ip addr`. */
  readonly isLink: boolean;
  /** `ip -4 addr` leaves the second line out. */
  readonly hasMac: boolean;
}

/** The lines of one device, without statistics. */
export function linkLines(command: IpCommand, device: Device, show: ShowLinkOptions): string[] {
  const attributes = linkAttributes(device);
  const flags = linkFlags(device);
  const master = device.master === null ? '' : `master ${device.master.name} `;
  const mode = show.isLink ? 'mode DEFAULT ' : '';
  const first =
    `${device.index}: ${linkName(device)}: <${flags.join(',')}> mtu ${device.mtuBytes} ` +
    `qdisc ${disciplineName(device)} ${master}state ${deviceOperState(device)} ${mode}` +
    `group ${groupText(attributes.group)} ${queueLengthText(device)}`;
  const away = foreignText(command, device);
  if (!show.hasMac) return [first + away];
  const type = device.isLoopback ? 'loopback' : 'ether';
  const second = `    link/${type} ${macText(device)} brd ${broadcastText(device)}${away}`;
  const lines = [first, second];
  if (command.options.isDetailed) addDetails(command, lines, device, show);
  if (attributes.alias !== null) lines.push(`    alias ${attributes.alias}`);
  return lines;
}

/** Nothing for a queue of none. @source iproute2 ip/ipaddress.c print_queuelen() */
function queueLengthText({ txQueueLength }: Device): string {
  return txQueueLength === 0 ? '' : `qlen ${txQueueLength}`;
}

function groupText(group: number): string {
  return group === 0 ? 'default' : String(group);
}

function broadcastText(device: Device): string {
  return device.isLoopback ? '00:00:00:00:00:00' : 'ff:ff:ff:ff:ff:ff';
}

/** ` link-netns a` or ` link-netnsid 0` if the link is in another namespace. */
function foreignText(command: IpCommand, device: Device): string {
  const other = foreignNetns(device);
  if (other === null) return '';
  const id = netnsId(namespaceOf(device), other);
  const name = netnsName(command.context.machine, other);
  return name === null ? ` link-netnsid ${id}` : ` link-netns ${name}`;
}

/** What `-d` adds: limits, the kind's own settings, a port's settings, queues and offloads. */
function addDetails(
  command: IpCommand,
  lines: string[],
  device: Device,
  show: ShowLinkOptions,
): void {
  const isNew = command.context.machine.release === 'debian-13';
  const kind = deviceKindOf(device.kind);
  const port = bridgePortOf(device);
  const isPort = port !== null ? 1 : 0;
  const minimum = kind?.minMtuBytes ?? 0;
  const maximum = kind?.maxMtuBytes ?? 0;
  const second = lines.length - 1;
  lines[second] +=
    ` promiscuity ${device.promiscuousCount} ${isNew ? '' : ' '}allmulti ${isPort} ` +
    `minmtu ${minimum} maxmtu ${maximum} `;
  if (kind !== null) {
    lines.push(`    ${describeKind(command, device, kind.describe(device).trimEnd(), isNew)} `);
  }
  if (port !== null) lines.push(`    ${describeBridgePort(port, isNew)} `);
  const queues = device.kind === 'veth' ? 2 : 1;
  const mode = show.isLink ? 'addrgenmode eui64 ' : '';
  lines[lines.length - 1] +=
    `${mode}numtxqueues ${queues} numrxqueues ${queues} gso_max_size 65536 ` +
    `gso_max_segs 65535 tso_max_size ${tsoMaxBytes(device)} tso_max_segs 65535 gro_max_size 65536 `;
  if (isNew) lines[lines.length - 1] += 'gso_ipv4_max_size 65536 gro_ipv4_max_size 65536 ';
}

/** The settings of a kind, in the words of the machine's iproute2 and kernel. */
function describeKind(command: IpCommand, device: Device, text: string, isNew: boolean): string {
  if (device.kind === 'vxlan') return isNew ? withNewVxlanWords(text) : text;
  if (device.kind !== 'bridge') return text;
  const { machine } = command.context;
  const engine = engineOf(machine.host ?? machine);
  const isVlanKernel = engine !== null && memberOf(engine) !== null;
  const words = isVlanKernel ? withVlanWords(text, bridgeOf(device)) : text;
  if (!isNew) return words;
  return withNewBridgeWords(words, learnedCount(device));
}

/** Entries of a bridge's table that it learned from frames. */
function learnedCount(bridge: Device): number {
  const entries = listBridgeFdb(namespaceOf(bridge).sim, bridge);
  return entries.filter(({ isLocal, isStatic }) => !isLocal && !isStatic).length;
}

/** Devices without one below have the default. */
function tsoMaxBytes(device: Device): number {
  if (device.kind === 'veth' || device.isLoopback) return 524280;
  if (device.kind === 'bridge') {
    const ports = namespaceOf(device).devices.filter(({ master }) => master === device);
    return ports.length === 0 ? 65536 : Math.min(...ports.map(tsoMaxBytes));
  }
  const lower = device.kind === 'vxlan' ? vxlanOf(device).lower : device.lower;
  return lower === null ? 65536 : tsoMaxBytes(lower);
}

/** The statistics of `-s`. @source iproute2 ip/ipaddress.c print_stats64() */
export function statisticsLines(device: Device): string[] {
  const rx = [device.rxBytes, device.rxPackets, 0, device.rxDropped, 0, 0];
  const tx = [device.txBytes, device.txPackets, 0, device.txDropped, 0, 0];
  const widths = [10, 7, 6, 7, 7, 7].map((width, index) =>
    Math.max(width, String(rx[index]).length, String(tx[index]).length),
  );
  const row = (cells: readonly (number | string)[], from = 0): string =>
    cells.map((cell, index) => String(cell).padStart(widths[index + from]!)).join(' ');
  const head = (name: string, names: readonly string[]): string =>
    `    ${name}: ${names[0]!.padStart(widths[0]! - 4)} ${row(names.slice(1), 1)}${' '.repeat(11)}`;
  return [
    head('RX', ['bytes', 'packets', 'errors', 'dropped', 'missed', 'mcast']),
    `    ${row(rx)} `,
    head('TX', ['bytes', 'packets', 'errors', 'dropped', 'carrier', 'collsns']),
    `    ${row(tx)} `,
  ];
}

/** What both JSON forms begin with. */
export function linkJson(
  command: IpCommand,
  device: Device,
  show: ShowLinkOptions,
): Record<string, Json | undefined> {
  const link = linkOf(device);
  const other = foreignNetns(device);
  const attributes = linkAttributes(device);
  const json: Record<string, Json | undefined> = {
    ifindex: device.index,
    link: link !== null && other === null ? link.name : undefined,
    link_index: other !== null ? link?.index : undefined,
    ifname: device.name,
    flags: linkFlags(device),
    mtu: device.mtuBytes,
    qdisc: disciplineName(device),
    master: device.master?.name,
    operstate: deviceOperState(device),
    linkmode: show.isLink ? 'DEFAULT' : undefined,
    group: groupText(attributes.group),
    txqlen: device.txQueueLength === 0 ? undefined : device.txQueueLength,
  };
  if (show.hasMac) {
    json.link_type = device.isLoopback ? 'loopback' : 'ether';
    json.address = macText(device);
    json.broadcast = broadcastText(device);
  }
  if (other !== null) json.link_netnsid = netnsId(namespaceOf(device), other);
  json.ifalias = attributes.alias ?? undefined;
  if (command.options.isDetailed) Object.assign(json, detailsJson(device, show));
  if (command.options.statistics > 0) json.stats64 = statisticsJson(device);
  return json;
}

/** Unlike the real one, without info_data: the kind alone. */
function detailsJson(device: Device, show: ShowLinkOptions): Record<string, Json | undefined> {
  const kind = deviceKindOf(device.kind);
  const port = bridgePortOf(device);
  const queues = device.kind === 'veth' ? 2 : 1;
  const hasKind = !KINDS_WITHOUT_LINK_KIND.includes(device.kind);
  return {
    promiscuity: device.promiscuousCount,
    allmulti: port === null ? 0 : 1,
    min_mtu: kind?.minMtuBytes ?? 0,
    max_mtu: kind?.maxMtuBytes ?? 0,
    linkinfo: hasKind
      ? { info_kind: device.kind, info_slave_kind: port === null ? undefined : 'bridge' }
      : undefined,
    inet6_addr_gen_mode: show.isLink ? 'eui64' : undefined,
    num_tx_queues: queues,
    num_rx_queues: queues,
    gso_max_size: 65536,
    gso_max_segs: 65535,
    tso_max_size: tsoMaxBytes(device),
    tso_max_segs: 65535,
    gro_max_size: 65536,
  };
}

function statisticsJson(device: Device): Json {
  return {
    rx: {
      bytes: device.rxBytes,
      packets: device.rxPackets,
      errors: 0,
      dropped: device.rxDropped,
      over_errors: 0,
      multicast: 0,
    },
    tx: {
      bytes: device.txBytes,
      packets: device.txPackets,
      errors: 0,
      dropped: device.txDropped,
      carrier_errors: 0,
      collisions: 0,
    },
  };
}

/** The beginning of a line of `-br`: name and state. */
export function briefStart(device: Device): string {
  return `${linkName(device).padEnd(16)} ${deviceOperState(device).padEnd(14)} `;
}

/** Which devices a `show` is about. */
export interface LinkFilter {
  readonly device: Device | null;
  readonly kind: string | null;
  readonly master: Device | null;
  readonly isUp: boolean;
  readonly group: number | null;
}

/** The devices of a namespace that pass the filter, by index. */
export function filterLinks(netns: NetNamespace, filter: LinkFilter): Device[] {
  return netns.devices.filter((device) => {
    if (filter.device !== null && filter.device !== device) return false;
    if (filter.kind !== null && !isOfKind(device, filter.kind)) return false;
    if (filter.master !== null && device.master !== filter.master) return false;
    if (filter.group !== null && linkAttributes(device).group !== filter.group) return false;
    return !filter.isUp || device.isUp;
  });
}

function isOfKind(device: Device, kind: string): boolean {
  if (kind === 'bridge_slave') return device.master !== null;
  return device.kind === kind && !KINDS_WITHOUT_LINK_KIND.includes(kind);
}
