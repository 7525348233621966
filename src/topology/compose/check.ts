/** What only the whole project shows: names that lead nowhere, addresses and ports that clash. */
import { formatIpv4, maskOf, parseCidr, parseIpv4 } from '../../base/ipv4-address.ts';
import { suggestionFor } from '../../base/suggest.ts';
import { NODES_MAX } from '../docker-world.ts';
import { type ComposeProblem, pathText, type ValuePath } from './problem.ts';
import type { ComposeProject, ProjectNetwork, ProjectPort, ProjectService } from './project.ts';

/** Containers of one project. */
const CONTAINERS_MAX = 500;

/** Tells a problem at a path. */
type Tell = (path: ValuePath, message: string, hint?: string | null) => void;

/**
 * All problems of a project.
 * @param where the place of a path in its files.
 * @param known paths whose values were taken away because of other problems.
 */
export function checkProject(
  project: ComposeProject,
  where: (path: ValuePath) => ComposeProblem['where'],
  known: readonly string[] = [],
): ComposeProblem[] {
  const problems: ComposeProblem[] = [];
  const tell: Tell = (path, message, hint = null) => {
    const text = pathText(path);
    // It may be that what is missed is what was taken away.
    if (known.some((each) => each === text || each.startsWith(`${text}.`))) return;
    if (known.some((each) => each === '' || text.startsWith(each))) return;
    problems.push({ where: where(path), path: text, message, hint });
  };
  const { services } = project;
  if (services.length === 0) {
    const hint = project.inactive.length > 0 ? 'all belong to profiles: --profile NAME' : null;
    tell(['services'], 'found no service, expected at least one', hint);
  }
  const count = services.reduce((sum, { replicas }) => sum + replicas, 0);
  if (count > CONTAINERS_MAX) {
    tell(['services'], `found ${count} containers, expected at most ${CONTAINERS_MAX}`);
  }
  for (const service of services) checkService(project, service, tell);
  for (const network of project.networks) checkNetwork(network, tell);
  checkOverlaps(project, tell);
  checkAddresses(project, tell);
  checkPorts(project, tell);
  checkCircles(project, tell);
  checkSettings(project, tell);
  return problems;
}

function checkService(project: ComposeProject, service: ProjectService, tell: Tell): void {
  const path = ['services', service.name];
  const { services, networks, inactive } = project;
  if (service.image === null && !service.hasBuild) {
    tell(path, 'found neither image nor build, expected one of them', 'image: nginx');
  }
  if (service.hasTwoModes) {
    tell([...path, 'network_mode'], 'found network_mode and networks, expected one of them');
  }
  for (const { network } of service.endpoints) {
    const known = networks.some(({ key }) => key === network);
    if (known) continue;
    const message = `found the network "${network}", expected one of the file's networks`;
    tell([...path, 'networks', network], message, `networks: { ${network}: {} }`);
  }
  const names = services.map(({ name }) => name);
  for (const name of service.dependsOn) {
    if (names.includes(name)) continue;
    const hint = inactive.includes(name) ? 'its profile is not active' : suggestionFor(name, names);
    const from = service.networkMode === `service:${name}` ? 'network_mode' : 'depends_on';
    tell(
      [...path, from, ...(from === 'depends_on' ? [name] : [])],
      `found the service "${name}", expected one of the project's`,
      hint,
    );
  }
  if (service.containerName !== null && service.replicas > 1) {
    tell(
      [...path, 'container_name'],
      `found a name for ${service.replicas} containers, expected none`,
    );
  }
  const twin = services.find(
    (other) =>
      other !== service &&
      other.containerName !== null &&
      other.containerName === service.containerName,
  );
  if (twin !== undefined && names.indexOf(twin.name) < names.indexOf(service.name)) {
    const message = `found the name of ${twin.name}'s container, expected another`;
    tell([...path, 'container_name'], message);
  }
  if (Number(service.node.slice(4)) > project.nodes || service.node === 'node0') {
    const message = `found ${service.node}, expected node1 to node${project.nodes}`;
    tell(
      [...path, 'x-netsim', 'node'],
      message,
      'x-netsim: { nodes: N } of the file says how many',
    );
  }
}

