/**
 * The network device: one record shape for every kind, with function slots instead of a class tree,
 * and the two functions that every frame passes: receive (up from the wire) and transmit (down to it).
 *
 *     namespace        deliver <-+             +-> (ip output, arp)
 *     bridge, macvlan  intercept <-+           |
 *     taps             <-- receive             transmit --> taps
 *                           ^                     |
 *     wire, veth peer     netifRx <-- backlog     v  device.transmit (ndo_start_xmit)
 *
 * @source include/linux/netdevice.h struct net_device; net/core/dev.c
 */
import { assert } from '../base/assert.ts';
import { type Mac, macHi, macLo } from '../base/mac-address.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_VLAN,
  ethertypeOf,
  targetMacHi,
  targetMacLo,
} from '../protocols/ethernet.ts';
import type { Cpu } from './cpu.ts';
import {
  enqueue,
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
  type Packet,
} from './packet.ts';
import { drop, runSoftirq, type Simulator, schedule, XMIT_RECURSION_LIMIT } from './simulator.ts';

/** Frames that may wait for a CPU. @source net.core.netdev_max_backlog */
export const NETDEV_MAX_BACKLOG = 1000;

/** @source net/ethernet/eth.c DEFAULT_TX_QUEUE_LEN */
const TX_QUEUE_LENGTH = 1000;

/** What a device knows of the namespace it lives in; stack/namespace.ts has the whole record. */
export interface Netns {
  readonly id: number;
  readonly name: string;
  readonly sim: Simulator;
  readonly cpu: Cpu;
}

/** The slot of a device's IPv4 side (in_device); filled and read only by stack/inet.ts. */
export interface InetSlot {
  readonly slot: 'inet';
}

/** The slot of the neighbour that a device sent to last; filled and read only by stack/neighbour.ts. */
export interface NeighbourSlot {
  readonly slot: 'neighbour';
}

export type Direction = 'in' | 'out';

/** A capture on a device: sees each frame bytes[packet.start, packet.end) and keeps nothing of it. */
export interface Tap {
  capture(device: Device, packet: Packet, direction: Direction, timeNs: number): void;
}

/** The private state of a device kind (netdev_priv); each kind narrows it by `kind`. */
export interface DeviceState {
  readonly kind: string;
}

export interface Device {
  /** ifindex, unique in its namespace; 0 before it is registered. */
  index: number;
  name: string;
  /** rtnl_link_ops.kind: veth, bridge, vxlan ...; `loopback` and `cable` have none in Linux. */
  readonly kind: string;
  netns: Netns;
  macHi: number;
  macLo: number;
  mtuBytes: number;
  /** Frames that a queueing discipline may hold; only shown. */
  txQueueLength: number;
  /** IFF_UP: set by the administrator. */
  isUp: boolean;
  /** Whether the other end is there and up (IFF_LOWER_UP). */
  hasCarrier: boolean;
  /** Whether it has had one since it was set up: its link-local address stays without. */
  hasHadCarrier: boolean;
  /** How many want to see all frames (IFF_PROMISC). */
  promiscuousCount: number;
  /** Neither broadcast nor ARP (IFF_NOARP): loopback. */
  hasArp: boolean;
  isLoopback: boolean;
  /** ndo_start_xmit: owns the packet, a whole frame. */
  transmit: (sim: Simulator, device: Device, packet: Packet) => void;
  /** What a frame for this device goes through first; `receive` below for every kind. */
  receive: (sim: Simulator, device: Device, packet: Packet) => void;
  /** rx_handler: filled by the bridge, macvlan or ipvlan above; true: it took the packet. */
  intercept: ((sim: Simulator, device: Device, packet: Packet) => boolean) | null;
  /** Tagged frames for VLAN interfaces above; true: one took the packet. */
  interceptVlan: ((sim: Simulator, device: Device, packet: Packet) => boolean) | null;
  /** Filled by the namespace: the protocols (IPv4, ARP). Owns the packet. */
  deliver: (sim: Simulator, device: Device, packet: Packet) => void;
  /** Queueing discipline in front of transmit (tc), null for none; owns the packet. */
  queueDiscipline: ((sim: Simulator, device: Device, packet: Packet) => void) | null;
  taps: Tap[] | null;
  /** Addresses, neighbours and settings (in_device), null before the device is registered. */
  inet: InetSlot | null;
  /** Where the last packet went: most devices have few neighbours, and packets come in rows. */
  recentNeighbour: NeighbourSlot | null;
  /** The bridge this is a port of, or null (IFLA_MASTER). */
  master: Device | null;
  /** The device below a VLAN, macvlan or ipvlan, or the peer of a veth (IFLA_LINK); null if none. */
  lower: Device | null;
  /** The VLAN, macvlan and ipvlan devices above, oldest first. */
  readonly uppers: Device[];
  state: DeviceState;
  /** False once it was deleted: what still refers to it drops. */
  isRegistered: boolean;
  rxPackets: number;
  rxBytes: number;
  rxDropped: number;
  txPackets: number;
  txBytes: number;
  txDropped: number;
}

