/**
 * Matches on the headers of TCP, UDP and ICMP.
 * @source net/netfilter/xt_tcpudp.c, xt_multiport.c, net/ipv4/netfilter/ip_tables.c icmp_match()
 */
import type { Packet } from '../../engine/packet.ts';
import { readUint16 } from '../../protocols/bytes.ts';
import { ICMP_BYTES } from '../../protocols/icmp.ts';
import { ipHeaderBytes } from '../../protocols/ipv4.ts';
import { TCP_BYTES, tcpFlags, tcpHeaderBytes } from '../../protocols/tcp.ts';
import { UDP_BYTES } from '../../protocols/udp.ts';
import type { Walk } from '../rule.ts';

export interface PortRange {
  readonly min: number;
  readonly max: number;
  readonly isInverted: boolean;
}

export interface PortTest {
  readonly source: PortRange;
  readonly target: PortRange;
}

export interface TcpTest extends PortTest {
  readonly flagMask: number;
  readonly flags: number;
  readonly isFlagsInverted: boolean;
  /** 0 for any. */
  readonly option: number;
  readonly isOptionInverted: boolean;
}

export interface IcmpTest {
  /** 255 for any. */
  readonly type: number;
  readonly minCode: number;
  readonly maxCode: number;
  readonly isInverted: boolean;
}

export interface MultiportTest {
  readonly kind: 'source' | 'target' | 'either';
  /** Pairs of first and last port. */
  readonly ranges: Uint16Array;
  readonly isInverted: boolean;
}

/** Offset of the transport header if all its `sizeBytes` are there, else -1. */
export function transportOf(walk: Walk, packet: Packet, sizeBytes: number): number {
  if (walk.fragmentOffset !== 0) return -1;
  const transport = packet.network + ipHeaderBytes(packet.bytes, packet.network);
  if (transport + sizeBytes <= packet.end) return transport;
  walk.isHotDrop = true;
  return -1;
}

const isIn = (range: PortRange, port: number): boolean =>
  (port >= range.min && port <= range.max) !== range.isInverted;

export function testUdp(walk: Walk, packet: Packet, info: PortTest): boolean {
  const udp = transportOf(walk, packet, UDP_BYTES);
  if (udp < 0) return false;
  return (
    isIn(info.source, readUint16(packet.bytes, udp)) &&
    isIn(info.target, readUint16(packet.bytes, udp + 2))
  );
}

export function testTcp(walk: Walk, packet: Packet, info: TcpTest): boolean {
  const tcp = transportOf(walk, packet, TCP_BYTES);
  if (tcp < 0) return false;
  const { bytes } = packet;
  if (!isIn(info.source, readUint16(bytes, tcp))) return false;
  if (!isIn(info.target, readUint16(bytes, tcp + 2))) return false;
  if (info.flagMask !== 0 || info.isFlagsInverted) {
    if (((tcpFlags(bytes, tcp) & info.flagMask) === info.flags) === info.isFlagsInverted) {
      return false;
    }
  }
  if (info.option === 0) return true;
  return findTcpOption(packet, tcp, info.option) >= 0 !== info.isOptionInverted;
}

/** Offset of a TCP option's kind byte, -1 if the segment at `tcp` does not have it. */
export function findTcpOption(packet: Packet, tcp: number, kind: number): number {
  const { bytes } = packet;
  const stated = tcp + tcpHeaderBytes(bytes, tcp);
  const end = stated < packet.end ? stated : packet.end;
  for (let at = tcp + TCP_BYTES; at < end; ) {
    if (bytes[at] === kind) return at;
    if (bytes[at]! < 2 || at + 1 >= end || bytes[at + 1]! < 2) at++;
    else at += bytes[at + 1]!;
  }
  return -1;
}

export function testIcmp(walk: Walk, packet: Packet, info: IcmpTest): boolean {
  const icmp = transportOf(walk, packet, ICMP_BYTES / 2);
  if (icmp < 0) return false;
  const type = packet.bytes[icmp]!;
  const code = packet.bytes[icmp + 1]!;
  const fits =
    info.type === 255 || (type === info.type && code >= info.minCode && code <= info.maxCode);
  return fits !== info.isInverted;
}

export function testMultiport(walk: Walk, packet: Packet, info: MultiportTest): boolean {
  const transport = transportOf(walk, packet, 4);
  if (transport < 0) return false;
  const source = readUint16(packet.bytes, transport);
  const target = readUint16(packet.bytes, transport + 2);
  const { ranges, kind } = info;
  let fits = false;
  for (let i = 0; i < ranges.length && !fits; i += 2) {
    const min = ranges[i]!;
    const max = ranges[i + 1]!;
    fits =
      (kind !== 'target' && source >= min && source <= max) ||
      (kind !== 'source' && target >= min && target <= max);
  }
  return fits !== info.isInverted;
}
