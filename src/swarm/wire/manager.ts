/**
 * A manager on the wire: listens on 2377, takes part in Raft, hands questions on to the leader, and
 * leads if it is elected.
 * @source swarmkit manager/manager.go; manager/raftproxy; manager/state/raft/raft.go LeaderConn()
 */
import { ERRNO } from '../../base/errors.ts';
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { NS_PER_MS, NS_PER_SEC } from '../../base/units.ts';
import { DockerError } from '../../docker/engine-record.ts';
import { type Process, type Program, sleep } from '../../engine/process.ts';
import { timeNs } from '../../engine/simulator.ts';
import { startLeader, stopLeader } from '../manager/leader.ts';
import type { ObjectId } from '../objects.ts';
import { acceptChannel, closeEnd, openLocalChannel, sendMessage } from './channel.ts';
import { serveLeaderRequest, startDispatcher, stopDispatcher } from './dispatcher.ts';
import { agree } from './dispatcher-record.ts';
import { closeListener, openListener } from './listener.ts';
import { refreshManagers } from './manager-status.ts';
import {
  noticeBytes,
  type Replies,
  type RequestBody,
  type RequestKind,
  raftBytes,
  type WireEnd,
  type WireMessage,
} from './messages.ts';
import { closePeers, noteAnswer, reachPeer, sendRaft } from './peers.ts';
import { isLeading, makeRaft, receiveRaft, runRaft, stopRaft } from './raft.ts';
import {
  answerRequest,
  call,
  deadlineExceeded,
  endCalls,
  refuseRequest,
  rpcError,
  takeAnswer,
} from './rpc.ts';
import { sharedOf } from './shared.ts';
import { startProcess } from './start-process.ts';
import type { ManagerWire, WireState } from './wire-state.ts';

/** What a call to the leader may take. @source moby daemon/cluster/cluster.go swarmRequestTimeout */
export const REQUEST_TIMEOUT_NS = 20 * NS_PER_SEC;
/** Between two tries when a connection breaks. @source raftproxy pollNewLeaderConn() */
const RETRY_NS = 500 * NS_PER_MS;
/** Ticks without a leader after which nobody waits for one. @source raft.go lostQuorumTimeout */
const LOST_QUORUM_TICKS = 10;
const LOST_QUORUM =
  "The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.";

/**
 * Opens 2377 and begins to take part in Raft (as a follower without a vote until it is in the
 * configuration). @throws DockerError if the port is taken.
 */
export function startManager(state: WireState): ManagerWire {
  const { member, host } = state;
  const { sim } = host.world;
  const shared = sharedOf(member.cluster);
  const listener = openListener(state.host, member.listenAddress, state.port);
  if (typeof listener === 'string') {
    throw new DockerError(
      500,
      `failed to listen on remote API address: listen tcp :${state.port}: bind: ${ERRNO[listener].toLowerCase()}`,
    );
  }
  const manager: ManagerWire = {
    state,
    raft: makeRaft({
      sim,
      ownId: member.nodeId,
      voters: () => shared.raftMembers.keys(),
      send: (to, message, entryCount) => sendRaft(manager, to, message, entryCount, handleMessage),
      onChange: () => noteChange(manager),
      onTick: () => {
        if (manager.dispatcher !== null) refreshManagers(member.cluster, manager.raft);
      },
    }),
    listener: listener.socket,
    peers: new Map(),
    accepted: new Set(),
    agents: new Map(),
    dispatcher: null,
    isStopped: false,
  };
  state.manager = manager;
  listener.onAccept = (socket) => {
    acceptChannel<WireMessage>(host, socket, (end) => adopt(manager, end));
  };
  startProcess(state, (process) => runRaft(process, manager.raft));
  return manager;
}

/** Closes everything: the node is a worker from now on, or leaves. */
export function stopManager(manager: ManagerWire): void {
  if (manager.isStopped) return;
  manager.isStopped = true;
  const { state } = manager;
  stopLeading(manager);
  stopRaft(manager.raft);
  closeListener(manager.listener);
  for (const end of [...manager.accepted]) closeEnd(state.host.world, end);
  closePeers(manager);
  if (state.manager === manager) state.manager = null;
}

/** A connection of the node's own agent. */
export function openOwnChannel(manager: ManagerWire): WireEnd {
  const [agent, own] = openLocalChannel<WireMessage>(manager.state.host);
  adopt(manager, own);
  return agent;
}

function adopt(manager: ManagerWire, end: WireEnd): void {
  if (manager.isStopped) {
    closeEnd(manager.state.host.world, end);
    return;
  }
  manager.accepted.add(end);
  end.onMessage = (message) => handleMessage(manager, end, message);
  end.onClose = () => {
    manager.accepted.delete(end);
    for (const [nodeId, agent] of manager.agents) if (agent === end) manager.agents.delete(nodeId);
    endCalls(end);
  };
}

function handleMessage(manager: ManagerWire, end: WireEnd, message: WireMessage): void {
  if (manager.isStopped) return;
  noteAnswer(manager, end);
  switch (message.kind) {
    case 'reply':
    case 'refusal':
      takeAnswer(end, message);
      break;
    case 'notice': {
      const agent = manager.agents.get(message.notice.nodeId);
      if (agent !== undefined) sendMessage(agent, message, noticeBytes(message.notice, 1));
      break;
    }
    case 'raft':
      receiveRaft(manager.raft, message.from, message.message, (reply) => {
        const from = manager.raft.around.ownId;
        sendMessage<WireMessage>(end, { kind: 'raft', from, message: reply }, raftBytes(0));
      });
      break;
    case 'request':
      handleRequest(manager, end, message.id, message.body);
      break;
  }
}

