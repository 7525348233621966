/**
 * Requests: a packet from a client for a virtual service. It belongs to a connection, or begins one.
 * @source net/netfilter/ipvs/ip_vs_core.c ip_vs_in_hook()
 */
import { PACKET_HOST, type Packet } from '../../engine/packet.ts';
import { drop, type Simulator } from '../../engine/simulator.ts';
import { readUint16 } from '../../protocols/bytes.ts';
import {
  ipHeaderBytes,
  ipProtocol,
  ipSource,
  ipTarget,
  PROTOCOL_TCP,
} from '../../protocols/ipv4.ts';
import { TCP_BYTES, TCP_SYN, tcpFlags } from '../../protocols/tcp.ts';
import { UDP_BYTES } from '../../protocols/udp.ts';
import { conntrackOf } from '../conntrack.ts';
import { FLOW_CONFIRMED } from '../conntrack-flow.ts';
import { HOOK_OUTPUT } from '../netfilter-hooks.ts';
import { SCHEDULE_DROPPED, SCHEDULE_PASS, scheduleRequest, takeScheduled } from './begin.ts';
import { CONNECTION_NO_OUTPUT, CONNECTION_TRACKED, type IpvsConnection } from './connection.ts';
import { endConnection, findByRequest } from './connection-table.ts';
import { gatherFragments } from './fragments.ts';
import { type Ipvs, isIpvsProtocol } from './ipvs.ts';
import { countRequest, followPacket } from './state.ts';
import { DIRECTION_INPUT, TCP_CLOSE, TCP_FIN_WAIT, TCP_TIME_WAIT } from './tcp-state.ts';
import { transmitRequest } from './transmit.ts';

/** @returns the packet to go on with, null if it is gone (sent on to a destination, mostly). */
export function handleRequest(
  sim: Simulator,
  ipvs: Ipvs,
  hook: number,
  packet: Packet,
): Packet | null {
  if (packet.packetType !== PACKET_HOST && hook !== HOOK_OUTPUT) return packet;
  if (ipvs.settings.backupOnly !== 0) return packet;
  const protocol = ipProtocol(packet.bytes, packet.network);
  if (!isIpvsProtocol(protocol)) return packet;
  const current = gatherFragments(sim, ipvs, packet);
  if (current === null) return null;
  const { bytes, network, end } = current;
  const transport = network + ipHeaderBytes(bytes, network);
  if (end - transport < (protocol === PROTOCOL_TCP ? TCP_BYTES : UDP_BYTES)) return current;
  let connection = findByRequest(
    ipvs.connections,
    protocol,
    ipSource(bytes, network),
    readUint16(bytes, transport),
    ipTarget(bytes, network),
    readUint16(bytes, transport + 2),
  );
  if (connection !== null) {
    const isNew = protocol === PROTOCOL_TCP && (tcpFlags(bytes, transport) & TCP_SYN) !== 0;
    if (mustEnd(ipvs, connection, isNew)) {
      if (!endStale(ipvs, connection, current)) {
        drop(sim, current, 'ipvs-stale-connection', null, ipvs.netfilter.netns.name);
        return null;
      }
      connection = null;
    } else if (connection.destination?.isAvailable === false) {
      drop(sim, current, 'ipvs-destination-gone', null, ipvs.netfilter.netns.name);
      return null;
    }
  }
  if (connection === null) {
    const outcome = scheduleRequest(sim, ipvs, hook, current, protocol, transport, false);
    if (outcome === SCHEDULE_PASS) return current;
    if (outcome === SCHEDULE_DROPPED) return null;
    connection = takeScheduled();
  }
  countRequest(ipvs, connection, current);
  followPacket(ipvs, connection, current, transport, DIRECTION_INPUT);
  connection.inPackets++;
  return transmitRequest(sim, ipvs, hook, current, connection);
}

/**
 * Whether a connection that a packet belongs to has to make room: the client begins anew with the
 * same port, or the destination is gone and net.ipv4.vs.expire_nodest_conn says so.
 */
function mustEnd(ipvs: Ipvs, connection: IpvsConnection, isNew: boolean): boolean {
  const { settings } = ipvs;
  const { destination } = connection;
  if (destination === null) return false;
  if (settings.expireNodestConn !== 0) {
    if (!destination.isAvailable) return true;
    if (isNew && destination.weight === 0) return true;
  }
  return isNew && settings.connReuseMode !== 0 && mayBeReused(connection, settings.connReuseMode);
}

/** @source is_new_conn_expected() */
function mayBeReused(connection: IpvsConnection, reuseMode: number): boolean {
  if (connection.control !== null || connection.protocol !== PROTOCOL_TCP) return false;
  const { state } = connection;
  if (state === TCP_TIME_WAIT || state === TCP_CLOSE) return true;
  return (
    (reuseMode & 2) !== 0 &&
    state === TCP_FIN_WAIT &&
    (connection.flags & CONNECTION_NO_OUTPUT) !== 0
  );
}

/**
 * Ends a connection that makes room. False: its conntrack flow is the packet's own and has ended with
 * it, so that the client has to try once more. Unlike Linux, at once and not with the next tick.
 */
function endStale(ipvs: Ipvs, connection: IpvsConnection, packet: Packet): boolean {
  const flow = conntrackOf(packet);
  const isTracked = (connection.flags & CONNECTION_TRACKED) !== 0;
  const usesOldFlow = isTracked && flow !== null && (flow.status & FLOW_CONFIRMED) !== 0;
  if (!usesOldFlow) connection.flags &= ~CONNECTION_TRACKED;
  if (connection.controlled === 0) endConnection(ipvs.connections, connection);
  return !usesOldFlow;
}
