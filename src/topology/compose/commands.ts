/**
 * The commands that bring a project up: what `docker compose up` asks of the engine, as lines of a
 * script that runs on node1.
 * @source docker compose pkg/compose/create.go, convergence.go
 */
import { quoteWord } from '../../base/quote-word.ts';
import { listOf, type Mapping, pairsOf } from './merge.ts';
import type { NetsimLink } from './netsim-schema.ts';
import {
  type ComposeProject,
  type ProjectEndpoint,
  type ProjectNetwork,
  type ProjectPort,
  type ProjectService,
  textMap,
} from './project.ts';

/** The script: links and firewalls, networks, containers in the order of their dependencies. */
export function projectScript(project: ComposeProject): string {
  const lines: string[] = ['set -e'];
  const { links = {}, firewall = {} } = project.settings;
  for (const [node, link] of Object.entries(links)) lines.push(...linkCommands(node, link));
  for (const node of nodesOf(project)) {
    const here = project.services.filter((service) => service.node === node);
    for (const network of project.networks) {
      const isUsed = here.some(({ endpoints }) =>
        endpoints.some((each) => each.network === network.key),
      );
      if (isUsed) lines.push(onNode(node, networkCommand(project, network)));
    }
  }
  const order = inOrder(project.services);
  for (const service of order) {
    for (const number of numbersOf(service))
      lines.push(...createCommands(project, service, number));
  }
  for (const service of order) {
    for (const number of numbersOf(service)) {
      const name = containerNameOf(project, service, number);
      lines.push(onNode(service.node, ['docker', 'start', name]));
    }
  }
  for (const [node, rules] of Object.entries(firewall)) {
    for (const rule of rules) lines.push(onNodeText(node, `iptables ${rule}`));
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** `shop-web-1`, or the service's container_name. */
export function containerNameOf(
  project: ComposeProject,
  service: ProjectService,
  number: number,
): string {
  return service.containerName ?? `${project.name}-${service.name}-${number}`;
}

function nodesOf({ nodes }: ComposeProject): string[] {
  return Array.from({ length: nodes }, (_, index) => `node${index + 1}`);
}

function numbersOf({ replicas }: ProjectService): number[] {
  return Array.from({ length: replicas }, (_, index) => index + 1);
}

function onNode(node: string, words: readonly string[]): string {
  return onNodeText(node, `${words.map(quoteWord).join(' ')} > /dev/null`);
}

function onNodeText(node: string, text: string): string {
  return node === 'node1' ? text : `ssh ${node} ${quoteWord(text)}`;
}

/** Services after those they depend on, else as in the file. */
function inOrder(services: readonly ProjectService[]): ProjectService[] {
  const byName = new Map(services.map((service) => [service.name, service]));
  const order = new Set<ProjectService>();
  const add = (service: ProjectService): void => {
    if (order.has(service)) return;
    for (const name of service.dependsOn) {
      const other = byName.get(name);
      if (other !== undefined) add(other);
    }
    order.add(service);
  };
  for (const service of services) add(service);
  return [...order];
}

function networkCommand(project: ComposeProject, network: ProjectNetwork): string[] {
  const words = ['docker', 'network', 'create', '--driver', network.driver];
  for (const { subnet, gateway, range, auxAddresses } of network.ipam) {
    if (subnet !== null) words.push('--subnet', subnet);
    if (gateway !== null) words.push('--gateway', gateway);
    if (range !== null) words.push('--ip-range', range);
    for (const [name, address] of auxAddresses) words.push('--aux-address', `${name}=${address}`);
  }
  if (network.isInternal) words.push('--internal');
  if (network.isAttachable) words.push('--attachable');
  for (const [name, value] of network.options) words.push('--opt', `${name}=${value}`);
  for (const [name, value] of network.labels) words.push('--label', `${name}=${value}`);
  if (!network.isExternal) {
    words.push('--label', `com.docker.compose.network=${network.key}`);
    words.push('--label', `com.docker.compose.project=${project.name}`);
  }
  return [...words, network.name];
}

/** `docker create`, and `docker network connect` for every network but the first. */
function createCommands(
  project: ComposeProject,
  service: ProjectService,
  number: number,
): string[] {
  const { fields, node } = service;
  const name = containerNameOf(project, service, number);
  const words = ['docker', 'create', '--quiet', '--name', name];
  words.push(...labelWords(project, service, number), ...networkWords(project, service, name));
  for (const port of service.ports) words.push('--publish', publishText(port));
  words.push(...fieldWords(fields));
  const entrypoint = wordsOf(fields.entrypoint);
  if (entrypoint.length > 0) words.push('--entrypoint', entrypoint[0]!);
  words.push(service.image ?? `${project.name}-${service.name}`);
  words.push(...entrypoint.slice(1), ...wordsOf(fields.command));
  const lines = [onNode(node, words)];
  for (const endpoint of service.endpoints.slice(1)) {
    const connect = ['docker', 'network', 'connect', ...endpointWords(endpoint, name, '--alias')];
    lines.push(onNode(node, [...connect, nameOfNetwork(project, endpoint), name]));
  }
  return lines;
}

function labelWords(project: ComposeProject, service: ProjectService, number: number): string[] {
  const labels = new Map([
    ...textMap(pairsOf(service.fields.labels)),
    ['com.docker.compose.container-number', String(number)],
    ['com.docker.compose.oneoff', 'False'],
    ['com.docker.compose.project', project.name],
    ['com.docker.compose.service', service.name],
  ]);
  return [...labels].flatMap(([name, value]) => ['--label', `${name}=${value}`]);
}

function nameOfNetwork(project: ComposeProject, { network }: ProjectEndpoint): string {
  return project.networks.find(({ key }) => key === network)?.name ?? network;
}

function networkWords(
  project: ComposeProject,
  service: ProjectService,
  container: string,
): string[] {
  const { networkMode, endpoints } = service;
  if (networkMode !== null) {
    const shared = /^service:(.+)$/.exec(networkMode)?.[1];
    const target = project.services.find(({ name }) => name === shared);
    const mode =
      target === undefined ? networkMode : `container:${containerNameOf(project, target, 1)}`;
    return ['--network', mode];
  }
  const first = endpoints[0];
  if (first === undefined) return [];
  const words = ['--network', nameOfNetwork(project, first)];
  words.push(...endpointWords(first, container, '--network-alias'));
  if (first.mac !== null) words.push('--mac-address', first.mac);
  return words;
}

function endpointWords(endpoint: ProjectEndpoint, container: string, option: string): string[] {
  const aliases = [container, ...endpoint.aliases].flatMap((alias) => [option, alias]);
  return endpoint.address === null ? aliases : [...aliases, '--ip', endpoint.address];
}

function publishText({ target, published, hostAddress, protocol }: ProjectPort): string {
  const range = ([first, last]: readonly [number, number]): string =>
    first === last ? String(first) : `${first}-${last}`;
  const host = hostAddress === null ? '' : `${hostAddress}:`;
  const outside = published === null ? '' : range(published);
  const middle = host === '' && outside === '' ? '' : `${outside}:`;
  return `${host}${middle}${range(target)}/${protocol}`;
}

/** Options that go on as they are: the field, the option, what its value is. */
const FIELD_OPTIONS: ReadonlyArray<
  readonly [field: string, option: string, kind: 'text' | 'list' | 'pairs' | 'flag']
> = [
  ['hostname', '--hostname', 'text'],
  ['domainname', '--domainname', 'text'],
  ['environment', '--env', 'pairs'],
  ['expose', '--expose', 'list'],
  ['dns', '--dns', 'list'],
  ['dns_search', '--dns-search', 'list'],
  ['dns_opt', '--dns-option', 'list'],
  ['cap_add', '--cap-add', 'list'],
  ['cap_drop', '--cap-drop', 'list'],
  ['privileged', '--privileged', 'flag'],
  ['sysctls', '--sysctl', 'pairs'],
  ['restart', '--restart', 'text'],
  ['tty', '--tty', 'flag'],
  ['stdin_open', '--interactive', 'flag'],
  ['user', '--user', 'text'],
  ['working_dir', '--workdir', 'text'],
];

function fieldWords(fields: Mapping): string[] {
  const words: string[] = [];
  for (const [field, option, kind] of FIELD_OPTIONS) {
    const value = fields[field];
    if (value === undefined || value === null) continue;
    if (kind === 'flag') {
      if (value === true || value === 'true') words.push(option);
    } else if (kind === 'pairs') {
      for (const [name, each] of Object.entries(pairsOf(value))) {
        words.push(option, each === null ? name : `${name}=${String(each)}`);
      }
    } else for (const each of listOf(value)) words.push(option, String(each));
  }
  for (const [host, addresses] of Object.entries(pairsOf(fields.extra_hosts))) {
    for (const address of listOf(addresses)) words.push('--add-host', `${host}:${String(address)}`);
  }
  return words;
}

/** A command in words: a list as it is, a text as a shell would split it. */
function wordsOf(value: unknown): string[] {
  if (typeof value !== 'string') return listOf(value).map(String);
  const words: string[] = [];
  for (const match of value.matchAll(/(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+/g)) {
    words.push(
      match[0].replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g, (_, single, double, escaped) =>
        String(single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped),
      ),
    );
  }
  return words;
}

/** `tc` and MTU on both ends of a node's cable. */
function linkCommands(node: string, link: NetsimLink): string[] {
  const words: string[] = [];
  if (link.latency !== undefined || link.jitter !== undefined) {
    words.push('delay', link.latency ?? '0ms');
    if (link.jitter !== undefined) words.push(link.jitter);
  }
  if (link.loss !== undefined) words.push('loss', link.loss);
  if (link.rate !== undefined) words.push('rate', link.rate);
  if (link.queue !== undefined) words.push('limit', String(link.queue));
  const ends = [
    [node, 'eth0'],
    ['client', `lan-n${node.slice(4)}`],
  ] as const;
  const lines: string[] = [];
  for (const [machine, device] of ends) {
    if (words.length > 0) {
      lines.push(onNodeText(machine, `tc qdisc add dev ${device} root netem ${words.join(' ')}`));
    }
    if (link.mtu !== undefined) {
      lines.push(onNodeText(machine, `ip link set ${device} mtu ${link.mtu}`));
    }
  }
  return lines;
}
