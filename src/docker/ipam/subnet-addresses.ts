/**
 * The addresses of one subnet: the lowest free one for everybody who asks, in the subnet or in the
 * part of it that `--ip-range` names.
 * @source libnetwork/ipam/allocator.go getAddress(); libnetwork/bitmap/sequence.go
 */
import { type Ipv4, maskOf } from '../../base/ipv4-address.ts';
import { DockerError } from '../engine-record.ts';
import type { EngineProfile } from '../profile.ts';
import type { Subnet } from './address-pools.ts';

export interface SubnetAddresses {
  readonly subnet: Subnet;
  readonly profile: EngineProfile;
  readonly used: Set<Ipv4>;
}

/** Prefixes this long have neither a network nor a broadcast address. */
const POINT_TO_POINT = 31;

/** All free but the network's own address and the broadcast address. */
export function makeSubnetAddresses(subnet: Subnet, profile: EngineProfile): SubnetAddresses {
  const used = new Set<Ipv4>();
  if (subnet.prefixLength < POINT_TO_POINT) {
    const mask = maskOf(subnet.prefixLength);
    used.add(subnet.address & mask);
    used.add(subnet.address | ~mask);
  }
  return { subnet, profile, used };
}

/**
 * Takes the lowest free address of `range`.
 * @throws DockerError 404 when all are taken.
 */
export function takeLowestAddress(addresses: SubnetAddresses, range: Subnet | null): Ipv4 {
  const { address, prefixLength } = range ?? addresses.subnet;
  const first = address & maskOf(prefixLength);
  const count = 2 ** (32 - prefixLength);
  for (let i = 0; i < count; i++) {
    const candidate = (first + i) | 0;
    if (addresses.used.has(candidate)) continue;
    addresses.used.add(candidate);
    return candidate;
  }
  throw new DockerError(404, addresses.profile.texts.subnetFull);
}

/**
 * Takes the address that somebody asks for.
 * @throws DockerError 400 when it is not in the subnet, 403 when it is taken.
 */
export function takeAddress(addresses: SubnetAddresses, wanted: Ipv4): void {
  const mask = maskOf(addresses.subnet.prefixLength);
  if ((wanted & mask) !== (addresses.subnet.address & mask)) {
    throw new DockerError(400, addresses.profile.texts.addressOutOfRange);
  }
  if (addresses.used.has(wanted)) throw new DockerError(403, addresses.profile.texts.addressInUse);
  addresses.used.add(wanted);
}

/** Gives an address back: the next who asks may get it. */
export function releaseAddress(addresses: SubnetAddresses, address: Ipv4): void {
  addresses.used.delete(address);
}
