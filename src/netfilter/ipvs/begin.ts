/**
 * The beginning of a connection: which service a packet is for, and what becomes of it if no
 * destination takes it.
 * @source net/netfilter/ipvs/ip_vs_core.c ip_vs_try_to_schedule(), ip_vs_leave();
 *   ip_vs_proto_tcp.c tcp_conn_schedule()
 */
import { formatIpv4 } from '../../base/ipv4-address.ts';
import type { Packet } from '../../engine/packet.ts';
import { drop, type Simulator } from '../../engine/simulator.ts';
import { readUint16 } from '../../protocols/bytes.ts';
import { ICMP_BYTES, UNREACHABLE_PORT } from '../../protocols/icmp.ts';
import { ipHeaderBytes, ipSource, ipTarget, PROTOCOL_TCP } from '../../protocols/ipv4.ts';
import { TCP_RST, TCP_SYN, tcpFlags } from '../../protocols/tcp.ts';
import { HOOK_OUTPUT } from '../netfilter-hooks.ts';
import type { IpvsConnection } from './connection.ts';
import { findByReply } from './connection-table.ts';
import { findServiceFor, type Ipvs, PORT_FTP, PORT_FTP_DATA } from './ipvs.ts';
import { scheduleConnection } from './schedule.ts';
import type { IpvsService } from './service.ts';

/** What a packet without a connection comes to. */
export const SCHEDULE_PASS = 0;
export const SCHEDULE_DROPPED = 1;
export const SCHEDULE_DONE = 2;

/** The connection that scheduleRequest() began: valid after SCHEDULE_DONE. */
let scheduled: IpvsConnection | null = null;

/** The connection that scheduleRequest() has just begun. */
export function takeScheduled(): IpvsConnection {
  const connection = scheduled!;
  scheduled = null;
  return connection;
}

/**
 * Tries to begin a connection for a packet (or, `isQuoted`, for the request that an ICMP error quotes,
 * whose sender and target are the other way round).
 * @param transport where the transport header is.
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
  return network + ipHeaderBytes(bytes, network) + ICMP_BYTES;
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
