/** The UDP sockets of a namespace by local port. @source net/ipv4/udp.c struct udp_table */
import type { Packet } from '../engine/packet.ts';
import type { Simulator } from '../engine/simulator.ts';
import { deleteInt, getInt, type IntTable, makeIntTable, setInt, valuesOf } from './int-table.ts';
import type { NetNamespace } from './namespace.ts';
import type { BoundSocket } from './socket.ts';

export interface UdpSocket extends BoundSocket {
  /** Takes what comes instead of the queue (a tunnel); see setEncapsulation. */
  encapsulated: ((sim: Simulator, socket: UdpSocket, packet: Packet) => void) | null;
}

export interface UdpTable {
  /** The newest socket of a port is the first. */
  readonly byPort: IntTable<UdpSocket[]>;
}

export function makeUdpTable(): UdpTable {
  return { byPort: makeIntTable() };
}

/** Enters a socket under its port. */
export function addUdpSocket(socket: UdpSocket, port: number): void {
  const { byPort } = socket.netns.udp;
  socket.localPort = port;
  const sockets = getInt(byPort, port);
  if (sockets === null) setInt(byPort, port, [socket]);
  else sockets.unshift(socket);
}

/** Takes a socket out. */
export function removeUdpSocket(socket: UdpSocket): void {
  const { byPort } = socket.netns.udp;
  const sockets = getInt(byPort, socket.localPort);
  if (sockets === null) return;
  const at = sockets.indexOf(socket);
  if (at >= 0) sockets.splice(at, 1);
  if (sockets.length === 0) deleteInt(byPort, socket.localPort);
}

/** All bound sockets by port: for ss. */
export function listUdpSockets(netns: NetNamespace): UdpSocket[] {
  return valuesOf(netns.udp.byPort)
    .flat()
    .sort((a, b) => a.localPort - b.localPort);
}
