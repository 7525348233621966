/**
 * The loops of the leader: allocator, scheduler, orchestrators and what watches over them. They act on
 * the store's events, one after the other, in one process of the leader.
 * @source swarmkit manager/manager.go becomeLeader(), becomeFollower()
 */
import type { SwarmMember } from '../member.ts';
import type { Cluster } from './cluster.ts';

/** Starts the loops on a member that was elected; those of another leader of the cluster end. */
export function startLeader(_cluster: Cluster, _member: SwarmMember): void {}

/** Ends them: the member is no leader any more. */
export function stopLeader(_cluster: Cluster, _member: SwarmMember): void {}
