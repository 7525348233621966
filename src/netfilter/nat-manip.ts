/**
 * The rewriting of a packet: addresses, ports or ICMP id, and every checksum that covers them,
 * corrected and not computed afresh, so that a damaged packet stays damaged.
 * @source net/netfilter/nf_nat_proto.c nf_nat_manip_pkt(), nf_nat_icmp_reply_translation()
 */
import { readUint16, writeUint16 } from '../protocols/bytes.ts';
import { updateChecksum16, updateChecksum32 } from '../protocols/checksum.ts';
import { ICMP_BYTES, icmpType, writeIcmpChecksum } from '../protocols/icmp.ts';
import {
  IP_OFFSET_MASK,
  IPV4_BYTES,
  ipFragmentField,
  ipHeaderBytes,
  ipProtocol,
  ipSource,
  ipTarget,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  rewriteIpSource,
  rewriteIpTarget,
} from '../protocols/ipv4.ts';
import { TCP_BYTES } from '../protocols/tcp.ts';
import { UDP_BYTES } from '../protocols/udp.ts';
import { hasIcmpId, PROTOCOL_UDPLITE, type Tuple } from './conntrack-tuple.ts';
import type { NatKind } from './nat-range.ts';

/** The checksum field of TCP and UDP, in their headers. */
const TCP_CHECKSUM_AT = 16;
const UDP_CHECKSUM_AT = 6;

/**
 * Gives the packet at bytes[ip, end) the source (`src`) or target (`dst`) of `wanted`.
 * Works on whole packets and on those quoted in ICMP errors, of which 8 bytes of the transport
 * header are there at least. False: not even those are.
 */
export function rewritePacket(
  bytes: Uint8Array,
  ip: number,
  end: number,
  wanted: Tuple,
  kind: NatKind,
): boolean {
  if (end - ip < IPV4_BYTES) return false;
  if (!rewriteTransport(bytes, ip, end, wanted, kind)) return false;
  if (kind === 'src') rewriteIpSource(bytes, ip, wanted.source);
  else rewriteIpTarget(bytes, ip, wanted.target);
  return true;
}

function rewriteTransport(
  bytes: Uint8Array,
  ip: number,
  end: number,
  wanted: Tuple,
  kind: NatKind,
): boolean {
  if ((ipFragmentField(bytes, ip) & IP_OFFSET_MASK) !== 0) return true;
  const transport = ip + ipHeaderBytes(bytes, ip);
  const before = kind === 'src' ? ipSource(bytes, ip) : ipTarget(bytes, ip);
  const after = kind === 'src' ? wanted.source : wanted.target;
  const portAt = kind === 'src' ? transport : transport + 2;
  const port = kind === 'src' ? wanted.sourcePort : wanted.targetPort;
  switch (ipProtocol(bytes, ip)) {
    case PROTOCOL_TCP: {
      if (end - transport < UDP_BYTES) return false;
      const portBefore = readUint16(bytes, portAt);
      writeUint16(bytes, portAt, port);
      if (end - transport < TCP_BYTES) return true; // quoted: the checksum is not there
      updateChecksum32(bytes, transport + TCP_CHECKSUM_AT, before, after);
      updateChecksum16(bytes, transport + TCP_CHECKSUM_AT, portBefore, port);
      return true;
    }
    case PROTOCOL_UDP:
    case PROTOCOL_UDPLITE:
      if (end - transport < UDP_BYTES) return false;
      rewriteUdp(bytes, transport, portAt, before, after, port);
      return true;
    case PROTOCOL_ICMP: {
      if (end - transport < ICMP_BYTES) return false;
      if (!hasIcmpId(icmpType(bytes, transport))) return true;
      updateChecksum16(bytes, transport + 2, readUint16(bytes, transport + 4), wanted.sourcePort);
      writeUint16(bytes, transport + 4, wanted.sourcePort);
      return true;
    }
    default:
      return true;
  }
}

/** A UDP checksum of 0 says that there is none, so one that comes out as 0 is written as 0xffff. */
function rewriteUdp(
  bytes: Uint8Array,
  udp: number,
  portAt: number,
  before: number,
  after: number,
  port: number,
): void {
  const checksumAt = udp + UDP_CHECKSUM_AT;
  const portBefore = readUint16(bytes, portAt);
  writeUint16(bytes, portAt, port);
  if (readUint16(bytes, checksumAt) === 0) return;
  updateChecksum32(bytes, checksumAt, before, after);
  updateChecksum16(bytes, checksumAt, portBefore, port);
  if (readUint16(bytes, checksumAt) === 0) writeUint16(bytes, checksumAt, 0xffff);
}

/**
 * Rewrites the packet quoted in the ICMP error at bytes[ip, end), then the error's own checksum.
 * `kind` is the side of the quoted packet. False: the quotation is cut too short.
 */
export function rewriteQuoted(
  bytes: Uint8Array,
  ip: number,
  end: number,
  wanted: Tuple,
  kind: NatKind,
): boolean {
  const icmp = ip + ipHeaderBytes(bytes, ip);
  if (!rewritePacket(bytes, icmp + ICMP_BYTES, end, wanted, kind)) return false;
  writeIcmpChecksum(bytes, icmp, end);
  return true;
}
