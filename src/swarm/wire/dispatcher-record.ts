/**
 * What the leader's side of the sessions holds.
 * @source swarmkit manager/dispatcher/dispatcher.go, nodes.go
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { NS_PER_SEC } from '../../base/units.ts';
import { type Process, type Program, type WaitQueue, wake } from '../../engine/process.ts';
import { cancel } from '../../engine/simulator.ts';
import type { Timer } from '../../engine/timer-queue.ts';
import type { ObjectId, TaskStatus } from '../objects.ts';
import { sendMessage } from './channel.ts';
import { type Notice, noticeBytes, type WireEnd, type WireMessage } from './messages.ts';
import { propose } from './raft.ts';
import { deadlineExceeded, rpcError } from './rpc.ts';
import type { ManagerWire } from './wire-state.ts';

/** What a proposal of the dispatcher may take. */
export const PROPOSAL_TIMEOUT_NS = 20 * NS_PER_SEC;

export interface NodeSession {
  readonly id: number;
  readonly nodeId: ObjectId;
  /** The connection that brought it: the node's, or that of the manager which hands it on. */
  readonly end: WireEnd;
  /** Versions of the tasks that the node was sent. */
  sent: Map<ObjectId, number>;
}

export interface Registration {
  readonly nodeId: ObjectId;
  readonly address: Ipv4;
  readonly end: WireEnd;
  readonly requestId: number;
}

export interface Dispatcher {
  readonly manager: ManagerWire;
  readonly sessions: Map<ObjectId, NodeSession>;
  /** Fires when a node's heartbeats stay away. */
  readonly expiries: Map<ObjectId, Timer>;
  readonly registrations: Registration[];
  readonly statuses: (readonly [ObjectId, ObjectId, TaskStatus])[];
  readonly expired: Map<ObjectId, string>;
  /** Nodes whose tasks have changed. */
  readonly dirty: Set<ObjectId>;
  hasNews: boolean;
  nextSessionId: number;
  readonly waiters: WaitQueue;
  isStopped: boolean;
}

/** What a node is to run has changed. */
export function markDirty(dispatcher: Dispatcher, nodeId: ObjectId): void {
  dispatcher.dirty.add(nodeId);
  wake(dispatcher.waiters);
}

/** Managers, roles or keys have changed: every session hears of it. */
export function markNews(dispatcher: Dispatcher): void {
  dispatcher.hasNews = true;
  wake(dispatcher.waiters);
}

/** Waits for a quorum. @throws DockerError: leadership lost, or nobody answers. */
export function* agree(process: Process, dispatcher: Dispatcher): Program<void> {
  const { raft } = dispatcher.manager;
  if (yield* propose(raft, process, PROPOSAL_TIMEOUT_NS)) return;
  if (raft.role === 'leader') throw deadlineExceeded();
  throw rpcError(503, 'Unknown', 'raft: failed to process the request: node lost leader status');
}

/** Forgets a node that was removed. */
export function forgetNode(dispatcher: Dispatcher, nodeId: ObjectId): void {
  const timer = dispatcher.expiries.get(nodeId);
  if (timer !== undefined) cancel(dispatcher.manager.state.host.world.sim, timer);
  dispatcher.expiries.delete(nodeId);
  const session = dispatcher.sessions.get(nodeId);
  dispatcher.sessions.delete(nodeId);
  if (session !== undefined) notify(session.end, { kind: 'lost', nodeId }, 0);
}

/** Tells a node something; `changedCount` as noticeBytes() has it. */
export function notify(end: WireEnd, notice: Notice, changedCount: number): void {
  sendMessage<WireMessage>(end, { kind: 'notice', notice }, noticeBytes(notice, changedCount));
}
