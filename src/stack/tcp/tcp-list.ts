/** The sockets of a namespace as ss and netstat show them. */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { NetNamespace } from '../namespace.ts';
import type { TcpSocket } from './tcp-record.ts';
import type { TcpTimeWait } from './tcp-small-records.ts';
import { TCP_CLOSE, TCP_LISTEN, TCP_STATE_NAMES } from './tcp-states.ts';
import { listEntries } from './tcp-table.ts';
import { unreadBytes } from './tcp-window.ts';

/** What `ss` shows of a connection or a listening socket. */
export interface TcpSocketInfo {
  /** As `ss` prints it: LISTEN, ESTAB, TIME-WAIT... */
  readonly state: string;
  readonly localAddress: Ipv4;
  readonly localPort: number;
  readonly remoteAddress: Ipv4;
  readonly remotePort: number;
  /** Recv-Q: bytes not read; of a listener: connections that wait to be accepted. */
  readonly receiveQueue: number;
  /** Send-Q: bytes not acknowledged; of a listener: its backlog. */
  readonly sendQueue: number;
  /** The socket, null for TIME-WAIT and half-open connections. */
  readonly socket: TcpSocket | null;
}

/** All TCP sockets: listening ones first, then connections, half-open ones and TIME-WAIT. */
export function listTcpSockets(netns: NetNamespace): TcpSocketInfo[] {
  const sockets = [...netns.tcp.sockets].filter(
    (socket) => socket.state !== TCP_CLOSE || socket.localPort !== 0,
  );
  const listening = sockets.filter((socket) => socket.state === TCP_LISTEN);
  const others = sockets.filter((socket) => socket.state !== TCP_LISTEN);
  const small = listEntries(netns.tcp).filter((entry) => entry.kind !== 'socket');
  return [
    ...[...listening, ...others].map(describe),
    ...small.map((entry) => ({
      state: entry.kind === 'request' ? 'SYN-RECV' : stateNameOf((entry as TcpTimeWait).substate),
      localAddress: entry.localAddress,
      localPort: entry.localPort,
      remoteAddress: entry.remoteAddress,
      remotePort: entry.remotePort,
      receiveQueue: 0,
      sendQueue: 0,
      socket: null,
    })),
  ];
}

function stateNameOf(state: number): string {
  return TCP_STATE_NAMES[state] ?? 'UNKNOWN';
}

function describe(socket: TcpSocket): TcpSocketInfo {
  const isListening = socket.state === TCP_LISTEN;
  return {
    state: stateNameOf(socket.state),
    localAddress: socket.localAddress,
    localPort: socket.localPort,
    remoteAddress: socket.remoteAddress,
    remotePort: socket.remotePort,
    receiveQueue: isListening ? socket.acceptQueue.length : unreadBytes(socket),
    sendQueue: isListening ? socket.backlogMax : (socket.writeSeq - socket.sendUna) | 0,
    socket,
  };
}
