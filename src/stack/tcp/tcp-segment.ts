/** The segment that is being looked at: what its header says, in numbers. */
import type { DropReason } from '../../engine/drop-reason.ts';
import type { Packet } from '../../engine/packet.ts';
import {
  TCP_FIN,
  TCP_SYN,
  tcpAcknowledgment,
  tcpFlags,
  tcpHeaderBytes,
  tcpSequence,
  tcpWindow,
} from '../../protocols/tcp.ts';

export interface SegmentInfo {
  packet: Packet | null;
  seq: number;
  /** One past its last sequence number, SYN and FIN included. */
  endSeq: number;
  ack: number;
  /** As in the header, not scaled. */
  window: number;
  flags: number;
  headerBytes: number;
  /** The data is packet.bytes[dataStart, dataEnd). */
  dataStart: number;
  dataEnd: number;
  /** How many bare ACKs it stands for (they are put together while the socket is locked). */
  aggregated: number;
  /** Why nothing of it was taken in; null: it was. */
  refusal: DropReason | null;
}

/**
 * One record per depth: while a process works on its socket's backlog, what it sends may be
 * received by another socket before that call returns.
 */
const records: SegmentInfo[] = [];
let depth = 0;

/** Reads the header of a packet whose transport offset is set; pair it with leaveSegment. */
export function enterSegment(packet: Packet): SegmentInfo {
  let segment = records[depth];
  if (segment === undefined) {
    segment = {
      packet: null,
      seq: 0,
      endSeq: 0,
      ack: 0,
      window: 0,
      flags: 0,
      headerBytes: 0,
      dataStart: 0,
      dataEnd: 0,
      aggregated: 1,
      refusal: null,
    };
    records.push(segment);
  }
  depth++;
  const { bytes, transport, end } = packet;
  const flags = tcpFlags(bytes, transport);
  const headerBytes = tcpHeaderBytes(bytes, transport);
  const control = ((flags & TCP_SYN) !== 0 ? 1 : 0) + ((flags & TCP_FIN) !== 0 ? 1 : 0);
  segment.packet = packet;
  segment.seq = tcpSequence(bytes, transport);
  segment.dataStart = transport + headerBytes;
  segment.dataEnd = end;
  segment.endSeq = (segment.seq + (end - segment.dataStart) + control) | 0;
  segment.ack = tcpAcknowledgment(bytes, transport);
  segment.window = tcpWindow(bytes, transport);
  segment.flags = flags;
  segment.headerBytes = headerBytes;
  segment.aggregated = packet.control > 0 ? packet.control : 1;
  segment.refusal = null;
  return segment;
}

/** The segment is done with. */
export function leaveSegment(segment: SegmentInfo): void {
  depth--;
  segment.packet = null;
}
