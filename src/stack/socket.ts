/**
 * What every kind of socket has: where it is bound and connected, how its packets are marked, what
 * waits to be read, and which errors came back.
 * @source include/net/sock.h struct sock; include/net/inet_sock.h struct inet_sock
 */
import type { Errno } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import {
  dequeue,
  enqueue,
  makePacketQueue,
  type Packet,
  type PacketQueue,
  type SocketSlot,
} from '../engine/packet.ts';
import { makeWaitQueue, type WaitQueue, wake } from '../engine/process.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import {
  ICMP_PARAMETER_PROBLEM,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  UNREACHABLE_FRAG_NEEDED,
} from '../protocols/icmp.ts';
import { ipHeaderBytes, ipTarget } from '../protocols/ipv4.ts';
import { localDeviceOf } from './fib-lookup.ts';
import type { NetNamespace } from './namespace.ts';
import { makeRoute, type Route } from './route-record.ts';
import { RTN_LOCAL } from './route-type.ts';

/**
 * IP_MTU_DISCOVER: `dont` never sets DF, `want` sets it on what fits the path, `do` always and refuses
 * what does not fit, `probe` like `do` but only the device's MTU counts.
 */
export type PathMtuDiscovery = 'dont' | 'want' | 'do' | 'probe';

/** An entry of the error queue (struct sock_extended_err with its message). */
export interface SocketError {
  readonly errno: Errno;
  /** `icmp`: an ICMP error came back. `local`: the kernel refused to send (EMSGSIZE). */
  readonly origin: 'icmp' | 'local';
  readonly type: number;
  readonly code: number;
  /** Next-hop MTU for EMSGSIZE, else 0. */
  readonly info: number;
  /** Who sent the ICMP error (SO_EE_OFFENDER); 0 for a local one. */
  readonly from: Ipv4;
  /** Where the packet in question was going. */
  readonly target: Ipv4;
  readonly targetPort: number;
  /** What is left of that packet's payload (for raw sockets: all after the IP header). */
  readonly payload: Uint8Array;
}

/** Errors that wait to be read; the oldest go first when there are more. */
const ERROR_QUEUE_MAX = 256;

export interface BoundSocket extends SocketSlot {
  readonly slot: 'socket';
  readonly netns: NetNamespace;
  /** IP protocol: 1, 6, 17 ... */
  readonly protocol: number;
  /** Woken when there is data, an error or another state. */
  readonly waiters: WaitQueue;
  /** SO_ERROR: the next call on the socket reports it and clears it; see takeError. */
  error: Errno | null;
  /** SO_BINDTODEVICE */
  boundDevice: Device | null;
  /** 0: any, or not bound yet. */
  localAddress: Ipv4;
  localPort: number;
  /** 0: not connected. */
  remoteAddress: Ipv4;
  remotePort: number;
  /** IP_TTL; 0 for net.ipv4.ip_default_ttl. */
  ttlHops: number;
  /** IP_MULTICAST_TTL */
  multicastTtlHops: number;
  tos: number;
  /** SO_MARK */
  mark: number;
  pathMtuDiscovery: PathMtuDiscovery;
  /** SO_BROADCAST */
  mayBroadcast: boolean;
  /** IP_RECVERR: fill errorQueue. */
  receiveErrors: boolean;
  readonly errorQueue: SocketError[];
  /** What came in and was not read; each packet's network and transport offsets are set. */
  readonly receiveQueue: PacketQueue;
  /** Memory that the receive queue holds, and the most it may hold (SO_RCVBUF). */
  receiveBytes: number;
  receiveBufferBytes: number;
  /** SO_REUSEADDR, SO_REUSEPORT */
  reuseAddress: boolean;
  reusePort: boolean;
  isClosed: boolean;
  /** Packets that found the receive buffer full. */
  dropCount: number;
  /** sk_txhash: goes with every packet; 0 if the socket has none. */
  hash: number;
  /** The next IP id of a connected socket (inet_id). */
  nextId: number;
  /** The last routing decision, good while its generation is the FIB's. */
  readonly route: Route;
}

