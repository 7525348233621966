/** `docker network create`. @source docker cli command/network/create.go consolidateIpam() */
import { type Ipv4, maskOf, parseCidr, parseIpv4 } from '../../../base/ipv4-address.ts';
import { type DockerEngine, DockerError } from '../../../docker/engine-record.ts';
import {
  createNetwork,
  type IpamSpec,
  NETWORK_DEFAULTS,
  type NetworkSpec,
} from '../../../docker/network-create.ts';
import { createSwarmNetwork } from '../../../swarm/api/networks.ts';
import { memberOf } from '../../../swarm/member.ts';
import {
  type CommandLine,
  type CommandSpec,
  has,
  listOf,
  textOf,
  UsageError,
} from './command-line.ts';
import { attempt, engineFor } from './daemon.ts';
import { majorVersion } from './port-text.ts';
import { swarmNetworks } from './swarm-networks.ts';
import { asManager } from './swarm-request.ts';

export const networkCreate: CommandSpec = {
  path: 'docker network create',
  operands: '[OPTIONS] NETWORK',
  short: 'Create a network',
  flags: [
    { name: 'attachable', kind: 'bool', help: 'Enable manual container attachment' },
    {
      name: 'aux-address',
      kind: 'list',
      placeholder: 'map',
      help: 'Auxiliary IPv4 or IPv6 addresses used by Network driver',
    },
    {
      name: 'config-from',
      kind: 'string',
      help: 'The network from which to copy the configuration',
    },
    { name: 'config-only', kind: 'bool', help: 'Create a configuration only network' },
    {
      name: 'driver',
      short: 'd',
      kind: 'string',
      initial: 'bridge',
      help: 'Driver to manage the Network',
    },
    {
      name: 'gateway',
      kind: 'list',
      placeholder: 'strings',
      help: 'IPv4 or IPv6 Gateway for the master subnet',
    },
    { name: 'ingress', kind: 'bool', help: 'Create swarm routing-mesh network' },
    { name: 'internal', kind: 'bool', help: 'Restrict external access to the network' },
    {
      name: 'ip-range',
      kind: 'list',
      placeholder: 'strings',
      help: 'Allocate container ip from a sub-range',
    },
    {
      name: 'ipam-driver',
      kind: 'string',
      initial: 'default',
      help: 'IP Address Management Driver',
    },
    {
      name: 'ipam-opt',
      kind: 'list',
      placeholder: 'map',
      help: 'Set IPAM driver specific options',
    },
    { name: 'ipv6', kind: 'bool', help: 'Enable or disable IPv6 networking' },
    { name: 'label', kind: 'list', help: 'Set metadata on a network' },
    {
      name: 'opt',
      short: 'o',
      kind: 'list',
      placeholder: 'map',
      help: 'Set driver specific options',
    },
    { name: 'scope', kind: 'string', help: "Control the network's scope" },
    {
      name: 'subnet',
      kind: 'list',
      placeholder: 'strings',
      help: 'Subnet in CIDR format that represents a network segment',
    },
  ],
  count: [1, 1],
  async run(context, line) {
    const engine = engineFor(context);
    const ipam = consolidate(line);
    const ipamOptions = pairsOf(listOf(line, 'ipam-opt'));
    const spec = {
      ...NETWORK_DEFAULTS,
      name: line.operands[0]!,
      driver: textOf(line, 'driver'),
      isInternal: has(line, 'internal'),
      isAttachable: has(line, 'attachable'),
      isIngress: has(line, 'ingress'),
      enableIpv6: has(line, 'ipv6'),
      options: pairsOf(listOf(line, 'opt')),
      labels: pairsOf(listOf(line, 'label')),
      ipamDriver: textOf(line, 'ipam-driver'),
      ipamOptions,
      ipam: ipam.map(specOf),
      scope: textOf(line, 'scope'),
      isConfigOnly: has(line, 'config-only'),
      configFrom: textOf(line, 'config-from'),
    };
    const { name } = spec;
    if ((await swarmNetworks(context)).some((other) => other.name === name)) {
      throw new DockerError(409, `network with name ${name} already exists`);
    }
    refuseOnWorker(engine, spec);
    const network = isForSwarm(engine, spec)
      ? await asManager(context, ({ member, process }) => createSwarmNetwork(member, process, spec))
      : attempt(context, () => createNetwork(engine, spec));
    if (network === null) return 1;
    context.write(`${network.id}\n`);
    return 0;
  },
};

