/**
 * net.ipv4.neigh.{default,DEV}.*
 * @source net/core/neighbour.c neigh_sysctl_register(), neigh_copy_dflt_parms()
 */
import { KernelError } from '../base/errors.ts';
import {
  drawReachableTime,
  inetOf,
  makeNeighbourParameters,
  type NeighbourParameters,
} from './inet.ts';
import type { NetNamespace } from './namespace.ts';
import { parseSysctlNumbers, snakeCaseOf } from './sysctl-value.ts';

type Field = Exclude<keyof NeighbourParameters, 'reachableJiffies'>;

const FIELDS = Object.keys(makeNeighbourParameters()).filter(
  (name): name is Field => name !== 'reachableJiffies',
);

const BY_NAME: ReadonlyMap<string, Field> = new Map(
  FIELDS.map((field): [string, Field] => [snakeCaseOf(field), field]),
);

/** What one packet of full size takes of the queue: the old unit of unres_qlen. */
const FULL_PACKET_BYTES = 2090;
/** Older names of the settings in milliseconds: seconds, and USER_HZ. */
const SECONDS_OF: Readonly<Record<string, { field: Field; unitMs: number }>> = {
  base_reachable_time: { field: 'baseReachableTimeMs', unitMs: 1000 },
  retrans_time: { field: 'retransTimeMs', unitMs: 10 },
};

/** All keys of the folder. */
export function listNeighbourSettings(netns: NetNamespace): string[] {
  const places = ['default', ...netns.devices.map((each) => each.name.replaceAll('.', '/'))];
  return places.flatMap((place) =>
    [...BY_NAME.keys()].map((name) => `net.ipv4.neigh.${place}.${name}`),
  );
}

export function readNeighbour(netns: NetNamespace, key: string): string | null {
  const found = find(netns, key);
  if (found === null) return null;
  const { parameters, field, unitMs } = found;
  if (field === 'unresQlen') {
    return String(Math.floor(parameters.unresQlenBytes / FULL_PACKET_BYTES));
  }
  return String(Math.floor(parameters[field] / unitMs));
}

/** @throws KernelError ENOENT, EINVAL */
export function writeNeighbour(netns: NetNamespace, key: string, text: string): void {
  const found = find(netns, key);
  if (found === null) throw new KernelError('ENOENT');
  const { parameters, place, unitMs } = found;
  let { field } = found;
  let value = parseSysctlNumbers(text, 0, 0x7fffffff)[0]! * unitMs;
  if (field === 'unresQlen') {
    field = 'unresQlenBytes';
    value *= FULL_PACKET_BYTES;
  }
  set(netns, parameters, field, value);
  if (place !== 'default') {
    const device = netns.deviceByName.get(place);
    if (device !== undefined) inetOf(device).pinned.add(field);
    return;
  }
  for (const device of netns.devices) {
    const inet = inetOf(device);
    if (!inet.isPinned && !inet.pinned.has(field)) set(netns, inet.neighbour, field, value);
  }
}

function set(
  netns: NetNamespace,
  parameters: NeighbourParameters,
  field: Field,
  value: number,
): void {
  parameters[field] = value;
  if (field === 'baseReachableTimeMs') drawReachableTime(netns, parameters);
}

interface Found {
  readonly place: string;
  readonly parameters: NeighbourParameters;
  readonly field: Field;
  readonly unitMs: number;
}

function find(netns: NetNamespace, key: string): Found | null {
  const parts = key.slice('net.ipv4.neigh.'.length).split('.');
  const [folder = '', name = ''] = parts;
  const old = SECONDS_OF[name];
  const field = old?.field ?? BY_NAME.get(name);
  if (parts.length !== 2 || field === undefined) return null;
  const unitMs = old?.unitMs ?? 1;
  if (folder === 'default') {
    return { place: folder, parameters: netns.sysctl.neighbourDefault, field, unitMs };
  }
  const place = folder.replaceAll('/', '.');
  const device = netns.deviceByName.get(place);
  if (device === undefined) return null;
  return { place, parameters: inetOf(device).neighbour, field, unitMs };
}
