/**
 * The leader's side of the sessions: nodes register, beat, report statuses and get their tasks.
 *
 *     agent -- register ----> ready    <-- session news, assignments --- as they change, every 100 ms
 *           -- heartbeat ---> 5 s +- 0.5 s; three missed: down
 *           -- status ------> written to the store every 100 ms
 *
 * @source swarmkit manager/dispatcher/dispatcher.go
 */
import { nextBelow } from '../../base/prng.ts';
import { NS_PER_MS } from '../../base/units.ts';
import { DockerError } from '../../docker/engine-record.ts';
import {
  makeWaitQueue,
  type Process,
  type Program,
  sleep,
  waitFor,
  wake,
} from '../../engine/process.ts';
import { cancel, schedule, streamOf } from '../../engine/simulator.ts';
import { makeTimer } from '../../engine/timer-queue.ts';
import {
  applyStatus,
  assignmentsOf,
  createAttachment,
  markNodeDown,
  markNodeReady,
  markNodesUnknown,
  removeAttachment,
} from '../manager/dispatch.ts';
import type { ObjectId } from '../objects.ts';
import { issueCertificate, joinRaft } from './certificate.ts';
import {
  agree,
  type Dispatcher,
  type NodeSession,
  notify,
  PROPOSAL_TIMEOUT_NS,
  type Registration,
} from './dispatcher-record.ts';
import type { RequestBody, SessionNews, WireEnd } from './messages.ts';
import { propose } from './raft.ts';
import { runRoleManager } from './role-manager.ts';
import { answerRequest, refuseRequest, rpcError } from './rpc.ts';
import { sharedOf } from './shared.ts';
import { startProcess } from './start-process.ts';
import type { ManagerWire } from './wire-state.ts';

const BATCH_NS = 100 * NS_PER_MS;
const HEARTBEAT_EPSILON_NS = 500 * NS_PER_MS;
const MISSED_HEARTBEATS = 3;
/** Begins to serve: no node has a session with a new leader. */
export function startDispatcher(manager: ManagerWire): Dispatcher {
  const { cluster } = manager.state.member;
  const dispatcher: Dispatcher = {
    manager,
    sessions: new Map(),
    expiries: new Map(),
    registrations: [],
    statuses: [],
    expired: new Map(),
    dirty: new Set(),
    hasNews: false,
    nextSessionId: 1,
    waiters: makeWaitQueue(),
    isStopped: false,
  };
  const known = [...cluster.store.nodes.values()].filter((node) => node.status.state !== 'down');
  markNodesUnknown(cluster);
  for (const { id } of known) expectHeartbeat(dispatcher, id, true);
  startProcess(manager.state, (process) => runDispatcher(process, dispatcher));
  startProcess(manager.state, (process) => runRoleManager(process, dispatcher));
  return dispatcher;
}

export function stopDispatcher(dispatcher: Dispatcher): void {
  dispatcher.isStopped = true;
  const { sim } = dispatcher.manager.state.host.world;
  for (const timer of dispatcher.expiries.values()) cancel(sim, timer);
  for (const { nodeId, end } of dispatcher.sessions.values()) {
    notify(end, { kind: 'lost', nodeId }, 0);
  }
  wake(dispatcher.waiters);
}

/** Answers what only a leader can. */
export function serveLeaderRequest(
  manager: ManagerWire,
  dispatcher: Dispatcher,
  end: WireEnd,
  id: number,
  body: RequestBody,
): void {
  switch (body.kind) {
    case 'ask':
    case 'health':
    case 'renew':
      answerRequest(end, id, body.kind, null);
      break;
    case 'heartbeat':
      takeHeartbeat(dispatcher, end, id, body.nodeId, body.sessionId);
      break;
    case 'status':
      takeStatuses(dispatcher, end, id, body);
      break;
    case 'register':
      dispatcher.registrations.push({ ...body, end, requestId: id });
      wake(dispatcher.waiters);
      break;
    default:
      startProcess(manager.state, function* serve(process) {
        try {
          yield* serveWrite(process, dispatcher, end, id, body);
        } catch (error) {
          if (!(error instanceof DockerError)) throw error;
          refuseRequest(end, id, error);
        }
        return 0;
      });
  }
}

