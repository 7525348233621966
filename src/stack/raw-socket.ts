/**
 * Raw sockets: ping and traceroute. They get a copy of every datagram of their protocol, IP header
 * included, and write all that comes after it.
 * @source net/ipv4/raw.c
 */
import type { Errno } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import { copyPacket, takePacket } from '../engine/packet-pool.ts';
import type { Simulator } from '../engine/simulator.ts';
import { ICMP_REDIRECT, icmpType } from '../protocols/icmp.ts';
import { ipProtocol, ipSource, ipTarget, PROTOCOL_ICMP } from '../protocols/ipv4.ts';
import type { NetNamespace } from './namespace.ts';
import {
  arrivalDeviceOf,
  type BoundSocket,
  makeBoundSocket,
  makeIcmpSocketError,
  meaningOfIcmp,
  purgeReceived,
  queueForSocket,
  reportError,
} from './socket.ts';
import { routeDatagram, sendDatagram } from './socket-send.ts';

export interface RawSocket extends BoundSocket {
  /** ICMP_FILTER: bit n set means that ICMP type n is not wanted. */
  icmpFilter: number;
}

/** Raw sockets of one namespace at most. */
const RAW_SOCKETS_MAX = 4096;

/** socket(AF_INET, SOCK_RAW, protocol). Null if there are too many. */
export function openRawSocket(netns: NetNamespace, protocol: number): RawSocket {
  const socket: RawSocket = { ...makeBoundSocket(netns, protocol), icmpFilter: 0 };
  if (netns.rawSockets.length < RAW_SOCKETS_MAX) netns.rawSockets.push(socket);
  else socket.error = 'ENOBUFS';
  return socket;
}

/** close(): what was not read is gone. */
export function closeRawSocket(socket: RawSocket): void {
  if (socket.isClosed) return;
  socket.isClosed = true;
  const { rawSockets } = socket.netns;
  const at = rawSockets.indexOf(socket);
  if (at >= 0) rawSockets.splice(at, 1);
  purgeReceived(socket);
}

/**
 * sendto(): `payload` is all that follows the IP header (for ICMP: its header, checksum included).
 * @returns null, or why it was not sent.
 */
export function sendRaw(socket: RawSocket, payload: Uint8Array, target: Ipv4): Errno | null {
  if (payload.length > 0xffff) return 'EMSGSIZE';
  const failure = routeDatagram(socket, target, 0, payload.length);
  if (failure !== null) return failure;
  const packet = takePacket(socket.netns.sim, payload.length);
  packet.bytes.set(payload, packet.start);
  packet.end = packet.start + payload.length;
  return sendDatagram(socket, packet);
}

/**
 * Gives a copy of a datagram that is for this host to every raw socket that wants it.
 * The packet stays the caller's.
 * @returns whether there is one, so that an unknown protocol needs no ICMP error.
 * @source raw_v4_input()
 */
export function deliverRaw(sim: Simulator, netns: NetNamespace, packet: Packet): boolean {
  const { bytes, network, transport, end } = packet;
  const device = arrivalDeviceOf(netns, packet);
  const protocol = ipProtocol(bytes, network);
  const remote = ipSource(bytes, network);
  const local = ipTarget(bytes, network);
  const { rawSockets } = netns;
  let isDelivered = false;
  for (let i = 0; i < rawSockets.length; i++) {
    const socket = rawSockets[i]!;
    if (!isFor(socket, protocol, local, remote, device)) continue;
    if (socket.receiveBytes >= socket.receiveBufferBytes) {
      socket.dropCount++;
      continue;
    }
    isDelivered = true;
    if (protocol === PROTOCOL_ICMP && transport < end) {
      const type = icmpType(bytes, transport);
      if (type < 32 && ((socket.icmpFilter >>> type) & 1) !== 0) continue;
    }
    const copy = copyPacket(sim, packet);
    copy.conntrack = null;
    copy.conntrackInfo = 0;
    queueForSocket(sim, socket, copy);
  }
  return isDelivered;
}

/**
 * An ICMP error about a packet that a raw socket may have sent; packet.network is the quoted header.
 * The packet stays the caller's.
 * @source raw_icmp_error(), raw_err()
 */
export function rawError(
  _sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  icmpKind: number,
  icmpCode: number,
  info: number,
  from: Ipv4,
): void {
  if (icmpKind === ICMP_REDIRECT) return;
  const meaning = meaningOfIcmp(icmpKind, icmpCode);
  if (meaning === null) return;
  const { bytes, network } = packet;
  const protocol = ipProtocol(bytes, network);
  const remote = ipTarget(bytes, network);
  const local = ipSource(bytes, network);
  for (const socket of [...netns.rawSockets]) {
    if (!isFor(socket, protocol, local, remote, packet.inDevice)) continue;
    if (!socket.receiveErrors && socket.remoteAddress === 0) continue;
    const isTooBig = meaning.errno === 'EMSGSIZE';
    const isFatal = isTooBig ? socket.pathMtuDiscovery !== 'dont' : meaning.isFatal;
    if (!socket.receiveErrors && !isFatal) continue;
    const { errno } = meaning;
    const error = makeIcmpSocketError(packet, errno, icmpKind, icmpCode, info, from, 0, 0);
    reportError(socket, error);
  }
}

/** @source raw_v4_match() */
function isFor(
  socket: RawSocket,
  protocol: number,
  local: Ipv4,
  remote: Ipv4,
  device: Device | null,
): boolean {
  if (socket.protocol !== protocol) return false;
  if (socket.remoteAddress !== 0 && socket.remoteAddress !== remote) return false;
  if (socket.localAddress !== 0 && socket.localAddress !== local) return false;
  return socket.boundDevice === null || socket.boundDevice === device;
}
