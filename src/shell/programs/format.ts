/** What several programs print alike: MAC addresses, prefixes, JSON in iproute2's own layout. */
import { formatIpv4, type Ipv4 } from '../../base/ipv4-address.ts';
import { formatMacHalves } from '../../base/mac-address.ts';
import type { Device } from '../../engine/device.ts';

/** The address of a device as text. */
export function macText(device: Device): string {
  return formatMacHalves(device.macHi, device.macLo);
}

/** `10.0.0.0/24`, and without the length where it says nothing: `10.0.0.1`, `default`. */
export function prefixText(prefix: Ipv4, length: number): string {
  if (length === 0) return 'default';
  return length === 32 ? formatIpv4(prefix) : `${formatIpv4(prefix)}/${length}`;
}

/** A number that JSON shows with its own digits (`0.00`). */
export interface RawNumber {
  readonly raw: string;
}

export type Json =
  | string
  | number
  | boolean
  | null
  | RawNumber
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/** One line of JSON, or iproute2's pretty form (`-p`). @source iproute2 lib/json_writer.c */
export function printJson(value: Json, isPretty: boolean): string {
  return `${writeJson(value, isPretty, 0)}\n`;
}

function writeJson(value: Json, isPretty: boolean, depth: number): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isRaw(value)) return value.raw;
  const line = (at: number): string => (isPretty ? `\n${'    '.repeat(at)}` : '');
  if (Array.isArray(value)) {
    const items = value.map((item: Json) => writeJson(item, isPretty, depth + 1));
    if (!isPretty) return `[${items.join(',')}]`;
    return items.length === 0 ? '[ ]' : `[ ${items.join(',')} ]`;
  }
  const members = Object.entries(value)
    .filter((entry): entry is [string, Json] => entry[1] !== undefined)
    .map(([key, member]) => {
      const text = writeJson(member, isPretty, depth + 1);
      return `${line(depth + 1)}"${key}":${isPretty ? ' ' : ''}${text}`;
    });
  return `{${members.join(',')}${members.length === 0 ? '' : line(depth)}}`;
}

function isRaw(value: object): value is RawNumber {
  return 'raw' in value;
}
