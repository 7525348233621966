// Compares two recordings of a twin script, interface by interface. A frame is written as its fields
// in text (what a kernel picks at random is left out or named EPH); two interfaces are compared by
// the longest common subsequence of their frames.
import { formatIpv4 } from '../../src/base/ipv4-address.ts';

const ICMP_IDS_PINNED = { from: 100, to: 199 };
/** Ports that the scripts name: services, clients' ports, traceroute's targets. */
const SERVICE_PORTS = new Set([
  22, 53, 80, 81, 82, 83, 443, 4789, 5353, 8000, 8080, 8081, 8082, 8083, 8443, 9000,
]);
const isPinnedPort = (port: number): boolean =>
  SERVICE_PORTS.has(port) || (port >= 20000 && port < 20100) || (port >= 33434 && port < 33534);
const isPinnedSource = (port: number): boolean => isPinnedPort(port) && port < 33434;

const VXLAN_PORT = 4789;

interface Fields {
  /** By header, outer first. */
  readonly lists: Map<string, Array<string | number>>;
  /** Each once: the first header that has it. */
  readonly single: Map<string, string | number>;
  isIpChecksumBad: boolean;
}

/** The kinds that are joined by commas, in the order of the line. */
const LISTS_BEFORE_ARP = ['eth', 'type'];
const LISTS_OF_IP = ['ip', 'ttl', 'df', 'mf', 'off', 'proto', 'iplen', 'tos'];
const SINGLES_AFTER_ICMP = ['id', 'mtu', 'icmpck'];
const SINGLES_AFTER_TCP = [
  'fl',
  'seq',
  'ack',
  'tcplen',
  'opts',
  'mss',
  'ws',
  'tcpck',
  'short',
  'vlan',
];

/** Where a flow's sequence numbers start, by `source port > target port` of one interface. */
export type SequenceBases = Map<string, number>;

/** The frame as one line of `field=value`. Frames of one interface share `bases`. */
export function frameLine(bytes: Uint8Array, bases: SequenceBases, options: LineOptions): string {
  const fields: Fields = { lists: new Map(), single: new Map(), isIpChecksumBad: false };
  readEthernet(bytes, 0, bytes.length, fields, bases, options);
  const words = [`len=${bytes.length}`];
  const addList = (name: string): void => {
    const values = fields.lists.get(name);
    if (values !== undefined) words.push(`${name}=${values.join(',')}`);
  };
  const addSingle = (name: string): void => {
    const value = fields.single.get(name);
    if (value !== undefined) words.push(`${name}=${value}`);
  };
  LISTS_BEFORE_ARP.forEach(addList);
  ['arp.op', 'arp.sender', 'arp.target'].forEach(addSingle);
  LISTS_OF_IP.forEach(addList);
  if (fields.lists.has('ip')) words.push(`ipck=${fields.isIpChecksumBad ? 'BAD' : 'ok'}`);
  addList('icmp');
  SINGLES_AFTER_ICMP.forEach(addSingle);
  addList('udp');
  addList('udplen');
  if (!options.isPartial) addList('udpck');
  ['vxlan.flags', 'vni'].forEach(addSingle);
  addList('tcp');
  SINGLES_AFTER_TCP.forEach(addSingle);
  return words.join(' ');
}

export interface LineOptions {
  /** Checksums of TCP and UDP are not finished (an offload that cannot be turned off). */
  readonly isPartial: boolean;
}

const word = (bytes: Uint8Array, at: number): number => bytes[at]! * 256 + bytes[at + 1]!;
const long = (bytes: Uint8Array, at: number): number =>
  word(bytes, at) * 65536 + word(bytes, at + 2);

function macText(bytes: Uint8Array, at: number): string {
  return Array.from(bytes.subarray(at, at + 6), (byte) => byte.toString(16).padStart(2, '0')).join(
    ':',
  );
}

const ipText = (bytes: Uint8Array, at: number): string => formatIpv4(long(bytes, at) | 0);

function addTo(fields: Fields, name: string, value: string | number): void {
  const list = fields.lists.get(name);
  if (list === undefined) fields.lists.set(name, [value]);
  else list.push(value);
}

