/**
 * The bridge: a switch of which the host is one more port.
 *
 *     port: receive -> taps -> intercept = receiveOnPort -> [netfilter] -> bridgeFrame
 *              known MAC of another port: forwardTo        -> [netfilter] -> transmit(port)
 *              unknown, group:            flood, newest port first
 *              own MAC, broadcast:        passUp(bridge device)
 *     host: transmit(bridge) -> transmitBridge -> forwardTo or flood
 *
 * Spanning tree is off: a port that is up forwards at once.
 * @source net/bridge/br_input.c, br_forward.c, br_device.c, br_if.c
 */
import { assert } from '../base/assert.ts';
import { type Device, type DeviceState, passUp, transmit } from '../engine/device.ts';
import { PACKET_HOST, type Packet } from '../engine/packet.ts';
import { copyPacket, releasePacket } from '../engine/packet-pool.ts';
import { drop, type Simulator, timeNs } from '../engine/simulator.ts';
import {
  ETHERNET_BYTES,
  sourceMacHi,
  sourceMacLo,
  targetMacHi,
  targetMacLo,
} from '../protocols/ethernet.ts';
import { VLAN_TAG_BYTES } from '../protocols/vlan.ts';
import {
  BRIDGE_FDB_MAX,
  type BridgeFdb,
  isFdbExpired,
  makeBridgeFdbEntry,
  purgeBridgeFdb,
} from './bridge-fdb.ts';
import { findMac, insertMac } from './mac-table.ts';
import { traceFlood, traceForward, traceLearn } from './trace-frames.ts';

/** @source BR_MAX_PORTS */
export const BRIDGE_PORTS_MAX = 1023;

/** First four octets of 01:80:c2:00:00:0x as `hi` and the top half of `lo`. */
const LINK_LOCAL_HI = 0x0180;
const LINK_LOCAL_LO = 0xc2000000 | 0;

export interface BridgePort {
  readonly device: Device;
  readonly bridge: Device;
  readonly portNumber: number;
  /** State forwarding; otherwise disabled (the port or the bridge is down). */
  isForwarding: boolean;
  isLearning: boolean;
  /** Takes frames for unknown addresses. */
  floodsUnicast: boolean;
  floodsMulticast: boolean;
  floodsBroadcast: boolean;
  /** Sends frames back out of the port they came in by. */
  isHairpin: boolean;
  /** Talks to ports only that are not isolated. */
  isIsolated: boolean;
  /** Which of 01:80:c2:00:00:0x are forwarded (bit x). */
  groupForwardMask: number;
  priority: number;
  cost: number;
}

/**
 * br_netfilter's place in the bridge; filled by stack/bridge-netfilter.ts. Each function gets the
 * packet with its start at the Ethernet header and gives it back so, or null when it took it.
 */
export interface BridgeNetfilter {
  /** A frame that came in by a port. */
  preRouting(sim: Simulator, port: BridgePort, packet: Packet): Packet | null;
  /** A frame about to leave by a port; `packet.device` is the port it came in by. */
  forward(sim: Simulator, port: BridgePort, packet: Packet): Packet | null;
  /** Ends with sendOutOfPort, possibly several times (fragments); owns the packet. */
  postRouting(sim: Simulator, port: BridgePort, packet: Packet): void;
  /** The host sends out of the bridge device; true: it took the packet (bridged DNAT). */
  transmit(sim: Simulator, bridge: Device, packet: Packet): boolean;
}

export interface Bridge extends DeviceState {
  readonly kind: 'bridge';
  /** Newest first: the order of flooding. */
  readonly ports: BridgePort[];
  readonly fdb: BridgeFdb;
  ageingNs: number;
  /** The address was set by the user and does not follow the ports. */
  hasUserMac: boolean;
  /** The MTU was set by the user and does not follow the ports. */
  hasUserMtu: boolean;
  groupForwardMask: number;
  /** The VLAN of frames without a tag, once VLANs are filtered (netsim does not): only shown. */
  defaultPvid: number;
  /** nf_call_iptables of this bridge: as the sysctl, but for it alone. */
  callsIptables: boolean;
  /** What the ports' state says: with no port that forwards there is no carrier. */
  hasLivePort: boolean;
  /** The carrier has changed at least once: then the state is UP or DOWN instead of UNKNOWN. */
  hasOperState: boolean;
  netfilter: BridgeNetfilter | null;
}

/** The private state of a bridge device. */
export function bridgeOf(device: Device): Bridge {
  assert(device.state.kind === 'bridge', 'the state of a bridge is a bridge');
  return device.state as Bridge; // the kind says so
}

/** The port that `device` is of its bridge, null if it is none. */
export function bridgePortOf(device: Device): BridgePort | null {
  if (device.master === null || device.master.state.kind !== 'bridge') return null;
  return bridgeOf(device.master).ports.find((port) => port.device === device) ?? null;
}

