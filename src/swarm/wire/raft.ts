/**
 * Raft of one manager: who leads, and what a quorum has acknowledged. The log itself is the cluster's
 * shared store; here an entry is only its term and index, and who has no quorum commits nothing.
 *
 *     follower --- 10 to 19 s without a leader ---> candidate --- a majority votes ---> leader
 *         ^                                              |                                 |
 *         +---------------- a higher term, or no majority heard of within 10 s ------------+
 *
 * Unlike Docker, a manager that lags behind is brought up to date by one message, never by many
 * entries or a snapshot.
 * @source etcd raft/raft.go; swarmkit manager/state/raft/raft.go
 */
import { nextBelow } from '../../base/prng.ts';
import { NS_PER_MS, NS_PER_SEC } from '../../base/units.ts';
import { type Process, type Program, sleep, waitFor, wake } from '../../engine/process.ts';
import { streamOf } from '../../engine/simulator.ts';
import type { ObjectId } from '../objects.ts';
import type { RaftMessage } from './messages.ts';
import {
  drawTimeout,
  ELECTION_TICKS,
  isLeading,
  isReachable,
  type RaftNode,
} from './raft-record.ts';

export {
  canRemove,
  isLeading,
  isReachable,
  makeRaft,
  type RaftNode,
  restoreRaft,
} from './raft-record.ts';

const TICK_NS = NS_PER_SEC;
/** What writing an entry to the disk takes. */
const WRITE_NS = NS_PER_MS;

/** Raft's clock; runs until stopRaft(). */
export function* runRaft(process: Process, node: RaftNode): Program<number> {
  yield* sleep(process, nextBelow(streamOf(process.sim, 'swarm/raft'), TICK_NS));
  while (!node.isStopped) {
    tick(node);
    node.around.onTick();
    yield* sleep(process, TICK_NS);
  }
  return 0;
}

export function stopRaft(node: RaftNode): void {
  node.isStopped = true;
  node.role = 'follower';
  node.leaderId = null;
  wake(node.waiters);
}

/** Stands for election at once (the first manager of a cluster; who is asked to by the leader). */
export function campaign(node: RaftNode, isTransfer = false): void {
  const { around } = node;
  if (!isVoter(node, around.ownId)) return;
  node.term++;
  node.role = 'candidate';
  node.votedFor = around.ownId;
  setLeader(node, null);
  node.elapsedTicks = 0;
  drawTimeout(node);
  node.votes.clear();
  node.votes.set(around.ownId, true);
  if (countVotes(node, true) >= quorum(node)) {
    becomeLeader(node);
    return;
  }
  const { term, lastTerm, lastIndex } = node;
  for (const voter of around.voters()) {
    if (voter === around.ownId) continue;
    around.send(voter, { kind: 'vote', term, lastTerm, lastIndex, isTransfer }, 0);
  }
}

/**
 * Adds an entry and waits until a quorum has it.
 * @returns whether it has; not if this manager does not lead (any more), or a signal came.
 */
export function* propose(node: RaftNode, process: Process, timeoutNs: number): Program<boolean> {
  if (node.role !== 'leader' || node.transferTo !== null || node.isStopped) return false;
  const { term } = node;
  const index = append(node);
  yield* sleep(process, WRITE_NS);
  const isDecided = () => node.commitIndex >= index || isNoLeader();
  const isNoLeader = () => node.role !== 'leader' || node.term !== term || node.isStopped;
  yield* waitFor(process, [node.waiters], isDecided, timeoutNs);
  return node.commitIndex >= index && !isNoLeader();
}

/** Asks the manager that has most to take over (a leader that is demoted or leaves). */
export function transferLeadership(node: RaftNode): void {
  let best: ObjectId | null = null;
  for (const voter of node.around.voters()) {
    if (voter === node.around.ownId || !isReachable(node, voter)) continue;
    const isBetter = best === null || matchOf(node, voter) > matchOf(node, best);
    if (isBetter) best = voter;
  }
  if (best === null || node.role !== 'leader') return;
  node.transferTo = best;
  node.elapsedTicks = 0;
  node.around.send(best, { kind: 'timeout-now', term: node.term }, 0);
}

/** The configuration has changed: the quorum may be another. */
export function reconfigure(node: RaftNode): void {
  if (node.role === 'leader') {
    if (!isVoter(node, node.around.ownId)) becomeFollower(node, node.term, null);
    else advanceCommit(node);
  }
}

/** A message of another manager came; `reply` goes back on the connection that brought it. */
export function receiveRaft(
  node: RaftNode,
  from: ObjectId,
  message: RaftMessage,
  reply: (message: RaftMessage) => void,
): void {
  if (node.isStopped) return;
  if (message.term > node.term) {
    // Who has heard of its leader lately does not help to depose it.
    const hasLease = node.leaderId !== null && node.elapsedTicks < ELECTION_TICKS;
    if (message.kind === 'vote' && hasLease && !message.isTransfer) return;
    becomeFollower(node, message.term, message.kind === 'append' ? from : null);
  } else if (message.term < node.term) {
    // Tells a leader of the past, or one that this manager outvoted while it was cut off.
    if (message.kind === 'append') reply({ kind: 'append-reply', term: node.term, index: 0 });
    return;
  }
  switch (message.kind) {
    case 'vote':
      answerVote(node, from, message, reply);
      break;
    case 'vote-reply':
      if (node.role === 'candidate') takeVote(node, from, message.isGranted);
      break;
    case 'append':
      takeAppend(node, from, message, reply);
      break;
    case 'append-reply':
      if (node.role === 'leader') takeAcknowledgment(node, from, message.index);
      break;
    case 'timeout-now':
      if (node.role === 'follower') campaign(node, true);
      break;
  }
}

