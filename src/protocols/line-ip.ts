/** IPv4 in the words of tcpdump. @source tcpdump 4.99 print-ip.c, print-ip-demux.c */
import { readInt32, readUint16 } from './bytes.ts';
import { checksumOf } from './checksum.ts';
import {
  IP_DF,
  IP_MF,
  IP_OFFSET_MASK,
  IPV4_BYTES,
  ipFragmentField,
  ipHeaderBytes,
  ipId,
  ipProtocol,
  ipTos,
  ipTotalBytes,
  ipTtl,
  ipVersion,
  PROTOCOL_ESP,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from './ipv4.ts';
import { addressText, type LineContext, type LinePacket, need } from './line-context.ts';
import { icmpLine, shouldBe } from './line-icmp.ts';
import { tcpLine } from './line-tcp.ts';
import { udpLine } from './line-udp.ts';

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  1: 'ICMP',
  2: 'IGMP',
  4: 'IPIP',
  6: 'TCP',
  17: 'UDP',
  41: 'IPv6',
  47: 'GRE',
  50: 'ESP',
  51: 'AH',
  58: 'ICMPv6',
  89: 'OSPF',
  112: 'VRRP',
  132: 'SCTP',
};
const ECN_TEXTS = ['', ',ECT(1)', ',ECT(0)', ',CE'];

/** A packet of which `sizeBytes` are there at `start`. */
export function ipLine(context: LineContext, start: number, sizeBytes: number): string {
  const { bytes, options } = context;
  need(context, start, 1, 'ip');
  const version = ipVersion(bytes, start);
  if (version === 6) return 'IP6, wrong link-layer encapsulation (invalid)';
  if (version !== 4) return `IP${version} (invalid)`;
  let text = options.showsLink ? '' : 'IP ';
  if (start + IPV4_BYTES > context.end) return `${text}[|ip]`;
  const header = ipHeaderBytes(bytes, start);
  if (header < IPV4_BYTES) return `${text}bad-hlen ${header}`;
  const total = ipTotalBytes(bytes, start);
  if (sizeBytes < total) text += `truncated-ip - ${total - sizeBytes} bytes missing! `;
  if (total < header) return `${text}bad-len ${total}`;
  const { end } = context;
  context.end = Math.min(end, start + total);
  if (options.verbosity > 0) text += headerText(context, start, header);
  const field = ipFragmentField(bytes, start);
  const protocol = ipProtocol(bytes, start);
  const addresses = `${addressText(context, start + 12)} > ${addressText(context, start + 16)}:`;
  if ((field & IP_OFFSET_MASK) !== 0) {
    const name = options.isNumeric ? null : (PROTOCOL_NAMES[protocol] ?? null);
    text += `${addresses} ${name === null ? `ip-proto-${protocol}` : name.toLowerCase()}`;
  } else {
    const packet: LinePacket = {
      ip: start,
      start: start + header,
      sizeBytes: total - header,
      isFragmented: (field & IP_MF) !== 0,
    };
    text += transportText(context, packet, protocol, addresses);
  }
  context.end = end;
  return text;
}

function transportText(
  context: LineContext,
  packet: LinePacket,
  protocol: number,
  addresses: string,
): string {
  const { bytes } = context;
  switch (protocol) {
    case PROTOCOL_TCP:
      return tcpLine(context, packet);
    case PROTOCOL_UDP:
      return udpLine(context, packet);
    case PROTOCOL_ICMP:
      return `${addresses} ${icmpLine(context, packet)}`;
    case PROTOCOL_ESP: {
      need(context, packet.start, 8, 'esp');
      const spi = (readInt32(bytes, packet.start) >>> 0).toString(16).padStart(8, '0');
      const sequence = (readInt32(bytes, packet.start + 4) >>> 0).toString(16);
      return `${addresses} ESP(spi=0x${spi},seq=0x${sequence}), length ${packet.sizeBytes}`;
    }
    case 4:
      return `${addresses} ${context.ipText(context, packet.start, packet.sizeBytes)}`;
    default: {
      const name = context.options.isNumeric ? undefined : PROTOCOL_NAMES[protocol]?.toLowerCase();
      return `${addresses}  ${name ?? `ip-proto-${protocol}`} ${packet.sizeBytes}`;
    }
  }
}

/** The parenthesis of -v. */
function headerText(context: LineContext, start: number, header: number): string {
  const { bytes } = context;
  const tos = ipTos(bytes, start);
  const ttl = ipTtl(bytes, start);
  const field = ipFragmentField(bytes, start);
  const protocol = ipProtocol(bytes, start);
  const flags: string[] = [];
  if ((field & IP_MF) !== 0) flags.push('+');
  if ((field & IP_DF) !== 0) flags.push('DF');
  if ((field & 0x8000) !== 0) flags.push('rsvd');
  let text = `(tos 0x${tos.toString(16)}${ECN_TEXTS[tos & 3]}`;
  if (ttl >= 1) text += `, ttl ${ttl}`;
  text += `, id ${ipId(bytes, start)}, offset ${(field & IP_OFFSET_MASK) * 8}`;
  text += `, flags [${flags.length === 0 ? 'none' : flags.join(', ')}]`;
  text += `, proto ${PROTOCOL_NAMES[protocol] ?? 'unknown'} (${protocol})`;
  text += `, length ${ipTotalBytes(bytes, start)}`;
  if (header > IPV4_BYTES) text += `, options (${optionsText(context, start, header)})`;
  if (start + header <= context.end) {
    const sum = checksumOf(bytes, start, start + header);
    if (sum !== 0) {
      const found = readUint16(bytes, start + 10);
      text += `, bad cksum ${found.toString(16)} (->${shouldBe(found, sum)})!`;
    }
  }
  return `${text})\n    `;
}

function optionsText(context: LineContext, start: number, header: number): string {
  const { bytes } = context;
  const names: Readonly<Record<number, string>> = {
    0: 'EOL',
    1: 'NOP',
    7: 'RR',
    68: 'timestamp',
    131: 'LSRR',
    137: 'SSRR',
    148: 'RA',
  };
  const parts: string[] = [];
  for (let at = start + IPV4_BYTES; at < start + header; ) {
    need(context, at, 1, 'ip');
    const kind = bytes[at]!;
    parts.push(names[kind] ?? `unknown ${kind}`);
    if (kind === 0) break;
    at += kind === 1 ? 1 : Math.max(2, bytes[at + 1] ?? 2);
  }
  return parts.join(',');
}
