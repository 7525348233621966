/**
 * The addresses of one subnet. They are given out one after the other: one that came back is free again
 * only when the cursor has gone round.
 * @source libnetwork/ipam/allocator.go (serial), libnetwork/bitmap
 */
import type { Ipv4 } from '../../../base/ipv4-address.ts';

export interface AddressSpace {
  /** Network address, unsigned. */
  readonly base: number;
  readonly prefixLength: number;
  readonly sizeAddresses: number;
  /** Ordinals that are given out by themselves: all but the ends, or `--ip-range`. */
  readonly first: number;
  readonly last: number;
  readonly used: Set<number>;
  cursor: number;
}

export interface Range {
  readonly address: Ipv4;
  readonly prefixLength: number;
}

export function makeAddressSpace(subnet: Range, range: Range | null): AddressSpace {
  const sizeAddresses = 2 ** (32 - subnet.prefixLength);
  const base = subnet.address >>> 0;
  let first = 1;
  let last = sizeAddresses - 2;
  if (range !== null) {
    const from = (range.address >>> 0) - base;
    first = Math.max(first, from);
    last = Math.min(last, from + 2 ** (32 - range.prefixLength) - 1);
  }
  const { prefixLength } = subnet;
  return { base, prefixLength, sizeAddresses, first, last, used: new Set(), cursor: first };
}

/** The next free address; null if there is none. */
export function takeNextAddress(space: AddressSpace): Ipv4 | null {
  const { used, first, last } = space;
  const count = last - first + 1;
  if (count <= 0 || (used.size >= count && isFull(space))) return null;
  for (let i = 0; i < count; i++) {
    const ordinal = space.cursor;
    space.cursor = ordinal >= last ? first : ordinal + 1;
    if (used.has(ordinal)) continue;
    used.add(ordinal);
    return (space.base + ordinal) | 0;
  }
  return null;
}

/** Takes this very address; false if it is taken or outside. */
export function takeAddress(space: AddressSpace, address: Ipv4): boolean {
  const ordinal = (address >>> 0) - space.base;
  if (ordinal < 1 || ordinal > space.sizeAddresses - 2 || space.used.has(ordinal)) return false;
  space.used.add(ordinal);
  return true;
}

export function releaseAddress(space: AddressSpace, address: Ipv4): void {
  space.used.delete((address >>> 0) - space.base);
}

export function containsAddress(space: AddressSpace, address: Ipv4): boolean {
  const ordinal = (address >>> 0) - space.base;
  return ordinal >= 0 && ordinal < space.sizeAddresses;
}

function isFull({ used, first, last }: AddressSpace): boolean {
  for (let ordinal = first; ordinal <= last; ordinal++) if (!used.has(ordinal)) return false;
  return true;
}
