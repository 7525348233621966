/**
 * A process that works on a socket locks it; what comes in meanwhile waits in the backlog and is
 * worked on when the socket is unlocked. This decides which ACKs are put together and when.
 * @source net/core/sock.c lock_sock(), release_sock(); net/ipv4/tcp_output.c tcp_release_cb()
 */
import { assert } from '../../base/assert.ts';
import { dequeue, enqueue, type Packet } from '../../engine/packet.ts';
import { releasePacket } from '../../engine/packet-pool.ts';
import { drop } from '../../engine/simulator.ts';
import { readInt32, writeInt32 } from '../../protocols/bytes.ts';
import { TCP_ACK, TCP_PSH } from '../../protocols/tcp.ts';
import { learnPathMtu } from '../path-mtu.ts';
import { sendAck } from './tcp-output.ts';
import { ensureRoute, syncMss } from './tcp-path.ts';
import { receiveSegment } from './tcp-receive.ts';
import type { TcpSocket } from './tcp-record.ts';
import { sendOwnReset } from './tcp-reset.ts';
import { retransmitTooLarge } from './tcp-retransmit.ts';
import { enterSegment, leaveSegment } from './tcp-segment.ts';
import { ACK_SCHEDULED, before, TCP_BACKLOG_MAX, TCP_CLOSE, TCP_LISTEN } from './tcp-states.ts';
import { disableSoftirq, enableSoftirq } from './tcp-transmit.ts';

/** A process takes the socket. */
export function lockSocket(socket: TcpSocket): void {
  assert(!socket.isOwned, 'a socket is locked once');
  socket.isOwned = true;
}

/** The process is done: works on the backlog and on what was put off. */
export function releaseSocket(socket: TcpSocket): void {
  const { sim } = socket.netns;
  disableSoftirq(sim);
  workOnBacklog(socket);
  finishDeferred(socket);
  socket.isOwned = false;
  enableSoftirq(sim);
}

/**
 * Works on what has come meanwhile, without unlocking. Softirqs are off around it; between packets
 * they run (if the caller had not switched them off). @source __release_sock()
 */
export function workOnBacklog(socket: TcpSocket): void {
  const { sim } = socket.netns;
  while (socket.backlog.count > 0) {
    enableSoftirq(sim);
    let packet = dequeue(socket.backlog);
    while (packet !== null) {
      receiveOne(socket, packet);
      packet = dequeue(socket.backlog);
    }
    disableSoftirq(sim);
  }
}

/** Gives a packet to the socket now. Owns the packet. */
export function receiveOne(socket: TcpSocket, packet: Packet): void {
  const { netns } = socket;
  const { sim } = netns;
  sim.workNs += sim.cost.socketDeliverNs;
  if (sim.trace !== null) {
    sim.trace('deliver', packet, netns.name, { protocol: 'tcp', port: socket.localPort });
  }
  const segment = enterSegment(packet);
  const isRefused = receiveSegment(socket, segment);
  const { refusal } = segment;
  leaveSegment(segment);
  if (isRefused) sendOwnReset(sim, netns, packet, socket.hash);
  if (refusal === null) releasePacket(sim, packet);
  else drop(sim, packet, refusal, packet.inDevice, netns.name);
}

/** Keeps a packet until the socket is unlocked. Owns the packet. @source tcp_add_backlog() */
export function addToBacklog(socket: TcpSocket, packet: Packet): void {
  const { backlog, netns } = socket;
  if (backlog.count >= TCP_BACKLOG_MAX) {
    drop(netns.sim, packet, 'socket-buffer-full', packet.inDevice, netns.name);
    return;
  }
  packet.control = 1;
  if (backlog.tail !== null && mergeAck(backlog.tail, packet)) {
    releasePacket(netns.sim, packet);
    return;
  }
  enqueue(backlog, packet);
}

/** Two bare ACKs with the same options become the later one. */
function mergeAck(tail: Packet, packet: Packet): boolean {
  const tailBytes = tail.bytes;
  const { bytes } = packet;
  const from = tail.transport;
  const at = packet.transport;
  const headerBytes = (bytes[at + 12]! >> 4) << 2;
  if (tailBytes[from + 12] !== bytes[at + 12]) return false;
  if (tail.end - from !== headerBytes || packet.end - at !== headerBytes) return false;
  if ((tailBytes[from + 13]! & ~TCP_PSH) !== TCP_ACK) return false;
  if ((bytes[at + 13]! & ~TCP_PSH) !== TCP_ACK) return false;
  if (readInt32(tailBytes, from + 4) !== readInt32(bytes, at + 4)) return false;
  for (let i = 20; i < headerBytes; i++) {
    if (tailBytes[from + i] !== bytes[at + i]) return false;
  }
  const ack = readInt32(bytes, at + 8);
  if (!before(ack, readInt32(tailBytes, from + 8))) {
    writeInt32(tailBytes, from + 8, ack);
    tailBytes[from + 14] = bytes[at + 14]!;
    tailBytes[from + 15] = bytes[at + 15]!;
  }
  tail.control += packet.control;
  return true;
}

/** @source tcp_release_cb() */
function finishDeferred(socket: TcpSocket): void {
  if (socket.deferredMtuBytes !== 0) {
    const mtuBytes = socket.deferredMtuBytes;
    socket.deferredMtuBytes = 0;
    followMtu(socket, mtuBytes);
  }
  if (socket.isAckDeferred) {
    socket.isAckDeferred = false;
    if ((socket.ackPending & ACK_SCHEDULED) !== 0) sendAck(socket);
  }
}

/** The path MTU may have shrunk: cuts smaller, sends again what was too large. @source tcp_v4_mtu_reduced() */
export function followMtu(socket: TcpSocket, toldBytes: number): void {
  if (socket.state === TCP_LISTEN || socket.state === TCP_CLOSE) return;
  if (ensureRoute(socket) !== null) return;
  learnPathMtu(socket.netns, socket.remoteAddress, toldBytes, socket.route.pathMtuBytes);
  if (ensureRoute(socket) !== null) return;
  const mtuBytes = socket.route.pathMtuBytes - socket.route.ipsecBytes;
  const isFollowed = socket.pathMtuDiscovery === 'want' || socket.pathMtuDiscovery === 'do';
  if (!isFollowed || socket.pathMtuCookie <= mtuBytes) return;
  syncMss(socket, mtuBytes);
  retransmitTooLarge(socket);
}
