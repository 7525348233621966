/**
 * Devices as `ip link` handles them: made, named, enslaved, moved to another namespace, deleted.
 * @source net/core/rtnetlink.c; net/core/dev.c register_netdevice(), dev_change_net_namespace()
 */
import { KernelError } from '../base/errors.ts';
import { type Mac, macOf } from '../base/mac-address.ts';
import { nextInt32 } from '../base/prng.ts';
import { bridgeOf, bridgePortOf } from '../devices/bridge.ts';
import { addBridgePort, removeBridgePort } from '../devices/bridge-control.ts';
import type { LinkOptions } from '../devices/device-kind.ts';
import { DEVICE_KINDS, deviceKindOf } from '../devices/index.ts';
import { ipvlanOf } from '../devices/ipvlan.ts';
import { joinVeths, vethPeerOf } from '../devices/veth.ts';
import { vxlanOf, vxlansBornIn } from '../devices/vxlan-record.ts';
import type { Device } from '../engine/device.ts';
import { type Simulator, streamOf } from '../engine/simulator.ts';
import { BRIDGE_NETFILTER } from './bridge-netfilter.ts';
import { makeInet } from './inet.ts';
import { deliverFrame } from './input.ts';
import { IPVLAN_STACK } from './ipvlan-stack.ts';
import { checkMac, checkMtu, notifyWatchers, setLinkDown, updateCarrier } from './link-state.ts';
import { type NetNamespace, namespaceOf } from './namespace.ts';
import { netnsId } from './netns-ids.ts';
import { VXLAN_UNDERLAY } from './vxlan-underlay.ts';

export {
  deviceOperState,
  setLinkDown,
  setLinkMac,
  setLinkMtu,
  setLinkUp,
  setPromiscuous,
} from './link-state.ts';

/** Devices of one namespace. */
export const DEVICES_MAX = 4096;
/** Longest name of a device. @source IFNAMSIZ - 1 */
export const DEVICE_NAME_MAX = 15;

/**
 * `ip link add`. A veth comes with its peer, which is registered first.
 * @throws KernelError EEXIST, EINVAL, EOPNOTSUPP and what the kind says.
 */
export function createLink(netns: NetNamespace, options: LinkOptions): Device {
  const kind = DEVICE_KINDS.find((each) => each.name === options.kind);
  if (kind === undefined) throw new KernelError('EOPNOTSUPP', 'Unknown device type');
  if (options.kind === 'veth') return createVethPair(netns, options);
  const mac = checkOptions(netns, options);
  const device = kind.make(
    netns,
    { ...options, name: chooseName(netns, options.name, kind.name) },
    mac,
  );
  registerDevice(netns, device);
  updateCarrier(device);
  return device;
}

/**
 * Puts a device into a namespace: ifindex, protocols, place in the list. For `lo` and cables; the
 * rest come by createLink.
 * @throws KernelError EEXIST, ENOSPC
 */
export function registerDevice(netns: NetNamespace, device: Device): void {
  checkName(netns, device.name);
  if (netns.devices.length >= DEVICES_MAX) throw new KernelError('ENOSPC');
  device.netns = netns;
  device.index = freeIndex(netns);
  list(netns, device);
  fillSlots(device);
  device.isRegistered = true;
  netns.sim.onDevice?.(device);
}

/** The device of this name. @throws KernelError ENODEV */
export function findDevice(netns: NetNamespace, name: string): Device {
  const device = netns.deviceByName.get(name);
  if (device === undefined) throw new KernelError('ENODEV');
  return device;
}

/**
 * `ip link del`: the device goes with all that stands on it, a veth with its peer.
 * @throws KernelError EOPNOTSUPP for lo.
 */
export function deleteLink(device: Device): void {
  if (!device.isRegistered) return;
  const netns = namespaceOf(device);
  if (device.isLoopback && netns.isAlive) throw new KernelError('EOPNOTSUPP');
  const peer = vethPeerOf(device);
  clearAround(device);
  if (peer !== null) clearAround(peer);
  withdraw(device);
  if (peer?.isRegistered) withdraw(peer);
  finish(device);
  if (peer !== null) finish(peer);
}

