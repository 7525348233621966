/**
 * A member's wire: its session, and what it is besides if it is a manager. Follows the role that the
 * session brings.
 * @source swarmkit node/node.go superviseManager(); agent/agent.go
 */

import type { Ipv4 } from '../../base/ipv4-address.ts';
import { NS_PER_SEC } from '../../base/units.ts';
import { dockerdOf } from '../../docker/daemon-process.ts';
import { DockerError } from '../../docker/engine-record.ts';
import {
  makeWaitQueue,
  type Process,
  type Program,
  sleep,
  waitFor,
  wake,
} from '../../engine/process.ts';
import type { MemberWire, SwarmMember } from '../member.ts';
import { openIngress } from '../network/index.ts';
import type { ObjectId, TaskObject, TaskStatus } from '../objects.ts';
import { markDirty } from './dispatcher-record.ts';
import { REQUEST_TIMEOUT_NS, startManager, stopManager } from './manager.ts';
import type { ManagerAddress, SessionNews } from './messages.ts';
import { call, deadlineExceeded, rpcError } from './rpc.ts';
import { leave, runReporter, runSession } from './session.ts';
import { startProcess } from './start-process.ts';
import { setWire, type WireState } from './wire-state.ts';

const RETRY_NS = NS_PER_SEC;

/**
 * The wire of a member that is being made.
 * @param managers those it knows of so far.
 */
export function createWire(
  member: SwarmMember,
  port: number,
  managers: readonly ManagerAddress[],
): MemberWire {
  const { engine } = member;
  const state: WireState = {
    member,
    host: {
      world: engine.world,
      netns: engine.machine.root,
      cpu: engine.machine.cpu,
      owner: dockerdOf(engine),
    },
    port,
    manager: null,
    session: {
      end: null,
      sessionId: 0,
      managers,
      failed: null,
      statuses: new Map(),
      tasks: new Map(),
      waiters: makeWaitQueue(),
      wasReady: false,
    },
    keys: null,
    hasIngress: false,
    isClosed: false,
  };
  setWire(member, state);
  return {
    reportStatus: (taskId, status) => report(state, taskId, status),
    assign(nodeId) {
      const dispatcher = state.manager?.dispatcher ?? null;
      if (dispatcher !== null) markDirty(dispatcher, nodeId);
    },
    requestAttachment: (process, networkId, containerId, wanted) =>
      requestAttachment(process, state, networkId, containerId, wanted),
    releaseAttachment: (taskId) => releaseAttachment(state, taskId),
    close: () => close(state),
  };
}

/** Begins the session, once the member has all its parts. */
export function startSession(state: WireState): void {
  const listener = { onNews: (news: SessionNews) => takeNews(state, news) };
  startProcess(state, (process) => runSession(process, state, listener));
  startProcess(state, (process) => runReporter(process, state));
}

function close(state: WireState): void {
  if (state.isClosed) return;
  state.isClosed = true;
  if (state.manager !== null) stopManager(state.manager);
  const { end, waiters } = state.session;
  if (end !== null) leave(state, end);
  wake(waiters);
}

function report(state: WireState, taskId: ObjectId, status: TaskStatus): void {
  if (state.isClosed) return;
  state.session.statuses.set(taskId, status);
  wake(state.session.waiters);
}

/** Keys and the role that the leader wants the node to have. */
function takeNews(state: WireState, news: SessionNews): void {
  const { member } = state;
  if (state.keys !== news.keys) {
    state.keys = news.keys;
    member.network.setEncryptionKeys(news.keys);
  }
  if (!state.hasIngress && openIngress(member)) {
    state.hasIngress = true;
    wake(state.session.waiters);
  }
  if (news.role === member.role) return;
  member.role = news.role;
  if (news.role === 'worker') {
    const { manager } = state;
    if (manager !== null) stopManager(manager);
    return;
  }
  startProcess(state, (process) => becomeManager(process, state));
}

/**
 * A node that has the role becomes a member of Raft, however often it has to ask.
 * @returns 0; 1 if it is no manager any more.
 */
export function* becomeManager(process: Process, state: WireState): Program<number> {
  const { member } = state;
  while (!state.isClosed && member.role === 'manager') {
    try {
      yield* joinAsManager(process, state);
      return 0;
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      yield* sleep(process, RETRY_NS);
    }
  }
  return 1;
}

/** Opens 2377 and asks for a place in Raft, over the session that the node has. @throws DockerError. */
export function* joinAsManager(process: Process, state: WireState): Program<void> {
  const { member, session } = state;
  const { nodeId } = member;
  const { end } = session;
  if (end === null) throw rpcError(503, 'Unavailable', 'no session');
  yield* call(process, end, { kind: 'renew', nodeId }, REQUEST_TIMEOUT_NS);
  if (state.manager === null) startManager(state);
  const address = member.advertiseAddress;
  const body = { kind: 'raft-join', nodeId, address, port: state.port } as const;
  yield* call(process, end, body, REQUEST_TIMEOUT_NS);
  // From now on the agent's session is with the manager beside it.
  if (session.end === end && end.socket !== null) leave(state, end);
}

function* requestAttachment(
  process: Process,
  state: WireState,
  networkId: ObjectId,
  containerId: string,
  wanted: Ipv4 | null,
): Program<TaskObject> {
  const { session, member } = state;
  const isUp = (): boolean => session.end !== null || state.isClosed;
  yield* waitFor(process, [session.waiters], isUp, REQUEST_TIMEOUT_NS);
  const { end } = session;
  if (end === null) throw deadlineExceeded();
  const body = {
    kind: 'attach',
    nodeId: member.nodeId,
    networkId,
    containerId,
    wanted,
  } as const;
  const { taskId } = yield* call(process, end, body, REQUEST_TIMEOUT_NS);
  const isThere = (): boolean => session.tasks.has(taskId) || state.isClosed;
  yield* waitFor(process, [session.waiters], isThere, REQUEST_TIMEOUT_NS);
  const task = session.tasks.get(taskId);
  if (task !== undefined) return task;
  releaseAttachment(state, taskId);
  throw deadlineExceeded();
}

function releaseAttachment(state: WireState, taskId: ObjectId): void {
  startProcess(state, function* release(process) {
    while (!state.isClosed) {
      const { end } = state.session;
      try {
        if (end === null) throw deadlineExceeded();
        yield* call(process, end, { kind: 'detach', taskId }, REQUEST_TIMEOUT_NS);
        return 0;
      } catch (error) {
        if (!(error instanceof DockerError)) throw error;
        yield* sleep(process, RETRY_NS);
      }
    }
    return 0;
  });
}
