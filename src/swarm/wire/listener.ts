/** dockerd's listening TCP sockets. */
import { markDualStack, ownSocket } from '../../apps/socket-owner.ts';
import type { Errno } from '../../base/errors.ts';
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { spawn } from '../../engine/process.ts';
import {
  acceptTcp,
  bindTcp,
  closeTcp,
  listenTcp,
  openTcp,
  type TcpSocket,
} from '../../stack/tcp/tcp-socket.ts';
import type { ChannelHost } from './channel.ts';

const LISTEN_BACKLOG = 4096;

export interface Listener {
  readonly socket: TcpSocket;
  onAccept: (socket: TcpSocket) => void;
}

/** Listens; each connection goes to `onAccept` (closed until that is set). @returns why not: EADDRINUSE ... */
export function openListener(host: ChannelHost, address: Ipv4, port: number): Listener | Errno {
  const socket = openTcp(host.netns);
  socket.reuseAddress = true;
  const refused = bindTcp(socket, address, port) ?? listenTcp(socket, LISTEN_BACKLOG);
  if (refused !== null) {
    closeTcp(socket);
    return refused;
  }
  ownSocket(socket, host.owner);
  if (address === 0) markDualStack(socket);
  const listener: Listener = { socket, onAccept: closeTcp };
  spawn(host.world.sim, host.cpu, 'dockerd', function* acceptAll(process) {
    while (!socket.isClosed) {
      const connection = yield* acceptTcp(process, socket);
      if (typeof connection === 'string') break;
      if (address === 0) markDualStack(connection);
      listener.onAccept(connection);
    }
    return 0;
  });
  return listener;
}

export function closeListener(socket: TcpSocket): void {
  closeTcp(socket);
}
