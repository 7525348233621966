/**
 * The address space of one engine: which subnets networks have, and which it may hand out itself.
 * @source libnetwork/ipam/allocator.go; libnetwork/ipamutils/utils.go
 */
import { type Ipv4, maskOf } from '../../base/ipv4-address.ts';
import { DockerError, type IpamConfig } from '../engine-record.ts';
import type { EngineProfile } from '../profile.ts';
import { makeSubnetAddresses, type SubnetAddresses } from './subnet-addresses.ts';

/** `default-address-pools` of daemon.json: a block cut into subnets of one size. */
export interface DefaultAddressPool {
  readonly base: Ipv4;
  readonly basePrefixLength: number;
  /** Prefix length of each network. */
  readonly size: number;
}

export interface Subnet {
  readonly address: Ipv4;
  readonly prefixLength: number;
}

export interface AddressPools {
  /** Every subnet that a network may get unasked, in order. */
  readonly predefined: readonly Subnet[];
  /** The next of them to try where pools go round. */
  nextIndex: number;
  /** What is taken, by `address/prefixLength`. */
  readonly taken: Map<string, SubnetAddresses>;
}

function block(text: string, basePrefixLength: number, size: number): DefaultAddressPool {
  const [a, b] = text.split('.').map(Number);
  return { base: (a! << 24) | (b! << 16) | 0, basePrefixLength, size };
}

/** The engine's own list. @source ipamutils localScopeDefaultNetworks */
export const LOCAL_ADDRESS_POOLS: readonly DefaultAddressPool[] = [
  block('172.17', 16, 16),
  block('172.18', 16, 16),
  block('172.19', 16, 16),
  block('172.20', 14, 16),
  block('172.24', 14, 16),
  block('172.28', 14, 16),
  block('192.168', 16, 20),
];

/** Subnets of all pools together. */
const PREDEFINED_MAX = 65_536;

/** The pools of a new engine. @throws DockerError 400 for a pool that cannot be cut so. */
export function makeAddressPools(
  pools: readonly DefaultAddressPool[] = LOCAL_ADDRESS_POOLS,
): AddressPools {
  const predefined: Subnet[] = [];
  for (const { base, basePrefixLength, size } of pools) {
    const count = 2 ** (size - basePrefixLength);
    if (size < basePrefixLength || size > 32) {
      throw new DockerError(400, `invalid pool size ${size}`);
    }
    if (predefined.length + count > PREDEFINED_MAX) {
      throw new DockerError(400, `more than ${PREDEFINED_MAX} subnets in default-address-pools`);
    }
    for (let i = 0; i < count; i++) {
      const address = ((base & maskOf(basePrefixLength)) + i * 2 ** (32 - size)) | 0;
      predefined.push({ address, prefixLength: size });
    }
  }
  return { predefined, nextIndex: 0, taken: new Map() };
}

/**
 * Takes a subnet that the user (or the engine, for docker0) names.
 * @throws DockerError 403 when it overlaps one that is taken.
 */
export function takeSubnet(
  pools: AddressPools,
  profile: EngineProfile,
  subnet: Subnet,
): SubnetAddresses {
  if (overlapsTaken(pools, subnet)) throw new DockerError(403, profile.texts.poolOverlap);
  return addSubnet(pools, profile, subnet);
}

/**
 * Takes one of the predefined subnets that overlaps neither a network nor what `isReserved` says
 * (routes and name servers of the host).
 * @throws DockerError 404 when there is none left.
 */
export function takePredefinedSubnet(
  pools: AddressPools,
  profile: EngineProfile,
  isReserved: (subnet: Subnet) => boolean,
): SubnetAddresses {
  const { predefined } = pools;
  const first = profile.poolOrder === 'round-robin' ? pools.nextIndex : 0;
  for (let i = 0; i < predefined.length; i++) {
    const index = (first + i) % predefined.length;
    const subnet = predefined[index]!;
    if (overlapsTaken(pools, subnet)) continue;
    // The allocator's turn goes on even when the engine then finds the subnet in use on the host.
    pools.nextIndex = (index + 1) % predefined.length;
    if (isReserved(subnet)) continue;
    return addSubnet(pools, profile, subnet);
  }
  throw new DockerError(404, profile.texts.poolsExhausted);
}

/** Gives a subnet back. */
export function releaseSubnet(pools: AddressPools, subnet: Subnet): void {
  pools.taken.delete(keyOf(subnet));
}

/** The addresses of a subnet that a network has; undefined if none has it. */
export function addressesOf(pools: AddressPools, subnet: Subnet): SubnetAddresses | undefined {
  return pools.taken.get(keyOf(subnet));
}

/** The subnet of a network's configuration. */
export function subnetOf(config: IpamConfig): Subnet {
  return { address: config.subnet, prefixLength: config.prefixLength };
}

/** Whether two subnets share an address. */
export function overlaps(one: Subnet, other: Subnet): boolean {
  const mask = maskOf(Math.min(one.prefixLength, other.prefixLength));
  return (one.address & mask) === (other.address & mask);
}

/** Whether an address is in a subnet. */
export function contains(subnet: Subnet, address: Ipv4): boolean {
  const mask = maskOf(subnet.prefixLength);
  return (subnet.address & mask) === (address & mask);
}

function overlapsTaken(pools: AddressPools, subnet: Subnet): boolean {
  for (const { subnet: other } of pools.taken.values()) if (overlaps(subnet, other)) return true;
  return false;
}

function addSubnet(pools: AddressPools, profile: EngineProfile, subnet: Subnet): SubnetAddresses {
  const addresses = makeSubnetAddresses(subnet, profile);
  pools.taken.set(keyOf(subnet), addresses);
  return addresses;
}

function keyOf(subnet: Subnet): string {
  return `${subnet.address & maskOf(subnet.prefixLength)}/${subnet.prefixLength}`;
}
