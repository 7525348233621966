/** Addresses out of the subnets of networks. */
import type { Ipv4 } from '../../../base/ipv4-address.ts';
import type { ObjectId } from '../../objects.ts';
import { containsAddress, releaseAddress, takeAddress, takeNextAddress } from './address-space.ts';
import type { Allocator } from './allocator.ts';

/** An address of a network, this very one if `wanted` names it; null if there is none. */
export function takeNetworkAddress(
  allocator: Allocator,
  networkId: ObjectId,
  wanted: Ipv4 | null,
): { readonly address: Ipv4; readonly prefixLength: number } | null {
  for (const space of allocator.spaces.get(networkId) ?? []) {
    const { prefixLength } = space;
    if (wanted !== null) {
      if (takeAddress(space, wanted)) return { address: wanted, prefixLength };
      continue;
    }
    const address = takeNextAddress(space);
    if (address !== null) return { address, prefixLength };
  }
  return null;
}

/** Gives an address of a network back. */
export function releaseNetworkAddress(
  allocator: Allocator,
  networkId: ObjectId,
  address: Ipv4,
): void {
  for (const space of allocator.spaces.get(networkId) ?? []) {
    if (containsAddress(space, address)) releaseAddress(space, address);
  }
  allocator.wasReleased = true;
}
