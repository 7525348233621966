/**
 * Where an engine's names are attached to namespaces and devices: a container's name, the network
 * behind a bridge, published ports. A snapshot knows only what is in the kernel; everything that an
 * engine adds comes through a NameSource, so that another engine's objects need one more source here.
 */
import { formatIpv4, type Ipv4, maskOf } from '../base/ipv4-address.ts';
import { engineOf } from '../docker/engine.ts';
import type { Container, DockerNetwork } from '../docker/engine-record.ts';
import type { Device } from '../engine/device.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { networkingOf } from '../swarm/network/overlay-record.ts';
import type { Machine } from '../world/machine.ts';
import type { World } from '../world/world.ts';
import type { NamespaceKind } from './snapshot.ts';

export interface NamespaceName {
  readonly machine: Machine;
  readonly netns: NetNamespace;
  readonly label: string;
  readonly kind: NamespaceKind;
  readonly note: string;
  readonly service: string;
}

export interface NetworkName {
  /** A device of the network's segment: its bridge, or an interface of a container. */
  readonly device: Device;
  readonly name: string;
  readonly driver: string;
  readonly subnets: readonly string[];
  readonly isInternal: boolean;
}

export interface PortName {
  readonly machine: Machine;
  readonly protocol: string;
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly netns: NetNamespace;
  readonly target: string;
}

/** What an engine calls things. */
export interface NameSource {
  readonly namespaces: readonly NamespaceName[];
  readonly networks: readonly NetworkName[];
  readonly ports: readonly PortName[];
}

/** All names of a world. Another engine's source is added to this list. */
export function namesOf(world: World): NameSource {
  const sources = [dockerNames(world), swarmNames(world)];
  return {
    namespaces: sources.flatMap(({ namespaces }) => namespaces),
    networks: sources.flatMap(({ networks }) => networks),
    ports: sources.flatMap(({ ports }) => ports),
  };
}

const SERVICE_LABELS = ['com.docker.swarm.service.name', 'com.docker.compose.service'];

function dockerNames(world: World): NameSource {
  const namespaces: NamespaceName[] = [];
  const networks: NetworkName[] = [];
  const ports: PortName[] = [];
  for (const machine of world.machines.values()) {
    const engine = engineOf(machine);
    if (engine === null) continue;
    for (const container of engine.containers.values()) {
      const { netns, spec } = container;
      if (netns === null) continue;
      const label = taskName(container.name.replace(/^\//, ''));
      const service = SERVICE_LABELS.map((key) => spec.labels.get(key) ?? '').find(Boolean) ?? '';
      namespaces.push({ machine, netns, label, kind: 'container', note: spec.image, service });
      ports.push(...portsOf(machine, container, netns, label));
    }
    for (const network of engine.networks.values()) {
      const device = network.device ?? firstDevice(network);
      if (device !== null) networks.push({ ...networkWords(network), device });
    }
  }
  return { namespaces, networks, ports };
}

/** `web.1` of `web.1.hwrrdrilhav8...`: the id of a task tells a reader nothing. */
function taskName(name: string): string {
  return name.replace(/\.[0-9a-z]{25}$/, '');
}

/** What a swarm keeps out of sight: the sandboxes of its overlays and of their load balancers. */
function swarmNames(world: World): NameSource {
  const namespaces: NamespaceName[] = [];
  const networks: NetworkName[] = [];
  for (const machine of world.machines.values()) {
    const engine = engineOf(machine);
    const node = engine === null ? null : networkingOf(engine);
    for (const { local, sandbox, subnets, balancer, isSecure } of node?.overlays.values() ?? []) {
      const note = isSecure ? `${local.name} (encrypted)` : local.name;
      if (sandbox !== null) {
        const label = sandbox.name;
        namespaces.push({ machine, netns: sandbox, label, kind: 'sandbox', note, service: '' });
      }
      const hidden = balancer?.container.netns ?? null;
      if (hidden !== null) {
        const kind = local.isIngress ? 'ingress' : 'lb';
        namespaces.push({ machine, netns: hidden, label: hidden.name, kind, note, service: '' });
      }
      for (const { config, bridge } of subnets) {
        if (bridge === null) continue;
        const words = networkWords(local);
        const own = [subnetText(config.subnet, config.prefixLength)];
        networks.push({
          ...words,
          subnets: subnets.length > 1 ? own : words.subnets,
          device: bridge,
        });
      }
    }
  }
  return { namespaces, networks, ports: [] };
}

function firstDevice(network: DockerNetwork): Device | null {
  for (const { containerDevice } of network.endpoints.values()) {
    if (containerDevice !== null) return containerDevice;
  }
  return null;
}

function networkWords(network: DockerNetwork): Omit<NetworkName, 'device'> {
  const { name, driver, isInternal, ipam } = network;
  const subnets = ipam.map(({ subnet, prefixLength }) => subnetText(subnet, prefixLength));
  return { name, driver, isInternal, subnets };
}

export function subnetText(address: Ipv4, prefixLength: number): string {
  return `${formatIpv4(address & maskOf(prefixLength))}/${prefixLength}`;
}

function portsOf(
  machine: Machine,
  container: Container,
  netns: NetNamespace,
  label: string,
): PortName[] {
  return [...container.endpoints.values()].flatMap((endpoint) =>
    endpoint.ports.map(({ protocol, containerPort, hostAddress, hostPort }) => ({
      machine,
      protocol,
      hostAddress: hostAddress === 0 ? '' : formatIpv4(hostAddress),
      hostPort,
      containerPort,
      netns,
      target: label,
    })),
  );
}
