/**
 * MAC addresses. The control plane holds one as a 48-bit integer (a safe integer); on a packet's
 * way it is two int32 halves, `hi` (first 2 octets) and `lo` (last 4, signed), which V8 never boxes.
 */

/** A MAC address as an integer below 2^48: 02:42:ac:11:00:02 is 0x0242ac110002. */
export type Mac = number;

export const MAC_ZERO: Mac = 0;

/** The first two octets, 0..0xffff. */
export function macHi(mac: Mac): number {
  return Math.floor(mac / 0x100000000) & 0xffff;
}

/** The last four octets as a signed int32. */
export function macLo(mac: Mac): number {
  return mac | 0;
}

/** The whole of two halves. */
export function macOf(hi: number, lo: number): Mac {
  return (hi & 0xffff) * 0x100000000 + (lo >>> 0);
}

/** Six pairs of hexadecimal digits joined by colons (or dashes); null for anything else. */
export function parseMac(text: string): Mac | null {
  if (!/^[0-9a-fA-F]{1,2}([:-][0-9a-fA-F]{1,2}){5}$/.test(text)) return null;
  return text.split(/[:-]/).reduce((mac, pair) => mac * 256 + Number.parseInt(pair, 16), 0);
}

/** Lower-case, colon-joined: 02:42:ac:11:00:02. */
export function formatMac(mac: Mac): string {
  return formatMacHalves(macHi(mac), macLo(mac));
}

/** Like formatMac, from the two halves. */
export function formatMacHalves(hi: number, lo: number): string {
  const digits =
    (hi & 0xffff).toString(16).padStart(4, '0') + (lo >>> 0).toString(16).padStart(8, '0');
  return (digits.match(/../g) as string[]).join(':');
}

/** The group bit: broadcast and multicast frames have it. */
export function isGroupMac(hi: number): boolean {
  return (hi & 0x0100) !== 0;
}
