/**
 * The way in: every TCP segment for this namespace, and ICMP errors about ours.
 * @source net/ipv4/tcp_ipv4.c tcp_v4_rcv(), tcp_v4_err()
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { Packet } from '../../engine/packet.ts';
import { drop, type Simulator } from '../../engine/simulator.ts';
import {
  ICMP_PARAMETER_PROBLEM,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  UNREACHABLE_FRAG_NEEDED,
} from '../../protocols/icmp.ts';
import { ipSource, ipTarget } from '../../protocols/ipv4.ts';
import {
  isTcpChecksumGood,
  TCP_BYTES,
  tcpHeaderBytes,
  tcpSequence,
  tcpSourcePort,
  tcpTargetPort,
} from '../../protocols/tcp.ts';
import type { NetNamespace } from '../namespace.ts';
import { RTN_LOCAL } from '../route-type.ts';
import { meaningOfIcmp } from '../socket.ts';
import { failConnection } from './tcp-close.ts';
import { dropRequest, receiveForRequest, receiveInListen } from './tcp-listen.ts';
import { addToBacklog, followMtu, receiveOne } from './tcp-lock.ts';
import type { TcpSocket } from './tcp-record.ts';
import { sendOwnReset } from './tcp-reset.ts';
import { enterSegment, leaveSegment } from './tcp-segment.ts';
import type { TcpRequest, TcpTimeWait } from './tcp-small-records.ts';
import { between, TCP_CLOSE, TCP_SYN_RECV, TCP_SYN_SENT } from './tcp-states.ts';
import { findConnection, findListener } from './tcp-table.ts';
import { receiveInTimeWait } from './tcp-time-wait.ts';

export { sendReset } from './tcp-reset.ts';

/** A TCP segment has come to this namespace. Owns the packet. */
export function receiveTcp(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  const { bytes, network, transport, end } = packet;
  // A group address has no connection: such packets go unanswered.
  if (packet.routeType !== RTN_LOCAL) {
    drop(sim, packet, 'no-socket', packet.inDevice, netns.name);
    return;
  }
  const headerBytes = end - transport < TCP_BYTES ? 0 : tcpHeaderBytes(bytes, transport);
  if (headerBytes < TCP_BYTES || transport + headerBytes > end) {
    drop(sim, packet, 'transport-header', packet.inDevice, netns.name);
    return;
  }
  const source = ipSource(bytes, network);
  const target = ipTarget(bytes, network);
  if (!isTcpChecksumGood(bytes, transport, end, source, target)) {
    drop(sim, packet, 'tcp-checksum', packet.inDevice, netns.name);
    return;
  }
  const sourcePort = tcpSourcePort(bytes, transport);
  const targetPort = tcpTargetPort(bytes, transport);
  packet.control = 0;
  const entry = findConnection(netns.tcp, target, targetPort, source, sourcePort);
  if (entry !== null && mayReceive(entry.boundDevice, packet)) {
    if (entry.kind === 'socket') receiveForSocket(entry as TcpSocket, packet);
    else receiveForSmall(entry as TcpRequest | TcpTimeWait, packet);
    return;
  }
  const listener = findListener(netns.tcp, target, targetPort, packet.inDevice);
  if (listener !== null) {
    const segment = enterSegment(packet);
    receiveInListen(listener, segment, null);
    leaveSegment(segment);
    return;
  }
  sendOwnReset(sim, netns, packet, 0);
  drop(sim, packet, 'no-socket', packet.inDevice, netns.name);
}

function mayReceive(boundDevice: TcpSocket['boundDevice'], packet: Packet): boolean {
  return boundDevice === null || boundDevice === packet.inDevice;
}

function receiveForSocket(socket: TcpSocket, packet: Packet): void {
  if (socket.isOwned) addToBacklog(socket, packet);
  else receiveOne(socket, packet);
}

function receiveForSmall(entry: TcpRequest | TcpTimeWait, packet: Packet): void {
  const segment = enterSegment(packet);
  if (entry.kind === 'request') receiveForRequest(entry, segment);
  else receiveInTimeWait(entry, segment);
  leaveSegment(segment);
}

/** An ICMP error about a segment of ours. The packet stays the caller's. */
export function tcpError(
  _sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  icmpType: number,
  icmpCode: number,
  info: number,
  _from: Ipv4,
): void {
  const { bytes, network, transport } = packet;
  const entry = findConnection(
    netns.tcp,
    ipSource(bytes, network),
    tcpSourcePort(bytes, transport),
    ipTarget(bytes, network),
    tcpTargetPort(bytes, transport),
  );
  if (entry === null || entry.kind === 'time-wait') return;
  const seq = tcpSequence(bytes, transport);
  if (entry.kind === 'request') {
    const request = entry as TcpRequest;
    if (seq === request.iss && endsRequest(icmpType, icmpCode)) dropRequest(request);
    return;
  }
  const socket = entry as TcpSocket;
  if (socket.state === TCP_CLOSE || !between(seq, socket.sendUna, socket.sendNext)) return;
  if (icmpType === ICMP_UNREACHABLE && icmpCode === UNREACHABLE_FRAG_NEEDED) {
    if (socket.isOwned) socket.deferredMtuBytes = info;
    else followMtu(socket, info);
    return;
  }
  const meaning = meaningOfIcmp(icmpType, icmpCode);
  if (meaning === null) return;
  const isHandshake = socket.state === TCP_SYN_SENT || socket.state === TCP_SYN_RECV;
  if (isHandshake && !socket.isOwned) failConnection(socket, meaning.errno);
  else socket.softError = meaning.errno;
}

function endsRequest(icmpType: number, icmpCode: number): boolean {
  if (icmpType === ICMP_PARAMETER_PROBLEM || icmpType === ICMP_TIME_EXCEEDED) return true;
  return icmpType === ICMP_UNREACHABLE && icmpCode <= 1;
}