function tick(node: RaftNode): void {
  node.elapsedTicks++;
  node.leaderlessTicks = node.leaderId === null ? node.leaderlessTicks + 1 : 0;
  if (node.role === 'leader') {
    tickLeader(node);
  } else if (node.elapsedTicks >= node.timeoutTicks) {
    node.elapsedTicks = 0;
    campaign(node);
  }
}

function tickLeader(node: RaftNode): void {
  const { around } = node;
  for (const voter of around.voters()) {
    if (voter !== around.ownId) {
      node.silentTicks.set(voter, (node.silentTicks.get(voter) ?? 0) + 1);
    }
  }
  if (node.elapsedTicks >= ELECTION_TICKS) {
    node.elapsedTicks = 0;
    node.transferTo = null;
    let active = 0;
    for (const voter of around.voters()) {
      const isActive =
        voter === around.ownId || (node.silentTicks.get(voter) ?? 0) <= ELECTION_TICKS;
      if (isActive) active++;
    }
    if (active < quorum(node)) {
      becomeFollower(node, node.term, null);
      return;
    }
  }
  broadcast(node, 0);
}

function becomeFollower(node: RaftNode, term: number, leaderId: ObjectId | null): void {
  if (term > node.term) node.votedFor = null;
  node.term = term;
  node.role = 'follower';
  node.transferTo = null;
  node.elapsedTicks = 0;
  drawTimeout(node);
  setLeader(node, leaderId);
}

function becomeLeader(node: RaftNode): void {
  const { around } = node;
  node.role = 'leader';
  node.elapsedTicks = 0;
  node.transferTo = null;
  node.matches.clear();
  node.silentTicks.clear();
  node.firstIndex = node.lastIndex + 1;
  setLeader(node, around.ownId);
  append(node);
}

function setLeader(node: RaftNode, leaderId: ObjectId | null): void {
  const isSame = node.leaderId === leaderId && leaderId !== node.around.ownId;
  node.leaderId = leaderId;
  if (isSame) return;
  wake(node.waiters);
  node.around.onChange();
}

/** @returns the new entry's index. */
function append(node: RaftNode): number {
  const index = ++node.lastIndex;
  node.lastTerm = node.term;
  node.matches.set(node.around.ownId, index);
  broadcast(node, 1);
  advanceCommit(node);
  return index;
}

function broadcast(node: RaftNode, entryCount: number): void {
  const { around, term, lastTerm, lastIndex, commitIndex } = node;
  const message: RaftMessage = { kind: 'append', term, lastTerm, lastIndex, commitIndex };
  for (const voter of around.voters()) {
    if (voter !== around.ownId) around.send(voter, message, entryCount);
  }
}

function answerVote(
  node: RaftNode,
  from: ObjectId,
  message: RaftMessage & { kind: 'vote' },
  reply: (message: RaftMessage) => void,
): void {
  const isFree = node.votedFor === null || node.votedFor === from;
  const isUpToDate =
    message.lastTerm > node.lastTerm ||
    (message.lastTerm === node.lastTerm && message.lastIndex >= node.lastIndex);
  const isGranted = isFree && isUpToDate && node.role === 'follower';
  if (isGranted) {
    node.votedFor = from;
    node.elapsedTicks = 0;
  }
  reply({ kind: 'vote-reply', term: node.term, isGranted });
}

function takeVote(node: RaftNode, from: ObjectId, isGranted: boolean): void {
  if (!isVoter(node, from)) return;
  node.votes.set(from, isGranted);
  if (countVotes(node, true) >= quorum(node)) becomeLeader(node);
  else if (countVotes(node, false) >= quorum(node)) becomeFollower(node, node.term, null);
}

function takeAppend(
  node: RaftNode,
  from: ObjectId,
  message: RaftMessage & { kind: 'append' },
  reply: (message: RaftMessage) => void,
): void {
  node.role = 'follower';
  node.elapsedTicks = 0;
  node.lastTerm = message.lastTerm;
  node.lastIndex = message.lastIndex;
  node.commitIndex = message.commitIndex;
  setLeader(node, from);
  reply({ kind: 'append-reply', term: node.term, index: message.lastIndex });
}

function takeAcknowledgment(node: RaftNode, from: ObjectId, index: number): void {
  node.silentTicks.set(from, 0);
  if (index <= matchOf(node, from)) return;
  node.matches.set(from, index);
  advanceCommit(node);
}

/** What a majority has is committed. */
function advanceCommit(node: RaftNode): void {
  const indexes: number[] = [];
  for (const voter of node.around.voters()) indexes.push(matchOf(node, voter));
  indexes.sort((a, b) => b - a);
  const agreed = indexes[quorum(node) - 1] ?? 0;
  if (agreed <= node.commitIndex) return;
  const wasLeading = isLeading(node);
  node.commitIndex = agreed;
  wake(node.waiters);
  if (!wasLeading && isLeading(node)) node.around.onChange();
}

function matchOf(node: RaftNode, voter: ObjectId): number {
  return node.matches.get(voter) ?? 0;
}

function quorum(node: RaftNode): number {
  let count = 0;
  for (const _ of node.around.voters()) count++;
  return Math.floor(count / 2) + 1;
}

function isVoter(node: RaftNode, id: ObjectId): boolean {
  for (const voter of node.around.voters()) if (voter === id) return true;
  return false;
}

function countVotes(node: RaftNode, isGranted: boolean): number {
  let count = 0;
  for (const vote of node.votes.values()) if (vote === isGranted) count++;
  return count;
}
