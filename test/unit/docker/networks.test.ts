import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatIpv4, parseCidr, parseIpv4 } from '../../../src/base/ipv4-address.ts';
import { formatMac } from '../../../src/base/mac-address.ts';
import { startContainer } from '../../../src/docker/container-start.ts';
import { killContainer } from '../../../src/docker/container-stop.ts';
import type { Container } from '../../../src/docker/engine-record.ts';
import { connectNetwork, disconnectNetwork } from '../../../src/docker/network-connect.ts';
import {
  findNetwork,
  type IpamSpec,
  pruneNetworks,
  removeNetwork,
} from '../../../src/docker/network-create.ts';
import { L1_OUT, makeDockerLab, NO_ENDPOINT } from '../../support/docker-lab.ts';
import { runOnMachine } from '../../support/run-on-machine.ts';

const recorded = (file: string): Promise<string> => readFile(join(L1_OUT, file), 'utf8');

function ipam(subnet: string, options: { gateway?: string; range?: string } = {}): IpamSpec {
  return {
    subnet: parseCidr(subnet),
    gateway: options.gateway === undefined ? null : parseIpv4(options.gateway),
    range: options.range === undefined ? null : parseCidr(options.range),
    auxAddresses: new Map(),
  };
}

const OPTNET = ipam('10.10.0.0/24', { gateway: '10.10.0.254', range: '10.10.0.128/25' });

function endpointText(container: Container): string {
  const [endpoint] = container.endpoints.values();
  const gateway = endpoint!.gateway === null ? '' : formatIpv4(endpoint!.gateway);
  return `/${container.name} ${formatIpv4(endpoint!.address!)} ${formatMac(endpoint!.mac!)} ${gateway}`;
}

describe('addresses of containers', () => {
  it('are the lowest free ones, and free again after a stop', () => {
    const lab = makeDockerLab();
    lab.run('c1');
    const c2 = lab.run('c2');
    const web1 = lab.run('web1');
    expect(endpointText(c2)).toBe('/c2 172.17.0.3 02:42:ac:11:00:03 172.17.0.1');
    lab.act(() => killContainer(lab.engine, c2, 'SIGKILL'));
    lab.pass(1);
    const c6 = lab.run('c6');
    lab.act(() => startContainer(lab.engine, c2));
    expect(endpointText(c6)).toBe('/c6 172.17.0.3 02:42:ac:11:00:03 172.17.0.1');
    expect(endpointText(c2)).toBe('/c2 172.17.0.5 02:42:ac:11:00:05 172.17.0.1');
    expect(endpointText(web1)).toBe('/web1 172.17.0.4 02:42:ac:11:00:04 172.17.0.1');
  });

  it('come from the range, or are those asked for', async () => {
    const lab = makeDockerLab();
    lab.network('mynet');
    lab.network('optnet', { ipam: [OPTNET] });
    lab.network('intnet', { isInternal: true });
    const wanted = { ...NO_ENDPOINT, address: parseIpv4('10.10.0.7') };
    const containers = [
      lab.run('alpha', { networkMode: 'mynet' }),
      lab.run('beta', { networkMode: 'mynet' }),
      lab.run('opt1', { networkMode: 'optnet' }),
      lab.run('opt2', { networkMode: 'optnet', endpoints: new Map([['optnet', wanted]]) }),
      lab.run('inner', { networkMode: 'intnet' }),
    ];
    const text = containers.map((container) => `${endpointText(container)}\n`).join('');
    expect(text).toBe(await recorded('077-node1-addrs-user.txt'));
    expect(() =>
      lab.run('opt3', { networkMode: 'optnet', endpoints: new Map([['optnet', wanted]]) }),
    ).toThrow('Address already in use');
  });

  it('run out', () => {
    const lab = makeDockerLab();
    lab.network('tiny', { ipam: [ipam('10.1.0.0/29')] });
    for (let i = 2; i <= 6; i++) lab.run(`c${i}`, { networkMode: 'tiny' });
    expect(() => lab.run('c7', { networkMode: 'tiny' })).toThrow(/no available IPv4 addresses/);
  });
});

