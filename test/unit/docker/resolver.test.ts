/** The embedded DNS beside what a real one answered (L1 083 to 094). */
import { beforeAll, expect, test } from 'vitest';
import { parseIpv4 } from '../../../src/base/ipv4-address.ts';
import { makePrng } from '../../../src/base/prng.ts';
import type { Container, DockerEngine, DockerNetwork } from '../../../src/docker/engine-record.ts';
import { ENGINE_PROFILES } from '../../../src/docker/profile.ts';
import { startResolver } from '../../../src/docker/resolver.ts';
import { runOn } from '../../../src/engine/simulator.ts';
import { setLinkUp } from '../../../src/stack/link.ts';
import { type Lab, makeLab } from '../../support/shell.ts';

let lab: Lab;

function network(name: string, members: Record<string, readonly string[]>): DockerNetwork {
  const endpoints = new Map<string, unknown>();
  for (const [address, dnsNames] of Object.entries(members)) {
    endpoints.set(address, { address: parseIpv4(address), dnsNames });
  }
  return { name, isInternal: false, endpoints, names: null } as unknown as DockerNetwork;
}

beforeAll(async () => {
  lab = await makeLab();
  const { world, machine } = lab;
  const mynet = network('mynet', {
    '172.18.0.2': ['alpha', '51f76cd18581', 'web'],
    '172.18.0.3': ['beta', 'bee', '8cd6aa5b53fa', 'bhost'],
    '172.18.0.4': ['gamma', 'web'],
  });
  const container = {
    netns: machine.root,
    machine,
    endpoints: new Map([['mynet', { network: mynet }]]),
    resolver: null,
  } as unknown as Container;
  const engine = {
    world,
    machine,
    profile: ENGINE_PROFILES['26.1'],
    stream: makePrng(1, 'docker'),
  } as unknown as DockerEngine;
  machine.files.writeFile('/etc/resolv.conf', 'nameserver 127.0.0.11\noptions ndots:0\n');
  runOn(world.sim, machine.cpu, () => {
    setLinkUp(machine.root.loopback);
    // Nobody listens there: refused at once.
    const upstreams = [{ address: '127.0.0.2', isHostLoopback: false }];
    container.resolver = startResolver(engine, container, upstreams, false);
  });
});

const dig = async (args: string): Promise<string> => {
  const { output } = await lab.run(`dig ${args}`);
  return output.replace(/id: \d+/, 'id: X').replace(/WHEN: .*/, 'WHEN: X');
};

test('a name (083)', async () => {
  expect(await dig('beta')).toContain(`;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: X
;; flags: qr rd ra; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 0

;; QUESTION SECTION:
;beta.				IN	A

;; ANSWER SECTION:
beta.			600	IN	A	172.18.0.3

;; Query time: 0 msec
;; SERVER: 127.0.0.11#53(127.0.0.11) (UDP)
;; WHEN: X
;; MSG SIZE  rcvd: 42
`);
});

test('an alias, a short id, a hostname, any letters (084, 089)', async () => {
  expect(await dig('+noall +answer bee')).toBe('bee.			600	IN	A	172.18.0.3\n');
  expect(await dig('+noall +answer BHOST')).toBe('BHOST.			600	IN	A	172.18.0.3\n');
  expect(await dig('+noall +answer 8cd6aa5b53fa')).toBe(
    '8cd6aa5b53fa.		600	IN	A	172.18.0.3\n',
  );
});

test('a name with its network (090), but not with another', async () => {
  expect(await dig('+noall +answer beta.mynet')).toBe('beta.mynet.		600	IN	A	172.18.0.3\n');
  expect(await dig('+tries=1 beta.othernet')).toContain('status: SERVFAIL');
});

test('no IPv6 address is an empty answer (085)', async () => {
  expect(await dig('beta AAAA')).toContain(`status: NOERROR, id: X
;; flags: qr rd ra; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 0

;; QUESTION SECTION:
;beta.				IN	AAAA

;; Query time: 0 msec
;; SERVER: 127.0.0.11#53(127.0.0.11) (UDP)
;; WHEN: X
;; MSG SIZE  rcvd: 22
`);
});

test('an address back to its name (086)', async () => {
  expect(await dig('-x 172.18.0.3')).toContain(`;; ANSWER SECTION:
3.0.18.172.in-addr.arpa. 600	IN	PTR	beta.mynet.

;; Query time: 0 msec
;; SERVER: 127.0.0.11#53(127.0.0.11) (UDP)
;; WHEN: X
;; MSG SIZE  rcvd: 88
`);
});

test('what nobody knows is SERVFAIL (087, 091)', async () => {
  expect(await dig('+time=3 +tries=1 nosuch')).toContain(`status: SERVFAIL, id: X
;; flags: qr rd; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 0
;; WARNING: recursion requested but not available

;; QUESTION SECTION:
;nosuch.				IN	A

;; Query time: 0 msec
;; SERVER: 127.0.0.11#53(127.0.0.11) (UDP)
;; WHEN: X
;; MSG SIZE  rcvd: 24
`);
  expect((await lab.run('ping -c 1 nosuch')).output).toBe(
    'ping: nosuch: Temporary failure in name resolution\n',
  );
});

test('several containers with one alias are answered in any order', async () => {
  const seen = new Set<string>();
  for (let i = 0; i < 12; i++) seen.add(await dig('+short web'));
  expect([...seen].sort()).toEqual(['172.18.0.2\n172.18.0.4\n', '172.18.0.4\n172.18.0.2\n']);
});

test('nslookup (088)', async () => {
  expect((await lab.run('nslookup beta')).output).toBe(`Server:		127.0.0.11
Address:	127.0.0.11#53

Non-authoritative answer:
Name:	beta
Address: 172.18.0.3

`);
});

test('its rules are in the order of a real one (093)', async () => {
  const { output } = await lab.run('iptables-save -t nat');
  const rules = output.split('\n').filter((line) => /^-A|^:DOCKER/.test(line));
  const ports = rules.map((line) => line.replace(/(127.0.0.11:|--sport )\d{3,5}/, '$1PORT'));
  expect(ports).toEqual([
    ':DOCKER_OUTPUT - [0:0]',
    ':DOCKER_POSTROUTING - [0:0]',
    '-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT',
    '-A POSTROUTING -d 127.0.0.11/32 -j DOCKER_POSTROUTING',
    '-A DOCKER_OUTPUT -d 127.0.0.11/32 -p tcp -m tcp --dport 53 -j DNAT --to-destination 127.0.0.11:PORT',
    '-A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11:PORT',
    '-A DOCKER_POSTROUTING -s 127.0.0.11/32 -p tcp -m tcp --sport PORT -j SNAT --to-source :53',
    '-A DOCKER_POSTROUTING -s 127.0.0.11/32 -p udp -m udp --sport PORT -j SNAT --to-source :53',
  ]);
});

test('dockerd has the sockets (094)', async () => {
  const { output } = await lab.run('ss -lntup');
  expect(output).toMatch(/udp +UNCONN +0 +0 +127\.0\.0\.11:\d+ .*users:\(\("dockerd",pid=\d+/);
  expect(output).toMatch(/tcp +LISTEN +0 +4096 +127\.0\.0\.11:\d+ .*users:\(\("dockerd"/);
});
