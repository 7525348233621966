import { describe, expect, test } from 'vitest';
import { formatIpv4, parseIpv4 } from '../../../../../src/base/ipv4-address.ts';
import {
  assignmentsOf,
  createAttachment,
  removeAttachment,
} from '../../../../../src/swarm/manager/dispatch.ts';
import { startLeader } from '../../../../../src/swarm/manager/leader.ts';
import { leaderOf } from '../../../../../src/swarm/manager/leader-record.ts';
import { updateStore } from '../../../../../src/swarm/manager/store.ts';
import type { NetworkObject, PortConfig } from '../../../../../src/swarm/objects.ts';
import { makeSwarmLab, replicated, type SwarmLab } from '../../../../support/swarm-manager.ts';

const subnet = (text: string) => {
  const [address = '', length = ''] = text.split('/');
  return {
    subnet: { address: parseIpv4(address)!, prefixLength: Number(length) },
    gateway: null,
    range: null,
    auxAddresses: new Map(),
  };
};

const port = (publishedPort: number, targetPort = 80): PortConfig => ({
  name: '',
  protocol: 'tcp',
  targetPort,
  publishedPort,
  publishMode: 'ingress',
});

/** `10.0.1.0/24 gateway vni`. */
const shown = ({ ipam, vnis }: NetworkObject): string =>
  ipam
    .map(
      (each, i) =>
        `${formatIpv4(each.subnet)}/${each.prefixLength} ${formatIpv4(each.gateway)} ${vnis[i]}`,
    )
    .join(' ');

const addressesOf = (lab: SwarmLab, name: string): Record<number, string> =>
  Object.fromEntries(
    lab
      .tasks(name)
      .map(({ slot, attachments }) => [
        slot,
        attachments.map(({ address }) => formatIpv4(address)).join(' '),
      ]),
  );

const vips = (lab: SwarmLab, name: string): string[] =>
  lab.service(name).endpoint!.virtualAddresses.map(({ address }) => formatIpv4(address));

const balancers = (lab: SwarmLab): Record<string, string> =>
  Object.fromEntries(
    [...lab.cluster.store.nodes.values()].map(({ description, attachments }) => [
      description.hostname,
      [...attachments.values()].map(formatIpv4).join(' '),
    ]),
  );

describe('networks', () => {
  test('subnets and VNIs come one after the other, freed ones not at once again (L2 191-193)', () => {
    const lab = makeSwarmLab(1);
    const make = (name: string, changes = {}) => shown(lab.network(name, changes));
    const ingress = [...lab.cluster.store.networks.values()][0]!;
    expect(shown(ingress)).toBe('10.0.0.0/24 10.0.0.1 4096');
    expect(make('overnet')).toBe('10.0.1.0/24 10.0.1.1 4097');
    expect(make('overnet2')).toBe('10.0.2.0/24 10.0.2.1 4098');
    const third = lab.network('overnet3');
    expect(shown(third)).toBe('10.0.3.0/24 10.0.3.1 4099');
    const custom = { ...subnet('10.50.0.0/16'), gateway: parseIpv4('10.50.0.254') };
    expect(make('ovcustom', { ipam: [custom] })).toBe('10.50.0.0/16 10.50.0.254 4100');
    const vni = { options: new Map([['com.docker.network.driver.overlay.vxlanid_list', '5000']]) };
    expect(make('ovvni', vni)).toBe('10.0.4.0/24 10.0.4.1 5000');
    updateStore(lab.cluster, (tx) => tx.remove('network', third.id));
    lab.pass(0.1);
    expect(make('overnet5')).toBe('10.0.5.0/24 10.0.5.1 4101');
  });

  test('one whose subnet is taken waits, and so do its services; it gets it when it is free (L2-overlap)', () => {
    const lab = makeSwarmLab(1);
    const ova = lab.network('ova', { ipam: [subnet('10.60.0.0/16')] });
    const ovb = lab.network('ovb', { ipam: [subnet('10.60.128.0/24')] });
    expect(ova.isAllocated).toBe(true);
    expect(ovb).toMatchObject({ isAllocated: false, vnis: [] });
    lab.create('onb', { networks: ['ovb'] });
    lab.pass(15);
    expect(lab.ps('onb')).toEqual(['onb.1 - running new']);
    expect(lab.service('onb').endpoint).toBeNull();
    updateStore(lab.cluster, (tx) => tx.remove('network', ova.id));
    lab.pass(5);
    expect(shown(lab.cluster.store.networks.get(ovb.id)!)).toBe('10.60.128.0/24 10.60.128.1 4098');
    expect(lab.ps('onb')).toEqual(['onb.1 node1 running running']);
  });
});

