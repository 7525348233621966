/**
 * What `-m ipvs` asks: whether IPVS has handled a packet, and whether its connection is of a kind.
 * @source net/netfilter/xt_ipvs.c ipvs_mt()
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { PACKET_IPVS, type Packet } from '../../engine/packet.ts';
import { readUint16 } from '../../protocols/bytes.ts';
import { ipHeaderBytes, ipProtocol, ipSource, ipTarget } from '../../protocols/ipv4.ts';
import { UDP_BYTES } from '../../protocols/udp.ts';
import { DIRECTION_REPLY, directionOf } from '../conntrack-flow.ts';
import { CONNECTION_FORWARD_MASK, type IpvsConnection } from './connection.ts';
import { findByReply } from './connection-table.ts';
import { type Ipvs, isIpvsProtocol } from './ipvs.ts';

/** A value to compare, and whether the opposite is asked for; null: not asked. */
export interface IpvsCondition<Value> {
  readonly value: Value;
  readonly isInverted: boolean;
}

/** The options of `-m ipvs`. */
export interface IpvsMatchInfo {
  /** `--ipvs`; alone, it is all that is looked at. */
  readonly handled: IpvsCondition<true> | null;
  readonly protocol: IpvsCondition<number> | null;
  readonly address: IpvsCondition<{ readonly address: Ipv4; readonly mask: number }> | null;
  readonly port: IpvsCondition<number> | null;
  readonly controlPort: IpvsCondition<number> | null;
  /** True for REPLY. */
  readonly isReply: IpvsCondition<boolean> | null;
  /** FORWARD_*. */
  readonly method: IpvsCondition<number> | null;
}

/** Whether the packet meets all that is asked. */
export function matchesIpvs(ipvs: Ipvs | null, packet: Packet, info: IpvsMatchInfo): boolean {
  const isHandled = (packet.flags & PACKET_IPVS) !== 0;
  if (asksOnlyHandled(info)) return isHandled !== info.handled!.isInverted;
  if (!isHandled || ipvs === null) return false;
  const { bytes, network } = packet;
  const protocol = ipProtocol(bytes, network);
  if (!holds(info.protocol, protocol) || !isIpvsProtocol(protocol)) return false;
  const transport = network + ipHeaderBytes(bytes, network);
  if (packet.end - transport < UDP_BYTES) return false;
  const connection = findByReply(
    ipvs.connections,
    protocol,
    ipSource(bytes, network),
    readUint16(bytes, transport),
    ipTarget(bytes, network),
    readUint16(bytes, transport + 2),
  );
  return connection !== null && fits(connection, packet, info);
}

function asksOnlyHandled(info: IpvsMatchInfo): boolean {
  return (
    info.handled !== null &&
    info.protocol === null &&
    info.address === null &&
    info.port === null &&
    info.controlPort === null &&
    info.isReply === null &&
    info.method === null
  );
}

function holds<Value>(condition: IpvsCondition<Value> | null, value: Value): boolean {
  return condition === null || (condition.value === value) !== condition.isInverted;
}

function fits(connection: IpvsConnection, packet: Packet, info: IpvsMatchInfo): boolean {
  const { control } = connection;
  if (!holds(info.port, connection.virtualPort)) return false;
  if (!holds(info.controlPort, control === null ? -1 : control.virtualPort)) return false;
  if (info.isReply !== null) {
    if (packet.conntrack === null) return false;
    if (!holds(info.isReply, directionOf(packet.conntrackInfo) === DIRECTION_REPLY)) return false;
  }
  if (!holds(info.method, connection.flags & CONNECTION_FORWARD_MASK)) return false;
  if (info.address === null) return true;
  const { value, isInverted } = info.address;
  return (((connection.virtual ^ value.address) & value.mask) === 0) !== isInverted;
}
