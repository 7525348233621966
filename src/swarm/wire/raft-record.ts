/**
 * What a manager's Raft holds, and what can be read from it.
 * @source etcd raft/raft.go; swarmkit manager/state/raft/raft.go
 */
import { nextBelow } from '../../base/prng.ts';
import { makeWaitQueue, type WaitQueue } from '../../engine/process.ts';
import { type Simulator, streamOf } from '../../engine/simulator.ts';
import type { ObjectId } from '../objects.ts';
import type { RaftMessage } from './messages.ts';

/** Ticks. @source raft.go DefaultNodeConfig() */
export const ELECTION_TICKS = 10;
/** Ticks without an answer after which a manager counts as unreachable. */
const UNREACHABLE_TICKS = 3;

/** What Raft needs of the manager around it. */
export interface RaftSurroundings {
  readonly sim: Simulator;
  readonly ownId: ObjectId;
  /** The configuration: who has a vote, in order of joining. */
  voters(): Iterable<ObjectId>;
  /** To a manager that may not get it. */
  send(to: ObjectId, message: RaftMessage, entryCount: number): void;
  /** Called when this manager begins or ceases to lead, or hears of another leader. */
  onChange(): void;
  /** Called once a second. */
  onTick(): void;
}

export interface RaftNode {
  readonly around: RaftSurroundings;
  role: 'follower' | 'candidate' | 'leader';
  term: number;
  votedFor: ObjectId | null;
  /** Null if none is known. */
  leaderId: ObjectId | null;
  lastTerm: number;
  lastIndex: number;
  commitIndex: number;
  /** Index of the entry with which its leadership began; what is committed before does not count. */
  firstIndex: number;
  elapsedTicks: number;
  timeoutTicks: number;
  /** How long no leader has been known. */
  leaderlessTicks: number;
  readonly votes: Map<ObjectId, boolean>;
  /** A leader's view of the others: what they have acknowledged, and ticks since they last answered. */
  readonly matches: Map<ObjectId, number>;
  readonly silentTicks: Map<ObjectId, number>;
  /** A leader that gives up its place to this one takes no proposals. */
  transferTo: ObjectId | null;
  /** Woken when something was committed, or the leader changed. */
  readonly waiters: WaitQueue;
  isStopped: boolean;
}

export function makeRaft(around: RaftSurroundings): RaftNode {
  const node: RaftNode = {
    around,
    role: 'follower',
    term: 0,
    votedFor: null,
    leaderId: null,
    lastTerm: 0,
    lastIndex: 0,
    commitIndex: 0,
    firstIndex: 0,
    elapsedTicks: 0,
    timeoutTicks: 0,
    leaderlessTicks: 0,
    votes: new Map(),
    matches: new Map(),
    silentTicks: new Map(),
    transferTo: null,
    waiters: makeWaitQueue(),
    isStopped: false,
  };
  drawTimeout(node);
  return node;
}

/** What is on the disk outlasts a restart of the engine. */
export function restoreRaft(node: RaftNode, before: RaftNode): void {
  node.term = before.term;
  node.votedFor = before.votedFor;
  node.lastTerm = before.lastTerm;
  node.lastIndex = before.lastIndex;
  node.commitIndex = before.commitIndex;
}

/** Whether a leader has committed the entry with which its leadership began. */
export function isLeading(node: RaftNode): boolean {
  return node.role === 'leader' && node.commitIndex >= node.firstIndex && !node.isStopped;
}

/** Whether the leader has heard of a manager lately; of itself always. */
export function isReachable(node: RaftNode, voter: ObjectId): boolean {
  if (voter === node.around.ownId) return true;
  return (node.silentTicks.get(voter) ?? 0) < UNREACHABLE_TICKS;
}

/**
 * Whether a quorum of reachable managers remains without this one.
 * @source raft.go CanRemoveMember()
 */
export function canRemove(node: RaftNode, voter: ObjectId): boolean {
  let reachable = 0;
  let count = 0;
  for (const each of node.around.voters()) {
    if (each === voter) continue;
    count++;
    if (isReachable(node, each)) reachable++;
  }
  return count > 0 && reachable >= Math.floor(count / 2) + 1;
}

/** How many ticks without a leader it takes this time: 10 to 19. */
export function drawTimeout(node: RaftNode): void {
  const stream = streamOf(node.around.sim, 'swarm/raft');
  node.timeoutTicks = ELECTION_TICKS + nextBelow(stream, ELECTION_TICKS);
}
