/**
 * IPv4 addresses. Inside netsim an address is a *signed 32-bit integer* (network order, first
 * octet in the top byte): a signed one, because V8 keeps every int32 unboxed while an unsigned
 * number above 2^31 becomes a heap object. Text exists only at the edges: shell, cli, observe.
 */

/** An IPv4 address as a signed 32-bit integer: 10.0.0.1 is 0x0a000001, 192.168.0.1 is negative. */
export type Ipv4 = number;

export const IPV4_LOOPBACK: Ipv4 = 0x7f000001;

/** Strict dotted quad only: four decimal octets, no leading zeros; null for anything else. */
export function parseIpv4(text: string): Ipv4 | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  let value = 0;
  for (let i = 1; i <= 4; i++) {
    const part = match[i] as string;
    const octet = Number(part);
    if (octet > 255 || (part.length > 1 && part.startsWith('0'))) return null;
    value = (value << 8) | octet;
  }
  return value;
}

/** The dotted quad of an address. */
export function formatIpv4(address: Ipv4): string {
  return `${(address >>> 24) & 255}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** The netmask of a prefix length in 0..32, as an int32: 24 gives 0xffffff00 | 0. */
export function maskOf(prefixLength: number): number {
  return prefixLength === 0 ? 0 : (-1 << (32 - prefixLength)) | 0;
}

/** `192.168.0.0/24` or a bare address (prefix 32). Host bits are kept in `address`. */
export function parseCidr(text: string): { address: Ipv4; prefixLength: number } | null {
  const slash = text.indexOf('/');
  const address = parseIpv4(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  if (slash < 0) return { address, prefixLength: 32 };
  const length = text.slice(slash + 1);
  if (!/^\d{1,2}$/.test(length) || Number(length) > 32) return null;
  return { address, prefixLength: Number(length) };
}

/** 224.0.0.0/4 */
export function isMulticast(address: Ipv4): boolean {
  return (address & 0xf0000000) === (0xe0000000 | 0);
}

/** 127.0.0.0/8 */
export function isLoopback(address: Ipv4): boolean {
  return address >>> 24 === 127;
}
