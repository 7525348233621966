/**
 * Addresses of interfaces, the routes that come with them, and the choice among them.
 * @source net/ipv4/devinet.c; net/ipv4/fib_frontend.c fib_add_ifaddr(), fib_del_ifaddr()
 */
import { KernelError } from '../base/errors.ts';
import { type Ipv4, isLoopback, maskOf } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import { addKernelRoute, deleteKernelRoute, deleteRoutesFrom, type RouteSpec } from './fib.ts';
import { addressType, hasInterfaceAddress } from './fib-lookup.ts';
import {
  type Inet,
  type InterfaceAddress,
  inetOf,
  isInSubnet,
  makeInterfaceAddress,
} from './inet.ts';
import { deleteInt, getInt, setInt } from './int-table.ts';
import { type NetNamespace, namespaceOf } from './namespace.ts';
import {
  ROUTE_PROTOCOL_KERNEL,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_UNICAST,
  SCOPE_HOST,
  SCOPE_LINK,
  SCOPE_UNIVERSE,
  TABLE_LOCAL,
  TABLE_MAIN,
} from './route-type.ts';

/** An address as `ip addr add` asks for it. */
export interface AddressSpec {
  readonly address: Ipv4;
  readonly prefixLength: number;
  /** 0 or absent: none. */
  readonly broadcast?: Ipv4;
  /** Absent: global, or host for 127.0.0.0/8. */
  readonly scope?: number;
  readonly label?: string;
  /** The other end of a point-to-point link; prefixLength is then its. */
  readonly peer?: Ipv4;
}

/** Addresses of one device at most. */
const ADDRESSES_MAX = 65536;

/**
 * `ip addr add`.
 * @throws KernelError EEXIST "ipv4: Address already assigned", EINVAL, ENOSPC
 * @source inet_rtm_newaddr(), __inet_insert_ifa()
 */
export function addAddress(netns: NetNamespace, device: Device, spec: AddressSpec): void {
  const inet = inetOf(device);
  const { address, prefixLength, peer = address } = spec;
  if (prefixLength < 0 || prefixLength > 32) {
    throw new KernelError('EINVAL', 'ipv4: Invalid prefix length');
  }
  const added = makeInterfaceAddress(device, address, prefixLength, {
    peer,
    broadcast: spec.broadcast ?? 0,
    scope: spec.scope ?? (isLoopback(address) ? SCOPE_HOST : SCOPE_UNIVERSE),
    label: spec.label ?? device.name,
  });
  const { addresses } = inet;
  inet.isPinned = true;
  if (addresses.length >= ADDRESSES_MAX) throw new KernelError('ENOSPC');
  let lastPrimary = 0;
  for (const [i, other] of addresses.entries()) {
    if (!other.isSecondary && added.scope <= other.scope) lastPrimary = i + 1;
    if (other.mask !== added.mask || !isInSubnet(peer, other)) continue;
    if (other.address === address) {
      throw new KernelError('EEXIST', 'ipv4: Address already assigned');
    }
    if (other.scope !== added.scope) throw new KernelError('EINVAL', 'ipv4: Invalid scope value');
    added.isSecondary = true;
  }
  addresses.splice(added.isSecondary ? addresses.length : lastPrimary, 0, added);
  const same = getInt(netns.fib.addresses, address);
  if (same === null) setInt(netns.fib.addresses, address, [added]);
  else same.push(added);
  addRoutesOf(netns, inet, added);
  notify(netns, device);
}

/**
 * `ip addr del`. With its primary address go the secondary ones of the subnet, unless
 * promote_secondaries is on: then the first of them takes its place.
 * @throws KernelError EADDRNOTAVAIL "ipv4: Address not found" @source __inet_del_ifa()
 */
export function deleteAddress(
  netns: NetNamespace,
  device: Device,
  spec: { readonly address: Ipv4; readonly prefixLength?: number },
): void {
  const inet = inetOf(device);
  const found = inet.addresses.find(
    (each) =>
      each.address === spec.address &&
      (spec.prefixLength === undefined || each.prefixLength === spec.prefixLength),
  );
  if (found === undefined) throw new KernelError('EADDRNOTAVAIL', 'ipv4: Address not found');
  removeAddress(netns, inet, found);
}

/** All addresses of a device go (it was deleted, or `ip addr flush`). @source inetdev_destroy() */
export function deleteAllAddresses(netns: NetNamespace, device: Device): void {
  const inet = inetOf(device);
  for (;;) {
    const first = inet.addresses[0];
    if (first === undefined) return;
    removeAddress(netns, inet, first);
  }
}

