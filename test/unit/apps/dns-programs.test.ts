// dig, nslookup and host print what the real ones printed, asking netsim's own DNS server.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDnsServer, serveDns } from '../../../src/apps/dns-server.ts';
import { spawn } from '../../../src/engine/process.ts';
import { runOn } from '../../../src/engine/simulator.ts';
import {
  DNS_TYPES,
  type DnsData,
  type DnsQuestion,
  type DnsRecord,
} from '../../../src/protocols/dns.ts';
import { makeLab } from '../../support/shell.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/dns');

const address = (text: string): [number, DnsData] => [
  DNS_TYPES.A,
  { kind: 'address', address: text },
];
const pointer = (type: number, name: string): [number, DnsData] => [type, { kind: 'name', name }];

/** The table of server.py. */
const TABLE: Readonly<Record<string, Array<[number, DnsData]>>> = {
  'web.net': [address('10.0.1.4')],
  'multi.net': [address('10.0.1.4'), address('10.0.1.5')],
  'self.net': [address('127.0.0.1')],
  'alias.net': [pointer(DNS_TYPES.CNAME, 'web.net')],
  '4.1.0.10.in-addr.arpa': [pointer(DNS_TYPES.PTR, 'web.net')],
  '1.0.0.127.in-addr.arpa': [pointer(DNS_TYPES.PTR, 'self.net')],
  'text.net': [[DNS_TYPES.TXT, { kind: 'text', texts: ['hello', 'world'] }]],
  '_http._tcp.web.net': [
    [DNS_TYPES.SRV, { kind: 'service', priority: 1, weight: 2, port: 8080, target: 'web.net' }],
  ],
};

function lookup(question: DnsQuestion): {
  answers: DnsRecord[];
  rcode: number;
  isAuthoritative: boolean;
} {
  const answers: DnsRecord[] = [];
  let owner = question.name;
  for (let depth = 0; depth < 3; depth++) {
    const found = TABLE[owner];
    if (found === undefined) {
      const rcode = question.name.startsWith('fail') ? 2 : 3;
      return { answers, rcode, isAuthoritative: false };
    }
    for (const [type, data] of found) {
      if (type !== question.type && type !== DNS_TYPES.CNAME) continue;
      answers.push({ name: owner, type, class: 1, ttlSec: 600, data });
    }
    if (found[0]![0] !== DNS_TYPES.CNAME || question.type === DNS_TYPES.CNAME) break;
    owner = 'web.net';
  }
  return { answers, rcode: 0, isAuthoritative: false };
}

/** Times, ids and sizes: the recording's server writes names without compression. */
function normalise(text: string): string {
  return text
    .replace(/id: \d+/g, 'id: N')
    .replace(/Query time: \d+/g, 'Query time: N')
    .replace(/WHEN: .*/g, 'WHEN: D')
    .replace(/rcvd: \d+/g, 'rcvd: N')
    .replace(/time=[\d.]+ ms/g, 'time=T')
    .replace(/= [\d./]+ ms/g, '= T ms')
    .replace(/after \d+ ms/g, 'after T ms');
}

test('recorded commands print the same', async () => {
  const lab = await makeLab();
  const { sim } = lab.world;
  await lab.run('ip link set lo up; echo nameserver 127.0.0.1 > /etc/resolv.conf');
  lab.machine.files.writeFile('/etc/hosts', '');
  const options = { address: 0x7f000001, port: 53, recursionAvailable: true, lookup };
  const { root } = lab.machine;
  runOn(sim, root.cpu, () => {
    const socket = openDnsServer(root, options);
    if (typeof socket === 'string') throw new Error(socket);
    spawn(sim, root.cpu, 'dns', (process) => serveDns(process, socket, options));
  });
  const parts = readFileSync(join(FIXTURES, 'recorded'), 'utf8').split(/^\$ /m).slice(1);
  const differences: string[] = [];
  for (const part of parts) {
    const at = part.indexOf('\n');
    const command = part.slice(0, at);
    const recorded = normalise(part.slice(at + 1));
    const { output, exitCode } = await lab.run(command);
    const got = normalise(`${output}= ${exitCode}\n`);
    if (got !== recorded) {
      differences.push(`$ ${command}\n--- recorded\n${recorded}--- netsim\n${got}`);
    }
  }
  expect(differences.join('\n')).toBe('');
});
