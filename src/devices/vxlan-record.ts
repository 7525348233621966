/**
 * The state of a vxlan device, what it asks of the stack, and the list of such devices by the
 * namespace in which they were made.
 * @source include/net/vxlan.h struct vxlan_dev; drivers/net/vxlan/vxlan_core.c
 */
import { assert } from '../base/assert.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device, DeviceState, Netns } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import type { Simulator } from '../engine/simulator.ts';
import type { VxlanDf, VxlanTtl } from './device-kind.ts';
import { findMac, removeMac } from './mac-table.ts';
import type { VxlanFdb, VxlanFdbEntry, VxlanRemote } from './vxlan-fdb.ts';

/** What the device asks of the stack below and beside it. */
export interface VxlanUnderlay {
  /** The device goes up: listen on its port. @throws KernelError EADDRINUSE */
  open(sim: Simulator, device: Device): void;
  close(sim: Simulator, device: Device): void;
  /** Decides the way to a remote; false: there is none. The answer stands in vxlan.way. */
  findWay(sim: Simulator, device: Device, remote: VxlanRemote, tos: number): boolean;
  /**
   * Puts UDP and IP headers before bytes[start, end) and sends it the way just found; owns it.
   * @param fragmentField IP_DF or 0.
   */
  send(
    sim: Simulator,
    device: Device,
    packet: Packet,
    remote: VxlanRemote,
    sourcePort: number,
    ttlHops: number,
    tos: number,
    fragmentField: number,
  ): void;
  /** The ports that a flow hash is scaled into: [low, high). */
  portRangeLow(device: Device): number;
  portRangeHigh(device: Device): number;
  /** A neighbour of this address on the device, null if there is none. */
  findNeighbour(device: Device, address: Ipv4): VxlanNeighbour | null;
  /** Whether its MAC address is known for sure (NUD_CONNECTED). */
  isConnected(neighbour: VxlanNeighbour): boolean;
  /** A packet of this namespace was too large for the underlay: its route learns the MTU. */
  learnPathMtu(sim: Simulator, device: Device, target: Ipv4, mtuBytes: number): void;
}

export interface VxlanNeighbour {
  readonly macHi: number;
  readonly macLo: number;
}

/** The answer of findWay. */
export interface UnderlayWay {
  /** The remote is an address of the underlay's own host. */
  isLocal: boolean;
  mtuBytes: number;
  /** The way leads into the vxlan device itself. */
  isCircular: boolean;
}

export interface Vxlan extends DeviceState {
  readonly kind: 'vxlan';
  readonly id: number;
  /** UDP port, ours and the remotes'. */
  readonly port: number;
  /** 0: the route's. */
  readonly local: Ipv4;
  readonly remote: Ipv4;
  readonly lower: Device | null;
  /** 0: the namespace's default. */
  readonly ttl: VxlanTtl;
  /** 1: the inner packet's. */
  readonly tos: number;
  readonly df: VxlanDf;
  readonly isLearning: boolean;
  readonly isProxy: boolean;
  readonly isL2Miss: boolean;
  readonly isL3Miss: boolean;
  readonly isRouteShortCircuit: boolean;
  readonly hasUdpChecksum: boolean;
  readonly ageingNs: number;
  readonly maxEntries: number;
  /** 0, 0: the namespace's range. */
  readonly sourcePortLow: number;
  readonly sourcePortHigh: number;
  readonly flowKey: number;
  /** The namespace in which it was made; its underlay stays there. */
  readonly birth: Netns;
  readonly fdb: VxlanFdb;
  readonly way: UnderlayWay;
  underlay: VxlanUnderlay | null;
  isOpen: boolean;
}

/** The private state of a vxlan device. */
export function vxlanOf(device: Device): Vxlan {
  assert(device.state.kind === 'vxlan', 'the state of a vxlan is a vxlan');
  return device.state as Vxlan; // the kind says so
}

/** The vxlan devices that were made in a namespace, wherever they are now. */
const devicesByBirth = new WeakMap<Netns, Device[]>();

export function vxlansBornIn(netns: Netns): readonly Device[] {
  return devicesByBirth.get(netns) ?? [];
}

export function rememberVxlan(birth: Netns, device: Device): void {
  const devices = devicesByBirth.get(birth);
  if (devices === undefined) devicesByBirth.set(birth, [device]);
  else devices.push(device);
}

export function forgetVxlan(birth: Netns, device: Device): void {
  const devices = devicesByBirth.get(birth) ?? [];
  const at = devices.indexOf(device);
  if (at >= 0) devices.splice(at, 1);
}

/** The device that was made in `birth` with this port and VNI and is up, null if none. */
export function findVxlan(birth: Netns, port: number, vni: number): Device | null {
  const devices = devicesByBirth.get(birth);
  if (devices === undefined) return null;
  for (let i = 0; i < devices.length; i++) {
    const state = devices[i]!.state as Vxlan; // the list has nothing else
    if (state.id === vni && state.port === port && state.isOpen) return devices[i]!;
  }
  return null;
}

/** The entry of an address, null if there is none or it is too old; looking it up keeps it young. */
export function lookUpVxlanFdb(
  vxlan: Vxlan,
  hi: number,
  lo: number,
  nowNs: number,
): VxlanFdbEntry | null {
  const entry = findMac(vxlan.fdb, hi, lo);
  if (entry === null) return null;
  if (isVxlanFdbExpired(vxlan, entry, nowNs)) {
    removeMac(vxlan.fdb, entry);
    return null;
  }
  entry.usedNs = nowNs;
  return entry;
}

/** @source vxlan_cleanup() */
export function isVxlanFdbExpired(vxlan: Vxlan, entry: VxlanFdbEntry, nowNs: number): boolean {
  return entry.state === 'dynamic' && vxlan.ageingNs > 0 && nowNs - entry.usedNs >= vxlan.ageingNs;
}
