/**
 * Local ports: binding to one, and finding a free one.
 * @source net/ipv4/inet_connection_sock.c inet_csk_get_port();
 *   net/ipv4/inet_hashtables.c __inet_hash_connect()
 */
import type { Errno } from '../../base/errors.ts';
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { nextBelow, nextInt32 } from '../../base/prng.ts';
import { killTimeWait } from './tcp-close.ts';
import { prngOf, secretOf } from './tcp-path.ts';
import type { TcpSocket } from './tcp-record.ts';
import type { TcpTimeWait } from './tcp-small-records.ts';
import { TCP_TIME_WAIT } from './tcp-states.ts';
import {
  bucketOf,
  findConnection,
  hashConnection,
  hashEntry,
  isBindConflict,
} from './tcp-table.ts';

/** Starting points for the search, one for each hash of the remote end. */
const PERTURBATIONS = 256;

/**
 * Takes a local port for bind or listen.
 * @param port 0: any free one, odd if possible (connect prefers even ones).
 */
export function takePort(socket: TcpSocket, port: number): Errno | null {
  const { netns } = socket;
  if (port !== 0) return joinPort(socket, port) ? null : 'EADDRINUSE';
  const low = netns.sysctl.ipLocalPortRangeLow;
  const high = netns.sysctl.ipLocalPortRangeHigh + 1;
  let from = low;
  let to = high;
  // SO_REUSEADDR: the lower half is tried first.
  const half = low + (((high - low) >> 2) << 1);
  const isHalved = socket.reuseAddress && high - low >= 4;
  if (isHalved) to = half;
  for (;;) {
    if (takeFromRange(socket, from, to)) return null;
    if (!isHalved || from === half) return 'EADDRINUSE';
    from = half;
    to = high;
  }
}

function takeFromRange(socket: TcpSocket, low: number, high: number): boolean {
  let remaining = high - low;
  if (remaining > 1) remaining &= ~1;
  if (remaining < 1) return false;
  const start = nextBelow(prngOf(socket.netns), remaining) | 1;
  for (let parity = 0; parity < 2; parity++) {
    let port = low + start - parity;
    for (let i = 0; i < remaining; i += 2, port += 2) {
      if (port >= high) port -= remaining;
      if (!socket.netns.tcp.buckets.has(port) && joinPort(socket, port)) return true;
    }
  }
  return false;
}

/** Shares a port if its owners allow it. */
function joinPort(socket: TcpSocket, port: number): boolean {
  const table = socket.netns.tcp;
  const bucket = table.buckets.get(port);
  if (bucket !== undefined && isBindConflict(bucket, socket)) return false;
  const joined = bucket ?? bucketOf(table, port, false);
  joined.isConnectOnly = false;
  if (socket.bucket !== joined) joined.owners.push(socket);
  socket.bucket = joined;
  socket.localPort = port;
  return true;
}

/**
 * Gives a connecting socket its place among the connections, with a free port if it has none.
 * Addresses and the remote port are set. The same connection may exist once.
 */
export function hashConnecting(socket: TcpSocket): Errno | null {
  const { tcp } = socket.netns;
  if (socket.localPort !== 0) {
    if (!isConnectionFree(socket, socket.localPort)) return 'EADDRNOTAVAIL';
    hashEntry(tcp, socket);
    return null;
  }
  return hashWithFreePort(socket);
}

function hashWithFreePort(socket: TcpSocket): Errno | null {
  const { tcp, sysctl } = socket.netns;
  const low = sysctl.ipLocalPortRangeLow;
  const high = sysctl.ipLocalPortRangeHigh + 1;
  let remaining = high - low;
  if (remaining > 1) remaining &= ~1;
  const hash =
    hashConnection(
      socket.localAddress ^ secretOf(socket.netns),
      0,
      socket.remoteAddress,
      socket.remotePort,
    ) >>> 0;
  const starts = perturbationsOf(socket);
  const slot = hash % PERTURBATIONS;
  let offset = ((starts[slot]! + (hash >>> 8)) % remaining) & ~1;
  for (let parity = 0; parity < 2; parity++, offset++) {
    let port = low + offset;
    for (let i = 0; i < remaining; i += 2, port += 2) {
      if (port >= high) port -= remaining;
      const bucket = tcp.buckets.get(port);
      if (bucket !== undefined && !bucket.isConnectOnly) continue;
      if (bucket !== undefined && !isConnectionFree(socket, port)) continue;
      const step = Math.max(i, nextBelow(prngOf(socket.netns), 8) * 2) + 2;
      starts[slot] = starts[slot]! + step;
      const joined = bucket ?? bucketOf(tcp, port, true);
      joined.owners.push(socket);
      socket.bucket = joined;
      socket.localPort = port;
      hashEntry(tcp, socket);
      return null;
    }
  }
  return 'EADDRNOTAVAIL';
}

/** Whether no other connection has these four addresses. @source __inet_check_established() */
function isConnectionFree(socket: TcpSocket, port: number): boolean {
  const { tcp, sysctl } = socket.netns;
  const { localAddress, remoteAddress, remotePort } = socket;
  const other = findConnection(tcp, localAddress, port, remoteAddress, remotePort);
  if (other === null) return true;
  if (other.kind !== 'time-wait') return false;
  const entry = other as TcpTimeWait;
  const mayReuse =
    entry.isTimestamps &&
    entry.substate === TCP_TIME_WAIT &&
    (sysctl.tcpTwReuse === 1 || (sysctl.tcpTwReuse === 2 && isLoopback(localAddress)));
  if (!mayReuse) return false;
  socket.writeSeq = (entry.sendNext + 65537) | 0;
  killTimeWait(tcp, entry);
  return true;
}

function isLoopback(address: Ipv4): boolean {
  return address >>> 24 === 127;
}

function perturbationsOf(socket: TcpSocket): Uint32Array {
  const { tcp } = socket.netns;
  if (tcp.portPerturbation !== null) return tcp.portPerturbation;
  const fresh = new Uint32Array(PERTURBATIONS);
  const prng = prngOf(socket.netns);
  for (let i = 0; i < PERTURBATIONS; i++) fresh[i] = nextInt32(prng) >>> 16;
  tcp.portPerturbation = fresh;
  return fresh;
}