function setOnce(fields: Fields, name: string, value: string | number): void {
  if (!fields.single.has(name)) fields.single.set(name, value);
}

/** Sum of the 16-bit words with the carries added; 0xffff if a checksum in them is right. */
function onesSum(bytes: Uint8Array, from: number, to: number, start = 0): number {
  let sum = start;
  for (let i = from; i < to; i += 2) sum += bytes[i]! * 256 + (i + 1 < to ? bytes[i + 1]! : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65536);
  return sum;
}

function readEthernet(
  bytes: Uint8Array,
  start: number,
  end: number,
  fields: Fields,
  bases: SequenceBases,
  options: LineOptions,
): void {
  if (end - start < 14) {
    setOnce(fields, 'short', 'eth');
    return;
  }
  addTo(fields, 'eth', `${macText(bytes, start + 6)}>${macText(bytes, start)}`);
  const hex = (type: number): string => `0x${type.toString(16).padStart(4, '0')}`;
  let type = word(bytes, start + 12);
  let at = start + 14;
  addTo(fields, 'type', hex(type));
  while (type === 0x8100 && end - at >= 4) {
    setOnce(fields, 'vlan', word(bytes, at) & 0xfff);
    type = word(bytes, at + 2);
    at += 4;
    addTo(fields, 'type', hex(type));
  }
  if (type === 0x0806 && end - at >= 28) {
    setOnce(fields, 'arp.op', word(bytes, at + 6));
    setOnce(fields, 'arp.sender', `${macText(bytes, at + 8)}/${ipText(bytes, at + 14)}`);
    setOnce(fields, 'arp.target', `${macText(bytes, at + 18)}/${ipText(bytes, at + 24)}`);
  } else if (type === 0x0800) {
    readIp({ bytes, at, end, fields, bases, options, isQuoted: false });
  }
}

interface Reading {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly end: number;
  readonly fields: Fields;
  readonly bases: SequenceBases;
  readonly options: LineOptions;
  /** Within an ICMP error: cut short, checksums mean nothing. */
  readonly isQuoted: boolean;
}

function readIp(reading: Reading): void {
  const { bytes, at, end, fields, isQuoted } = reading;
  const headerBytes = (bytes[at]! & 15) * 4;
  if (end - at < 20 || headerBytes < 20) {
    setOnce(fields, 'short', 'ip');
    return;
  }
  const total = word(bytes, at + 2);
  const fragment = word(bytes, at + 6);
  addTo(fields, 'ip', `${ipText(bytes, at + 12)}>${ipText(bytes, at + 16)}`);
  addTo(fields, 'ttl', bytes[at + 8]!);
  addTo(fields, 'df', (fragment >> 14) & 1);
  addTo(fields, 'mf', (fragment >> 13) & 1);
  addTo(fields, 'off', fragment & 0x1fff);
  addTo(fields, 'proto', bytes[at + 9]!);
  addTo(fields, 'iplen', total);
  addTo(fields, 'tos', `0x${bytes[at + 1]!.toString(16).padStart(2, '0')}`);
  if (onesSum(bytes, at, at + headerBytes) !== 0xffff) fields.isIpChecksumBad = true;
  if ((fragment & 0x1fff) !== 0) return;
  const isCut = at + total > end;
  const isWhole = (fragment & 0x2000) === 0 && !isCut && !isQuoted;
  const rest = { ...reading, at: at + headerBytes, end: isCut ? end : at + total };
  const protocol = bytes[at + 9]!;
  const sizeBytes = Math.max(total - headerBytes, 0);
  const pseudo = onesSum(bytes, at + 12, at + 20, protocol + sizeBytes);
  if (protocol === 1) readIcmp(rest, isWhole);
  else if (protocol === 17) readUdp(rest, isWhole, pseudo);
  else if (protocol === 6) readTcp(rest, isWhole, pseudo, at);
}

