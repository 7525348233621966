/**
 * A member whose dockerd stops and starts: the others see it fall silent, and it comes back as the
 * node that it was, with the tasks that it had.
 * @source moby daemon/cluster/cluster.go Start(), Cleanup(); swarmkit agent/worker.go Init()
 */
import { attachDaemonPart } from '../../docker/daemon-restart.ts';
import { type SwarmMember, setMember } from '../member.ts';
import { startManager } from '../wire/manager.ts';
import { startSession } from '../wire/member-wire.ts';
import { campaign, type RaftNode, restoreRaft } from '../wire/raft.ts';
import { sharedOf } from '../wire/shared.ts';
import { wireOf } from '../wire/wire-state.ts';

/** Makes a member again from the place that another had. */
export type Remake = (before: SwarmMember) => SwarmMember;

/** From now on the member stops and starts with its dockerd. */
export function restartWithDaemon(member: SwarmMember, remake: Remake): void {
  const { engine, cluster } = member;
  let raft: RaftNode | null = null;
  let isClean = true;
  const cleanUp = (): void => {
    if (isClean) return;
    isClean = true;
    member.network.close();
    setMember(engine, null);
  };
  attachDaemonPart(engine, {
    stop() {
      raft = wireOf(member).manager?.raft ?? null;
      isClean = false;
      member.agent.suspend();
      member.gossip.close();
      member.wire.close();
      cluster.members.delete(member.nodeId);
    },
    cleanUp,
    start() {
      cleanUp();
      const again = remake(member);
      resume(again, raft);
      startSession(wireOf(again));
    },
  });
}

/** What managers that were stopped have on their disks. */
const stoppedRafts = new WeakMap<SwarmMember, RaftNode>();

/** A manager takes part in Raft with what is on its disk; if the swarm is locked, once it has the key. */
export function resume(member: SwarmMember, before: RaftNode | null): void {
  if (member.role !== 'manager' || before === null) return;
  stoppedRafts.set(member, before);
  if (member.cluster.settings.isAutolocked) member.state = 'locked';
  else resumeManager(member);
}

/** `docker swarm unlock`, too: a stopped manager takes part again, with what it had agreed to. */
export function resumeManager(member: SwarmMember): void {
  const { raft } = startManager(wireOf(member));
  const before = stoppedRafts.get(member);
  if (before !== undefined) restoreRaft(raft, before);
  if (sharedOf(member.cluster).raftMembers.size === 1) campaign(raft);
}
