/**
 * Matches that ask other layers: address types, bridge ports, IPVS.
 * @source net/netfilter/xt_addrtype.c, xt_physdev.c, xt_ipvs.c
 */
import type { Device } from '../../engine/device.ts';
import type { Packet } from '../../engine/packet.ts';
import { ipSource, ipTarget } from '../../protocols/ipv4.ts';
import { type IpvsMatchInfo, matchesIpvs } from '../ipvs/match.ts';
import type { InterfaceTest, Walk } from '../rule.ts';

export interface AddrtypeTest {
  /** Bits 1 << RTN_*; 0: not asked for. */
  readonly sourceTypes: number;
  readonly isSourceInverted: boolean;
  readonly targetTypes: number;
  readonly isTargetInverted: boolean;
  readonly limit: '' | 'in' | 'out';
}

export interface PhysdevTest {
  readonly inPort: InterfaceTest | null;
  readonly outPort: InterfaceTest | null;
  /** 1: must be, -1: must not be, 0: not asked for. */
  readonly isIn: number;
  readonly isOut: number;
  readonly isBridged: number;
}

export function testAddrtype(walk: Walk, packet: Packet, info: AddrtypeTest): boolean {
  const { slots } = walk.netfilter;
  const { bytes, network } = packet;
  let device: Device | null = null;
  if (info.limit === 'in') device = walk.inDevice;
  else if (info.limit === 'out') device = walk.outDevice;
  if (info.sourceTypes !== 0) {
    const bit = 1 << slots.addressTypeOf(ipSource(bytes, network), device);
    if (((info.sourceTypes & bit) !== 0) === info.isSourceInverted) return false;
  }
  if (info.targetTypes === 0) return true;
  const bit = 1 << slots.addressTypeOf(ipTarget(bytes, network), device);
  return ((info.targetTypes & bit) !== 0) !== info.isTargetInverted;
}

/** The ports are those that br_netfilter wrote on the packet. */
export function testPhysdev(_walk: Walk, packet: Packet, info: PhysdevTest): boolean {
  const { bridgeInPort, bridgeOutPort } = packet;
  if (info.isBridged !== 0) {
    const isBridged = bridgeInPort !== null && bridgeOutPort !== null;
    if (isBridged !== info.isBridged > 0) return false;
  }
  if (info.isIn !== 0 && (bridgeInPort !== null) !== info.isIn > 0) return false;
  if (info.isOut !== 0 && (bridgeOutPort !== null) !== info.isOut > 0) return false;
  if (info.inPort !== null && !isPort(info.inPort, bridgeInPort)) return false;
  return info.outPort === null || isPort(info.outPort, bridgeOutPort);
}

function isPort(test: InterfaceTest, port: Device | null): boolean {
  const name = port === null ? '' : port.name;
  const isSame = port !== null && (test.isPrefix ? name.startsWith(test.name) : name === test.name);
  return isSame !== test.isInverted;
}

export function testIpvs(walk: Walk, packet: Packet, info: IpvsMatchInfo): boolean {
  return matchesIpvs(walk.netfilter.ipvs, packet, info);
}
