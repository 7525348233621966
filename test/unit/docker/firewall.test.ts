// The rule listings of Engine 28 are those of moby's own generated documentation of its rules.
import { describe, expect, it } from 'vitest';
import { parseCidr, parseIpv4 } from '../../../src/base/ipv4-address.ts';
import type { ContainerSpec } from '../../../src/docker/engine-record.ts';
import { type DockerLab, makeDockerLab } from '../../support/docker-lab.ts';

const PUBLISHED: Partial<ContainerSpec> = {
  networkMode: 'bridge1',
  image: 'nginx',
  command: [],
  publish: [{ protocol: 'tcp', containerPort: 80, hostAddress: null, hostPorts: [8080, 8080] }],
};

function addBridge1(lab: DockerLab, changes: Parameters<DockerLab['network']>[1] = {}): void {
  lab.network('bridge1', {
    options: new Map([['com.docker.network.bridge.name', 'bridge1']]),
    ipam: [
      {
        subnet: parseCidr('192.0.2.0/24'),
        gateway: parseIpv4('192.0.2.1'),
        range: null,
        auxAddresses: new Map(),
      },
    ],
    ...changes,
  });
}

/** The rules of one table without its chains. */
function rulesOf(lab: DockerLab, table: string): string[] {
  const text = lab.rules().split(`*${table}\n`)[1]!.split('COMMIT')[0]!;
  return text.split('\n').filter((line) => line.startsWith('-A'));
}

describe('the firewall of Engine 28', () => {
  it('has the rules of moby', () => {
    const lab = makeDockerLab({ version: '28.5' });
    addBridge1(lab);
    lab.run('web', PUBLISHED);
    expect(rulesOf(lab, 'filter')).toEqual([
      '-A FORWARD -j DOCKER-USER',
      '-A FORWARD -j DOCKER-FORWARD',
      '-A DOCKER -d 192.0.2.2/32 ! -i bridge1 -o bridge1 -p tcp -m tcp --dport 80 -j ACCEPT',
      '-A DOCKER ! -i docker0 -o docker0 -j DROP',
      '-A DOCKER ! -i bridge1 -o bridge1 -j DROP',
      '-A DOCKER-BRIDGE -o docker0 -j DOCKER',
      '-A DOCKER-BRIDGE -o bridge1 -j DOCKER',
      '-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A DOCKER-CT -o bridge1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A DOCKER-FORWARD -j DOCKER-CT',
      '-A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1',
      '-A DOCKER-FORWARD -j DOCKER-BRIDGE',
      '-A DOCKER-FORWARD -i docker0 -j ACCEPT',
      '-A DOCKER-FORWARD -i bridge1 -j ACCEPT',
      '-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2',
      '-A DOCKER-ISOLATION-STAGE-1 -i bridge1 ! -o bridge1 -j DOCKER-ISOLATION-STAGE-2',
      '-A DOCKER-ISOLATION-STAGE-2 -o bridge1 -j DROP',
      '-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP',
    ]);
    expect(rulesOf(lab, 'nat')).toEqual([
      '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
      '-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER',
      '-A POSTROUTING -s 192.0.2.0/24 ! -o bridge1 -j MASQUERADE',
      '-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
      '-A DOCKER -i bridge1 -j RETURN',
      '-A DOCKER -i docker0 -j RETURN',
      '-A DOCKER ! -i bridge1 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.0.2.2:80',
    ]);
    expect(rulesOf(lab, 'raw')).toEqual(['-A PREROUTING -d 192.0.2.2/32 ! -i bridge1 -j DROP']);
  });

  it('has no isolation chains from 29 on', () => {
    const lab = makeDockerLab({ version: '29.0' });
    addBridge1(lab);
    lab.run('web', PUBLISHED);
    const rules = lab.rules();
    expect(rules).not.toContain('ISOLATION');
    expect(rules).not.toContain('RETURN');
    expect(rules).toContain('-A DOCKER-FORWARD -j DOCKER-INTERNAL\n');
  });
});

describe('the firewall up to Engine 27', () => {
  it('drops between containers at the end of FORWARD without ICC', () => {
    const lab = makeDockerLab();
    addBridge1(lab, {
      options: new Map([
        ['com.docker.network.bridge.name', 'bridge1'],
        ['com.docker.network.bridge.enable_icc', 'false'],
      ]),
    });
    const forward = rulesOf(lab, 'filter').filter((rule) => rule.startsWith('-A FORWARD'));
    expect(forward.at(-1)).toBe('-A FORWARD -i bridge1 -o bridge1 -j DROP');
    expect(forward).not.toContain('-A FORWARD -i bridge1 -o bridge1 -j ACCEPT');
  });
});
