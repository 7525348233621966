/** What ties a container's endpoints to what the swarm gave it: addresses, service, ports. */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import {
  type Container,
  DockerError,
  type EndpointSpec,
  type EngineEvent,
} from '../../docker/engine-record.ts';
import { sleep, spawn } from '../../engine/process.ts';
import type { SwarmMember } from '../member.ts';
import type { ObjectId, PortConfig, TaskObject } from '../objects.ts';
import { prepareNetwork, releaseNetwork } from './local-network.ts';
import { type NodeNetworking, networkingOf } from './overlay-record.ts';

/**
 * A task's networks for ContainerSpec.endpoints, by name, in order of attachment; the first is the
 * network mode. Empty: the task is on no swarm network (its mode is then `bridge`, `host` or `none`).
 */
export function endpointsOfTask(task: TaskObject): ReadonlyMap<string, EndpointSpec> {
  const endpoints = new Map<string, EndpointSpec>();
  for (const { network, address } of task.attachments) {
    if (network.driver !== 'overlay') continue;
    endpoints.set(network.name, { address, mac: null, aliases: [] });
  }
  return endpoints;
}

/** Tells what task a new container is, before it starts for the first time. */
export function attachTask(member: SwarmMember, container: Container, task: TaskObject): void {
  nodeOf(member).tasks.set(container, task);
}

/**
 * Notes the leg that the manager granted a plain container (`docker run --network`, `network connect`);
 * the network is made on this node if it is not there. Its endpoint takes the granted address.
 * @throws DockerError
 */
export function attachContainer(
  member: SwarmMember,
  container: Container,
  attachment: TaskObject,
): void {
  const node = nodeOf(member);
  const [leg] = attachment.attachments;
  if (leg === undefined) throw new DockerError(500, 'attachment without a network');
  prepareNetwork(member, leg.network);
  const grants = node.grants.get(container) ?? new Map<ObjectId, TaskObject>();
  grants.set(leg.network.id, attachment);
  node.grants.set(container, grants);
}

/**
 * Sees to it that a container which has left a network gives back what it was granted there; one that
 * starts again at once keeps it.
 * @source moby daemon/container_operations.go releaseNetwork()
 */
export function watchLeaving(node: NodeNetworking): () => void {
  const { member, engine } = node;
  const watcher = ({ type, action, id, attributes }: EngineEvent): void => {
    if (type !== 'network' || action !== 'disconnect') return;
    const container = engine.containers.get(attributes.get('container') ?? '');
    const attachment = container && node.grants.get(container)?.get(id);
    if (container === undefined || attachment === undefined) return;
    spawn(engine.world.sim, engine.machine.cpu, 'dockerd', function* giveBack(self) {
      yield* sleep(self, 0); // as of now it may be about to start again
      if (networkingOf(engine) !== node) return 0; // the node has left the swarm meanwhile
      const isBack = container.status === 'restarting' || container.status === 'running';
      if (isBack && container.networks.has(attributes.get('name') ?? '')) return 0;
      if (node.grants.get(container)?.get(id) !== attachment) return 0;
      detachContainer(member, container, attachment);
      member.wire.releaseAttachment(attachment.id);
      return 0;
    });
  };
  engine.eventListeners.add(watcher);
  return () => engine.eventListeners.delete(watcher);
}

/** The container is off the network again; the network goes with its last user on this node. */
function detachContainer(member: SwarmMember, container: Container, attachment: TaskObject): void {
  const node = nodeOf(member);
  for (const { network } of attachment.attachments) {
    node.grants.get(container)?.delete(network.id);
    releaseNetwork(member, network.id);
  }
}

/** The ports of its service in the routing mesh. */
export function ingressPortsOf(node: NodeNetworking, container: Container): PortConfig[] {
  const ports = node.tasks.get(container)?.endpoint?.ports ?? [];
  return ports.filter(({ publishMode }) => publishMode === 'ingress');
}

/** Its service's address on a network; null without one. */
export function balancedAddressOf(
  node: NodeNetworking,
  container: Container,
  networkId: ObjectId,
): Ipv4 | null {
  const all = node.tasks.get(container)?.endpoint?.virtualAddresses ?? [];
  return all.find((each) => each.networkId === networkId)?.address ?? null;
}

function nodeOf(member: SwarmMember): NodeNetworking {
  const node = networkingOf(member.engine);
  if (node === null) throw new DockerError(503, 'This node is not part of a swarm');
  return node;
}
