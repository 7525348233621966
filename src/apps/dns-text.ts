/** DNS replies in the words of dig, host and nslookup. @source BIND 9.18 output, as recorded */
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import {
  DNS_FLAG_AUTHENTIC,
  DNS_FLAG_AUTHORITATIVE,
  DNS_FLAG_RECURSION_AVAILABLE,
  DNS_FLAG_RECURSION_DESIRED,
  DNS_FLAG_RESPONSE,
  DNS_FLAG_TRUNCATED,
  DNS_TYPES,
  type DnsMessage,
  type DnsRecord,
  dnsRcodeOf,
  dnsTypeName,
} from '../protocols/dns.ts';
import type { DnsReply } from './dns-client.ts';
import { calendarOf, formatClock } from './wall-clock.ts';

/** A name with its final dot. */
export function absoluteName(name: string): string {
  return name.endsWith('.') ? name : `${name}.`;
}

/** What a record says, as zone files write it. */
export function recordData(record: DnsRecord): string {
  const { data } = record;
  switch (data.kind) {
    case 'address':
      return data.address;
    case 'name':
      return absoluteName(data.name);
    case 'exchange':
      return `${data.preference} ${absoluteName(data.exchange)}`;
    case 'service':
      return `${data.priority} ${data.weight} ${data.port} ${absoluteName(data.target)}`;
    case 'text':
      return data.texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(' ');
    case 'authority': {
      const times = [data.serial, data.refreshSec, data.retrySec, data.expireSec, data.minimumSec];
      return `${absoluteName(data.primary)} ${absoluteName(data.mailbox)} ${times.join(' ')}`;
    }
    default: {
      const hex = Array.from(data.bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
      return `\\# ${data.bytes.length} ${hex.toUpperCase()}`;
    }
  }
}

/** Columns of a line: TTL, class, type, data; a tab is 8 wide. */
const COLUMNS = [24, 32, 40, 48] as const;
const TAB = 8;

/**
 * Words in their columns, at least one blank apart; an empty word leaves its column out.
 * @source BIND 9.18 lib/dns/masterdump.c indent()
 */
function alignWords(name: string, words: readonly [string, string, string, string]): string {
  let text = name;
  let column = name.length;
  words.forEach((word, i) => {
    if (word === '') return;
    const target = Math.max(COLUMNS[i]!, column + 1);
    const tabs = Math.floor(target / TAB) - Math.floor(column / TAB);
    const from = tabs > 0 ? Math.floor(target / TAB) * TAB : column;
    text += '\t'.repeat(tabs) + ' '.repeat(target - from) + word;
    column = target + word.length;
  });
  return text;
}

/** A record as a line of a zone file, aligned as dig aligns it. */
export function recordLine(record: DnsRecord): string {
  const { name, ttlSec, type } = record;
  return alignWords(absoluteName(name), [
    String(ttlSec),
    'IN',
    dnsTypeName(type),
    recordData(record),
  ]);
}

/** What of a reply dig prints. */
export interface DigSections {
  readonly command: boolean;
  readonly comments: boolean;
  readonly question: boolean;
  readonly answer: boolean;
  readonly authority: boolean;
  readonly additional: boolean;
  readonly stats: boolean;
}

/** dig's text after the line that repeats the command. */
export function digText(
  reply: DnsReply,
  sections: DigSections,
  server: {
    readonly address: Ipv4;
    readonly port: number;
    readonly nowSec: number;
    readonly overTcp?: boolean;
  },
): string {
  const { message } = reply;
  let text = sections.comments ? `;; Got answer:\n${headerText(message)}` : '';
  const section = (title: string, isShown: boolean, lines: readonly string[]): void => {
    if (!isShown || lines.length === 0) return;
    text += sections.comments
      ? `;; ${title} SECTION:\n${lines.join('\n')}\n\n`
      : `${lines.join('\n')}\n`;
  };
  const isOption = (record: DnsRecord): boolean => record.type === DNS_TYPES.OPT;
  const option = message.additionals.find(isOption);
  if (option !== undefined && sections.comments) {
    text += `;; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: ${option.class}\n`;
  }
  const questions = message.questions.map(
    // The semicolon takes no column.
    ({ name, type }) => `;${alignWords(absoluteName(name), ['', 'IN', dnsTypeName(type), ''])}`,
  );
  section('QUESTION', sections.question, questions);
  section('ANSWER', sections.answer, message.answers.map(recordLine));
  section('AUTHORITY', sections.authority, message.authorities.map(recordLine));
  const additionals = message.additionals.filter((record) => !isOption(record));
  section('ADDITIONAL', sections.additional, additionals.map(recordLine));
  if (sections.stats) text += statsText(reply, server);
  return text;
}

function headerText(message: DnsMessage): string {
  const { flags } = message;
  const names: ReadonlyArray<readonly [number, string]> = [
    [DNS_FLAG_RESPONSE, 'qr'],
    [DNS_FLAG_AUTHORITATIVE, 'aa'],
    [DNS_FLAG_TRUNCATED, 'tc'],
    [DNS_FLAG_RECURSION_DESIRED, 'rd'],
    [DNS_FLAG_RECURSION_AVAILABLE, 'ra'],
    [DNS_FLAG_AUTHENTIC, 'ad'],
  ];
  const shown = names.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => ` ${name}`);
  const counts = `QUERY: ${message.questions.length}, ANSWER: ${message.answers.length}, AUTHORITY: ${message.authorities.length}, ADDITIONAL: ${message.additionals.length}`;
  const warning =
    (flags & DNS_FLAG_RECURSION_DESIRED) !== 0 && (flags & DNS_FLAG_RECURSION_AVAILABLE) === 0
      ? ';; WARNING: recursion requested but not available\n'
      : '';
  return (
    `;; ->>HEADER<<- opcode: QUERY, status: ${dnsRcodeOf(message)}, id: ${message.id}\n` +
    `;; flags:${shown.join('')}; ${counts}\n${warning}\n`
  );
}

function statsText(
  reply: DnsReply,
  server: {
    readonly address: Ipv4;
    readonly port: number;
    readonly nowSec: number;
    readonly overTcp?: boolean;
  },
): string {
  const address = formatIpv4(server.address);
  const date = calendarOf(server.nowSec);
  const day = String(date.day).padStart(2, '0');
  const when = `${date.weekday} ${date.monthName} ${day} ${formatClock(date)} UTC ${date.year}`;
  return (
    `;; Query time: ${Math.floor(reply.elapsedNs / 1e6)} msec\n` +
    `;; SERVER: ${address}#${server.port}(${address}) (${server.overTcp === true ? 'TCP' : 'UDP'})\n;; WHEN: ${when}\n` +
    `;; MSG SIZE  rcvd: ${reply.sizeBytes}\n\n`
  );
}
