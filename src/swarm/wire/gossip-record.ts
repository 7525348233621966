/**
 * What gossip is about: who is in the cluster, who is on which network, and the rows of each network.
 *
 * Every event is kept once, in a log that all nodes share; a node holds only which events it knows
 * (`Knowledge`): a node that is up to date holds one number. Datagrams and streams carry numbers of
 * events, and what a node does not get it does not know.
 * @source libnetwork/networkdb/networkdb.go; hashicorp/memberlist
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { WaitQueue } from '../../engine/process.ts';
import type { Timer } from '../../engine/timer-queue.ts';
import type { TcpSocket } from '../../stack/tcp/tcp-socket.ts';
import type { UdpSocket } from '../../stack/udp-socket.ts';
import type { Cluster } from '../manager/cluster.ts';
import type { GossipEvent, GossipTable, GossipValue, SwarmMember } from '../member.ts';
import type { ObjectId } from '../objects.ts';
import type { ChannelHost } from './channel.ts';

/** Port of gossip. */
export const GOSSIP_PORT = 7946;

/** Which events of a log a node knows: all below `upTo`, and these. */
export interface Knowledge {
  upTo: number;
  readonly extras: Set<number>;
}

/** A node came to the cluster; it went on or off a network. */
export interface ClusterEvent {
  readonly index: number;
  readonly kind: 'join' | 'attach' | 'detach';
  readonly node: GossipNode;
  /** Empty for `join`. */
  readonly networkId: ObjectId;
  /** The one before of this node and network. */
  readonly previous: ClusterEvent | null;
}

/** A row was written or deleted. */
export interface TableEvent {
  readonly index: number;
  readonly table: GossipTable;
  readonly networkId: ObjectId;
  readonly key: string;
  readonly owner: GossipNode;
  readonly value: GossipValue;
  readonly isDelete: boolean;
  /** The row as it was before. */
  readonly previous: TableEvent | null;
  /** Of its row, the newest event that there is. */
  readonly row: { newest: TableEvent | null };
}

/** What is known of a network by all together. */
export interface NetworkLog {
  readonly id: ObjectId;
  readonly events: TableEvent[];
  /** The newest event of each row, by owner and `table/key`. */
  readonly rows: Map<GossipNode, Map<string, TableEvent>>;
  /** The newest event of each node that ever was on it, in order of first joining. */
  readonly attachments: Map<GossipNode, ClusterEvent>;
}

export interface SharedGossip {
  /** In order of joining. */
  readonly roster: GossipNode[];
  readonly byNodeId: Map<ObjectId, GossipNode>;
  readonly events: ClusterEvent[];
  readonly networks: Map<ObjectId, NetworkLog>;
}

/** A news of memberlist. @source memberlist/net.go alive, suspect, dead */
export interface Rumour {
  readonly kind: 'alive' | 'suspect' | 'dead' | 'left';
  readonly node: GossipNode;
  readonly incarnation: number;
  /** Who says so. */
  readonly from: GossipNode;
}

/** What waits to be passed on, by how often it was: the least first. */
export interface GossipQueue<Item> {
  readonly levels: Item[][];
  count: number;
}

export interface Datagram {
  readonly id: number;
  readonly kind: 'ping' | 'ack' | 'indirect-ping' | 'gossip';
  /** Of the ping; an acknowledgment has the same. */
  readonly sequence: number;
  /** Who is to be pinged for the sender. */
  readonly target: GossipNode | null;
  readonly rumours: readonly Rumour[];
  readonly clusterEvents: readonly ClusterEvent[];
  readonly tableEvents: readonly TableEvent[];
}

/** What a node thinks of another one that it does not take for well. */
export interface Doubt {
  state: 'suspect' | 'dead' | 'left';
  incarnation: number;
  /** Who has said so (suspects). */
  readonly from: Set<GossipNode>;
  readonly sinceNs: number;
  timer: Timer | null;
}

/** A network as a node on it knows it. */
export interface NetworkView {
  readonly log: NetworkLog;
  readonly known: Knowledge;
  readonly queue: GossipQueue<TableEvent>;
  /** Nodes whose rows with lower numbers were thrown away: they failed or left. */
  readonly forgotten: Map<GossipNode, number>;
  /** Events of the cluster's log with lower numbers were known when it joined. */
  readonly heardBefore: number;
}

export interface GossipNode {
  /** 12 hexadecimal digits. */
  readonly name: string;
  /** Its place in the roster. */
  readonly index: number;
  readonly member: Pick<SwarmMember, 'engine' | 'cluster' | 'nodeId'>;
  readonly host: ChannelHost;
  readonly address: Ipv4;
  readonly shared: SharedGossip;
  readonly udp: UdpSocket;
  readonly listener: TcpSocket;
  incarnation: number;
  /** That it joined the cluster; null until then. */
  joinEvent: ClusterEvent | null;
  readonly known: Knowledge;
  /** Nodes of which it has heard and that are not dead, itself included. */
  aliveCount: number;
  readonly doubts: Map<GossipNode, Doubt>;
  /** Incarnations above 0 that it has heard of. */
  readonly incarnations: Map<GossipNode, number>;
  readonly networks: Map<ObjectId, NetworkView>;
  readonly rumours: GossipQueue<Rumour>;
  readonly clusterQueue: GossipQueue<ClusterEvent>;
  /** The last datagrams that it sent, by number. */
  readonly sent: (Datagram | null)[];
  nextDatagram: number;
  /** Acknowledged pings that somebody waits for, by sequence. */
  readonly pings: Map<number, { isAnswered: boolean }>;
  nextSequence: number;
  nextProbe: number;
  /** Woken when there is something to pass on, an acknowledgment came, a node failed. */
  readonly waiters: WaitQueue;
  onEvent: ((event: GossipEvent) => void) | null;
  isClosed: boolean;
}

const records = new WeakMap<Cluster, SharedGossip>();

/** The cluster's logs. */
export function sharedGossipOf(cluster: Cluster): SharedGossip {
  let record = records.get(cluster);
  if (record === undefined) {
    record = { roster: [], byNodeId: new Map(), events: [], networks: new Map() };
    records.set(cluster, record);
  }
  return record;
}

export function networkLogOf(shared: SharedGossip, id: ObjectId): NetworkLog {
  let log = shared.networks.get(id);
  if (log === undefined) {
    log = { id, events: [], rows: new Map(), attachments: new Map() };
    shared.networks.set(id, log);
  }
  return log;
}

export function makeQueue<Item>(): GossipQueue<Item> {
  return { levels: [], count: 0 };
}

export function makeKnowledge(): Knowledge {
  return { upTo: 0, extras: new Set() };
}

export function knows(knowledge: Knowledge, index: number): boolean {
  return index < knowledge.upTo || knowledge.extras.has(index);
}

export function learn(knowledge: Knowledge, index: number): void {
  if (index < knowledge.upTo) return;
  if (index > knowledge.upTo) {
    knowledge.extras.add(index);
    return;
  }
  knowledge.upTo++;
  while (knowledge.extras.delete(knowledge.upTo)) knowledge.upTo++;
}

/** As it is now, for a message. */
export function copyKnowledge(knowledge: Knowledge): Knowledge {
  return { upTo: knowledge.upTo, extras: new Set(knowledge.extras) };
}