/** Engines of 20.10 have words of their own for workers. @source libnetwork/controller.go NewNetwork() */
function refuseOnWorker(engine: DockerEngine, { driver }: Pick<NetworkSpec, 'driver'>): void {
  if (driver !== 'overlay' || memberOf(engine)?.role !== 'worker') return;
  if (majorVersion(engine) >= OWN_WORDS_BELOW) return;
  throw new DockerError(
    403,
    'Cannot create a multi-host network from a worker node. Please create the network from a manager node.',
  );
}

const OWN_WORDS_BELOW = 23;

/** Whether the managers make it: on a worker the engine itself refuses. */
function isForSwarm(
  engine: DockerEngine,
  { driver, scope, isIngress }: Pick<NetworkSpec, 'driver' | 'scope' | 'isIngress'>,
): boolean {
  if (memberOf(engine)?.role !== 'manager') return false;
  return driver === 'overlay' || scope === 'swarm' || isIngress;
}

/** `a=b` of a list of options; without `=` the value is empty. */
export function pairsOf(texts: readonly string[]): Map<string, string> {
  return new Map(
    texts.map((text) => {
      const equals = text.indexOf('=');
      return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

/** What belongs to one `--subnet`, as text. */
export interface SubnetTexts {
  readonly subnet: string;
  range: string;
  gateway: string;
  readonly auxAddresses: Map<string, string>;
}

function fail(message: string): never {
  throw new UsageError(`${message}\n`, 1);
}

/** Gives each range, gateway and auxiliary address to the subnet that it lies in. @throws UsageError. */
export function consolidate(line: CommandLine): SubnetTexts[] {
  const of = (name: string): string[] =>
    listOf(line, name).flatMap((text) => text.split(',').map((part) => part.trim()));
  const subnets = of('subnet');
  const ranges = of('ip-range');
  const gateways = of('gateway');
  if (subnets.length < ranges.length || subnets.length < gateways.length) {
    fail('every ip-range or gateway must have a corresponding subnet');
  }
  const result: SubnetTexts[] = [];
  for (const subnet of subnets) {
    for (const { subnet: other } of result) {
      if (contains(other, subnet) || contains(subnet, other)) {
        fail('multiple overlapping subnet configuration is not supported');
      }
    }
    result.push({ subnet, range: '', gateway: '', auxAddresses: new Map() });
  }
  for (const range of ranges) {
    const home = result.find(({ subnet }) => contains(subnet, range));
    if (home === undefined) fail(`no matching subnet for range ${range}`);
    if (home.range !== '') {
      fail(
        `cannot configure multiple ranges (${range}, ${home.range}) on the same subnet (${home.subnet})`,
      );
    }
    home.range = range;
  }
  for (const gateway of gateways) {
    const home = result.find(({ subnet }) => contains(subnet, gateway));
    if (home === undefined) fail(`no matching subnet for gateway ${gateway}`);
    if (home.gateway !== '') {
      fail(
        `cannot configure multiple gateways (${gateway}, ${home.gateway}) for the same subnet (${home.subnet})`,
      );
    }
    home.gateway = gateway;
  }
  for (const [name, address] of pairsOf(listOf(line, 'aux-address'))) {
    const home = result.find(({ subnet }) => contains(subnet, address));
    if (home === undefined) fail(`no matching subnet for aux-address ${address}`);
    home.auxAddresses.set(name, address);
  }
  return result;
}

/** Whether an address or the address of a subnet lies in a subnet. @source create.go subnetMatches() */
function contains(subnet: string, data: string): boolean {
  const outer = parseCidr(subnet);
  if (outer === null) fail(`invalid subnet: invalid CIDR address: ${subnet}`);
  let address: Ipv4 | null;
  if (data.includes('/')) {
    const inner = parseCidr(data);
    if (inner === null) fail(`invalid CIDR address: ${data}`);
    address = inner.address;
  } else address = parseIpv4(data);
  if (address === null) return false;
  const mask = maskOf(outer.prefixLength);
  return (address & mask) === (outer.address & mask);
}

function specOf({ subnet, range, gateway, auxAddresses }: SubnetTexts): IpamSpec {
  const address = (text: string): Ipv4 => {
    const parsed = parseIpv4(text);
    if (parsed === null) refuse(`invalid IP address: ${text}`);
    return parsed;
  };
  const prefix = (text: string, what: string) => {
    const parsed = parseCidr(text);
    if (parsed === null || !text.includes('/')) {
      refuse(`invalid ${what} ${text}: invalid CIDR block notation`);
    }
    return parsed;
  };
  return {
    subnet: prefix(subnet, 'subnet'),
    gateway: gateway === '' ? null : address(gateway),
    range: range === '' ? null : prefix(range, 'ip-range'),
    auxAddresses: new Map([...auxAddresses].map(([name, text]) => [name, address(text)])),
  };
}

function refuse(message: string): never {
  throw new DockerError(400, `invalid network config:\n${message}`);
}