/** What changes the store waits for a quorum. @throws DockerError. */
function* serveWrite(
  process: Process,
  dispatcher: Dispatcher,
  end: WireEnd,
  id: number,
  body: RequestBody,
): Program<void> {
  const { manager } = dispatcher;
  const { cluster } = manager.state.member;
  switch (body.kind) {
    case 'propose':
      yield* agree(process, dispatcher);
      answerRequest(end, id, 'propose', null);
      break;
    case 'issue':
      answerRequest(end, id, 'issue', yield* issueCertificate(process, dispatcher, body));
      break;
    case 'raft-join':
      answerRequest(end, id, 'raft-join', yield* joinRaft(process, dispatcher, body));
      break;
    case 'attach': {
      yield* agree(process, dispatcher);
      const { nodeId, networkId, containerId, wanted } = body;
      const task = createAttachment(cluster, nodeId, networkId, containerId, wanted);
      answerRequest(end, id, 'attach', { taskId: task.id });
      break;
    }
    case 'detach':
      yield* agree(process, dispatcher);
      removeAttachment(cluster, body.taskId);
      answerRequest(end, id, 'detach', null);
      break;
  }
}

function takeHeartbeat(
  dispatcher: Dispatcher,
  end: WireEnd,
  id: number,
  nodeId: ObjectId,
  sessionId: number,
): void {
  if (dispatcher.sessions.get(nodeId)?.id !== sessionId) {
    refuseRequest(end, id, rpcError(404, 'NotFound', 'node not registered'));
    return;
  }
  const periodNs = choosePeriod(dispatcher);
  expectHeartbeat(dispatcher, nodeId, false);
  answerRequest(end, id, 'heartbeat', { periodNs });
}

function takeStatuses(
  dispatcher: Dispatcher,
  end: WireEnd,
  id: number,
  body: RequestBody & { readonly kind: 'status' },
): void {
  const { nodeId, sessionId, updates } = body;
  if (dispatcher.sessions.get(nodeId)?.id !== sessionId) {
    refuseRequest(end, id, rpcError(404, 'NotFound', 'node not registered'));
    return;
  }
  for (const [taskId, status] of updates) dispatcher.statuses.push([nodeId, taskId, status]);
  answerRequest(end, id, 'status', null);
  wake(dispatcher.waiters);
}

/** The period that a node is told, a little different each time. @source dispatcher/period.go */
function choosePeriod({ manager }: Dispatcher): number {
  const { cluster } = manager.state.member;
  const stream = streamOf(cluster.world.sim, 'swarm/dispatcher');
  const spread = nextBelow(stream, 2 * HEARTBEAT_EPSILON_NS);
  return cluster.settings.heartbeatPeriodNs - HEARTBEAT_EPSILON_NS + spread;
}

function expectHeartbeat(dispatcher: Dispatcher, nodeId: ObjectId, isUnknown: boolean): void {
  const { manager, expiries } = dispatcher;
  const { member, host } = manager.state;
  let timer = expiries.get(nodeId);
  if (timer === undefined || isUnknown) {
    const message = isUnknown
      ? 'heartbeat failure for node in "unknown" state'
      : 'heartbeat failure';
    if (timer !== undefined) cancel(host.world.sim, timer);
    timer = makeTimer(host.cpu, () => expire(dispatcher, nodeId, message));
    expiries.set(nodeId, timer);
  }
  const periodNs = member.cluster.settings.heartbeatPeriodNs * MISSED_HEARTBEATS;
  schedule(host.world.sim, timer, periodNs);
}

function expire(dispatcher: Dispatcher, nodeId: ObjectId, message: string): void {
  dispatcher.expiries.delete(nodeId);
  dispatcher.sessions.delete(nodeId);
  dispatcher.expired.set(nodeId, message);
  wake(dispatcher.waiters);
}

