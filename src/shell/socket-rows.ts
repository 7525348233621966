/** The sockets of a namespace as rows, for ss and netstat. */
import { ownerOf } from '../apps/socket-owner.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { BoundSocket } from '../stack/socket.ts';
import { listTcpSockets, type TcpSocket } from '../stack/tcp/tcp-socket.ts';
import { listUdpSockets } from '../stack/udp-socket.ts';
import type { ProgramContext } from './program.ts';

export interface SocketRow {
  readonly protocol: 'tcp' | 'udp' | 'raw';
  /** As ss names it: LISTEN, ESTAB, UNCONN, TIME-WAIT ... */
  readonly state: string;
  readonly receiveQueue: number;
  readonly sendQueue: number;
  readonly localAddress: Ipv4;
  readonly localPort: number;
  readonly remoteAddress: Ipv4;
  readonly remotePort: number;
  /** Device that the socket is bound to. */
  readonly device: string | null;
  readonly process: { readonly pid: number; readonly name: string } | null;
  readonly tcp: TcpSocket | null;
}

/** All sockets of the kinds asked for: UDP, raw, TCP. */
export function socketRows(
  context: ProgramContext,
  kinds: { readonly tcp: boolean; readonly udp: boolean; readonly raw: boolean },
): SocketRow[] {
  const { netns } = context;
  const rows: SocketRow[] = [];
  const datagram = (protocol: 'udp' | 'raw', socket: BoundSocket): SocketRow => ({
    protocol,
    state: socket.remoteAddress !== 0 || socket.remotePort !== 0 ? 'ESTAB' : 'UNCONN',
    receiveQueue: socket.receiveBytes,
    sendQueue: 0,
    localAddress: socket.localAddress,
    localPort: protocol === 'raw' ? socket.protocol : socket.localPort,
    remoteAddress: socket.remoteAddress,
    remotePort: socket.remotePort,
    device: socket.boundDevice?.name ?? null,
    process: processOf(context, socket),
    tcp: null,
  });
  if (kinds.udp) rows.push(...listUdpSockets(netns).map((socket) => datagram('udp', socket)));
  if (kinds.raw) rows.push(...netns.rawSockets.map((socket) => datagram('raw', socket)));
  if (!kinds.tcp) return rows;
  for (const info of listTcpSockets(netns)) {
    const { socket } = info;
    rows.push({
      ...info,
      protocol: 'tcp',
      device: socket?.boundDevice?.name ?? null,
      process: socket === null ? null : processOf(context, socket),
      tcp: socket,
    });
  }
  return rows;
}

function processOf(context: ProgramContext, socket: BoundSocket): SocketRow['process'] {
  const owner = ownerOf(socket);
  if (owner === null) return null;
  const daemon = context.machine.daemons.find(({ process }) => process === owner);
  const name = owner.name.replace(/ child$/, '');
  return daemon === undefined ? null : { pid: daemon.pid, name };
}
