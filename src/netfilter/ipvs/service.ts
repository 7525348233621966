/**
 * The records of a virtual service and of a destination (a real server), and their counters.
 * @source include/net/ip_vs.h struct ip_vs_service, struct ip_vs_dest, struct ip_vs_kstats
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';

/** What `--stats` shows. */
export interface IpvsStatistics {
  connections: number;
  inPackets: number;
  outPackets: number;
  inBytes: number;
  outBytes: number;
}

export function makeIpvsStatistics(): IpvsStatistics {
  return { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };
}

/** How packets go to a destination. @source IP_VS_CONN_F_FWD_MASK */
export const FORWARD_MASQ = 0;
export const FORWARD_LOCAL = 1;
export const FORWARD_TUNNEL = 2;
export const FORWARD_ROUTE = 3;

export interface IpvsDestination {
  /** Null once it was deleted. */
  service: IpvsService | null;
  readonly address: Ipv4;
  readonly port: number;
  /** FORWARD_*. */
  forwarding: number;
  weight: number;
  upperThreshold: number;
  lowerThreshold: number;
  isOverloaded: boolean;
  /** False once it was deleted: its connections find no destination. */
  isAvailable: boolean;
  activeConnections: number;
  inactiveConnections: number;
  persistentConnections: number;
  readonly statistics: IpvsStatistics;
}

export interface IpvsService {
  /** Not 0: the service is a firewall mark, and protocol, address and port are 0. */
  readonly fwmark: number;
  readonly protocol: number;
  readonly address: Ipv4;
  readonly port: number;
  /** Newest first, as the kernel keeps them. */
  readonly destinations: IpvsDestination[];
  readonly statistics: IpvsStatistics;
}
