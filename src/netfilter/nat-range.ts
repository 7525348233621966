/**
 * What a NAT target may choose from: addresses, ports, and how.
 * @source include/uapi/linux/netfilter/nf_nat.h struct nf_nat_range2
 */
import type { Ipv4 } from '../base/ipv4-address.ts';

/** Bits of NatRange.flags. */
export const NAT_MAP_ADDRESS = 1;
export const NAT_PORT_SPECIFIED = 2;
/** --random: for source ports the same as --random-fully since Linux 5.0. */
export const NAT_PORT_RANDOM = 4;
/** --persistent: the same client always gets the same address. */
export const NAT_PERSISTENT = 8;
export const NAT_PORT_RANDOM_FULLY = 16;
export const NAT_RANDOM_ANY = NAT_PORT_RANDOM | NAT_PORT_RANDOM_FULLY;
/** --to-destination ADDRESS:PORT-PORT/BASE: the port's distance from BASE is kept. */
export const NAT_PORT_OFFSET = 32;

export interface NatRange {
  flags: number;
  minAddress: Ipv4;
  maxAddress: Ipv4;
  /** Ports, or ICMP ids. */
  minPort: number;
  maxPort: number;
  basePort: number;
}

/** Which side of a packet NAT changes: its source (SNAT) or its target (DNAT). */
export type NatKind = 'src' | 'dst';

/** A range that changes nothing. */
export function makeNatRange(): NatRange {
  return { flags: 0, minAddress: 0, maxAddress: 0, minPort: 0, maxPort: 0, basePort: 0 };
}
