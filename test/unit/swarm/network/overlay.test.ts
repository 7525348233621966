import { beforeAll, describe, expect, test } from 'vitest';
import { unbindTask } from '../../../../src/swarm/network/index.ts';
import type { NetworkObject, PortConfig } from '../../../../src/swarm/objects.ts';
import { runOnMachine } from '../../../support/run-on-machine.ts';
import { makeSwarmNet, type SwarmNet } from '../../../support/swarm-network.ts';

let net: SwarmNet;

const on = async (node: number, text: string): Promise<string> => {
  const { stdout, stderr } = await runOnMachine(net.nodes[node - 1]!, text);
  return stdout + stderr;
};

const inside = (node: number, file: string, text: string): Promise<string> =>
  on(node, `nsenter --net=/var/run/docker/netns/${file} ${text}`);

const DNS_RULES = /-A DOCKER_(OUTPUT|POSTROUTING).*\n/g;

/** The rules of a namespace without dates, counters and those of the embedded DNS. */
const rules = async (node: number, file: string): Promise<string> =>
  (await inside(node, file, 'iptables-save'))
    .replace(/^#.*\n/gm, '')
    .replace(DNS_RULES, '')
    .replace(/^:.*\n/gm, '');

describe('two tasks of a service on the first overlay (L2 071-078)', () => {
  beforeAll(() => {
    net = makeSwarmNet(3);
    const overnet = net.network('overnet', 1);
    net.attach(2, overnet, '10.0.1.5');
    net.attach(3, overnet, '10.0.1.6');
    const leg = (address: string) => [{ network: overnet, address, vip: '10.0.1.2' }];
    net.task(2, { service: 'my', slot: 2, legs: leg('10.0.1.3') });
    net.task(3, { service: 'my', slot: 1, legs: leg('10.0.1.4') });
    net.pass(1);
  });

  test('the node has the sandboxes, the other one has not', async () => {
    const files = await on(2, 'ls /var/run/docker/netns');
    const container = await on(
      2,
      "docker inspect -f '{{.NetworkSettings.SandboxKey}}' $(docker ps -q)",
    );
    const sandbox = container.trim().split('/').at(-1)!;
    expect(files.trim().split('\n').sort()).toEqual(
      ['1-ingress000', '1-overnet000', sandbox, 'ingress_sbox', 'lb_overnet00'].sort(),
    );
    expect(await on(1, 'ls /var/run/docker/netns')).toBe('1-ingress000\ningress_sbox\n');
  });

  test('devices have the numbers of a real node', async () => {
    const brief = async (file: string) =>
      (await inside(2, file, 'ip -o link')).match(/^\d+: [^:]+/gm);
    expect(await brief('1-overnet000')).toEqual([
      '1: lo',
      '2: br0',
      '10: vxlan0@if10',
      '12: veth0@if11',
      '14: veth1@if13',
    ]);
    expect(await brief('lb_overnet00')).toEqual(['1: lo', '11: eth0@if12']);
    expect(await brief('ingress_sbox')).toEqual(['1: lo', '5: eth0@if6', '8: eth1@if9']);
    const host = await on(2, 'ip link');
    expect(host).toMatch(/^9: veth[0-9a-f]{7}@if8: .*\n.* link-netnsid 2$/m);
    expect(host).toMatch(/^16: veth[0-9a-f]{7}@if15: .*\n.* link-netnsid 5$/m);
  });

  test('the way to the other node is a neighbour and an FDB row, each permanent', async () => {
    expect(await inside(2, '1-overnet000', 'ip neigh')).toBe(
      [
        '10.0.1.4 dev vxlan0 lladdr 02:42:0a:00:01:04 PERMANENT ',
        '10.0.1.6 dev vxlan0 lladdr 02:42:0a:00:01:06 PERMANENT ',
        '',
      ].join('\n'),
    );
    const fdb = await inside(2, '1-overnet000', 'bridge fdb show dev vxlan0');
    expect(fdb).toContain('02:42:0a:00:01:04 dst 192.168.0.13 link-netnsid 0 self permanent\n');
    expect(fdb).toContain('02:42:0a:00:01:06 dst 192.168.0.13 link-netnsid 0 self permanent\n');
  });

  test('the load balancer has the address, marks and destinations (L2 117-123)', async () => {
    const addresses = await inside(2, 'lb_overnet00', 'ip addr show eth0');
    expect(addresses.match(/inet .*/g)).toEqual([
      'inet 10.0.1.5/24 brd 10.0.1.255 scope global eth0',
      'inet 10.0.1.2/32 scope global eth0',
    ]);
    expect(await rules(2, 'lb_overnet00')).toBe(
      [
        '*mangle',
        '-A INPUT -d 10.0.1.2/32 -j MARK --set-xmark 0x100/0xffffffff',
        'COMMIT',
        '*nat',
        '-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT',
        '-A POSTROUTING -d 127.0.0.11/32 -j DOCKER_POSTROUTING',
        '-A POSTROUTING -d 10.0.1.0/24 -m ipvs --ipvs -j SNAT --to-source 10.0.1.5',
        'COMMIT',
        '',
      ].join('\n'),
    );
    expect(await inside(2, 'lb_overnet00', 'ipvsadm -ln')).toContain(
      [
        'FWM  256 rr',
        '  -> 10.0.1.3:0                   Masq    1      0          0         ',
        '  -> 10.0.1.4:0                   Masq    1      0          0         ',
        '',
      ].join('\n'),
    );
    expect(await inside(2, 'lb_overnet00', 'ip route')).toBe(
      '10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.5 \n',
    );
  });

  test('tasks reach each other and find each other by name', async () => {
    const exec = (text: string) => on(2, `docker exec $(docker ps -q) ${text}`);
    expect(await exec('ip route')).toBe(
      [
        'default via 172.18.0.1 dev eth1 ',
        '10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.3 ',
        '172.18.0.0/16 dev eth1 proto kernel scope link src 172.18.0.3 ',
        '',
      ].join('\n'),
    );
    expect(await exec('ping -c 1 10.0.1.4')).toContain('1 received');
    expect(await exec('ping -c 1 my')).toContain('64 bytes from 10.0.1.2:');
    expect(await exec('dig +short my')).toBe('10.0.1.2\n');
    expect((await exec('dig +short tasks.my')).trim().split('\n').sort()).toEqual([
      '10.0.1.3',
      '10.0.1.4',
    ]);
    expect(await exec('dig +short -x 10.0.1.4')).toBe('my.1.mytask1.overnet.\n');
  });
});

describe('the routing mesh (L3)', () => {
  let ingress: NetworkObject;
  const ports: readonly PortConfig[] = [
    { name: '', protocol: 'tcp', targetPort: 80, publishedPort: 3000, publishMode: 'ingress' },
  ];
  beforeAll(() => {
    net = makeSwarmNet(3);
    ingress = [...net.cluster.store.networks.values()][0]!;
    for (const node of [1, 3]) {
      const legs = [{ network: ingress, address: `10.0.0.${node + 5}`, vip: '10.0.0.5' }];
      net.task(node, { service: 'web', slot: node, image: 'nginx', ports, legs });
    }
    net.pass(1);
  });

  test('a node without a task sends the client to those that have one', async () => {
    const { stdout } = await runOnMachine(
      net.client,
      'for i in 1 2 3 4; do curl -s -m 5 http://192.168.0.12:3000/; done',
    );
    const lines = stdout.trim().split('\n');
    expect(new Set(lines).size).toBe(2);
    expect(lines[0]).toBe(lines[2]);
    expect(lines.every((line) => line.endsWith(' from 10.0.0.3'))).toBe(true);
  });

  test('the host reaches the port on its loopback and on its own address', async () => {
    const answers = await on(1, 'curl -s 127.0.0.1:3000; curl -s 192.168.0.11:3000');
    expect(answers.match(/from 10\.0\.0\.2\n/g)).toHaveLength(2);
    expect(await on(1, 'ss -lnt')).toMatch(/LISTEN 0 +4096 +\*:3000 +\*:\*/);
  });

  test('the task lets nothing but the port in (L3 033)', async () => {
    const sandbox = (
      await on(1, "docker inspect -f '{{.NetworkSettings.SandboxID}}' $(docker ps -q)")
    ).slice(0, 12);
    expect(await rules(1, sandbox)).toBe(
      [
        '*filter',
        '-A INPUT -d 10.0.0.6/32 -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT',
        '-A INPUT -d 10.0.0.6/32 -p sctp -j DROP',
        '-A INPUT -d 10.0.0.6/32 -p udp -j DROP',
        '-A INPUT -d 10.0.0.6/32 -p tcp -j DROP',
        '-A OUTPUT -s 10.0.0.6/32 -p tcp -m tcp --sport 80 -m conntrack --ctstate ESTABLISHED -j ACCEPT',
        '-A OUTPUT -s 10.0.0.6/32 -p sctp -j DROP',
        '-A OUTPUT -s 10.0.0.6/32 -p udp -j DROP',
        '-A OUTPUT -s 10.0.0.6/32 -p tcp -j DROP',
        'COMMIT',
        '*nat',
        '-A PREROUTING -d 10.0.0.6/32 -p tcp -m tcp --dport 3000 -j REDIRECT --to-ports 80',
        '-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT',
        '-A POSTROUTING -d 127.0.0.11/32 -j DOCKER_POSTROUTING',
        'COMMIT',
        '',
      ].join('\n'),
    );
  });

  test('tasks that are about to stop have weight 0, and a client is refused (L3 090-091)', async () => {
    for (const node of [1, 3]) {
      net.act(node, ({ containers }) => {
        for (const each of containers.values()) unbindTask(net.members[node - 1]!, each);
      });
    }
    net.pass(1);
    expect(await inside(2, 'ingress_sbox', 'ipvsadm -ln')).toContain(
      [
        'FWM  256 rr',
        '  -> 10.0.0.6:0                   Masq    0      0          2         ',
        '  -> 10.0.0.8:0                   Masq    0      0          2         ',
        '',
      ].join('\n'),
    );
    const { exitCode } = await runOnMachine(net.client, 'curl -s -m 5 http://192.168.0.11:3000/');
    expect(exitCode).toBe(7);
  });

  test('without tasks only the empty chain stays on the host (L3 093)', async () => {
    for (const node of [1, 3]) {
      await on(node, 'docker rm -f $(docker ps -q)');
    }
    net.pass(1);
    const nat = await on(2, 'iptables-save -t nat');
    expect(nat.match(/-A DOCKER-INGRESS .*/g)).toEqual(['-A DOCKER-INGRESS -j RETURN']);
    expect(await rules(2, 'ingress_sbox')).not.toContain('MARK');
    expect(await inside(2, 'ingress_sbox', 'ip -br addr show eth0')).toMatch(
      /^eth0@if6 +UP +10\.0\.0\.3\/24 \n$/,
    );
    expect(await on(2, 'ss -lnt')).not.toContain(':3000');
  });
});

test('a task on ingress and an overlay: eth0, eth2, eth1 by number', async () => {
  net = makeSwarmNet(1);
  const [ingress] = [...net.cluster.store.networks.values()];
  const mynet = net.network('mynet', 1);
  net.attach(1, mynet, '10.0.1.5');
  const legs = [
    { network: ingress!, address: '10.0.0.6', vip: '10.0.0.5' },
    { network: mynet, address: '10.0.1.3', vip: '10.0.1.2' },
  ];
  net.task(1, { service: 'web', legs, image: 'nginx' });
  const text = await on(1, 'docker exec $(docker ps -q) ip -br addr');
  expect(text.match(/^eth.*/gm)!.map((line) => line.replace(/@if\d+ +UP +/, ' ').trim())).toEqual([
    'eth0 10.0.0.6/24',
    'eth2 172.18.0.3/16',
    'eth1 10.0.1.3/24',
  ]);
});
