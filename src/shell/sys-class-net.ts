/** The files of /sys/class/net/DEVICE. @source net/core/net-sysfs.c */
import type { Device } from '../engine/device.ts';
import { deviceOperState } from '../stack/link.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { macText } from './programs/format.ts';

type Reader = (device: Device) => string | number;

const FILES: Readonly<Record<string, Reader>> = {
  address: macText,
  broadcast: (device) => (device.isLoopback ? '00:00:00:00:00:00' : 'ff:ff:ff:ff:ff:ff'),
  carrier: (device) => (device.hasCarrier ? 1 : 0),
  ifindex: (device) => device.index,
  iflink: (device) => device.lower?.index ?? device.index,
  mtu: (device) => device.mtuBytes,
  operstate: (device) => deviceOperState(device).toLowerCase(),
  type: (device) => (device.isLoopback ? 772 : 1),
};

const STATISTICS: Readonly<Record<string, Reader>> = {
  rx_bytes: (device) => device.rxBytes,
  rx_dropped: (device) => device.rxDropped,
  rx_packets: (device) => device.rxPackets,
  tx_bytes: (device) => device.txBytes,
  tx_dropped: (device) => device.txDropped,
  tx_packets: (device) => device.txPackets,
};

/** The content of DEVICE/FILE; null if there is none. */
export function readSysClassNet(netns: NetNamespace, path: string): string | null {
  const [name, ...rest] = path.split('/');
  const device = netns.deviceByName.get(name ?? '');
  if (device === undefined) return null;
  const file = rest.join('/');
  const reader = file.startsWith('statistics/') ? STATISTICS[file.slice(11)] : FILES[file];
  return reader === undefined ? null : `${reader(device)}\n`;
}

/** What is in the folder ``, DEVICE or DEVICE/statistics; null if there is no such folder. */
export function listSysClassNet(netns: NetNamespace, path: string): string[] | null {
  if (path === '') return [...netns.deviceByName.keys()].sort();
  const [name, folder] = path.split('/');
  if (!netns.deviceByName.has(name ?? '')) return null;
  if (folder === undefined) return [...Object.keys(FILES), 'statistics'].sort();
  return folder === 'statistics' ? Object.keys(STATISTICS) : null;
}
