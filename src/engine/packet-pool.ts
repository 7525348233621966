/**
 * The pool of packets. Two sizes: slots that hold one Ethernet frame, and large ones for what is
 * bigger than a frame (loopback, a datagram before fragmentation or after reassembly).
 */
import { assert } from '../base/assert.ts';
import { makeViewedBytes } from '../protocols/checksum.ts';
import type { Packet } from './packet.ts';
import type { Simulator } from './simulator.ts';

/** Room before the frame: Ethernet + VLAN + two encapsulations fit (LL_MAX_HEADER and more). */
export const HEADROOM_BYTES = 192;
/** Room behind it (ESP trailer). */
const TAILROOM_BYTES = 64;
const SMALL_BYTES = 2048;
const LARGE_BYTES = HEADROOM_BYTES + 65535 + 64 + TAILROOM_BYTES;
/** The most that a packet can carry. */
export const PACKET_MAX_BYTES = LARGE_BYTES - HEADROOM_BYTES - TAILROOM_BYTES;

export interface PacketPool {
  small: Packet[];
  large: Packet[];
  nextId: number;
  /** Packets handed out and not given back: 0 when the network is at rest (law 1). */
  outstanding: number;
  /** Packets given back in all; those taken in all are nextId - 1. */
  released: number;
  /** Packets made in all: stays flat once the pool is warm. */
  made: number;
}

export function makePacketPool(): PacketPool {
  return { small: [], large: [], nextId: 1, outstanding: 0, released: 0, made: 0 };
}

/**
 * An empty packet (start = end = HEADROOM_BYTES) with room for `sizeBytes`; the caller owns it.
 * Its bytes hold whatever was there before: write every byte of what you claim.
 */
export function takePacket(sim: Simulator, sizeBytes: number): Packet {
  const pool = sim.pool;
  const isSmall = sizeBytes <= SMALL_BYTES - HEADROOM_BYTES - TAILROOM_BYTES;
  assert(sizeBytes <= PACKET_MAX_BYTES, 'a packet is at most 64 KiB');
  const list = isSmall ? pool.small : pool.large;
  const packet = list.pop() ?? makePacket(pool, isSmall ? SMALL_BYTES : LARGE_BYTES);
  assert(packet.isFree, 'a packet in the pool is free');
  packet.isFree = false;
  pool.outstanding++;
  packet.id = pool.nextId++;
  packet.parentId = 0;
  packet.bornNs = sim.nowNs + sim.workNs;
  packet.start = HEADROOM_BYTES;
  packet.end = HEADROOM_BYTES;
  packet.network = HEADROOM_BYTES;
  packet.transport = HEADROOM_BYTES;
  return packet;
}

/** Gives a packet back to the pool. Nobody may touch it afterwards. */
export function releasePacket(sim: Simulator, packet: Packet): void {
  assert(!packet.isFree, 'a packet is released once');
  const pool = sim.pool;
  pool.outstanding--;
  pool.released++;
  packet.isFree = true;
  packet.device = null;
  packet.inDevice = null;
  packet.packetType = 0;
  packet.flags = 0;
  packet.mark = 0;
  packet.routeType = 0;
  packet.outDevice = null;
  packet.nextHop = 0;
  packet.pathMtuBytes = 0;
  packet.conntrack = null;
  packet.conntrackInfo = 0;
  packet.socket = null;
  packet.transform = null;
  packet.secPath = null;
  packet.hash = 0;
  packet.fragmentMaxBytes = 0;
  packet.bridgeInPort = null;
  packet.bridgeOutPort = null;
  packet.control = 0;
  packet.next = null;
  (packet.bytes.length === SMALL_BYTES ? pool.small : pool.large).push(packet);
}

/**
 * A second packet with the same bytes and the same place (skb_copy): device, route, mark, conntrack
 * and offsets are the same, parentId is the original's id. The caller owns the copy too.
 */
export function copyPacket(sim: Simulator, packet: Packet): Packet {
  const copy = takePacket(sim, packet.end - packet.start);
  const { bytes, start, end } = packet;
  const shift = copy.start - start;
  if (shift === 0) copy.bytes.set(bytes.subarray(start, end), start);
  else copy.bytes.set(bytes.subarray(start, end), copy.start);
  copy.parentId = packet.id;
  copy.end = end + shift;
  copy.network = packet.network + shift;
  copy.transport = packet.transport + shift;
  copy.device = packet.device;
  copy.inDevice = packet.inDevice;
  copy.packetType = packet.packetType;
  copy.flags = packet.flags;
  copy.mark = packet.mark;
  copy.routeType = packet.routeType;
  copy.outDevice = packet.outDevice;
  copy.nextHop = packet.nextHop;
  copy.pathMtuBytes = packet.pathMtuBytes;
  copy.conntrack = packet.conntrack;
  copy.conntrackInfo = packet.conntrackInfo;
  copy.socket = packet.socket;
  copy.transform = packet.transform;
  copy.secPath = packet.secPath;
  copy.hash = packet.hash;
  copy.fragmentMaxBytes = packet.fragmentMaxBytes;
  copy.bridgeInPort = packet.bridgeInPort;
  copy.bridgeOutPort = packet.bridgeOutPort;
  return copy;
}

function makePacket(pool: PacketPool, lengthBytes: number): Packet {
  pool.made++;
  return {
    id: 0,
    parentId: 0,
    bornNs: 0,
    bytes: makeViewedBytes(lengthBytes),
    start: 0,
    end: 0,
    network: 0,
    transport: 0,
    device: null,
    inDevice: null,
    packetType: 0,
    flags: 0,
    mark: 0,
    routeType: 0,
    outDevice: null,
    nextHop: 0,
    pathMtuBytes: 0,
    conntrack: null,
    conntrackInfo: 0,
    socket: null,
    transform: null,
    secPath: null,
    hash: 0,
    fragmentMaxBytes: 0,
    bridgeInPort: null,
    bridgeOutPort: null,
    control: 0,
    dueNs: 0,
    next: null,
    isFree: true,
  };
}
