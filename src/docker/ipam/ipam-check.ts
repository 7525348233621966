/**
 * What the engine refuses in subnets, ranges and addresses before it takes any of them.
 * @source moby api/types/network/ipam.go ValidateIPAM()
 */
import { formatIpv4, type Ipv4, maskOf } from '../../base/ipv4-address.ts';
import { DockerError } from '../engine-record.ts';
import { contains, overlaps, type Subnet } from './address-pools.ts';

/** One `--subnet` with its `--gateway`, `--ip-range` and `--aux-address`; host bits are kept. */
export interface IpamSpec {
  readonly subnet: Subnet | null;
  readonly gateway: Ipv4 | null;
  readonly range: Subnet | null;
  readonly auxAddresses: ReadonlyMap<string, Ipv4>;
}

/** @throws DockerError 400 with all that is wrong. */
export function checkIpam(specs: readonly IpamSpec[]): void {
  const faults = specs.flatMap((spec) => faultsOf(spec));
  if (faults.length === 0) return;
  throw new DockerError(400, `invalid network config:\n${joinFaults(faults)}`);
}

/** One fault as it is, several as a list. @source moby internal/multierror Join() */
export function joinFaults(faults: readonly string[]): string {
  return faults.length === 1 ? faults[0]! : faults.map((fault) => `* ${fault}`).join('\n');
}

function faultsOf(spec: IpamSpec): string[] {
  const { subnet, range, gateway } = spec;
  if (subnet === null) return [];
  const faults: string[] = [];
  const text = textOf(subnet);
  const masked = textOf(maskedSubnet(subnet));
  if (text !== masked) faults.push(`invalid subnet ${text}: it should be ${masked}`);
  if (range !== null) faults.push(...rangeFaults(range, subnet));
  const outside = `parent subnet ${text} doesn't contain this address`;
  if (gateway !== null && !contains(subnet, gateway)) {
    faults.push(`invalid gateway ${formatIpv4(gateway)}: ${outside}`);
  }
  for (const [name, address] of spec.auxAddresses) {
    if (!contains(subnet, address)) faults.push(`invalid auxiliary address ${name}: ${outside}`);
  }
  return faults;
}

function rangeFaults(range: Subnet, subnet: Subnet): string[] {
  const text = textOf(range);
  const faults: string[] = [];
  if (range.prefixLength < subnet.prefixLength) {
    const why = `CIDR block is bigger than its parent subnet ${textOf(subnet)}`;
    faults.push(`invalid ip-range ${text}: ${why}`);
  }
  const masked = textOf(maskedSubnet(range));
  if (text !== masked) faults.push(`invalid ip-range ${text}: it should be ${masked}`);
  if (!overlaps(subnet, range)) {
    faults.push(
      `invalid ip-range ${text}: parent subnet ${textOf(subnet)} doesn't contain ip-range`,
    );
  }
  return faults;
}

/** Without the host's bits. */
export function maskedSubnet({ address, prefixLength }: Subnet): Subnet {
  return { address: address & maskOf(prefixLength), prefixLength };
}

function textOf({ address, prefixLength }: Subnet): string {
  return `${formatIpv4(address)}/${prefixLength}`;
}