function readIcmp(reading: Reading, isWhole: boolean): void {
  const { bytes, at, end, fields, isQuoted } = reading;
  if (end - at < 8) return;
  const [type, code] = [bytes[at]!, bytes[at + 1]!];
  addTo(fields, 'icmp', `${type}/${code}`);
  if (type === 0 || type === 8) {
    const id = word(bytes, at + 4);
    const isPinned = id >= ICMP_IDS_PINNED.from && id <= ICMP_IDS_PINNED.to;
    setOnce(fields, 'id', isPinned ? id : 'EPH');
    setOnce(fields, 'seq', word(bytes, at + 6));
  } else if ([3, 4, 5, 11, 12].includes(type) && !isQuoted) {
    if (type === 3 && code === 4) setOnce(fields, 'mtu', word(bytes, at + 6));
    readIp({ ...reading, at: at + 8, isQuoted: true });
  }
  if (isWhole && onesSum(bytes, at, end) !== 0xffff) setOnce(fields, 'icmpck', 'BAD');
}

function readUdp(reading: Reading, isWhole: boolean, pseudo: number): void {
  const { bytes, at, end, fields, isQuoted } = reading;
  if (end - at < 8) return;
  const [source, target] = [word(bytes, at), word(bytes, at + 2)];
  const [length, checksum] = [word(bytes, at + 4), word(bytes, at + 6)];
  const shown = target === VXLAN_PORT ? 'VX' : isPinnedSource(source) ? source : 'EPH';
  addTo(fields, 'udp', `${shown}>${isPinnedPort(target) ? target : 'EPH'}`);
  addTo(fields, 'udplen', length);
  const isBad = isWhole && checksum !== 0 && onesSum(bytes, at, end, pseudo) !== 0xffff;
  addTo(fields, 'udpck', checksum === 0 ? 'zero' : isBad ? 'BAD' : 'set');
  if (target === VXLAN_PORT && !isQuoted && end - at >= 16) {
    const { bases, options } = reading;
    setOnce(
      fields,
      'vxlan.flags',
      `0x${word(bytes, at + 8)
        .toString(16)
        .padStart(4, '0')}`,
    );
    setOnce(fields, 'vni', long(bytes, at + 12) >>> 8);
    readEthernet(bytes, at + 16, end, fields, bases, options);
  }
}

function readTcp(reading: Reading, isWhole: boolean, pseudo: number, ip: number): void {
  const { bytes, at, end, fields, bases, isQuoted, options } = reading;
  if (end - at < 4) return;
  const [source, target] = [word(bytes, at), word(bytes, at + 2)];
  const shown = (port: number): string | number => (isPinnedSource(port) ? port : 'EPH');
  addTo(fields, 'tcp', `${shown(source)}>${shown(target)}`);
  if (isQuoted || end - at < 20) return;
  const own = `${ipText(bytes, ip + 12)}:${source}>${ipText(bytes, ip + 16)}:${target}`;
  const peer = `${ipText(bytes, ip + 16)}:${target}>${ipText(bytes, ip + 12)}:${source}`;
  const [sequence, ack, flags] = [long(bytes, at + 4), long(bytes, at + 8), bytes[at + 13]!];
  const hasAck = (flags & 16) !== 0;
  if ((flags & 2) !== 0) {
    bases.set(own, sequence);
    if (!hasAck) bases.delete(peer);
  } else if (!bases.has(own)) bases.set(own, sequence - 1);
  if (hasAck && !bases.has(peer)) bases.set(peer, ack - 1);
  const letters = [...'CEUAPRSF'].filter((_, i) => (flags >> (7 - i)) & 1).join('');
  setOnce(fields, 'fl', letters === '' ? '0' : letters);
  setOnce(fields, 'seq', (sequence - bases.get(own)!) >>> 0);
  setOnce(fields, 'ack', hasAck ? (ack - bases.get(peer)!) >>> 0 : 0);
  const headerBytes = (bytes[at + 12]! >> 4) * 4;
  setOnce(fields, 'tcplen', end - at - headerBytes);
  readTcpOptions(bytes, at + 20, Math.min(at + headerBytes, end), fields);
  const isBad = isWhole && onesSum(bytes, at, end, pseudo) !== 0xffff;
  if (isBad && !options.isPartial) setOnce(fields, 'tcpck', 'BAD');
}