describe('subnets of networks', () => {
  it('are taken in turn, freed ones last', () => {
    const lab = makeDockerLab();
    const subnetOf = (name: string): string => {
      const [config] = findNetwork(lab.engine, name).ipam;
      return `${name} ${formatIpv4(config!.subnet)}/${config!.prefixLength} ${formatIpv4(config!.gateway!)}`;
    };
    for (const name of ['mynet', 'intnet', 'p1', 'p2', 'p3']) lab.network(name);
    for (const name of ['p1', 'p2']) {
      lab.act(() => removeNetwork(lab.engine, findNetwork(lab.engine, name)));
    }
    for (const name of ['p4', 'p5']) lab.network(name);
    expect(['p3', 'p4', 'p5'].map(subnetOf)).toEqual([
      'p3 172.22.0.0/16 172.22.0.1',
      'p4 172.23.0.0/16 172.23.0.1',
      'p5 172.24.0.0/16 172.24.0.1',
    ]);
  });

  it('are those of the recording up to the end of the pools', async () => {
    const lab = makeDockerLab();
    for (const name of ['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7', 'n8']) lab.network(name);
    // As in the recording 172.18, 172.21 and 172.22 are free again, and the rest is taken.
    for (const name of ['n1', 'n4', 'n5']) {
      lab.act(() => removeNetwork(lab.engine, findNetwork(lab.engine, name)));
    }
    const lines: string[] = [];
    let failure = '';
    for (let i = 1; failure === ''; i++) {
      try {
        const [config] = lab.network(`q${i}`).ipam;
        const subnet = `${formatIpv4(config!.subnet)}/${config!.prefixLength}`;
        lines.push(`q${i} ${subnet} ${formatIpv4(config!.gateway!)}\n`);
      } catch (error) {
        failure = `Error response from daemon: ${(error as Error).message}\n`;
      }
    }
    const wanted = await recorded('../../docker20-pool-exhaust.txt');
    expect(lines.join('') + failure).toBe(wanted);
  });

  it('must not overlap', () => {
    const lab = makeDockerLab();
    lab.network('optnet', { ipam: [OPTNET] });
    expect(() => lab.network('overlapnet', { ipam: [ipam('10.10.0.0/16')] })).toThrow(
      'Pool overlaps with other one on this address space',
    );
    expect(() => lab.network('odd', { ipam: [ipam('10.20.0.5/24')] })).toThrow(
      'invalid network config:\ninvalid subnet 10.20.0.5/24: it should be 10.20.0.0/24',
    );
  });
});

describe('networks', () => {
  it('go with their bridge and rules', () => {
    const lab = makeDockerLab();
    const before = lab.rules();
    lab.network('mynet');
    lab.network('intnet', { isInternal: true });
    const { root } = lab.nodes[0]!;
    expect(root.devices.length).toBe(5);
    expect(lab.act(() => pruneNetworks(lab.engine))).toEqual(['mynet', 'intnet']);
    expect(lab.rules()).toBe(before);
    expect(root.devices.length).toBe(3);
  });

  it('are refused in the words of the engine', () => {
    const lab = makeDockerLab();
    const mynet = lab.network('mynet');
    lab.run('alpha', { networkMode: 'mynet' });
    const { engine } = lab;
    const remove = (name: string) =>
      lab.act(() => removeNetwork(engine, findNetwork(engine, name)));
    expect(() => lab.network('mynet')).toThrow('network with name mynet already exists');
    expect(() => remove('mynet')).toThrow(
      `error while removing network: network mynet id ${mynet.id} has active endpoints`,
    );
    expect(() => remove('bridge')).toThrow('bridge is a pre-defined network and cannot be removed');
    expect(() => remove('nosuch')).toThrow('network nosuch not found');
    expect(() => lab.network('o', { driver: 'overlay' })).toThrow(/^This node is not a swarm man/);
    expect(() => lab.network('x', { driver: 'nosuch' })).toThrow('plugin "nosuch" not found');
  });

  it('take a running container and let it go', async () => {
    const lab = makeDockerLab();
    const mynet = lab.network('mynet');
    lab.network('optnet', { ipam: [OPTNET] });
    lab.run('alpha', { networkMode: 'mynet' });
    lab.run('beta', { networkMode: 'mynet' });
    const opt1 = lab.run('opt1', { networkMode: 'optnet' });
    lab.act(() => connectNetwork(lab.engine, mynet, opt1, NO_ENDPOINT));
    const routes = await runOnMachine(opt1.machine, 'ip route');
    const whole = await recorded('100-node1-o-multi.txt');
    expect(whole).toContain(routes.stdout);
    expect(routes.stdout.split('\n').length).toBe(4);
    expect(() => lab.act(() => connectNetwork(lab.engine, mynet, opt1, NO_ENDPOINT))).toThrow(
      'endpoint with name opt1 already exists in network mynet',
    );
    lab.act(() => disconnectNetwork(lab.engine, mynet, opt1));
    const after = await runOnMachine(opt1.machine, 'ip route');
    expect(after.stdout).toBe(
      'default via 10.10.0.254 dev eth0 \n10.10.0.0/24 dev eth0 proto kernel scope link src 10.10.0.128 \n',
    );
  });

  it('give no way out if they are internal', async () => {
    const lab = makeDockerLab();
    lab.network('first');
    lab.network('intnet', { isInternal: true });
    const inner = lab.run('inner', { networkMode: 'intnet' });
    const { stdout } = await runOnMachine(inner.machine, 'ip route');
    expect(await recorded('098-node1-internal-to-outside.txt')).toContain(stdout);
  });
});

