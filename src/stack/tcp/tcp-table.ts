/**
 * The TCP sockets of a namespace: connections by their four addresses, listeners by port, and the
 * ports in use.
 * @source net/ipv4/inet_hashtables.c, net/ipv4/inet_connection_sock.c
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { Prng } from '../../base/prng.ts';
import type { Device } from '../../engine/device.ts';
import type { TcpSocket } from './tcp-record.ts';
import { TCP_LISTEN } from './tcp-states.ts';

/** Connections, half-open ones and those in TIME-WAIT that one namespace may have. */
export const TCP_ENTRIES_MAX = 262_144;

/** What the table of connections holds: sockets, requests (half-open) and TIME-WAIT entries. */
export interface TcpEntry {
  readonly kind: 'socket' | 'request' | 'time-wait';
  localAddress: Ipv4;
  localPort: number;
  remoteAddress: Ipv4;
  remotePort: number;
  boundDevice: Device | null;
  /** Link of its hash chain. */
  nextInChain: TcpEntry | null;
  isHashed: boolean;
}

/** Who has a port: sockets bound to it, connections through it, TIME-WAIT entries. */
export interface BindBucket {
  readonly port: number;
  readonly owners: BindOwner[];
  /** Made by connect() alone: other connects may share the port, see takeEphemeralPort. */
  isConnectOnly: boolean;
}

export interface BindOwner {
  /** The address that was bound, 0 for any. */
  boundAddress: Ipv4;
  boundDevice: Device | null;
  reuseAddress: boolean;
  /** TCP_* state. */
  state: number;
}

export interface TcpTable {
  /** Hash chains of connections; the length is a power of two. */
  chains: Array<TcpEntry | null>;
  count: number;
  /** By port. */
  readonly listeners: Map<number, TcpSocket[]>;
  readonly buckets: Map<number, BindBucket>;
  /** Every socket that was opened and has not ended, in order of opening (for ss). */
  readonly sockets: Set<TcpSocket>;
  timeWaitCount: number;
  orphanCount: number;
  /** Where the search for a local port starts, by hash of the remote end; null before first use. */
  portPerturbation: Uint32Array | null;
  prng: Prng | null;
  /** Keys of the hashes of ports, sequence numbers and timestamps; 0 before first use. */
  secret: number;
  /** Challenge ACKs sent in the current second, and which second. */
  challengeCount: number;
  challengeSecond: number;
}

export function makeTcpTable(): TcpTable {
  return {
    chains: new Array<TcpEntry | null>(64).fill(null),
    count: 0,
    listeners: new Map(),
    buckets: new Map(),
    sockets: new Set(),
    timeWaitCount: 0,
    orphanCount: 0,
    portPerturbation: null,
    prng: null,
    secret: 0,
    challengeCount: 0,
    challengeSecond: -1,
  };
}

/** A number that spreads connections over the chains. */
export function hashConnection(
  localAddress: Ipv4,
  localPort: number,
  remoteAddress: Ipv4,
  remotePort: number,
): number {
  let h = Math.imul(localAddress ^ Math.imul(remoteAddress, 0x9e3779b1), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ ((localPort << 16) | remotePort), 0xc2b2ae35);
  return h ^ (h >>> 13);
}

/** The connection, request or TIME-WAIT entry that a segment belongs to, or null. */
export function findConnection(
  table: TcpTable,
  localAddress: Ipv4,
  localPort: number,
  remoteAddress: Ipv4,
  remotePort: number,
): TcpEntry | null {
  const { chains } = table;
  const hash = hashConnection(localAddress, localPort, remoteAddress, remotePort);
  let entry = chains[hash & (chains.length - 1)] as TcpEntry | null;
  while (entry !== null) {
    if (
      entry.remotePort === remotePort &&
      entry.localPort === localPort &&
      entry.remoteAddress === remoteAddress &&
      entry.localAddress === localAddress
    ) {
      return entry;
    }
    entry = entry.nextInChain;
  }
  return null;
}

/** Puts an entry into the table of connections. */
export function hashEntry(table: TcpTable, entry: TcpEntry): void {
  if (entry.isHashed) return;
  if (table.count >= table.chains.length) growChains(table);
  link(table.chains, entry);
  entry.isHashed = true;
  table.count++;
}

/** Takes an entry out of the table of connections; nothing happens if it is not in it. */
export function unhashEntry(table: TcpTable, entry: TcpEntry): void {
  if (!entry.isHashed) return;
  const { chains } = table;
  const index = chainOf(chains, entry);
  let previous: TcpEntry | null = null;
  let at = chains[index] as TcpEntry | null;
  while (at !== null && at !== entry) {
    previous = at;
    at = at.nextInChain;
  }
  if (previous === null) chains[index] = entry.nextInChain;
  else previous.nextInChain = entry.nextInChain;
  entry.nextInChain = null;
  entry.isHashed = false;
  table.count--;
}

