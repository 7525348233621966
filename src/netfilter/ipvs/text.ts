/**
 * IPVS as text: /proc/net/ip_vs, ip_vs_conn, ip_vs_stats, and what their columns mean.
 * @source net/netfilter/ipvs/ip_vs_ctl.c ip_vs_info_seq_show(), ip_vs_stats_show();
 *   ip_vs_conn.c ip_vs_conn_seq_show()
 */
import type { Simulator } from '../../engine/simulator.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../protocols/ipv4.ts';
import { nowTicks, TICKS_PER_SEC } from '../conntrack-table.ts';
import { CONNECTION_TEMPLATE, type IpvsConnection, TEMPLATE_ASSURED } from './connection.ts';
import { type IpvsHost, listIpvsConnections, listIpvsServices } from './control.ts';
import { FORWARD_MASQ, FORWARD_TUNNEL, type IpvsDestination, type IpvsService } from './service.ts';
import { makeIpvsStatistics, ratesOf } from './statistics.ts';
import { IPVS_TCP_STATE_NAMES } from './tcp-state.ts';

/** Whole seconds that a connection has left. */
export function connectionExpiresSec(sim: Simulator, connection: IpvsConnection): number {
  const left = connection.expiresTick - nowTicks(sim);
  return left > 0 ? Math.floor(left / TICKS_PER_SEC) : 0;
}

/** The word for a connection's state. @source ip_vs_state_name() */
export function connectionStateName(connection: IpvsConnection): string {
  const { flags, protocol, state } = connection;
  if ((flags & CONNECTION_TEMPLATE) !== 0) {
    return (state & TEMPLATE_ASSURED) !== 0 ? 'ASSURED' : 'NONE';
  }
  if (protocol === PROTOCOL_TCP) return IPVS_TCP_STATE_NAMES[state]!;
  return protocol === PROTOCOL_UDP ? 'UDP' : 'NONE';
}

const hex = (value: number, digits: number): string =>
  (value >>> 0).toString(16).toUpperCase().padStart(digits, '0');

function protocolName(protocol: number): string {
  if (protocol === 0) return 'IP';
  if (protocol === PROTOCOL_TCP) return 'TCP';
  return protocol === PROTOCOL_UDP ? 'UDP' : 'SCTP';
}

/** /proc/net/ip_vs_conn */
export function procIpvsConnections(host: IpvsHost): string {
  let text = 'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n';
  for (const connection of listIpvsConnections(host)) {
    const { protocol, client, clientPort, virtual, virtualPort, target, targetPort } = connection;
    const left = connectionExpiresSec(host.netfilter.netns.sim, connection);
    text +=
      `${protocolName(protocol).padEnd(3)} ${hex(client, 8)} ${hex(clientPort, 4)} ` +
      `${hex(virtual, 8)} ${hex(virtualPort, 4)} ${hex(target, 8)} ${hex(targetPort, 4)} ` +
      `${connectionStateName(connection).padEnd(11)} ${String(left).padStart(7)}\n`;
  }
  return text;
}

function forwardName({ forwarding }: IpvsDestination): string {
  if (forwarding === FORWARD_MASQ) return 'Masq';
  return forwarding === FORWARD_TUNNEL ? 'Tunnel' : 'Route';
}

function serviceLine(service: IpvsService): string {
  const { fwmark, protocol, address, port, scheduler } = service;
  const ops = service.isOnePacket ? 'ops ' : '';
  const name =
    fwmark !== 0
      ? `FWM  ${hex(fwmark, 8)} ${scheduler.name} ${ops}`
      : `${protocolName(protocol)}  ${hex(address, 8)}:${hex(port, 4)} ${scheduler.name} ${ops} `;
  if (!service.isPersistent) return `${name}\n`;
  const ticks = service.persistenceSec * TICKS_PER_SEC;
  return `${name}persistent ${ticks} ${hex(service.netmask, 8)}\n`;
}

/** /proc/net/ip_vs */
export function procIpvs(host: IpvsHost): string {
  let text =
    'IP Virtual Server version 1.2.1 (size=4096)\n' +
    'Prot LocalAddress:Port Scheduler Flags\n' +
    '  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n';
  for (const service of listIpvsServices(host)) {
    text += serviceLine(service);
    for (const each of service.destinations) {
      const { address, port, weight, activeConnections, inactiveConnections } = each;
      text +=
        `  -> ${hex(address, 8)}:${hex(port, 4)}      ${forwardName(each).padEnd(7)} ` +
        `${String(weight).padEnd(6)} ${String(activeConnections).padEnd(10)} ` +
        `${String(inactiveConnections).padEnd(10)}\n`;
    }
  }
  return text;
}

/** /proc/net/ip_vs_stats: the sums of all services, and their rates. */
export function procIpvsStatistics(host: IpvsHost): string {
  const { ipvs, netns } = host.netfilter;
  const statistics = ipvs?.statistics ?? makeIpvsStatistics();
  const { connections, inPackets, outPackets, inBytes, outBytes } = statistics;
  return (
    '   Total Incoming Outgoing         Incoming         Outgoing\n' +
    '   Conns  Packets  Packets            Bytes            Bytes\n' +
    `${statisticsRow([connections, inPackets, outPackets, inBytes, outBytes])}\n` +
    ' Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n' +
    statisticsRow(ratesOf(statistics, nowTicks(netns.sim)))
  );
}

function statisticsRow(cells: readonly number[]): string {
  const widths = [8, 8, 8, 16, 16];
  const texts = cells.map((cell, i) => cell.toString(16).toUpperCase().padStart(widths[i]!));
  return `${texts.join(' ')}\n`;
}
