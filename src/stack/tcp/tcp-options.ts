/**
 * TCP options: what came with a segment, and what goes with ours.
 * @source net/ipv4/tcp_input.c tcp_parse_options(), net/ipv4/tcp_output.c tcp_options_write()
 */
import { readInt32, readUint16, writeInt32, writeUint16 } from '../../protocols/bytes.ts';
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
import { TCP_MAX_WINDOW_SCALE } from './tcp-states.ts';

/** Option bytes with which timestamps fill a segment, padding included. */
export const TIMESTAMP_BYTES = 12;
/** Blocks that fit into the options. */
export const SACK_BLOCKS_MAX = 4;

/** The options of the segment that is being looked at; valid until the next parseOptions. */
export interface ReceivedOptions {
  /** 0: no such option. */
  mss: number;
  /** -1: no such option. */
  windowScale: number;
  isSackPermitted: boolean;
  hasTimestamp: boolean;
  tsValue: number;
  tsEcho: number;
  sackCount: number;
  readonly sackStarts: Int32Array;
  readonly sackEnds: Int32Array;
}

/** One record for all segments: TCP looks at one at a time. */
export const received: ReceivedOptions = {
  mss: 0,
  windowScale: -1,
  isSackPermitted: false,
  hasTimestamp: false,
  tsValue: 0,
  tsEcho: 0,
  sackCount: 0,
  sackStarts: new Int32Array(SACK_BLOCKS_MAX),
  sackEnds: new Int32Array(SACK_BLOCKS_MAX),
};

/**
 * Reads the options in bytes[tcp + 20, tcp + headerBytes) into `received`. Malformed ones end the
 * reading; what was read so far counts.
 */
export function parseOptions(bytes: Uint8Array, tcp: number, headerBytes: number): void {
  received.mss = 0;
  received.windowScale = -1;
  received.isSackPermitted = false;
  received.hasTimestamp = false;
  received.sackCount = 0;
  const end = tcp + headerBytes;
  let at = tcp + TCP_BYTES;
  while (at < end) {
    const kind = bytes[at]!;
    if (kind === TCP_OPTION_END) return;
    if (kind === TCP_OPTION_NOP) {
      at++;
      continue;
    }
    if (at + 1 >= end) return;
    const lengthBytes = bytes[at + 1]!;
    if (lengthBytes < 2 || at + lengthBytes > end) return;
    readOption(bytes, at, kind, lengthBytes);
    at += lengthBytes;
  }
}

function readOption(bytes: Uint8Array, at: number, kind: number, lengthBytes: number): void {
  switch (kind) {
    case TCP_OPTION_MSS:
      if (lengthBytes === 4) received.mss = readUint16(bytes, at + 2);
      return;
    case TCP_OPTION_WINDOW_SCALE:
      if (lengthBytes === 3) {
        received.windowScale = Math.min(bytes[at + 2]!, TCP_MAX_WINDOW_SCALE);
      }
      return;
    case TCP_OPTION_SACK_PERMITTED:
      if (lengthBytes === 2) received.isSackPermitted = true;
      return;
    case TCP_OPTION_TIMESTAMPS:
      if (lengthBytes === 10) {
        received.hasTimestamp = true;
        received.tsValue = readInt32(bytes, at + 2);
        received.tsEcho = readInt32(bytes, at + 6);
      }
      return;
    case TCP_OPTION_SACK:
      if (lengthBytes < 10 || (lengthBytes - 2) % 8 !== 0) return;
      received.sackCount = Math.min((lengthBytes - 2) / 8, SACK_BLOCKS_MAX);
      for (let i = 0; i < received.sackCount; i++) {
        received.sackStarts[i] = readInt32(bytes, at + 2 + 8 * i);
        received.sackEnds[i] = readInt32(bytes, at + 6 + 8 * i);
      }
      return;
  }
}

/**
 * Writes the options of a SYN or SYN-ACK at bytes[at...): MSS, SACK-permitted, timestamps, window
 * scale, padded with NOPs as Linux does. `windowScale` -1 leaves that option out.
 * @returns how many bytes they take, a multiple of 4.
 */
export function writeSynOptions(
  bytes: Uint8Array,
  at: number,
  mss: number,
  windowScale: number,
  isSackOk: boolean,
  isTimestamps: boolean,
  tsValue: number,
  tsEcho: number,
): number {
  let next = at;
  bytes[next] = TCP_OPTION_MSS;
  bytes[next + 1] = 4;
  writeUint16(bytes, next + 2, mss);
  next += 4;
  if (isTimestamps) {
    if (isSackOk) {
      bytes[next] = TCP_OPTION_SACK_PERMITTED;
      bytes[next + 1] = 2;
    } else {
      bytes[next] = TCP_OPTION_NOP;
      bytes[next + 1] = TCP_OPTION_NOP;
    }
    bytes[next + 2] = TCP_OPTION_TIMESTAMPS;
    bytes[next + 3] = 10;
    writeInt32(bytes, next + 4, tsValue);
    writeInt32(bytes, next + 8, tsEcho);
    next += 12;
  } else if (isSackOk) {
    bytes[next] = TCP_OPTION_NOP;
    bytes[next + 1] = TCP_OPTION_NOP;
    bytes[next + 2] = TCP_OPTION_SACK_PERMITTED;
    bytes[next + 3] = 2;
    next += 4;
  }
  if (windowScale >= 0) {
    bytes[next] = TCP_OPTION_NOP;
    bytes[next + 1] = TCP_OPTION_WINDOW_SCALE;
    bytes[next + 2] = 3;
    bytes[next + 3] = windowScale;
    next += 4;
  }
  return next - at;
}

/** Writes NOP, NOP, timestamps: 12 bytes. */
export function writeTimestamps(
  bytes: Uint8Array,
  at: number,
  tsValue: number,
  tsEcho: number,
): void {
  bytes[at] = TCP_OPTION_NOP;
  bytes[at + 1] = TCP_OPTION_NOP;
  bytes[at + 2] = TCP_OPTION_TIMESTAMPS;
  bytes[at + 3] = 10;
  writeInt32(bytes, at + 4, tsValue);
  writeInt32(bytes, at + 8, tsEcho);
}

/** Writes NOP, NOP and the head of a SACK option for `count` blocks; they follow at at + 4. */
export function writeSackHead(bytes: Uint8Array, at: number, count: number): void {
  bytes[at] = TCP_OPTION_NOP;
  bytes[at + 1] = TCP_OPTION_NOP;
  bytes[at + 2] = TCP_OPTION_SACK;
  bytes[at + 3] = 2 + 8 * count;
}

/** Writes one SACK block: sequence numbers [start, end). */
export function writeSackBlock(bytes: Uint8Array, at: number, start: number, end: number): void {
  writeInt32(bytes, at, start);
  writeInt32(bytes, at + 4, end);
}
