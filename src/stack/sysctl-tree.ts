/**
 * Settings by their keys in text: what sysctl(8) and /proc/sys show and take. A key has dots between its
 * parts; a dot within a device's name is written as a slash, as sysctl(8) does: net.ipv4.conf.eth0/10.rp_filter.
 * @source net/ipv4/devinet.c devinet_sysctl_forward(), devinet_conf_proc(); kernel/sysctl.c
 */
import { KernelError } from '../base/errors.ts';
import type { Device } from '../engine/device.ts';
import {
  conntrackSysctlKeys,
  readConntrackSysctl,
  writeConntrackSysctl,
} from '../netfilter/conntrack-settings.ts';
import { ipvsOf } from '../netfilter/ipvs/ipvs.ts';
import { ipvsSysctlKeys, readIpvsSysctl, writeIpvsSysctl } from '../netfilter/ipvs/settings.ts';
import type { NetNamespace } from './namespace.ts';
import { listConf, readConf, writeConf } from './sysctl-conf.ts';
import { listNeighbourSettings, readNeighbour, writeNeighbour } from './sysctl-neighbour.ts';
import {
  INERT_DEFAULTS,
  IPV6_CONF_DEFAULTS,
  type NumberField,
  SYSCTL_ROWS,
  type SysctlRow,
} from './sysctl-rows.ts';
import { parseSysctlNumbers } from './sysctl-value.ts';

const IP_FORWARD = 'net.ipv4.ip_forward';
const CONGESTION = 'net.ipv4.tcp_congestion_control';
const CONGESTION_KNOWN = ['reno', 'cubic'];
const CONNTRACK_COUNT = 'net.netfilter.nf_conntrack_count';

/** Keys that can only be read. */
const READ_ONLY: Readonly<Record<string, (netns: NetNamespace) => string>> = {
  'net.ipv4.tcp_available_congestion_control': () => CONGESTION_KNOWN.join(' '),
  [CONNTRACK_COUNT]: (netns) => String(netns.netfilter.conntrack.count),
};

/** The value of a setting, without a line end; null if there is no such key. */
export function readSysctl(netns: NetNamespace, key: string): string | null {
  const { sysctl } = netns;
  const row = SYSCTL_ROWS.get(key);
  if (row !== undefined) return row.fields.map((field) => sysctl[field]).join('\t');
  if (key === IP_FORWARD) return String(sysctl.ipForward);
  if (key === CONGESTION) return sysctl.tcpCongestionControl;
  const made = READ_ONLY[key];
  if (made !== undefined) return made(netns);
  if (key.startsWith('net.ipv4.conf.')) return readConf(netns, key);
  if (key.startsWith('net.ipv4.neigh.')) return readNeighbour(netns, key);
  if (key.startsWith('net.ipv4.vs.')) {
    return readIpvsSysctl(netns.netfilter.ipvs?.settings ?? null, key);
  }
  const tracked = readConntrackSysctl(netns.netfilter.conntrack.settings, key);
  return tracked ?? readInert(netns, key);
}

/**
 * Sets a setting.
 * @throws KernelError ENOENT: no such key; EINVAL: not a value for it; EACCES: read only.
 */
export function writeSysctl(netns: NetNamespace, key: string, value: string): void {
  const { sysctl } = netns;
  const text = value.trim();
  const row = SYSCTL_ROWS.get(key);
  if (row !== undefined) {
    writeRow(netns, row, text);
  } else if (key === IP_FORWARD) {
    writeConf(netns, 'net.ipv4.conf.all.forwarding', text);
  } else if (key === CONGESTION) {
    if (!CONGESTION_KNOWN.includes(text)) throw new KernelError('ENOENT');
    sysctl.tcpCongestionControl = text;
  } else if (READ_ONLY[key] !== undefined) {
    throw new KernelError('EACCES');
  } else if (key.startsWith('net.ipv4.conf.')) {
    writeConf(netns, key, text);
  } else if (key.startsWith('net.ipv4.neigh.')) {
    writeNeighbour(netns, key, text);
  } else if (key.startsWith('net.ipv4.vs.')) {
    writeIpvs(netns, key, text);
  } else if (readInert(netns, key) !== null) {
    sysctl.inert.set(key, text);
  } else {
    const { settings } = netns.netfilter.conntrack;
    if (readConntrackSysctl(settings, key) === null) throw new KernelError('ENOENT');
    if (!writeConntrackSysctl(settings, key, text)) throw new KernelError('EINVAL');
  }
  netns.fib.generation++;
}

/** All keys, in alphabetical order. */
export function listSysctls(netns: NetNamespace): readonly string[] {
  const places = ['all', 'default', ...netns.devices.map(keyNameOf)];
  return [
    ...SYSCTL_ROWS.keys(),
    IP_FORWARD,
    CONGESTION,
    ...Object.keys(READ_ONLY),
    ...listConf(netns),
    ...listNeighbourSettings(netns),
    ...conntrackSysctlKeys(),
    ...ipvsSysctlKeys(),
    ...INERT_DEFAULTS.keys(),
    ...places.flatMap((place) =>
      [...IPV6_CONF_DEFAULTS.keys()].map((name) => `net.ipv6.conf.${place}.${name}`),
    ),
  ].sort();
}

function writeIpvs(netns: NetNamespace, key: string, text: string): void {
  if (readIpvsSysctl(null, key) === null) throw new KernelError('ENOENT');
  if (!writeIpvsSysctl(ipvsOf(netns.netfilter).settings, key, text))
    throw new KernelError('EINVAL');
}

function keyNameOf(device: Device): string {
  return device.name.replaceAll('.', '/');
}

function readInert(netns: NetNamespace, key: string): string | null {
  const written = netns.sysctl.inert.get(key);
  if (written !== undefined) return written;
  const known = INERT_DEFAULTS.get(key);
  if (known !== undefined) return known;
  const match = /^net\.ipv6\.conf\.([^.]+)\.([a-z0-9_]+)$/.exec(key);
  if (match === null) return null;
  const [, place = '', name = ''] = match;
  const isPlace =
    place === 'all' || place === 'default' || netns.deviceByName.has(place.replaceAll('/', '.'));
  if (!isPlace) return null;
  // A device has what was written for all of them.
  const ofAll =
    place === 'default' ? undefined : netns.sysctl.inert.get(`net.ipv6.conf.all.${name}`);
  return ofAll ?? IPV6_CONF_DEFAULTS.get(name) ?? null;
}

function writeRow(netns: NetNamespace, row: SysctlRow, text: string): void {
  const { sysctl } = netns;
  const numbers = parseSysctlNumbers(text, row.least, row.most);
  // A vector may be written in part: the rest stays.
  const values = row.fields.map((field, i) => numbers[i] ?? sysctl[field]);
  const [low = 0, high = 0] = values;
  if (row.key === 'net.ipv4.ip_local_port_range') {
    if (high < low || low < sysctl.ipUnprivilegedPortStart) throw new KernelError('EINVAL');
  }
  for (const [i, field] of row.fields.entries()) setField(netns, field, values[i]!);
}

function setField(netns: NetNamespace, field: NumberField, value: number): void {
  netns.sysctl[field] = value;
}
