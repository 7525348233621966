/**
 * Builders for tests of netfilter without a stack: a namespace's netfilter whose slots are plain
 * functions, and whole IPv4 packets to send through it.
 */
import { parseIpv4 } from '../../src/base/ipv4-address.ts';
import type { Device, Netns } from '../../src/engine/device.ts';
import { makeDevice } from '../../src/engine/device.ts';
import type { Packet } from '../../src/engine/packet.ts';
import { releasePacket, takePacket } from '../../src/engine/packet-pool.ts';
import { makeSimulator, type Simulator } from '../../src/engine/simulator.ts';
import {
  makeNetfilter,
  type Netfilter,
  type NetfilterSlots,
} from '../../src/netfilter/netfilter.ts';
import { writeInt32, writeUint16 } from '../../src/protocols/bytes.ts';
import { checksumOf } from '../../src/protocols/checksum.ts';
import { ICMP_BYTES, writeIcmp } from '../../src/protocols/icmp.ts';
import {
  IPV4_BYTES,
  ipHeaderBytes,
  ipProtocol,
  ipSource,
  ipTarget,
  ipTotalBytes,
  isIpChecksumGood,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  writeIpv4,
} from '../../src/protocols/ipv4.ts';
import { isTcpChecksumGood, TCP_BYTES, writeTcpChecksum } from '../../src/protocols/tcp.ts';
import { isUdpChecksumGood, UDP_BYTES, writeUdp } from '../../src/protocols/udp.ts';

/** An address that the test writes as text. */
export function ip(text: string): number {
  const address = parseIpv4(text);
  if (address === null) throw new Error(`no address: ${text}`);
  return address;
}

export interface Bench {
  readonly sim: Simulator;
  readonly netfilter: Netfilter;
  /** Drop reasons so far, in order. */
  readonly drops: string[];
  /** How often `reroute` was asked for. */
  rerouted: number;
  /** The address that MASQUERADE and REDIRECT find, null for none. */
  primaryAddress: number | null;
  /** The type of every address (RTN_LOCAL is 2). */
  addressType: number;
}

/** A netfilter alone; its slots answer what the fields of the bench say. */
export function makeBench(seed = 1): Bench {
  const sim = makeSimulator({ seed });
  const netns: Netns = { id: 1, name: 'box', sim, cpu: sim.cpu };
  const drops: string[] = [];
  sim.onDrop = (_packet, reason) => drops.push(reason);
  const bench: Bench = {
    sim,
    netfilter: null as unknown as Netfilter, // the next lines: the slots look at the bench
    drops,
    rerouted: 0,
    primaryAddress: null,
    addressType: 2,
  };
  const slots: NetfilterSlots = {
    addressTypeOf: () => bench.addressType,
    primaryAddressOf: () => bench.primaryAddress,
    reroute: () => {
      bench.rerouted++;
      return true;
    },
    reject: () => {},
    reassemble: (_sim, packet) => packet,
    routeTo: () => null,
    sendLocal: (sim, packet) => releasePacket(sim, packet),
    sendInTunnel: (sim, packet) => releasePacket(sim, packet),
    sendError: () => {},
  };
  return Object.assign(bench, { netfilter: makeNetfilter(netns, slots) });
}

/** A device with a name and an index, not connected to anything. */
export function makeTestDevice(bench: Bench, name: string, index: number): Device {
  const device = makeDevice({
    name,
    kind: 'dummy',
    netns: bench.netfilter.netns,
    mac: index,
    mtuBytes: 1500,
    state: { kind: 'dummy' },
    transmit: () => {},
  });
  device.index = index;
  return device;
}

function takeIp(sim: Simulator, protocol: number, source: number, target: number, size: number) {
  const packet = takePacket(sim, IPV4_BYTES + size);
  packet.end = packet.start + IPV4_BYTES + size;
  packet.network = packet.start;
  packet.transport = packet.start + IPV4_BYTES;
  const { bytes, network } = packet;
  writeIpv4(bytes, network, 0, IPV4_BYTES + size, 7, 0, 64, protocol, source, target);
  for (let i = packet.transport; i < packet.end; i++) bytes[i] = (i * 31) & 255;
  return packet;
}

export interface Ends {
  readonly source: number;
  readonly target: number;
  readonly sourcePort: number;
  readonly targetPort: number;
}

