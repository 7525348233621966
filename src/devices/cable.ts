/**
 * A cable between the network cards of two hosts: each direction has a rate, a delay, jitter, loss
 * and a queue in front of it. The only device whose frames cross from one CPU to another.
 */
import { assert } from '../base/assert.ts';
import type { Mac } from '../base/mac-address.ts';
import { macOf } from '../base/mac-address.ts';
import { nextBelow, nextInt32, nextUnit, type Prng } from '../base/prng.ts';
import { type Device, type DeviceState, makeDevice, type Netns } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import { drop, reserveNumbers, type Simulator, streamOf, timeNs } from '../engine/simulator.ts';
import { ETHERNET_BYTES } from '../protocols/ethernet.ts';
import { VLAN_TAG_BYTES } from '../protocols/vlan.ts';
import { clearLine, type DelayLine, makeDelayLine, putOnLine } from './delay-line.ts';
import type { DeviceKind } from './device-kind.ts';
import { scrubPacket } from './scrub.ts';

const ETHERNET_MTU_BYTES = 1500;
/** As txqueuelen of a network card. */
const QUEUE_PACKETS = 1000;
/** Room that the ring of departures starts with. */
const DEPARTURES_MIN = 8;

export interface CableOptions {
  readonly delayNs?: number;
  /** 0 or left out: as fast as it is handed over. */
  readonly rateBitPerSec?: number;
  /** The delay varies by up to this much to either side; frames do not overtake each other. */
  readonly jitterNs?: number;
  /** Share of frames that are lost, 0..1. */
  readonly lossRate?: number;
  /** Frames that may wait for the line. */
  readonly queuePackets?: number;
  /** Frames that the receiving card holds while its CPU is busy; 0 or left out: all that come. */
  readonly ringFrames?: number;
  readonly mtuBytes?: number;
  readonly macs?: readonly [Mac, Mac];
}

/** Bits per second, 0 for no limit. */
const RATE = 0;
/** When the line has sent all that it was given. */
const FREE_AT = 1;

interface Cable extends DeviceState {
  readonly kind: 'cable';
  peer: Device | null;
  delayNs: number;
  jitterNs: number;
  lossRate: number;
  queuePackets: number;
  /** Where sim.numbers has RATE and FREE_AT of this end. */
  readonly numbers: number;
  /**
   * Ring of the moments before FREE_AT at which frames leave the queue: how many still wait is told by
   * it. Its length is a power of two.
   */
  departures: Float64Array;
  firstDeparture: number;
  departureCount: number;
  readonly random: Prng;
  /** Frames on the way to the peer; its timer is on the peer's CPU. */
  line: DelayLine | null;
}

/** Two cards and the cable between them; neither is registered yet (stack/link.ts registerDevice). */
export function createCable(
  a: Netns,
  aName: string,
  b: Netns,
  bName: string,
  options: CableOptions = {},
): [Device, Device] {
  const one = makeEnd(a, aName, options, options.macs?.[0]);
  const other = makeEnd(b, bName, options, options.macs?.[1]);
  plug(one, other, options.ringFrames ?? 0);
  plug(other, one, options.ringFrames ?? 0);
  return [one, other];
}

/** The card at the other end, null if the device is no cable or its cable was cut. */
export function cablePeerOf(device: Device): Device | null {
  return device.kind === 'cable' ? cableOf(device).peer : null;
}

/** Changes one direction of a cable: what `device` sends from now on. */
export function setCable(device: Device, options: CableOptions): void {
  const cable = cableOf(device);
  cable.delayNs = options.delayNs ?? cable.delayNs;
  const { numbers } = device.netns.sim;
  numbers[cable.numbers + RATE] = options.rateBitPerSec ?? numbers[cable.numbers + RATE]!;
  cable.jitterNs = options.jitterNs ?? cable.jitterNs;
  cable.lossRate = options.lossRate ?? cable.lossRate;
  cable.queuePackets = options.queuePackets ?? cable.queuePackets;
}

/** Frames that wait in front of the line at a moment. */
export function queueLengthOf(device: Device, atNs: number): number {
  const cable = cableOf(device);
  forgetDepartures(cable, atNs);
  return cable.departureCount;
}

/** Not for `ip link add`: a cable has two hosts. */
export const cableKind: DeviceKind = {
  name: 'cable',
  minMtuBytes: 68,
  maxMtuBytes: 9000,
  make: (netns, options, mac) => makeEnd(netns, options.name ?? 'eth%d', {}, mac),
  open: null,
  stop: null,
  destroy: destroyCable,
  hasCarrier: (device) => device.isUp && (cableOf(device).peer?.isUp ?? false),
  checkMtu: null,
  describe: () => '',
};

function cableOf(device: Device): Cable {
  assert(device.state.kind === 'cable', 'the state of a cable is a cable');
  return device.state as Cable; // the kind says so
}