describe('addresses', () => {
  test('VIP, tasks, load balancers of the nodes, as in L2', () => {
    const lab = makeSwarmLab(3);
    expect(balancers(lab)).toEqual({ node1: '10.0.0.2', node2: '10.0.0.3', node3: '10.0.0.4' });
    lab.network('overnet');
    lab.create('myservice', { mode: replicated(2), networks: ['overnet'] });
    lab.pass(3);
    expect(lab.ps('myservice')).toEqual([
      'myservice.1 node3 running running',
      'myservice.2 node2 running running',
    ]);
    expect(vips(lab, 'myservice')).toEqual(['10.0.1.2']);
    expect(addressesOf(lab, 'myservice')).toEqual({ 1: '10.0.1.4', 2: '10.0.1.3' });
    expect(balancers(lab)).toEqual({
      node1: '10.0.0.2',
      node2: '10.0.0.3 10.0.1.5',
      node3: '10.0.0.4 10.0.1.6',
    });
    lab.create('web', { mode: replicated(3), networks: ['overnet'] });
    lab.pass(3);
    expect(vips(lab, 'web')).toEqual(['10.0.1.7']);
    expect(addressesOf(lab, 'web')).toEqual({ 1: '10.0.1.8', 2: '10.0.1.9', 3: '10.0.1.10' });
    expect(lab.ps('web').map((row) => row.split(' ')[1])).toEqual(['node1', 'node3', 'node2']);
    expect(balancers(lab).node1).toBe('10.0.0.2 10.0.1.11');
  });

  test('a service in the mesh has its legs on ingress first, as in L3', () => {
    const lab = makeSwarmLab(3);
    lab.network('overnet');
    lab.create('whoami', { mode: replicated(3), ports: [port(3000, 3000)], networks: ['overnet'] });
    lab.pass(3);
    expect(vips(lab, 'whoami')).toEqual(['10.0.0.5', '10.0.1.2']);
    expect(addressesOf(lab, 'whoami')).toEqual({
      1: '10.0.0.7 10.0.1.4',
      2: '10.0.0.8 10.0.1.5',
      3: '10.0.0.6 10.0.1.3',
    });
    expect(lab.ps('whoami').map((row) => row.split(' ')[1])).toEqual(['node3', 'node1', 'node2']);
  });

  test('plain containers: their own address, then the load balancer, as in L2-attach', () => {
    const lab = makeSwarmLab(3);
    const { id } = lab.network('attnet', { isAttachable: true });
    const attach = (host: number, container: string, wanted: string | null): string => {
      const node = lab.nodes[host - 1]!;
      const address = wanted === null ? null : parseIpv4(wanted);
      const task = createAttachment(lab.cluster, node.id, id, container, address);
      lab.pass(1);
      expect(assignmentsOf(lab.cluster, node.id).map((each) => each.id)).toContain(task.id);
      const now = lab.cluster.store.tasks.get(task.id)!;
      return formatIpv4(now.attachments[0]!.address);
    };
    expect(attach(1, 'att1', null)).toBe('10.0.1.2');
    expect(attach(2, 'att2', null)).toBe('10.0.1.4');
    expect(attach(3, 'att3', '10.0.1.77')).toBe('10.0.1.77');
    expect(balancers(lab)).toEqual({
      node1: '10.0.0.2 10.0.1.3',
      node2: '10.0.0.3 10.0.1.5',
      node3: '10.0.0.4 10.0.1.6',
    });
    lab.create('t1', { mode: replicated(3), networks: ['attnet'] });
    lab.pass(3);
    expect(vips(lab, 't1')).toEqual(['10.0.1.7']);
    for (const task of lab.cluster.store.tasks.values()) {
      if (task.containerAttachment !== null) removeAttachment(lab.cluster, task.id);
    }
    lab.remove('t1');
    lab.pass(5);
    expect(balancers(lab).node1).toBe('10.0.0.2');
  });

  test('a network that is not attachable refuses plain containers in the recorded words', () => {
    const lab = makeSwarmLab(1);
    lab.network('overnet');
    const attach = () => createAttachment(lab.cluster, lab.nodes[0]!.id, 'overnet', 'c', null);
    expect(attach).toThrow(
      'rpc error: code = PermissionDenied desc = network overnet not manually attachable',
    );
  });

  test('freed addresses come again only when the subnet has been gone through', () => {
    const lab = makeSwarmLab(1);
    lab.network('overnet');
    lab.create('one', { networks: ['overnet'] });
    lab.pass(3);
    expect([...vips(lab, 'one'), addressesOf(lab, 'one')[1]]).toEqual(['10.0.1.2', '10.0.1.3']);
    lab.remove('one');
    lab.pass(5);
    lab.create('two', { networks: ['overnet'] });
    lab.pass(3);
    expect([...vips(lab, 'two'), addressesOf(lab, 'two')[1]]).toEqual(['10.0.1.5', '10.0.1.6']);
  });

  test('tasks for which a full subnet has no address stay new, and go on when one is free', () => {
    const lab = makeSwarmLab(1);
    lab.network('small', { ipam: [subnet('10.9.0.0/29')] }); // .1 gateway, .2 VIP, 4 left
    lab.create('crowd', { mode: replicated(5), networks: ['small'] });
    lab.pass(5);
    const states = () => lab.tasks('crowd').map(({ status }) => status.state);
    expect(states().filter((state) => state === 'new')).toHaveLength(1);
    expect(states().filter((state) => state === 'running')).toHaveLength(4);
    lab.change('crowd', (spec) => ({ ...spec, mode: replicated(3) }));
    lab.pass(10);
    expect(states()).toEqual(['running', 'running', 'running']);
  });

  test('a dnsrr service has no virtual address', () => {
    const lab = makeSwarmLab(1);
    lab.network('overnet');
    lab.create('rr', { endpointMode: 'dnsrr', networks: ['overnet'] });
    lab.pass(3);
    expect(lab.service('rr').endpoint).toEqual({ mode: 'dnsrr', ports: [], virtualAddresses: [] });
    expect(addressesOf(lab, 'rr')).toEqual({ 1: '10.0.1.2' });
  });

  test('a network that an update adds gives a VIP behind the others; one that it takes away frees it', () => {
    const lab = makeSwarmLab(1);
    const one = lab.network('one');
    const two = lab.network('two');
    const leg = (target: string) => ({ target, aliases: [], driverOptions: new Map() });
    lab.create('app', { networks: ['one'] });
    lab.pass(3);
    const put = (...ids: string[]) =>
      lab.change('app', (spec) => ({ ...spec, task: { ...spec.task, networks: ids.map(leg) } }));
    put(one.id, two.id);
    lab.pass(10);
    expect(vips(lab, 'app')).toEqual(['10.0.1.2', '10.0.2.2']);
    put(two.id);
    lab.pass(10);
    expect(vips(lab, 'app')).toEqual(['10.0.2.2']);
    expect(balancers(lab).node1).not.toContain('10.0.1.');
  });
});

