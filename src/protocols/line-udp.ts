/** UDP, and VXLAN in it, in the words of tcpdump. @source tcpdump 4.99 print-udp.c, print-vxlan.c */
import { readUint16 } from './bytes.ts';
import { addToSum, finishSum, pseudoHeaderSum } from './checksum.ts';
import { DNS_PORT } from './dns.ts';
import { ipSource, ipTarget } from './ipv4.ts';
import {
  addressText,
  hex16,
  type LineContext,
  type LinePacket,
  need,
  portText,
} from './line-context.ts';
import { domainLine } from './line-domain.ts';
import { shouldBe } from './line-icmp.ts';
import { UDP_BYTES, udpChecksum, udpLengthBytes, udpSourcePort, udpTargetPort } from './udp.ts';
import { VXLAN_BYTES, VXLAN_FLAG_VNI, VXLAN_PORT, vxlanFlags, vxlanVni } from './vxlan.ts';

export function udpLine(context: LineContext, packet: LinePacket): string {
  const { bytes, options } = context;
  const { ip, start } = packet;
  const source = addressText(context, ip + 12);
  const target = addressText(context, ip + 16);
  if (start + 4 > context.end) return `${source} > ${target}: [|udp]`;
  const sourcePort = udpSourcePort(bytes, start);
  const targetPort = udpTargetPort(bytes, start);
  const from = `${source}.${portText(context, sourcePort, 'udp')}`;
  const text = `${from} > ${target}.${portText(context, targetPort, 'udp')}: `;
  if (packet.sizeBytes < UDP_BYTES) return `${text}truncated-udp ${packet.sizeBytes}`;
  if (start + UDP_BYTES > context.end) return `${text}[|udp]`;
  const declared = udpLengthBytes(bytes, start);
  if (declared < UDP_BYTES) return `${text}truncated-udplength ${declared}`;
  const dataBytes = declared - UDP_BYTES;
  const presentBytes = Math.min(dataBytes, packet.sizeBytes - UDP_BYTES);
  const data = start + UDP_BYTES;
  const sum = checksumText(context, packet, presentBytes + UDP_BYTES);
  const isPort = (port: number): boolean => sourcePort === port || targetPort === port;
  if (!options.isQuick) {
    if (isPort(DNS_PORT)) return text + sum + domainLine(context, data, presentBytes);
    if (targetPort === VXLAN_PORT) return text + sum + vxlanText(context, data, presentBytes);
  }
  if (dataBytes > presentBytes && !packet.isFragmented) {
    return `${text}${sum}UDP, bad length ${dataBytes} > ${presentBytes}`;
  }
  return `${text}${sum}UDP, length ${dataBytes}`;
}

function checksumText(context: LineContext, packet: LinePacket, sizeBytes: number): string {
  const { bytes } = context;
  const { ip, start } = packet;
  if (context.options.verbosity < 2 || packet.isFragmented) return '';
  const found = udpChecksum(bytes, start);
  if (found === 0) return '[no cksum] ';
  if (start + sizeBytes > context.end) return '';
  const declared = readUint16(bytes, start + 4);
  const pseudo = pseudoHeaderSum(ipSource(bytes, ip), ipTarget(bytes, ip), 17, declared);
  const sum = finishSum(addToSum(pseudo, bytes, start, start + sizeBytes));
  if (sum === 0) return '[udp sum ok] ';
  return `[bad udp cksum ${hex16(found)} -> 0x${shouldBe(found, sum).padStart(4, '0')}!] `;
}

function vxlanText(context: LineContext, start: number, sizeBytes: number): string {
  if (sizeBytes < VXLAN_BYTES) return 'VXLAN (invalid)';
  need(context, start, VXLAN_BYTES, 'vxlan');
  const flags = vxlanFlags(context.bytes, start);
  const names = (flags & VXLAN_FLAG_VNI) !== 0 ? 'I' : 'invalid';
  const head = `VXLAN, flags [${names}] (0x${flags.toString(16).padStart(2, '0')})`;
  const inner = context.frameText(context, start + VXLAN_BYTES, sizeBytes - VXLAN_BYTES);
  return `${head}, vni ${vxlanVni(context.bytes, start)}\n${inner}`;
}
