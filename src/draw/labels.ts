/** What is written into the boxes, and how large that makes them. */
import type { Box, BoxKind, BoxLine, LineStyle } from './placement.ts';
import type { DeviceView, NamespaceView, NetworkView } from './snapshot.ts';
import { type FontName, shortName, textWidth } from './text.ts';
import type { Words } from './words.ts';

export interface LineLook {
  readonly size: number;
  readonly font: FontName;
  readonly heightPixels: number;
}

export const LINE_LOOKS: Readonly<Record<LineStyle, LineLook>> = {
  title: { size: 11, font: 'bold', heightPixels: 16 },
  name: { size: 11.5, font: 'bold', heightPixels: 15 },
  address: { size: 10, font: 'mono', heightPixels: 13.5 },
  vip: { size: 9.5, font: 'mono', heightPixels: 13.5 },
  small: { size: 8.5, font: 'mono', heightPixels: 11.5 },
};

/** Addresses that are written out; the rest is counted. */
const ADDRESSES_MAX = 4;
const PADDING_X = 9;
const PADDING_Y = 5;
const ETHERNET_MTU_BYTES = 1500;
/** The monospaced letters of an interface's MAC address are worth their place only in detail. */
export interface LabelOptions {
  readonly words: Words;
  readonly hasMacs: boolean;
}

export function linesWidth(lines: readonly BoxLine[]): number {
  const widths = lines.map(({ text, style }) => {
    const { size, font } = LINE_LOOKS[style];
    return textWidth(text, size, font) + (style === 'vip' ? 12 : 0);
  });
  return Math.ceil(Math.max(0, ...widths)) + 2 * PADDING_X;
}

export function linesHeight(lines: readonly BoxLine[]): number {
  const sum = lines.reduce((total, { style }) => total + LINE_LOOKS[style].heightPixels, 0);
  return Math.ceil(sum) + 2 * PADDING_Y;
}

/** Name, addresses, MAC and what is unusual about an interface. */
export function deviceLines(device: DeviceView, { words, hasMacs }: LabelOptions): BoxLine[] {
  const lines: BoxLine[] = [{ text: shortName(nameOf(device)), style: 'name' }];
  const shown = device.addresses.filter(({ address }) => !address.startsWith('127.'));
  for (const { address, prefixLength } of shown.slice(0, ADDRESSES_MAX)) {
    const isVip = prefixLength === 32 && !device.isLoopback;
    lines.push({ text: `${address}/${prefixLength}`, style: isVip ? 'vip' : 'address' });
  }
  const more = shown.length - ADDRESSES_MAX;
  if (more > 0) lines.push({ text: device.isLoopback ? '…' : words.more(more), style: 'small' });
  if (device.vni !== null) lines.push({ text: `VNI ${device.vni}`, style: 'address' });
  if (device.vlanId !== null) lines.push({ text: `VLAN ${device.vlanId}`, style: 'address' });
  if (device.mode !== null) lines.push({ text: `${device.kind} ${device.mode}`, style: 'small' });
  if (!device.isUp) lines.push({ text: words.down, style: 'small' });
  else if (isMtuTold(device)) lines.push({ text: `MTU ${device.mtuBytes}`, style: 'small' });
  if (hasMacs && !device.isLoopback) lines.push({ text: device.mac, style: 'small' });
  return lines;
}

function isMtuTold({ mtuBytes, isLoopback, kind }: DeviceView): boolean {
  return mtuBytes !== ETHERNET_MTU_BYTES && !isLoopback && kind !== 'vxlan';
}

function nameOf({ name }: DeviceView): string {
  return name;
}

/** A bar says in one line what an interface says in three. */
export function barLines(
  device: DeviceView,
  network: NetworkView | undefined,
  options: LabelOptions,
): BoxLine[] {
  const { name } = device;
  const title =
    network === undefined || network.name === name || network.driver === ''
      ? shortName(name)
      : `${shortName(name)} · ${shortName(network.name)}`;
  const [first, ...rest] = deviceLines(device, options);
  if (first === undefined) return [];
  const [address, ...others] = rest.filter(({ style }) => style === 'address' || style === 'vip');
  const lines: BoxLine[] = [{ text: title, style: 'name' }];
  if (address !== undefined) lines.push(address);
  lines.push(...others.slice(0, 2));
  const notes = rest.filter(({ style }) => style === 'small').map(({ text }) => text);
  const internal = network?.isInternal === true ? [options.words.internal] : [];
  const note = [...internal, ...notes].join(' · ');
  if (note !== '') lines.push({ text: note, style: 'small' });
  return lines;
}

/** What an interface is, in a sentence for those who hear the picture. */
export function describeDevice(device: DeviceView, namespace: NamespaceView | undefined): string {
  const parts = [`${device.kind} ${namespace?.label ?? ''} ${device.name}`.trim()];
  for (const { address, prefixLength } of device.addresses)
    parts.push(`${address}/${prefixLength}`);
  parts.push(device.mac, `MTU ${device.mtuBytes}`);
  if (device.vni !== null) parts.push(`VNI ${device.vni}`);
  for (const { mac, address } of device.remotes.slice(0, ADDRESSES_MAX)) {
    parts.push(`${mac} → ${address}`);
  }
  return parts.join(', ');
}

export interface BoxSeed {
  readonly id: string;
  readonly kind: BoxKind;
  readonly parentId: string | null;
  readonly lines?: readonly BoxLine[];
  readonly networkId?: string | null;
  readonly description?: string;
  readonly tone?: string;
  readonly minWidth?: number;
  readonly note?: string;
}

/** A box as large as its lines, not placed yet. */
export function makeBox(seed: BoxSeed): Box {
  const lines = seed.lines ?? [];
  return {
    id: seed.id,
    kind: seed.kind,
    parentId: seed.parentId,
    x: 0,
    y: 0,
    width: Math.max(seed.minWidth ?? 0, linesWidth(lines)),
    height: linesHeight(lines),
    lines,
    networkId: seed.networkId ?? null,
    description: seed.description ?? '',
    tone: seed.tone ?? '',
    note: seed.note ?? '',
  };
}

/** The width that a frame's title needs. */
export function titleWidth(lines: readonly BoxLine[]): number {
  return linesWidth(lines) + 4;
}
