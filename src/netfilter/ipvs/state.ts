/**
 * What a packet does to its connection: state, timeout, counters, and its conntrack flow.
 * @source net/netfilter/ipvs/ip_vs_core.c ip_vs_in_stats(), ip_vs_proto_tcp.c set_tcp_state(),
 *   ip_vs_nfct.c ip_vs_update_conntrack()
 */
import { PACKET_UNTRACKED, type Packet } from '../../engine/packet.ts';
import { PROTOCOL_ICMP, PROTOCOL_TCP } from '../../protocols/ipv4.ts';
import { tcpFlags } from '../../protocols/tcp.ts';
import { conntrackOf } from '../conntrack.ts';
import { DIRECTION_ORIGINAL, directionOf, FLOW_CONFIRMED, FLOW_DYING } from '../conntrack-flow.ts';
import { nowTicks } from '../conntrack-table.ts';
import {
  CONNECTION_FORWARD_MASK,
  CONNECTION_INACTIVE,
  CONNECTION_NO_OUTPUT,
  CONNECTION_ONE_PACKET,
  CONNECTION_TRACKED,
  type IpvsConnection,
  TEMPLATE_ASSURED,
} from './connection.ts';
import { endConnection } from './connection-table.ts';
import { touchConnection } from './connection-wheel.ts';
import type { Ipvs } from './ipvs.ts';
import { FORWARD_MASQ, type IpvsDestination } from './service.ts';
import { countIn, countNew, countOut } from './statistics.ts';
import {
  DIRECTION_INPUT,
  DIRECTION_INPUT_ONLY,
  DIRECTION_OUTPUT,
  isActiveState,
  nextTcpState,
  TCP_ESTABLISHED,
} from './tcp-state.ts';

/** Counts a packet from the client. */
export function countRequest(ipvs: Ipvs, connection: IpvsConnection, packet: Packet): void {
  const { destination } = connection;
  if (destination === null || !destination.isAvailable) return;
  const now = nowTicks(ipvs.netfilter.netns.sim);
  const sizeBytes = packet.end - packet.network;
  countIn(destination.statistics, sizeBytes, now);
  countIn(destination.service.statistics, sizeBytes, now);
  countIn(ipvs.statistics, sizeBytes, now);
}

/** Counts a packet to the client. */
export function countReply(ipvs: Ipvs, connection: IpvsConnection, packet: Packet): void {
  const { destination } = connection;
  if (destination === null || !destination.isAvailable) return;
  const now = nowTicks(ipvs.netfilter.netns.sim);
  const sizeBytes = packet.end - packet.network;
  countOut(destination.statistics, sizeBytes, now);
  countOut(destination.service.statistics, sizeBytes, now);
  countOut(ipvs.statistics, sizeBytes, now);
}

/** Counts a new connection. */
export function countConnection(ipvs: Ipvs, destination: IpvsDestination): void {
  const now = nowTicks(ipvs.netfilter.netns.sim);
  countNew(destination.statistics, now);
  countNew(destination.service.statistics, now);
  countNew(ipvs.statistics, now);
}

/**
 * The state after a packet, and how long the connection now lives without another one.
 * @param transport where the packet's transport header is.
 */
export function followPacket(
  ipvs: Ipvs,
  connection: IpvsConnection,
  packet: Packet,
  transport: number,
  direction: number,
): void {
  if (connection.protocol !== PROTOCOL_TCP) {
    connection.timeoutTicks = ipvs.udpTimeout;
    if (direction === DIRECTION_OUTPUT) assureTemplate(connection);
    return;
  }
  let way = direction;
  if ((connection.flags & CONNECTION_NO_OUTPUT) !== 0) {
    if (direction === DIRECTION_INPUT) way = DIRECTION_INPUT_ONLY;
    else connection.flags &= ~CONNECTION_NO_OUTPUT;
  }
  const state = nextTcpState(connection.state, way, tcpFlags(packet.bytes, transport));
  if (state !== connection.state) {
    setActive(connection, isActiveState(state));
    if (state === TCP_ESTABLISHED) assureTemplate(connection);
    connection.state = state;
  }
  connection.timeoutTicks = ipvs.tcpTimeouts[state]!;
}

function setActive(connection: IpvsConnection, isActive: boolean): void {
  const { destination } = connection;
  const wasActive = (connection.flags & CONNECTION_INACTIVE) === 0;
  if (destination === null || isActive === wasActive) return;
  connection.flags ^= CONNECTION_INACTIVE;
  destination.activeConnections += isActive ? 1 : -1;
  destination.inactiveConnections += isActive ? -1 : 1;
}

function assureTemplate(connection: IpvsConnection): void {
  if (connection.control !== null) connection.control.state |= TEMPLATE_ASSURED;
}

/** The packet is done with its connection: its time starts anew. @source ip_vs_conn_put() */
export function putConnection(ipvs: Ipvs, connection: IpvsConnection): void {
  const { connections, netfilter } = ipvs;
  if ((connection.flags & CONNECTION_ONE_PACKET) !== 0) endConnection(connections, connection);
  else touchConnection(connections.wheel, connection, nowTicks(netfilter.netns.sim));
}

/**
 * The conntrack flow of a packet whose addresses IPVS changes: with net.ipv4.vs.conntrack the flow
 * learns from where answers will come; without, the packet is tracked no further.
 * @param isRequest whether the packet goes to the destination.
 */
export function tellConntrack(
  connection: IpvsConnection,
  packet: Packet,
  isRequest: boolean,
): void {
  const flow = conntrackOf(packet);
  if (flow === null) return;
  if ((connection.flags & CONNECTION_TRACKED) === 0) {
    packet.conntrack = null;
    packet.conntrackInfo = 0;
    packet.flags |= PACKET_UNTRACKED;
    return;
  }
  if ((flow.status & (FLOW_CONFIRMED | FLOW_DYING)) !== 0) return;
  if ((connection.flags & CONNECTION_FORWARD_MASK) !== FORWARD_MASQ) return;
  if (directionOf(packet.conntrackInfo) !== DIRECTION_ORIGINAL) return;
  const { reply } = flow;
  const hasPorts = reply.protocol !== PROTOCOL_ICMP;
  if (isRequest) {
    reply.source = connection.target;
    if (hasPorts) reply.sourcePort = connection.targetPort;
  } else {
    reply.target = connection.virtual;
    if (hasPorts) reply.targetPort = connection.virtualPort;
  }
}