function* runDispatcher(process: Process, dispatcher: Dispatcher): Program<number> {
  const hasWrites = (): boolean =>
    dispatcher.registrations.length > 0 ||
    dispatcher.statuses.length > 0 ||
    dispatcher.expired.size > 0;
  const isBusy = (): boolean =>
    dispatcher.isStopped || dispatcher.hasNews || dispatcher.dirty.size > 0 || hasWrites();
  for (;;) {
    yield* waitFor(process, [dispatcher.waiters], isBusy);
    if (dispatcher.isStopped) return 0;
    yield* sleep(process, BATCH_NS);
    if (hasWrites()) {
      const isAgreed = yield* propose(dispatcher.manager.raft, process, PROPOSAL_TIMEOUT_NS);
      if (dispatcher.isStopped) return 0;
      if (!isAgreed) continue;
      writeBatch(dispatcher);
    }
    if (dispatcher.isStopped) return 0;
    if (dispatcher.hasNews) {
      dispatcher.hasNews = false;
      for (const { nodeId, end } of dispatcher.sessions.values()) {
        notify(end, { kind: 'session', nodeId, news: newsFor(dispatcher, nodeId) }, 0);
      }
    }
    for (const nodeId of [...dispatcher.dirty]) {
      dispatcher.dirty.delete(nodeId);
      const session = dispatcher.sessions.get(nodeId);
      if (session !== undefined) sendAssignments(dispatcher, session);
    }
  }
}

/** A quorum has agreed: statuses, nodes that came, nodes that went. */
function writeBatch(dispatcher: Dispatcher): void {
  const { cluster } = dispatcher.manager.state.member;
  for (const [nodeId, taskId, status] of dispatcher.statuses.splice(0)) {
    applyStatus(cluster, nodeId, taskId, status);
  }
  for (const [nodeId, message] of dispatcher.expired) {
    if (cluster.store.nodes.has(nodeId)) markNodeDown(cluster, nodeId, message);
  }
  dispatcher.expired.clear();
  for (const registration of dispatcher.registrations.splice(0)) register(dispatcher, registration);
}

function register(dispatcher: Dispatcher, registration: Registration): void {
  const { nodeId, address, end, requestId } = registration;
  const { cluster } = dispatcher.manager.state.member;
  if (!cluster.store.nodes.has(nodeId)) {
    refuseRequest(end, requestId, rpcError(404, 'NotFound', `node ${nodeId} not found`));
    return;
  }
  markNodeReady(cluster, nodeId, address);
  const session: NodeSession = { id: dispatcher.nextSessionId++, nodeId, end, sent: new Map() };
  dispatcher.sessions.set(nodeId, session);
  const timer = dispatcher.expiries.get(nodeId);
  if (timer !== undefined) cancel(dispatcher.manager.state.host.world.sim, timer);
  dispatcher.expiries.delete(nodeId);
  expectHeartbeat(dispatcher, nodeId, false);
  const news = newsFor(dispatcher, nodeId);
  answerRequest(end, requestId, 'register', { sessionId: session.id, news });
  sendAssignments(dispatcher, session);
}

function sendAssignments(dispatcher: Dispatcher, session: NodeSession): void {
  const { nodeId, end } = session;
  const { cluster } = dispatcher.manager.state.member;
  const tasks = assignmentsOf(cluster, nodeId);
  let changedCount = 0;
  const sent = new Map<ObjectId, number>();
  for (const { id, versionIndex } of tasks) {
    if (session.sent.get(id) !== versionIndex) changedCount++;
    sent.set(id, versionIndex);
  }
  session.sent = sent;
  notify(end, { kind: 'assignments', nodeId, tasks }, changedCount);
}

function newsFor({ manager }: Dispatcher, nodeId: ObjectId): SessionNews {
  const { raftMembers, roles, keys } = sharedOf(manager.state.member.cluster);
  const managers = [...raftMembers.values()].map(({ nodeId: id, address, port }) => {
    return { nodeId: id, address, port };
  });
  return { managers, role: roles.get(nodeId) ?? 'worker', keys };
}
