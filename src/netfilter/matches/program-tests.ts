/**
 * Matches that run a small program over the packet: u32 and bpf.
 * @source net/netfilter/xt_u32.c; net/netfilter/xt_bpf.c, net/core/filter.c (classic BPF)
 */
import type { Packet } from '../../engine/packet.ts';
import { readInt32, readUint16 } from '../../protocols/bytes.ts';
import { IPV4_BYTES, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from '../../protocols/ipv4.ts';
import type { Walk } from '../rule.ts';

/** One test of u32: an offset, steps, and value ranges. */
export interface U32Part {
  /** Offset to begin with, then pairs of operator (U32_*) and number. */
  readonly steps: Int32Array;
  /** Pairs of unsigned min and max. */
  readonly ranges: Float64Array;
}

export const U32_AND = 0;
export const U32_LEFT = 1;
export const U32_RIGHT = 2;
export const U32_AT = 3;

export interface U32Test {
  readonly parts: readonly U32Part[];
  readonly isInverted: boolean;
}

/** A classic BPF program: four words an instruction (code, jt, jf, k). */
export interface BpfTest {
  readonly program: Int32Array;
}

/** Everything counts from the IP header. */
export function testU32(_walk: Walk, packet: Packet, info: U32Test): boolean {
  return isEveryPart(packet, info.parts) !== info.isInverted;
}

function isEveryPart(packet: Packet, parts: readonly U32Part[]): boolean {
  for (let i = 0; i < parts.length; i++) if (!isPartTrue(packet, parts[i]!)) return false;
  return true;
}

function isPartTrue(packet: Packet, part: U32Part): boolean {
  const { steps, ranges } = part;
  const { bytes, network, end } = packet;
  let at = network;
  let offset = steps[0]! >>> 0;
  if (at + offset + 4 > end) return false;
  let value = readInt32(bytes, at + offset);
  for (let i = 1; i < steps.length; i += 2) {
    const number = steps[i + 1]!;
    switch (steps[i]) {
      case U32_AND:
        value &= number;
        break;
      case U32_LEFT:
        value <<= number;
        break;
      case U32_RIGHT:
        value >>>= number;
        break;
      default:
        at += value >>> 0;
        offset = number >>> 0;
        if (at + offset + 4 > end) return false;
        value = readInt32(bytes, at + offset);
    }
  }
  const unsigned = value >>> 0;
  for (let i = 0; i < ranges.length; i += 2) {
    if (unsigned >= ranges[i]! && unsigned <= ranges[i + 1]!) return true;
  }
  return false;
}

const scratch = new Int32Array(16);

/** Runs the program over bytes[network, end); it matches if the result is not 0. */
export function testBpf(_walk: Walk, packet: Packet, info: BpfTest): boolean {
  const { program } = info;
  const { bytes, network, end } = packet;
  let a = 0;
  let x = 0;
  for (let pc = 0; pc < program.length; pc += 4) {
    const code = program[pc]!;
    const k = program[pc + 3]!;
    switch (code & 7) {
      case 0: // load into A
      case 1: {
        // load into X
        const value = load(code, k, x, bytes, network, end);
        if (value === null) return false;
        if ((code & 7) === 0) a = value;
        else x = value;
        break;
      }
      case 2:
        scratch[k & 15] = a;
        break;
      case 3:
        scratch[k & 15] = x;
        break;
      case 4:
        a = calculate(code & 0xf0, a, (code & 8) !== 0 ? x : k);
        break;
      case 5:
        pc += 4 * jump(code, a, (code & 8) !== 0 ? x : k, program, pc);
        break;
      case 6:
        return ((code & 0x18) === 0x10 ? a : k) !== 0;
      default:
        if ((code & 0xf8) === 0x80) a = x;
        else x = a;
    }
  }
  return false;
}

function load(
  code: number,
  k: number,
  x: number,
  bytes: Uint8Array,
  network: number,
  end: number,
): number | null {
  const mode = code & 0xe0;
  if (mode === 0x00) return k;
  if (mode === 0x60) return scratch[k & 15]!;
  if (mode === 0x80) return end - network;
  if (mode === 0x20 && k < 0) return loadAncillary(k - ANCILLARY_BASE, bytes, network, end);
  const at = network + k + (mode === 0x40 ? x : 0);
  if (mode === 0xa0) return at < end ? (bytes[at]! & 15) << 2 : null;
  const size = code & 0x18;
  const sizeBytes = size === 0 ? 4 : size === 8 ? 2 : 1;
  if (at < network || at + sizeBytes > end) return null;
  if (size === 0) return readInt32(bytes, at);
  return size === 8 ? readUint16(bytes, at) : bytes[at]!;
}

/** SKF_AD_OFF and what of it is known. @source include/uapi/linux/filter.h */
const ANCILLARY_BASE = -0x1000;
const ANCILLARY_PAYLOAD_OFFSET = 52;

/** Where the payload begins behind the transport header. @source skb_get_poff(), __skb_get_poff() */
function loadAncillary(
  what: number,
  bytes: Uint8Array,
  network: number,
  end: number,
): number | null {
  if (what !== ANCILLARY_PAYLOAD_OFFSET || network + IPV4_BYTES > end) return null;
  const header = (bytes[network]! & 15) << 2;
  const isLaterFragment = (readUint16(bytes, network + 6) & 0x1fff) !== 0;
  if (isLaterFragment) return header;
  switch (bytes[network + 9]) {
    case PROTOCOL_TCP: {
      const at = network + header + 12;
      return at < end ? header + ((bytes[at]! >> 4) << 2) : header;
    }
    case PROTOCOL_UDP:
    case PROTOCOL_ICMP:
      return header + 8;
    default:
      return header;
  }
}

function calculate(operation: number, a: number, operand: number): number {
  switch (operation) {
    case 0x00:
      return (a + operand) | 0;
    case 0x10:
      return (a - operand) | 0;
    case 0x20:
      return Math.imul(a, operand);
    case 0x30:
      return operand === 0 ? 0 : Math.floor((a >>> 0) / (operand >>> 0)) | 0;
    case 0x40:
      return a | operand;
    case 0x50:
      return a & operand;
    case 0x60:
      return a << operand;
    case 0x70:
      return a >>> operand;
    case 0x80:
      return -a | 0;
    case 0x90:
      return operand === 0 ? 0 : ((a >>> 0) % (operand >>> 0)) | 0;
    default:
      return a ^ operand;
  }
}

/** Instructions to skip. */
function jump(code: number, a: number, operand: number, program: Int32Array, pc: number): number {
  let isTrue: boolean;
  switch (code & 0xf0) {
    case 0x00:
      return program[pc + 3]!;
    case 0x10:
      isTrue = a === operand;
      break;
    case 0x20:
      isTrue = a >>> 0 > operand >>> 0;
      break;
    case 0x30:
      isTrue = a >>> 0 >= operand >>> 0;
      break;
    default:
      isTrue = (a & operand) !== 0;
  }
  return isTrue ? program[pc + 1]! : program[pc + 2]!;
}
