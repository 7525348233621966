import * as packet from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressOfReverseName,
  DNS_FLAG_RECURSION_DESIRED,
  DNS_TYPES,
  type DnsMessage,
  dnsRcodeOf,
  parseDns,
  reverseNameOf,
  writeDns,
} from '../../../src/protocols/dns.ts';

const query: DnsMessage = {
  id: 0x1234,
  flags: DNS_FLAG_RECURSION_DESIRED,
  questions: [{ name: 'web.example.org', type: DNS_TYPES.A, class: 1 }],
  answers: [],
  authorities: [],
  additionals: [],
};

describe('against dns-packet', () => {
  test('a query is read by it as it was meant', () => {
    const read = packet.decode(Buffer.from(writeDns(query)));
    expect(read.id).toBe(0x1234);
    expect(read.questions).toEqual([{ name: 'web.example.org', type: 'A', class: 'IN' }]);
  });

  test('all its record types are read', () => {
    const bytes = packet.encode({
      type: 'response',
      id: 7,
      flags: packet.AUTHORITATIVE_ANSWER,
      questions: [{ name: 'a.b.example.org', type: 'A', class: 'IN' }],
      answers: [
        { name: 'a.b.example.org', type: 'CNAME', ttl: 60, data: 'web.example.org' },
        { name: 'web.example.org', type: 'A', ttl: 600, data: '192.0.2.7' },
        { name: 'web.example.org', type: 'AAAA', ttl: 600, data: '2001:db8::7' },
        {
          name: '_http._tcp.example.org',
          type: 'SRV',
          ttl: 5,
          data: { priority: 1, weight: 2, port: 8080, target: 'web.example.org' },
        },
        { name: '7.2.0.192.in-addr.arpa', type: 'PTR', ttl: 5, data: 'web.example.org' },
        { name: 'example.org', type: 'TXT', ttl: 5, data: ['one', 'two'] },
        {
          name: 'example.org',
          type: 'MX',
          ttl: 5,
          data: { preference: 10, exchange: 'mail.example.org' },
        },
      ],
      authorities: [
        {
          name: 'example.org',
          type: 'SOA',
          ttl: 5,
          data: {
            mname: 'ns.example.org',
            rname: 'root.example.org',
            serial: 1,
            refresh: 2,
            retry: 3,
            expire: 4,
            minimum: 5,
          },
        },
      ],
    });
    const message = parseDns(bytes)!;
    expect(message.answers.map((record) => record.data)).toEqual([
      { kind: 'name', name: 'web.example.org' },
      { kind: 'address', address: '192.0.2.7' },
      { kind: 'address', address: '2001:db8::7' },
      { kind: 'service', priority: 1, weight: 2, port: 8080, target: 'web.example.org' },
      { kind: 'name', name: 'web.example.org' },
      { kind: 'text', texts: ['one', 'two'] },
      { kind: 'exchange', preference: 10, exchange: 'mail.example.org' },
    ]);
    expect(message.authorities[0]!.data).toMatchObject({ kind: 'authority', serial: 1 });
    expect(dnsRcodeOf(message)).toBe('NOERROR');
    // and what we write of it says the same, in compressed names
    const again = writeDns(message);
    expect(packet.decode(Buffer.from(again)).answers).toEqual(packet.decode(bytes).answers);
    expect(again.length).toBeLessThan(bytes.length + 1);
  });

  test('any host names survive both ways', () => {
    const label = fc.stringMatching(/^[a-z0-9-]{1,20}$/);
    const name = fc.array(label, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('.'));
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 8 }), (names) => {
        const answers = names.map((each) => ({
          name: each,
          type: DNS_TYPES.CNAME,
          class: 1,
          ttlSec: 1,
          data: { kind: 'name', name: `x.${each}` } as const,
        }));
        const bytes = writeDns({ ...query, answers });
        expect(parseDns(bytes)!.answers).toEqual(answers);
        const read = packet.decode(Buffer.from(bytes)).answers!;
        expect(read.map((record) => record.name)).toEqual(names);
      }),
    );
  });
});

describe('hostile messages', () => {
  test('a whole message cut anywhere parses to null, not to an exception', () => {
    const bytes = writeDns({
      ...query,
      answers: [
        {
          name: 'web.example.org',
          type: DNS_TYPES.A,
          class: 1,
          ttlSec: 1,
          data: { kind: 'address', address: '192.0.2.1' },
        },
      ],
    });
    for (let end = 0; end < bytes.length; end++) expect(parseDns(bytes, 0, end)).toBeNull();
  });

  test('a name that points to itself ends', () => {
    const bytes = writeDns(query);
    bytes[12] = 0xc0;
    bytes[13] = 12;
    expect(parseDns(bytes)).toBeNull();
  });

  test('random bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        parseDns(bytes);
      }),
    );
  });
});

test('a reverse name names its address', () => {
  const name = reverseNameOf(0x0a000104);
  expect(name).toBe('4.1.0.10.in-addr.arpa');
  expect(addressOfReverseName(name)).toBe(0x0a000104);
  expect(addressOfReverseName('example.org')).toBeNull();
});
