/**
 * IPVS's control plane: what `ipvsadm` and Docker's swarm ask of the kernel by netlink.
 * A refusal is a KernelError with the kernel's errno.
 * @source net/netfilter/ipvs/ip_vs_ctl.c ip_vs_genl_set_cmd()
 */

import { KernelError } from '../../base/errors.ts';
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { TICKS_PER_SEC } from '../conntrack-table.ts';
import type { Netfilter } from '../netfilter.ts';
import { refreshHooks } from '../tables.ts';
import type { IpvsConnection } from './connection.ts';
import { endWithoutDestination, listConnections } from './connection-table.ts';
import { type Ipvs, ipvsOf, isIpvsProtocol, serviceKey } from './ipvs.ts';
import { findScheduler, type IpvsScheduler } from './scheduler.ts';
import {
  FORWARD_MASQ,
  FORWARD_ROUTE,
  FORWARD_TUNNEL,
  type IpvsDestination,
  type IpvsService,
  makeIpvsDestination,
  makeIpvsSchedule,
} from './service.ts';
import { clearIpvsStatistics, makeIpvsStatistics } from './statistics.ts';
import { TCP_ESTABLISHED, TCP_FIN_WAIT } from './tcp-state.ts';

/** A network namespace, as far as IPVS is concerned. */
export interface IpvsHost {
  readonly netfilter: Netfilter;
}

/** What names a service: a firewall mark (not 0), or protocol, address and port. */
export type IpvsServiceKey =
  | { readonly fwmark: number }
  | { readonly protocol: number; readonly address: Ipv4; readonly port: number };

/** What may be chosen for a service. */
export interface IpvsServiceOptions {
  /** `rr`, `wrr`, `lc`, `wlc` (the default), `sh`, `dh`, `sed`, `nq`, `fo`, `ovf`. */
  readonly scheduler?: string;
  /** Seconds that a client stays with its destination; undefined: not persistent. */
  readonly persistenceSec?: number | undefined;
  /** Which clients are one for persistence; all bits by default. */
  readonly netmask?: number;
  /** One packet scheduling (-o). */
  readonly isOnePacket?: boolean;
}

export type IpvsForwarding = 'Masq' | 'Route' | 'Tunnel';

export interface IpvsDestinationSpec {
  readonly address: Ipv4;
  /** 0 where the service is a firewall mark: packets keep their port. */
  readonly port: number;
  /** 0: no new connections. */
  readonly weight: number;
  readonly forwarding: IpvsForwarding;
  readonly upperThreshold?: number;
  readonly lowerThreshold?: number;
}

/** Seconds. */
export interface IpvsTimeouts {
  readonly tcp: number;
  readonly tcpFin: number;
  readonly udp: number;
}

const FORWARDINGS: Readonly<Record<IpvsForwarding, number>> = {
  Masq: FORWARD_MASQ,
  Route: FORWARD_ROUTE,
  Tunnel: FORWARD_TUNNEL,
};

const ALL_BITS = -1;
/** RTN_UNICAST and RTN_LOCAL of stack/route.ts. */
const TYPE_UNICAST = 1;
const TYPE_LOCAL = 2;
/** netsim's own bounds. */
const SERVICES_MAX = 100_000;
const DESTINATIONS_MAX = 100_000;

/** `ipvsadm -A`. EEXIST: there is one; ENOENT: no such scheduler. */
export function addIpvsService(
  host: IpvsHost,
  key: IpvsServiceKey,
  options: IpvsServiceOptions,
): IpvsService {
  if (findIpvsService(host, key) !== null) throw new KernelError('EEXIST');
  if (!('fwmark' in key) && !isIpvsProtocol(key.protocol)) {
    throw new KernelError('EPROTONOSUPPORT');
  }
  const scheduler = schedulerOf(options);
  const ipvs = ipvsOf(host.netfilter);
  if (ipvs.services.length >= SERVICES_MAX) throw new KernelError('ENOSPC');
  const isMark = 'fwmark' in key;
  const service: IpvsService = {
    fwmark: isMark ? key.fwmark : 0,
    protocol: isMark ? 0 : key.protocol,
    address: isMark ? 0 : key.address,
    port: isMark ? 0 : key.port,
    scheduler,
    isPersistent: options.persistenceSec !== undefined,
    persistenceSec: options.persistenceSec ?? 0,
    netmask: options.netmask ?? ALL_BITS,
    isOnePacket: options.isOnePacket ?? false,
    destinations: [],
    statistics: makeIpvsStatistics(),
    schedule: makeIpvsSchedule(),
  };
  scheduler.changed(service);
  ipvs.services.push(service);
  if (isMark) ipvs.byFwmark.set(key.fwmark, service);
  else ipvs.byAddress.set(serviceKey(key.protocol, key.address, key.port), service);
  if (ipvs.services.length === 1) refreshHooks(host.netfilter);
  return service;
}

