/** UDP, VXLAN and TCP field by field. @source RFC 768, 7348, 9293, 7323, 2018 */
import { readUint16 } from '../../protocols/bytes.ts';
import {
  TCP_BYTES,
  TCP_OPTION_END,
  TCP_OPTION_MSS,
  TCP_OPTION_NOP,
  TCP_OPTION_SACK,
  TCP_OPTION_SACK_PERMITTED,
  TCP_OPTION_TIMESTAMPS,
  TCP_OPTION_WINDOW_SCALE,
} from '../../protocols/tcp.ts';
import { UDP_BYTES } from '../../protocols/udp.ts';
import { VXLAN_BYTES, VXLAN_PORT, vxlanVni } from '../../protocols/vxlan.ts';
import { dissectDns, dissectHttp } from './application.ts';
import type { FrameDissector } from './internet.ts';
import {
  addData,
  addField,
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

const DNS_PORT = 53;

export function dissectUdp(
  dissection: Dissection,
  start: number,
  end: number,
  frames: FrameDissector,
): void {
  const { bytes } = dissection;
  if (end - start < UDP_BYTES) {
    addTruncated(dissection, 'udp', start, end);
    return;
  }
  const draft = beginLayer(dissection, 'udp', start);
  const source = readUint16(bytes, start);
  const target = readUint16(bytes, start + 2);
  const lengthBytes = readUint16(bytes, start + 4);
  const sum = readUint16(bytes, start + 6);
  addField(draft, ['udp.srcport', 'Source port'], 0, 2, String(source));
  addField(draft, ['udp.dstport', 'Destination port'], 2, 2, String(target));
  addField(draft, ['udp.length', 'Length'], 4, 2, String(lengthBytes));
  addField(draft, ['udp.checksum', 'Checksum'], 6, 2, sum === 0 ? '0x0000 (none)' : hex(sum, 4));
  endLayer(draft, start + UDP_BYTES, `UDP, port ${source} to ${target}`);
  const at = start + UDP_BYTES;
  if (target === VXLAN_PORT) dissectVxlan(dissection, at, end, frames);
  else if (source === DNS_PORT || target === DNS_PORT) dissectDns(dissection, at, end);
  else addData(dissection, at, end);
}

function dissectVxlan(
  dissection: Dissection,
  start: number,
  end: number,
  frames: FrameDissector,
): void {
  const { bytes } = dissection;
  if (end - start < VXLAN_BYTES) {
    addTruncated(dissection, 'vxlan', start, end);
    return;
  }
  const draft = beginLayer(dissection, 'vxlan', start);
  const vni = vxlanVni(bytes, start);
  addField(draft, ['vxlan.flags', 'Flags'], 0, 2, hex(readUint16(bytes, start), 4));
  addField(draft, ['vxlan.gbp', 'Group policy'], 2, 2, String(readUint16(bytes, start + 2)));
  addField(draft, ['vxlan.vni', 'VNI'], 4, 3, String(vni));
  endLayer(draft, start + VXLAN_BYTES, `VXLAN, VNI ${vni}`);
  frames(dissection, start + VXLAN_BYTES, end);
}

const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as const;

export function dissectTcp(dissection: Dissection, start: number, end: number): void {
  const { bytes } = dissection;
  const headerBytes = end - start >= TCP_BYTES ? (bytes[start + 12]! >> 4) * 4 : 0;
  if (headerBytes < TCP_BYTES || headerBytes > end - start) {
    addTruncated(dissection, 'tcp', start, end);
    return;
  }
  const draft = beginLayer(dissection, 'tcp', start);
  const source = readUint16(bytes, start);
  const target = readUint16(bytes, start + 2);
  const flags = bytes[start + 13]!;
  const names = FLAGS.filter((_, bit) => (flags >> bit) & 1).join(', ');
  addField(draft, ['tcp.srcport', 'Source port'], 0, 2, String(source));
  addField(draft, ['tcp.dstport', 'Destination port'], 2, 2, String(target));
  addField(draft, ['tcp.seq_raw', 'Sequence number'], 4, 4, String(readUint32(bytes, start + 4)));
  addField(draft, ['tcp.ack_raw', 'Acknowledgment'], 8, 4, String(readUint32(bytes, start + 8)));
  addField(draft, ['tcp.hdr_len', 'Header length'], 12, 1, countOf(headerBytes, 'byte'));
  addField(draft, ['tcp.flags', 'Flags'], 12, 2, `${hex(flags, 4)} (${names})`);
  const window = readUint16(bytes, start + 14);
  addField(draft, ['tcp.window_size_value', 'Window'], 14, 2, String(window));
  addField(draft, ['tcp.checksum', 'Checksum'], 16, 2, hex(readUint16(bytes, start + 16), 4));
  const urgent = readUint16(bytes, start + 18);
  addField(draft, ['tcp.urgent_pointer', 'Urgent pointer'], 18, 2, String(urgent));
  addOptions(draft, bytes, start, headerBytes);
  const at = start + headerBytes;
  const data = at < end ? `, ${countOf(end - at, 'byte')} of data` : '';
  endLayer(draft, at, `TCP, port ${source} to ${target} [${names}]${data}`);
  if (source === DNS_PORT || target === DNS_PORT) dissectDns(dissection, at + 2, end);
  else dissectHttp(dissection, at, end);
}

function addOptions(draft: LayerDraft, bytes: Uint8Array, tcp: number, headerBytes: number): void {
  const end = tcp + headerBytes;
  let at = tcp + TCP_BYTES;
  while (at < end) {
    const kind = bytes[at]!;
    const offset = at - tcp;
    if (kind === TCP_OPTION_END) return;
    if (kind === TCP_OPTION_NOP) {
      addField(draft, ['', 'No operation'], offset, 1, '');
      at++;
      continue;
    }
    const lengthBytes = at + 1 < end ? bytes[at + 1]! : 0;
    if (lengthBytes < 2 || at + lengthBytes > end) return;
    addOption(draft, bytes, { kind, at, offset, lengthBytes });
    at += lengthBytes;
  }
}

interface Option {
  readonly kind: number;
  /** Where it stands in the bytes, and how far into the header. */
  readonly at: number;
  readonly offset: number;
  readonly lengthBytes: number;
}

function addOption(draft: LayerDraft, bytes: Uint8Array, option: Option): void {
  const { kind, at, offset, lengthBytes } = option;
  const put = (name: string, label: string, text: string): void =>
    addField(draft, [name, label], offset, lengthBytes, text);
  if (kind === TCP_OPTION_MSS && lengthBytes === 4) {
    const value = String(readUint16(bytes, at + 2));
    addField(draft, ['tcp.options.mss_val', 'Maximum segment size'], offset + 2, 2, value);
  } else if (kind === TCP_OPTION_WINDOW_SCALE && lengthBytes === 3) {
    const shift = String(bytes[at + 2]);
    addField(draft, ['tcp.options.wscale.shift', 'Window scale'], offset + 2, 1, shift);
  } else if (kind === TCP_OPTION_SACK_PERMITTED) {
    put('tcp.options.sack_perm', 'SACK permitted', '04:02');
  } else if (kind === TCP_OPTION_TIMESTAMPS && lengthBytes === 10) {
    const value = readUint32(bytes, at + 2);
    const echo = readUint32(bytes, at + 6);
    addField(draft, ['tcp.options.timestamp.tsval', 'Timestamp'], offset + 2, 4, String(value));
    addField(draft, ['tcp.options.timestamp.tsecr', 'Echoed'], offset + 6, 4, String(echo));
  } else if (kind === TCP_OPTION_SACK) {
    const blocks: string[] = [];
    for (let block = at + 2; block + 8 <= at + lengthBytes; block += 8) {
      blocks.push(`${readUint32(bytes, block)}-${readUint32(bytes, block + 4)}`);
    }
    put('tcp.options.sack', 'SACK', blocks.join(' '));
  } else {
    put('', `Option ${kind}`, hexOf(bytes, at + 2, at + lengthBytes));
  }
}