export interface DeviceOptions {
  readonly name: string;
  readonly kind: string;
  readonly netns: Netns;
  readonly mac: Mac;
  readonly mtuBytes: number;
  readonly state: DeviceState;
  readonly transmit: (sim: Simulator, device: Device, packet: Packet) => void;
}

/** A device that is down and not yet registered in its namespace (stack/link.ts does that). */
export function makeDevice(options: DeviceOptions): Device {
  // The order is that of the fields in memory: what every frame looks at stands together.
  return {
    netns: options.netns,
    state: options.state,
    inet: null,
    recentNeighbour: null,
    macHi: macHi(options.mac),
    macLo: macLo(options.mac),
    mtuBytes: options.mtuBytes,
    isUp: false,
    hasCarrier: true,
    hasHadCarrier: false,
    isRegistered: false,
    isLoopback: false,
    transmit: options.transmit,
    receive,
    deliver: dropUndelivered,
    intercept: null,
    interceptVlan: null,
    queueDiscipline: null,
    taps: null,
    rxPackets: 0,
    rxBytes: 0,
    txPackets: 0,
    txBytes: 0,
    promiscuousCount: 0,
    hasArp: true,
    txQueueLength: TX_QUEUE_LENGTH,
    master: null,
    lower: null,
    uppers: [],
    index: 0,
    name: options.name,
    kind: options.kind,
    rxDropped: 0,
    txDropped: 0,
  };
}

/** `namespace.device`, as captures and traces name it. */
export function placeOf(device: Device): string {
  return `${device.netns.name}.${device.name}`;
}

/** Adds a tap; every frame in and out is shown to it from now on. */
export function addTap(device: Device, tap: Tap): void {
  device.taps = [...(device.taps ?? []), tap];
}

/** Takes a tap away again. */
export function removeTap(device: Device, tap: Tap): void {
  const rest = (device.taps ?? []).filter((each) => each !== tap);
  device.taps = rest.length === 0 ? null : rest;
}

/**
 * Hands a frame to a device's receive path by way of the backlog of the CPU of its namespace.
 * Owns the packet. This is how frames cross from device to device without nested calls.
 * @source net/core/dev.c netif_rx(), enqueue_to_backlog()
 */
export function netifRx(sim: Simulator, device: Device, packet: Packet): void {
  const { cpu } = device.netns;
  const { backlog } = cpu;
  if (backlog.count >= NETDEV_MAX_BACKLOG) {
    device.rxDropped++;
    drop(sim, packet, 'backlog-full', device);
    return;
  }
  packet.device = device;
  if (packet.id === sim.sentId) sim.sentId = 0;
  enqueue(backlog, packet);
  // Another CPU is told (an interrupt between processors); this one looks before it goes on.
  if (cpu !== sim.cpu && cpu.softirqTimer.heapIndex < 0) schedule(sim, cpu.softirqTimer, 0);
}

/**
 * A frame comes up through `device`: counters, packet type, taps, VLAN, the device above, then the
 * protocols. Owns the packet.
 * @source net/core/dev.c __netif_receive_skb_core(); net/ethernet/eth.c eth_type_trans()
 */
