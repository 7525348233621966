/**
 * DNS messages: parsing and writing, with compressed names both ways. Everything that comes from the
 * wire is checked: a message that lies about its lengths or loops in its names parses to null.
 *
 *     0    2      4         6         8           10          12
 *     | id | flags| question| answer  | authority | additional| sections
 *
 * @source RFC 1035 section 4; RFC 2782 (SRV); RFC 3596 (AAAA); RFC 6891 (OPT)
 */
import { formatIpv4, parseIpv4 } from '../base/ipv4-address.ts';
import { formatIpv6, parseIpv6 } from '../base/ipv6-address.ts';
import { readInt32, readUint16, writeInt32, writeUint16 } from './bytes.ts';

export const DNS_PORT = 53;
export const DNS_HEADER_BYTES = 12;
/** What a datagram without EDNS may carry. */
export const DNS_UDP_MAX_BYTES = 512;
const NAME_MAX_BYTES = 255;
const LABEL_MAX_BYTES = 63;
/** Records that one message may have in all: more is an attack or noise. */
const RECORDS_MAX = 4096;

/** Record types by name. @source IANA DNS parameters */
export const DNS_TYPES = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  ANY: 255,
} as const;
export type DnsType = keyof typeof DNS_TYPES;

/** Response codes by number. */
export const DNS_RCODES = [
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
] as const;
export type DnsRcode = (typeof DNS_RCODES)[number];

export const DNS_FLAG_RESPONSE = 0x8000;
export const DNS_FLAG_AUTHORITATIVE = 0x0400;
export const DNS_FLAG_TRUNCATED = 0x0200;
export const DNS_FLAG_RECURSION_DESIRED = 0x0100;
export const DNS_FLAG_RECURSION_AVAILABLE = 0x0080;
export const DNS_FLAG_AUTHENTIC = 0x0020;

export interface DnsQuestion {
  /** Without the final dot; the root is the empty text. */
  readonly name: string;
  readonly type: number;
  /** 1 is IN. */
  readonly class: number;
}

