/**
 * net.ipv4.conf.{all,default,DEV}.*
 * @source net/ipv4/devinet.c devinet_conf_proc(), devinet_copy_dflt_conf(), inet_forward_change()
 */
import { KernelError } from '../base/errors.ts';
import { type InetConf, inetOf, makeInetConf } from './inet.ts';
import type { NetNamespace } from './namespace.ts';
import { camelCaseOf, parseSysctlNumbers, snakeCaseOf } from './sysctl-value.ts';

type ConfField = keyof InetConf;

/** drop_unicast_in_l2_multicast does not survive the way there and back. */
const ODD_NAMES: Readonly<Record<string, ConfField>> = {
  drop_unicast_in_l2_multicast: 'dropUnicastInL2Multicast',
};

const FIELDS = Object.keys(makeInetConf()) as ConfField[]; // the record has no other keys

const BY_NAME: ReadonlyMap<string, ConfField> = new Map([
  ...FIELDS.map((field): [string, ConfField] => [snakeCaseOf(field), field]),
  ...Object.entries(ODD_NAMES),
]);

const NAMES = FIELDS.map((field) =>
  field === 'dropUnicastInL2Multicast' ? 'drop_unicast_in_l2_multicast' : snakeCaseOf(field),
);

interface Found {
  readonly place: string;
  readonly conf: InetConf;
  readonly field: ConfField;
}

/** All keys of the folder. */
export function listConf(netns: NetNamespace): string[] {
  const places = ['all', 'default', ...netns.devices.map((each) => each.name.replaceAll('.', '/'))];
  return places.flatMap((place) => NAMES.map((name) => `net.ipv4.conf.${place}.${name}`));
}

export function readConf(netns: NetNamespace, key: string): string | null {
  const found = find(netns, key);
  return found === null ? null : String(found.conf[found.field]);
}

/** @throws KernelError ENOENT, EINVAL */
export function writeConf(netns: NetNamespace, key: string, text: string): void {
  const found = find(netns, key);
  if (found === null) throw new KernelError('ENOENT');
  const { place, conf, field } = found;
  if (field === 'mcForwarding') throw new KernelError('EACCES');
  const value = parseSysctlNumbers(text, -0x80000000, 0x7fffffff)[0]!;
  if (place === 'all' && field === 'forwarding') {
    if (value !== conf.forwarding) changeForwarding(netns, value);
    return;
  }
  conf[field] = value;
  if (place === 'default') {
    followDefault(netns, field, value);
  } else if (place !== 'all') {
    const device = netns.deviceByName.get(place);
    if (device !== undefined) inetOf(device).pinned.add(field);
  }
}

/** The switch of the whole machine: sets that of every device, and redirects the other way. */
function changeForwarding(netns: NetNamespace, value: number): void {
  const { sysctl } = netns;
  sysctl.ipForward = value;
  sysctl.confAll.forwarding = value;
  sysctl.confAll.acceptRedirects = value === 0 ? 1 : 0;
  sysctl.confDefault.forwarding = value;
  for (const device of netns.devices) inetOf(device).conf.forwarding = value;
}

/** Devices without an address, on which the setting was never written, follow the default. */
function followDefault(netns: NetNamespace, field: ConfField, value: number): void {
  for (const device of netns.devices) {
    const inet = inetOf(device);
    if (!inet.isPinned && !inet.pinned.has(field)) inet.conf[field] = value;
  }
}

function find(netns: NetNamespace, key: string): Found | null {
  const parts = key.slice('net.ipv4.conf.'.length).split('.');
  const [folder = '', name = ''] = parts;
  const field = BY_NAME.get(name) ?? BY_NAME.get(snakeCaseOf(camelCaseOf(name)));
  if (parts.length !== 2 || field === undefined) return null;
  const { confAll, confDefault } = netns.sysctl;
  if (folder === 'all') return { place: folder, conf: confAll, field };
  if (folder === 'default') return { place: folder, conf: confDefault, field };
  const place = folder.replaceAll('/', '.');
  const device = netns.deviceByName.get(place);
  return device === undefined ? null : { place, conf: inetOf(device).conf, field };
}
