/**
 * What a node passes on: each news a few times, the least passed on first, to three random nodes every
 * 200 ms while there is something.
 * @source memberlist/queue.go, state.go gossip(); libnetwork/networkdb/cluster.go gossip()
 */
import { nextBelow } from '../../base/prng.ts';
import { NS_PER_MS } from '../../base/units.ts';
import { type Process, type Program, sleep, waitFor, wake } from '../../engine/process.ts';
import { streamOf, timeNs } from '../../engine/simulator.ts';
import { sendDatagramTo } from './gossip-datagram.ts';
import type {
  ClusterEvent,
  GossipNode,
  GossipQueue,
  NetworkView,
  Rumour,
  TableEvent,
} from './gossip-record.ts';
import { isAlive, isAttached } from './gossip-view.ts';

const GOSSIP_NS = 200 * NS_PER_MS;
const GOSSIP_NODES = 3;
const RETRANSMIT_MULTIPLIER = 4;
/** Room of a datagram, and what a news takes of it. */
const DATAGRAM_BYTES = 1400;
const RUMOUR_BYTES = 60;
const CLUSTER_EVENT_BYTES = 40;
/** So few nodes all talk with each other. */
const ALL_MAX = 16;
/** Unlike Docker, a row takes no more than its number: many fit. */
const TABLE_EVENT_BYTES = 12;

/** Passes a rumour on; it takes the place of an older one about the same node. */
export function queueRumour(node: GossipNode, rumour: Rumour): void {
  const { rumours } = node;
  for (const level of rumours.levels) {
    const at = level.findIndex((each) => each.node === rumour.node);
    if (at < 0) continue;
    level.splice(at, 1);
    rumours.count--;
  }
  enqueue(rumours, rumour);
  wake(node.waiters);
}

export function queueClusterEvent(node: GossipNode, event: ClusterEvent): void {
  enqueue(node.clusterQueue, event);
  wake(node.waiters);
}

export function queueTableEvent(node: GossipNode, network: NetworkView, event: TableEvent): void {
  enqueue(network.queue, event);
  if (network.queue.count === 1) wake(node.waiters);
}

function enqueue<Item>(queue: GossipQueue<Item>, item: Item): void {
  if (queue.levels.length === 0) queue.levels.push([]);
  queue.levels[0]!.push(item);
  queue.count++;
}

/** How often a news is passed on among `count` nodes. @source memberlist/util.go retransmitLimit() */
function retransmitLimit(count: number): number {
  return RETRANSMIT_MULTIPLIER * Math.ceil(Math.log10(count + 1));
}

/** The next news for a datagram; those passed on often enough are gone afterwards. */
function takeQueued<Item>(
  queue: GossipQueue<Item>,
  limit: number,
  itemBytes: number,
  roomBytes: number,
): Item[] {
  const count = Math.min(queue.count, Math.floor(roomBytes / itemBytes));
  if (count === 0) return [];
  const { levels } = queue;
  const items: Item[] = [];
  const moved: Item[][] = [];
  for (let level = 0; level < levels.length && items.length < count; level++) {
    const taken = levels[level]!.splice(0, count - items.length);
    moved[level + 1] = taken;
    for (const item of taken) items.push(item);
  }
  for (let level = 1; level < moved.length; level++) {
    const taken = moved[level]!;
    if (level >= limit) {
      queue.count -= taken.length;
      continue;
    }
    if (levels.length === level) levels.push([]);
    for (const item of taken) levels[level]!.push(item);
  }
  return items;
}

/** What goes with any datagram of memberlist. */
export function takeNews(node: GossipNode): {
  readonly rumours: readonly Rumour[];
  readonly clusterEvents: readonly ClusterEvent[];
  readonly sizeBytes: number;
} {
  // With how many nodes it talks (partnersIn) counts, not how many there are.
  const count = node.aliveCount <= ALL_MAX ? node.aliveCount : 2 * Math.log2(node.aliveCount);
  const limit = retransmitLimit(count);
  const rumours = takeQueued(node.rumours, limit, RUMOUR_BYTES, DATAGRAM_BYTES);
  const usedBytes = rumours.length * RUMOUR_BYTES;
  const roomBytes = DATAGRAM_BYTES - usedBytes;
  const clusterEvents = takeQueued(node.clusterQueue, limit, CLUSTER_EVENT_BYTES, roomBytes);
  const sizeBytes = usedBytes + clusterEvents.length * CLUSTER_EVENT_BYTES;
  return { rumours, clusterEvents, sizeBytes };
}