/** `ip link set DEV name NEW`. @throws KernelError EEXIST, EINVAL */
export function renameLink(device: Device, name: string): void {
  if (name === device.name) return;
  const netns = namespaceOf(device);
  const chosen = chooseName(netns, name, device.kind);
  checkName(netns, chosen);
  netns.deviceByName.delete(device.name);
  device.name = chosen;
  netns.deviceByName.set(chosen, device);
  notifyWatchers(device, 'renamed');
}

/**
 * `ip link set DEV master BRIDGE` or `nomaster`.
 * @throws KernelError EOPNOTSUPP, EINVAL, ELOOP, EBUSY, EXFULL @source do_set_master(), br_add_if()
 */
export function setLinkMaster(device: Device, bridge: Device | null): void {
  if (bridge !== null && bridge.kind !== 'bridge') throw new KernelError('EOPNOTSUPP');
  if (device.master === bridge && bridge !== null) return;
  if (device.master !== null) {
    const before = device.master;
    removeBridgePort(device);
    updateCarrier(before);
  }
  if (bridge === null) return;
  if (device.isLoopback) throw new KernelError('EINVAL');
  if (device.kind === 'bridge') {
    throw new KernelError('ELOOP', 'Can not enslave a bridge to a bridge');
  }
  if (device.intercept !== null) throw new KernelError('EBUSY');
  addBridgePort(bridge, device);
  updateCarrier(bridge);
}

/**
 * `ip link set DEV netns NS [name NEW]`: the device goes down, loses addresses and master, and is
 * registered anew; it keeps its ifindex if that is free there.
 * @throws KernelError EINVAL, EEXIST @source __dev_change_net_namespace()
 */
export function moveLink(device: Device, target: NetNamespace, newName?: string): void {
  const netns = namespaceOf(device);
  if (netns === target) {
    if (newName !== undefined) renameLink(device, newName);
    return;
  }
  if (device.isLoopback || device.kind === 'bridge') {
    throw new KernelError('EINVAL', 'The interface netns is immutable');
  }
  const name = chooseName(target, newName ?? device.name, device.kind);
  checkName(target, name);
  if (target.devices.length >= DEVICES_MAX) throw new KernelError('ENOSPC');
  withdraw(device);
  device.name = name;
  device.netns = target;
  if (target.devices.some((each) => each.index === device.index)) {
    device.index = freeIndex(target);
  }
  list(target, device);
  fillSlots(device);
  device.isRegistered = true;
}

/** Whether a device may be called so. @source dev_valid_name() */
export function isDeviceName(name: string): boolean {
  if (name.length === 0 || name.length > DEVICE_NAME_MAX) return false;
  return name !== '.' && name !== '..' && !/[/:\s]/.test(name);
}

/** The next number that no device has; those that came with a number of their own do not count. @source dev_index_reserve() */
function freeIndex(netns: NetNamespace): number {
  while (netns.devices.some((each) => each.index === netns.nextIndex)) netns.nextIndex++;
  return netns.nextIndex++;
}

function createVethPair(netns: NetNamespace, options: LinkOptions): Device {
  const kind = deviceKindOf('veth')!; // registered: see devices/index.ts
  const { peer = {} } = options;
  const peerNetns = (peer.netns ?? netns) as NetNamespace; // every Netns is one: see namespaceOf
  const peerMac = checkOptions(peerNetns, { kind: 'veth', ...peer });
  const mac = checkOptions(netns, options);
  const peerName = chooseName(peerNetns, peer.name, 'veth');
  checkName(peerNetns, peerName);
  const { netns: _elsewhere, ...peerRest } = peer;
  const other = kind.make(peerNetns, { kind: 'veth', ...peerRest, name: peerName }, peerMac);
  registerDevice(peerNetns, other);
  try {
    const name = chooseName(netns, options.name, 'veth');
    const device = kind.make(netns, { ...options, name }, mac);
    registerDevice(netns, device);
    joinVeths(device, other);
    introduce(netns, peerNetns);
    return device;
  } catch (error) {
    withdraw(other);
    throw error;
  }
}

