/**
 * The records of a virtual service and of a destination (a real server).
 * @source include/net/ip_vs.h struct ip_vs_service, struct ip_vs_dest
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { IpvsScheduler } from './scheduler.ts';
import { type IpvsStatistics, makeIpvsStatistics } from './statistics.ts';

/** How packets go to a destination. @source IP_VS_CONN_F_FWD_MASK */
export const FORWARD_MASQ = 0;
export const FORWARD_TUNNEL = 2;
export const FORWARD_ROUTE = 3;

export interface IpvsDestination {
  /** Stays after the destination was deleted: it may come back with its connections. */
  service: IpvsService;
  readonly address: Ipv4;
  readonly port: number;
  /** FORWARD_*. */
  forwarding: number;
  /** 0: no new connections (quiescent). */
  weight: number;
  upperThreshold: number;
  lowerThreshold: number;
  isOverloaded: boolean;
  /** False once it was deleted: what its connections still send finds no destination. */
  isAvailable: boolean;
  activeConnections: number;
  inactiveConnections: number;
  /** Templates of persistent services. */
  persistentConnections: number;
  readonly statistics: IpvsStatistics;
}

export function makeIpvsDestination(
  service: IpvsService,
  address: Ipv4,
  port: number,
): IpvsDestination {
  return {
    service,
    address,
    port,
    forwarding: FORWARD_MASQ,
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    isOverloaded: false,
    isAvailable: true,
    activeConnections: 0,
    inactiveConnections: 0,
    persistentConnections: 0,
    statistics: makeIpvsStatistics(),
  };
}

export interface IpvsService {
  /** Not 0: the service is a firewall mark, and protocol, address and port are 0. */
  readonly fwmark: number;
  readonly protocol: number;
  readonly address: Ipv4;
  readonly port: number;
  scheduler: IpvsScheduler;
  isPersistent: boolean;
  persistenceSec: number;
  netmask: number;
  isOnePacket: boolean;
  /** Newest first, as the kernel keeps them. */
  readonly destinations: IpvsDestination[];
  readonly statistics: IpvsStatistics;
  readonly schedule: IpvsSchedule;
}

/** Where a scheduler stands; each uses what it needs of it. */
export interface IpvsSchedule {
  /** rr, wrr: place in `destinations` of the one chosen last, -1: before the first. */
  last: number;
  /** wrr: the weight that is enough now, the largest one, and the step between. */
  currentWeight: number;
  largestWeight: number;
  weightStep: number;
  /** sh, dh: the destination of each hash; empty for others. */
  table: Array<IpvsDestination | null>;
}

export function makeIpvsSchedule(): IpvsSchedule {
  return { last: -1, currentWeight: 0, largestWeight: 0, weightStep: 1, table: [] };
}
