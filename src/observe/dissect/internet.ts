/** IPv4, ICMP, IGMP and ESP field by field. @source RFC 791, 792, 3376, 4303 */
import { readUint16 } from '../../protocols/bytes.ts';
import { checksumOf } from '../../protocols/checksum.ts';
import { IPV4_BYTES, isIpChecksumGood } from '../../protocols/ipv4.ts';
import {
  addData,
  addField,
  addressText,
  addTruncated,
  beginLayer,
  countOf,
  type Dissection,
  endLayer,
  hex,
  hexOf,
  type LayerDraft,
  readUint32,
} from './layer.ts';
import { dissectTcp, dissectUdp } from './transport.ts';

/** Reads what a tunnel wraps. */
export type FrameDissector = (dissection: Dissection, start: number, end: number) => void;

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  1: 'ICMP',
  2: 'IGMP',
  4: 'IPIP',
  6: 'TCP',
  17: 'UDP',
  50: 'ESP',
  132: 'SCTP',
};

/** The packet bytes[start, end), and what it carries. */
export function dissectIpv4(
  dissection: Dissection,
  start: number,
  end: number,
  frames: FrameDissector,
): void {
  const { bytes } = dissection;
  const headerBytes = end - start >= IPV4_BYTES ? (bytes[start]! & 15) * 4 : 0;
  if (headerBytes < IPV4_BYTES || headerBytes > end - start || bytes[start]! >> 4 !== 4) {
    addTruncated(dissection, 'ip', start, end);
    return;
  }
  const draft = beginLayer(dissection, 'ip', start);
  addHeader(draft, bytes, start, headerBytes);
  const source = addressText(bytes, start + 12);
  const target = addressText(bytes, start + 16);
  endLayer(draft, start + headerBytes, `Internet Protocol, ${source} to ${target}`);
  const totalBytes = readUint16(bytes, start + 2);
  const stop = Math.min(end, start + Math.max(headerBytes, totalBytes));
  const offset = readUint16(bytes, start + 6) & 0x1fff;
  const at = start + headerBytes;
  if (offset > 0) addData(dissection, at, stop);
  else dissectPayload(dissection, start, at, stop, frames);
}

function dissectPayload(
  dissection: Dissection,
  ip: number,
  at: number,
  end: number,
  frames: FrameDissector,
): void {
  const protocol = dissection.bytes[ip + 9]!;
  if (protocol === 1) dissectIcmp(dissection, at, end, frames);
  else if (protocol === 2) dissectIgmp(dissection, at, end);
  else if (protocol === 4) dissectIpv4(dissection, at, end, frames);
  else if (protocol === 6) dissectTcp(dissection, at, end);
  else if (protocol === 17) dissectUdp(dissection, at, end, frames);
  else if (protocol === 50) dissectEsp(dissection, at, end);
  else addData(dissection, at, end);
}

function addHeader(draft: LayerDraft, bytes: Uint8Array, ip: number, headerBytes: number): void {
  const tos = bytes[ip + 1]!;
  const fragment = readUint16(bytes, ip + 6);
  const protocol = bytes[ip + 9]!;
  const isGood = isIpChecksumGood(bytes, ip);
  addField(draft, ['ip.version', 'Version'], 0, 1, '4');
  addField(draft, ['ip.hdr_len', 'Header length'], 0, 1, countOf(headerBytes, 'byte'));
  addField(draft, ['ip.dsfield.dscp', 'DSCP'], 1, 1, String(tos >> 2));
  addField(draft, ['ip.dsfield.ecn', 'ECN'], 1, 1, String(tos & 3));
  addField(draft, ['ip.len', 'Total length'], 2, 2, String(readUint16(bytes, ip + 2)));
  addField(draft, ['ip.id', 'Identification'], 4, 2, hex(readUint16(bytes, ip + 4), 4));
  addField(draft, ['ip.flags.df', "Don't fragment"], 6, 1, fragment & 0x4000 ? 'set' : 'not set');
  addField(draft, ['ip.flags.mf', 'More fragments'], 6, 1, fragment & 0x2000 ? 'set' : 'not set');
  const offset = fragment & 0x1fff;
  const place = offset === 0 ? '0' : `${offset} (byte ${offset * 8})`;
  addField(draft, ['ip.frag_offset', 'Fragment offset'], 6, 2, place);
  addField(draft, ['ip.ttl', 'Time to live'], 8, 1, String(bytes[ip + 8]));
  const name = PROTOCOL_NAMES[protocol];
  addField(draft, ['ip.proto', 'Protocol'], 9, 1, name ? `${protocol} (${name})` : `${protocol}`);
  const sum = hex(readUint16(bytes, ip + 10), 4);
  addField(draft, ['ip.checksum', 'Header checksum'], 10, 2, `${sum} (${verdict(isGood)})`);
  addField(draft, ['ip.src', 'Source'], 12, 4, addressText(bytes, ip + 12));
  addField(draft, ['ip.dst', 'Destination'], 16, 4, addressText(bytes, ip + 16));
  if (headerBytes > IPV4_BYTES) {
    const options = hexOf(bytes, ip + IPV4_BYTES, ip + headerBytes);
    addField(draft, ['ip.options', 'Options'], IPV4_BYTES, headerBytes - IPV4_BYTES, options);
  }
}