/** The addresses of a device, primary ones first. */
export function listAddresses(device: Device): readonly InterfaceAddress[] {
  return inetOf(device).addresses;
}

/**
 * The routes of all addresses of a device that has come up.
 * @source fib_netdev_event() NETDEV_UP
 */
export function addRoutesOfDevice(netns: NetNamespace, device: Device): void {
  const inet = inetOf(device);
  for (const each of inet.addresses) addRoutesOf(netns, inet, each);
}

/** Whether the address is this host's (on any interface, or in 127.0.0.0/8). @source __ip_dev_find() */
export function isLocalAddress(netns: NetNamespace, address: Ipv4): boolean {
  const { fib } = netns;
  return hasInterfaceAddress(fib, address) || addressType(fib, address, null) === RTN_LOCAL;
}

/** The device that has this local address, null if none. @source __ip_dev_find() */
export function deviceOfAddress(netns: NetNamespace, address: Ipv4): Device | null {
  const found = getInt(netns.fib.addresses, address);
  if (found !== null) return found[0]!.device;
  return addressType(netns.fib, address, null) === RTN_LOCAL ? netns.loopback : null;
}

/**
 * The source address for packets out of `device`: the first primary one of this scope or wider, rather
 * one of the subnet of `target` (0: no matter); failing that, one of another device. 0 if there is none.
 * @source inet_select_addr()
 */
export function selectSource(
  netns: NetNamespace,
  device: Device,
  target: Ipv4,
  scope: number,
): Ipv4 {
  const { addresses, conf } = inetOf(device);
  const isLocalnet = (conf.routeLocalnet | netns.sysctl.confAll.routeLocalnet) !== 0;
  const hostScope = isLocalnet ? SCOPE_LINK : SCOPE_HOST;
  let first = 0;
  for (let i = 0; i < addresses.length; i++) {
    const each = addresses[i]!;
    if (each.isSecondary || Math.min(each.scope, hostScope) > scope) continue;
    if (target === 0 || isInSubnet(target, each)) return each.address;
    if (first === 0) first = each.address;
  }
  if (first !== 0) return first;
  const { devices } = netns;
  for (let i = 0; i < devices.length; i++) {
    const others = inetOf(devices[i]!).addresses;
    for (let k = 0; k < others.length; k++) {
      const each = others[k]!;
      if (each.isSecondary || each.scope === SCOPE_LINK || each.scope > scope) continue;
      return each.address;
    }
  }
  return 0;
}

/**
 * The address that MASQUERADE and REDIRECT take on a device, null if it has none.
 * @source net/netfilter/nf_nat_masquerade.c nf_nat_masquerade_ipv4()
 */
export function primaryAddressOf(
  device: Device,
  target: Ipv4,
  scope = SCOPE_UNIVERSE,
): Ipv4 | null {
  const address = selectSource(namespaceOf(device), device, target, scope);
  return address === 0 ? null : address;
}

/** Whether both addresses are in one subnet of the device (`other` 0: only the first). @source inet_addr_onlink() */
export function isOnLink(device: Device, address: Ipv4, other: Ipv4): boolean {
  const { addresses } = inetOf(device);
  for (let i = 0; i < addresses.length; i++) {
    const each = addresses[i]!;
    if (each.isSecondary || !isInSubnet(address, each)) continue;
    if (other === 0 || isInSubnet(other, each)) return true;
  }
  return false;
}

/** The routes that come with one address. @source fib_add_ifaddr() */
function addRoutesOf(netns: NetNamespace, inet: Inet, added: InterfaceAddress): void {
  const { device } = inet;
  const primary = added.isSecondary ? primaryOf(inet, added) : added;
  if (primary === null) return;
  const source = primary.address;
  addKernelRoute(netns, localRoute(device, added.address, source));
  if (!device.isUp) return;
  if (added.broadcast !== 0 && added.broadcast !== -1) {
    addKernelRoute(netns, broadcastRoute(device, added.broadcast, source));
  }
  const prefix = added.peer & added.mask;
  const hasSubnet = prefix !== added.address || added.prefixLength < 32;
  if (prefix >>> 24 === 0 || added.isSecondary || !hasSubnet) return;
  addKernelRoute(netns, subnetRoute(device, prefix, added.prefixLength, source));
  if (added.prefixLength < 31) {
    addKernelRoute(netns, broadcastRoute(device, prefix | ~added.mask, source));
  }
}