/** A fresh socket with the kernel's defaults; each kind adds its own fields. */
export function makeBoundSocket(netns: NetNamespace, protocol: number): BoundSocket {
  return {
    slot: 'socket',
    netns,
    protocol,
    waiters: makeWaitQueue(),
    error: null,
    boundDevice: null,
    localAddress: 0,
    localPort: 0,
    remoteAddress: 0,
    remotePort: 0,
    ttlHops: 0,
    multicastTtlHops: 1,
    tos: 0,
    mark: 0,
    pathMtuDiscovery: netns.sysctl.ipNoPmtuDisc !== 0 ? 'dont' : 'want',
    mayBroadcast: false,
    receiveErrors: false,
    errorQueue: [],
    receiveQueue: makePacketQueue(),
    receiveBytes: 0,
    receiveBufferBytes: netns.sysctl.rmemDefault,
    reuseAddress: false,
    reusePort: false,
    isClosed: false,
    dropCount: 0,
    hash: 0,
    nextId: 0,
    route: makeRoute(),
  };
}

/** The pending error, which is thereby reported and gone. */
export function takeError(socket: BoundSocket): Errno | null {
  const { error } = socket;
  socket.error = null;
  return error;
}

/**
 * Memory that a packet takes of a buffer (skb->truesize): the record and its data, as allocated.
 * @source include/linux/skbuff.h SKB_TRUESIZE(); net/core/skbuff.c
 */
export function truesizeOf(packet: Packet): number {
  const dataBytes = packet.end - packet.start + 64 + 320;
  const allocated = dataBytes <= 512 ? 512 : dataBytes <= 1024 ? 1024 : (dataBytes + 2047) & ~2047;
  return allocated + 256;
}

/**
 * The device that a received packet counts as coming from when it is matched with SO_BINDTODEVICE: for
 * what we send to ourselves that is not lo, but the device that has the target address.
 * @source include/net/route.h inet_iif(); net/ipv4/route.c ip_route_output_key_hash_rcu() orig_oif
 */
export function arrivalDeviceOf(netns: NetNamespace, packet: Packet): Device | null {
  const { inDevice } = packet;
  if (inDevice === null || !inDevice.isLoopback || packet.routeType !== RTN_LOCAL) return inDevice;
  return localDeviceOf(netns.fib, ipTarget(packet.bytes, packet.network)) ?? inDevice;
}

/**
 * Puts a packet into the receive queue and wakes who waits; drops it if the buffer is full.
 * Owns the packet.
 * @source net/core/sock.c sock_queue_rcv_skb()
 */
export function queueForSocket(sim: Simulator, socket: BoundSocket, packet: Packet): void {
  const bytes = truesizeOf(packet);
  if (socket.receiveBytes >= socket.receiveBufferBytes) {
    socket.dropCount++;
    drop(sim, packet, 'socket-buffer-full', packet.inDevice);
    return;
  }
  sim.workNs += sim.cost.socketDeliverNs;
  socket.receiveBytes += bytes;
  enqueue(socket.receiveQueue, packet);
  wake(socket.waiters);
}

/** Takes the first received packet; the caller owns it (releasePacket when read). Null if none. */
export function takeReceived(socket: BoundSocket): Packet | null {
  const packet = dequeue(socket.receiveQueue);
  if (packet !== null) socket.receiveBytes -= truesizeOf(packet);
  return packet;
}

/** Drops what nobody will read any more. */
export function purgeReceived(socket: BoundSocket): void {
  for (;;) {
    const packet = takeReceived(socket);
    if (packet === null) return;
    drop(socket.netns.sim, packet, 'socket-closed', packet.inDevice, socket.netns.name);
  }
}

/**
 * Takes the first entry of the error queue (recvmsg with MSG_ERRQUEUE), null if it is empty. The
 * pending error then is that of the next entry from ICMP, or none.
 * @source net/core/skbuff.c sock_dequeue_err_skb()
 */
export function takeQueuedError(socket: BoundSocket): SocketError | null {
  const { errorQueue } = socket;
  const error = errorQueue.shift() ?? null;
  const next = errorQueue[0];
  if (next?.origin === 'icmp') socket.error = next.errno;
  else if (error?.origin === 'icmp') socket.error = null;
  return error;
}