export function receive(sim: Simulator, device: Device, packet: Packet): void {
  packet.device = device;
  if (!device.isRegistered || !device.isUp) {
    device.rxDropped++;
    drop(sim, packet, device.isRegistered ? 'device-down' : 'device-gone', device);
    return;
  }
  if (packet.end - packet.start < ETHERNET_BYTES) {
    device.rxDropped++;
    drop(sim, packet, 'frame-too-short', device);
    return;
  }
  device.rxPackets++;
  device.rxBytes += packet.end - packet.start;
  sim.workNs += sim.cost.deviceReceiveNs;
  packet.packetType = packetTypeOf(device, packet);
  passUp(sim, device, packet);
}

/**
 * The second half of receive, for a frame that a device hands to the device above it within one
 * receive (bridge port to bridge, VLAN parent to VLAN interface): no counters, packetType as it is.
 */
export function passUp(sim: Simulator, device: Device, packet: Packet): void {
  if (sim.trace !== null) {
    sim.trace('receive', packet, placeOf(device), { bytes: packet.end - packet.start });
  }
  if (device.taps !== null) showToTaps(sim, device, packet, 'in');
  if (device.interceptVlan !== null && ethertypeOf(packet.bytes, packet.start) === ETHERTYPE_VLAN) {
    if (device.interceptVlan(sim, device, packet)) return;
  }
  if (device.intercept?.(sim, device, packet)) return;
  device.deliver(sim, device, packet);
}

/**
 * Sends a whole frame out of `device`. Owns the packet. From process context the receivers on this
 * CPU have done their part when it returns (local_bh_enable runs the softirq).
 * @source net/core/dev.c __dev_queue_xmit()
 */
export function transmit(sim: Simulator, device: Device, packet: Packet): void {
  packet.device = device;
  if (!device.isUp || !device.hasCarrier) {
    // Without carrier the queue is noop_qdisc: no tap sees the frame.
    device.txDropped++;
    drop(sim, packet, device.isUp ? 'no-carrier' : 'device-down', device);
    return;
  }
  if (sim.transmitDepth >= XMIT_RECURSION_LIMIT) {
    device.txDropped++;
    drop(sim, packet, 'dead-loop', device);
    return;
  }
  sim.transmitDepth++;
  sim.bottomHalfDepth++;
  if (device.queueDiscipline !== null) device.queueDiscipline(sim, device, packet);
  else startTransmit(sim, device, packet);
  sim.bottomHalfDepth--;
  sim.transmitDepth--;
  if (sim.bottomHalfDepth === 0 && sim.cpu.backlog.count > 0) runSoftirq(sim);
}

/**
 * What a queueing discipline calls when a frame's turn has come: taps, counters, the device itself.
 * @source net/core/dev.c dev_hard_start_xmit()
 */
export function startTransmit(sim: Simulator, device: Device, packet: Packet): void {
  if (sim.trace !== null) {
    sim.trace('transmit', packet, placeOf(device), { bytes: packet.end - packet.start });
  }
  if (device.taps !== null) showToTaps(sim, device, packet, 'out');
  device.txPackets++;
  device.txBytes += packet.end - packet.start;
  sim.workNs += sim.cost.deviceTransmitNs;
  device.transmit(sim, device, packet);
}

/** Whom the frame is for, seen from this device. */
export function packetTypeOf(device: Device, packet: Packet): number {
  const { bytes, start } = packet;
  const hi = targetMacHi(bytes, start);
  const lo = targetMacLo(bytes, start);
  if (hi === device.macHi && lo === device.macLo) return PACKET_HOST;
  if ((hi & 0x0100) === 0) return PACKET_OTHERHOST;
  return hi === 0xffff && lo === -1 ? PACKET_BROADCAST : PACKET_MULTICAST;
}

function showToTaps(sim: Simulator, device: Device, packet: Packet, direction: Direction): void {
  const taps = device.taps!;
  const now = sim.nowNs + sim.workNs;
  for (let i = 0; i < taps.length; i++) taps[i]!.capture(device, packet, direction, now);
}

function dropUndelivered(sim: Simulator, device: Device, packet: Packet): void {
  assert(packet.device === device, 'a packet is delivered by the device that has it');
  drop(sim, packet, 'unhandled-protocol', device);
}
