/** What the wire of a member holds; behaviour is in the files beside this one. */
import { assert } from '../../base/assert.ts';
import type { WaitQueue } from '../../engine/process.ts';
import type { TcpSocket } from '../../stack/tcp/tcp-socket.ts';
import type { SwarmMember } from '../member.ts';
import type { ObjectId, TaskObject, TaskStatus } from '../objects.ts';
import type { ChannelHost } from './channel.ts';
import type { Dispatcher } from './dispatcher-record.ts';
import type { ManagerAddress, WireEnd } from './messages.ts';
import type { RaftNode } from './raft.ts';
import type { NetworkKey } from './shared.ts';

/** Port of the managers. */
export const MANAGER_PORT = 2377;

export interface WireState {
  readonly member: SwarmMember;
  readonly host: ChannelHost;
  /** Where others reach this node if it is a manager. */
  readonly port: number;
  /** Null on a worker. */
  manager: ManagerWire | null;
  readonly session: SessionState;
  /** As the node's networking has them. */
  keys: readonly NetworkKey[] | null;
  /** Whether the node is on the ingress network. */
  hasIngress: boolean;
  isClosed: boolean;
}

/** A manager's part. */
export interface ManagerWire {
  readonly state: WireState;
  readonly raft: RaftNode;
  readonly listener: TcpSocket;
  /** Connections to other managers, by node. */
  readonly peers: Map<ObjectId, Peer>;
  /** Connections that others opened. */
  readonly accepted: Set<WireEnd>;
  /** Nodes whose sessions run through this manager. */
  readonly agents: Map<ObjectId, WireEnd>;
  /** While it leads. */
  dispatcher: Dispatcher | null;
  isStopped: boolean;
}

export interface Peer {
  end: WireEnd | null;
  isDialing: boolean;
  /** Since when something sent has had no answer; null if all is answered. */
  silentSinceNs: number | null;
  readonly waiters: WaitQueue;
}

/** An agent's part. */
export interface SessionState {
  /** While it is registered. */
  end: WireEnd | null;
  sessionId: number;
  managers: readonly ManagerAddress[];
  /** The manager that failed last; another one is tried if there is one. */
  failed: ObjectId | null;
  /** Not yet acknowledged, by task. */
  readonly statuses: Map<ObjectId, TaskStatus>;
  /** As the last assignments brought them. */
  tasks: ReadonlyMap<ObjectId, TaskObject>;
  /** Woken by news, statuses, and when the session ends. */
  readonly waiters: WaitQueue;
  /** Whether it has been registered once: `docker swarm join` waits for this. */
  wasReady: boolean;
}

const states = new WeakMap<SwarmMember, WireState>();

export function wireOf(member: SwarmMember): WireState {
  const state = states.get(member);
  assert(state !== undefined, 'a member has a wire');
  return state;
}

export function setWire(member: SwarmMember, state: WireState): void {
  states.set(member, state);
}
