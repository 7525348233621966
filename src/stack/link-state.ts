/**
 * What changes on a device that is there: up, down, carrier, MTU, address, and what follows from it
 * for the devices above, beside and below.
 * @source net/core/dev.c __dev_open(), dev_close_many(), dev_set_mtu_ext(); net/core/link_watch.c
 */
import { KernelError } from '../base/errors.ts';
import { type Mac, macHi, macLo, macOf } from '../base/mac-address.ts';
import { bridgeOf, bridgePortOf } from '../devices/bridge.ts';
import {
  adjustBridgeMtu,
  changePortMac,
  setBridgeMac,
  updateBridgePort,
  updateBridgePorts,
} from '../devices/bridge-control.ts';
import { cablePeerOf } from '../devices/cable.ts';
import { deviceKindOf } from '../devices/index.ts';
import { resetNetem } from '../devices/netem.ts';
import { resetTbf } from '../devices/tbf.ts';
import { vethPeerOf } from '../devices/veth.ts';
import type { Device } from '../engine/device.ts';
import { joinSnoopers, leaveSnoopers } from './bridge-snooper.ts';
import { type DeviceChange, namespaceOf } from './namespace.ts';

/** IF_OPER_*, as `ip link` prints it. */
type OperState = 'UP' | 'DOWN' | 'UNKNOWN' | 'LOWERLAYERDOWN';

/** Tells everybody in the namespace who follows its devices. */
export function notifyWatchers(device: Device, change: DeviceChange): void {
  for (const watcher of namespaceOf(device).deviceWatchers) watcher(device, change);
}

/** `ip link set DEV up`. @throws KernelError when the kind refuses. @source __dev_open() */
export function setLinkUp(device: Device): void {
  if (device.isUp) return;
  deviceKindOf(device.kind)?.open?.(device.netns.sim, device);
  device.isUp = true;
  updateCarrier(device); // who announces something as it comes up must get it through
  notifyWatchers(device, 'up');
  followState(device);
  if (device.kind === 'bridge') joinSnoopers(device.netns.sim, device);
  for (const upper of device.uppers) {
    // A VLAN comes up with the device below it.
    if (upper.kind === 'vlan') setLinkUp(upper);
  }
}

/** `ip link set DEV down`. @source __dev_close_many() */
export function setLinkDown(device: Device): void {
  if (!device.isUp) return;
  device.isUp = false;
  device.hasHadCarrier = false;
  const { sim } = device.netns;
  deviceKindOf(device.kind)?.stop?.(sim, device);
  if (device.kind === 'bridge') leaveSnoopers(sim, device);
  resetNetem(sim, device);
  resetTbf(sim, device);
  notifyWatchers(device, 'down');
  followState(device);
  for (const upper of device.uppers) if (upper.kind === 'vlan') setLinkDown(upper);
}

/**
 * Looks at the carrier of a device again, and at that of all which depend on it.
 * @source net/core/link_watch.c linkwatch_do_dev()
 */
export function updateCarrier(device: Device): void {
  const kind = deviceKindOf(device.kind);
  const hasCarrier = kind === null ? device.hasCarrier : (kind.hasCarrier?.(device) ?? true);
  if (hasCarrier === device.hasCarrier) return;
  device.hasCarrier = hasCarrier;
  if (hasCarrier && device.isUp) device.hasHadCarrier = true;
  if (device.state.kind === 'bridge') bridgeOf(device).hasOperState = true;
  notifyWatchers(device, 'carrier');
  followCarrier(device);
}

/** The state in `ip link`. @source net/core/link_watch.c default_operstate() */
export function deviceOperState(device: Device): OperState {
  if (!device.isUp) return 'DOWN';
  if (!device.hasCarrier) {
    const { lower } = device;
    if (lower === null) return 'DOWN';
    // The kernel looks for the lower device's index in this namespace, whatever it finds there.
    const seen = namespaceOf(device).devices.find((each) => each.index === lower.index);
    if (seen === undefined || seen === device || seen.hasCarrier) return 'DOWN';
    return 'LOWERLAYERDOWN';
  }
  switch (device.kind) {
    case 'loopback':
    case 'dummy':
    case 'vxlan':
    case 'ipvlan':
      return 'UNKNOWN';
    case 'bridge':
      return bridgeOf(device).hasOperState ? 'UP' : 'UNKNOWN';
    default:
      return 'UP';
  }
}