function schedulerOf(options: IpvsServiceOptions): IpvsScheduler {
  const scheduler = findScheduler(options.scheduler ?? 'wlc');
  if (scheduler === null) throw new KernelError('ENOENT');
  return scheduler;
}

/** `ipvsadm -E`. ESRCH: there is none. */
export function updateIpvsService(
  host: IpvsHost,
  key: IpvsServiceKey,
  options: IpvsServiceOptions,
): void {
  const service = wantService(host, key);
  const scheduler = schedulerOf(options);
  service.isPersistent = options.persistenceSec !== undefined;
  service.persistenceSec = options.persistenceSec ?? 0;
  service.netmask = options.netmask ?? ALL_BITS;
  service.isOnePacket = options.isOnePacket ?? false;
  if (scheduler === service.scheduler) return;
  service.scheduler = scheduler;
  Object.assign(service.schedule, makeIpvsSchedule());
  scheduler.changed(service);
}

/** `ipvsadm -D`: its destinations go with it. ESRCH: there is none. */
export function deleteIpvsService(host: IpvsHost, key: IpvsServiceKey): void {
  const service = wantService(host, key);
  const ipvs = ipvsOf(host.netfilter);
  const { services, byFwmark, byAddress } = ipvs;
  services.splice(services.indexOf(service), 1);
  if (service.fwmark !== 0) byFwmark.delete(service.fwmark);
  else byAddress.delete(serviceKey(service.protocol, service.address, service.port));
  while (service.destinations.length > 0) unlinkDestination(ipvs, service, 0);
  if (services.length === 0) refreshHooks(host.netfilter);
}

/** `ipvsadm -C`. */
export function flushIpvsServices(host: IpvsHost): void {
  for (const service of [...listIpvsServices(host)]) deleteIpvsService(host, keyOf(service));
}

/** What names a service. */
export function keyOf(service: IpvsService): IpvsServiceKey {
  const { fwmark, protocol, address, port } = service;
  return fwmark !== 0 ? { fwmark } : { protocol, address, port };
}

/** The service of this name, null if there is none. */
export function findIpvsService(host: IpvsHost, key: IpvsServiceKey): IpvsService | null {
  const { ipvs } = host.netfilter;
  if (ipvs === null) return null;
  if ('fwmark' in key) return ipvs.byFwmark.get(key.fwmark) ?? null;
  return ipvs.byAddress.get(serviceKey(key.protocol, key.address, key.port)) ?? null;
}

function wantService(host: IpvsHost, key: IpvsServiceKey): IpvsService {
  const service = findIpvsService(host, key);
  if (service === null) throw new KernelError('ESRCH');
  return service;
}

/** The services, in the order in which they were added; their destinations stand newest first. */
export function listIpvsServices(host: IpvsHost): readonly IpvsService[] {
  return host.netfilter.ipvs?.services ?? [];
}

/** The connections, in the order of the table. */
export function listIpvsConnections(host: IpvsHost): IpvsConnection[] {
  const { ipvs } = host.netfilter;
  return ipvs === null ? [] : listConnections(ipvs.connections);
}

/** `ipvsadm -Z`: counters of one service, or of all, begin at 0 again. */
export function zeroIpvsStatistics(host: IpvsHost, key: IpvsServiceKey | null): void {
  const services = key === null ? listIpvsServices(host) : [wantService(host, key)];
  for (const service of services) {
    clearIpvsStatistics(service.statistics);
    for (const destination of service.destinations) clearIpvsStatistics(destination.statistics);
  }
  const { ipvs } = host.netfilter;
  if (key === null && ipvs !== null) clearIpvsStatistics(ipvs.statistics);
}

/** `ipvsadm --timeout`. */
export function readIpvsTimeouts(host: IpvsHost): IpvsTimeouts {
  const { ipvs } = host.netfilter;
  if (ipvs === null) return { tcp: 900, tcpFin: 120, udp: 300 };
  return {
    tcp: ipvs.tcpTimeouts[TCP_ESTABLISHED]! / TICKS_PER_SEC,
    tcpFin: ipvs.tcpTimeouts[TCP_FIN_WAIT]! / TICKS_PER_SEC,
    udp: ipvs.udpTimeout / TICKS_PER_SEC,
  };
}

/** `ipvsadm --set`; 0 leaves a value as it is. */
export function writeIpvsTimeouts(host: IpvsHost, timeouts: IpvsTimeouts): void {
  const ipvs = ipvsOf(host.netfilter);
  if (timeouts.tcp !== 0) ipvs.tcpTimeouts[TCP_ESTABLISHED] = timeouts.tcp * TICKS_PER_SEC;
  if (timeouts.tcpFin !== 0) ipvs.tcpTimeouts[TCP_FIN_WAIT] = timeouts.tcpFin * TICKS_PER_SEC;
  if (timeouts.udp !== 0) ipvs.udpTimeout = timeouts.udp * TICKS_PER_SEC;
}

