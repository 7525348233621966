/**
 * IPVS of one namespace: its services, its connections, its settings.
 * It comes into being with the first thing that is asked of it; a namespace without services has no
 * hook of it.
 * @source include/net/ip_vs.h struct netns_ipvs
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../protocols/ipv4.ts';
import { TICKS_PER_SEC } from '../conntrack-table.ts';
import { PROTOCOL_SCTP } from '../conntrack-tuple.ts';
import type { Netfilter } from '../netfilter.ts';
import { refreshHooks } from '../tables.ts';
import {
  type ConnectionTable,
  forgetConnections,
  makeConnectionTable,
} from './connection-table.ts';
import type { IpvsDestination, IpvsService } from './service.ts';
import { type IpvsSettings, makeIpvsSettings } from './settings.ts';
import { type IpvsStatistics, makeIpvsStatistics } from './statistics.ts';
import { makeTcpTimeouts } from './tcp-state.ts';

const UDP_TIMEOUT_SEC = 300;
export const PORT_FTP = 21;
export const PORT_FTP_DATA = 20;
const FIRST_UNPRIVILEGED_PORT = 1024;

export interface Ipvs {
  readonly netfilter: Netfilter;
  readonly settings: IpvsSettings;
  /** In the order in which they were added. */
  readonly services: IpvsService[];
  readonly byFwmark: Map<number, IpvsService>;
  /** By serviceKey() of protocol, address and port. */
  readonly byAddress: Map<number, IpvsService>;
  /** Deleted destinations that still have connections. */
  readonly trash: IpvsDestination[];
  readonly connections: ConnectionTable;
  /** Of all services together. */
  readonly statistics: IpvsStatistics;
  /** By TCP state, in ticks. */
  readonly tcpTimeouts: number[];
  udpTimeout: number;
}

/** The namespace's IPVS, made if it is not there. */
export function ipvsOf(netfilter: Netfilter): Ipvs {
  const present = netfilter.ipvs;
  if (present !== null) return present;
  const ipvs: Ipvs = {
    netfilter,
    settings: makeIpvsSettings(),
    services: [],
    byFwmark: new Map(),
    byAddress: new Map(),
    trash: [],
    connections: makeConnectionTable(netfilter, netfilter.netns),
    statistics: makeIpvsStatistics(),
    tcpTimeouts: makeTcpTimeouts(),
    udpTimeout: UDP_TIMEOUT_SEC * TICKS_PER_SEC,
  };
  netfilter.ipvs = ipvs;
  return ipvs;
}

/** The namespace is gone: no connection ends in it any more. */
export function deleteIpvs(netfilter: Netfilter): void {
  if (netfilter.ipvs === null) return;
  forgetConnections(netfilter.ipvs.connections);
  netfilter.ipvs = null;
  refreshHooks(netfilter);
}

/** Whether IPVS handles this protocol. */
export function isIpvsProtocol(protocol: number): boolean {
  return protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP || protocol === PROTOCOL_SCTP;
}

/** One number for protocol, address and port. */
export function serviceKey(protocol: number, address: Ipv4, port: number): number {
  return ((address >>> 0) * 65536 + port) * 256 + protocol;
}

/**
 * The service that a packet is for: that of its mark, else that of its address and port, else one for
 * all ports of the address. @source ip_vs_service_find()
 */
export function findServiceFor(
  ipvs: Ipvs,
  mark: number,
  protocol: number,
  address: Ipv4,
  port: number,
): IpvsService | null {
  if (mark !== 0) {
    const marked = ipvs.byFwmark.get(mark >>> 0);
    if (marked !== undefined) return marked;
  }
  const { byAddress } = ipvs;
  if (byAddress.size === 0) return null;
  const exact = byAddress.get(serviceKey(protocol, address, port));
  if (exact !== undefined) return exact;
  if (protocol === PROTOCOL_TCP && (port === PORT_FTP_DATA || port >= FIRST_UNPRIVILEGED_PORT)) {
    const ftp = byAddress.get(serviceKey(protocol, address, PORT_FTP));
    if (ftp !== undefined) return ftp;
  }
  return byAddress.get(serviceKey(protocol, address, 0)) ?? null;
}
