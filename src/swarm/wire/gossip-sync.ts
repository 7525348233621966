/**
 * Whole states over TCP: memberlist's push/pull when a node joins and every 30 s, and the bulk sync of
 * networks when one is joined, every 30 s, and with who was thought dead.
 * @source memberlist/state.go pushPull(), mergeState(); libnetwork/networkdb/cluster.go bulkSync(),
 *   reconnectNode()
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { nextBelow } from '../../base/prng.ts';
import { NS_PER_SEC } from '../../base/units.ts';
import {
  makeWaitQueue,
  type Process,
  type Program,
  sleep,
  waitFor,
  wake,
} from '../../engine/process.ts';
import { streamOf, timeNs } from '../../engine/simulator.ts';
import type { ObjectId } from '../objects.ts';
import { type ChannelEnd, closeEnd, openChannel, sendMessage } from './channel.ts';
import { hearRumour } from './gossip-probe.ts';
import { partnersIn, pick, queueClusterEvent, randomNodes } from './gossip-queue.ts';
import {
  copyKnowledge,
  type Doubt,
  GOSSIP_PORT,
  type GossipNode,
  type Knowledge,
  knows,
  type NetworkView,
} from './gossip-record.ts';
import { attachedNodes, hearClusterEvent, isAlive, isAttached, mergeTable } from './gossip-view.ts';

/** What goes over a stream: a state, and the one that comes back. */
export type SyncMessage =
  | {
      readonly kind: 'push-pull';
      readonly from: GossipNode;
      readonly known: Knowledge;
      readonly incarnation: number;
      readonly incarnations: ReadonlyMap<GossipNode, number>;
      readonly doubts: ReadonlyMap<GossipNode, Pick<Doubt, 'state' | 'incarnation'>>;
      readonly isAnswer: boolean;
    }
  | {
      readonly kind: 'bulk-sync';
      readonly from: GossipNode;
      readonly networks: ReadonlyMap<ObjectId, TableState>;
      readonly isAnswer: boolean;
    };

interface TableState {
  readonly known: Knowledge;
  readonly forgotten: ReadonlyMap<GossipNode, number>;
}

type TablesMessage = SyncMessage & { readonly kind: 'bulk-sync' };

export type SyncEnd = ChannelEnd<SyncMessage>;

const DIAL_TIMEOUT_NS = 10 * NS_PER_SEC;
const ANSWER_TIMEOUT_NS = 30 * NS_PER_SEC;
const SYNC_PERIOD_NS = 30 * NS_PER_SEC;
const RECONNECT_NS = NS_PER_SEC;
/** Above so many nodes push/pull becomes rarer. @source memberlist/util.go pushPullScaleThreshold */
const SCALE_THRESHOLD = 32;
const NODE_STATE_BYTES = 90;
const ROW_BYTES = 120;
/** Unlike Docker, a node that joins a network syncs with no more than these at once. */
const JOIN_SYNCS_MAX = 3;

/** Exchanges states with the node at an address. @returns whether that worked. */
export function* pushPull(process: Process, node: GossipNode, address: Ipv4): Program<boolean> {
  const message = stateOf(node, false);
  const sizeBytes = NODE_STATE_BYTES * node.aliveCount + 200;
  return yield* exchange(process, node, address, message, sizeBytes);
}

/** Exchanges the tables of the networks that both are on. */
export function* bulkSync(process: Process, node: GossipNode, other: GossipNode): Program<boolean> {
  const common = [...node.networks.keys()].filter((id) => isAttached(node, id, other));
  if (common.length === 0) return false;
  const message = tablesOf(node, common, false);
  return yield* exchange(process, node, other.address, message, tableBytes(node, message));
}

function* exchange(
  process: Process,
  node: GossipNode,
  address: Ipv4,
  message: SyncMessage,
  sizeBytes: number,
): Program<boolean> {
  const { host } = node;
  const to = { address, port: GOSSIP_PORT };
  const end = yield* openChannel<SyncMessage>(process, host, to, DIAL_TIMEOUT_NS);
  if (typeof end === 'string') return false;
  const answered = makeWaitQueue();
  let hasAnswer = false;
  end.onMessage = (answer) => {
    hasAnswer = true;
    takeSync(node, answer);
    wake(answered);
  };
  end.onClose = () => wake(answered);
  sendMessage(end, message, sizeBytes);
  const isOver = (): boolean => hasAnswer || end.isClosed || node.isClosed;
  yield* waitFor(process, [answered], isOver, ANSWER_TIMEOUT_NS);
  closeEnd(host.world, end);
  return hasAnswer;
}

/** A stream that another node opened. */
export function serveSync(node: GossipNode, end: SyncEnd): void {
  end.onMessage = (message) => {
    if (node.isClosed) return;
    if (message.kind === 'push-pull') {
      sendMessage(end, stateOf(node, true), NODE_STATE_BYTES * node.aliveCount + 200);
    } else {
      // As asked: that the other one is on the network may not have been heard yet.
      const answer = tablesOf(node, message.networks.keys(), true);
      sendMessage(end, answer, tableBytes(node, answer));
    }
    takeSync(node, message);
  };
}

function stateOf(node: GossipNode, isAnswer: boolean): SyncMessage {
  const doubts = new Map<GossipNode, Pick<Doubt, 'state' | 'incarnation'>>();
  for (const [about, { state, incarnation }] of node.doubts) {
    doubts.set(about, { state, incarnation });
  }
  return {
    kind: 'push-pull',
    from: node,
    known: copyKnowledge(node.known),
    incarnation: node.incarnation,
    incarnations: new Map(node.incarnations),
    doubts,
    isAnswer,
  };
}

