/**
 * The addresses of a network, from its creation to its end.
 * @source libnetwork/network.go ipamAllocateVersion(), ipamRelease()
 */
import { formatIpv4, type Ipv4, parseIpv4 } from '../../base/ipv4-address.ts';
import { listRoutes } from '../../stack/fib.ts';
import {
  type DockerEngine,
  DockerError,
  type DockerNetwork,
  type IpamConfig,
} from '../engine-record.ts';
import {
  addressesOf,
  contains,
  overlaps,
  releaseSubnet,
  type Subnet,
  subnetOf,
  takePredefinedSubnet,
  takeSubnet,
} from './address-pools.ts';
import { type IpamSpec, maskedSubnet } from './ipam-check.ts';
import {
  releaseAddress,
  type SubnetAddresses,
  takeAddress,
  takeLowestAddress,
} from './subnet-addresses.ts';

/** Takes the subnets of a new network with their gateways. @throws DockerError */
export function takeNetworkAddresses(
  engine: DockerEngine,
  specs: readonly IpamSpec[],
): IpamConfig[] {
  const wanted = specs.length > 0 ? specs : [NO_SPEC];
  const taken: IpamConfig[] = [];
  try {
    for (const spec of wanted) taken.push(takeOne(engine, spec));
  } catch (error) {
    releaseNetworkAddresses(engine, taken);
    throw error;
  }
  return taken;
}

export function releaseNetworkAddresses(
  engine: DockerEngine,
  configs: readonly IpamConfig[],
): void {
  for (const config of configs) releaseSubnet(engine.pools, subnetOf(config));
}

/**
 * Takes an address for an endpoint.
 * @throws DockerError: in use, outside of all subnets, none left.
 */
export function takeEndpointAddress(
  engine: DockerEngine,
  network: DockerNetwork,
  wanted: Ipv4 | null,
): { readonly address: Ipv4; readonly config: IpamConfig } {
  const { texts } = engine.profile;
  for (const config of network.ipam) {
    if (wanted !== null && !contains(subnetOf(config), wanted)) continue;
    const addresses = addressesOf(engine.pools, subnetOf(config))!; // taken with the network
    try {
      if (wanted === null)
        return { address: takeLowestAddress(addresses, rangeOf(config)), config };
      takeAddress(addresses, wanted);
      return { address: wanted, config };
    } catch (error) {
      const isFull = error instanceof DockerError && error.message === texts.subnetFull;
      if (!isFull || wanted !== null) throw error; // else the next subnet may have one
    }
  }
  if (wanted !== null) throw new DockerError(400, texts.addressOutOfRange);
  const which = `${network.name} (${network.id})`;
  const text = `no available IPv4 addresses on this network's address pools: ${which}`;
  throw new DockerError(404, text);
}

export function releaseEndpointAddress(
  engine: DockerEngine,
  network: DockerNetwork,
  address: Ipv4,
): void {
  for (const config of network.ipam) {
    if (!contains(subnetOf(config), address)) continue;
    const addresses = addressesOf(engine.pools, subnetOf(config));
    if (addresses !== undefined) releaseAddress(addresses, address);
  }
}

const NO_SPEC: IpamSpec = { subnet: null, gateway: null, range: null, auxAddresses: new Map() };

function takeOne(engine: DockerEngine, spec: IpamSpec): IpamConfig {
  const { pools, profile } = engine;
  const addresses =
    spec.subnet === null
      ? takePredefinedSubnet(pools, profile, (subnet) => isUsedByHost(engine, subnet))
      : takeSubnet(pools, profile, maskedSubnet(spec.subnet));
  const { subnet } = addresses;
  try {
    const range = spec.range === null ? null : maskedSubnet(spec.range);
    const gateway = takeGateway(addresses, spec.gateway, range);
    for (const [name, address] of spec.auxAddresses) takeAuxiliary(addresses, name, address);
    return {
      subnet: subnet.address,
      prefixLength: subnet.prefixLength,
      gateway,
      isGatewayShown: spec.gateway !== null || spec.subnet === null,
      range,
      auxAddresses: spec.auxAddresses,
      isUserDefined: spec.subnet !== null,
    };
  } catch (error) {
    releaseSubnet(pools, subnet);
    throw error;
  }
}

function takeGateway(addresses: SubnetAddresses, wanted: Ipv4 | null, range: Subnet | null): Ipv4 {
  try {
    if (wanted === null) return takeLowestAddress(addresses, range);
    takeAddress(addresses, wanted);
    return wanted;
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    const text = wanted === null ? '' : formatIpv4(wanted);
    throw new DockerError(500, `failed to allocate gateway (${text}): ${error.message}`);
  }
}

function takeAuxiliary(addresses: SubnetAddresses, name: string, address: Ipv4): void {
  try {
    takeAddress(addresses, address);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    const place = `${name}:${formatIpv4(address)}`;
    const text = `failed to allocate secondary ip address (${place}): ${error.message}`;
    throw new DockerError(500, text);
  }
}

function rangeOf(config: IpamConfig): Subnet | null {
  return config.range;
}

/** A route or a name server of the host lies in the subnet. @source FindAvailableNetwork() */
function isUsedByHost(engine: DockerEngine, subnet: Subnet): boolean {
  const { root, files } = engine.machine;
  for (const { prefix, prefixLength } of listRoutes(root)) {
    if (prefixLength > 0 && overlaps(subnet, { address: prefix, prefixLength })) return true;
  }
  for (const line of (files.readFile('/etc/resolv.conf') ?? '').split('\n')) {
    const address = parseIpv4(/^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? '');
    if (address !== null && contains(subnet, address)) return true;
  }
  return false;
}
