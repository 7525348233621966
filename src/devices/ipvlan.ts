/**
 * ipvlan: several devices on one parent that share its MAC address; who is meant is told by the IPv4
 * address. In mode l2 the children do their own ARP, in l3 and l3s the parent's stack routes for them.
 *
 * Unlike Linux, l3s receives as l3 does: the parent's netfilter does not see what the children get.
 * @source drivers/net/ipvlan/ipvlan_core.c, ipvlan_main.c
 */
import { assert } from '../base/assert.ts';
import { KernelError } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import { macOf } from '../base/mac-address.ts';
import {
  type Device,
  type DeviceState,
  makeDevice,
  type Netns,
  netifRx,
  passUp,
  transmit,
} from '../engine/device.ts';
import {
  dequeue,
  enqueue,
  makePacketQueue,
  PACKET_HOST,
  type Packet,
  type PacketQueue,
} from '../engine/packet.ts';
import { copyPacket, releasePacket } from '../engine/packet-pool.ts';
import { cancel, drop, type Simulator, schedule } from '../engine/simulator.ts';
import { isArmed, makeTimer, type Timer } from '../engine/timer-queue.ts';
import { ARP_BYTES, arpSenderIp, arpTargetIp, isArpForIpv4 } from '../protocols/arp.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ethertypeOf,
  sourceMacHi,
  sourceMacLo,
  targetMacHi,
  targetMacLo,
} from '../protocols/ethernet.ts';
import { IPV4_BYTES, ipSource, ipTarget } from '../protocols/ipv4.ts';
import type { DeviceKind, IpvlanFlag, IpvlanMode, LinkOptions } from './device-kind.ts';
import { forwardFrame } from './forward-frame.ts';

/** @source IPVLAN_QBACKLOG_LIMIT */
const QUEUE_MAX = 1000;

/** What an ipvlan asks of the stack; filled by stack/link.ts. */
export interface IpvlanStack {
  hasAddress(device: Device, address: Ipv4): boolean;
  /** Routes an IPv4 packet (packet.start is its header) out of the parent's namespace; owns it. */
  sendFrom(sim: Simulator, parent: Device, packet: Packet): void;
}

export interface Ipvlan extends DeviceState {
  readonly kind: 'ipvlan';
  readonly port: IpvlanPort;
  stack: IpvlanStack | null;
}

/** What the children of one parent share, the mode among it (struct ipvl_port). */
interface IpvlanPort {
  readonly parent: Device;
  mode: IpvlanMode;
  flag: IpvlanFlag;
  /** Oldest first. */
  readonly children: Device[];
  readonly broadcasts: PacketQueue;
  readonly timer: Timer;
}

const ports = new WeakMap<Device, IpvlanPort>();

/** The private state of an ipvlan device. */
export function ipvlanOf(device: Device): Ipvlan {
  assert(device.state.kind === 'ipvlan', 'the state of an ipvlan is an ipvlan');
  return device.state as Ipvlan; // the kind says so
}

export const ipvlanKind: DeviceKind = {
  name: 'ipvlan',
  minMtuBytes: 68,
  maxMtuBytes: 65535,
  make: (netns, options) => makeIpvlan(netns, options),
  open: null,
  stop: null,
  destroy: destroyIpvlan,
  hasCarrier: (device) => device.lower?.hasCarrier ?? false,
  checkMtu: null,
  describe: (device) => {
    const { mode, flag } = ipvlanOf(device).port;
    return `ipvlan  mode ${mode} ${flag}`;
  },
};

