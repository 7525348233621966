/**
 * Published ports: DNAT, the rules that let the packets through, and docker-proxy.
 * @source libnetwork/drivers/bridge/port_mapping_linux.go; libnetwork/portmapper/mapper.go
 */
import { kill, type Process } from '../engine/process.ts';
import { killFlow, listFlows } from '../netfilter/conntrack-table.ts';
import { dockerdOf } from './daemon-process.ts';
import { firewalledBridge, hostBindingOf } from './drivers/bridge.ts';
import { gatewayEndpointOf, legsOf } from './endpoint.ts';
import {
  type Container,
  type DockerEndpoint,
  type DockerEngine,
  DockerError,
  type PortBinding,
  type PublishSpec,
} from './engine-record.ts';
import { firewallOf } from './firewall/index.ts';
import type { FirewalledPort } from './firewall/layout.ts';
import { releaseHostPort, takeHostPort } from './host-ports.ts';
import { startDummyProxy, startIpv6Proxy, startProxy } from './userland-proxy.ts';

/** How often the engine tries another ephemeral port that somebody else has. */
const ATTEMPTS_MAX = 10;

/**
 * Publishes a container's ports on its gateway endpoint, if that is on a bridge.
 * @throws DockerError 500 `driver failed programming external connectivity on endpoint ...`
 */
export function publishPorts(engine: DockerEngine, container: Container): void {
  const endpoint = gatewayEndpointOf(container);
  if (endpoint === null || endpoint.network.driver !== 'bridge') return;
  const ports: PortBinding[] = [];
  try {
    for (const wanted of wantedPorts(container)) ports.push(publishOne(engine, endpoint, wanted));
  } catch (error) {
    for (const port of ports) port.release();
    if (!(error instanceof DockerError)) throw error;
    const where = `endpoint ${endpoint.name} (${endpoint.id})`;
    const text = `driver failed programming external connectivity on ${where}: ${error.message}`;
    throw new DockerError(500, text);
  }
  endpoint.ports = ports;
  forgetFlows(engine, endpoint);
}

/** Takes the ports back. */
export function unpublishPorts(engine: DockerEngine, container: Container): void {
  for (const endpoint of legsOf(container)) {
    if (endpoint.network.driver !== 'bridge') continue;
    for (const port of endpoint.ports) port.release();
    endpoint.ports = [];
    forgetFlows(engine, endpoint);
  }
}

/**
 * The ports to publish in the order in which the engine goes about it: larger host ports first, then
 * larger container ports, then TCP; the same port of a container together.
 * @source go-connections nat/sort.go SortPortMap(); moby daemon/network.go buildCreateEndpointOptions()
 */
export function wantedPorts(container: Container): PublishSpec[] {
  const { spec, image } = container;
  const entries: PublishSpec[] = [...spec.publish];
  if (spec.publishAll) {
    for (const { protocol, port } of [...image.config.exposed, ...spec.expose]) {
      const isThere = entries.some(
        (each) => each.protocol === protocol && each.containerPort === port,
      );
      if (isThere) continue;
      entries.push({ protocol, containerPort: port, hostAddress: null, hostPorts: null });
    }
  }
  for (let i = 1; i < entries.length; i++) {
    for (let j = i; j > 0 && goesBefore(entries[j]!, entries[j - 1]!); j--) {
      [entries[j], entries[j - 1]] = [entries[j - 1]!, entries[j]!];
    }
  }
  const byPort = new Map<string, PublishSpec[]>();
  for (const entry of entries) {
    const key = `${entry.containerPort}/${entry.protocol}`;
    byPort.set(key, [...(byPort.get(key) ?? []), entry]);
  }
  return [...byPort.values()].flat();
}

function goesBefore(one: PublishSpec, other: PublishSpec): boolean {
  const [hostPort, otherHostPort] = [one.hostPorts?.[0] ?? 0, other.hostPorts?.[0] ?? 0];
  if (hostPort > otherHostPort || one.containerPort > other.containerPort) return true;
  return one.containerPort === other.containerPort && one.protocol === 'tcp';
}

function publishOne(
  engine: DockerEngine,
  endpoint: DockerEndpoint,
  wanted: PublishSpec,
): PortBinding {
  for (let attempts = 1; ; attempts++) {
    try {
      return mapPort(engine, endpoint, wanted);
    } catch (error) {
      const isFixed = wanted.hostPorts !== null;
      if (isFixed || attempts >= ATTEMPTS_MAX || !(error instanceof DockerError)) throw error;
    }
  }
}

/** @source portmapper MapRange() */
function mapPort(engine: DockerEngine, endpoint: DockerEndpoint, wanted: PublishSpec): PortBinding {
  const { machine, hostPorts } = engine;
  const { network } = endpoint;
  const { protocol, containerPort } = wanted;
  const hostAddress = wanted.hostAddress ?? hostBindingOf(network);
  const hostPort = takeHostPort(hostPorts, hostAddress, protocol, wanted.hostPorts);
  const containerAddress = endpoint.address!; // a bridge network has a subnet
  const place = { protocol, hostAddress, hostPort, containerAddress, containerPort };
  const rule: FirewalledPort = { ...place, bridge: firewalledBridge(engine, network) };
  const { netfilter } = machine.root;
  const firewall = firewallOf(engine.profile);
  firewall.addPort(netfilter, rule);
  const giveBack = (): void => {
    firewall.removePort(netfilter, rule);
    releaseHostPort(hostPorts, hostAddress, protocol, hostPort);
  };
  let proxy: Process | null = null;
  let stop: () => void;
  try {
    if (engine.hasUserlandProxy) {
      const started = startProxy(machine, place);
      proxy = started;
      stop = () => kill(started, 'SIGKILL');
    } else stop = startDummyProxy(machine, place, dockerdOf(engine));
  } catch (error) {
    // A port that somebody on the host has stays taken: the next try gets another one.
    if (wanted.hostPorts === null) firewall.removePort(netfilter, rule);
    else giveBack();
    throw error;
  }
  const hasIpv6 = engine.hasUserlandProxy && hostAddress === 0;
  const ipv6 = hasIpv6 ? startIpv6Proxy(machine, place) : null;
  const release = (): void => {
    stop();
    if (ipv6 !== null) kill(ipv6, 'SIGKILL');
    giveBack();
  };
  return { protocol, containerPort, hostAddress, hostPort, proxy, release };
}

/**
 * Flows that were translated to the endpoint's address, or are not translated although they now
 * would be, begin anew.
 * @source libnetwork/iptables/conntrack.go DeleteConntrackEntries()
 */
function forgetFlows(engine: DockerEngine, endpoint: DockerEndpoint): void {
  const { conntrack } = engine.machine.root.netfilter;
  const { address } = endpoint;
  if (address === null) return;
  for (const flow of listFlows(conntrack)) {
    const { source, target } = flow.reply;
    if (source === address || target === address) killFlow(conntrack, flow);
  }
}
