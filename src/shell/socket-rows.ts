/** The sockets of a namespace as rows, for ss and netstat. */
import { isDualStack, ownerOf } from '../apps/socket-owner.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import { ipv6ListenersOf } from '../docker/userland-proxy.ts';
import type { Process } from '../engine/process.ts';
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
  /** A listener on [::]: both addresses are that. */
  readonly isIpv6: boolean;
  /** An IPv6 socket for both families: `*` for any address, else `[::ffff:a.b.c.d]`. */
  readonly isDualStack: boolean;
}

const LISTEN_BACKLOG = 4096;

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
    isIpv6: false,
    isDualStack: isDualStack(socket),
  });
  if (kinds.udp) rows.push(...listUdpSockets(netns).map((socket) => datagram('udp', socket)));
  if (kinds.raw) rows.push(...netns.rawSockets.map((socket) => datagram('raw', socket)));
  if (kinds.udp) rows.push(...ipv6Rows(context, 'udp'));
  if (!kinds.tcp) return bothFamiliesLast(rows);
  for (const info of listTcpSockets(netns)) {
    const { socket } = info;
    rows.push({
      ...info,
      protocol: 'tcp',
      device: socket?.boundDevice?.name ?? null,
      process: socket === null ? null : processOf(context, socket),
      tcp: socket,
      isIpv6: false,
      isDualStack: socket !== null && isDualStack(socket),
    });
  }
  rows.push(...ipv6Rows(context, 'tcp'));
  return bothFamiliesLast(rows);
}

/** IPv6 sockets come after the IPv4 ones of their protocol. */
function bothFamiliesLast(rows: readonly SocketRow[]): SocketRow[] {
  const protocols = ['udp', 'raw', 'tcp'];
  const rank = (row: SocketRow): number =>
    protocols.indexOf(row.protocol) * 2 + (row.isIpv6 || row.isDualStack ? 1 : 0);
  return rows.toSorted((one, two) => rank(one) - rank(two));
}

/** docker-proxy's listeners on [::], which no packet reaches. */
function ipv6Rows(context: ProgramContext, protocol: 'tcp' | 'udp'): SocketRow[] {
  return ipv6ListenersOf(context.netns)
    .filter((listener) => listener.protocol === protocol)
    .map(({ port, process }) => ({
      protocol,
      state: protocol === 'tcp' ? 'LISTEN' : 'UNCONN',
      receiveQueue: 0,
      sendQueue: protocol === 'tcp' ? LISTEN_BACKLOG : 0,
      localAddress: 0,
      localPort: port,
      remoteAddress: 0,
      remotePort: 0,
      device: null,
      process: daemonOf(context, process),
      tcp: null,
      isIpv6: true,
      isDualStack: false,
    }));
}

function processOf(context: ProgramContext, socket: BoundSocket): SocketRow['process'] {
  const owner = ownerOf(socket);
  return owner === null ? null : daemonOf(context, owner);
}

function daemonOf(context: ProgramContext, owner: Process): SocketRow['process'] {
  const daemon = context.machine.daemons.find(({ process }) => process === owner);
  const name = owner.name.replace(/ child$/, '');
  return daemon === undefined ? null : { pid: daemon.pid, name };
}