/** @source ipvlan_link_new() */
function makeIpvlan(netns: Netns, options: LinkOptions): Device {
  if (options.link === undefined) throw new KernelError('EINVAL');
  const parent = options.link.kind === 'ipvlan' ? options.link.lower! : options.link;
  if (parent.isLoopback) throw new KernelError('EINVAL');
  const known = ports.get(parent);
  if (known === undefined && parent.intercept !== null) throw new KernelError('EBUSY');
  const port = known ?? makePort(parent);
  port.mode = options.ipvlan?.mode ?? 'l3';
  port.flag = options.ipvlan?.flag ?? 'bridge';
  const state: Ipvlan = { kind: 'ipvlan', port, stack: null };
  const device = makeDevice({
    name: options.name ?? 'ipvlan%d',
    kind: 'ipvlan',
    netns,
    mac: macOf(parent.macHi, parent.macLo),
    mtuBytes: parent.mtuBytes,
    state,
    transmit: transmitIpvlan,
  });
  device.lower = parent;
  parent.uppers.push(device);
  port.children.push(device);
  // The mode is the port's: all of its children follow.
  for (const child of port.children) child.hasArp = port.mode === 'l2';
  return device;
}

function makePort(parent: Device): IpvlanPort {
  const { sim } = parent.netns;
  const port: IpvlanPort = {
    parent,
    mode: 'l3',
    flag: 'bridge',
    children: [],
    broadcasts: makePacketQueue(),
    timer: makeTimer(parent.netns.cpu, () => distribute(sim, port)),
  };
  ports.set(parent, port);
  parent.intercept = (at, _device, packet) => receiveOnParent(at, port, packet);
  return port;
}

function destroyIpvlan(sim: Simulator, device: Device): void {
  const { port } = ipvlanOf(device);
  const { parent } = port;
  port.children.splice(port.children.indexOf(device), 1);
  parent.uppers.splice(parent.uppers.indexOf(device), 1);
  device.lower = null;
  if (port.children.length > 0) return;
  ports.delete(parent);
  parent.intercept = null;
  cancel(sim, port.timer);
  for (;;) {
    const packet = dequeue(port.broadcasts);
    if (packet === null) return;
    drop(sim, packet, 'device-gone', parent);
  }
}

/** The IPv4 address a frame is for, or from; 0 if it carries none. @source ipvlan_get_L3_hdr() */
function addressIn(packet: Packet, isTarget: boolean): Ipv4 {
  const { bytes, start, end } = packet;
  const payload = start + ETHERNET_BYTES;
  const ethertype = ethertypeOf(bytes, start);
  if (ethertype === ETHERTYPE_IPV4 && end - payload >= IPV4_BYTES) {
    return isTarget ? ipTarget(bytes, payload) : ipSource(bytes, payload);
  }
  const isArp = ethertype === ETHERTYPE_ARP && end - payload >= ARP_BYTES;
  if (!isArp || !isArpForIpv4(bytes, payload)) return 0;
  return isTarget ? arpTargetIp(bytes, payload) : arpSenderIp(bytes, payload);
}

function findChild(port: IpvlanPort, address: Ipv4): Device | null {
  if (address === 0) return null;
  const { children } = port;
  for (let i = 0; i < children.length; i++) {
    const child = children[i]!;
    const { stack } = child.state as Ipvlan; // ports have nothing else
    if (stack?.hasAddress(child, address)) return child;
  }
  return null;
}

function transmitIpvlan(sim: Simulator, device: Device, packet: Packet): void {
  const { port } = device.state as Ipvlan; // only ipvlans have this transmit
  if (port.mode === 'l2') transmitL2(sim, device, port, packet);
  else transmitL3(sim, device, port, packet);
}

/** @source ipvlan_xmit_mode_l2() */
function transmitL2(sim: Simulator, device: Device, port: IpvlanPort, packet: Packet): void {
  const { bytes, start } = packet;
  const hi = targetMacHi(bytes, start);
  const lo = targetMacLo(bytes, start);
  if (
    port.flag !== 'vepa' &&
    hi === sourceMacHi(bytes, start) &&
    lo === sourceMacLo(bytes, start)
  ) {
    const child = findChild(port, addressIn(packet, true));
    if (child !== null) handOver(sim, device, port, child, packet);
    else forwardFrame(sim, device, port.parent, packet);
    return;
  }
  if ((hi & 0x0100) !== 0) {
    packet.device = device;
    queueBroadcast(sim, port, packet);
    return;
  }
  transmit(sim, port.parent, packet);
}

