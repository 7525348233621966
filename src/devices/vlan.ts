/**
 * A VLAN interface (eth0.100): tags what it sends and takes the tagged frames of the device below.
 * The tag is in the bytes, so that a capture on the device below shows it.
 * @source net/8021q/vlan_dev.c, vlan_core.c vlan_do_receive(), vlan_netlink.c
 */
import { assert } from '../base/assert.ts';
import { KernelError } from '../base/errors.ts';
import { type Mac, macOf } from '../base/mac-address.ts';
import {
  type Device,
  type DeviceState,
  makeDevice,
  type Netns,
  passUp,
  transmit,
} from '../engine/device.ts';
import { PACKET_HOST, PACKET_OTHERHOST, type Packet } from '../engine/packet.ts';
import { copyPacket, releasePacket } from '../engine/packet-pool.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import { ETHERNET_BYTES, targetMacHi, targetMacLo } from '../protocols/ethernet.ts';
import { removeVlanTag, VLAN_TAG_BYTES, vlanIdOf, writeVlanTag } from '../protocols/vlan.ts';
import type { DeviceKind, LinkOptions } from './device-kind.ts';

/** Ids are 0..4094. @source VLAN_VID_MASK */
const VLAN_ID_END = 4095;

interface Vlan extends DeviceState {
  readonly kind: 'vlan';
  readonly id: number;
}

/** The VLAN id of a VLAN interface. */
export function vlanIdOfDevice(device: Device): number {
  assert(device.state.kind === 'vlan', 'the state of a VLAN interface is a vlan');
  return (device.state as Vlan).id; // the kind says so
}

export const vlanKind: DeviceKind = {
  name: 'vlan',
  minMtuBytes: 0,
  maxMtuBytes: 65535,
  make: makeVlan,
  open: (_sim, device) => {
    if (!device.lower!.isUp) throw new KernelError('ENETDOWN');
  },
  stop: null,
  destroy: (_sim, device) => detach(device),
  hasCarrier: (device) => device.lower?.hasCarrier ?? false,
  checkMtu: (device, mtuBytes) => {
    if (mtuBytes > device.lower!.mtuBytes) throw new KernelError('ERANGE');
  },
  describe: (device) => `vlan protocol 802.1Q id ${vlanIdOfDevice(device)} <REORDER_HDR>`,
};

function makeVlan(netns: Netns, options: LinkOptions, drawnMac: Mac): Device {
  const { link } = options;
  if (link === undefined) throw new KernelError('EINVAL', 'link not specified');
  const id = options.vlan?.id;
  if (id === undefined) throw new KernelError('EINVAL', 'VLAN properties not specified');
  if (!Number.isInteger(id) || id < 0 || id >= VLAN_ID_END) {
    throw new KernelError('ERANGE', 'Invalid VLAN id');
  }
  if (link.isLoopback) throw new KernelError('EOPNOTSUPP', 'VLANs not supported on device');
  if (link.uppers.some((upper) => upper.kind === 'vlan' && vlanIdOfDevice(upper) === id)) {
    throw new KernelError('EEXIST', 'VLAN device already exists');
  }
  if (options.mtu !== undefined && options.mtu > link.mtuBytes) throw new KernelError('EINVAL');
  const state: Vlan = { kind: 'vlan', id };
  const device = makeDevice({
    name: options.name ?? 'vlan%d',
    kind: 'vlan',
    netns,
    mac: options.mac === undefined ? macOf(link.macHi, link.macLo) : drawnMac,
    mtuBytes: options.mtu ?? link.mtuBytes,
    state,
    transmit: transmitVlan,
  });
  device.lower = link;
  link.uppers.push(device);
  link.interceptVlan = receiveTagged;
  return device;
}

function detach(device: Device): void {
  const { lower } = device;
  if (lower === null) return;
  lower.uppers.splice(lower.uppers.indexOf(device), 1);
  if (!lower.uppers.some((upper) => upper.kind === 'vlan')) lower.interceptVlan = null;
  device.lower = null;
}

/** @source vlan_dev_hard_start_xmit() */
function transmitVlan(sim: Simulator, device: Device, packet: Packet): void {
  const { lower } = device;
  if (lower === null) {
    drop(sim, packet, 'device-gone', device);
    return;
  }
  let tagged = packet;
  if (packet.start < VLAN_TAG_BYTES) {
    tagged = copyPacket(sim, packet);
    releasePacket(sim, packet);
  }
  writeVlanTag(tagged.bytes, tagged.start, (device.state as Vlan).id); // only VLANs have this transmit
  tagged.start -= VLAN_TAG_BYTES;
  transmit(sim, lower, tagged);
}

/** Device.interceptVlan of a device with VLANs. @source vlan_do_receive() */
function receiveTagged(sim: Simulator, device: Device, packet: Packet): boolean {
  const { bytes, start } = packet;
  if (packet.end - start < ETHERNET_BYTES + VLAN_TAG_BYTES) return false;
  const upper = findVlan(device, vlanIdOf(bytes, start));
  if (upper === null) return false;
  if (!upper.isUp) {
    drop(sim, packet, 'device-down', upper);
    return true;
  }
  removeVlanTag(bytes, start);
  packet.start = start + VLAN_TAG_BYTES;
  packet.device = upper;
  if (
    packet.packetType === PACKET_OTHERHOST &&
    targetMacHi(bytes, packet.start) === upper.macHi &&
    targetMacLo(bytes, packet.start) === upper.macLo
  ) {
    packet.packetType = PACKET_HOST;
  }
  upper.rxPackets++;
  upper.rxBytes += packet.end - packet.start - ETHERNET_BYTES;
  passUp(sim, upper, packet);
  return true;
}

function findVlan(device: Device, id: number): Device | null {
  const { uppers } = device;
  for (let i = 0; i < uppers.length; i++) {
    const upper = uppers[i]!;
    if (upper.state.kind === 'vlan' && (upper.state as Vlan).id === id) return upper;
  }
  return null;
}
