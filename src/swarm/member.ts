/**
 * An engine that is part of a swarm: what hangs together on one node. The parts are written against
 * these interfaces; each lives in a folder of its own.
 *
 *     manager/   the store, Raft, the loops of the leader (allocator, scheduler, orchestrators, dispatcher)
 *     wire/      what goes over the LAN: sessions and Raft on 2377/tcp, gossip on 7946
 *     agent/     runs the tasks that the node is given
 *     network/   overlay driver, load balancers, ingress, service discovery of the node
 *     api/       what the CLI calls
 *
 * @source moby daemon/cluster, swarmkit node/node.go
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { DockerEngine } from '../docker/engine-record.ts';
import type { Process, Program } from '../engine/process.ts';
import type { Cluster } from './manager/cluster.ts';
import type { NodeRole, ObjectId, PortConfig, TaskObject, TaskStatus } from './objects.ts';

export interface SwarmMember {
  readonly engine: DockerEngine;
  /** What all members share: the store as the managers agree on it, tokens, settings. */
  readonly cluster: Cluster;
  readonly nodeId: ObjectId;
  readonly advertiseAddress: Ipv4;
  readonly listenAddress: Ipv4;
  readonly dataPathAddress: Ipv4;
  role: NodeRole;
  /** `docker info`: Swarm. */
  state: 'pending' | 'active' | 'error' | 'locked';
  /** Fills `state` error. */
  error: string;
  /** Null until filled when the member is made, in this order. */
  readonly wire: MemberWire;
  readonly gossip: Gossip;
  readonly agent: TaskAgent;
  readonly network: SwarmNetworking;
}

const members = new WeakMap<DockerEngine, SwarmMember>();

/** The engine's membership; null if it is in no swarm. */
export function memberOf(engine: DockerEngine): SwarmMember | null {
  return members.get(engine) ?? null;
}

/** Notes that an engine has joined, or (null) left. */
export function setMember(engine: DockerEngine, member: SwarmMember | null): void {
  if (member === null) members.delete(engine);
  else members.set(engine, member);
}

/** What a node's agent says over its session, and what a member that is a manager takes part in. */
export interface MemberWire {
  /** Sends a task's status to the leader; kept and sent again until it is acknowledged. */
  reportStatus(taskId: ObjectId, status: TaskStatus): void;
  /** Tells the leader's dispatcher that what this node is to run has changed (leader only). */
  assign(nodeId: ObjectId): void;
  /** Asks the leader for a leg of a plain container on an attachable network. @throws DockerError. */
  requestAttachment(
    process: Process,
    networkId: ObjectId,
    containerId: string,
    wanted: Ipv4 | null,
  ): Program<TaskObject>;
  /** Gives it back. */
  releaseAttachment(taskId: ObjectId): void;
  /** Ends sockets and timers. */
  close(): void;
}

/** What runs the tasks of a node (swarmkit agent/, moby daemon/cluster/executor). */
export interface TaskAgent {
  /** The whole set of tasks that the node has now, as the session brought it. */
  setAssignments(tasks: readonly TaskObject[]): void;
  /** dockerd stops: it lets go of the tasks, whose containers are dockerd's to end. */
  suspend(): void;
  /** Stops everything (`docker swarm leave`). */
  close(): void;
}

export type GossipTable = 'endpoint_table' | 'overlay_peer_table';

/** A row of endpoint_table. @source libnetwork/agent.proto EndpointRecord */
export interface EndpointRecord {
  readonly kind: 'endpoint';
  readonly name: string;
  readonly serviceName: string;
  readonly serviceId: string;
  readonly virtualAddress: Ipv4 | null;
  readonly endpointAddress: Ipv4;
  readonly ingressPorts: readonly PortConfig[];
  readonly aliases: readonly string[];
  readonly taskAliases: readonly string[];
  /** Going away: weight 0, no names. */
  readonly isServiceDisabled: boolean;
}

/** A row of overlay_peer_table. @source drivers/overlay/overlay.proto PeerRecord */
export interface PeerRecord {
  readonly kind: 'peer';
  readonly endpointAddress: Ipv4;
  readonly prefixLength: number;
  readonly endpointMac: number;
  readonly tunnelEndpoint: Ipv4;
}

export type GossipValue = EndpointRecord | PeerRecord;

export interface GossipEvent {
  readonly table: GossipTable;
  readonly networkId: ObjectId;
  /** The endpoint's id. */
  readonly key: string;
  readonly kind: 'create' | 'update' | 'delete';
  readonly value: GossipValue;
  /** Whose row it is. */
  readonly nodeId: ObjectId;
}

/** NetworkDB of a node. @source libnetwork/networkdb */
export interface Gossip {
  /** The gossip name of the node: 12 hexadecimal digits. */
  readonly name: string;
  joinNetwork(networkId: ObjectId): void;
  leaveNetwork(networkId: ObjectId): void;
  createEntry(table: GossipTable, networkId: ObjectId, key: string, value: GossipValue): void;
  updateEntry(table: GossipTable, networkId: ObjectId, key: string, value: GossipValue): void;
  deleteEntry(table: GossipTable, networkId: ObjectId, key: string): void;
  /** Nodes on the network as this one sees it: itself first, then in order of joining. */
  peersOf(networkId: ObjectId): readonly { readonly name: string; readonly address: Ipv4 }[];
  /** Who hears of rows of others on networks that this node has joined (SwarmNetworking). */
  listener: ((event: GossipEvent) => void) | null;
  close(): void;
}

/** The node's half of the data plane. */
export interface SwarmNetworking {
  /** A row of another node came, changed or went. */
  onGossip(event: GossipEvent): void;
  /** The keys of encrypted networks, newest last; [old, current, next]. */
  setEncryptionKeys(keys: readonly { readonly tag: number; readonly key: Uint8Array }[]): void;
  /** Takes ingress and docker_gwbridge legs down again (`docker swarm leave`). */
  close(): void;
}
