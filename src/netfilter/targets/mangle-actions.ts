/**
 * Targets that change a packet or its marks, and REJECT.
 * @source net/netfilter/xt_mark.c, xt_connmark.c, xt_TCPMSS.c, xt_HL.c, xt_DSCP.c, xt_CT.c;
 *   net/ipv4/netfilter/ipt_REJECT.c
 */
import { PACKET_UNTRACKED, type Packet } from '../../engine/packet.ts';
import { readUint16, writeUint16 } from '../../protocols/bytes.ts';
import { updateChecksum16 } from '../../protocols/checksum.ts';
import { ipTos, ipTtl } from '../../protocols/ipv4.ts';
import {
  TCP_BYTES,
  TCP_OPTION_MSS,
  TCP_SYN,
  tcpFlags,
  tcpHeaderBytes,
} from '../../protocols/tcp.ts';
import { conntrackOf } from '../conntrack.ts';
import { findTcpOption, transportOf } from '../matches/port-tests.ts';
import type { RejectAnswer } from '../netfilter.ts';
import { VERDICT_CONTINUE, VERDICT_DROP, type Walk } from '../rule.ts';

export interface MarkAction {
  readonly value: number;
  readonly mask: number;
}

export interface ConnmarkAction {
  readonly mode: 'set' | 'save' | 'restore';
  readonly value: number;
  readonly flowMask: number;
  readonly packetMask: number;
}

export interface RejectAction {
  readonly answer: RejectAnswer;
}

export interface TtlAction {
  readonly mode: 'set' | 'inc' | 'dec';
  readonly value: number;
}

/** 0: clamp to the path MTU. */
export interface TcpMssAction {
  readonly mssBytes: number;
}

export function actReject(walk: Walk, packet: Packet, info: RejectAction): number {
  walk.netfilter.slots.reject(walk.sim, packet, walk.hook, info.answer);
  walk.dropReason = 'rule-reject';
  return VERDICT_DROP;
}

export function actMark(_walk: Walk, packet: Packet, info: MarkAction): number {
  packet.mark = (packet.mark & ~info.mask) ^ info.value;
  return VERDICT_CONTINUE;
}

export function actConnmark(_walk: Walk, packet: Packet, info: ConnmarkAction): number {
  const flow = conntrackOf(packet);
  if (flow === null) return VERDICT_CONTINUE;
  if (info.mode === 'set') {
    flow.mark = (flow.mark & ~info.flowMask) ^ info.value;
  } else if (info.mode === 'save') {
    flow.mark = (flow.mark & ~info.flowMask) ^ (packet.mark & info.packetMask);
  } else {
    packet.mark = (packet.mark & ~info.packetMask) ^ (flow.mark & info.flowMask);
  }
  return VERDICT_CONTINUE;
}

/** NOTRACK and CT --notrack: connection tracking leaves the packet alone. */
export function actNotrack(_walk: Walk, packet: Packet): number {
  if (packet.conntrack === null) packet.flags |= PACKET_UNTRACKED;
  return VERDICT_CONTINUE;
}

/** Targets that change nothing that is emulated. */
export function actNothing(): number {
  return VERDICT_CONTINUE;
}

export function actTtl(_walk: Walk, packet: Packet, info: TtlAction): number {
  const { bytes, network } = packet;
  const before = ipTtl(bytes, network);
  let after = info.value;
  if (info.mode === 'inc') after = Math.min(255, before + info.value);
  else if (info.mode === 'dec') after = Math.max(0, before - info.value);
  if (after === before) return VERDICT_CONTINUE;
  const word = readUint16(bytes, network + 8);
  bytes[network + 8] = after;
  updateChecksum16(bytes, network + 10, word, readUint16(bytes, network + 8));
  return VERDICT_CONTINUE;
}

/** TOS and DSCP. */
export function actTos(_walk: Walk, packet: Packet, info: MarkAction): number {
  const { bytes, network } = packet;
  const before = ipTos(bytes, network);
  const after = ((before & ~info.mask) ^ info.value) & 0xff;
  if (after === before) return VERDICT_CONTINUE;
  const word = readUint16(bytes, network);
  bytes[network + 1] = after;
  updateChecksum16(bytes, network + 10, word, readUint16(bytes, network));
  return VERDICT_CONTINUE;
}

/** IPv4 and TCP header without options. */
const MIN_HEADERS_BYTES = 40;

/**
 * Writes the MSS option of a SYN. A lower one stays as it is; a SYN without the option stays without.
 *
 * Unlike Linux, a missing option is not added (Linux adds one of 536 bytes at most).
 */
export function actTcpMss(walk: Walk, packet: Packet, info: TcpMssAction): number {
  const tcp = transportOf(walk, packet, TCP_BYTES);
  if (tcp < 0) return walk.isHotDrop ? VERDICT_DROP : VERDICT_CONTINUE;
  const { bytes } = packet;
  if ((tcpFlags(bytes, tcp) & TCP_SYN) === 0) return VERDICT_CONTINUE;
  if (tcp + tcpHeaderBytes(bytes, tcp) > packet.end) return VERDICT_DROP;
  let mss = info.mssBytes;
  if (mss === 0) {
    const pathMtu = lowerMtu(walk, packet);
    if (pathMtu <= MIN_HEADERS_BYTES) return VERDICT_DROP;
    mss = pathMtu - MIN_HEADERS_BYTES;
  }
  const option = findTcpOption(packet, tcp, TCP_OPTION_MSS);
  if (option < 0 || bytes[option + 1] !== 4) return VERDICT_CONTINUE;
  const before = readUint16(bytes, option + 2);
  // A connection may be made smaller, never larger.
  if (before <= mss) return VERDICT_CONTINUE;
  writeUint16(bytes, option + 2, mss);
  const isAligned = ((option + 2 - tcp) & 1) === 0;
  // In the sum, a word at an odd offset counts with its bytes swapped.
  if (isAligned) updateChecksum16(bytes, tcp + 16, before, mss);
  else updateChecksum16(bytes, tcp + 16, swap(before), swap(mss));
  return VERDICT_CONTINUE;
}

const swap = (word: number): number => ((word & 0xff) << 8) | (word >> 8);

/** The smaller MTU of the way on and the way back. */
function lowerMtu(walk: Walk, packet: Packet): number {
  let mtu = packet.pathMtuBytes;
  if (mtu === 0) mtu = walk.outDevice?.mtuBytes ?? 0;
  const back = walk.inDevice?.mtuBytes ?? mtu;
  return back < mtu ? back : mtu;
}
