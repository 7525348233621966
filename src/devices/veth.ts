/**
 * veth: a pair of devices; what one transmits the other receives.
 * @source drivers/net/veth.c
 */
import { assert } from '../base/assert.ts';
import type { Mac } from '../base/mac-address.ts';
import {
  type Device,
  type DeviceState,
  makeDevice,
  type Netns,
  netifRx,
} from '../engine/device.ts';
import type { DropReason } from '../engine/drop-reason.ts';
import type { Packet } from '../engine/packet.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import { ETHERNET_BYTES } from '../protocols/ethernet.ts';
import { VLAN_TAG_BYTES } from '../protocols/vlan.ts';
import type { DeviceKind } from './device-kind.ts';
import { scrubPacket } from './scrub.ts';

const ETHERNET_MTU_BYTES = 1500;

interface Veth extends DeviceState {
  readonly kind: 'veth';
  peer: Device | null;
}

/** The other end, null once the pair is being deleted or if it is no veth. */
export function vethPeerOf(device: Device): Device | null {
  return device.kind === 'veth' ? vethOf(device).peer : null;
}

/** One end; joinVeths makes two of them a pair. */
export function makeVeth(
  netns: Netns,
  name: string,
  mac: Mac,
  mtuBytes: number | undefined,
): Device {
  const state: Veth = { kind: 'veth', peer: null };
  const device = makeDevice({
    name,
    kind: 'veth',
    netns,
    mac,
    mtuBytes: mtuBytes ?? ETHERNET_MTU_BYTES,
    state,
    transmit: transmitVeth,
  });
  device.hasCarrier = false;
  return device;
}

/** Makes a pair of two ends. */
export function joinVeths(one: Device, other: Device): void {
  vethOf(one).peer = other;
  vethOf(other).peer = one;
  one.lower = other;
  other.lower = one;
}

export const vethKind: DeviceKind = {
  name: 'veth',
  minMtuBytes: 68,
  maxMtuBytes: 65535,
  make: (netns, options, mac) => makeVeth(netns, options.name ?? 'veth%d', mac, options.mtu),
  open: null,
  stop: null,
  destroy: destroyVeth,
  hasCarrier: (device) => device.isUp && (vethOf(device).peer?.isUp ?? false),
  checkMtu: null,
  describe: () => 'veth',
};

function vethOf(device: Device): Veth {
  assert(device.state.kind === 'veth', 'the state of a veth is a veth');
  return device.state as Veth; // the kind says so
}

function destroyVeth(_sim: Simulator, device: Device): void {
  const state = vethOf(device);
  const { peer } = state;
  state.peer = null;
  device.lower = null;
  if (peer === null) return;
  vethOf(peer).peer = null;
  peer.lower = null;
}

/** @source veth_xmit(), ____dev_forward_skb(), __is_skb_forwardable() */
function transmitVeth(sim: Simulator, device: Device, packet: Packet): void {
  const peer = (device.state as Veth).peer; // only veths have this transmit
  if (peer === null) {
    refuse(sim, device, packet, 'device-gone');
    return;
  }
  if (!peer.isUp) {
    peer.rxDropped++;
    refuse(sim, device, packet, 'no-carrier');
    return;
  }
  if (packet.end - packet.start > peer.mtuBytes + ETHERNET_BYTES + VLAN_TAG_BYTES) {
    peer.rxDropped++;
    refuse(sim, device, packet, 'mtu-exceeded');
    return;
  }
  scrubPacket(packet, device.netns !== peer.netns);
  netifRx(sim, peer, packet);
}

/** What the peer does not take is not counted as sent. */
function refuse(sim: Simulator, device: Device, packet: Packet, reason: DropReason): void {
  device.txPackets--;
  device.txBytes -= packet.end - packet.start;
  device.txDropped++;
  drop(sim, packet, reason, device);
}
