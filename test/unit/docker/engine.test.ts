import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseCidr, parseIpv4 } from '../../../src/base/ipv4-address.ts';
import type { PublishSpec } from '../../../src/docker/engine-record.ts';
import { L1_OUT, makeDockerLab, normaliseRules } from '../../support/docker-lab.ts';
import { runOnMachine } from '../../support/run-on-machine.ts';

const recorded = (file: string): Promise<string> => readFile(join(L1_OUT, file), 'utf8');

/** The recorded rules, its bridges by the names of their networks. */
async function recordedRules(file: string): Promise<string> {
  const text = normaliseRules(await recorded(file), null);
  return text.replaceAll('br-65ba5d1c3356', 'br-mynet').replaceAll('br-98bae5c96b33', 'br-intnet');
}

function tcp(
  containerPort: number,
  hostPort: number | null,
  host: string | null = null,
): PublishSpec {
  return {
    protocol: 'tcp',
    containerPort,
    hostAddress: host === null ? null : parseIpv4(host),
    hostPorts: hostPort === null ? null : [hostPort, hostPort],
  };
}

function cidr(text: string) {
  return parseCidr(text)!;
}

/** As far as `docker network create` in the recording. */
function makeNetworks(lab: ReturnType<typeof makeDockerLab>): void {
  lab.network('mynet');
  const ipam = {
    subnet: cidr('10.10.0.0/24'),
    gateway: parseIpv4('10.10.0.254'),
    range: cidr('10.10.0.128/25'),
    auxAddresses: new Map(),
  };
  const options = new Map([
    ['com.docker.network.bridge.name', 'br-opts'],
    ['com.docker.network.driver.mtu', '1400'],
  ]);
  lab.network('optnet', { ipam: [ipam], options });
  lab.network('intnet', { isInternal: true });
}

describe('createEngine', () => {
  it('lays out the rules of a fresh Docker 26.1', async () => {
    const lab = makeDockerLab();
    expect(lab.rules()).toBe(await recordedRules('012-node1-iptables-save-empty.txt'));
  });

  it.each([
    ['ip route', '011-node1-ip-route.txt'],
    ['brctl show', '008-node1-brctl-empty.txt'],
    ['ip a', '009-node1-ip-a-empty.txt'],
    ['ip -d link', '010-node1-ip-d-link-empty.txt'],
    [
      'sysctl net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.ipv4.conf.docker0.route_localnet net.ipv4.conf.docker0.proxy_arp net.ipv4.ip_local_port_range',
      '013-node1-sysctl.txt',
    ],
  ])('prints as recorded: %s', async (command, file) => {
    const lab = makeDockerLab();
    const { stdout } = await runOnMachine(lab.nodes[0]!, command);
    expect(normaliseLinks(stdout)).toBe(normaliseLinks(await recorded(file)));
  });
});

describe('containers on docker0', () => {
  it.each([
    ['ip -d link', '019-node1-ip-d-link-2.txt'],
    ['brctl show', '017-node1-brctl-2.txt'],
  ])('print as recorded: %s', async (command, file) => {
    const lab = makeDockerLab();
    for (const name of ['c1', 'c2']) lab.run(name);
    const { stdout } = await runOnMachine(lab.nodes[0]!, command);
    expect(normaliseLinks(stdout)).toBe(normaliseLinks(await recorded(file)));
  });

  it('print as recorded: ip -d addr in one', async () => {
    const lab = makeDockerLab();
    const c1 = lab.run('c1');
    const { stdout } = await runOnMachine(c1.machine, 'ip -d addr; ip route');
    const links = await recorded('021-node1-c1-ip-d-addr.txt');
    expect(stdout).toBe(links + (await recorded('022-node1-c1-route.txt')));
  });
});

describe('published ports', () => {
  it('adds the rules of one port', async () => {
    const lab = makeDockerLab();
    for (const name of ['c1', 'c2']) lab.run(name);
    lab.run('web1', { image: 'nginx', command: [], publish: [tcp(80, 8080)] });
    expect(lab.rules()).toBe(await recordedRules('040-node1-iptables-save-web1.txt'));
  });

  it('adds the rules of many ports, the largest first', async () => {
    const lab = makeDockerLab();
    for (const name of ['c1', 'c2']) lab.run(name);
    const web = { image: 'nginx', command: [] };
    lab.run('web1', { ...web, publish: [tcp(80, 8080)] });
    lab.run('web3', { ...web, publish: [tcp(80, 8081, '127.0.0.1')] });
    lab.run('web4', { ...web, publish: [tcp(80, null)] });
    lab.run('web5', { ...web, publishAll: true, expose: [{ protocol: 'tcp', port: 80 }] });
    const dns = { ...tcp(53, 5353), protocol: 'udp' as const };
    const range = [9000, 9001, 9002].map((port) => tcp(port, port));
    lab.run('u1', { image: 'busybox', publish: [dns, ...range] });
    expect(lab.rules()).toBe(await recordedRules('062-node1-iptables-save-many.txt'));
  });

  it('refuses a port that another container has', () => {
    const lab = makeDockerLab();
    lab.run('web1', { publish: [tcp(80, 8080)] });
    const before = lab.rules();
    expect(() => lab.run('web2', { publish: [tcp(80, 8080)] })).toThrow(
      /^driver failed programming external connectivity on endpoint web2 \([0-9a-f]{64}\): Bind for 0.0.0.0:8080 failed: port is already allocated$/,
    );
    expect(lab.rules()).toBe(before);
  });

  it('refuses a port that a program of the host has', () => {
    const lab = makeDockerLab();
    lab.run('web1', { publish: [tcp(80, 8080)] });
    expect(() => lab.run('web2', { publish: [tcp(80, 8080, '127.0.0.1')] })).toThrow(
      /Error starting userland proxy: listen tcp4 127.0.0.1:8080: bind: address already in use$/,
    );
  });
});

describe('user-defined networks', () => {
  it('lays out rules with the newest network on top', async () => {
    const lab = makeDockerLab();
    for (const name of ['c1', 'c2']) lab.run(name);
    lab.run('web1', { image: 'nginx', command: [], publish: [tcp(80, 8080)] });
    makeNetworks(lab);
    expect(lab.rules()).toBe(await recordedRules('079-node1-iptables-save-user.txt'));
  });
});

/** MACs and names are random, timers of the moment. */
function normaliseLinks(text: string): string {
  return text
    .replace(/(02:42|2:42)(:[0-9a-f]{1,2}){4}/g, 'MAC')
    .replace(/8000\.0242[0-9a-f]{8}/g, '8000.MAC')
    .replace(/_timer +[\d.]+/g, '_timer T')
    .replace(/veth[0-9a-f]{7}/g, 'veth')
    .replace(/(link\/ether )(?!52|02)[0-9a-f:]{17}/g, '$1MAC');
}
