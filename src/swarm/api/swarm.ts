/**
 * What `docker swarm ...` asks of an engine. All of these are run by the program that asks (it is the
 * `process` that waits); they throw DockerError with the daemon's text.
 * @source moby daemon/cluster/swarm.go
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { NS_PER_MS } from '../../base/units.ts';
import { type DockerEngine, DockerError } from '../../docker/engine-record.ts';
import { type Process, type Program, sleep, waitFor } from '../../engine/process.ts';
import type { Cluster } from '../manager/cluster.ts';
import { addNodeObject } from '../manager/dispatch.ts';
import { makeObjectId } from '../manager/ids.ts';
import { memberOf, type SwarmMember } from '../member.ts';
import type { NodeAvailability, NodeRole, ObjectId } from '../objects.ts';
import { commit, requireLeader, requireManager } from '../wire/leader.ts';
import { stopManager } from '../wire/manager.ts';
import { startSession } from '../wire/member-wire.ts';
import { campaign } from '../wire/raft.ts';
import { leave } from '../wire/session.ts';
import { sharedOf } from '../wire/shared.ts';
import { wireOf } from '../wire/wire-state.ts';
import {
  addIngress,
  type ClusterOptions,
  changeSettings,
  makeCluster,
  type SettingsChange,
} from './cluster-init.ts';
import { describeNode, makeMember } from './make-member.ts';
import { resume, resumeManager } from './member-restart.ts';
import { isJoining, requireNoSwarm } from './pending-join.ts';
import {
  isOwnAddress,
  resolveAdvertise,
  resolveDataPath,
  resolveListen,
} from './swarm-addresses.ts';
import { awaitIngress, type SwarmAddressOptions } from './swarm-join.ts';
import { isUnlockKey, makeCaDigest, makeJoinToken, makeUnlockKey } from './swarm-tokens.ts';

export type { SettingsChange } from './cluster-init.ts';
export { type JoinOptions, joinSwarm, type SwarmAddressOptions } from './swarm-join.ts';
export { leaveSwarm } from './swarm-leave.ts';

export interface InitOptions extends ClusterOptions {
  readonly addresses: SwarmAddressOptions;
  readonly availability: NodeAvailability;
  readonly forceNewCluster: boolean;
}

/** What `docker info` says of the swarm. */
export interface SwarmInfo {
  readonly state: 'inactive' | 'pending' | 'active' | 'error' | 'locked';
  readonly error: string;
  readonly nodeId: ObjectId;
  readonly nodeAddress: Ipv4 | null;
  /** Whether this node is a manager that can answer (`Is Manager`). */
  readonly isManager: boolean;
  readonly remoteManagers: readonly {
    readonly nodeId: ObjectId;
    readonly address: Ipv4;
    readonly port: number;
  }[];
  /** Null on a worker, and on a manager without a leader. */
  readonly cluster: Cluster | null;
}

/** What making keys and certificates takes, and what writing the first state takes. */
const AUTHORITY_NS = 350 * NS_PER_MS;
const STATE_NS = 100 * NS_PER_MS;

/** `docker swarm init`. @returns the new node: the CLI prints its id and the worker's token. */
export function* initSwarm(
  engine: DockerEngine,
  process: Process,
  options: InitOptions,
): Program<SwarmMember> {
  const { addresses, forceNewCluster } = options;
  const present = memberOf(engine);
  if (present !== null && forceNewCluster) return yield* startAnew(present, process);
  requireNoSwarm(engine);
  const listen = resolveListen(engine, addresses.listen);
  const advertise = resolveAdvertise(engine, addresses.advertise, listen.port);
  const dataPath = resolveDataPath(engine, addresses.dataPath);
  if (listen.address === 0 && !isOwnAddress(engine, advertise.address)) {
    resolveAdvertise(engine, '', listen.port); // is there any address that it could listen on?
  }
  checkPools(options);
  yield* sleep(process, AUTHORITY_NS);
  const cluster = makeCluster(engine.world, options);
  const nodeId = makeObjectId(engine.world.sim);
  const place = { cluster, nodeId, role: 'manager' } as const;
  const manager = { nodeId, address: advertise.address, port: advertise.port };
  const member = makeMember(engine, {
    ...place,
    advertiseAddress: advertise.address,
    listenAddress: listen.address,
    dataPathAddress: dataPath ?? advertise.address,
    port: listen.port,
    isFounder: true,
    managers: [manager],
  });
  yield* foundCluster(process, member, options, advertise.port);
  return member;
}