/** Every entry of the table of connections (for ss and for tests; not in a hot path). */
export function listEntries(table: TcpTable): TcpEntry[] {
  const found: TcpEntry[] = [];
  for (const first of table.chains) {
    for (let entry = first; entry !== null; entry = entry.nextInChain) found.push(entry);
  }
  return found;
}

/**
 * The listening socket for a segment: the one bound most exactly.
 * @source net/ipv4/inet_hashtables.c __inet_lookup_listener(), compute_score()
 */
export function findListener(
  table: TcpTable,
  address: Ipv4,
  port: number,
  device: Device | null,
): TcpSocket | null {
  const sockets = table.listeners.get(port);
  if (sockets === undefined) return null;
  let best: TcpSocket | null = null;
  let bestScore = -1;
  for (let i = sockets.length - 1; i >= 0; i--) {
    const socket = sockets[i]!;
    if (socket.localAddress !== 0 && socket.localAddress !== address) continue;
    if (socket.boundDevice !== null && socket.boundDevice !== device) continue;
    const score = (socket.localAddress !== 0 ? 1 : 0) + (socket.boundDevice !== null ? 2 : 0);
    if (score > bestScore) {
      best = socket;
      bestScore = score;
    }
  }
  return best;
}

/** Adds a listening socket. */
export function addListener(table: TcpTable, socket: TcpSocket): void {
  const sockets = table.listeners.get(socket.localPort);
  if (sockets === undefined) table.listeners.set(socket.localPort, [socket]);
  else sockets.push(socket);
}

/** Takes a listening socket out; nothing happens if it is not in. */
export function removeListener(table: TcpTable, socket: TcpSocket): void {
  const sockets = table.listeners.get(socket.localPort);
  if (sockets === undefined) return;
  const at = sockets.indexOf(socket);
  if (at >= 0) sockets.splice(at, 1);
  if (sockets.length === 0) table.listeners.delete(socket.localPort);
}

/**
 * Whether `owner` may not have this port because of others.
 * @source net/ipv4/inet_connection_sock.c inet_csk_bind_conflict(), inet_bind_conflict()
 */
export function isBindConflict(bucket: BindBucket, owner: BindOwner): boolean {
  for (const other of bucket.owners) {
    if (other === owner) continue;
    const sameDevice =
      owner.boundDevice === null ||
      other.boundDevice === null ||
      owner.boundDevice === other.boundDevice;
    if (!sameDevice) continue;
    if (owner.reuseAddress && other.reuseAddress && other.state !== TCP_LISTEN) continue;
    const sameAddress =
      owner.boundAddress === 0 ||
      other.boundAddress === 0 ||
      owner.boundAddress === other.boundAddress;
    if (sameAddress) return true;
  }
  return false;
}

/** The bucket of a port, made if nobody has it. */
export function bucketOf(table: TcpTable, port: number, isConnectOnly: boolean): BindBucket {
  let bucket = table.buckets.get(port);
  if (bucket === undefined) {
    bucket = { port, owners: [], isConnectOnly };
    table.buckets.set(port, bucket);
  }
  return bucket;
}

/** Takes an owner off its port; the port is free after the last one. */
export function leaveBucket(table: TcpTable, bucket: BindBucket, owner: BindOwner): void {
  const at = bucket.owners.indexOf(owner);
  if (at >= 0) bucket.owners.splice(at, 1);
  if (bucket.owners.length === 0 && table.buckets.get(bucket.port) === bucket) {
    table.buckets.delete(bucket.port);
  }
}

function chainOf(chains: Array<TcpEntry | null>, entry: TcpEntry): number {
  const hash = hashConnection(
    entry.localAddress,
    entry.localPort,
    entry.remoteAddress,
    entry.remotePort,
  );
  return hash & (chains.length - 1);
}

function link(chains: Array<TcpEntry | null>, entry: TcpEntry): void {
  const index = chainOf(chains, entry);
  entry.nextInChain = chains[index] as TcpEntry | null;
  chains[index] = entry;
}

function growChains(table: TcpTable): void {
  const larger = new Array<TcpEntry | null>(table.chains.length * 2).fill(null);
  for (const first of table.chains) {
    let entry = first;
    while (entry !== null) {
      const next: TcpEntry | null = entry.nextInChain;
      link(larger, entry);
      entry = next;
    }
  }
  table.chains = larger;
}
