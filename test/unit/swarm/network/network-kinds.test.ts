import { expect, test } from 'vitest';
import { parseIpv4 } from '../../../../src/base/ipv4-address.ts';
import { createContainer } from '../../../../src/docker/container-create.ts';
import { startContainer } from '../../../../src/docker/container-start.ts';
import { attachContainer, unbindTask } from '../../../../src/swarm/network/index.ts';
import type { NetworkObject, TaskObject } from '../../../../src/swarm/objects.ts';
import { plainSpec } from '../../../support/docker-lab.ts';
import { runOnMachine } from '../../../support/run-on-machine.ts';
import { makeSwarmNet, type SwarmNet } from '../../../support/swarm-network.ts';

const onNode =
  (net: SwarmNet) =>
  async (node: number, text: string): Promise<string> => {
    const { stdout, stderr } = await runOnMachine(net.nodes[node - 1]!, text);
    return stdout + stderr;
  };
const address = (text: string): number => parseIpv4(text)!;

test('an internal network gives its tasks no way out', async () => {
  const net = makeSwarmNet(1);
  const on = onNode(net);
  const inner = net.network('inner', 1, { isInternal: true });
  net.attach(1, inner, '10.0.1.4');
  net.task(1, { service: 'a', legs: [{ network: inner, address: '10.0.1.3', vip: '10.0.1.2' }] });
  expect(await on(1, 'docker exec $(docker ps -q) ip route')).toBe(
    '10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.3 \n',
  );
  expect(await on(1, 'docker exec $(docker ps -q) dig +short a')).toBe('10.0.1.2\n');
});

test('two subnets: a bridge and a tunnel each, and a route by the gateway', async () => {
  const net = makeSwarmNet(2);
  const on = onNode(net);
  const subnet = (text: string) => ({
    subnet: address(`${text}.0`),
    prefixLength: 24,
    gateway: address(`${text}.1`),
    range: null,
  });
  const two = net.network('two', 1, {
    ipam: [subnet('10.0.1'), subnet('10.0.2')],
    vnis: [4097, 4098],
  });
  net.attach(1, two, '10.0.1.4');
  net.attach(2, two, '10.0.1.5');
  net.task(1, { service: 'a', legs: [{ network: two, address: '10.0.1.2', vip: null }] });
  net.task(2, { service: 'b', legs: [{ network: two, address: '10.0.2.2', vip: null }] });
  net.pass(1);
  const routes = await on(1, 'docker exec $(docker ps -q) ip route');
  expect(routes).toContain('10.0.2.0/24 via 10.0.1.1 dev eth0 \n');
  const brief = await on(2, 'nsenter --net=/var/run/docker/netns/1-two0000000 ip -br addr');
  expect(
    brief.match(/^(br|vxlan)\S+ +\S+ +\S*/gm)?.map((each) => each.split(/ +/).join(' ')),
  ).toEqual([
    'br0 UP 10.0.1.1/24',
    'br1 UP 10.0.2.1/24',
    'vxlan0@if10 UNKNOWN ',
    'vxlan1@if13 UNKNOWN ',
  ]);
  expect(await on(1, 'docker exec $(docker ps -q) ping -c 1 10.0.2.2')).toContain('1 received');
});

test('without a virtual address the name is all tasks', async () => {
  const net = makeSwarmNet(2);
  const on = onNode(net);
  const mynet = net.network('mynet', 1);
  net.attach(1, mynet, '10.0.1.4');
  net.attach(2, mynet, '10.0.1.5');
  net.task(1, {
    service: 'rr',
    slot: 1,
    legs: [{ network: mynet, address: '10.0.1.2', vip: null }],
  });
  net.task(2, {
    service: 'rr',
    slot: 2,
    legs: [{ network: mynet, address: '10.0.1.3', vip: null }],
  });
  net.pass(1);
  const dig = async (name: string) =>
    (await on(1, `docker exec $(docker ps -q) dig +short ${name}`)).trim().split('\n').sort();
  expect(await dig('rr')).toEqual(['10.0.1.2', '10.0.1.3']);
  expect(await dig('tasks.rr')).toEqual(['10.0.1.2', '10.0.1.3']);
  expect(await dig('rr.1.rrtask1')).toEqual(['10.0.1.2']);
  expect(await dig('rr.mynet')).toEqual(['10.0.1.2', '10.0.1.3']);
  net.act(2, ({ containers }) => {
    for (const each of containers.values()) unbindTask(net.members[1]!, each);
  });
  net.pass(1);
  expect(await dig('rr')).toEqual(['10.0.1.2']);
});