/** What a record says, by type; `raw` for types that are not spelled out here. */
export type DnsData =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'name'; readonly name: string }
  | {
      readonly kind: 'service';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | { readonly kind: 'exchange'; readonly preference: number; readonly exchange: string }
  | { readonly kind: 'text'; readonly texts: readonly string[] }
  | {
      readonly kind: 'authority';
      readonly primary: string;
      readonly mailbox: string;
      readonly serial: number;
      readonly refreshSec: number;
      readonly retrySec: number;
      readonly expireSec: number;
      readonly minimumSec: number;
    }
  | { readonly kind: 'raw'; readonly bytes: Uint8Array };

export interface DnsRecord extends DnsQuestion {
  readonly ttlSec: number;
  readonly data: DnsData;
}

export interface DnsMessage {
  readonly id: number;
  /** The second header word as it stands: test with DNS_FLAG_*; rcode in the low 4 bits. */
  readonly flags: number;
  readonly questions: readonly DnsQuestion[];
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

/** The name of a record type, `TYPE65` for one without a name here. */
export function dnsTypeName(type: number): string {
  for (const [name, value] of Object.entries(DNS_TYPES)) if (value === type) return name;
  return `TYPE${type}`;
}

/** The response code of a message. */
export function dnsRcodeOf(message: DnsMessage): DnsRcode | `RCODE${number}` {
  const code = message.flags & 15;
  return DNS_RCODES[code] ?? `RCODE${code}`;
}

/** Reading position in a message, and whether all was well so far. */
interface Cursor {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  offset: number;
  isBad: boolean;
}

/** The message in bytes[start, end), or null if it is not a whole and honest one. */
export function parseDns(bytes: Uint8Array, start = 0, end = bytes.length): DnsMessage | null {
  if (end - start < DNS_HEADER_BYTES) return null;
  const cursor: Cursor = { bytes, start, end, offset: start + DNS_HEADER_BYTES, isBad: false };
  const counts = [4, 6, 8, 10].map((at) => readUint16(bytes, start + at));
  if (counts.reduce((sum, count) => sum + count, 0) > RECORDS_MAX) return null;
  const questions: DnsQuestion[] = [];
  for (let i = 0; i < counts[0]! && !cursor.isBad; i++) questions.push(readQuestion(cursor));
  const answers = readRecords(cursor, counts[1]!);
  const authorities = readRecords(cursor, counts[2]!);
  const additionals = readRecords(cursor, counts[3]!);
  if (cursor.isBad) return null;
  const id = readUint16(bytes, start);
  const flags = readUint16(bytes, start + 2);
  return { id, flags, questions, answers, authorities, additionals };
}

/**
 * The bytes of a message, names compressed unless `isCompressed` is false. Throws RangeError for a
 * name that cannot be written.
 */
export function writeDns(message: DnsMessage, isCompressed = true): Uint8Array {
  const writer: Writer = {
    bytes: new Uint8Array(65535),
    offset: DNS_HEADER_BYTES,
    names: isCompressed ? new Map() : null,
  };
  const { bytes } = writer;
  const { questions, answers, authorities, additionals } = message;
  const words = [message.id, message.flags, questions.length, answers.length];
  words.push(authorities.length, additionals.length);
  for (let i = 0; i < words.length; i++) writeUint16(bytes, i * 2, words[i]!);
  for (const question of questions) {
    writeName(writer, question.name);
    writeWord(writer, question.type);
    writeWord(writer, question.class);
  }
  for (const record of [...answers, ...authorities, ...additionals]) writeRecord(writer, record);
  return bytes.slice(0, writer.offset);
}

/** `4.3.2.1.in-addr.arpa` for 1.2.3.4 (int32). */
export function reverseNameOf(address: number): string {
  return `${formatIpv4(address).split('.').reverse().join('.')}.in-addr.arpa`;
}

/** The address behind a name under in-addr.arpa, null if it is none. */
export function addressOfReverseName(name: string): number | null {
  const match = /^(\d+\.\d+\.\d+\.\d+)\.in-addr\.arpa$/i.exec(name);
  return match === null ? null : parseIpv4(match[1]!.split('.').reverse().join('.'));
}

function take(cursor: Cursor, sizeBytes: number): number {
  const at = cursor.offset;
  if (at + sizeBytes > cursor.end) {
    cursor.isBad = true;
    return -1;
  }
  cursor.offset += sizeBytes;
  return at;
}

function readWord(cursor: Cursor): number {
  const at = take(cursor, 2);
  return at < 0 ? 0 : readUint16(cursor.bytes, at);
}

function readLong(cursor: Cursor): number {
  const at = take(cursor, 4);
  return at < 0 ? 0 : readInt32(cursor.bytes, at) >>> 0;
}

function readQuestion(cursor: Cursor): DnsQuestion {
  return { name: readName(cursor), type: readWord(cursor), class: readWord(cursor) };
}

/** A pointer must point before the place where its chain began, so that every chain ends. */
function readName(cursor: Cursor): string {
  const { bytes, start, end } = cursor;
  const labels: string[] = [];
  let at = cursor.offset;
  let limit = at;
  let nameBytes = 1;
  let after = -1;
  for (;;) {
    if (at >= end) break;
    const length = bytes[at]!;
    if (length === 0) {
      cursor.offset = after < 0 ? at + 1 : after;
      return labels.join('.');
    }
    if ((length & 0xc0) === 0xc0) {
      if (at + 2 > end) break;
      const target = start + (readUint16(bytes, at) & 0x3fff);
      if (after < 0) after = at + 2;
      if (target >= limit) break;
      limit = target;
      at = target;
      continue;
    }
    nameBytes += length + 1;
    if (length > LABEL_MAX_BYTES || nameBytes > NAME_MAX_BYTES || at + 1 + length > end) break;
    labels.push(labelText(bytes, at + 1, length));
    at += 1 + length;
  }
  cursor.isBad = true;
  return '';
}

/** A label as text; a dot, backslash or unprintable byte inside it is escaped as in zone files. */
function labelText(bytes: Uint8Array, offset: number, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) {
    const byte = bytes[offset + i]!;
    if (byte === 46 || byte === 92) text += `\\${String.fromCharCode(byte)}`;
    else if (byte <= 32 || byte >= 127) text += `\\${String(byte).padStart(3, '0')}`;
    else text += String.fromCharCode(byte);
  }
  return text;
}

function readRecords(cursor: Cursor, count: number): DnsRecord[] {
  const records: DnsRecord[] = [];
  for (let i = 0; i < count && !cursor.isBad; i++) {
    const question = readQuestion(cursor);
    const ttlSec = readLong(cursor);
    const length = readWord(cursor);
    const at = take(cursor, length);
    if (at < 0) break;
    const inner: Cursor = { ...cursor, offset: at, end: at + length, isBad: false };
    const data = readData(inner, question.type, length);
    if (inner.isBad) cursor.isBad = true;
    else records.push({ ...question, ttlSec, data });
  }
  return records;
}

function readData(cursor: Cursor, type: number, length: number): DnsData {
  const { bytes, offset } = cursor;
  switch (type) {
    case DNS_TYPES.A:
      if (length !== 4) break;
      return { kind: 'address', address: formatIpv4(readInt32(bytes, offset)) };
    case DNS_TYPES.AAAA:
      if (length !== 16) break;
      return { kind: 'address', address: formatIpv6(bytes, offset) };
    case DNS_TYPES.NS:
    case DNS_TYPES.CNAME:
    case DNS_TYPES.PTR:
      return { kind: 'name', name: readName(cursor) };
    case DNS_TYPES.MX:
      return { kind: 'exchange', preference: readWord(cursor), exchange: readName(cursor) };
    case DNS_TYPES.SRV:
      return {
        kind: 'service',
        priority: readWord(cursor),
        weight: readWord(cursor),
        port: readWord(cursor),
        target: readName(cursor),
      };
    case DNS_TYPES.SOA:
      return {
        kind: 'authority',
        primary: readName(cursor),
        mailbox: readName(cursor),
        serial: readLong(cursor),
        refreshSec: readLong(cursor),
        retrySec: readLong(cursor),
        expireSec: readLong(cursor),
        minimumSec: readLong(cursor),
      };
    case DNS_TYPES.TXT:
      return { kind: 'text', texts: readTexts(cursor, length) };
    default:
      return { kind: 'raw', bytes: bytes.slice(offset, offset + length) };
  }
  cursor.isBad = true;
  return { kind: 'raw', bytes: new Uint8Array(0) };
}

function readTexts(cursor: Cursor, length: number): string[] {
  const texts: string[] = [];
  const stop = cursor.offset + length;
  while (cursor.offset < stop && !cursor.isBad) {
    const size = cursor.bytes[cursor.offset]!;
    cursor.offset++;
    const at = take(cursor, size);
    if (at >= 0) {
      texts.push(String.fromCharCode(...cursor.bytes.subarray(at, at + size)));
    }
  }
  return texts;
}

interface Writer {
  readonly bytes: Uint8Array;
  offset: number;
  /** Where each name (in lower case) stands already; null to write all of them out. */
  readonly names: Map<string, number> | null;
}

function writeWord(writer: Writer, value: number): void {
  writeUint16(writer.bytes, writer.offset, value);
  writer.offset += 2;
}

function writeLong(writer: Writer, value: number): void {
  writeInt32(writer.bytes, writer.offset, value);
  writer.offset += 4;
}

function writeName(writer: Writer, name: string): void {
  let rest = name.endsWith('.') && !name.endsWith('\\.') ? name.slice(0, -1) : name;
  if (rest.length >= NAME_MAX_BYTES) throw new RangeError(`name too long: ${name}`);
  while (rest !== '') {
    const key = rest.toLowerCase();
    const known = writer.names?.get(key);
    if (known !== undefined) {
      writeWord(writer, 0xc000 | known);
      return;
    }
    if (writer.offset < 0x4000) writer.names?.set(key, writer.offset);
    const label = /^(?:\\\d{3}|\\.|[^.\\])+/.exec(rest)?.[0];
    if (label === undefined) throw new RangeError(`empty label in name: ${name}`);
    const octets = label.replace(/\\(\d{3}|.)/g, (_, code: string) =>
      String.fromCharCode(code.length === 3 ? Number(code) & 255 : code.charCodeAt(0)),
    );
    if (octets.length > LABEL_MAX_BYTES) throw new RangeError(`label too long in name: ${name}`);
    writer.bytes[writer.offset++] = octets.length;
    for (let i = 0; i < octets.length; i++) writer.bytes[writer.offset++] = octets.charCodeAt(i);
    rest = rest.slice(label.length + 1);
  }
  writer.bytes[writer.offset++] = 0;
}

function writeRecord(writer: Writer, record: DnsRecord): void {
  writeName(writer, record.name);
  writeWord(writer, record.type);
  writeWord(writer, record.class);
  writeLong(writer, record.ttlSec);
  const lengthAt = writer.offset;
  writer.offset += 2;
  writeData(writer, record.data);
  writeUint16(writer.bytes, lengthAt, writer.offset - lengthAt - 2);
}

function writeData(writer: Writer, data: DnsData): void {
  switch (data.kind) {
    case 'address':
      writeOctets(writer, addressBytes(data.address));
      break;
    case 'name':
      writeName(writer, data.name);
      break;
    case 'exchange':
      writeWord(writer, data.preference);
      writeName(writer, data.exchange);
      break;
    case 'service':
      for (const value of [data.priority, data.weight, data.port]) writeWord(writer, value);
      writeName(writer, data.target);
      break;
    case 'text':
      for (const text of data.texts) {
        writer.bytes[writer.offset++] = text.length;
        writeOctets(
          writer,
          Uint8Array.from(text, (each) => each.charCodeAt(0)),
        );
      }
      break;
    case 'authority':
      writeName(writer, data.primary);
      writeName(writer, data.mailbox);
      writeLong(writer, data.serial);
      writeLong(writer, data.refreshSec);
      writeLong(writer, data.retrySec);
      writeLong(writer, data.expireSec);
      writeLong(writer, data.minimumSec);
      break;
    case 'raw':
      writeOctets(writer, data.bytes);
  }
}

function writeOctets(writer: Writer, octets: Uint8Array): void {
  writer.bytes.set(octets, writer.offset);
  writer.offset += octets.length;
}

function addressBytes(text: string): Uint8Array {
  const ipv4 = parseIpv4(text);
  if (ipv4 === null) return parseIpv6(text) ?? new Uint8Array(16);
  const bytes = new Uint8Array(4);
  writeInt32(bytes, 0, ipv4);
  return bytes;
}
