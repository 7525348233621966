/**
 * macvlan: several devices with addresses of their own on one parent.
 *
 *     child -> [bridge mode, target is a child in bridge mode] -> parent's receive -> that child
 *           -> else out of the parent
 *     parent <- unicast: to the child of that address, else to the parent's own stack
 *            <- broadcast: to the parent's stack at once, to the children a little later (a work queue)
 *
 * Parent and children never talk to each other.
 * @source drivers/net/macvlan.c
 */
import { assert } from '../base/assert.ts';
import { KernelError } from '../base/errors.ts';
import { type Mac, macOf } from '../base/mac-address.ts';
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
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  type Packet,
  type PacketQueue,
} from '../engine/packet.ts';
import { copyPacket, releasePacket } from '../engine/packet-pool.ts';
import { cancel, drop, type Simulator, schedule } from '../engine/simulator.ts';
import { isArmed, makeTimer, type Timer } from '../engine/timer-queue.ts';
import { sourceMacHi, sourceMacLo, targetMacHi, targetMacLo } from '../protocols/ethernet.ts';
import type { DeviceKind, LinkOptions, MacvlanMode } from './device-kind.ts';
import { forwardFrame } from './forward-frame.ts';
import { addUnicastAddress, deleteUnicastAddress } from './unicast-filter.ts';

/** Broadcasts that may wait for their distribution. @source MACVLAN_DEFAULT_BC_QUEUE_LEN */
export const MACVLAN_BROADCAST_QUEUE_MAX = 1000;
const HASH_MULTIPLIER = 0x61c8864680b583ebn;

const TO_PRIVATE = 1;
const TO_VEPA = 2;
const TO_BRIDGE = 4;
const TO_PASSTHRU = 8;
const MODE_BITS: Readonly<Record<MacvlanMode, number>> = {
  private: TO_PRIVATE,
  vepa: TO_VEPA,
  bridge: TO_BRIDGE,
  passthru: TO_PASSTHRU,
};

interface Macvlan extends DeviceState {
  readonly kind: 'macvlan';
  mode: MacvlanMode;
  modeBit: number;
  readonly port: MacvlanPort;
  /** What the parent lets in for it while it is up. */
  letIn: Mac | null;
}

/** What the children of one parent share (struct macvlan_port). */
interface MacvlanPort {
  readonly parent: Device;
  isPassthru: boolean;
  /** All children, and those that are up, in the order in which the kernel's hash table lists them. */
  readonly children: Device[];
  readonly active: Device[];
  /** Broadcasts that wait for the work queue. */
  readonly broadcasts: PacketQueue;
  readonly timer: Timer;
}

const ports = new WeakMap<Device, MacvlanPort>();

export const macvlanKind: DeviceKind = {
  name: 'macvlan',
  minMtuBytes: 68,
  maxMtuBytes: 65535,
  make: makeMacvlan,
  open: openMacvlan,
  stop: (_sim, device) => closeMacvlan(device),
  destroy: destroyMacvlan,
  hasCarrier: (device) => device.lower?.hasCarrier ?? false,
  checkMtu: (device, mtuBytes) => {
    if (mtuBytes > device.lower!.mtuBytes) throw new KernelError('EINVAL');
  },
  describe: (device) =>
    `macvlan mode ${macvlanOf(device).mode} ` +
    `bcqueuelen ${MACVLAN_BROADCAST_QUEUE_MAX} usedbcqueuelen ${MACVLAN_BROADCAST_QUEUE_MAX}`,
};

function macvlanOf(device: Device): Macvlan {
  assert(device.state.kind === 'macvlan', 'the state of a macvlan is a macvlan');
  return device.state as Macvlan; // the kind says so
}

/** @source macvlan_common_newlink() */
function makeMacvlan(netns: Netns, options: LinkOptions, drawnMac: Mac): Device {
  if (options.link === undefined) throw new KernelError('EINVAL');
  const parent = options.link.kind === 'macvlan' ? options.link.lower! : options.link;
  const mode = options.macvlan?.mode ?? 'vepa';
  if (parent.isLoopback) throw new KernelError('EINVAL');
  const known = ports.get(parent);
  if (known === undefined && parent.intercept !== null) throw new KernelError('EBUSY');
  if (known !== undefined && (known.isPassthru || mode === 'passthru')) {
    throw new KernelError('EINVAL');
  }
  if (options.mtu !== undefined && options.mtu > parent.mtuBytes) throw new KernelError('EINVAL');
  const port = known ?? makePort(parent);
  if (mode === 'passthru') port.isPassthru = true;
  const state: Macvlan = { kind: 'macvlan', mode, modeBit: MODE_BITS[mode], port, letIn: null };
  const device = makeDevice({
    name: options.name ?? 'macvlan%d',
    kind: 'macvlan',
    netns,
    mac: mode === 'passthru' ? macOf(parent.macHi, parent.macLo) : drawnMac,
    mtuBytes: options.mtu ?? parent.mtuBytes,
    state,
    transmit: transmitMacvlan,
  });
  device.lower = parent;
  parent.uppers.push(device);
  port.children.push(device);
  return device;
}

function makePort(parent: Device): MacvlanPort {
  const { sim } = parent.netns;
  const port: MacvlanPort = {
    parent,
    isPassthru: false,
    children: [],
    active: [],
    broadcasts: makePacketQueue(),
    timer: makeTimer(parent.netns.cpu, () => distribute(sim, port)),
  };
  ports.set(parent, port);
  parent.intercept = (at, _device, packet) => receiveOnParent(at, port, packet);
  return port;
}