/** An ICMP error came back: adds it to the error queue, sets the pending error, wakes who waits. */
export function reportError(socket: BoundSocket, error: SocketError): void {
  socket.error = error.errno;
  if (socket.receiveErrors) queueError(socket, error);
  else wake(socket.waiters);
}

function queueError(socket: BoundSocket, error: SocketError): void {
  if (socket.errorQueue.length >= ERROR_QUEUE_MAX) socket.errorQueue.shift();
  socket.errorQueue.push(error);
  wake(socket.waiters);
}

/**
 * A local error: the packet of `payload` would not fit (IP_RECVERR only; the call itself fails too).
 * @source net/ipv4/ip_sockglue.c ip_local_error()
 */
export function reportTooBig(
  socket: BoundSocket,
  target: Ipv4,
  targetPort: number,
  mtuBytes: number,
): void {
  if (!socket.receiveErrors) return;
  queueError(socket, {
    errno: 'EMSGSIZE',
    origin: 'local',
    type: 0,
    code: 0,
    info: mtuBytes,
    from: 0,
    target,
    targetPort,
    payload: new Uint8Array(0),
  });
}

/** What an ICMP error means for a socket. */
export interface IcmpMeaning {
  readonly errno: Errno;
  /** Reported even to a socket that did not ask (if it is connected). */
  readonly isFatal: boolean;
}

/** By code of "destination unreachable". @source net/ipv4/icmp.c icmp_err_convert[] */
const UNREACHABLE_MEANINGS: readonly IcmpMeaning[] = [
  { errno: 'ENETUNREACH', isFatal: false },
  { errno: 'EHOSTUNREACH', isFatal: false },
  { errno: 'ENOPROTOOPT', isFatal: true },
  { errno: 'ECONNREFUSED', isFatal: true },
  { errno: 'EMSGSIZE', isFatal: false },
  { errno: 'EOPNOTSUPP', isFatal: false },
  { errno: 'ENETUNREACH', isFatal: true },
  { errno: 'EHOSTDOWN', isFatal: true },
  { errno: 'ENONET', isFatal: true },
  { errno: 'ENETUNREACH', isFatal: true },
  { errno: 'EHOSTUNREACH', isFatal: true },
  { errno: 'ENETUNREACH', isFatal: false },
  { errno: 'EHOSTUNREACH', isFatal: false },
  { errno: 'EHOSTUNREACH', isFatal: true },
  { errno: 'EHOSTUNREACH', isFatal: true },
  { errno: 'EHOSTUNREACH', isFatal: true },
];

const TIME_EXCEEDED_MEANING: IcmpMeaning = { errno: 'EHOSTUNREACH', isFatal: false };
const PARAMETER_MEANING: IcmpMeaning = { errno: 'EPROTO', isFatal: true };

/** How sockets take an ICMP error; null for those that concern no socket (redirect, quench). */
export function meaningOfIcmp(type: number, code: number): IcmpMeaning | null {
  if (type === ICMP_UNREACHABLE) return UNREACHABLE_MEANINGS[code] ?? TIME_EXCEEDED_MEANING;
  if (type === ICMP_TIME_EXCEEDED) return TIME_EXCEEDED_MEANING;
  if (type === ICMP_PARAMETER_PROBLEM) return PARAMETER_MEANING;
  return null;
}

/** The entry for an ICMP error about the packet whose quoted headers `packet` points at. */
export function makeIcmpSocketError(
  packet: Packet,
  errno: Errno,
  icmpType: number,
  icmpCode: number,
  info: number,
  from: Ipv4,
  targetPort: number,
  payloadOffset: number,
): SocketError {
  const { bytes, network } = packet;
  const start = network + ipHeaderBytes(bytes, network) + payloadOffset;
  const isTooBig = icmpType === ICMP_UNREACHABLE && icmpCode === UNREACHABLE_FRAG_NEEDED;
  return {
    errno,
    origin: 'icmp',
    type: icmpType,
    code: icmpCode,
    info: isTooBig ? info & 0xffff : 0,
    from,
    target: ipTarget(bytes, network),
    targetPort,
    payload: bytes.slice(Math.min(start, packet.end), packet.end),
  };
}
