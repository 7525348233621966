/** Questions and answers over a channel, as gRPC's unary calls. */
import { DockerError } from '../../docker/engine-record.ts';
import {
  makeWaitQueue,
  type Process,
  type Program,
  type WaitQueue,
  waitFor,
  wake,
} from '../../engine/process.ts';
import { sendMessage } from './channel.ts';
import {
  type Replies,
  type RequestBody,
  type RequestKind,
  replyBytes,
  requestBytes,
  type WireEnd,
  type WireMessage,
} from './messages.ts';

/** gRPC's status as the engine prints it: `rpc error: code = CODE desc = TEXT`. */
export function rpcError(status: number, code: string, text: string): DockerError {
  return new DockerError(status, `rpc error: code = ${code} desc = ${text}`);
}

/** The answer has not come in time. */
export function deadlineExceeded(): DockerError {
  return rpcError(500, 'DeadlineExceeded', 'context deadline exceeded');
}

interface Pending {
  answer: Replies[RequestKind] | DockerError | undefined;
}

/** The questions that an end has asked. */
interface Calls {
  nextId: number;
  readonly pending: Map<number, Pending>;
  readonly waiters: WaitQueue;
}

const callsOfEnds = new WeakMap<WireEnd, Calls>();

function callsOf(end: WireEnd): Calls {
  let calls = callsOfEnds.get(end);
  if (calls === undefined) {
    calls = { nextId: 1, pending: new Map(), waiters: makeWaitQueue() };
    callsOfEnds.set(end, calls);
  }
  return calls;
}

/**
 * Asks and waits. @throws DockerError: what the other side refused with; deadline exceeded; the
 * connection ended (`Unavailable`).
 */
export function* call<Kind extends RequestKind>(
  process: Process,
  end: WireEnd,
  body: RequestBody & { readonly kind: Kind },
  timeoutNs: number,
): Program<Replies[Kind]> {
  const calls = callsOf(end);
  const id = calls.nextId++;
  const pending: Pending = { answer: undefined };
  calls.pending.set(id, pending);
  sendMessage<WireMessage>(end, { kind: 'request', id, body }, requestBytes(body));
  const isDecided = () => pending.answer !== undefined || end.isClosed;
  yield* waitFor(process, [calls.waiters], isDecided, timeoutNs);
  calls.pending.delete(id);
  const { answer } = pending;
  if (answer instanceof DockerError) throw answer;
  if (answer !== undefined) return answer as Replies[Kind]; // the answer to a question of this kind
  if (end.isClosed) throw rpcError(503, 'Unavailable', 'transport is closing');
  throw deadlineExceeded();
}

/** Sends the answer to a question. */
export function answerRequest<Kind extends RequestKind>(
  end: WireEnd,
  id: number,
  kind: Kind,
  body: Replies[Kind],
): void {
  sendMessage<WireMessage>(end, { kind: 'reply', id, body }, replyBytes(kind));
}

export function refuseRequest(end: WireEnd, id: number, error: DockerError): void {
  sendMessage<WireMessage>(end, { kind: 'refusal', id, error }, replyBytes('ask'));
}

/** An answer came. */
export function takeAnswer(end: WireEnd, message: WireMessage): void {
  if (message.kind !== 'reply' && message.kind !== 'refusal') return;
  const calls = callsOf(end);
  const pending = calls.pending.get(message.id);
  if (pending === undefined) return;
  pending.answer = message.kind === 'reply' ? message.body : message.error;
  wake(calls.waiters);
}

/** The connection is gone: nobody waits for answers any more. */
export function endCalls(end: WireEnd): void {
  wake(callsOf(end).waiters);
}
