/**
 * Matches on single fields of a packet.
 * @source net/netfilter/xt_mark.c, xt_length.c, xt_hl.c, xt_dscp.c, xt_mac.c, xt_pkttype.c, xt_iprange.c, xt_tcpmss.c
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { Packet } from '../../engine/packet.ts';
import { readInt32, readUint16 } from '../../protocols/bytes.ts';
import { ipSource, ipTarget, ipTos, ipTotalBytes, ipTtl } from '../../protocols/ipv4.ts';
import { TCP_BYTES, TCP_OPTION_MSS } from '../../protocols/tcp.ts';
import type { Walk } from '../rule.ts';
import { findTcpOption, transportOf } from './port-tests.ts';

/** A value in min..max, or not. */
export interface NumberTest {
  readonly min: number;
  readonly max: number;
  readonly isInverted: boolean;
}

export interface MaskedTest {
  readonly value: number;
  readonly mask: number;
  readonly isInverted: boolean;
}

export interface AddressRange {
  /** As unsigned numbers, to compare. */
  readonly min: number;
  readonly max: number;
  readonly isInverted: boolean;
}

export interface IprangeTest {
  readonly source: AddressRange | null;
  readonly target: AddressRange | null;
}

export interface MacTest {
  readonly hi: number;
  readonly lo: number;
  readonly isInverted: boolean;
}

const isIn = (info: NumberTest, value: number): boolean =>
  (value >= info.min && value <= info.max) !== info.isInverted;

export const testComment = (): boolean => true;

export function testMark(_walk: Walk, packet: Packet, info: MaskedTest): boolean {
  return ((packet.mark & info.mask) === info.value) !== info.isInverted;
}

export function testLength(_walk: Walk, packet: Packet, info: NumberTest): boolean {
  return isIn(info, ipTotalBytes(packet.bytes, packet.network));
}

export function testTtl(_walk: Walk, packet: Packet, info: NumberTest): boolean {
  return isIn(info, ipTtl(packet.bytes, packet.network));
}

/** TOS, and DSCP with its mask. */
export function testTos(_walk: Walk, packet: Packet, info: MaskedTest): boolean {
  return ((ipTos(packet.bytes, packet.network) & info.mask) === info.value) !== info.isInverted;
}

/** The source MAC address: there is one before the IP header of what came in by an Ethernet device. */
export function testMac(walk: Walk, packet: Packet, info: MacTest): boolean {
  const device = walk.inDevice;
  const source = packet.network - 8;
  if (device === null || device.isLoopback || source < 6) return false;
  const { bytes } = packet;
  const isSame = readUint16(bytes, source) === info.hi && readInt32(bytes, source + 2) === info.lo;
  return isSame !== info.isInverted;
}

export function testPacketType(_walk: Walk, packet: Packet, info: NumberTest): boolean {
  return isIn(info, packet.packetType);
}

const isAddressIn = (range: AddressRange, address: Ipv4): boolean => {
  const value = address >>> 0;
  return (value >= range.min && value <= range.max) !== range.isInverted;
};

export function testIprange(_walk: Walk, packet: Packet, info: IprangeTest): boolean {
  const { bytes, network } = packet;
  if (info.source !== null && !isAddressIn(info.source, ipSource(bytes, network))) return false;
  return info.target === null || isAddressIn(info.target, ipTarget(bytes, network));
}

export function testTcpMss(walk: Walk, packet: Packet, info: NumberTest): boolean {
  const tcp = transportOf(walk, packet, TCP_BYTES);
  if (tcp < 0) return false;
  const option = findTcpOption(packet, tcp, TCP_OPTION_MSS);
  if (option < 0 || packet.bytes[option + 1] !== 4) return info.isInverted;
  return isIn(info, readUint16(packet.bytes, option + 2));
}