/** Two devices that are up may not have the same address. @source macvlan_open() */
function openMacvlan(_sim: Simulator, device: Device): void {
  const { port } = macvlanOf(device);
  if (!port.isPassthru) {
    const isTaken = [port.parent, ...port.active].some(
      (other) => other.macHi === device.macHi && other.macLo === device.macLo,
    );
    if (isTaken) throw new KernelError('EBUSY');
    const mac = macOf(device.macHi, device.macLo);
    addUnicastAddress(port.parent, mac);
    macvlanOf(device).letIn = mac;
  } else port.parent.promiscuousCount++;
  const bucket = bucketOf(device);
  const at = port.active.findIndex((other) => bucketOf(other) >= bucket);
  port.active.splice(at < 0 ? port.active.length : at, 0, device);
}

/** @source macvlan_stop() */
function closeMacvlan(device: Device): void {
  const state = macvlanOf(device);
  const { active, parent, isPassthru } = state.port;
  const at = active.indexOf(device);
  if (at >= 0) active.splice(at, 1);
  if (state.letIn !== null) deleteUnicastAddress(parent, state.letIn);
  else if (at >= 0 && isPassthru) parent.promiscuousCount--;
  state.letIn = null;
}

function destroyMacvlan(sim: Simulator, device: Device): void {
  const { port } = macvlanOf(device);
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

/** The place in the kernel's table of 256 chains: broadcasts go out in its order. @source macvlan_eth_hash() */
function bucketOf(device: Device): number {
  const octets = BigInt(macOf(device.macHi, device.macLo)).toString(16).padStart(12, '0');
  const reversed = (octets.match(/../g) ?? []).reverse().join('');
  const value = BigInt(`0x${reversed}`) << 16n;
  return Number(BigInt.asUintN(64, value * HASH_MULTIPLIER) >> 56n);
}

function findChild(port: MacvlanPort, hi: number, lo: number): Device | null {
  const { active } = port;
  for (let i = 0; i < active.length; i++) {
    const child = active[i]!;
    if (child.macHi === hi && child.macLo === lo) return child;
  }
  return null;
}

/** @source macvlan_queue_xmit() */
function transmitMacvlan(sim: Simulator, device: Device, packet: Packet): void {
  const { port, modeBit } = device.state as Macvlan; // only macvlans have this transmit
  if (modeBit === TO_BRIDGE) {
    const { bytes, start } = packet;
    const hi = targetMacHi(bytes, start);
    if ((hi & 0x0100) !== 0) {
      broadcast(sim, port, packet, device, TO_BRIDGE, true);
    } else {
      const target = findChild(port, hi, targetMacLo(bytes, start));
      if (target !== null && (target.state as Macvlan).modeBit === TO_BRIDGE) {
        // By way of the parent, so that its taps see it.
        forwardFrame(sim, device, port.parent, packet);
        return;
      }
    }
  }
  transmit(sim, port.parent, packet);
}

/** The parent's rx handler. True: a child took the frame. @source macvlan_handle_frame() */
function receiveOnParent(sim: Simulator, port: MacvlanPort, packet: Packet): boolean {
  const { bytes, start } = packet;
  const hi = targetMacHi(bytes, start);
  if ((hi & 0x0100) !== 0) return receiveGroup(sim, port, packet);
  const child = port.isPassthru
    ? port.children[0]!
    : findChild(port, hi, targetMacLo(bytes, start));
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

function receiveGroup(sim: Simulator, port: MacvlanPort, packet: Packet): boolean {
  const { bytes, start } = packet;
  const source = findChild(port, sourceMacHi(bytes, start), sourceMacLo(bytes, start));
  if (source !== null) {
    const { modeBit } = source.state as Macvlan; // ports have nothing else
    if (modeBit === TO_PRIVATE || modeBit === TO_PASSTHRU) {
      netifRx(sim, source, packet); // its own frame came back
      return true;
    }
  }
  if (port.broadcasts.count >= MACVLAN_BROADCAST_QUEUE_MAX) {
    port.parent.rxDropped++;
    return false;
  }
  const copy = copyPacket(sim, packet);
  enqueue(port.broadcasts, copy);
  if (!isArmed(port.timer)) schedule(sim, port.timer, sim.cost.wakeUpNs);
  return false;
}

/** What the work queue does. @source macvlan_process_broadcast(), macvlan_multicast_rx() */
function distribute(sim: Simulator, port: MacvlanPort): void {
  for (;;) {
    const packet = dequeue(port.broadcasts);
    if (packet === null) return;
    const { bytes, start } = packet;
    const source = findChild(port, sourceMacHi(bytes, start), sourceMacLo(bytes, start));
    let modes = TO_PRIVATE | TO_VEPA | TO_PASSTHRU | TO_BRIDGE;
    if (source !== null) {
      const isFromVepa = (source.state as Macvlan).modeBit === TO_VEPA;
      // Devices in bridge mode have seen it on its way out.
      modes = isFromVepa ? TO_VEPA | TO_BRIDGE : TO_VEPA;
    }
    broadcast(sim, port, packet, source, modes, false);
    releasePacket(sim, packet);
  }
}

/** A copy for each child of these modes but the source. Keeps the packet. @source macvlan_broadcast() */
function broadcast(
  sim: Simulator,
  port: MacvlanPort,
  packet: Packet,
  source: Device | null,
  modes: number,
  isFromChild: boolean,
): void {
  const { active } = port;
  for (let i = 0; i < active.length; i++) {
    const child = active[i]!;
    if (child === source || ((child.state as Macvlan).modeBit & modes) === 0) continue;
    const copy = copyPacket(sim, packet);
    if (isFromChild) {
      forwardFrame(sim, source ?? port.parent, child, copy);
    } else {
      const isBroadcast = targetMacLo(copy.bytes, copy.start) === -1;
      copy.packetType = isBroadcast ? PACKET_BROADCAST : PACKET_MULTICAST;
      netifRx(sim, child, copy);
    }
  }
}
