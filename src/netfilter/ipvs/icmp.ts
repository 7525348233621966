/**
 * ICMP errors about packets of connections: each goes where the packet that it quotes came from, with
 * the addresses that its receiver knows.
 *
 *     to a destination: an error about an answer that it sent    (requestError)
 *     to a client: an error about a request that was passed on   (replyError)
 *
 * @source net/netfilter/ipvs/ip_vs_core.c ip_vs_in_icmp(), ip_vs_out_icmp(), ip_vs_nat_icmp()
 */
import { PACKET_IPVS, type Packet } from '../../engine/packet.ts';
import { drop, type Simulator } from '../../engine/simulator.ts';
import { readUint16, writeUint16 } from '../../protocols/bytes.ts';
import { checksumOf } from '../../protocols/checksum.ts';
import {
  ICMP_BYTES,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  icmpType,
  writeIcmpChecksum,
} from '../../protocols/icmp.ts';
import {
  IP_OFFSET_MASK,
  IPV4_BYTES,
  ipFragmentField,
  ipHeaderBytes,
  ipProtocol,
  ipSource,
  ipTarget,
  ipVersion,
  rewriteIpSource,
  rewriteIpTarget,
} from '../../protocols/ipv4.ts';
import { ipEnd } from '../conntrack-tuple.ts';
import { SCHEDULE_DROPPED, SCHEDULE_PASS, scheduleRequest, takeScheduled } from './begin.ts';
import { CONNECTION_FORWARD_MASK, type IpvsConnection } from './connection.ts';
import { findByReply, findByRequest } from './connection-table.ts';
import { gatherFragments } from './fragments.ts';
import { type Ipvs, isIpvsProtocol } from './ipvs.ts';
import { FORWARD_MASQ } from './service.ts';
import { countReply, countRequest, putConnection, tellConntrack } from './state.ts';
import { rerouteReply, transmitError, transmitRequest } from './transmit.ts';

const ICMP_SOURCE_QUENCH = 4;
/** Of a quoted transport header at least the ports are needed. */
const PORTS_BYTES = 4;

/** Where the packet is that this error quotes; -1: it is no error, or quotes nothing of ours. */
function quotedOf(packet: Packet): number {
  const { bytes, network } = packet;
  const icmp = network + ipHeaderBytes(bytes, network);
  const end = ipEnd(bytes, network, packet.end);
  const quoted = icmp + ICMP_BYTES;
  if (end - quoted < IPV4_BYTES) return -1;
  const type = icmpType(bytes, icmp);
  if (type !== ICMP_UNREACHABLE && type !== ICMP_SOURCE_QUENCH && type !== ICMP_TIME_EXCEEDED) {
    return -1;
  }
  const headerBytes = ipHeaderBytes(bytes, quoted);
  if (ipVersion(bytes, quoted) !== 4 || headerBytes < IPV4_BYTES) return -1;
  if (end - quoted - headerBytes < PORTS_BYTES) return -1;
  if ((ipFragmentField(bytes, quoted) & IP_OFFSET_MASK) !== 0) return -1;
  return isIpvsProtocol(ipProtocol(bytes, quoted)) ? quoted : -1;
}

function isChecksumGood(sim: Simulator, ipvs: Ipvs, packet: Packet): boolean {
  const { bytes, network } = packet;
  const icmp = network + ipHeaderBytes(bytes, network);
  if (checksumOf(bytes, icmp, ipEnd(bytes, network, packet.end)) === 0) return true;
  drop(sim, packet, 'icmp-checksum', null, ipvs.netfilter.netns.name);
  return false;
}

/** @returns the packet to go on with, null if it is gone. */
export function requestError(
  sim: Simulator,
  ipvs: Ipvs,
  hook: number,
  packet: Packet,
): Packet | null {
  const current = gatherFragments(sim, ipvs, packet);
  if (current === null) return null;
  const quoted = quotedOf(current);
  if (quoted < 0) return current;
  const { bytes } = current;
  const protocol = ipProtocol(bytes, quoted);
  const transport = quoted + ipHeaderBytes(bytes, quoted);
  let connection = findByRequest(
    ipvs.connections,
    protocol,
    ipTarget(bytes, quoted),
    readUint16(bytes, transport + 2),
    ipSource(bytes, quoted),
    readUint16(bytes, transport),
  );
  const isNew = connection === null;
  if (connection === null) {
    if (ipvs.settings.scheduleIcmp === 0) return current;
    const outcome = scheduleRequest(sim, ipvs, hook, current, protocol, transport, true);
    if (outcome === SCHEDULE_PASS) return current;
    if (outcome === SCHEDULE_DROPPED) return null;
    connection = takeScheduled();
  }
  if (isNew) putConnection(ipvs, connection);
  if (!isChecksumGood(sim, ipvs, current)) return null;
  countRequest(ipvs, connection, current);
  if ((connection.flags & CONNECTION_FORWARD_MASK) !== FORWARD_MASQ) {
    return transmitRequest(sim, ipvs, hook, current, connection);
  }
  return transmitError(sim, ipvs, hook, current, connection, quoted);
}

/** @returns the packet to go on with, null if it is gone. */
export function replyError(
  sim: Simulator,
  ipvs: Ipvs,
  hook: number,
  packet: Packet,
): Packet | null {
  const current = gatherFragments(sim, ipvs, packet);
  if (current === null) return null;
  const quoted = quotedOf(current);
  if (quoted < 0) return current;
  const { bytes } = current;
  const transport = quoted + ipHeaderBytes(bytes, quoted);
  const connection = findByReply(
    ipvs.connections,
    ipProtocol(bytes, quoted),
    ipTarget(bytes, quoted),
    readUint16(bytes, transport + 2),
    ipSource(bytes, quoted),
    readUint16(bytes, transport),
  );
  if (connection === null) return current;
  if ((connection.flags & CONNECTION_FORWARD_MASK) === FORWARD_MASQ) {
    if (!isChecksumGood(sim, ipvs, current)) return null;
    writeBack(current, connection, quoted, transport);
    if (!rerouteReply(sim, ipvs, hook, current)) return null;
  }
  countReply(ipvs, connection, current);
  current.flags |= PACKET_IPVS;
  tellConntrack(connection, current, false);
  return current;
}

/** For the client: the error comes from the virtual address and quotes what was sent there. */
function writeBack(
  packet: Packet,
  connection: IpvsConnection,
  quoted: number,
  transport: number,
): void {
  const { bytes, network } = packet;
  rewriteIpSource(bytes, network, connection.virtual);
  rewriteIpTarget(bytes, quoted, connection.virtual);
  writeUint16(bytes, transport + 2, connection.virtualPort);
  writeIcmpChecksum(bytes, quoted - ICMP_BYTES, ipEnd(bytes, network, packet.end));
}
