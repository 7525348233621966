/**
 * /etc/hosts, /etc/resolv.conf and /etc/hostname of a container, as dockerd writes them.
 * @source moby libnetwork/sandbox_dns_unix.go, libnetwork/etchosts
 */
import { formatIpv4, parseIpv4 } from '../base/ipv4-address.ts';
import { listAddresses } from '../stack/address.ts';
import type { Container, DockerEndpoint, DockerEngine } from './engine-record.ts';
import { shortId } from './ids.ts';
import { type BuiltResolvConf, buildResolvConf } from './resolv-conf.ts';
import { startResolver } from './resolver.ts';

const LOCAL_HOSTS = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/** Networks that are there from the beginning: no names on them. */
export function isUserDefined(networkName: string): boolean {
  return networkName !== 'bridge' && networkName !== 'host' && networkName !== 'none';
}

/** The container whose namespace a container shares (`container:NAME`), by the text after the colon. */
export function sharedContainerOf(networkMode: string): string | null {
  return networkMode.startsWith('container:') ? networkMode.slice('container:'.length) : null;
}

/** What `hostname` says in it. */
export function hostnameOf(engine: DockerEngine, container: Container): string {
  const { hostname, networkMode } = container.spec;
  if (hostname !== null && hostname !== '') return hostname;
  if (networkMode !== 'host') return shortId(container.id);
  return engine.machine.files.readFile('/etc/hostname')?.trim() ?? engine.machine.name;
}

/** Names that an endpoint is found by: container name, aliases, short id, hostname; none on the default bridge. */
export function dnsNamesOf(
  container: Container,
  networkName: string,
  aliases: readonly string[],
): string[] {
  if (!isUserDefined(networkName)) return [];
  const { hostname } = container.spec;
  const names = [container.name, ...aliases, shortId(container.id)];
  if (hostname !== null && hostname !== '') names.push(hostname);
  return [...new Set(names)];
}

/** Whether 127.0.0.11 answers in it. */
export function needsResolver(container: Container): boolean {
  return [...container.endpoints.keys()].some(isUserDefined);
}

/** Writes the three files of a container that starts; its endpoints have their addresses. */
export function writeSandboxFiles(engine: DockerEngine, container: Container): BuiltResolvConf {
  const { files } = container.machine;
  files.writeFile('/etc/hostname', `${hostnameOf(engine, container)}\n`);
  files.writeFile('/etc/hosts', hostsText(engine, container));
  const built = resolvConfOf(engine, container);
  files.writeFile('/etc/resolv.conf', built.text);
  container.writtenResolvConf = built.text;
  return built;
}

/** In container mode the files are the other container's own. */
export function shareSandboxFiles(container: Container, other: Container): void {
  for (const path of ['/etc/hosts', '/etc/resolv.conf', '/etc/hostname']) {
    const node = other.machine.files.find(path);
    if (node !== null) container.machine.files.put(path, node);
  }
}

/** A running container got an endpoint (`network connect`): its files and its resolver. Call after joinEndpoint. */
export function noteEndpointJoined(engine: DockerEngine, endpoint: DockerEndpoint): void {
  const { container, network, aliases } = endpoint;
  endpoint.dnsNames = dnsNamesOf(container, network.name, aliases);
  const line = hostsLine(engine, endpoint);
  if (line !== '') container.machine.files.appendFile('/etc/hosts', line);
  if (!needsResolver(container)) return;
  const built = rewriteResolvConf(engine, container);
  if (container.resolver !== null) container.resolver.upstreams = built.upstreams;
  else {
    const { upstreams, isNdotsSet } = built;
    container.resolver = startResolver(engine, container, upstreams, isNdotsSet);
  }
}

/** A running container lost an endpoint (`network disconnect`). Call after leaveEndpoint, address still set. */
export function noteEndpointLeft(engine: DockerEngine, endpoint: DockerEndpoint): void {
  const { files } = endpoint.container.machine;
  const line = hostsLine(engine, endpoint);
  const hosts = files.readFile('/etc/hosts');
  if (line !== '' && hosts !== null) files.writeFile('/etc/hosts', hosts.replace(line, ''));
}

/** Once there was a resolver it stays, even without networks; a file that the user edited stays too. */
function rewriteResolvConf(engine: DockerEngine, container: Container): BuiltResolvConf {
  const { files } = container.machine;
  const built = resolvConfOf(engine, container);
  if (files.readFile('/etc/resolv.conf') === container.writtenResolvConf) {
    files.writeFile('/etc/resolv.conf', built.text);
    container.writtenResolvConf = built.text;
  }
  return built;
}

function resolvConfOf(engine: DockerEngine, container: Container): BuiltResolvConf {
  const { dns, dnsSearch, dnsOptions, networkMode } = container.spec;
  const host = engine.machine.files.readFile('/etc/resolv.conf') ?? '';
  const isPlain = dns.length === 0 && dnsSearch.length === 0 && dnsOptions.length === 0;
  if (networkMode === 'host' && isPlain) return { text: host, upstreams: [], isNdotsSet: false };
  const overrides = { servers: dns, search: dnsSearch, options: dnsOptions };
  const { hasResolvConfComments } = engine.profile;
  return buildResolvConf(host, overrides, needsResolver(container), hasResolvConfComments);
}

function hostsText(engine: DockerEngine, container: Container): string {
  const { networkMode, extraHosts } = container.spec;
  if (networkMode === 'host' && extraHosts.length === 0) {
    return engine.machine.files.readFile('/etc/hosts') ?? '';
  }
  let text = LOCAL_HOSTS;
  for (const [name, address] of extraHosts) {
    text += `${address === 'host-gateway' ? gatewayOfHost(engine) : address}\t${name}\n`;
  }
  for (const endpoint of container.endpoints.values()) text += hostsLine(engine, endpoint);
  return text;
}

/** What `host-gateway` stands for: the address of docker0. */
function gatewayOfHost(engine: DockerEngine): string {
  const docker0 = engine.machine.root.deviceByName.get('docker0');
  const address = docker0 === undefined ? undefined : listAddresses(docker0)[0]?.address;
  return formatIpv4(address ?? parseIpv4('172.17.0.1')!);
}

/** Address, then the full name and the short one if the name has dots. */
function hostsLine(engine: DockerEngine, { container, address }: DockerEndpoint): string {
  if (address === null) return '';
  const { domainname } = container.spec;
  const bare = hostnameOf(engine, container);
  const whole = domainname === '' ? bare : `${bare}.${domainname}`;
  const dot = whole.indexOf('.');
  const names = dot < 0 ? whole : `${whole} ${whole.slice(0, dot)}`;
  return `${formatIpv4(address)}\t${names}\n`;
}