/** The first election, the first objects, the first session. */
function* foundCluster(
  process: Process,
  member: SwarmMember,
  { availability }: InitOptions,
  port: number,
): Program<void> {
  const { cluster, nodeId, engine } = member;
  const { raftMembers, roles } = sharedOf(cluster);
  const state = wireOf(member);
  const address = member.advertiseAddress;
  raftMembers.set(nodeId, { nodeId, raftId: 1, address, port });
  roles.set(nodeId, 'manager');
  campaign(state.manager!.raft);
  yield* sleep(process, STATE_NS);
  changeSettings(cluster, {});
  const spec = { labels: new Map(), role: 'manager', availability } as const;
  const managerStatus = {
    raftId: 1,
    address,
    port,
    isLeader: true,
    reachability: 'reachable',
  } as const;
  addNodeObject(cluster, {
    id: nodeId,
    spec,
    description: describeNode(engine),
    managerStatus,
    address,
  });
  addIngress(cluster);
  startSession(state);
  const { session } = state;
  yield* waitFor(process, [session.waiters], () => session.end !== null || state.isClosed);
  yield* awaitIngress(process, member);
}

/** `--force-new-cluster`: this manager alone, with all that it knows. */
function* startAnew(member: SwarmMember, process: Process): Program<SwarmMember> {
  const { manager } = wireOf(member);
  requireManager(member.engine);
  const { raftMembers, roles } = sharedOf(member.cluster);
  yield* sleep(process, AUTHORITY_NS);
  for (const id of [...raftMembers.keys()]) {
    if (id === member.nodeId) continue;
    raftMembers.delete(id);
    roles.set(id, 'worker');
  }
  if (manager !== null) campaign(manager.raft);
  yield* sleep(process, STATE_NS);
  return member;
}

/** @source moby daemon/cluster/listen_addr.go validateDefaultAddrPool(), getDataPathPort() */
function checkPools({ addressPools, subnetPrefixLength, dataPathPort }: ClusterOptions): void {
  const size = subnetPrefixLength === 0 ? 24 : subnetPrefixLength;
  if (addressPools.length > 0 && size > 29) {
    throw new DockerError(500, `subnet size is out of range: ${size}`);
  }
  for (const { address, prefixLength } of addressPools) {
    if (size >= prefixLength) continue;
    const octets = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255);
    throw new DockerError(
      500,
      `invalid CIDR: "${octets.join('.')}/${prefixLength}". Subnet size is too small for pool: ${size}`,
    );
  }
  if (dataPathPort === 0 || (dataPathPort >= 1024 && dataPathPort <= 49_151)) return;
  throw new DockerError(
    500,
    `Datapath port number is not in valid range (1024-49151) : ${dataPathPort}`,
  );
}

/** `docker swarm join-token`: the token, with `rotate` a new one. */
export function* joinToken(
  engine: DockerEngine,
  process: Process,
  role: NodeRole,
  { rotate }: { readonly rotate: boolean },
): Program<string> {
  const member = requireManager(engine);
  const cluster = yield* requireLeader(member, process);
  const name = role === 'manager' ? 'managerToken' : 'workerToken';
  if (rotate) {
    yield* commit(member, process);
    const token = makeJoinToken(cluster.world.sim, cluster.settings.caDigest);
    changeSettings(cluster, { [name]: token });
  }
  return cluster.settings[name];
}

/** `docker swarm update`. @returns the unlock key if the swarm has been locked by this, else ''. */
export function* updateSwarm(
  engine: DockerEngine,
  process: Process,
  change: SettingsChange,
): Program<string> {
  const member = requireManager(engine);
  const cluster = yield* requireLeader(member, process);
  checkSettings(change);
  yield* commit(member, process);
  const { settings, world } = cluster;
  const isLocking = change.isAutolocked === true && !settings.isAutolocked;
  const isUnlocking = change.isAutolocked === false;
  const key = isLocking ? makeUnlockKey(world.sim) : isUnlocking ? '' : settings.unlockKey;
  changeSettings(cluster, { ...change, unlockKey: key });
  return isLocking ? key : '';
}

