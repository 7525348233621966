// Namespaces that have nothing but devices, frames to send through them, and a record of what arrives.
import { macHi, macLo, macOf } from '../../src/base/mac-address.ts';
import type { LinkOptions } from '../../src/devices/device-kind.ts';
import { deviceKindOf } from '../../src/devices/index.ts';
import { COST_TABLES } from '../../src/engine/cost.ts';
import type { Device, Netns } from '../../src/engine/device.ts';
import { addTap, transmit } from '../../src/engine/device.ts';
import type { DropReason } from '../../src/engine/drop-reason.ts';
import type { Packet } from '../../src/engine/packet.ts';
import { releasePacket, takePacket } from '../../src/engine/packet-pool.ts';
import { makeSimulator, runOn, runUntil, type Simulator } from '../../src/engine/simulator.ts';
import {
  ethertypeOf,
  sourceMacHi,
  sourceMacLo,
  targetMacHi,
  targetMacLo,
  writeEthertype,
  writeSourceMac,
  writeTargetMac,
} from '../../src/protocols/ethernet.ts';

/** A run in which every step is free, and a list of what its observers saw. */
export interface Bench {
  readonly sim: Simulator;
  /** `device direction source>target` of each frame that a tap saw, in order. */
  readonly seen: string[];
  /** Frames that came up to the protocols: `device source>target`. */
  readonly delivered: string[];
  /** Reasons of drops, in order. */
  readonly drops: DropReason[];
  readonly packetTypes: number[];
}

export function makeBench(options: { seed?: number; cost?: 'default' } = {}): Bench {
  const cost = options.cost === 'default' ? COST_TABLES.default : COST_TABLES.ideal;
  const sim = makeSimulator({ cost, seed: options.seed ?? 1 });
  const bench: Bench = { sim, seen: [], delivered: [], drops: [], packetTypes: [] };
  sim.onDrop = (_packet, reason) => bench.drops.push(reason);
  return bench;
}

let nextId = 1;

export function fakeNetns(bench: Bench, name: string, cpu = bench.sim.cpu): Netns {
  return { id: nextId++, name, sim: bench.sim, cpu };
}

/** A device of a kind with the MAC 02:00:00:00:00:`mac`, registered and up; taps on it if `isTapped`. */
export function addDevice(
  bench: Bench,
  netns: Netns,
  options: Omit<LinkOptions, 'name' | 'mac'> & { name: string; mac: number },
): Device {
  const kind = deviceKindOf(options.kind);
  if (kind === null) throw new Error(`no kind ${options.kind}`);
  const mac = macOf(0x0200, options.mac);
  const device = kind.make(netns, { ...options, mac }, mac);
  return register(bench, device);
}

/** Puts a device in place as stack/link.ts does, with a collector for its protocols. */
export function register(bench: Bench, device: Device): Device {
  device.index = nextId++;
  device.isRegistered = true;
  device.deliver = (sim, at, packet) => {
    bench.delivered.push(`${at.name} ${describe(packet)}`);
    bench.packetTypes.push(packet.packetType);
    releasePacket(sim, packet);
  };
  addTap(device, {
    capture: (at, packet, direction) => {
      bench.seen.push(`${at.name} ${direction} ${describe(packet)}`);
    },
  });
  return device;
}

/** Sets devices up, with carrier. */
export function up(...devices: Device[]): void {
  for (const device of devices) {
    deviceKindOf(device.kind)?.open?.(device.netns.sim, device);
    device.isUp = true;
    device.hasCarrier = true;
  }
}

export interface FrameOptions {
  readonly from: number;
  /** 'all' for broadcast; a number for 02:00:00:00:00:NN; or the two halves. */
  readonly to: number | 'all' | readonly [number, number];
  readonly sizeBytes?: number;
  readonly ethertype?: number;
}

/** A frame of zeros with an unknown ethertype. */
export function frame(bench: Bench, options: FrameOptions): Packet {
  const sizeBytes = options.sizeBytes ?? 60;
  const packet = takePacket(bench.sim, sizeBytes);
  packet.end = packet.start + sizeBytes;
  packet.bytes.fill(0, packet.start, packet.end);
  const mac = typeof options.to === 'number' ? macOf(0x0200, options.to) : 0xffffffffffff;
  const [hi, lo] = Array.isArray(options.to) ? options.to : [macHi(mac), macLo(mac)];
  writeTargetMac(packet.bytes, packet.start, hi, lo);
  writeSourceMac(packet.bytes, packet.start, 0x0200, options.from);
  writeEthertype(packet.bytes, packet.start, options.ethertype ?? 0x88b5);
  return packet;
}

/** Sends in process context: what veth and bridge do with it is done when it returns. */
export function send(bench: Bench, device: Device, packet: Packet): void {
  runOn(bench.sim, device.netns.cpu, () => transmit(bench.sim, device, packet));
}

/** Runs all that is still to come. */
export function settle(bench: Bench): void {
  runUntil(bench.sim, Number.POSITIVE_INFINITY);
}

function shortMac(hi: number, lo: number): string {
  if (hi === 0xffff && lo === -1) return 'all';
  return hi === 0x0200 ? String(lo) : macOf(hi, lo).toString(16);
}

function describe(packet: Packet): string {
  const { bytes, start } = packet;
  const source = shortMac(sourceMacHi(bytes, start), sourceMacLo(bytes, start));
  const target = shortMac(targetMacHi(bytes, start), targetMacLo(bytes, start));
  const tag =
    ethertypeOf(bytes, start) === 0x8100
      ? ` vlan ${((bytes[start + 14]! & 15) << 8) | bytes[start + 15]!}`
      : '';
  return `${source}>${target}${tag}`;
}
