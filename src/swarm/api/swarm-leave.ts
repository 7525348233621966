/** `docker swarm leave`. @source moby daemon/cluster/swarm.go Leave() */
import { NS_PER_MS } from '../../base/units.ts';
import { type DockerEngine, DockerError } from '../../docker/engine-record.ts';
import { type Process, type Program, sleep } from '../../engine/process.ts';
import { memberOf, type SwarmMember } from '../member.ts';
import { leaderOf } from '../wire/leader.ts';
import { isReachable, type RaftNode } from '../wire/raft.ts';
import { sharedOf } from '../wire/shared.ts';
import { wireOf } from '../wire/wire-state.ts';
import { dissolveMember } from './make-member.ts';
import { cancelJoin, isJoining } from './pending-join.ts';

const NOT_PART = 'This node is not part of a swarm';
const LOCKED =
  'Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.';
const AS_MANAGER =
  'You are attempting to leave the swarm on a node that is participating as a manager. ';
const LAST_MANAGER =
  'Removing the last manager erases all current state of the swarm. Use `--force` to ignore this message. ';
const ONLY_WAY =
  'The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`. Use `--force` to suppress this message.';
/** What stopping the node's parts takes. */
const STOP_NS = 200 * NS_PER_MS;

/** @throws DockerError 503: in no swarm; a manager without `force`. */
export function* leaveSwarm(
  engine: DockerEngine,
  process: Process,
  options: { readonly force: boolean },
): Program<void> {
  const member = memberOf(engine);
  if (member === null) {
    if (!isJoining(engine)) throw new DockerError(503, NOT_PART);
    cancelJoin(engine);
    return;
  }
  if (!options.force) {
    if (member.state === 'locked') throw new DockerError(503, LOCKED);
    if (member.role === 'manager') throw new DockerError(503, warning(member));
  }
  cancelJoin(engine);
  dissolveMember(member);
  yield* sleep(process, STOP_NS);
}

/** What a manager that would leave is told. */
function warning(member: SwarmMember): string {
  const raft = wireOf(member).manager?.raft;
  if (raft === undefined || raft.leaderId === null)
    return `${AS_MANAGER}Doing so may lose the consensus of your cluster. ${ONLY_WAY}`;
  const { reachable, unreachable } = countManagers(member, raft);
  const isLost = reachable - 2 <= unreachable;
  if (!isLost) return AS_MANAGER + ONLY_WAY;
  if (reachable === 1 && unreachable === 0) return AS_MANAGER + LAST_MANAGER;
  return `${AS_MANAGER}Removing this node leaves ${reachable - 1} managers out of ${reachable + unreachable}. Without a Raft quorum your swarm will be inaccessible. ${ONLY_WAY}`;
}

function countManagers(member: SwarmMember, own: RaftNode) {
  const leader = leaderOf(member.cluster);
  const raft = leader === null ? own : wireOf(leader).manager!.raft;
  let reachable = 0;
  let unreachable = 0;
  for (const id of sharedOf(member.cluster).raftMembers.keys()) {
    if (isReachable(raft, id)) reachable++;
    else unreachable++;
  }
  return { reachable, unreachable };
}