const ICMP_BYTES = 8;
const ICMP_TYPES: Readonly<Record<number, string>> = {
  0: 'Echo reply',
  3: 'Destination unreachable',
  5: 'Redirect',
  8: 'Echo request',
  11: 'Time exceeded',
  12: 'Parameter problem',
};
const UNREACHABLE_CODES: Readonly<Record<number, string>> = {
  0: 'network unreachable',
  1: 'host unreachable',
  2: 'protocol unreachable',
  3: 'port unreachable',
  4: 'fragmentation needed',
  9: 'network prohibited',
  10: 'host prohibited',
  13: 'communication prohibited',
};

function dissectIcmp(
  dissection: Dissection,
  start: number,
  end: number,
  frames: FrameDissector,
): void {
  const { bytes } = dissection;
  if (end - start < ICMP_BYTES) {
    addTruncated(dissection, 'icmp', start, end);
    return;
  }
  const draft = beginLayer(dissection, 'icmp', start);
  const type = bytes[start]!;
  const code = bytes[start + 1]!;
  const name = ICMP_TYPES[type] ?? `type ${type}`;
  const why = type === 3 ? UNREACHABLE_CODES[code] : undefined;
  const isGood = checksumOf(bytes, start, end) === 0;
  addField(draft, ['icmp.type', 'Type'], 0, 1, `${type} (${name})`);
  addField(draft, ['icmp.code', 'Code'], 1, 1, why ? `${code} (${why})` : String(code));
  const sum = hex(readUint16(bytes, start + 2), 4);
  addField(draft, ['icmp.checksum', 'Checksum'], 2, 2, `${sum} (${verdict(isGood)})`);
  const isEcho = type === 0 || type === 8;
  if (isEcho) {
    addField(draft, ['icmp.ident', 'Identifier'], 4, 2, String(readUint16(bytes, start + 4)));
    addField(draft, ['icmp.seq', 'Sequence number'], 6, 2, String(readUint16(bytes, start + 6)));
  } else if (type === 3 && code === 4) {
    addField(draft, ['icmp.mtu', 'MTU of next hop'], 6, 2, String(readUint16(bytes, start + 6)));
  } else if (type === 5) {
    addField(draft, ['icmp.redir_gw', 'Gateway'], 4, 4, addressText(bytes, start + 4));
  }
  const title = [`ICMP ${name.toLowerCase()}`];
  if (why !== undefined) title.push(why);
  if (isEcho) title.push(`sequence ${readUint16(bytes, start + 6)}`);
  endLayer(draft, start + ICMP_BYTES, title.join(', '));
  const isError = type === 3 || type === 5 || type === 11 || type === 12;
  if (isError) dissectIpv4(dissection, start + ICMP_BYTES, end, frames);
  else addData(dissection, start + ICMP_BYTES, end);
}

function dissectIgmp(dissection: Dissection, start: number, end: number): void {
  const { bytes } = dissection;
  if (end - start < 8) {
    addTruncated(dissection, 'igmp', start, end);
    return;
  }
  const draft = beginLayer(dissection, 'igmp', start);
  addField(draft, ['igmp.type', 'Type'], 0, 1, hex(bytes[start]!, 2));
  addField(draft, ['igmp.checksum', 'Checksum'], 2, 2, hex(readUint16(bytes, start + 2), 4));
  endLayer(draft, start + 8, 'IGMP, membership of multicast groups');
  addData(dissection, start + 8, end);
}

function dissectEsp(dissection: Dissection, start: number, end: number): void {
  const { bytes } = dissection;
  if (end - start < 8) {
    addTruncated(dissection, 'esp', start, end);
    return;
  }
  const draft = beginLayer(dissection, 'esp', start);
  const spi = hex(readUint32(bytes, start), 8);
  const sequence = readUint32(bytes, start + 4);
  addField(draft, ['esp.spi', 'SPI'], 0, 4, spi);
  addField(draft, ['esp.sequence', 'Sequence'], 4, 4, String(sequence));
  endLayer(draft, start + 8, `Encapsulating Security Payload, SPI ${spi}, sequence ${sequence}`);
  addData(dissection, start + 8, end);
}

function verdict(isGood: boolean): string {
  return isGood ? 'good' : 'wrong';
}