const HOUR_NS = 3600 * 1e9;

/** @source swarmkit manager/controlapi/cluster.go validateClusterSpec() */
function checkSettings({ certificateExpiryNs, heartbeatPeriodNs }: SettingsChange): void {
  const invalid = (text: string): DockerError =>
    new DockerError(400, `rpc error: code = InvalidArgument desc = ${text}`);
  if (certificateExpiryNs !== undefined && certificateExpiryNs < HOUR_NS) {
    throw invalid('minimum certificate expiry time is: 1h0m0s');
  }
  if (heartbeatPeriodNs !== undefined && heartbeatPeriodNs < 0) {
    throw invalid('heartbeat time period cannot be a negative duration');
  }
}

/** `docker swarm unlock-key`: '' if the swarm is not locked. */
export function* unlockKey(
  engine: DockerEngine,
  process: Process,
  { rotate }: { readonly rotate: boolean },
): Program<string> {
  const member = requireManager(engine);
  const cluster = yield* requireLeader(member, process);
  if (rotate && cluster.settings.isAutolocked) {
    yield* commit(member, process);
    changeSettings(cluster, { unlockKey: makeUnlockKey(cluster.world.sim) });
  }
  return cluster.settings.unlockKey;
}

/** `docker swarm unlock`. */
export function* unlockSwarm(engine: DockerEngine, process: Process, key: string): Program<void> {
  const member = memberOf(engine);
  if (member?.state !== 'locked') {
    requireManager(engine);
    throw new DockerError(409, 'swarm is not locked');
  }
  if (!isUnlockKey(key)) throw new DockerError(400, 'invalid unlock key');
  yield* sleep(process, STATE_NS);
  if (key !== member.cluster.settings.unlockKey) {
    throw new DockerError(401, 'swarm could not be unlocked: invalid key provided');
  }
  member.state = 'active';
  resumeManager(member);
}

/**
 * The engine was restarted: a manager of a locked swarm waits for its key, any other node goes on.
 * Call it as a system call of the engine.
 */
export function restartMember(member: SwarmMember): void {
  const state = wireOf(member);
  const { manager, session } = state;
  if (session.end !== null) leave(state, session.end);
  if (manager === null) return;
  stopManager(manager);
  resume(member, manager.raft);
}

/** `docker swarm ca`: the certificate's digest, with `rotate` a new one. */
export function* swarmCa(
  engine: DockerEngine,
  process: Process,
  { rotate }: { readonly rotate: boolean },
): Program<string> {
  const member = requireManager(engine);
  const cluster = yield* requireLeader(member, process);
  if (rotate) {
    yield* commit(member, process);
    const { sim } = cluster.world;
    const caDigest = makeCaDigest(sim);
    const workerToken = makeJoinToken(sim, caDigest);
    changeSettings(cluster, {
      caDigest,
      workerToken,
      managerToken: makeJoinToken(sim, caDigest),
    });
    yield* sleep(process, AUTHORITY_NS);
  }
  return cluster.settings.caDigest;
}

/** The swarm's part of `docker info`; acts at once, from what the node knows. */
export function swarmInfo(engine: DockerEngine): SwarmInfo {
  const member = memberOf(engine);
  if (member === null) {
    return {
      state: isJoining(engine) ? 'pending' : 'inactive',
      error: '',
      nodeId: '',
      nodeAddress: null,
      isManager: false,
      remoteManagers: [],
      cluster: null,
    };
  }
  const { manager, session } = wireOf(member);
  const hasLeader = manager !== null && manager.raft.leaderId !== null;
  return {
    state: member.state,
    error: member.error,
    nodeId: member.nodeId,
    nodeAddress: member.advertiseAddress,
    isManager: manager !== null,
    remoteManagers: session.managers.filter(({ nodeId }) => nodeId !== ''),
    cluster: hasLeader ? member.cluster : null,
  };
}
