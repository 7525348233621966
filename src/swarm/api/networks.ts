/**
 * Networks of the whole swarm.
 * @source swarmkit manager/controlapi/network.go; moby daemon/cluster/networks.go
 */
import type { NetworkSpec } from '../../docker/network-create.ts';
import type { Process, Program } from '../../engine/process.ts';
import type { SwarmMember } from '../member.ts';
import type { NetworkObject, ObjectId } from '../objects.ts';

/** What `docker network create --scope swarm` asks for on top. */
export interface SwarmNetworkSpec extends NetworkSpec {
  readonly configFrom: string;
}

/** @throws DockerError with the managers' words. */
export function* createSwarmNetwork(
  _member: SwarmMember,
  _process: Process,
  _spec: SwarmNetworkSpec,
): Program<NetworkObject> {
  throw new Error('not yet');
}

/** @throws DockerError: in use by a service or a task. */
export function* removeSwarmNetwork(
  _member: SwarmMember,
  _process: Process,
  _id: ObjectId,
): Program<void> {}