/** The rx handler of a port. True: the bridge took the frame. @source br_handle_frame() */
export function receiveOnPort(sim: Simulator, port: BridgePort, packet: Packet): boolean {
  const { bytes, start } = packet;
  const sourceHi = sourceMacHi(bytes, start);
  if ((sourceHi & 0x0100) !== 0 || (sourceHi === 0 && sourceMacLo(bytes, start) === 0)) {
    drop(sim, packet, 'invalid-source-mac', port.device);
    return true;
  }
  const hi = targetMacHi(bytes, start);
  const lo = targetMacLo(bytes, start);
  const bridge = port.bridge.state as Bridge; // a port's bridge is one
  if (hi === LINK_LOCAL_HI && (lo & ~15) === LINK_LOCAL_LO) {
    const last = lo & 15;
    if (last === 1) {
      drop(sim, packet, 'bridge-link-local', port.device);
      return true;
    }
    // Without spanning tree its own frames (0) pass, so that others can find loops.
    const mask = port.groupForwardMask | (last === 14 ? 0 : bridge.groupForwardMask);
    if (last !== 0 && (mask & (1 << last)) === 0) {
      // For the port itself, not for the bridge; nobody here listens.
      return false;
    }
  }
  if (!port.isForwarding) {
    drop(sim, packet, 'bridge-port-blocked', port.device);
    return true;
  }
  if (hi === port.bridge.macHi && lo === port.bridge.macLo) packet.packetType = PACKET_HOST;
  if (bridge.netfilter === null) {
    bridgeFrame(sim, port, packet);
    return true;
  }
  const passed = bridge.netfilter.preRouting(sim, port, packet);
  if (passed !== null) bridgeFrame(sim, port, passed);
  return true;
}

/**
 * Learns the sender and decides where the frame goes; `packet.device` is the port's device.
 * Owns the packet. @source br_handle_frame_finish()
 */
export function bridgeFrame(sim: Simulator, port: BridgePort, packet: Packet): void {
  const { bytes, start } = packet;
  const bridgeDevice = port.bridge;
  const bridge = bridgeDevice.state as Bridge; // a port's bridge is one
  sim.workNs += sim.cost.bridgeForwardNs;
  if (port.isLearning) {
    learn(sim, bridge, port, packet);
  }
  let isForHost = bridgeDevice.promiscuousCount > 0;
  const hi = targetMacHi(bytes, start);
  const lo = targetMacLo(bytes, start);
  if ((hi & 0x0100) !== 0) {
    isForHost = true;
    flood(
      sim,
      bridge,
      packet,
      hi === 0xffff && lo === -1 ? FLOOD_BROADCAST : FLOOD_MULTICAST,
      true,
    );
    passUpToBridge(sim, bridgeDevice, packet);
    return;
  }
  const entry = findMac(bridge.fdb, hi, lo);
  if (entry !== null && !isFdbExpired(entry, timeNs(sim), bridge.ageingNs)) {
    if (entry.isLocal) {
      passUpToBridge(sim, bridgeDevice, packet);
      return;
    }
    entry.usedNs = timeNs(sim);
    forwardTo(sim, entry.port, packet, isForHost);
  } else {
    flood(sim, bridge, packet, FLOOD_UNICAST, isForHost);
  }
  if (isForHost) passUpToBridge(sim, bridgeDevice, packet);
}

/**
 * The last step of a frame that leaves by a port: too large ones end here. Owns the packet.
 * @source br_dev_queue_push_xmit(), is_skb_forwardable()
 */
export function sendOutOfPort(sim: Simulator, port: BridgePort, packet: Packet): void {
  const { device } = port;
  if (!device.isUp) {
    drop(sim, packet, 'device-down', device);
    return;
  }
  if (packet.end - packet.start > device.mtuBytes + ETHERNET_BYTES + VLAN_TAG_BYTES) {
    drop(sim, packet, 'mtu-exceeded', device);
    return;
  }
  transmit(sim, device, packet);
}

/** What the host sends out of the bridge device. Owns the packet. @source br_dev_xmit() */
export function transmitBridge(sim: Simulator, device: Device, packet: Packet): void {
  const bridge = device.state as Bridge; // only bridges have this transmit
  if (packet.id === sim.sentId) sim.sentId = 0; // what the ports refuse is not told to the sender
  if (bridge.netfilter?.transmit(sim, device, packet)) return;
  const { bytes, start } = packet;
  const hi = targetMacHi(bytes, start);
  const lo = targetMacLo(bytes, start);
  if ((hi & 0x0100) !== 0) {
    flood(
      sim,
      bridge,
      packet,
      hi === 0xffff && lo === -1 ? FLOOD_BROADCAST : FLOOD_MULTICAST,
      false,
    );
    return;
  }
  const entry = findMac(bridge.fdb, hi, lo);
  if (entry === null || isFdbExpired(entry, timeNs(sim), bridge.ageingNs)) {
    flood(sim, bridge, packet, FLOOD_UNICAST, false);
    return;
  }
  entry.usedNs = timeNs(sim);
  forwardTo(sim, entry.port, packet, false);
}

const FLOOD_UNICAST = 0;
const FLOOD_MULTICAST = 1;
const FLOOD_BROADCAST = 2;