function checkNetwork(network: ProjectNetwork, tell: Tell): void {
  const path = ['networks', network.key];
  if (network.driver === 'overlay') {
    const message = 'found an overlay network, expected bridge, macvlan or ipvlan';
    tell([...path, 'driver'], message, 'netsim has no swarm in Compose files');
  }
  network.ipam.forEach(({ subnet, gateway, range, auxAddresses }, index) => {
    const at = [...path, 'ipam', 'config', index];
    const net = subnet === null ? null : parseCidr(subnet);
    if (net === null) {
      if (gateway !== null || range !== null)
        tell(at, 'found no subnet, expected one', 'subnet: 10.5.0.0/16');
      return;
    }
    const base = net.address & maskOf(net.prefixLength);
    if (base !== net.address) {
      const right = `${formatIpv4(base)}/${net.prefixLength}`;
      tell([...at, 'subnet'], `found "${subnet}", expected ${right}`, 'host bits are zero');
    }
    const inside = (text: string, name: string): void => {
      const address = parseIpv4(text.split('/')[0]!);
      if (address !== null && (address & maskOf(net.prefixLength)) === base) return;
      tell([...at, ...name.split('.')], `found "${text}", expected an address of ${subnet}`);
    };
    if (gateway !== null) inside(gateway, 'gateway');
    if (range !== null) inside(range, 'ip_range');
    for (const [name, address] of auxAddresses) inside(address, `aux_addresses.${name}`);
  });
}

interface Claim {
  readonly network: ProjectNetwork;
  readonly index: number;
  readonly base: number;
  readonly prefixLength: number;
}

/** Subnets of networks that are on one engine. */
function checkOverlaps({ networks }: ComposeProject, tell: Tell): void {
  const claims: Claim[] = [];
  for (const network of networks) {
    network.ipam.forEach(({ subnet }, index) => {
      const net = subnet === null ? null : parseCidr(subnet);
      if (net === null || network.isExternal) return;
      const { prefixLength } = net;
      const base = net.address & maskOf(prefixLength);
      const other = claims.find((each) => {
        const mask = maskOf(Math.min(each.prefixLength, prefixLength));
        return (each.base & mask) === (base & mask);
      });
      claims.push({ network, index, base, prefixLength });
      if (other === undefined) return;
      const path = ['networks', network.key, 'ipam', 'config', index, 'subnet'];
      tell(path, `found "${subnet}", which overlaps with ${other.network.key}, expected another`);
    });
  }
}

/** Static addresses: inside of the network's subnet, and each once. */
function checkAddresses({ services, networks }: ComposeProject, tell: Tell): void {
  const taken = new Map<string, string>();
  for (const service of services) {
    for (const { network: key, address } of service.endpoints) {
      const network = networks.find((each) => each.key === key);
      if (address === null || network === undefined) continue;
      const path = ['services', service.name, 'networks', key, 'ipv4_address'];
      const subnets = network.ipam.flatMap(({ subnet }) => (subnet === null ? [] : [subnet]));
      if (subnets.length === 0 && !network.isExternal) {
        const hint = `networks: { ${key}: { ipam: { config: [{ subnet: ... }] } } }`;
        tell(path, `found an address, expected a subnet in the network ${key}`, hint);
        continue;
      }
      if (subnets.length > 0 && !subnets.some((subnet) => isInside(address, subnet))) {
        tell(path, `found "${address}", expected an address of ${subnets.join(' or ')}`);
      }
      if (service.replicas > 1) {
        tell(path, `found one address for ${service.replicas} containers, expected none`);
      }
      const holder = taken.get(`${key} ${address}`);
      const gateway = network.ipam.find((each) => each.gateway === address);
      if (holder !== undefined) tell(path, `found the address of ${holder}, expected a free one`);
      else if (gateway !== undefined) tell(path, 'found the gateway, expected a free address');
      taken.set(`${key} ${address}`, service.name);
    }
  }
}

function isInside(text: string, subnet: string): boolean {
  const address = parseIpv4(text);
  const net = parseCidr(subnet);
  if (address === null || net === null) return false;
  const mask = maskOf(net.prefixLength);
  return (address & mask) === (net.address & mask);
}