describe('ports', () => {
  test('who names none gets 30000 and the next ones, and keeps it over updates', () => {
    const lab = makeSwarmLab(1);
    const ports = (name: string) =>
      lab.service(name).endpoint!.ports.map(({ publishedPort }) => publishedPort);
    lab.create('a', { ports: [port(0), port(8080)] });
    lab.create('b', { ports: [port(0)] });
    lab.pass(3);
    expect(ports('a')).toEqual([30000, 8080]);
    expect(ports('b')).toEqual([30001]);
    lab.change('a', (spec) => ({ ...spec, labels: new Map([['x', 'y']]) }));
    lab.pass(3);
    expect(ports('a')).toEqual([30000, 8080]);
    lab.remove('b');
    lab.pass(3);
    lab.create('c', { ports: [port(0)] });
    lab.pass(3);
    expect(ports('c')).toEqual([30002]);
  });
});

test('a new leader gives nothing away that is taken', () => {
  const lab = makeSwarmLab(2);
  lab.network('overnet');
  lab.create('one', { mode: replicated(2), networks: ['overnet'], ports: [port(0)] });
  lab.pass(3);
  const before = addressesOf(lab, 'one');
  startLeader(lab.cluster, leaderOf(lab.cluster)!.member);
  lab.create('two', { mode: replicated(2), networks: ['overnet'], ports: [port(0)] });
  lab.pass(3);
  expect(addressesOf(lab, 'one')).toEqual(before);
  const all = [...Object.values(before), ...Object.values(addressesOf(lab, 'two'))]
    .concat(vips(lab, 'one'), vips(lab, 'two'), Object.values(balancers(lab)))
    .flatMap((text) => text.split(' '));
  expect(new Set(all).size).toBe(all.length);
  expect(lab.service('two').endpoint!.ports[0]!.publishedPort).toBe(30001);
  const third = lab.network('third');
  expect(shown(third)).toBe('10.0.2.0/24 10.0.2.1 4098');
});
