/**
 * Cuts a datagram into fragments; what puts them together again is reassembly.ts.
 * @source net/ipv4/ip_output.c ip_do_fragment()
 */
import { PACKET_CHECKSUM_KNOWN, PACKET_DEFRAGMENTED, type Packet } from '../engine/packet.ts';
import { releasePacket, takePacket } from '../engine/packet-pool.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import { writeUint16 } from '../protocols/bytes.ts';
import {
  IP_DF,
  IP_MF,
  IP_OFFSET_MASK,
  IPV4_BYTES,
  ipFragmentField,
  ipHeaderBytes,
  writeIpChecksum,
} from '../protocols/ipv4.ts';
import type { NetNamespace } from './namespace.ts';

/**
 * Cuts a datagram (packet.start is its IP header) into fragments of at most `sizeBytes` and hands each
 * to `send`, which owns it. Owns and releases the packet. Route, mark, conntrack and ports are copied.
 */
export function fragmentPacket(
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  sizeBytes: number,
  send: (sim: Simulator, netns: NetNamespace, fragment: Packet) => void,
): void {
  const { bytes, start, end } = packet;
  const headerBytes = ipHeaderBytes(bytes, start);
  const field = ipFragmentField(bytes, start);
  const chunkBytes = (sizeBytes - headerBytes) & ~7;
  const payloadStart = start + headerBytes;
  if (chunkBytes <= 0) {
    drop(sim, packet, 'fragmentation-needed', packet.outDevice, netns.name);
    return;
  }
  if (sim.trace !== null) {
    sim.trace('fragment', packet, netns.name, { bytes: end - start, mtu: sizeBytes });
  }
  const baseOffset = (field & IP_OFFSET_MASK) << 3;
  for (let offset = 0; offset < end - payloadStart; ) {
    const leftBytes = end - payloadStart - offset;
    // The last piece may be as long as it fits, the others are a multiple of 8.
    const isLast = leftBytes <= sizeBytes - headerBytes;
    const length = isLast ? leftBytes : chunkBytes;
    const fragment = takePacket(sim, headerBytes + length);
    copyPlace(packet, fragment);
    const at = fragment.start;
    fragment.end = at + headerBytes + length;
    fragment.network = at;
    fragment.transport = at + headerBytes;
    copyBytes(bytes, start, fragment.bytes, at, headerBytes);
    copyBytes(bytes, payloadStart + offset, fragment.bytes, at + headerBytes, length);
    if (offset > 0 && headerBytes > IPV4_BYTES)
      dropUncopiedOptions(fragment.bytes, at, headerBytes);
    const more = isLast ? field & IP_MF : IP_MF;
    writeUint16(fragment.bytes, at + 2, headerBytes + length);
    writeUint16(fragment.bytes, at + 6, (field & IP_DF) | more | ((baseOffset + offset) >> 3));
    writeIpChecksum(fragment.bytes, at);
    offset += length;
    if (!sendFragment(sim, netns, packet, fragment, send)) break;
  }
  releasePacket(sim, packet); // not a loss: its fragments carry it on
}

/** Sends one fragment; false: the device refused it, and those that follow are not even tried. */
function sendFragment(
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  fragment: Packet,
  send: (sim: Simulator, netns: NetNamespace, fragment: Packet) => void,
): boolean {
  const { sentId, sentFailure } = sim;
  sim.sentId = fragment.id;
  sim.sentFailure = null;
  send(sim, netns, fragment);
  const failure = sim.sentFailure;
  sim.sentId = sentId;
  sim.sentFailure = sentId === packet.id && failure !== null ? failure : sentFailure;
  return failure === null;
}

/** Everything but bytes and offsets goes over. @source ip_copy_metadata() */
export function copyPlace(from: Packet, to: Packet): void {
  to.parentId = from.id;
  to.device = from.device;
  to.inDevice = from.inDevice;
  to.packetType = from.packetType;
  to.flags = from.flags & ~(PACKET_DEFRAGMENTED | PACKET_CHECKSUM_KNOWN);
  to.mark = from.mark;
  to.routeType = from.routeType;
  to.outDevice = from.outDevice;
  to.nextHop = from.nextHop;
  to.pathMtuBytes = from.pathMtuBytes;
  to.conntrack = from.conntrack;
  to.conntrackInfo = from.conntrackInfo;
  to.socket = from.socket;
  to.transform = from.transform;
  to.secPath = from.secPath;
  to.hash = from.hash;
  to.bridgeInPort = from.bridgeInPort;
  to.bridgeOutPort = from.bridgeOutPort;
}

/** Copies a part of a packet, byte by byte. */
export function copyBytes(
  from: Uint8Array,
  fromOffset: number,
  to: Uint8Array,
  toOffset: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) to[toOffset + i] = from[fromOffset + i]!;
}

/** Options without the copy bit become no-operations in later fragments. @source ip_options_fragment() */
function dropUncopiedOptions(bytes: Uint8Array, ip: number, headerBytes: number): void {
  for (let at = ip + IPV4_BYTES; at < ip + headerBytes; ) {
    const kind = bytes[at]!;
    if (kind === 0) return;
    const length = kind === 1 ? 1 : bytes[at + 1]!;
    if (kind !== 1 && (length < 2 || at + length > ip + headerBytes)) return;
    if ((kind & 0x80) === 0) bytes.fill(1, at, at + length);
    at += length;
  }
}
