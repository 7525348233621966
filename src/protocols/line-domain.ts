/** DNS in the words of tcpdump. @source tcpdump 4.99 print-domain.c */
import { readUint16 } from './bytes.ts';
import {
  DNS_FLAG_AUTHENTIC,
  DNS_FLAG_AUTHORITATIVE,
  DNS_FLAG_RECURSION_AVAILABLE,
  DNS_FLAG_RECURSION_DESIRED,
  DNS_FLAG_RESPONSE,
  DNS_FLAG_TRUNCATED,
  DNS_TYPES,
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  dnsTypeName,
  parseDns,
} from './dns.ts';
import type { LineContext } from './line-context.ts';

const OPERATIONS = ['', ' inv_q', ' stat', ' op3', ' notify', ' update'];
const RESULTS = [
  '',
  ' FormErr',
  ' ServFail',
  ' NXDomain',
  ' NotImp',
  ' Refused',
  ' YXDomain',
  ' YXRRSet',
  ' NXRRSet',
  ' NotAuth',
  ' NotZone',
];
const EDNS_COOKIE = 10;
const EDNS_NAMES: Readonly<Record<number, string>> = {
  3: 'NSID',
  8: 'ECS',
  [EDNS_COOKIE]: 'COOKIE',
  11: 'KEEPALIVE',
  12: 'PADDING',
};
/** Bits of the flags that a query should not have. */
const ODD_QUERY_BITS = 0x6cf;

/** A whole message of `sizeBytes` at `start`. */
export function domainLine(context: LineContext, start: number, sizeBytes: number): string {
  const end = Math.min(context.end, start + sizeBytes);
  const message = parseDns(context.bytes, start, end);
  if (message === null) return '[|domain]';
  const { verbosity } = context.options;
  const { flags } = message;
  const operation = OPERATIONS[(flags >> 11) & 15] ?? ` op${(flags >> 11) & 15}`;
  const head = `${message.id}${operation}`;
  if ((flags & DNS_FLAG_RESPONSE) !== 0) {
    return `${head}${answerText(message, verbosity)} (${sizeBytes})`;
  }
  let text = head + ((flags & DNS_FLAG_RECURSION_DESIRED) !== 0 ? '+' : '');
  if ((flags & ODD_QUERY_BITS) !== 0) text += ` [b2&3=0x${flags.toString(16)}]`;
  if (message.answers.length > 0) text += ` [${message.answers.length}a]`;
  if (message.questions.length !== 1) text += ` [${message.questions.length}q]`;
  if (message.authorities.length > 0) text += ` [${message.authorities.length}n]`;
  if (message.additionals.length > 0) text += ` [${message.additionals.length}au]`;
  text += message.questions.map(questionText).join(',');
  if (verbosity > 1 && message.additionals.length > 0) {
    text += ` ar:${recordsText(message.additionals, verbosity)}`;
  }
  return `${text} (${sizeBytes})`;
}

function answerText(message: DnsMessage, verbosity: number): string {
  const { flags, questions, answers, authorities, additionals } = message;
  let text = RESULTS[flags & 15] ?? ` Resp${flags & 15}`;
  if ((flags & DNS_FLAG_AUTHORITATIVE) !== 0) text += '*';
  if ((flags & DNS_FLAG_RECURSION_AVAILABLE) === 0) text += '-';
  if ((flags & DNS_FLAG_TRUNCATED) !== 0) text += '|';
  if ((flags & DNS_FLAG_AUTHENTIC) !== 0) text += '$';
  if (questions.length !== 1) text += ` [${questions.length}q]`;
  if (verbosity > 1) {
    text += questions.map((question) => ` q:${questionText(question)}`).join(',');
  }
  text += ` ${answers.length}/${authorities.length}/${additionals.length}`;
  text += recordsText(answers, verbosity);
  if (verbosity > 1) {
    if (authorities.length > 0) text += ` ns:${recordsText(authorities, verbosity)}`;
    if (additionals.length > 0) text += ` ar:${recordsText(additionals, verbosity)}`;
  }
  return text;
}

function questionText(question: DnsQuestion): string {
  const other = question.class === 1 ? '' : className(question.class);
  return ` ${typeName(question.type)}${other}? ${question.name}.`;
}

function className(value: number): string {
  const names: Readonly<Record<number, string>> = { 3: 'CHAOS', 4: 'HS', 255: 'ANY' };
  return ` ${names[value] ?? `(Class ${value})`}`;
}

function typeName(type: number): string {
  return dnsTypeName(type).replace(/^TYPE/, 'Type');
}

function recordsText(records: readonly DnsRecord[], verbosity: number): string {
  return records.map((record) => recordText(record, verbosity)).join(',');
}

function recordText(record: DnsRecord, verbosity: number): string {
  let text = verbosity > 0 ? ` ${record.name}.` : '';
  if (record.type === DNS_TYPES.OPT) {
    const wantsDnssec = (record.ttlSec & 0x8000) !== 0 ? ' DO' : '';
    return `${text} OPT UDPsize=${record.class}${wantsDnssec}${optionsText(record)}`;
  }
  if (record.class !== 1) text += className(record.class);
  if (verbosity > 2) text += ` [${durationText(record.ttlSec)}]`;
  return `${text} ${typeName(record.type)}${dataText(record, verbosity)}`;
}

/** The options of EDNS by name, with their octets; a cookie's client and server parts apart. */
function optionsText(record: DnsRecord): string {
  if (record.data.kind !== 'raw') return '';
  const { bytes } = record.data;
  const parts: string[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const code = readUint16(bytes, at);
    const length = readUint16(bytes, at + 2);
    let hex = '';
    for (let i = 0; i < length && at + 4 + i < bytes.length; i++) {
      if (code === EDNS_COOKIE && i === 8) hex += ' ';
      hex += bytes[at + 4 + i]!.toString(16).padStart(2, '0');
    }
    parts.push(`${EDNS_NAMES[code] ?? `Opt${code}`}${hex === '' ? '' : ` ${hex}`}`);
    at += 4 + length;
  }
  return parts.length === 0 ? '' : ` [${parts.join(',')}]`;
}

function dataText(record: DnsRecord, verbosity: number): string {
  const { data } = record;
  switch (data.kind) {
    case 'address':
      return ` ${data.address}`;
    case 'name':
      return ` ${data.name}.`;
    case 'exchange':
      return ` ${data.exchange}. ${data.preference}`;
    case 'service':
      return ` ${data.target}.:${data.port} ${data.priority} ${data.weight}`;
    case 'text':
      return data.texts.map((each) => ` "${each}"`).join('');
    case 'authority': {
      if (verbosity === 0) return '';
      const times = [data.serial, data.refreshSec, data.retrySec, data.expireSec, data.minimumSec];
      return ` ${data.primary}. ${data.mailbox}. ${times.join(' ')}`;
    }
    default:
      return '';
  }
}

/** `1h2m3s`, as times to live are printed. */
function durationText(seconds: number): string {
  if (seconds === 0) return '0s';
  let rest = seconds;
  let text = '';
  for (const [size, unit] of [
    [604800, 'w'],
    [86400, 'd'],
    [3600, 'h'],
    [60, 'm'],
    [1, 's'],
  ] as const) {
    if (rest >= size) text += `${Math.floor(rest / size)}${unit}`;
    rest %= size;
  }
  return text;
}