/** `10.0.0.1:1234 > 10.0.0.2:80` */
export function ends(text: string): Ends {
  const match = /^([\d.]+):(\d+) > ([\d.]+):(\d+)$/.exec(text);
  if (match === null) throw new Error(`no ends: ${text}`);
  return {
    source: ip(match[1]!),
    target: ip(match[3]!),
    sourcePort: Number(match[2]),
    targetPort: Number(match[4]),
  };
}

/** The ends of the answer. */
export function turned(of: Ends): Ends {
  const { source, target, sourcePort, targetPort } = of;
  return { source: target, target: source, sourcePort: targetPort, targetPort: sourcePort };
}

export function udpPacket(sim: Simulator, of: Ends, dataBytes = 20, hasChecksum = true): Packet {
  const packet = takeIp(sim, PROTOCOL_UDP, of.source, of.target, UDP_BYTES + dataBytes);
  const { bytes, transport, end } = packet;
  writeUdp(bytes, transport, end, of.sourcePort, of.targetPort, of.source, of.target);
  if (!hasChecksum) writeUint16(bytes, transport + 6, 0);
  return packet;
}

export interface Segment {
  readonly flags: number;
  readonly sequence?: number;
  readonly ack?: number;
  readonly window?: number;
  readonly dataBytes?: number;
  /** Whole words of options. */
  readonly options?: readonly number[];
}

export function tcpPacket(sim: Simulator, of: Ends, segment: Segment): Packet {
  const options = segment.options ?? [];
  const headerBytes = TCP_BYTES + options.length;
  const size = headerBytes + (segment.dataBytes ?? 0);
  const packet = takeIp(sim, PROTOCOL_TCP, of.source, of.target, size);
  const { bytes, transport, end } = packet;
  writeUint16(bytes, transport, of.sourcePort);
  writeUint16(bytes, transport + 2, of.targetPort);
  writeInt32(bytes, transport + 4, segment.sequence ?? 0);
  writeInt32(bytes, transport + 8, segment.ack ?? 0);
  bytes[transport + 12] = (headerBytes / 4) << 4;
  bytes[transport + 13] = segment.flags;
  writeUint16(bytes, transport + 14, segment.window ?? 65535);
  writeUint16(bytes, transport + 18, 0);
  bytes.set(options, transport + TCP_BYTES);
  writeTcpChecksum(bytes, transport, end, of.source, of.target);
  return packet;
}

/** An ICMP message; `rest` is bytes 4..7 (id * 65536 + sequence for an echo). */
export function icmpPacket(
  sim: Simulator,
  source: number,
  target: number,
  type: number,
  code: number,
  rest: number,
  dataBytes = 56,
): Packet {
  const packet = takeIp(sim, PROTOCOL_ICMP, source, target, ICMP_BYTES + dataBytes);
  writeIcmp(packet.bytes, packet.transport, packet.end, type, code, rest);
  return packet;
}

/** An ICMP error of `source` that quotes `about` as it is now, cut to `quotedBytes`. */
export function icmpErrorPacket(
  sim: Simulator,
  source: number,
  target: number,
  about: Packet,
  quotedBytes = 28,
  type = 3,
  code = 3,
): Packet {
  const size = Math.min(quotedBytes, about.end - about.network);
  const packet = takeIp(sim, PROTOCOL_ICMP, source, target, ICMP_BYTES + size);
  const { bytes, transport, end } = packet;
  const quoted = about.bytes.subarray(about.network, about.network + size);
  bytes.set(quoted, transport + ICMP_BYTES);
  writeIcmp(bytes, transport, end, type, code, 0);
  return packet;
}

/** Whether every checksum is right: IP, transport, and in an ICMP error the quoted IP header. */
export function areChecksumsGood(packet: Packet): boolean {
  const { bytes, network } = packet;
  const end = network + ipTotalBytes(bytes, network);
  if (!isIpChecksumGood(bytes, network)) return false;
  const transport = network + ipHeaderBytes(bytes, network);
  const source = ipSource(bytes, network);
  const target = ipTarget(bytes, network);
  switch (ipProtocol(bytes, network)) {
    case PROTOCOL_TCP:
      return isTcpChecksumGood(bytes, transport, end, source, target);
    case PROTOCOL_UDP:
      return isUdpChecksumGood(bytes, transport, end, source, target);
    case PROTOCOL_ICMP: {
      const type = bytes[transport]!;
      const isError = type === 3 || type === 4 || type === 5 || type === 11 || type === 12;
      if (checksumOf(bytes, transport, end) !== 0) return false;
      return !isError || isIpChecksumGood(bytes, transport + ICMP_BYTES);
    }
    default:
      return true;
  }
}