test('dsr: destinations are routed to, and tasks have the address on lo', async () => {
  const net = makeSwarmNet(2);
  const on = onNode(net);
  const direct = net.network('direct', 1, { options: new Map([['dsr', '']]) });
  net.attach(1, direct, '10.0.1.5');
  net.attach(2, direct, '10.0.1.6');
  const leg = (text: string, vip: string) => [{ network: direct, address: text, vip }];
  net.task(1, { service: 'cli', legs: leg('10.0.1.8', '10.0.1.7') });
  net.task(2, { service: 'web', image: 'nginx', legs: leg('10.0.1.3', '10.0.1.2') });
  net.pass(1);
  const lb = 'nsenter --net=/var/run/docker/netns/lb_direct000';
  expect(await on(1, `${lb} ipvsadm -ln`)).toContain('-> 10.0.1.3:0                   Route   1');
  expect(await on(1, `${lb} iptables-save -t nat`)).not.toContain('--ipvs');
  expect(await on(2, 'docker exec $(docker ps -q) ip -br addr show lo')).toContain(' 10.0.1.2/32 ');
  expect(await on(1, 'docker exec $(docker ps -q) curl -s http://web/')).toMatch(
    / from 10\.0\.1\.8\n/,
  );
});

test('a plain container has names at once, and gives its leg back when it ends', async () => {
  const net = makeSwarmNet(2);
  const on = onNode(net);
  const attnet = net.network('attnet', 1, { isAttachable: true });
  const released: string[] = [];
  const leg = (node: number, name: string, own: string, balancer: string): void => {
    net.attach(node, attnet, balancer);
    const member = net.members[node - 1]!;
    (member as { wire: unknown }).wire = { releaseAttachment: (id: string) => released.push(id) };
    net.act(node, (engine) => {
      const container = createContainer(engine, {
        ...plainSpec,
        name,
        networkMode: 'attnet',
        endpoints: new Map([['attnet', { address: null, mac: null, aliases: [`${name}-alias`] }]]),
      });
      attachContainer(member, container, attachment(attnet, name, own));
      startContainer(engine, container);
    });
  };
  leg(1, 'att1', '10.0.1.2', '10.0.1.3');
  leg(2, 'att2', '10.0.1.4', '10.0.1.5');
  net.pass(1);
  expect(await on(1, 'docker exec att1 dig +short att2 att2-alias')).toBe('10.0.1.4\n10.0.1.4\n');
  expect(await on(1, 'docker exec att1 dig +short -x 10.0.1.4')).toBe('att2.attnet.\n');
  expect(await on(1, 'docker exec att1 ping -c 1 att2')).toContain('1 received');
  expect(await on(1, 'docker exec att1 ip route | head -n 1')).toBe(
    'default via 172.18.0.1 dev eth1 \n',
  );
  await on(2, 'docker rm -f att2');
  net.pass(1);
  expect(await on(1, 'docker exec att1 dig +short +tries=1 +time=1 att2')).not.toContain(
    '10.0.1.4',
  );
  expect(released).toEqual(['att2']);
  expect(await on(2, 'ls /var/run/docker/netns')).toBe('1-ingress000\ningress_sbox\n');
});

function attachment(network: NetworkObject, id: string, text: string): TaskObject {
  const own = { network, address: address(text), prefixLength: 24, aliases: [] };
  return { id, serviceId: '', attachments: [own], endpoint: null } as unknown as TaskObject;
}
