/**
 * IPVS's control plane: what `ipvsadm` and Docker's swarm ask of the kernel by netlink.
 * A refusal is a KernelError with the kernel's errno.
 * @source net/netfilter/ipvs/ip_vs_ctl.c ip_vs_genl_set_cmd()
 */

import { KernelError } from '../../base/errors.ts';
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { Netfilter } from '../netfilter.ts';
import type { IpvsDestination, IpvsService } from './service.ts';

/** A network namespace, as far as IPVS is concerned. */
export interface IpvsHost {
  readonly netfilter: Netfilter;
}

/** What names a service: a firewall mark (not 0), or protocol, address and port. */
export type IpvsServiceKey =
  | { readonly fwmark: number }
  | { readonly protocol: number; readonly address: Ipv4; readonly port: number };

/** What may be chosen for a service; `ipvsadm -A`'s defaults are wlc and no persistence. */
export interface IpvsServiceOptions {
  readonly scheduler?: string;
  /** Seconds that a client stays with its destination; undefined: not persistent. */
  readonly persistenceSec?: number;
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

/** `ipvsadm -A`. EEXIST: there is one; ENOENT: no such scheduler. */
export function addIpvsService(
  host: IpvsHost,
  key: IpvsServiceKey,
  options: IpvsServiceOptions,
): IpvsService {
  throw new KernelError('EOPNOTSUPP');
}

/** `ipvsadm -E`. ESRCH: there is none. */
export function updateIpvsService(
  host: IpvsHost,
  key: IpvsServiceKey,
  options: IpvsServiceOptions,
): void {
  throw new KernelError('EOPNOTSUPP');
}

/** `ipvsadm -D`: its destinations go with it. ESRCH: there is none. */
export function deleteIpvsService(host: IpvsHost, key: IpvsServiceKey): void {
  throw new KernelError('EOPNOTSUPP');
}

/** `ipvsadm -C`. */
export function flushIpvsServices(host: IpvsHost): void {
  throw new KernelError('EOPNOTSUPP');
}

/** The service of this name, null if there is none. */
export function findIpvsService(host: IpvsHost, key: IpvsServiceKey): IpvsService | null {
  throw new KernelError('EOPNOTSUPP');
}

/** The services, in the kernel's order. */
export function listIpvsServices(host: IpvsHost): readonly IpvsService[] {
  throw new KernelError('EOPNOTSUPP');
}

/** `ipvsadm -a`. ESRCH: no such service; EEXIST: the destination is there. */
export function addIpvsDestination(
  host: IpvsHost,
  service: IpvsServiceKey,
  spec: IpvsDestinationSpec,
): IpvsDestination {
  throw new KernelError('EOPNOTSUPP');
}

/** `ipvsadm -e`: weight, forwarding, thresholds. ENOENT: no such destination. */
export function updateIpvsDestination(
  host: IpvsHost,
  service: IpvsServiceKey,
  spec: IpvsDestinationSpec,
): void {
  throw new KernelError('EOPNOTSUPP');
}

/** `ipvsadm -d`. ENOENT: no such destination. Its connections end by expire_nodest_conn's rules. */
export function deleteIpvsDestination(
  host: IpvsHost,
  service: IpvsServiceKey,
  spec: { readonly address: Ipv4; readonly port: number },
): void {
  throw new KernelError('EOPNOTSUPP');
}
