/**
 * Requests: a packet from a client for a virtual service. It belongs to a connection, or begins one.
 * @source net/netfilter/ipvs/ip_vs_core.c ip_vs_in_hook(), ip_vs_schedule(), ip_vs_leave()
 */
import { formatIpv4 } from '../../base/ipv4-address.ts';
import { PACKET_HOST, type Packet } from '../../engine/packet.ts';
import { drop, type Simulator } from '../../engine/simulator.ts';
import { readUint16 } from '../../protocols/bytes.ts';
import { UNREACHABLE_PORT } from '../../protocols/icmp.ts';
import {
  ipHeaderBytes,
  ipProtocol,
  ipSource,
  ipTarget,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
} from '../../protocols/ipv4.ts';
import { TCP_BYTES, TCP_RST, TCP_SYN, tcpFlags } from '../../protocols/tcp.ts';
import { UDP_BYTES } from '../../protocols/udp.ts';
import { conntrackOf } from '../conntrack.ts';
import { FLOW_CONFIRMED } from '../conntrack-flow.ts';
import { HOOK_OUTPUT } from '../netfilter-hooks.ts';
import { CONNECTION_NO_OUTPUT, CONNECTION_TRACKED, type IpvsConnection } from './connection.ts';
import { endConnection, findByReply, findByRequest } from './connection-table.ts';
import { gatherFragments } from './fragments.ts';
import { requestError } from './icmp.ts';
import { findServiceFor, type Ipvs, isIpvsProtocol, PORT_FTP, PORT_FTP_DATA } from './ipvs.ts';
import { scheduleConnection } from './schedule.ts';
import type { IpvsService } from './service.ts';
import { countRequest, followPacket } from './state.ts';
import { DIRECTION_INPUT, TCP_CLOSE, TCP_FIN_WAIT, TCP_TIME_WAIT } from './tcp-state.ts';
import { transmitRequest } from './transmit.ts';

/** What a packet without a connection comes to. */
export const SCHEDULE_PASS = 0;
export const SCHEDULE_DROPPED = 1;
export const SCHEDULE_DONE = 2;

/** The connection that scheduleRequest() began: valid after SCHEDULE_DONE. */
let scheduled: IpvsConnection | null = null;

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
  if (protocol === PROTOCOL_ICMP) return requestError(sim, ipvs, hook, packet);
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

/** The connection that scheduleRequest() has just begun. */
export function takeScheduled(): IpvsConnection {
  const connection = scheduled!;
  scheduled = null;
  return connection;
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

/**
 * Tries to begin a connection for a packet (or, `isQuoted`, for the request that an ICMP error quotes,
 * whose sender and target are the other way round).
 * @param transport where the transport header is.
 * @source tcp_conn_schedule(), udp_conn_schedule()
 */
export function scheduleRequest(
  sim: Simulator,
  ipvs: Ipvs,
  hook: number,
  packet: Packet,
  protocol: number,
  transport: number,
  isQuoted: boolean,
): number {
  const { bytes, network } = packet;
  if (protocol === PROTOCOL_TCP && !isQuoted) {
    const flags = tcpFlags(bytes, transport);
    if ((flags & TCP_RST) !== 0) return SCHEDULE_PASS;
    if ((flags & TCP_SYN) === 0 && ipvs.settings.sloppyTcp === 0) return SCHEDULE_PASS;
  }
  const client = isQuoted ? ipTarget(bytes, quotedOf(bytes, network)) : ipSource(bytes, network);
  const virtual = isQuoted ? ipSource(bytes, quotedOf(bytes, network)) : ipTarget(bytes, network);
  const clientPort = readUint16(bytes, isQuoted ? transport + 2 : transport);
  const virtualPort = readUint16(bytes, isQuoted ? transport : transport + 2);
  const service = findServiceFor(ipvs, packet.mark, protocol, virtual, virtualPort);
  if (service === null || clientPort === PORT_FTP_DATA) return SCHEDULE_PASS;
  const { connections } = ipvs;
  const { device } = packet;
  // The answer of a server on this machine is no request.
  if (device === null || device.isLoopback || hook === HOOK_OUTPUT) {
    if (findByReply(connections, protocol, client, clientPort, virtual, virtualPort) !== null) {
      return SCHEDULE_PASS;
    }
  }
  scheduled = scheduleConnection(
    ipvs,
    service,
    protocol,
    client,
    clientPort,
    virtual,
    virtualPort,
    packet.mark,
  );
  if (sim.trace !== null) traceSchedule(sim, ipvs, service, packet);
  if (scheduled !== null) return SCHEDULE_DONE;
  return leave(sim, ipvs, hook, packet, service, virtualPort, isQuoted);
}

/** The IP header that an ICMP error quotes. */
function quotedOf(bytes: Uint8Array, network: number): number {
  return network + ipHeaderBytes(bytes, network) + UDP_BYTES;
}

/** No destination takes the connection: the client is told. @source ip_vs_leave() */
function leave(
  sim: Simulator,
  ipvs: Ipvs,
  hook: number,
  packet: Packet,
  service: IpvsService,
  port: number,
  isQuoted: boolean,
): number {
  if (service.port === PORT_FTP && port !== PORT_FTP) return SCHEDULE_PASS;
  const { netfilter } = ipvs;
  if (!isQuoted) netfilter.slots.reject(sim, packet, hook, UNREACHABLE_PORT);
  drop(sim, packet, 'ipvs-no-destination', null, netfilter.netns.name);
  return SCHEDULE_DROPPED;
}

function traceSchedule(sim: Simulator, ipvs: Ipvs, service: IpvsService, packet: Packet): void {
  const destination = scheduled?.destination ?? null;
  const name =
    service.fwmark !== 0
      ? `FWM ${service.fwmark}`
      : `${service.protocol === PROTOCOL_TCP ? 'TCP' : 'UDP'} ${formatIpv4(service.address)}:${service.port}`;
  sim.trace?.('ipvs', packet, ipvs.netfilter.netns.name, {
    service: name,
    scheduler: service.scheduler.name,
    destination:
      destination === null || scheduled === null
        ? 'none'
        : `${formatIpv4(destination.address)}:${scheduled.targetPort}`,
  });
}