/** Notes behind which port an address lives. @source br_fdb_update() */
function learn(sim: Simulator, bridge: Bridge, port: BridgePort, packet: Packet): void {
  if (bridge.ageingNs === 0) return;
  const hi = sourceMacHi(packet.bytes, packet.start);
  const lo = sourceMacLo(packet.bytes, packet.start);
  const { fdb } = bridge;
  const now = timeNs(sim);
  const entry = findMac(fdb, hi, lo);
  if (entry !== null) {
    if (entry.isLocal) return;
    entry.updatedNs = now;
    if (entry.port !== port && !entry.isSticky) {
      entry.port = port;
      if (sim.trace !== null) traceLearn(sim, port.bridge, hi, lo, port.device.name, packet);
    }
    return;
  }
  if (fdb.count >= BRIDGE_FDB_MAX) {
    purgeBridgeFdb(fdb, now, bridge.ageingNs);
    if (fdb.count >= BRIDGE_FDB_MAX) return;
  }
  insertMac(fdb, makeBridgeFdbEntry(hi, lo, port, now));
  if (sim.trace !== null) traceLearn(sim, port.bridge, hi, lo, port.device.name, packet);
}

/**
 * To all ports that may have it. Keeps the packet for the caller if `isKept`, else owns it.
 * @source br_flood(), maybe_deliver()
 */
function flood(sim: Simulator, bridge: Bridge, packet: Packet, how: number, isKept: boolean): void {
  const { ports } = bridge;
  const from = packet.device;
  const isFromHost = from !== null && from.state === bridge;
  const fromIsolated = !isFromHost && isIsolatedPort(bridge, from);
  if (sim.trace !== null && ports.length > 0) traceFlood(sim, ports[0]!.bridge, packet);
  let previous: BridgePort | null = null;
  for (let i = 0; i < ports.length; i++) {
    const port = ports[i]!;
    if (how === FLOOD_UNICAST) {
      if (!port.floodsUnicast) continue;
    } else if (!isFromHost) {
      if (how === FLOOD_MULTICAST ? !port.floodsMulticast : !port.floodsBroadcast) continue;
    }
    if (!mayLeaveBy(port, from, fromIsolated)) continue;
    if (previous !== null) leaveBy(sim, previous, copyPacket(sim, packet), isFromHost);
    previous = port;
  }
  if (previous !== null) {
    leaveBy(sim, previous, isKept ? copyPacket(sim, packet) : packet, isFromHost);
  } else if (!isKept) {
    drop(sim, packet, 'bridge-no-target', from);
  }
}

/** To one port. Keeps the packet for the caller if `isKept`, else owns it. @source br_forward() */
function forwardTo(sim: Simulator, port: BridgePort | null, packet: Packet, isKept: boolean): void {
  const from = packet.device;
  if (port !== null) {
    const bridge = port.bridge.state as Bridge; // a port's bridge is one
    const isFromHost = from === port.bridge;
    if (mayLeaveBy(port, from, port.isIsolated && !isFromHost && isIsolatedPort(bridge, from))) {
      if (sim.trace !== null) traceForward(sim, port.bridge, port.device, packet);
      leaveBy(sim, port, isKept ? copyPacket(sim, packet) : packet, isFromHost);
      return;
    }
  }
  if (isKept) return;
  const isBlocked = port !== null && port.device !== from;
  drop(sim, packet, isBlocked ? 'bridge-port-blocked' : 'bridge-no-target', from);
}

/** @source should_deliver(), br_skb_isolated() */
function mayLeaveBy(port: BridgePort, from: Device | null, fromIsolated: boolean): boolean {
  if (port.device === from && !port.isHairpin) return false;
  return port.isForwarding && !(port.isIsolated && fromIsolated);
}

function isIsolatedPort(bridge: Bridge, device: Device | null): boolean {
  const { ports } = bridge;
  for (let i = 0; i < ports.length; i++) {
    if (ports[i]!.device === device) return ports[i]!.isIsolated;
  }
  return false;
}

/** @source __br_forward(), br_forward_finish() */
function leaveBy(sim: Simulator, port: BridgePort, packet: Packet, isFromHost: boolean): void {
  const { netfilter } = port.bridge.state as Bridge; // a port's bridge is one
  if (netfilter === null || isFromHost) {
    sendOutOfPort(sim, port, packet);
    return;
  }
  const passed = netfilter.forward(sim, port, packet);
  if (passed !== null) netfilter.postRouting(sim, port, passed);
}

/** To the host, as if the bridge device had received it. @source br_pass_frame_up() */
function passUpToBridge(sim: Simulator, bridgeDevice: Device, packet: Packet): void {
  bridgeDevice.rxPackets++;
  bridgeDevice.rxBytes += packet.end - packet.start - ETHERNET_BYTES;
  packet.device = bridgeDevice;
  if (!bridgeDevice.isUp) {
    releasePacket(sim, packet);
    return;
  }
  passUp(sim, bridgeDevice, packet);
}
