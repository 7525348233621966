/**
 * How the API calls of a manager reach the leader and a quorum.
 * @source swarmkit manager/raftproxy; manager/state/raft/raft.go ProposeValue(); moby
 *   daemon/cluster/cluster.go errNoManager()
 */
import { type DockerEngine, DockerError } from '../../docker/engine-record.ts';
import type { Process, Program } from '../../engine/process.ts';
import type { Cluster } from '../manager/cluster.ts';
import { memberOf, type SwarmMember } from '../member.ts';
import type { ObjectId } from '../objects.ts';
import { askLeader, REQUEST_TIMEOUT_NS } from './manager.ts';
import { canRemove, isLeading } from './raft.ts';
import { sharedOf } from './shared.ts';
import { type ManagerWire, wireOf } from './wire-state.ts';

const NO_SWARM =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
const LOCKED =
  'Swarm is encrypted and needs to be unlocked before it can be used. Please use "docker swarm unlock" to unlock it.';
const NOT_READY =
  'This node is not a swarm manager. Manager is being prepared or has trouble connecting to the cluster.';
const WORKER =
  "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager.";

/**
 * The engine's membership if it is a manager that can be asked.
 * @throws DockerError 503 with the text for no swarm, a worker, a locked manager.
 */
export function requireManager(engine: DockerEngine): SwarmMember {
  const member = memberOf(engine);
  if (member === null) throw new DockerError(503, NO_SWARM);
  if (member.state === 'locked') throw new DockerError(503, LOCKED);
  const isMember = sharedOf(member.cluster).raftMembers.has(member.nodeId);
  if (wireOf(member).manager !== null && isMember) return member;
  throw new DockerError(503, member.role === 'manager' ? NOT_READY : WORKER);
}

/**
 * Goes to the leader and back (over the LAN if that is another node): each API call begins with this,
 * readers too. @throws DockerError: no leader, or it does not answer.
 */
export function* requireLeader(member: SwarmMember, process: Process): Program<Cluster> {
  yield* askLeader(managerOf(member), process, { kind: 'ask' }, REQUEST_TIMEOUT_NS);
  return member.cluster;
}

/**
 * A proposal that a quorum has acknowledged. Every write of the API calls this right before it changes
 * the store; the leader's loops call it once a batch. @throws DockerError: leadership lost, no quorum.
 */
export function* commit(member: SwarmMember, process: Process): Program<void> {
  yield* askLeader(managerOf(member), process, { kind: 'propose' }, REQUEST_TIMEOUT_NS);
}

/** Whether the others still have a quorum of reachable managers without this one (`demote`, `rm`). */
export function canRemoveManager(cluster: Cluster, nodeId: ObjectId): boolean {
  const leader = leaderOf(cluster);
  return leader !== null && canRemove(wireOf(leader).manager!.raft, nodeId);
}

/** The member that leads, if one does: for who has the whole cluster before its eyes. */
export function leaderOf(cluster: Cluster): SwarmMember | null {
  let leader: SwarmMember | null = null;
  let term = -1;
  for (const member of cluster.members.values()) {
    const raft = wireOf(member).manager?.raft;
    if (raft === undefined || !isLeading(raft) || raft.term <= term) continue;
    leader = member;
    term = raft.term;
  }
  return leader;
}

function managerOf(member: SwarmMember): ManagerWire {
  const { manager } = wireOf(member);
  if (manager === null) throw new DockerError(503, WORKER);
  return manager;
}
