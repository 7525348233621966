/**
 * How the API calls of a manager reach the leader and a quorum.
 * @source swarmkit manager/raftproxy; manager/state/raft/raft.go ProposeValue(); moby daemon/cluster/errors.go
 */
import { type DockerEngine, DockerError } from '../../docker/engine-record.ts';
import type { Process, Program } from '../../engine/process.ts';
import type { Cluster } from '../manager/cluster.ts';
import type { SwarmMember } from '../member.ts';

/**
 * The engine's membership if it is a manager that can be asked.
 * @throws DockerError 503 with the text for no swarm, a worker, a locked manager.
 */
export function requireManager(_engine: DockerEngine): SwarmMember {
  throw new DockerError(501, 'not yet');
}

/**
 * Goes to the leader and back (over the LAN if that is another node): each API call begins with this,
 * readers too. @throws DockerError: no leader, or it does not answer.
 */
export function* requireLeader(_member: SwarmMember, _process: Process): Program<Cluster> {
  throw new DockerError(501, 'not yet');
}

/**
 * A proposal that a quorum has acknowledged. Every write of the API calls this right before it changes
 * the store; the leader's loops call it once a batch. @throws DockerError: leadership lost, no quorum.
 */
export function* commit(_member: SwarmMember, _process: Process): Program<void> {
  throw new DockerError(501, 'not yet');
}