/** The tables of these networks, as far as the node is on them. */
function tablesOf(node: GossipNode, ids: Iterable<ObjectId>, isAnswer: boolean): TablesMessage {
  const networks: Map<ObjectId, TableState> = new Map();
  for (const id of ids) {
    const view = node.networks.get(id);
    if (view === undefined) continue;
    networks.set(id, { known: copyKnowledge(view.known), forgotten: new Map(view.forgotten) });
  }
  return { kind: 'bulk-sync', from: node, networks, isAnswer };
}

function tableBytes(node: GossipNode, { networks }: TablesMessage): number {
  let rows = 0;
  for (const id of networks.keys()) rows += rowCount(node.networks.get(id)!);
  return 100 + rows * ROW_BYTES;
}

function rowCount(view: NetworkView): number {
  let count = 0;
  for (const rows of view.log.rows.values()) count += rows.size;
  return count;
}

function takeSync(node: GossipNode, message: SyncMessage): void {
  if (node.isClosed) return;
  if (message.kind === 'push-pull') {
    mergeState(node, message);
    return;
  }
  for (const [id, theirs] of message.networks) {
    const view = node.networks.get(id);
    if (view !== undefined) mergeTable(node, view, theirs);
  }
}

/** What the other one knows of the cluster, and whom it doubts. */
function mergeState(node: GossipNode, message: SyncMessage & { readonly kind: 'push-pull' }): void {
  const { from, known, doubts, incarnation, incarnations } = message;
  const { events } = node.shared;
  const hear = (index: number): void => {
    const event = events[index]!;
    if (!knows(node.known, index) && hearClusterEvent(node, event)) queueClusterEvent(node, event);
  };
  for (let index = node.known.upTo; index < known.upTo; index++) hear(index);
  for (const index of [...known.extras].sort((one, two) => one - two)) hear(index);
  hearRumour(node, { kind: 'alive', node: from, incarnation, from });
  for (const [about, each] of incarnations) {
    hearRumour(node, { kind: 'alive', node: about, incarnation: each, from });
  }
  for (const [about, doubt] of doubts) {
    // Whom another one takes for dead is only suspected: it may know better itself.
    const kind = doubt.state === 'left' ? 'left' : 'suspect';
    hearRumour(node, { kind, node: about, incarnation: doubt.incarnation, from });
  }
}

/** Tells the nodes of a network that this one is on it, and learns its rows. */
export function* syncNewNetwork(
  process: Process,
  node: GossipNode,
  networkId: ObjectId,
): Program<number> {
  const others = attachedNodes(node, networkId).filter((other) => other !== node);
  for (const other of pick(node, others, JOIN_SYNCS_MAX)) {
    if (node.isClosed || !node.networks.has(networkId)) break;
    yield* bulkSync(process, node, other);
  }
  return 0;
}

/** Push/pull with a random node, now and then. */
export function* runPushPull(process: Process, node: GossipNode): Program<number> {
  const stream = streamOf(process.sim, 'swarm/gossip');
  yield* sleep(process, nextBelow(stream, SYNC_PERIOD_NS));
  while (!node.isClosed) {
    const [other] = randomNodes(node, 1);
    if (other !== undefined) yield* pushPull(process, node, other.address);
    yield* sleep(process, SYNC_PERIOD_NS * pushPullScale(node.aliveCount));
  }
  return 0;
}

function pushPullScale(count: number): number {
  if (count <= SCALE_THRESHOLD) return 1;
  return Math.ceil(Math.log2(count) - Math.log2(SCALE_THRESHOLD)) + 1;
}

/** Bulk sync with a random node of each network, every 30 s. */
export function* runBulkSync(process: Process, node: GossipNode): Program<number> {
  const stream = streamOf(process.sim, 'swarm/gossip');
  yield* sleep(process, nextBelow(stream, SYNC_PERIOD_NS));
  while (!node.isClosed) {
    const done = new Set<ObjectId>();
    for (const id of [...node.networks.keys()]) {
      if (done.has(id) || node.isClosed) continue;
      const attached = attachedNodes(node, id);
      const [other] = pick(node, partnersIn(node, attached, 0), 1);
      if (other === undefined) continue;
      for (const each of node.networks.keys()) if (isAttached(node, each, other)) done.add(each);
      yield* bulkSync(process, node, other);
    }
    yield* sleep(process, SYNC_PERIOD_NS);
  }
  return 0;
}

/** Tries to reach those that failed, one a second. */
export function* runReconnect(process: Process, node: GossipNode): Program<number> {
  const stream = streamOf(process.sim, 'swarm/gossip');
  const failed = (): GossipNode[] =>
    [...node.doubts].filter(([, { state }]) => state === 'dead').map(([about]) => about);
  while (!node.isClosed) {
    yield* waitFor(process, [node.waiters], () => node.isClosed || failed().length > 0);
    yield* sleep(process, RECONNECT_NS);
    const candidates = failed();
    if (node.isClosed || candidates.length === 0) continue;
    const other = candidates[nextBelow(stream, candidates.length)]!;
    const startNs = timeNs(process.sim);
    // The second exchange brings what each has denied after the first.
    if (!(yield* pushPull(process, node, other.address))) continue;
    if (timeNs(process.sim) - startNs < RECONNECT_NS && !isAlive(node, other)) {
      yield* pushPull(process, node, other.address);
    }
    if (isAlive(node, other)) yield* bulkSync(process, node, other);
  }
  return 0;
}