/** Takes one address out, with the routes that nobody else brings along. @source fib_del_ifaddr() */
function removeAddress(netns: NetNamespace, inet: Inet, gone: InterfaceAddress): void {
  const { device, addresses, conf } = inet;
  let heir: InterfaceAddress | null = null;
  if (!gone.isSecondary) {
    const isPromoting = (conf.promoteSecondaries | netns.sysctl.confAll.promoteSecondaries) !== 0;
    const followers = addresses.filter(
      (each) => each.isSecondary && each.mask === gone.mask && isInSubnet(each.peer, gone),
    );
    if (isPromoting) heir = followers[0] ?? null;
    else for (const follower of followers) removeOne(netns, inet, follower, gone);
  }
  removeOne(netns, inet, gone, gone.isSecondary ? (primaryOf(inet, gone) ?? gone) : gone);
  if (heir !== null) {
    heir.isSecondary = false;
    const followers = addresses.filter((each) => each.isSecondary && each.mask === gone.mask);
    addresses.splice(addresses.indexOf(heir), 1);
    const at = addresses.findIndex((each) => each.isSecondary);
    addresses.splice(at < 0 ? addresses.length : at, 0, heir);
    addRoutesOf(netns, inet, heir);
    for (const follower of followers) {
      if (isInSubnet(follower.peer, heir)) addRoutesOf(netns, inet, follower);
    }
  }
  notify(netns, device);
}

function removeOne(
  netns: NetNamespace,
  inet: Inet,
  gone: InterfaceAddress,
  primary: InterfaceAddress,
): void {
  const { device, addresses } = inet;
  addresses.splice(addresses.indexOf(gone), 1);
  const same = getInt(netns.fib.addresses, gone.address) ?? [];
  same.splice(same.indexOf(gone), 1);
  if (same.length === 0) deleteInt(netns.fib.addresses, gone.address);
  const source = primary.address;
  const prefix = gone.peer & gone.mask;
  if (!gone.isSecondary) {
    deleteKernelRoute(netns, subnetRoute(device, prefix, gone.prefixLength, source));
  }
  const netBroadcast = prefix | ~gone.mask;
  for (const broadcast of [gone.broadcast, netBroadcast]) {
    const isStillNeeded = addresses.some((each) => bringsBroadcast(each, broadcast));
    if (isStillNeeded || broadcast === 0) continue;
    deleteKernelRoute(netns, broadcastRoute(device, broadcast, source));
  }
  if (!addresses.some((each) => each.address === gone.address)) {
    deleteKernelRoute(netns, localRoute(device, gone.address, source));
    if (addressType(netns.fib, gone.address, null) !== RTN_LOCAL) {
      deleteRoutesFrom(netns, gone.address);
    }
  }
}

function bringsBroadcast(address: InterfaceAddress, broadcast: Ipv4): boolean {
  if (address.broadcast === broadcast) return true;
  if (address.isSecondary || address.prefixLength >= 31) return false;
  return ((address.peer & address.mask) | ~address.mask) === broadcast;
}

/** The primary address of a secondary one's subnet. @source inet_ifa_byprefix() */
function primaryOf(inet: Inet, secondary: InterfaceAddress): InterfaceAddress | null {
  for (const each of inet.addresses) {
    if (!each.isSecondary && each.mask === secondary.mask && isInSubnet(secondary.peer, each)) {
      return each;
    }
  }
  return null;
}

function localRoute(device: Device, address: Ipv4, source: Ipv4): RouteSpec {
  return kernelRoute(device, RTN_LOCAL, address, 32, source);
}

function broadcastRoute(device: Device, address: Ipv4, source: Ipv4): RouteSpec {
  return kernelRoute(device, RTN_BROADCAST, address, 32, source);
}

function subnetRoute(device: Device, prefix: Ipv4, length: number, source: Ipv4): RouteSpec {
  return kernelRoute(device, device.isLoopback ? RTN_LOCAL : RTN_UNICAST, prefix, length, source);
}

function kernelRoute(
  device: Device,
  type: number,
  prefix: Ipv4,
  prefixLength: number,
  preferredSource: Ipv4,
): RouteSpec {
  return {
    prefix: prefix & maskOf(prefixLength),
    prefixLength,
    table: type === RTN_UNICAST ? TABLE_MAIN : TABLE_LOCAL,
    type,
    scope: type === RTN_LOCAL ? SCOPE_HOST : SCOPE_LINK,
    protocol: ROUTE_PROTOCOL_KERNEL,
    preferredSource,
    device,
  };
}

function notify(netns: NetNamespace, device: Device): void {
  netns.fib.generation++;
  for (const watcher of netns.deviceWatchers) watcher(device, 'address');
}