/** @source ipvlan_xmit_mode_l3(), ipvlan_process_outbound() */
function transmitL3(sim: Simulator, device: Device, port: IpvlanPort, packet: Packet): void {
  if (port.flag !== 'vepa') {
    const child = findChild(port, addressIn(packet, true));
    if (child !== null) {
      handOver(sim, device, port, child, packet);
      return;
    }
  }
  const { bytes, start } = packet;
  const { stack } = device.state as Ipvlan; // only ipvlans come here
  const isIpv4 = ethertypeOf(bytes, start) === ETHERTYPE_IPV4;
  if (!isIpv4 || (targetMacHi(bytes, start) & 0x0100) !== 0 || stack === null) {
    device.txDropped++;
    drop(sim, packet, 'no-macvlan-target', device);
    return;
  }
  packet.start = start + ETHERNET_BYTES;
  packet.network = packet.start;
  stack.sendFrom(sim, port.parent, packet);
}

/** From child to child. @source ipvlan_rcv_frame() with local */
function handOver(
  sim: Simulator,
  device: Device,
  port: IpvlanPort,
  child: Device,
  packet: Packet,
): void {
  if (port.flag === 'private') {
    device.txDropped++;
    drop(sim, packet, 'no-macvlan-target', device);
    return;
  }
  forwardFrame(sim, device, child, packet);
}

/** The parent's rx handler. @source ipvlan_handle_frame() */
function receiveOnParent(sim: Simulator, port: IpvlanPort, packet: Packet): boolean {
  const { bytes, start } = packet;
  if (port.mode === 'l2' && (targetMacHi(bytes, start) & 0x0100) !== 0) {
    if (isFromOutside(port, packet)) queueBroadcast(sim, port, copyPacket(sim, packet));
    return false;
  }
  const child = findChild(port, addressIn(packet, true));
  if (child === null) return false;
  if (!child.isUp) {
    drop(sim, packet, 'no-macvlan-target', port.parent);
    return true;
  }
  child.rxPackets++;
  child.rxBytes += packet.end - start;
  packet.packetType = PACKET_HOST;
  packet.device = child;
  passUp(sim, child, packet);
  return true;
}

/** @source ipvlan_external_frame() */
function isFromOutside(port: IpvlanPort, packet: Packet): boolean {
  const { bytes, start } = packet;
  const { parent } = port;
  const isOurMac =
    sourceMacHi(bytes, start) === parent.macHi && sourceMacLo(bytes, start) === parent.macLo;
  return !isOurMac || findChild(port, addressIn(packet, false)) === null;
}

function queueBroadcast(sim: Simulator, port: IpvlanPort, packet: Packet): void {
  if (port.broadcasts.count >= QUEUE_MAX) {
    port.parent.rxDropped++;
    drop(sim, packet, 'backlog-full', port.parent);
    return;
  }
  enqueue(port.broadcasts, packet);
  if (!isArmed(port.timer)) schedule(sim, port.timer, sim.cost.wakeUpNs);
}

/** What the work queue does. @source ipvlan_process_multicast() */
function distribute(sim: Simulator, port: IpvlanPort): void {
  for (;;) {
    const packet = dequeue(port.broadcasts);
    if (packet === null) return;
    const source = packet.device;
    const isFromChild = source !== port.parent;
    for (const child of port.children) {
      if (child === source || !child.isUp) continue;
      const copy = copyPacket(sim, packet);
      if (isFromChild) forwardFrame(sim, source ?? port.parent, child, copy);
      else netifRx(sim, child, copy);
    }
    if (isFromChild) transmit(sim, port.parent, packet);
    else releasePacket(sim, packet);
  }
}
