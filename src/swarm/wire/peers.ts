/** A manager's connections to the other managers: opened when needed, given up when nothing comes back. */
import { NS_PER_SEC } from '../../base/units.ts';
import { makeWaitQueue, type Process, type Program, waitFor, wake } from '../../engine/process.ts';
import { timeNs } from '../../engine/simulator.ts';
import type { ObjectId } from '../objects.ts';
import { closeEnd, dialErrorText, openChannel, sendMessage } from './channel.ts';
import type { RaftMessage } from './messages.ts';
import { raftBytes, type WireEnd, type WireMessage } from './messages.ts';
import { endCalls, rpcError } from './rpc.ts';
import { sharedOf } from './shared.ts';
import { startProcess } from './start-process.ts';
import type { ManagerWire, Peer } from './wire-state.ts';

const DIAL_TIMEOUT_NS = 5 * NS_PER_SEC;
/** A connection on which nothing comes back for so long is closed; the next message opens another. */
const SILENCE_MAX_NS = 5 * NS_PER_SEC;

/** What a manager does with a message on one of its connections. */
type Handler = (manager: ManagerWire, end: WireEnd, message: WireMessage) => void;

/** Sends a message of Raft; it is lost if there is no connection yet (the next one comes in a second). */
export function sendRaft(
  manager: ManagerWire,
  to: ObjectId,
  message: RaftMessage,
  entryCount: number,
  handler: Handler,
): void {
  const peer = peerOf(manager, to);
  const now = timeNs(manager.raft.around.sim);
  if (peer.end !== null && peer.silentSinceNs !== null) {
    if (now - peer.silentSinceNs > SILENCE_MAX_NS) closeEnd(manager.state.host.world, peer.end);
  }
  const send = (end: WireEnd): void => {
    peer.silentSinceNs ??= timeNs(manager.raft.around.sim);
    const from = manager.raft.around.ownId;
    sendMessage<WireMessage>(end, { kind: 'raft', from, message }, raftBytes(entryCount));
  };
  if (peer.end !== null) send(peer.end);
  else if (!peer.isDialing) dial(manager, to, peer, handler, send);
}

/** A connection to another manager. @throws DockerError Unavailable. */
export function* reachPeer(
  manager: ManagerWire,
  process: Process,
  to: ObjectId,
  handler: Handler,
): Program<WireEnd> {
  const peer = peerOf(manager, to);
  if (peer.end === null && !peer.isDialing) dial(manager, to, peer, handler, () => {});
  yield* waitFor(process, [peer.waiters], () => !peer.isDialing, DIAL_TIMEOUT_NS * 2);
  if (peer.end !== null) return peer.end;
  const address = sharedOf(manager.state.member.cluster).raftMembers.get(to);
  const target = address ?? { address: 0, port: 0 };
  throw rpcError(503, 'Unavailable', dialErrorText(target, 'EAGAIN'));
}

/** Something came from a manager: it lives. */
export function noteAnswer(manager: ManagerWire, end: WireEnd): void {
  for (const peer of manager.peers.values()) if (peer.end === end) peer.silentSinceNs = null;
}

export function closePeers(manager: ManagerWire): void {
  for (const peer of manager.peers.values()) {
    if (peer.end !== null) closeEnd(manager.state.host.world, peer.end);
  }
  manager.peers.clear();
}

function peerOf(manager: ManagerWire, id: ObjectId): Peer {
  let peer = manager.peers.get(id);
  if (peer === undefined) {
    peer = { end: null, isDialing: false, silentSinceNs: null, waiters: makeWaitQueue() };
    manager.peers.set(id, peer);
  }
  return peer;
}

function dial(
  manager: ManagerWire,
  to: ObjectId,
  peer: Peer,
  handler: Handler,
  use: (end: WireEnd) => void,
): void {
  const { state } = manager;
  const target = sharedOf(state.member.cluster).raftMembers.get(to);
  if (target === undefined) return;
  peer.isDialing = true;
  startProcess(state, function* connect(process) {
    const end = yield* openChannel<WireMessage>(process, state.host, target, DIAL_TIMEOUT_NS);
    peer.isDialing = false;
    if (typeof end !== 'string') adopt(end);
    wake(peer.waiters);
    return 0;
  });
  const adopt = (end: WireEnd): void => {
    if (manager.isStopped) {
      closeEnd(state.host.world, end);
      return;
    }
    peer.end = end;
    peer.silentSinceNs = null;
    end.onMessage = (message) => handler(manager, end, message);
    end.onClose = () => {
      if (peer.end === end) peer.end = null;
      endCalls(end);
    };
    use(end);
  };
}