/** Answers what any manager can; the rest is the leader's. */
function handleRequest(manager: ManagerWire, end: WireEnd, id: number, asked: RequestBody): void {
  if (asked.kind === 'health') {
    answerRequest(end, id, 'health', null);
    return;
  }
  if (asked.kind === 'ca') {
    const { caDigest } = manager.state.member.cluster.settings;
    answerRequest(end, id, 'ca', { caDigest });
    return;
  }
  const body = withAddress(manager, end, asked);
  if (body.kind === 'register') manager.agents.set(body.nodeId, end);
  if (manager.dispatcher !== null && isLeading(manager.raft)) {
    serveLeaderRequest(manager, manager.dispatcher, end, id, body);
    return;
  }
  startProcess(manager.state, function* forward(process) {
    try {
      const reply: Replies[RequestKind] = yield* askLeader<RequestKind>(
        manager,
        process,
        body,
        REQUEST_TIMEOUT_NS,
      );
      answerRequest(end, id, body.kind, reply);
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      refuseRequest(end, id, error);
    }
    return 0;
  });
}

/** The address that a connection comes from, where the other side named none. */
function withAddress(manager: ManagerWire, end: WireEnd, body: RequestBody): RequestBody {
  if (body.kind !== 'issue' && body.kind !== 'register' && body.kind !== 'raft-join') return body;
  if (body.address !== 0) return body;
  const address: Ipv4 = end.remoteAddress || manager.state.member.advertiseAddress;
  return { ...body, address };
}

/**
 * Asks the leader, which may be this manager itself. Without a leader it waits for one for a while.
 * @throws DockerError: no leader, no answer, or the leader's refusal.
 */
export function* askLeader<Kind extends RequestKind>(
  manager: ManagerWire,
  process: Process,
  body: RequestBody & { readonly kind: Kind },
  timeoutNs: number,
): Program<Replies[Kind]> {
  const deadlineNs = timeNs(process.sim) + timeoutNs;
  for (;;) {
    try {
      return yield* askOnce<Kind>(manager, process, body, deadlineNs);
    } catch (error) {
      // The connection broke: whoever leads next is asked again.
      const isBroken = error instanceof DockerError && / code = Unavailable /.test(error.message);
      const isOver = manager.isStopped || process.signal !== null;
      if (!isBroken || isOver || timeNs(process.sim) + RETRY_NS >= deadlineNs) throw error;
      yield* sleep(process, RETRY_NS);
    }
  }
}

function* askOnce<Kind extends RequestKind>(
  manager: ManagerWire,
  process: Process,
  body: RequestBody & { readonly kind: Kind },
  deadlineNs: number,
): Program<Replies[Kind]> {
  const leaderId = yield* awaitLeader(manager, process, deadlineNs);
  const leftNs = Math.max(0, deadlineNs - timeNs(process.sim));
  const isOwn = leaderId === manager.raft.around.ownId;
  const end = isOwn
    ? openOwnChannelFor(manager)
    : yield* reachPeer(manager, process, leaderId, handleMessage);
  try {
    return yield* call<Kind>(process, end, body, leftNs);
  } finally {
    if (isOwn) closeEnd(manager.state.host.world, end);
  }
}

/** For one question to itself. */
function openOwnChannelFor(manager: ManagerWire): WireEnd {
  const end = openOwnChannel(manager);
  end.onMessage = (message) => takeAnswer(end, message);
  end.onClose = () => endCalls(end);
  return end;
}

/** @throws DockerError: there is none for long; none has come in time. */
function* awaitLeader(
  manager: ManagerWire,
  process: Process,
  deadlineNs: number,
): Program<ObjectId> {
  const { raft } = manager;
  for (;;) {
    const { leaderId } = raft;
    const isReady = leaderId !== raft.around.ownId || isLeading(raft);
    if (leaderId !== null && isReady) return leaderId;
    if (manager.isStopped) throw rpcError(503, 'Unavailable', 'transport is closing');
    if (raft.leaderlessTicks > LOST_QUORUM_TICKS) throw rpcError(503, 'Unknown', LOST_QUORUM);
    if (timeNs(process.sim) >= deadlineNs || process.signal !== null) throw deadlineExceeded();
    yield* sleep(process, NS_PER_SEC);
  }
}

/** Raft has another leader, or none. */
function noteChange(manager: ManagerWire): void {
  if (manager.isStopped) return;
  const { raft } = manager;
  if (isLeading(raft)) {
    if (manager.dispatcher === null) startLeading(manager);
    return;
  }
  if (manager.dispatcher !== null) stopLeading(manager);
  // The sessions through this manager were with the leader that is gone.
  for (const [nodeId, agent] of manager.agents) {
    sendMessage<WireMessage>(agent, { kind: 'notice', notice: { kind: 'lost', nodeId } }, 80);
  }
  manager.agents.clear();
}

function startLeading(manager: ManagerWire): void {
  const { member } = manager.state;
  const dispatcher = startDispatcher(manager);
  manager.dispatcher = dispatcher;
  refreshManagers(member.cluster, manager.raft);
  startLeader(member.cluster, member, { commit: (_, process) => agree(process, dispatcher) });
}

function stopLeading(manager: ManagerWire): void {
  const { dispatcher } = manager;
  if (dispatcher === null) return;
  const { member } = manager.state;
  manager.dispatcher = null;
  stopLeader(member.cluster, member);
  stopDispatcher(dispatcher);
}
