/**
 * A tunnel on a bridge is nobody's next hop, so nobody would tell a sender that the underlay is too
 * small for its packets. The tunnel does so itself, in the name of the target.
 * @source net/ipv4/ip_tunnel_core.c skb_tunnel_check_pmtu(), iptunnel_pmtud_build_icmp()
 */
import { isLoopback, isMulticast } from '../base/ipv4-address.ts';
import type { Packet } from '../engine/packet.ts';
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
} from '../protocols/ethernet.ts';
import {
  ICMP_BYTES,
  ICMP_UNREACHABLE,
  icmpType,
  isIcmpError,
  UNREACHABLE_FRAG_NEEDED,
  writeIcmp,
} from '../protocols/icmp.ts';
import {
  IP_DF,
  IPV4_BYTES,
  ipFragmentField,
  ipHeaderBytes,
  ipProtocol,
  ipSource,
  ipTarget,
  ipTtl,
  PROTOCOL_ICMP,
  writeIpv4,
} from '../protocols/ipv4.ts';

/** The whole reply is at most this long, IP header included. */
const REPLY_MAX_BYTES = 576;

/**
 * Turns a frame with an IPv4 packet that is too large into "fragmentation needed" for its sender,
 * in place. False: it may be fragmented, or no error is sent about such a packet; it is unchanged.
 */
export function buildTooBigReply(packet: Packet, mtuBytes: number): boolean {
  const { bytes, start } = packet;
  const ip = start + ETHERNET_BYTES;
  if (mtuBytes < REPLY_MAX_BYTES || ipFragmentField(bytes, ip) !== IP_DF) return false;
  const source = ipSource(bytes, ip);
  const target = ipTarget(bytes, ip);
  if (target === -1 || isMulticast(target)) return false;
  if (source === -1 || isMulticast(source) || isLoopback(source) || source >>> 24 === 0) {
    return false;
  }
  if (ipProtocol(bytes, ip) === PROTOCOL_ICMP) {
    if (isIcmpError(icmpType(bytes, ip + ipHeaderBytes(bytes, ip)))) return false;
  }
  const ttlHops = ipTtl(bytes, ip);
  const askedHi = targetMacHi(bytes, start);
  const askedLo = targetMacLo(bytes, start);
  const senderHi = sourceMacHi(bytes, start);
  const senderLo = sourceMacLo(bytes, start);
  const quoted = Math.min(packet.end - ip, REPLY_MAX_BYTES - IPV4_BYTES - ICMP_BYTES);
  packet.end = ip + quoted;
  const icmp = ip - ICMP_BYTES;
  const network = icmp - IPV4_BYTES;
  writeIcmp(bytes, icmp, packet.end, ICMP_UNREACHABLE, UNREACHABLE_FRAG_NEEDED, mtuBytes);
  const totalBytes = packet.end - network;
  writeIpv4(bytes, network, 0, totalBytes, 0, IP_DF, ttlHops, PROTOCOL_ICMP, target, source);
  packet.network = network;
  packet.transport = icmp;
  packet.start = network - ETHERNET_BYTES;
  writeTargetMac(bytes, packet.start, senderHi, senderLo);
  writeSourceMac(bytes, packet.start, askedHi, askedLo);
  writeEthertype(bytes, packet.start, ETHERTYPE_IPV4);
  return true;
}
