/** What ties a container's endpoints to what the swarm gave it: addresses, service, ports. */
import type { Container, EndpointSpec } from '../../docker/engine-record.ts';
import type { SwarmMember } from '../member.ts';
import type { TaskObject } from '../objects.ts';

/**
 * A task's networks for ContainerSpec.endpoints, by name, in order of attachment; the first is the
 * network mode. Empty: the task is on no swarm network (its mode is then `bridge`, `host` or `none`).
 */
export function endpointsOfTask(task: TaskObject): ReadonlyMap<string, EndpointSpec> {
  throw new Error(`not yet: ${task.id}`);
}

/** Tells what task a new container is, before it starts for the first time. */
export function attachTask(member: SwarmMember, container: Container, task: TaskObject): void {
  throw new Error(`not yet: ${member.nodeId} ${container.id} ${task.id}`);
}

/**
 * Notes the leg that the manager granted a plain container (`docker run --network`, `network connect`);
 * the network is made on this node if it is not there. Its endpoint takes the granted address.
 */
export function attachContainer(
  member: SwarmMember,
  container: Container,
  attachment: TaskObject,
): void {
  throw new Error(`not yet: ${member.nodeId} ${container.id} ${attachment.id}`);
}

/** The container is off the network again; the network goes with its last user on this node. */
export function detachContainer(
  member: SwarmMember,
  container: Container,
  attachment: TaskObject,
): void {
  throw new Error(`not yet: ${member.nodeId} ${container.id} ${attachment.id}`);
}
