/** A swarm's network on one node: there while somebody on the node is on it. */
import type { DockerNetwork } from '../../docker/engine-record.ts';
import type { SwarmMember } from '../member.ts';
import type { NetworkObject, ObjectId } from '../objects.ts';

/**
 * Makes an overlay network on this node with its load balancer's sandbox, or gives the one that is
 * there. `NodeObject.attachments` must have the load balancer's address.
 * @throws DockerError: VXLAN device in use, subnets in the way.
 */
export function prepareNetwork(member: SwarmMember, network: NetworkObject): DockerNetwork {
  throw new Error(`not yet: ${member.nodeId} ${network.id}`);
}

/** Takes it down if nobody on this node is on it any more. @returns whether it is gone. */
export function releaseNetwork(member: SwarmMember, networkId: ObjectId): boolean {
  throw new Error(`not yet: ${member.nodeId} ${networkId}`);
}