/** Ports: in bounds, ranges of the same length, and each host port once on a node. */
function checkPorts({ services }: ComposeProject, tell: Tell): void {
  const taken: Array<{ readonly port: ProjectPort; readonly service: ProjectService }> = [];
  for (const service of services) {
    service.ports.forEach((port, index) => {
      const path = ['services', service.name, 'ports', index];
      const fault = faultOfPort(port);
      if (fault !== null) {
        tell(path, fault);
        return;
      }
      const { published } = port;
      if (published === null) return;
      if (service.replicas > 1 && published[0] === published[1]) {
        const message = `found one host port for ${service.replicas} containers, expected a range or none`;
        tell(path, message);
      }
      const other = taken.find(
        (each) => each.service.node === service.node && areClashing(each.port, port),
      );
      if (other !== undefined) {
        const message = `found host port ${published[0]}, which ${other.service.name} publishes, expected a free one`;
        tell(path, message);
      }
      taken.push({ port, service });
    });
  }
}

function faultOfPort({ target, published }: ProjectPort): string | null {
  for (const port of [...target, ...(published ?? [])]) {
    if (port < 0 || port > 65_535) return `found ${port}, expected a port from 1 to 65535`;
  }
  if (target[1] < target[0]) return `found ${target.join('-')}, expected a range that rises`;
  if (published === null) return null;
  if (published[1] < published[0])
    return `found ${published.join('-')}, expected a range that rises`;
  const [inside, outside] = [target[1] - target[0], published[1] - published[0]];
  if (inside !== outside && inside !== 0) {
    return `found ${outside + 1} host ports for ${inside + 1} ports, expected as many`;
  }
  return null;
}

function areClashing(a: ProjectPort, b: ProjectPort): boolean {
  if (a.published === null || b.published === null || a.protocol !== b.protocol) return false;
  // A range for a single port takes any free one of it.
  const isAny = (port: ProjectPort): boolean =>
    port.target[0] === port.target[1] && port.published![0] !== port.published![1];
  if (isAny(a) || isAny(b)) return false;
  const everywhere = [null, '0.0.0.0'];
  const isSameAddress =
    a.hostAddress === b.hostAddress ||
    everywhere.includes(a.hostAddress) ||
    everywhere.includes(b.hostAddress);
  return isSameAddress && a.published[0] <= b.published[1] && b.published[0] <= a.published[1];
}

/** Services that wait for each other. */
function checkCircles({ services }: ComposeProject, tell: Tell): void {
  const byName = new Map(services.map((service) => [service.name, service]));
  const done = new Set<string>();
  const visit = (name: string, way: readonly string[]): boolean => {
    if (way.includes(name)) {
      const circle = [...way.slice(way.indexOf(name)), name].join(' -> ');
      tell(['services', name, 'depends_on'], `found a circle: ${circle}`);
      return true;
    }
    if (done.has(name)) return false;
    const found = (byName.get(name)?.dependsOn ?? []).some((next) => visit(next, [...way, name]));
    done.add(name);
    return found;
  };
  for (const { name } of services) if (visit(name, [])) return;
}

function checkSettings({ settings, services, nodes }: ComposeProject, tell: Tell): void {
  for (const section of ['links', 'firewall'] as const) {
    for (const node of Object.keys(settings[section] ?? {})) {
      const number = Number(node.slice(4));
      if (number >= 1 && number <= Math.min(nodes, NODES_MAX)) continue;
      tell(['x-netsim', section, node], `found ${node}, expected node1 to node${nodes}`);
    }
  }
  const { ping } = settings;
  if (ping === undefined) return;
  const machines = [
    ...Array.from({ length: nodes }, (_, i) => `node${i + 1}`),
    'client',
    'internet',
  ];
  const names = services.flatMap(({ name, containerName }) => [name, containerName ?? name]);
  for (const end of ['from', 'to'] as const) {
    const name = ping[end];
    const isAddress = end === 'to' && (parseIpv4(name) !== null || name.includes('.'));
    if (isAddress || machines.includes(name) || names.includes(name)) continue;
    const hint = suggestionFor(name, [...new Set([...names, ...machines])]);
    tell(['x-netsim', 'ping', end], `found "${name}", expected a service or a machine`, hint);
  }
}
