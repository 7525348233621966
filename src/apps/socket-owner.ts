/** What ss and netstat say of sockets that the stack does not know: whose they are, of which family. */
import type { Process } from '../engine/process.ts';
import type { BoundSocket } from '../stack/socket.ts';

const owners = new WeakMap<BoundSocket, Process>();

/** Notes that the socket is the process's. */
export function ownSocket(socket: BoundSocket, process: Process): void {
  owners.set(socket, process);
}

/** The process that has the socket, null if nobody noted it or it has ended. */
export function ownerOf(socket: BoundSocket): Process | null {
  const owner = owners.get(socket);
  return owner === undefined || owner.exitCode !== null ? null : owner;
}

const dualStack = new WeakSet<BoundSocket>();

/** Notes that a server opened the socket for IPv6 and IPv4 together, as those written in Go do. */
export function markDualStack(socket: BoundSocket): void {
  dualStack.add(socket);
}

export function isDualStack(socket: BoundSocket): boolean {
  return dualStack.has(socket);
}
