/**
 * Classic pcap files in bytes: what tcpdump, Wireshark and every other tool reads.
 *
 *     0      4   6   8    12       16      20       24
 *     |magic |2  |4  |zone|accuracy|snaplen|linktype| records
 *     record: |seconds|fraction|captured bytes|original bytes| frame
 *
 * @source pcap-savefile(5); draft-ietf-opsawg-pcap
 */

/** The fraction of a record counts nanoseconds. */
const MAGIC_NANOSECONDS = 0xa1b23c4d;
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const LINKTYPE_ETHERNET = 1;
const HEADER_BYTES = 24;
const RECORD_BYTES = 16;
/** What tcpdump writes as its limit, and the most that a frame here can have. */
const SNAPLEN_BYTES = 262144;

/** A frame as it was seen, with the moment. */
export interface CapturedFrame {
  readonly timeNs: number;
  readonly bytes: Uint8Array;
  /** What the frame had on the wire; more than bytes.length if it was cut. */
  readonly originalBytes?: number;
}

export interface PcapOptions {
  readonly precision?: 'nanoseconds' | 'microseconds';
  /** Seconds that are added to every time: where virtual time 0 lies in the calendar. */
  readonly epochSec?: number;
}

/** A whole capture file, little-endian, link type Ethernet. */
export function writePcap(frames: readonly CapturedFrame[], options: PcapOptions = {}): Uint8Array {
  const isNano = options.precision !== 'microseconds';
  const epochSec = options.epochSec ?? 0;
  let sizeBytes = HEADER_BYTES;
  for (const frame of frames) sizeBytes += RECORD_BYTES + frame.bytes.length;
  const file = new Uint8Array(sizeBytes);
  const view = new DataView(file.buffer);
  view.setUint32(0, isNano ? MAGIC_NANOSECONDS : MAGIC_MICROSECONDS, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, SNAPLEN_BYTES, true);
  view.setUint32(20, LINKTYPE_ETHERNET, true);
  let offset = HEADER_BYTES;
  for (const { timeNs, bytes, originalBytes } of frames) {
    const seconds = Math.floor(timeNs / 1e9);
    const fractionNs = timeNs - seconds * 1e9;
    view.setUint32(offset, epochSec + seconds, true);
    view.setUint32(offset + 4, isNano ? fractionNs : Math.floor(fractionNs / 1000), true);
    view.setUint32(offset + 8, bytes.length, true);
    view.setUint32(offset + 12, originalBytes ?? bytes.length, true);
    file.set(bytes, offset + RECORD_BYTES);
    offset += RECORD_BYTES + bytes.length;
  }
  return file;
}

/** What could be read of a file: `problem` says where and why reading stopped before its end. */
export interface PcapContent {
  readonly precision: 'nanoseconds' | 'microseconds';
  readonly linktype: number;
  readonly frames: readonly CapturedFrame[];
  readonly problem: string | null;
}

/**
 * Reads a capture of either byte order and precision. Never throws: a damaged file gives the frames
 * before the damage. Times are nanoseconds since 1970; above 2^53 they lose their last digits.
 */
export function readPcap(source: Uint8Array): PcapContent {
  // A plain array also of what is more than one: Node's Buffer shares its bytes with its slices.
  const file = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const nothing = { precision: 'nanoseconds', linktype: 0, frames: [] } as const;
  if (file.length < HEADER_BYTES) return { ...nothing, problem: 'shorter than a pcap header' };
  const format = formatOf(view);
  if (format === null) return { ...nothing, problem: 'not a pcap file: unknown magic number' };
  const { isLittle, precision } = format;
  const scale = precision === 'nanoseconds' ? 1 : 1000;
  const frames: CapturedFrame[] = [];
  const linktype = view.getUint32(20, isLittle) & 0xffff;
  let offset = HEADER_BYTES;
  let problem: string | null = null;
  while (offset < file.length) {
    if (offset + RECORD_BYTES > file.length) {
      problem = `record ${frames.length + 1} ends within its header`;
      break;
    }
    const size = view.getUint32(offset + 8, isLittle);
    const from = offset + RECORD_BYTES;
    if (size > file.length - from) {
      problem = `record ${frames.length + 1} claims ${size} bytes, ${file.length - from} are left`;
      break;
    }
    frames.push({
      timeNs: view.getUint32(offset, isLittle) * 1e9 + view.getUint32(offset + 4, isLittle) * scale,
      bytes: file.subarray(from, from + size),
      originalBytes: view.getUint32(offset + 12, isLittle),
    });
    offset = from + size;
  }
  return { precision, linktype, frames, problem };
}

function formatOf(
  view: DataView,
): { isLittle: boolean; precision: PcapContent['precision'] } | null {
  for (const isLittle of [true, false]) {
    const magic = view.getUint32(0, isLittle);
    if (magic === MAGIC_NANOSECONDS) return { isLittle, precision: 'nanoseconds' };
    if (magic === MAGIC_MICROSECONDS) return { isLittle, precision: 'microseconds' };
  }
  return null;
}
