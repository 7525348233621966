/**
 * The IPv4 side of a device: its addresses, its settings (net.ipv4.conf.DEV), the parameters of its
 * neighbours (net.ipv4.neigh.DEV) and the neighbours themselves.
 * @source include/linux/inetdevice.h struct in_device; include/net/neighbour.h struct neigh_parms
 */
import { assert } from '../base/assert.ts';
import { type Ipv4, maskOf } from '../base/ipv4-address.ts';
import { nextBelow } from '../base/prng.ts';
import type { Device, InetSlot } from '../engine/device.ts';
import { streamOf } from '../engine/simulator.ts';
import { type IntTable, makeIntTable } from './int-table.ts';
import { jiffiesOfMs } from './jiffies.ts';
import { type NetNamespace, namespaceOf } from './namespace.ts';
import type { Neighbour } from './neighbour-table.ts';

/** net.ipv4.conf.{all,default,DEV}: the kernel's names in camel case, the kernel's units. */
export interface InetConf {
  forwarding: number;
  mcForwarding: number;
  bcForwarding: number;
  acceptRedirects: number;
  secureRedirects: number;
  sharedMedia: number;
  rpFilter: number;
  sendRedirects: number;
  acceptSourceRoute: number;
  acceptLocal: number;
  srcValidMark: number;
  proxyArp: number;
  proxyArpPvlan: number;
  mediumId: number;
  bootpRelay: number;
  logMartians: number;
  tag: number;
  arpFilter: number;
  arpAnnounce: number;
  arpIgnore: number;
  arpAccept: number;
  arpNotify: number;
  arpEvictNocarrier: number;
  disableXfrm: number;
  disablePolicy: number;
  forceIgmpVersion: number;
  igmpv2UnsolicitedReportInterval: number;
  igmpv3UnsolicitedReportInterval: number;
  ignoreRoutesWithLinkdown: number;
  promoteSecondaries: number;
  routeLocalnet: number;
  dropGratuitousArp: number;
  dropUnicastInL2Multicast: number;
}

/** net.ipv4.neigh.{default,DEV}, in the kernel's units as sysctl shows them. */
export interface NeighbourParameters {
  anycastDelay: number;
  appSolicit: number;
  baseReachableTimeMs: number;
  /** Seconds. */
  delayFirstProbeTime: number;
  /** Seconds. */
  gcStaleTime: number;
  intervalProbeTimeMs: number;
  /** Hundredths of a second, as proxyDelay. */
  locktime: number;
  mcastResolicit: number;
  mcastSolicit: number;
  proxyDelay: number;
  proxyQlen: number;
  retransTimeMs: number;
  ucastSolicit: number;
  unresQlen: number;
  unresQlenBytes: number;
  /** The random time for which a confirmation holds, 0.5 to 1.5 times the base. */
  reachableJiffies: number;
}

export interface InterfaceAddress {
  readonly device: Device;
  /** The address itself (IFA_LOCAL). */
  readonly address: Ipv4;
  readonly prefixLength: number;
  readonly mask: number;
  /** The other end of a point-to-point address, else the address itself (IFA_ADDRESS). */
  readonly peer: Ipv4;
  /** 0 for none. */
  readonly broadcast: Ipv4;
  readonly scope: number;
  /** The device's name or an alias of it (eth0:1). */
  label: string;
  /** Same subnet as an earlier address of the device (IFA_F_SECONDARY). */
  isSecondary: boolean;
}

/** The IPv4 side of one device. */
export interface Inet extends InetSlot {
  readonly slot: 'inet';
  readonly device: Device;
  /** Primary addresses in order, then the secondary ones. */
  readonly addresses: InterfaceAddress[];
  readonly conf: InetConf;
  readonly neighbour: NeighbourParameters;
  /** The device's neighbours by address. */
  readonly neighbours: IntTable<Neighbour>;
  /** Settings (fields of conf and neighbour) that were written: they do not follow the default's. */
  readonly pinned: Set<string>;
  /** An address was added once: no setting follows the default any more. */
  isPinned: boolean;
}

