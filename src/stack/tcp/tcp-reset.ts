/**
 * Answers that no socket gives: RST, and ACKs on behalf of requests and TIME-WAIT entries.
 * @source net/ipv4/tcp_ipv4.c tcp_v4_send_reset(), tcp_v4_send_ack()
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { type Device, transmit } from '../../engine/device.ts';
import type { Packet } from '../../engine/packet.ts';
import { takePacket } from '../../engine/packet-pool.ts';
import type { Simulator } from '../../engine/simulator.ts';
import { attachConntrack } from '../../netfilter/conntrack.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_IPV4,
  sourceMacHi,
  sourceMacLo,
  targetMacHi,
  targetMacLo,
  writeEthertype,
  writeSourceMac,
  writeTargetMac,
} from '../../protocols/ethernet.ts';
import {
  IP_DF,
  IPV4_BYTES,
  ipIsFragment,
  ipSource,
  ipTarget,
  PROTOCOL_TCP,
  writeIpv4,
} from '../../protocols/ipv4.ts';
import {
  isTcpChecksumGood,
  TCP_ACK,
  TCP_BYTES,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
  tcpAcknowledgment,
  tcpFlags,
  tcpHeaderBytes,
  tcpSequence,
  tcpSourcePort,
  tcpTargetPort,
  writeTcpChecksum,
} from '../../protocols/tcp.ts';
import type { NetNamespace } from '../namespace.ts';
import { sendIpv4 } from '../output.ts';
import { routeOutputFrom } from '../route.ts';
import { makeRoute } from '../route-record.ts';
import { TIMESTAMP_BYTES, writeTimestamps } from './tcp-options.ts';
import { writeHeader } from './tcp-transmit.ts';

/** One route record for all answers: it is used at once and not kept. */
const route = makeRoute();

/** What an answer is about: where it goes and what it says. Filled by who answers. */
export interface Answer {
  localAddress: Ipv4;
  localPort: number;
  remoteAddress: Ipv4;
  remotePort: number;
  seq: number;
  ack: number;
  flags: number;
  window: number;
  hasTimestamps: boolean;
  tsValue: number;
  tsEcho: number;
  hash: number;
  mark: number;
  tos: number;
  parentId: number;
}

/** One record for all answers; fill every field, then sendAnswer. */
export const answer: Answer = {
  localAddress: 0,
  localPort: 0,
  remoteAddress: 0,
  remotePort: 0,
  seq: 0,
  ack: 0,
  flags: 0,
  window: 0,
  hasTimestamps: false,
  tsValue: 0,
  tsEcho: 0,
  hash: 0,
  mark: 0,
  tos: 0,
  parentId: 0,
};

/**
 * REJECT --reject-with tcp-reset: answers a segment that may be for anybody. The packet stays the
 * caller's, and the answer belongs to its connection-tracking entry.
 * @source net/ipv4/netfilter/nf_reject_ipv4.c nf_send_reset()
 */
export function sendReset(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  if (fillReset(packet, 0)) sendAnswer(sim, netns, packet);
}

/**
 * Answers a TCP segment for us (packet.network is its IP header) with RST, unless it is one itself.
 * The packet stays the caller's.
 * @param hash the flow hash of the socket concerned, 0 if there is none.
 */
export function sendOwnReset(
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  hash: number,
): void {
  if (fillReset(packet, hash)) sendAnswer(sim, netns, null);
}

