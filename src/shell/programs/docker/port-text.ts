/** Ports of containers as `docker ps`, `docker port` and inspect documents show them. */
import { formatIpv4 } from '../../../base/ipv4-address.ts';
import { gatewayEndpointOf, legsOf } from '../../../docker/endpoint.ts';
import type { Container, DockerEngine, PortBinding } from '../../../docker/engine-record.ts';

/** One line of the API's list of ports; an exposed port that is not published has no `host`. */
export interface ContainerPort {
  readonly port: number;
  readonly protocol: string;
  /** `0.0.0.0`, `::` or another address of the host. */
  readonly host: string | null;
  readonly hostPort: number;
}

/** Ports of a running container: published and exposed ones. */
export function portsOf(container: Container): ContainerPort[] {
  if (container.status !== 'running' && container.status !== 'paused') return [];
  const ports: ContainerPort[] = [];
  const seen = new Set<string>();
  for (const { ports: bindings } of legsOf(container)) {
    for (const binding of bindings) {
      const { protocol, containerPort: port, hostPort } = binding;
      seen.add(`${port}/${protocol}`);
      ports.push({ port, protocol, host: formatIpv4(binding.hostAddress), hostPort });
      if (isAlsoIpv6(container, binding)) ports.push({ port, protocol, host: '::', hostPort });
    }
  }
  // Only the bridge that leads out tells what is exposed.
  const isOnBridge = gatewayEndpointOf(container)?.network.driver === 'bridge';
  for (const { port, protocol } of isOnBridge ? exposedPortsOf(container) : []) {
    if (!seen.has(`${port}/${protocol}`)) ports.push({ port, protocol, host: null, hostPort: 0 });
  }
  return ports;
}

/** Ports that the image or the command line exposes, published ones among them. */
export function exposedPortsOf(container: Container): Array<{ port: number; protocol: string }> {
  const { spec, image } = container;
  const all = [
    ...image.config.exposed,
    ...spec.expose,
    ...spec.publish.map(({ containerPort: port, protocol }) => ({ port, protocol })),
  ];
  const byName = new Map(all.map((each) => [`${each.port}/${each.protocol}`, each]));
  return [...byName.values()];
}

/** A port that names no address is published on [::] too. */
function isAlsoIpv6({ spec }: Container, binding: PortBinding): boolean {
  if (binding.hostAddress !== 0) return false;
  return !spec.publish.some(
    ({ protocol, containerPort, hostAddress }) =>
      hostAddress !== null &&
      protocol === binding.protocol &&
      containerPort === binding.containerPort,
  );
}

/**
 * The PORTS column: runs of neighbouring ports with the same number on both sides become one.
 * @source docker cli command/formatter/container.go DisplayablePorts()
 */
export function portsText(engine: DockerEngine, container: Container): string {
  const ports = portsOf(container).sort(comparePorts);
  const groups = new Map<string, { first: number; last: number }>();
  const result: string[] = [];
  const mappings: string[] = [];
  for (const { host, port, protocol, hostPort } of ports) {
    if (host !== null && hostPort !== port) {
      mappings.push(`${hostText(engine, host)}:${hostPort}->${port}/${protocol}`);
      continue;
    }
    const key = host === null ? protocol : `${host}/${protocol}`;
    const group = groups.get(key);
    if (group !== undefined && port === group.last + 1) {
      group.last = port;
      continue;
    }
    if (group !== undefined) result.push(groupText(engine, key, group));
    groups.set(key, { first: port, last: port });
  }
  for (const [key, group] of groups) result.push(groupText(engine, key, group));
  return [...result, ...mappings].join(', ');
}

function comparePorts(a: ContainerPort, b: ContainerPort): number {
  if (a.port !== b.port) return a.port - b.port;
  const hosts = [a.host ?? '', b.host ?? ''] as const;
  if (hosts[0] !== hosts[1]) return hosts[0] < hosts[1] ? -1 : 1;
  if (a.hostPort !== b.hostPort) return a.hostPort - b.hostPort;
  return a.protocol < b.protocol ? -1 : a.protocol > b.protocol ? 1 : 0;
}

function groupText(
  engine: DockerEngine,
  key: string,
  { first, last }: { first: number; last: number },
): string {
  const [host, protocol] = key.includes('/') ? key.split('/') : [null, key];
  const range = first === last ? String(first) : `${first}-${last}`;
  return host === null
    ? `${range}/${protocol}`
    : `${hostText(engine, host!)}:${range}->${range}/${protocol}`;
}

/** `:::8080` of a CLI up to 27, `[::]:8080` of later ones. */
function hostText(engine: DockerEngine, host: string): string {
  return host === '::' && majorVersion(engine) >= 28 ? '[::]' : host;
}

/** 26 of `26.1.5+dfsg1`. */
export function majorVersion(engine: DockerEngine): number {
  return Number.parseInt(engine.profile.version, 10);
}
