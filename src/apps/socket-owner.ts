/** Which process has a socket: for the last column of `ss -p`. */
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