function hasNews(node: GossipNode): boolean {
  if (node.rumours.count > 0 || node.clusterQueue.count > 0) return node.aliveCount > 1;
  for (const network of node.networks.values()) if (network.queue.count > 0) return true;
  return false;
}

/** The node's clock of 200 ms, which stands still while there is nothing to say. */
export function* runGossip(process: Process, node: GossipNode): Program<number> {
  const stream = streamOf(process.sim, 'swarm/gossip');
  const phaseNs = nextBelow(stream, GOSSIP_NS);
  while (!node.isClosed) {
    yield* waitFor(process, [node.waiters], () => node.isClosed || hasNews(node));
    if (node.isClosed) break;
    const sinceNs = (timeNs(process.sim) + GOSSIP_NS - phaseNs) % GOSSIP_NS;
    yield* sleep(process, GOSSIP_NS - sinceNs);
    if (node.isClosed) break;
    passOn(node);
  }
  return 0;
}

/** One round: also called when a node leaves. */
export function passOn(node: GossipNode): void {
  for (const target of randomNodes(node, GOSSIP_NODES)) {
    const { rumours, clusterEvents, sizeBytes } = takeNews(node);
    if (sizeBytes === 0) break;
    const news = { rumours, clusterEvents, tableEvents: [] };
    sendDatagramTo(node, target, { kind: 'gossip', sequence: 0, target: null, ...news }, sizeBytes);
  }
  for (const network of node.networks.values()) passOnRows(node, network);
}

function passOnRows(node: GossipNode, network: NetworkView): void {
  if (network.queue.count === 0) return;
  const order = [...network.log.attachments.keys()];
  const others = partnersIn(node, order, order.indexOf(node)).filter((other) =>
    isAttached(node, network.log.id, other),
  );
  const limit = retransmitLimit(others.length + 1);
  const items = takeQueued(network.queue, limit, TABLE_EVENT_BYTES, DATAGRAM_BYTES);
  const sizeBytes = items.length * TABLE_EVENT_BYTES;
  const news = { rumours: [], clusterEvents: [], tableEvents: items };
  for (const target of pick(node, others, GOSSIP_NODES)) {
    sendDatagramTo(node, target, { kind: 'gossip', sequence: 0, target: null, ...news }, sizeBytes);
  }
}

/** Some nodes of those that it takes for alive, itself not among them. */
export function randomNodes(node: GossipNode, count: number): readonly GossipNode[] {
  const { roster } = node.shared;
  const alive = partnersIn(node, roster, node.index).filter((other) => isAlive(node, other));
  if (alive.length > 0 || roster.length <= ALL_MAX) return pick(node, alive, count);
  return pick(
    node,
    roster.filter((other) => other !== node && isAlive(node, other)),
    count,
  );
}

/**
 * With whom a node talks: all others; above 16 nodes those 1, 2, 4, 8 ... places before and behind it.
 * Unlike Docker, where any node may come: that is an ARP request to all of them for each pair.
 */
export function partnersIn(
  node: GossipNode,
  order: readonly GossipNode[],
  place: number,
): GossipNode[] {
  if (order.length <= ALL_MAX) return order.filter((other) => other !== node);
  const partners: GossipNode[] = [];
  for (let step = 1; step < order.length; step *= 2) {
    if (place - step >= 0) partners.push(order[place - step]!);
    if (place + step < order.length) partners.push(order[place + step]!);
  }
  return partners;
}

/** Some of these, in a random order if they are more. */
export function pick(
  node: GossipNode,
  from: readonly GossipNode[],
  count: number,
): readonly GossipNode[] {
  if (from.length <= count) return from;
  const stream = streamOf(node.host.world.sim, 'swarm/gossip');
  const chosen: GossipNode[] = [];
  while (chosen.length < count) {
    const other = from[nextBelow(stream, from.length)]!;
    if (!chosen.includes(other)) chosen.push(other);
  }
  return chosen;
}
