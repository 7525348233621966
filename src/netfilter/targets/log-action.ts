/**
 * LOG and TRACE: a line in the kernel log.
 * @source net/netfilter/nf_log_syslog.c nf_log_ip_packet(), dump_ipv4_packet(), dump_mac_header()
 */
import { formatIpv4 } from '../../base/ipv4-address.ts';
import type { Device } from '../../engine/device.ts';
import type { Packet } from '../../engine/packet.ts';
import { readInt32, readUint16 } from '../../protocols/bytes.ts';
import {
  IP_DF,
  IP_MF,
  IP_OFFSET_MASK,
  ipFragmentField,
  ipHeaderBytes,
  ipId,
  ipProtocol,
  ipSource,
  ipTarget,
  ipTos,
  ipTotalBytes,
  ipTtl,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../../protocols/ipv4.ts';
import { tcpFlags, tcpWindow } from '../../protocols/tcp.ts';
import { VERDICT_CONTINUE, type Walk } from '../rule.ts';

/** Bits of LogAction.flags. @source include/uapi/linux/netfilter/nf_log.h */
export const LOG_TCP_SEQUENCE = 1;
export const LOG_TCP_OPTIONS = 2;
export const LOG_IP_OPTIONS = 4;
export const LOG_UID = 8;

export interface LogAction {
  readonly prefix: string;
  readonly level: number;
  readonly flags: number;
}

/** Writes a line, if anybody reads the log: the one action that builds text, a rule at a time. */
export function actLog(walk: Walk, packet: Packet, info: LogAction): number {
  const { kernelLog } = walk.netfilter;
  if (kernelLog !== null) kernelLog(info.prefix + logLine(walk, packet, info.flags));
  return VERDICT_CONTINUE;
}

/** A packet in the words of the kernel log. */
export function logLine(walk: Walk, packet: Packet, flags: number): string {
  const { bytes, network } = packet;
  let line = `IN=${walk.inDevice?.name ?? ''} OUT=${walk.outDevice?.name ?? ''} `;
  if (packet.bridgeInPort !== null) line += `PHYSIN=${packet.bridgeInPort.name} `;
  if (packet.bridgeOutPort !== null) line += `PHYSOUT=${packet.bridgeOutPort.name} `;
  line += macText(walk.inDevice, packet);
  line += `SRC=${formatIpv4(ipSource(bytes, network))} DST=${formatIpv4(ipTarget(bytes, network))} `;
  const tos = ipTos(bytes, network);
  line += `LEN=${ipTotalBytes(bytes, network)} TOS=0x${hex(tos & 0x1e)} PREC=0x${hex(tos & 0xe0)} `;
  line += `TTL=${ipTtl(bytes, network)} ID=${ipId(bytes, network)} `;
  const field = ipFragmentField(bytes, network);
  if ((field & 0x8000) !== 0) line += 'CE ';
  if ((field & IP_DF) !== 0) line += 'DF ';
  if ((field & IP_MF) !== 0) line += 'MF ';
  if ((field & IP_OFFSET_MASK) !== 0) line += `FRAG:${field & IP_OFFSET_MASK} `;
  line += protocolText(packet, walk.fragmentOffset, flags);
  return packet.mark === 0 ? line : `${line}MARK=0x${(packet.mark >>> 0).toString(16)} `;
}

const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0');

function macText(device: Device | null, packet: Packet): string {
  const frame = packet.network - 14;
  if (device === null || frame < 0) return '';
  const octets: string[] = [];
  for (let i = 0; i < 14; i++) octets.push(packet.bytes[frame + i]!.toString(16).padStart(2, '0'));
  return `MAC=${octets.join(':')} `;
}

const FLAG_WORDS = ['CWR', 'ECE', 'URG', 'ACK', 'PSH', 'RST', 'SYN', 'FIN'];

function protocolText(packet: Packet, fragmentOffset: number, flags: number): string {
  const { bytes, network, end } = packet;
  const at = network + ipHeaderBytes(bytes, network);
  const protocol = ipProtocol(bytes, network);
  const names: Record<number, string> = {
    [PROTOCOL_ICMP]: 'ICMP',
    [PROTOCOL_TCP]: 'TCP',
    [PROTOCOL_UDP]: 'UDP',
  };
  let text = `PROTO=${names[protocol] ?? protocol} `;
  if (fragmentOffset !== 0 || at + 8 > end) return text;
  if (protocol === PROTOCOL_ICMP) {
    text += `TYPE=${bytes[at]} CODE=${bytes[at + 1]} `;
    if (bytes[at] !== 8 && bytes[at] !== 0) return text;
    return `${text}ID=${readUint16(bytes, at + 4)} SEQ=${readUint16(bytes, at + 6)} `;
  }
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return text;
  text += `SPT=${readUint16(bytes, at)} DPT=${readUint16(bytes, at + 2)} `;
  if (protocol === PROTOCOL_UDP) return `${text}LEN=${readUint16(bytes, at + 4)} `;
  if (at + 20 > end) return text;
  if ((flags & LOG_TCP_SEQUENCE) !== 0) {
    text += `SEQ=${readInt32(bytes, at + 4) >>> 0} ACK=${readInt32(bytes, at + 8) >>> 0} `;
  }
  text += `WINDOW=${tcpWindow(bytes, at)} RES=0x00 `;
  const bits = tcpFlags(bytes, at);
  FLAG_WORDS.forEach((word, index) => {
    if ((bits & (0x80 >> index)) !== 0) text += `${word} `;
  });
  return `${text}URGP=${readUint16(bytes, at + 18)} `;
}
