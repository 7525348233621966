/**
 * NetworkDB of a node: makes a Gossip whose packets go over 7946.
 * @source libnetwork/networkdb/networkdb.go; libnetwork/agent.go agentInit()
 */
import { markDualStack, ownSocket } from '../../apps/socket-owner.ts';
import { ERRNO } from '../../base/errors.ts';
import { NS_PER_SEC } from '../../base/units.ts';
import { dockerdOf } from '../../docker/daemon-process.ts';
import { DockerError } from '../../docker/engine-record.ts';
import { makeHexId } from '../../docker/ids.ts';
import {
  makeWaitQueue,
  type Process,
  type Program,
  sleep,
  spawn,
  waitFor,
  wake,
} from '../../engine/process.ts';
import { bindUdp, closeUdp, openUdp } from '../../stack/udp-socket.ts';
import type { Gossip, GossipTable, GossipValue, SwarmMember } from '../member.ts';
import type { ObjectId } from '../objects.ts';
import { acceptChannel, type ChannelHost, closeEnd } from './channel.ts';
import { takeDatagram } from './gossip-datagram.ts';
import { hearRumour, runProbes, takeProbe } from './gossip-probe.ts';
import {
  passOn,
  queueClusterEvent,
  queueRumour,
  queueTableEvent,
  runGossip,
} from './gossip-queue.ts';
import {
  type ClusterEvent,
  GOSSIP_PORT,
  type GossipNode,
  learn,
  makeKnowledge,
  makeQueue,
  networkLogOf,
  sharedGossipOf,
  type TableEvent,
} from './gossip-record.ts';
import {
  pushPull,
  runBulkSync,
  runPushPull,
  runReconnect,
  type SyncMessage,
  serveSync,
  syncNewNetwork,
} from './gossip-sync.ts';
import { attachedNodes, hearClusterEvent, hearTableEvent } from './gossip-view.ts';
import { closeListener, openListener } from './listener.ts';
import { wireOf } from './wire-state.ts';

const NAME_DIGITS = 12;
/** How long, and how often, a node tries to reach the managers. @source networkdb.go DefaultConfig() */
const JOIN_RETRY_NS = NS_PER_SEC;

/**
 * Opens 7946; joins the nodes of the managers once the member has its session.
 * @throws DockerError if the port is taken.
 */
export function createGossip(member: SwarmMember): Gossip {
  const node = openNode(member);
  const start = (main: (process: Process) => Program<number>): void => {
    spawn(node.host.world.sim, node.host.cpu, 'dockerd', main);
  };
  start((process) => runReceiver(process, node));
  start((process) => runGossip(process, node));
  start((process) => runProbes(process, node));
  start((process) => runPushPull(process, node));
  start((process) => runBulkSync(process, node));
  start((process) => runReconnect(process, node));
  start((process) => runJoin(process, node, member));
  return {
    name: node.name,
    joinNetwork(id) {
      if (joinNetwork(node, id)) start((process) => syncNewNetwork(process, node, id));
    },
    leaveNetwork: (id) => leaveNetwork(node, id),
    createEntry: (table, id, key, value) => writeRow(node, table, id, key, value),
    updateEntry: (table, id, key, value) => writeRow(node, table, id, key, value),
    deleteEntry: (table, id, key) => deleteRow(node, table, id, key),
    peersOf: (id) => attachedNodes(node, id),
    get listener() {
      return node.onEvent;
    },
    set listener(listener) {
      node.onEvent = listener;
    },
    close: () => close(node),
  };
}

function openNode(member: SwarmMember): GossipNode {
  const { engine, cluster } = member;
  const { world, machine, stream } = engine;
  const host: ChannelHost = {
    world,
    netns: machine.root,
    cpu: machine.cpu,
    owner: dockerdOf(engine),
  };
  const listener = openListener(host, member.listenAddress, GOSSIP_PORT);
  const udp = openUdp(machine.root);
  const refused =
    typeof listener === 'string' ? listener : bindUdp(udp, member.listenAddress, GOSSIP_PORT);
  if (typeof listener === 'string' || refused !== null) {
    closeUdp(udp);
    if (typeof listener !== 'string') closeListener(listener.socket);
    const reason = ERRNO[refused ?? 'EADDRINUSE'].toLowerCase();
    throw new DockerError(
      500,
      `failed to create memberlist: Could not set up network transport: failed to obtain an address: Failed to start TCP listener on "0.0.0.0" port ${GOSSIP_PORT}: listen tcp 0.0.0.0:${GOSSIP_PORT}: bind: ${reason}`,
    );
  }
  ownSocket(udp, host.owner);
  if (member.listenAddress === 0) markDualStack(udp);
  const shared = sharedGossipOf(cluster);
  const node: GossipNode = {
    name: makeHexId(stream, NAME_DIGITS),
    index: shared.roster.length,
    member,
    host,
    address: member.advertiseAddress,
    shared,
    udp,
    listener: listener.socket,
    incarnation: 0,
    joinEvent: null,
    known: makeKnowledge(),
    aliveCount: 1,
    doubts: new Map(),
    incarnations: new Map(),
    networks: new Map(),
    rumours: makeQueue(),
    clusterQueue: makeQueue(),
    sent: [],
    nextDatagram: 0,
    pings: new Map(),
    nextSequence: 1,
    nextProbe: 0,
    waiters: makeWaitQueue(),
    onEvent: null,
    isClosed: false,
  };
  shared.roster.push(node);
  shared.byNodeId.set(member.nodeId, node);
  node.joinEvent = addClusterEvent(node, 'join', '', null);
  listener.onAccept = (socket) => {
    acceptChannel<SyncMessage>(host, socket, (end) => {
      if (node.isClosed) closeEnd(world, end);
      else serveSync(node, end);
    });
  };
  return node;
}

