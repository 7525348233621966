/** Makes an engine a member of a cluster: its parts in their order. */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { attachDaemonPart } from '../../docker/daemon-restart.ts';
import type { DockerEngine } from '../../docker/engine-record.ts';
import { makeTaskAgent } from '../agent/task-agent.ts';
import type { Cluster } from '../manager/cluster.ts';
import { type SwarmMember, setMember } from '../member.ts';
import { makeNetworking } from '../network/index.ts';
import type { NodeObject, NodeRole, ObjectId } from '../objects.ts';
import { createGossip } from '../wire/gossip.ts';
import { startManager } from '../wire/manager.ts';
import { createWire } from '../wire/member-wire.ts';
import type { ManagerAddress } from '../wire/messages.ts';
import { wireOf } from '../wire/wire-state.ts';
import { restartWithDaemon } from './member-restart.ts';

export interface MemberPlace {
  readonly cluster: Cluster;
  readonly nodeId: ObjectId;
  readonly role: NodeRole;
  readonly advertiseAddress: Ipv4;
  readonly listenAddress: Ipv4;
  readonly dataPathAddress: Ipv4;
  /** Where it listens if it is a manager. */
  readonly port: number;
  /** Whether it opens 2377 at once; who joins does so when it is a member of Raft. */
  readonly isFounder: boolean;
  /** Those that it knows of. */
  readonly managers: readonly ManagerAddress[];
}

/** While its parts are made. */
type Unfinished = { -readonly [Key in keyof SwarmMember]: SwarmMember[Key] };

/** The member with all its parts; its session has not begun. @throws DockerError: a port is taken. */
export function makeMember(engine: DockerEngine, place: MemberPlace): SwarmMember {
  const { cluster, nodeId, role, advertiseAddress, listenAddress, dataPathAddress } = place;
  const made: Omit<Unfinished, 'wire' | 'gossip' | 'agent' | 'network'> = {
    engine,
    cluster,
    nodeId,
    advertiseAddress,
    listenAddress,
    dataPathAddress,
    role,
    state: 'active',
    error: '',
  };
  const member = made as Unfinished; // the four parts follow
  member.wire = createWire(member, place.port, place.managers);
  try {
    if (place.isFounder) startManager(wireOf(member));
    member.gossip = createGossip(member);
  } catch (error) {
    member.wire.close();
    throw error;
  }
  member.network = makeNetworking(member);
  member.agent = makeTaskAgent(() => member);
  cluster.members.set(nodeId, member);
  setMember(engine, member);
  restartWithDaemon(member, (before) => {
    const { role, session } = { role: before.role, session: wireOf(before).session };
    return makeMember(engine, { ...place, role, isFounder: false, managers: session.managers });
  });
  return member;
}

/** Takes the engine out of its cluster; the others notice by its silence. */
export function dissolveMember(member: SwarmMember): void {
  attachDaemonPart(member.engine, null);
  member.agent.close();
  member.gossip.close();
  member.network.close();
  member.wire.close();
  member.cluster.members.delete(member.nodeId);
  setMember(member.engine, null);
}

/** What a node tells of itself. */
export function describeNode(engine: DockerEngine): NodeObject['description'] {
  const { machine, profile } = engine;
  return {
    hostname: machine.files.readFile('/etc/hostname')?.trim() ?? machine.name,
    engineLabels: new Map(),
    engineVersion: profile.version,
    nanoCpus: 2_000_000_000,
    memoryBytes: 4_112_662_528,
    os: 'linux',
    architecture: 'x86_64',
  };
}