/** `ipvsadm -a`. ESRCH: no such service; EEXIST: the destination is there; EINVAL: no such address. */
export function addIpvsDestination(
  host: IpvsHost,
  key: IpvsServiceKey,
  spec: IpvsDestinationSpec,
): IpvsDestination {
  const service = wantService(host, key);
  checkSpec(spec);
  if (placeOf(service, spec.address, spec.port) >= 0) throw new KernelError('EEXIST');
  const type = host.netfilter.slots.addressTypeOf(spec.address, null);
  if (type !== TYPE_UNICAST && type !== TYPE_LOCAL) throw new KernelError('EINVAL');
  if (service.destinations.length >= DESTINATIONS_MAX) throw new KernelError('ENOSPC');
  const ipvs = ipvsOf(host.netfilter);
  const destination =
    takeFromTrash(ipvs, service, spec) ?? makeIpvsDestination(service, spec.address, spec.port);
  if (destination.service !== service) {
    clearIpvsStatistics(destination.statistics);
    destination.service = service;
  }
  destination.isAvailable = true;
  applySpec(destination, spec);
  service.destinations.unshift(destination);
  service.scheduler.added(service, 0);
  return destination;
}

/** `ipvsadm -e`: weight, forwarding, thresholds. ENOENT: no such destination. */
export function updateIpvsDestination(
  host: IpvsHost,
  key: IpvsServiceKey,
  spec: IpvsDestinationSpec,
): void {
  const service = wantService(host, key);
  checkSpec(spec);
  const place = placeOf(service, spec.address, spec.port);
  if (place < 0) throw new KernelError('ENOENT');
  applySpec(service.destinations[place]!, spec);
  service.scheduler.changed(service);
}

/** `ipvsadm -d`. ENOENT: no such destination. With net.ipv4.vs.expire_nodest_conn its connections end. */
export function deleteIpvsDestination(
  host: IpvsHost,
  key: IpvsServiceKey,
  spec: { readonly address: Ipv4; readonly port: number },
): void {
  const service = wantService(host, key);
  const place = placeOf(service, spec.address, spec.port);
  if (place < 0) throw new KernelError('ENOENT');
  unlinkDestination(ipvsOf(host.netfilter), service, place);
}

function placeOf(service: IpvsService, address: Ipv4, port: number): number {
  return service.destinations.findIndex((each) => each.address === address && each.port === port);
}

function checkSpec(spec: IpvsDestinationSpec): void {
  const { weight, lowerThreshold = 0, upperThreshold = 0 } = spec;
  if (weight < 0 || lowerThreshold > upperThreshold) throw new KernelError('ERANGE');
}

function applySpec(destination: IpvsDestination, spec: IpvsDestinationSpec): void {
  const { upperThreshold = 0, lowerThreshold = 0 } = spec;
  destination.weight = spec.weight;
  destination.forwarding = FORWARDINGS[spec.forwarding];
  if (upperThreshold === 0 || upperThreshold > destination.upperThreshold) {
    destination.isOverloaded = false;
  }
  destination.upperThreshold = upperThreshold;
  destination.lowerThreshold = lowerThreshold;
}

function unlinkDestination(ipvs: Ipvs, service: IpvsService, place: number): void {
  const [destination] = service.destinations.splice(place, 1);
  destination!.isAvailable = false;
  service.scheduler.removed(service, place);
  if (ipvs.settings.expireNodestConn !== 0) endWithoutDestination(ipvs.connections);
  dropIdle(ipvs);
  ipvs.trash.push(destination!);
}

function isIdle(destination: IpvsDestination): boolean {
  const { activeConnections, inactiveConnections, persistentConnections } = destination;
  return activeConnections + inactiveConnections + persistentConnections === 0;
}

/** Forgets deleted destinations that nothing refers to any more. */
function dropIdle(ipvs: Ipvs): void {
  let kept = 0;
  for (const destination of ipvs.trash) {
    if (!isIdle(destination)) ipvs.trash[kept++] = destination;
  }
  ipvs.trash.length = kept;
}

/** A destination that was deleted comes back with its connections. @source ip_vs_trash_get_dest() */
function takeFromTrash(
  ipvs: Ipvs,
  service: IpvsService,
  spec: IpvsDestinationSpec,
): IpvsDestination | null {
  dropIdle(ipvs);
  const place = ipvs.trash.findIndex(
    (each) =>
      each.address === spec.address &&
      each.port === spec.port &&
      each.service.fwmark === service.fwmark &&
      each.service.protocol === service.protocol &&
      each.service.address === service.address &&
      each.service.port === service.port,
  );
  if (place < 0) return null;
  return ipvs.trash.splice(place, 1)[0]!;
}
