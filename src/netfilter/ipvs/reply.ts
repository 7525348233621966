/**
 * Answers: a packet from a destination to a client gets the virtual address as its source.
 * @source net/netfilter/ipvs/ip_vs_core.c ip_vs_out_hook(), handle_response()
 */
import { formatIpv4, type Ipv4 } from '../../base/ipv4-address.ts';
import { PACKET_IPVS, type Packet } from '../../engine/packet.ts';
import { drop, type Simulator } from '../../engine/simulator.ts';
import { readUint16 } from '../../protocols/bytes.ts';
import { UNREACHABLE_PORT } from '../../protocols/icmp.ts';
import {
  ipHeaderBytes,
  ipProtocol,
  ipSource,
  ipTarget,
  PROTOCOL_TCP,
} from '../../protocols/ipv4.ts';
import { TCP_BYTES, TCP_RST, tcpFlags } from '../../protocols/tcp.ts';
import { UDP_BYTES } from '../../protocols/udp.ts';
import { ipEnd, makeTuple } from '../conntrack-tuple.ts';
import { rewritePacket } from '../nat-manip.ts';
import { CONNECTION_FORWARD_MASK, type IpvsConnection } from './connection.ts';
import { findByReply } from './connection-table.ts';
import { gatherFragments } from './fragments.ts';
import { type Ipvs, isIpvsProtocol } from './ipvs.ts';
import { FORWARD_MASQ } from './service.ts';
import { countReply, followPacket, putConnection, tellConntrack } from './state.ts';
import { DIRECTION_OUTPUT } from './tcp-state.ts';
import { rerouteReply } from './transmit.ts';

const wanted = makeTuple();

/** @returns the packet to go on with, null if it is gone. */
export function handleReply(
  sim: Simulator,
  ipvs: Ipvs,
  hook: number,
  packet: Packet,
): Packet | null {
  const protocol = ipProtocol(packet.bytes, packet.network);
  if (!isIpvsProtocol(protocol)) return packet;
  const current = gatherFragments(sim, ipvs, packet);
  if (current === null) return null;
  const { bytes, network, end } = current;
  const transport = network + ipHeaderBytes(bytes, network);
  if (end - transport < (protocol === PROTOCOL_TCP ? TCP_BYTES : UDP_BYTES)) return current;
  const server = ipSource(bytes, network);
  const serverPort = readUint16(bytes, transport);
  const connection = findByReply(
    ipvs.connections,
    protocol,
    server,
    serverPort,
    ipTarget(bytes, network),
    readUint16(bytes, transport + 2),
  );
  if (connection !== null) {
    return handleResponse(sim, ipvs, hook, current, connection, transport);
  }
  if (ipvs.settings.natIcmpSend !== 0 && isRealServer(ipvs, protocol, server, serverPort)) {
    if (protocol !== PROTOCOL_TCP || (tcpFlags(bytes, transport) & TCP_RST) === 0) {
      ipvs.netfilter.slots.reject(sim, current, hook, UNREACHABLE_PORT);
      drop(sim, current, 'ipvs-no-connection', null, ipvs.netfilter.netns.name);
      return null;
    }
  }
  return current;
}

function handleResponse(
  sim: Simulator,
  ipvs: Ipvs,
  hook: number,
  packet: Packet,
  connection: IpvsConnection,
  transport: number,
): Packet | null {
  if ((connection.flags & CONNECTION_FORWARD_MASK) === FORWARD_MASQ) {
    if (sim.trace !== null) traceSource(sim, ipvs, packet, connection);
    const { bytes, network } = packet;
    wanted.source = connection.virtual;
    wanted.sourcePort = connection.virtualPort;
    rewritePacket(bytes, network, ipEnd(bytes, network, packet.end), wanted, 'src');
    if (!rerouteReply(sim, ipvs, hook, packet)) return null;
  }
  countReply(ipvs, connection, packet);
  followPacket(ipvs, connection, packet, transport, DIRECTION_OUTPUT);
  packet.flags |= PACKET_IPVS;
  tellConntrack(connection, packet, false);
  putConnection(ipvs, connection);
  return packet;
}

function traceSource(sim: Simulator, ipvs: Ipvs, packet: Packet, of: IpvsConnection): void {
  sim.trace?.('nat', packet, ipvs.netfilter.netns.name, {
    kind: 'IPVS',
    before: formatIpv4(ipSource(packet.bytes, packet.network)),
    after: formatIpv4(of.virtual),
    port: of.virtualPort,
  });
}

/** Whether a destination of a service has this address and port. @source ip_vs_has_real_service() */
function isRealServer(ipvs: Ipvs, protocol: number, address: Ipv4, port: number): boolean {
  for (const service of ipvs.services) {
    if (service.fwmark === 0 && service.protocol !== protocol) continue;
    for (const destination of service.destinations) {
      const isMasq = destination.forwarding === FORWARD_MASQ;
      if (isMasq && destination.address === address && destination.port === port) return true;
    }
  }
  return false;
}