function makeEnd(netns: Netns, name: string, options: CableOptions, mac: Mac | undefined): Device {
  const state: Cable = {
    kind: 'cable',
    peer: null,
    delayNs: options.delayNs ?? 0,
    jitterNs: options.jitterNs ?? 0,
    lossRate: options.lossRate ?? 0,
    queuePackets: options.queuePackets ?? QUEUE_PACKETS,
    numbers: reserveNumbers(netns.sim, 2),
    departures: new Float64Array(DEPARTURES_MIN),
    firstDeparture: 0,
    departureCount: 0,
    random: streamOf(netns.sim, 'devices/cable'),
    line: null,
  };
  netns.sim.numbers[state.numbers + RATE] = options.rateBitPerSec ?? 0;
  const device = makeDevice({
    name,
    kind: 'cable',
    netns,
    mac: mac ?? drawMac(netns.sim),
    mtuBytes: options.mtuBytes ?? ETHERNET_MTU_BYTES,
    state,
    transmit: transmitCable,
  });
  device.hasCarrier = false;
  return device;
}

function drawMac(sim: Simulator): Mac {
  const stream = streamOf(sim, 'devices/mac');
  return macOf(((nextInt32(stream) >>> 16) & 0xfeff) | 0x0200, nextInt32(stream));
}

function plug(device: Device, peer: Device, ringFrames: number): void {
  const cable = cableOf(device);
  const { sim } = device.netns;
  cable.peer = peer;
  cable.line = makeDelayLine(sim, peer, ringFrames);
}

function destroyCable(_sim: Simulator, device: Device): void {
  const cable = cableOf(device);
  const { peer } = cable;
  cut(cable);
  if (peer !== null) cut(cableOf(peer));
}

function cut(cable: Cable): void {
  cable.peer = null;
  if (cable.line !== null) clearLine(cable.line, 'device-gone');
  cable.line = null;
}

function transmitCable(sim: Simulator, device: Device, packet: Packet): void {
  const cable = device.state as Cable; // only cables have this transmit
  const { peer, line } = cable;
  if (peer === null || line === null) {
    refuse(sim, device, packet);
    drop(sim, packet, 'no-carrier', device);
    return;
  }
  const sizeBytes = packet.end - packet.start;
  if (sizeBytes > peer.mtuBytes + ETHERNET_BYTES + VLAN_TAG_BYTES) {
    peer.rxDropped++;
    drop(sim, packet, 'mtu-exceeded', peer);
    return;
  }
  const now = timeNs(sim);
  let departureNs = now;
  const { numbers } = sim;
  const rateBitPerSec = numbers[cable.numbers + RATE]!;
  if (rateBitPerSec > 0) {
    const freeAtNs = numbers[cable.numbers + FREE_AT]!;
    const isBusy = freeAtNs > now;
    if (cable.departureCount > 0) forgetDepartures(cable, now);
    if ((isBusy ? cable.departureCount + 1 : 0) >= cable.queuePackets) {
      refuse(sim, device, packet);
      drop(sim, packet, 'queue-full', device);
      return;
    }
    if (isBusy) remember(cable, freeAtNs);
    departureNs = (isBusy ? freeAtNs : now) + Math.ceil((sizeBytes * 8e9) / rateBitPerSec);
    numbers[cable.numbers + FREE_AT] = departureNs;
  }
  if (cable.lossRate > 0 && nextUnit(cable.random) < cable.lossRate) {
    drop(sim, packet, 'link-loss', device);
    return;
  }
  let delayNs = cable.delayNs;
  if (cable.jitterNs > 0) {
    delayNs += nextBelow(cable.random, 2 * cable.jitterNs + 1) - cable.jitterNs;
    if (delayNs < 0) delayNs = 0;
  }
  scrubPacket(packet, true);
  packet.hash = 0;
  putOnLine(line, packet, departureNs + delayNs);
}

/** Frames that have left the queue by now no longer count. */
function forgetDepartures(cable: Cable, nowNs: number): void {
  const { departures } = cable;
  while (cable.departureCount > 0 && departures[cable.firstDeparture]! <= nowNs) {
    cable.firstDeparture = (cable.firstDeparture + 1) & (departures.length - 1);
    cable.departureCount--;
  }
}

function remember(cable: Cable, departureNs: number): void {
  if (cable.departureCount === cable.departures.length) growDepartures(cable);
  const { departures } = cable;
  departures[(cable.firstDeparture + cable.departureCount) & (departures.length - 1)] = departureNs;
  cable.departureCount++;
}

function growDepartures(cable: Cable): void {
  const { departures, firstDeparture } = cable;
  const { length } = departures;
  const larger = new Float64Array(length * 2);
  for (let i = 0; i < length; i++) larger[i] = departures[(firstDeparture + i) & (length - 1)]!;
  cable.departures = larger;
  cable.firstDeparture = 0;
}

/** What was not sent is not counted as sent. */
function refuse(_sim: Simulator, device: Device, packet: Packet): void {
  device.txPackets--;
  device.txBytes -= packet.end - packet.start;
  device.txDropped++;
}