describe('macvlan and ipvlan networks', () => {
  it('make the VLAN interface below and take it away with the last network', async () => {
    const lab = makeDockerLab();
    const parent = (name: string) => new Map([['parent', name]]);
    const one = lab.network('v100', {
      driver: 'macvlan',
      options: parent('eth0.100'),
      ipam: [ipam('10.100.0.0/24', { gateway: '10.100.0.1', range: '10.100.0.64/26' })],
    });
    lab.network('v200', {
      driver: 'macvlan',
      options: parent('eth0.200'),
      ipam: [ipam('10.200.0.0/24')],
    });
    const a = lab.run('aa', { networkMode: 'v100' });
    const b = lab.run('bb', { networkMode: 'v200' });
    expect(endpointText(a)).toBe('/aa 10.100.0.64 02:42:0a:64:00:40 10.100.0.1');
    expect(endpointText(b)).toBe('/bb 10.200.0.2 02:42:0a:c8:00:02 10.200.0.1');
    const { stdout } = await runOnMachine(a.machine, 'ip -d link show eth0; ip route');
    expect(stdout).toMatch(/eth0@if\d+: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500/);
    expect(stdout).toContain('macvlan mode bridge');
    expect(stdout).toContain('default via 10.100.0.1 dev eth0 \n');
    const links = await runOnMachine(lab.nodes[0]!, 'ip -d link show eth0.100');
    expect(links.stdout).toContain('vlan protocol 802.1Q id 100');
    lab.act(() => killContainer(lab.engine, a, 'SIGKILL'));
    lab.pass(1);
    lab.act(() => removeNetwork(lab.engine, one));
    const { deviceByName } = lab.nodes[0]!.root;
    expect([deviceByName.has('eth0.100'), deviceByName.has('eth0.200')]).toEqual([false, true]);
  });

  it('route by device in ipvlan l3', async () => {
    const lab = makeDockerLab();
    lab.network('l3', {
      driver: 'ipvlan',
      options: new Map([
        ['parent', 'eth0'],
        ['ipvlan_mode', 'l3'],
      ]),
      ipam: [ipam('10.50.0.0/24')],
    });
    const a = lab.run('aa', { networkMode: 'l3' });
    const { stdout } = await runOnMachine(a.machine, 'ip route');
    expect(stdout).toBe(
      'default dev eth0 scope link \n10.50.0.0/24 dev eth0 proto kernel scope link src 10.50.0.2 \n',
    );
  });

  it('refuse parents that cannot be', () => {
    const lab = makeDockerLab();
    const make = (parent: string) => () =>
      lab.network('m', {
        driver: 'macvlan',
        options: new Map([['parent', parent]]),
        ipam: [ipam('10.9.0.0/24')],
      });
    expect(make('eth9')).toThrow(
      'invalid subinterface vlan name eth9, example formatting is eth0.10',
    );
    expect(make('eth9.5')).toThrow('-o parent interface was not found on the host: eth9');
    expect(make('eth0.4095')).toThrow('vlan id must be between 1-4094, received: 4095');
    expect(make('lo')).toThrow('loopback interface is not a valid macvlan parent link');
    expect(make('eth0')).not.toThrow();
  });

  it('want a parent for themselves up to 26.1', () => {
    const share = (version: '26.1' | '27.5', driver: string) => {
      const lab = makeDockerLab({ version });
      const options = new Map([['parent', 'eth0.7']]);
      const first = lab.network('one', { driver, options, ipam: [ipam('10.7.0.0/24')] });
      const holder = `${driver === 'macvlan' ? 'dm' : 'di'}-${first.id.slice(0, 12)}`;
      const second = () => lab.network('two', { driver, options, ipam: [ipam('10.8.0.0/24')] });
      return { second, text: `network ${holder} is already using parent interface eth0.7` };
    };
    for (const driver of ['macvlan', 'ipvlan']) {
      const { second, text } = share('26.1', driver);
      expect(second).toThrow(text);
    }
    expect(share('27.5', 'macvlan').second).not.toThrow();
    expect(share('27.5', 'ipvlan').second).toThrow('is already using parent interface');
  });

  it('without a parent reach nobody else: no default route', async () => {
    const lab = makeDockerLab();
    lab.network('alone', { driver: 'macvlan' });
    const a = lab.run('aa', { networkMode: 'alone' });
    const { stdout } = await runOnMachine(a.machine, 'ip route');
    expect(stdout).toBe('172.18.0.0/16 dev eth0 proto kernel scope link src 172.18.0.2 \n');
    expect(a.endpoints.get('alone')!.network.device!.name).toMatch(/^dm-[0-9a-f]{12}$/);
  });

  it('let the parent take in what is for the containers', async () => {
    const lab = makeDockerLab();
    const options = new Map([['parent', 'eth0.100']]);
    lab.network('v100', { driver: 'macvlan', options, ipam: [ipam('10.100.0.0/24')] });
    const promiscuity = async (name: string) => {
      const { stdout } = await runOnMachine(lab.nodes[0]!, `ip -d link show ${name}`);
      return /promiscuity (\d+)/.exec(stdout)?.[1];
    };
    const before = await promiscuity('eth0');
    const a = lab.run('aa', { networkMode: 'v100' });
    // The VLAN device filters addresses; a veth cannot and takes everything.
    expect([before, await promiscuity('eth0'), await promiscuity('eth0.100')]).toEqual([
      '0',
      '1',
      '0',
    ]);
    lab.act(() => killContainer(lab.engine, a, 'SIGKILL'));
    lab.pass(1);
    expect(await promiscuity('eth0')).toBe('0');
  });
});

describe('configuration networks', () => {
  it('are taken over by others and stay while these do', () => {
    const lab = makeDockerLab();
    const config = lab.network('conf', {
      isConfigOnly: true,
      options: new Map([['parent', 'eth0.50']]),
      ipam: [ipam('10.50.0.0/24', { range: '10.50.0.128/25' })],
    });
    expect([config.driver, config.scope]).toEqual(['null', 'local']);
    const made = lab.network('made', { driver: 'macvlan', configFrom: 'conf' });
    expect(lab.nodes[0]!.root.deviceByName.has('eth0.50')).toBe(true);
    expect(endpointText(lab.run('aa', { networkMode: 'made' }))).toContain(' 10.50.0.129 ');
    expect(() => lab.run('bb', { networkMode: 'conf' })).toThrow(
      'cannot create endpoint on configuration-only network',
    );
    expect(() => lab.act(() => removeNetwork(lab.engine, config))).toThrow(
      'error while removing network: configuration network "conf" is in use',
    );
    expect(made.configFrom).toBe('conf');
    expect(() => lab.network('x', { configFrom: 'nosuch' })).toThrow(
      'configuration network "nosuch" does not exist',
    );
  });
});
