/** DNS messages and the head of HTTP messages. @source RFC 1035, RFC 9112 */
import { readUint16 } from '../../protocols/bytes.ts';
import { type DnsRecord, dnsRcodeOf, dnsTypeName, parseDns } from '../../protocols/dns.ts';
import {
  addData,
  addField,
  addTruncated,
  beginLayer,
  countOf,
  type Dissection,
  endLayer,
  hex,
  type LayerDraft,
} from './layer.ts';

const DNS_HEADER_BYTES = 12;
/** Lines of an HTTP head that are shown. */
const HTTP_LINES_MAX = 32;
const HTTP_LINE_MAX = 256;
const HTTP_START =
  /^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) \S+ HTTP\/1\.[01]$|^HTTP\/1\.[01] \d{3}/;

/** The message bytes[start, end). */
export function dissectDns(dissection: Dissection, start: number, end: number): void {
  if (end <= start) return;
  const { bytes } = dissection;
  const message = end - start < DNS_HEADER_BYTES ? null : parseDns(bytes, start, end);
  if (message === null) {
    addTruncated(dissection, 'dns', start, end);
    return;
  }
  const draft = beginLayer(dissection, 'dns', start);
  const isResponse = (message.flags & 0x8000) !== 0;
  const rcode = dnsRcodeOf(message);
  const counts = [message.questions, message.answers, message.authorities, message.additionals];
  addField(draft, ['dns.id', 'Transaction'], 0, 2, hex(message.id, 4));
  const kind = isResponse ? `response, ${rcode}` : 'query';
  addField(draft, ['dns.flags', 'Flags'], 2, 2, `${hex(message.flags, 4)} (${kind})`);
  const names = [
    ['dns.count.queries', 'Questions'],
    ['dns.count.answers', 'Answers'],
    ['dns.count.auth_rr', 'Authorities'],
    ['dns.count.add_rr', 'Additional'],
  ] as const;
  names.forEach((name, index) => {
    addField(draft, name, 4 + index * 2, 2, String(readUint16(bytes, start + 4 + index * 2)));
  });
  const restBytes = end - start - DNS_HEADER_BYTES;
  for (const { name, type } of message.questions) {
    addRest(draft, 'Question', restBytes, `${dnsTypeName(type)} ${name}`);
  }
  counts.slice(1).forEach((records, index) => {
    const label = ['Answer', 'Authority', 'Additional'][index] ?? '';
    for (const record of records as readonly DnsRecord[]) {
      addRest(draft, label, restBytes, recordText(record));
    }
  });
  const question = message.questions[0];
  const asked = question === undefined ? '' : `, ${dnsTypeName(question.type)} ${question.name}`;
  endLayer(draft, end, `DNS ${kind}${asked}`);
}

/** Names point backwards, so that a record's own bytes tell little: the whole section is marked. */
function addRest(draft: LayerDraft, label: string, restBytes: number, text: string): void {
  addField(draft, ['', label], DNS_HEADER_BYTES, restBytes, text);
}

function recordText({ name, type, ttlSec, data }: DnsRecord): string {
  const head = `${name} ${dnsTypeName(type)}`;
  if (data.kind === 'address') return `${head} ${data.address}, TTL ${ttlSec} s`;
  if (data.kind === 'name') return `${head} ${data.name}, TTL ${ttlSec} s`;
  return head;
}

/** What a TCP segment carries: an HTTP head if it looks like one. */
export function dissectHttp(dissection: Dissection, start: number, end: number): void {
  if (end <= start) return;
  const { bytes } = dissection;
  const first = lineAt(bytes, start, end);
  if (first === null || !HTTP_START.test(first.text)) {
    addData(dissection, start, end);
    return;
  }
  const draft = beginLayer(dissection, 'http', start);
  let line: { text: string; next: number } | null = first;
  let at = start;
  for (let count = 0; line !== null && line.text !== '' && count < HTTP_LINES_MAX; count++) {
    const label = count === 0 ? 'Start line' : 'Header';
    addField(draft, ['', label], at - start, line.text.length, line.text);
    at = line.next;
    line = lineAt(bytes, at, end);
  }
  if (line !== null && line.text === '') at = line.next;
  endLayer(draft, at, `HTTP, ${first.text}`);
  if (at < end) {
    const body = beginLayer(dissection, 'data', at);
    addField(body, ['http.file_data', 'Body'], 0, end - at, printable(bytes, at, end));
    endLayer(body, end, `Body, ${countOf(end - at, 'byte')}`);
  }
}

function lineAt(
  bytes: Uint8Array,
  start: number,
  end: number,
): { text: string; next: number } | null {
  const stop = Math.min(end, start + HTTP_LINE_MAX);
  for (let at = start; at < stop; at++) {
    if (bytes[at] !== 0x0a) continue;
    const last = at > start && bytes[at - 1] === 0x0d ? at - 1 : at;
    return { text: printable(bytes, start, last), next: at + 1 };
  }
  return null;
}

/** Bytes as ASCII, dots for what is none. */
function printable(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < Math.min(end, start + HTTP_LINE_MAX); at++) {
    const byte = bytes[at]!;
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  }
  return text;
}