function readTcpOptions(bytes: Uint8Array, from: number, to: number, fields: Fields): void {
  const kinds: number[] = [];
  for (let at = from; at < to; ) {
    const kind = bytes[at]!;
    kinds.push(kind);
    if (kind === 0) break;
    if (kind === 1) {
      at++;
      continue;
    }
    const length = at + 1 < to ? bytes[at + 1]! : 0;
    if (length < 2) break;
    if (kind === 2) setOnce(fields, 'mss', word(bytes, at + 2));
    if (kind === 3) setOnce(fields, 'ws', bytes[at + 2]!);
    at += length;
  }
  if (kinds.length > 0) setOnce(fields, 'opts', kinds.join('.'));
}

/** All frames of one interface; `directions` (one letter a frame) become a field. */
export function frameLines(
  frames: readonly Uint8Array[],
  directions: string | null,
  options: LineOptions,
): string[] {
  const bases: SequenceBases = new Map();
  return frames.map((bytes, index) => {
    const line = frameLine(bytes, bases, options);
    if (directions === null) return line;
    return `dir=${directions[index] === 'i' ? 'in' : 'out'} ${line}`;
  });
}

export interface Comparison {
  /** Length of the longest common subsequence. */
  readonly equalCount: number;
  /** The longer side's length. */
  readonly totalCount: number;
  /** Index of the first line that differs; -1 if none does. */
  readonly firstDifference: number;
}

/** How many lines two lists have in common, in order. */
export function compareLines(a: readonly string[], b: readonly string[]): Comparison {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (
    tail < Math.min(a.length, b.length) - head &&
    a[a.length - 1 - tail] === b[b.length - 1 - tail]
  ) {
    tail++;
  }
  const middle = commonLength(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  const equalCount = head + middle + tail;
  const totalCount = Math.max(a.length, b.length);
  const isEqual = equalCount === totalCount && a.length === b.length;
  return { equalCount, totalCount, firstDifference: isEqual ? -1 : head };
}

function commonLength(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const line of a) {
    const next = [0];
    for (let j = 1; j <= b.length; j++) {
      next.push(line === b[j - 1] ? row[j - 1]! + 1 : Math.max(row[j]!, next[j - 1]!));
    }
    row = next;
  }
  return row[b.length]!;
}

/** What the first differing frames are, in two lines for the reader of a failed test. */
export function explainDifference(a: readonly string[], b: readonly string[]): string {
  const { firstDifference: at } = compareLines(a, b);
  if (at < 0) return '';
  return `frame ${at + 1}:\n    recorded ${a[at] ?? '(none)'}\n    netsim   ${b[at] ?? '(none)'}`;
}

const OUTPUT_RULES: ReadonlyArray<readonly [RegExp, string]> = [
  [/time[= ]?<?[\d.]+ ?ms/g, 'time=T'],
  [/(rtt|round-trip) .*/g, 'rtt'],
  [/, time \d+ms/g, ', time T'],
  [/[\d.]+ ms\b/g, 'T ms'],
  [/[sd]port=\d{5}/g, 'port=P'],
  [/^(date|last-modified|etag): .*/gi, '$1:'],
  [/after \d+ ms/g, 'after T ms'],
  [/^# (Generated|Completed).*/g, '#'],
  [/(expires|used|age) \d+\S*/g, '$1 T'],
  [/\s+$/g, ''],
];

/** What commands printed, without times; rows of tables that come in no order are sorted. */
export function outputLines(text: string): string[] {
  const lines = text.split('\n').map((line) => {
    let plain = line;
    for (const [pattern, replacement] of OUTPUT_RULES) {
      plain = plain.replaceAll(pattern, replacement);
    }
    return plain;
  });
  if (lines.at(-1) === '') lines.pop();
  const sorted: string[] = [];
  let table: string[] = [];
  for (const line of lines) {
    if (/^\d+\.\d+\.\d+\.\d+ dev |^([0-9a-f]{2}:){5}/.test(line)) table.push(line);
    else {
      sorted.push(...table.sort(), line);
      table = [];
    }
  }
  return [...sorted, ...table.sort()];
}