/** Fills `answer` with the RST for a segment; false: there is none. */
function fillReset(packet: Packet, hash: number): boolean {
  const { bytes, network, end } = packet;
  const tcp = packet.transport;
  if (ipIsFragment(bytes, network) || end - tcp < TCP_BYTES) return false;
  const flags = tcpFlags(bytes, tcp);
  if ((flags & TCP_RST) !== 0) return false;
  const source = ipSource(bytes, network);
  const target = ipTarget(bytes, network);
  if (!isTcpChecksumGood(bytes, tcp, end, source, target)) return false;
  const headerBytes = tcpHeaderBytes(bytes, tcp);
  const hasAck = (flags & TCP_ACK) !== 0;
  const control = ((flags & TCP_SYN) !== 0 ? 1 : 0) + ((flags & TCP_FIN) !== 0 ? 1 : 0);
  const dataBytes = end - tcp - headerBytes;
  answer.localAddress = target;
  answer.localPort = tcpTargetPort(bytes, tcp);
  answer.remoteAddress = source;
  answer.remotePort = tcpSourcePort(bytes, tcp);
  answer.seq = hasAck ? tcpAcknowledgment(bytes, tcp) : 0;
  answer.ack = hasAck ? 0 : (tcpSequence(bytes, tcp) + control + dataBytes) | 0;
  answer.flags = hasAck ? TCP_RST : TCP_RST | TCP_ACK;
  answer.window = 0;
  answer.hasTimestamps = false;
  answer.hash = hash;
  answer.mark = 0;
  answer.tos = 0;
  answer.parentId = packet.id;
  return true;
}

/**
 * Sends what stands in `answer`: DF, IP id 0, default TTL.
 * @param about the packet whose connection-tracking entry it shares, or null.
 */
export function sendAnswer(sim: Simulator, netns: NetNamespace, about: Packet | null): void {
  const { localAddress, remoteAddress } = answer;
  const failure = routeOutputFrom(
    netns,
    remoteAddress,
    localAddress,
    null,
    answer.mark,
    answer.tos,
    route,
  );
  if (failure !== null) return;
  const headerBytes = TCP_BYTES + (answer.hasTimestamps ? TIMESTAMP_BYTES : 0);
  const packet = takePacket(sim, TCP_BYTES + headerBytes);
  const { bytes, start } = packet;
  packet.parentId = answer.parentId;
  packet.end = start + headerBytes;
  writeHeader(
    bytes,
    start,
    answer.localPort,
    answer.remotePort,
    answer.seq,
    answer.ack,
    headerBytes,
    answer.flags,
    answer.window,
  );
  if (answer.hasTimestamps) {
    writeTimestamps(bytes, start + TCP_BYTES, answer.tsValue, answer.tsEcho);
  }
  writeTcpChecksum(bytes, start, packet.end, localAddress, remoteAddress);
  if (about !== null) attachConntrack(about, packet);
  packet.hash = answer.hash;
  packet.mark = answer.mark;
  if (about !== null && about.bridgeInPort !== null) {
    sendThroughPort(sim, netns, packet, about, about.bridgeInPort);
    return;
  }
  sendIpv4(
    sim,
    netns,
    packet,
    route,
    PROTOCOL_TCP,
    localAddress,
    remoteAddress,
    netns.sysctl.ipDefaultTtl,
    answer.tos,
    IP_DF,
    0,
  );
}

/**
 * What came in by a bridge port is answered straight out of that port, with the MAC addresses of the
 * question turned round, as if its target had answered. Owns the packet.
 * @source nf_send_reset(), the part for CONFIG_BRIDGE_NETFILTER
 */
function sendThroughPort(
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  about: Packet,
  port: Device,
): void {
  const { bytes } = packet;
  const network = packet.start - IPV4_BYTES;
  const { localAddress, remoteAddress, tos } = answer;
  const totalBytes = packet.end - network;
  const ttlHops = netns.sysctl.ipDefaultTtl;
  writeIpv4(
    bytes,
    network,
    tos,
    totalBytes,
    0,
    IP_DF,
    ttlHops,
    PROTOCOL_TCP,
    localAddress,
    remoteAddress,
  );
  const frame = network - ETHERNET_BYTES;
  const asked = about.network - ETHERNET_BYTES;
  writeTargetMac(bytes, frame, sourceMacHi(about.bytes, asked), sourceMacLo(about.bytes, asked));
  writeSourceMac(bytes, frame, targetMacHi(about.bytes, asked), targetMacLo(about.bytes, asked));
  writeEthertype(bytes, frame, ETHERTYPE_IPV4);
  packet.transport = packet.start;
  packet.network = network;
  packet.start = frame;
  transmit(sim, port, packet);
}