/** The kernel's messages about a pair name each side by the other's number. */
function introduce(netns: NetNamespace, peerNetns: NetNamespace): void {
  if (netns === peerNetns) return;
  netnsId(peerNetns, netns);
  netnsId(netns, peerNetns);
}

/** Refuses what rtnetlink refuses for every kind; gives the address, drawn if none was named. */
function checkOptions(netns: NetNamespace, options: LinkOptions): Mac {
  if (options.name !== undefined && !options.name.includes('%')) checkName(netns, options.name);
  if (options.mtu !== undefined) checkMtu(options.kind, options.mtu);
  if (options.mac === undefined) return randomMac(netns.sim);
  checkMac(options.mac);
  return options.mac;
}

/** A locally administered unicast address. @source eth_random_addr() */
function randomMac(sim: Simulator): Mac {
  const stream = streamOf(sim, 'devices/mac');
  const hi = ((nextInt32(stream) >>> 16) & 0xfeff) | 0x0200;
  return macOf(hi, nextInt32(stream));
}

/** Fills in the number of a pattern like `veth%d`: the lowest that is free. @source __dev_alloc_name() */
function chooseName(netns: NetNamespace, wanted: string | undefined, kindName: string): string {
  const pattern = wanted ?? `${kindName}%d`;
  if (!pattern.includes('%d')) return pattern;
  for (let number = 0; ; number++) {
    const name = pattern.replace('%d', String(number));
    if (!netns.deviceByName.has(name)) return name;
  }
}

function checkName(netns: NetNamespace, name: string): void {
  if (!isDeviceName(name)) throw new KernelError('EINVAL');
  if (netns.deviceByName.has(name)) throw new KernelError('EEXIST');
}

/** Puts it into the namespace's list, which is in order of ifindex. */
function list(netns: NetNamespace, device: Device): void {
  const at = netns.devices.findIndex((each) => each.index > device.index);
  netns.devices.splice(at < 0 ? netns.devices.length : at, 0, device);
  netns.deviceByName.set(device.name, device);
}

/** What the layers above hang on a device. */
function fillSlots(device: Device): void {
  device.deliver = deliverFrame;
  device.inet = makeInet(device);
  if (device.state.kind === 'bridge') bridgeOf(device).netfilter = BRIDGE_NETFILTER;
  if (device.state.kind === 'vxlan') vxlanOf(device).underlay = VXLAN_UNDERLAY;
  if (device.state.kind === 'ipvlan') ipvlanOf(device).stack = IPVLAN_STACK;
}

/** Ends what stands on a device, and lets go the ports of a bridge. */
function clearAround(device: Device): void {
  for (const upper of [...device.uppers]) deleteLink(upper);
  if (device.state.kind === 'bridge') {
    for (const port of [...bridgeOf(device).ports]) setLinkMaster(port.device, null);
  }
  for (const vxlan of [...vxlansBornIn(device.netns)]) {
    // Its underlay goes with the device below it, or with the namespace in which it was made.
    if (device.isLoopback || vxlanOf(vxlan).lower === device) deleteLink(vxlan);
  }
}

/** Takes it out of its namespace: down, no port any more, addresses and routes gone. */
function withdraw(device: Device): void {
  const netns = namespaceOf(device);
  setLinkDown(device);
  if (bridgePortOf(device) !== null) setLinkMaster(device, null);
  notifyWatchers(device, 'removed');
  device.isRegistered = false;
  netns.devices.splice(netns.devices.indexOf(device), 1);
  netns.deviceByName.delete(device.name);
}

/** The end of a device. */
function finish(device: Device): void {
  deviceKindOf(device.kind)?.destroy?.(device.netns.sim, device);
}
