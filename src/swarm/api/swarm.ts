/**
 * What `docker swarm ...` asks of an engine. All of these are run by the program that asks (it is the
 * `process` that waits); they throw DockerError with the daemon's text.
 * @source moby daemon/cluster/swarm.go
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { type DockerEngine, DockerError } from '../../docker/engine-record.ts';
import type { Process, Program } from '../../engine/process.ts';
import type { Cluster, ClusterSettings } from '../manager/cluster.ts';
import type { SwarmMember } from '../member.ts';
import type { NodeAvailability, NodeRole, ObjectId } from '../objects.ts';

/** `--listen-addr`, `--advertise-addr`, `--data-path-addr` as typed: ADDRESS, INTERFACE, with :PORT or not; '' if left out. */
export interface SwarmAddressOptions {
  readonly listen: string;
  readonly advertise: string;
  readonly dataPath: string;
}

export interface InitOptions {
  readonly addresses: SwarmAddressOptions;
  readonly availability: NodeAvailability;
  /** 0 for 4789. */
  readonly dataPathPort: number;
  /** Empty for 10.0.0.0/8. */
  readonly addressPools: readonly { readonly address: Ipv4; readonly prefixLength: number }[];
  /** 0 for 24. */
  readonly subnetPrefixLength: number;
  readonly forceNewCluster: boolean;
  readonly settings: SettingsChange;
}

/** What is left out stays as it is. */
export type SettingsChange = Partial<
  Pick<
    ClusterSettings,
    | 'taskHistoryLimit'
    | 'heartbeatPeriodNs'
    | 'snapshotInterval'
    | 'keepOldSnapshots'
    | 'certificateExpiryNs'
    | 'isAutolocked'
  >
>;

export interface JoinOptions {
  readonly addresses: SwarmAddressOptions;
  readonly availability: NodeAvailability;
  readonly token: string;
  /** HOST[:PORT] as typed. */
  readonly remote: string;
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

/** `docker swarm init`. @returns the new node: the CLI prints its id and the worker's token. */
export function* initSwarm(
  _engine: DockerEngine,
  _process: Process,
  _options: InitOptions,
): Program<SwarmMember> {
  throw new DockerError(501, 'not yet');
}

/** `docker swarm join`. @returns as what. */
export function* joinSwarm(
  _engine: DockerEngine,
  _process: Process,
  _options: JoinOptions,
): Program<NodeRole> {
  throw new DockerError(501, 'not yet');
}

/** `docker swarm leave`. */
export function* leaveSwarm(
  _engine: DockerEngine,
  _process: Process,
  _options: { readonly force: boolean },
): Program<void> {
  throw new DockerError(501, 'not yet');
}

/** `docker swarm join-token`: the token, with `rotate` a new one. */
export function* joinToken(
  _engine: DockerEngine,
  _process: Process,
  _role: NodeRole,
  _options: { readonly rotate: boolean },
): Program<string> {
  throw new DockerError(501, 'not yet');
}

/** `docker swarm update`. @returns the unlock key if the swarm has been locked by this, else ''. */
export function* updateSwarm(
  _engine: DockerEngine,
  _process: Process,
  _change: SettingsChange,
): Program<string> {
  throw new DockerError(501, 'not yet');
}

/** `docker swarm unlock-key`: '' if the swarm is not locked. */
export function* unlockKey(
  _engine: DockerEngine,
  _process: Process,
  _options: { readonly rotate: boolean },
): Program<string> {
  throw new DockerError(501, 'not yet');
}

/** `docker swarm unlock`. */
export function* unlockSwarm(
  _engine: DockerEngine,
  _process: Process,
  _key: string,
): Program<void> {
  throw new DockerError(501, 'not yet');
}

/** `docker swarm ca`: the certificate, with `rotate` a new one. */
export function* swarmCa(
  _engine: DockerEngine,
  _process: Process,
  _options: { readonly rotate: boolean },
): Program<string> {
  throw new DockerError(501, 'not yet');
}

/** The swarm's part of `docker info`; acts at once, from what the node knows. */
export function swarmInfo(_engine: DockerEngine): SwarmInfo {
  throw new DockerError(501, 'not yet');
}
