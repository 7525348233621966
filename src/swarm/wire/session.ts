/**
 * An agent's session with a manager: the node's own if it is one, else any that answers. What the
 * leader sends goes to the agent; what the agent reports goes there and is kept until acknowledged.
 * @source swarmkit agent/agent.go, agent/session.go; connectionbroker/broker.go
 */
import { nextBelow } from '../../base/prng.ts';
import { NS_PER_MS, NS_PER_SEC } from '../../base/units.ts';
import { DockerError } from '../../docker/engine-record.ts';
import { type Process, type Program, sleep, waitFor, wake } from '../../engine/process.ts';
import { streamOf } from '../../engine/simulator.ts';
import type { ObjectId, TaskStatus } from '../objects.ts';
import { closeEnd, openChannel } from './channel.ts';
import { openOwnChannel } from './manager.ts';
import type { ManagerAddress, Notice, SessionNews, WireEnd, WireMessage } from './messages.ts';
import { call, endCalls, takeAnswer } from './rpc.ts';
import type { WireState } from './wire-state.ts';

/** @source agent/agent.go, agent/session.go dispatcherRPCTimeout */
const BACKOFF_FIRST_NS = 100 * NS_PER_MS;
const BACKOFF_MAX_NS = 8 * NS_PER_SEC;
const RPC_TIMEOUT_NS = 5 * NS_PER_SEC;
const REPORT_RETRY_NS = NS_PER_SEC;

/** What the rest of the member does with news. */
export interface SessionListener {
  onNews(news: SessionNews): void;
}

/** Keeps the node registered until the member leaves. */
export function* runSession(
  process: Process,
  state: WireState,
  listener: SessionListener,
): Program<number> {
  let backoffNs = 0;
  while (!state.isClosed) {
    if (backoffNs > 0) {
      const delayNs = nextBelow(streamOf(process.sim, 'swarm/session'), backoffNs);
      yield* waitFor(process, [state.session.waiters], () => state.isClosed, delayNs);
      if (state.isClosed) return 0;
    }
    const manager = chooseManager(state);
    const end = yield* connect(process, state, manager);
    let wasRegistered = false;
    if (end !== null) {
      wasRegistered = yield* register(process, state, end, listener);
      if (wasRegistered) yield* beat(process, state, end);
      leave(state, end);
    }
    if (!wasRegistered) state.session.failed = manager?.nodeId ?? null;
    backoffNs = wasRegistered
      ? BACKOFF_FIRST_NS
      : Math.min(BACKOFF_FIRST_NS + 2 * backoffNs, BACKOFF_MAX_NS);
  }
  return 0;
}

/** Sends statuses as they come; those that were not acknowledged again. */
export function* runReporter(process: Process, state: WireState): Program<number> {
  const { session } = state;
  for (;;) {
    const isReady = (): boolean =>
      state.isClosed || (session.statuses.size > 0 && session.end !== null);
    yield* waitFor(process, [session.waiters], isReady);
    if (state.isClosed) return 0;
    const { end, sessionId } = session;
    if (end === null) continue;
    const updates: (readonly [ObjectId, TaskStatus])[] = [...session.statuses];
    const { nodeId } = state.member;
    try {
      const body = { kind: 'status', nodeId, sessionId, updates } as const;
      yield* call(process, end, body, RPC_TIMEOUT_NS);
      for (const [taskId, status] of updates) {
        if (session.statuses.get(taskId) === status) session.statuses.delete(taskId);
      }
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      if (session.end === end) leave(state, end);
      yield* sleep(process, REPORT_RETRY_NS);
    }
  }
}

/** Null: the node's own manager. A manager that failed last is tried only if there is no other. */
function chooseManager(state: WireState): ManagerAddress | null {
  const { session, member } = state;
  if (state.manager !== null) return null;
  const others = session.managers.filter(({ nodeId }) => nodeId !== member.nodeId);
  const good = others.filter(({ nodeId }) => nodeId !== session.failed);
  const choice = good.length > 0 ? good : others;
  if (choice.length === 0) return null;
  return choice[nextBelow(streamOf(state.host.world.sim, 'swarm/session'), choice.length)]!;
}

function* connect(
  process: Process,
  state: WireState,
  to: ManagerAddress | null,
): Program<WireEnd | null> {
  if (to === null) return state.manager === null ? null : openOwnChannel(state.manager);
  const end = yield* openChannel<WireMessage>(process, state.host, to, RPC_TIMEOUT_NS);
  return typeof end === 'string' ? null : end;
}

function* register(
  process: Process,
  state: WireState,
  end: WireEnd,
  listener: SessionListener,
): Program<boolean> {
  const { member, session } = state;
  end.onMessage = (message) => {
    if (message.kind === 'notice') takeNotice(state, end, message.notice, listener);
    else takeAnswer(end, message);
  };
  end.onClose = () => {
    endCalls(end);
    if (session.end === end) session.end = null;
    wake(session.waiters);
  };
  const address = state.manager === null ? 0 : member.advertiseAddress;
  try {
    const body = { kind: 'register', nodeId: member.nodeId, address } as const;
    const reply = yield* call(process, end, body, RPC_TIMEOUT_NS);
    if (state.isClosed || end.isClosed) return false;
    session.end = end;
    session.sessionId = reply.sessionId;
    session.failed = null;
    session.wasReady = true;
    takeNews(state, reply.news, listener);
    wake(session.waiters);
    return true;
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    return false;
  }
}

/** Heartbeats until the session ends. */
function* beat(process: Process, state: WireState, end: WireEnd): Program<void> {
  const { session, member } = state;
  const isOver = (): boolean => state.isClosed || end.isClosed || session.end !== end;
  while (!isOver()) {
    try {
      const body = {
        kind: 'heartbeat',
        nodeId: member.nodeId,
        sessionId: session.sessionId,
      } as const;
      const { periodNs } = yield* call(process, end, body, RPC_TIMEOUT_NS);
      yield* waitFor(process, [session.waiters], isOver, periodNs);
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      return;
    }
  }
}

/** Ends the session, if it is still this one. */
export function leave(state: WireState, end: WireEnd): void {
  if (state.session.end === end) state.session.end = null;
  closeEnd(state.host.world, end);
  wake(state.session.waiters);
}

function takeNotice(
  state: WireState,
  end: WireEnd,
  notice: Notice,
  listener: SessionListener,
): void {
  if (state.isClosed || notice.nodeId !== state.member.nodeId) return;
  switch (notice.kind) {
    case 'lost':
      leave(state, end);
      break;
    case 'session':
      takeNews(state, notice.news, listener);
      break;
    case 'assignments':
      state.session.tasks = new Map(notice.tasks.map((task) => [task.id, task]));
      state.member.agent.setAssignments(notice.tasks);
      wake(state.session.waiters);
      break;
  }
}

function takeNews(state: WireState, news: SessionNews, listener: SessionListener): void {
  if (news.managers.length > 0) state.session.managers = news.managers;
  listener.onNews(news);
}