/** `ip link set DEV mtu N`. @throws KernelError EINVAL, ERANGE @source dev_set_mtu_ext() */
export function setLinkMtu(device: Device, mtuBytes: number): void {
  checkMtu(device.kind, mtuBytes);
  if (mtuBytes === device.mtuBytes) return; // not even a bridge takes it for the user's choice
  deviceKindOf(device.kind)?.checkMtu?.(device, mtuBytes);
  if (device.state.kind === 'bridge') bridgeOf(device).hasUserMtu = true;
  changeMtu(device, mtuBytes);
}

/** Whether a device of this kind may have this MTU. @throws KernelError EINVAL @source dev_validate_mtu() */
export function checkMtu(kindName: string, mtuBytes: number): void {
  const kind = deviceKindOf(kindName);
  const least = kind === null ? 0 : kind.minMtuBytes;
  if (!Number.isInteger(mtuBytes) || mtuBytes < least) {
    throw new KernelError('EINVAL', 'mtu less than device minimum');
  }
  const most = kind === null ? 0 : kind.maxMtuBytes;
  if (most > 0 && mtuBytes > most) {
    throw new KernelError('EINVAL', 'mtu greater than device maximum');
  }
}

/** `ip link set DEV address MAC`. @throws KernelError EADDRNOTAVAIL @source eth_mac_addr() */
export function setLinkMac(device: Device, mac: Mac): void {
  if (device.isLoopback) throw new KernelError('EOPNOTSUPP');
  checkMac(mac);
  if (device.state.kind === 'bridge') {
    setBridgeMac(device, mac);
    updateCarrier(device);
    notifyWatchers(device, 'mac');
    return;
  }
  const before = macOf(device.macHi, device.macLo);
  device.macHi = macHi(mac);
  device.macLo = macLo(mac);
  const port = bridgePortOf(device);
  if (port !== null) {
    changePortMac(port, before);
    updateCarrier(port.bridge);
  }
  notifyWatchers(device, 'mac');
  for (const upper of device.uppers) {
    const follows =
      upper.kind === 'ipvlan' ||
      (upper.kind === 'vlan' && macOf(upper.macHi, upper.macLo) === before);
    if (follows) setLinkMac(upper, mac);
  }
}

/** @throws KernelError EADDRNOTAVAIL for a group address or zero. */
export function checkMac(mac: Mac): void {
  if (mac === 0 || (macHi(mac) & 0x0100) !== 0) throw new KernelError('EADDRNOTAVAIL');
}

/** `ip link set DEV promisc on|off`, or a capture that wants all frames; counts. */
export function setPromiscuous(device: Device, isOn: boolean): void {
  device.promiscuousCount = Math.max(0, device.promiscuousCount + (isOn ? 1 : -1));
}

/** After the MTU of something below or of a port changed. */
function changeMtu(device: Device, mtuBytes: number): void {
  device.mtuBytes = mtuBytes;
  notifyWatchers(device, 'mtu');
  const port = bridgePortOf(device);
  if (port !== null) {
    const before = port.bridge.mtuBytes;
    adjustBridgeMtu(port.bridge);
    if (port.bridge.mtuBytes !== before) notifyWatchers(port.bridge, 'mtu');
  }
  for (const upper of device.uppers) {
    if (upper.kind === 'ipvlan' || upper.mtuBytes > mtuBytes) changeMtu(upper, mtuBytes);
  }
}

/** After a device went up or down. */
function followState(device: Device): void {
  updateCarrier(device);
  const peer = vethPeerOf(device) ?? cablePeerOf(device);
  if (peer !== null) updateCarrier(peer);
  if (device.state.kind === 'bridge') {
    updateBridgePorts(device);
    updateCarrier(device);
  }
  followCarrier(device);
}

/** The bridge of which it is a port, and the devices above. */
function followCarrier(device: Device): void {
  const port = bridgePortOf(device);
  if (port !== null) {
    updateBridgePort(port);
    updateCarrier(port.bridge);
  }
  for (const upper of device.uppers) updateCarrier(upper);
}