/** Exchanges states with the managers' nodes, until one has answered. */
function* runJoin(process: Process, node: GossipNode, member: SwarmMember): Program<number> {
  const { session } = wireOf(member);
  yield* waitFor(process, [session.waiters, node.waiters], () => session.wasReady || node.isClosed);
  while (!node.isClosed) {
    const others = session.managers.filter(({ address }) => address !== node.address);
    if (others.length === 0) return 0;
    let hasJoined = false;
    for (const { address } of others) {
      if (yield* pushPull(process, node, address)) hasJoined = true;
      if (node.isClosed) return 0;
    }
    if (hasJoined) break;
    yield* sleep(process, JOIN_RETRY_NS);
  }
  return 0;
}

function* runReceiver(process: Process, node: GossipNode): Program<number> {
  const { udp } = node;
  for (;;) {
    const isReady = (): boolean => udp.receiveQueue.count > 0 || node.isClosed;
    yield* waitFor(process, [udp.waiters, node.waiters], isReady);
    if (node.isClosed) return 0;
    for (let next = takeDatagram(node); next !== null; next = takeDatagram(node)) {
      const { from, datagram } = next;
      for (const rumour of datagram.rumours) hearRumour(node, rumour);
      for (const event of datagram.clusterEvents) {
        if (hearClusterEvent(node, event)) queueClusterEvent(node, event);
      }
      hearTableEvents(node, datagram.tableEvents);
      takeProbe(node, from, datagram);
      if (node.isClosed) return 0;
    }
  }
}

/** Rows of one network. */
function hearTableEvents(node: GossipNode, events: readonly TableEvent[]): void {
  const network = events.length === 0 ? undefined : node.networks.get(events[0]!.networkId);
  if (network === undefined) return;
  for (const event of events) {
    if (hearTableEvent(node, network, event)) queueTableEvent(node, network, event);
  }
}

function addClusterEvent(
  node: GossipNode,
  kind: ClusterEvent['kind'],
  networkId: ObjectId,
  previous: ClusterEvent | null,
): ClusterEvent {
  const { events } = node.shared;
  const event: ClusterEvent = { index: events.length, kind, node, networkId, previous };
  events.push(event);
  learn(node.known, event.index);
  queueClusterEvent(node, event);
  return event;
}

/** @returns whether it was not on it. */
function joinNetwork(node: GossipNode, id: ObjectId): boolean {
  if (node.networks.has(id) || node.isClosed) return false;
  const log = networkLogOf(node.shared, id);
  const heardBefore = node.known.upTo;
  node.networks.set(id, {
    log,
    known: makeKnowledge(),
    queue: makeQueue(),
    forgotten: new Map(),
    heardBefore,
  });
  const previous = log.attachments.get(node) ?? null;
  log.attachments.set(node, addClusterEvent(node, 'attach', id, previous));
  return true;
}

function leaveNetwork(node: GossipNode, id: ObjectId): void {
  const view = node.networks.get(id);
  if (view === undefined) return;
  // Its rows end with its leaving: the others throw them away when they hear of that.
  for (const row of [...(view.log.rows.get(node)?.values() ?? [])]) {
    deleteRow(node, row.table, id, row.key);
  }
  node.networks.delete(id);
  const previous = view.log.attachments.get(node) ?? null;
  view.log.attachments.set(node, addClusterEvent(node, 'detach', id, previous));
}

function writeRow(
  node: GossipNode,
  table: GossipTable,
  networkId: ObjectId,
  key: string,
  value: GossipValue | null,
): void {
  const view = node.networks.get(networkId);
  if (view === undefined) return;
  const { log } = view;
  let rows = log.rows.get(node);
  if (rows === undefined) {
    rows = new Map();
    log.rows.set(node, rows);
  }
  const name = `${table}/${key}`;
  const previous = rows.get(name) ?? null;
  const kept = value ?? previous?.value;
  if (kept === undefined) return;
  const event: TableEvent = {
    index: log.events.length,
    table,
    networkId,
    key,
    owner: node,
    value: kept,
    isDelete: value === null,
    previous,
    row: previous?.row ?? { newest: null },
  };
  event.row.newest = event;
  log.events.push(event);
  rows.set(name, event);
  learn(view.known, event.index);
  queueTableEvent(node, view, event);
}

function deleteRow(node: GossipNode, table: GossipTable, id: ObjectId, key: string): void {
  const row = node.networks.get(id)?.log.rows.get(node)?.get(`${table}/${key}`);
  if (row !== undefined && !row.isDelete) writeRow(node, table, id, key, null);
}

/** Says good-bye, then closes. @source networkdb/cluster.go clusterLeave() */
function close(node: GossipNode): void {
  if (node.isClosed) return;
  queueRumour(node, { kind: 'left', node, incarnation: node.incarnation, from: node });
  passOn(node);
  node.isClosed = true;
  closeUdp(node.udp);
  closeListener(node.listener);
  node.networks.clear();
  if (node.shared.byNodeId.get(node.member.nodeId) === node) {
    node.shared.byNodeId.delete(node.member.nodeId);
  }
  wake(node.waiters);
}