/** Settings that a new namespace starts with. @source net/ipv4/devinet.c ipv4_devconf */
export function makeInetConf(): InetConf {
  return {
    forwarding: 0,
    mcForwarding: 0,
    bcForwarding: 0,
    acceptRedirects: 1,
    secureRedirects: 1,
    sharedMedia: 1,
    rpFilter: 0,
    sendRedirects: 1,
    acceptSourceRoute: 0,
    acceptLocal: 0,
    srcValidMark: 0,
    proxyArp: 0,
    proxyArpPvlan: 0,
    mediumId: 0,
    bootpRelay: 0,
    logMartians: 0,
    tag: 0,
    arpFilter: 0,
    arpAnnounce: 0,
    arpIgnore: 0,
    arpAccept: 0,
    arpNotify: 0,
    arpEvictNocarrier: 1,
    disableXfrm: 0,
    disablePolicy: 0,
    forceIgmpVersion: 0,
    igmpv2UnsolicitedReportInterval: 10000,
    igmpv3UnsolicitedReportInterval: 1000,
    ignoreRoutesWithLinkdown: 0,
    promoteSecondaries: 0,
    routeLocalnet: 0,
    dropGratuitousArp: 0,
    dropUnicastInL2Multicast: 0,
  };
}

/** @source net/ipv4/arp.c arp_tbl.parms */
export function makeNeighbourParameters(): NeighbourParameters {
  return {
    anycastDelay: 100,
    appSolicit: 0,
    baseReachableTimeMs: 30000,
    delayFirstProbeTime: 5,
    gcStaleTime: 60,
    intervalProbeTimeMs: 5000,
    locktime: 100,
    mcastResolicit: 0,
    mcastSolicit: 3,
    proxyDelay: 80,
    proxyQlen: 64,
    retransTimeMs: 1000,
    ucastSolicit: 3,
    unresQlen: 101,
    unresQlenBytes: 212992,
    reachableJiffies: jiffiesOfMs(30000),
  };
}

/**
 * The IPv4 side of a device that is being registered in its namespace, with the namespace's defaults.
 * The caller puts it into device.inet.
 * @source net/ipv4/devinet.c inetdev_init()
 */
export function makeInet(device: Device): Inet {
  const netns = namespaceOf(device);
  const inet: Inet = {
    slot: 'inet',
    device,
    addresses: [],
    conf: { ...netns.sysctl.confDefault },
    neighbour: { ...netns.sysctl.neighbourDefault },
    neighbours: makeIntTable(),
    pinned: new Set(),
    isPinned: false,
  };
  if (device.isLoopback) {
    inet.conf.disableXfrm = 1;
    inet.conf.disablePolicy = 1;
  }
  // Unlike Linux, the first draw is the middle of the range, so that a short script does not depend on it.
  inet.neighbour.reachableJiffies = jiffiesOfMs(inet.neighbour.baseReachableTimeMs);
  return inet;
}

/** The IPv4 side of a registered device. */
export function inetOf(device: Device): Inet {
  const { inet } = device;
  assert(inet !== null, 'a registered device has its IPv4 side');
  return inet as Inet; // only makeInet makes one
}

/** Draws how long a confirmation will hold. @source net/core/neighbour.c neigh_rand_reach_time() */
export function drawReachableTime(netns: NetNamespace, parameters: NeighbourParameters): void {
  const base = jiffiesOfMs(parameters.baseReachableTimeMs);
  const stream = streamOf(netns.sim, 'stack/neighbour');
  parameters.reachableJiffies = base === 0 ? 0 : nextBelow(stream, base) + (base >> 1);
}

/** Whether `address` is in the subnet of an interface address. @source inet_ifa_match() */
export function isInSubnet(address: Ipv4, of: InterfaceAddress): boolean {
  return ((address ^ of.peer) & of.mask) === 0;
}

/** The mask of a prefix, once for all who make an InterfaceAddress. */
export function makeInterfaceAddress(
  device: Device,
  address: Ipv4,
  prefixLength: number,
  rest: { peer: Ipv4; broadcast: Ipv4; scope: number; label: string },
): InterfaceAddress {
  return {
    device,
    address,
    prefixLength,
    mask: maskOf(prefixLength),
    peer: rest.peer,
    broadcast: rest.broadcast,
    scope: rest.scope,
    label: rest.label,
    isSecondary: false,
  };
}
