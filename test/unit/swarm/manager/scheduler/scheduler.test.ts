import { describe, expect, test } from 'vitest';
import type { PortConfig, ServiceMode } from '../../../../../src/swarm/objects.ts';
import {
  makeSwarmLab,
  replicated,
  type SwarmLab,
  TASK_SPEC,
} from '../../../../support/swarm-manager.ts';

const hosts = (lab: SwarmLab, name: string): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const row of lab.ps(name)) {
    const [, host = '', desired] = row.split(' ');
    if (desired === 'running') counts[host] = (counts[host] ?? 0) + 1;
  }
  return counts;
};

const errors = (lab: SwarmLab, name: string): string[] =>
  lab
    .tasks(name)
    .map(({ status }) => status.error)
    .filter((error) => error !== '');

const placed = (placement: Partial<typeof TASK_SPEC.placement>) => ({
  task: { placement: { ...TASK_SPEC.placement, ...placement } },
});

const GLOBAL: ServiceMode = { kind: 'global' };
const hostPort: PortConfig = {
  name: '',
  protocol: 'tcp',
  targetPort: 80,
  publishedPort: 8080,
  publishMode: 'host',
};

describe('spreading', () => {
  test('fewest tasks of the service, then fewest at all', () => {
    const lab = makeSwarmLab(3);
    lab.create('a', { mode: replicated(2) });
    lab.pass(3);
    const used = Object.keys(hosts(lab, 'a'));
    lab.create('b', { mode: replicated(1) });
    lab.pass(3);
    const [free] = Object.keys(hosts(lab, 'b'));
    expect(used).not.toContain(free);
    lab.create('c', { mode: replicated(7) });
    lab.pass(3);
    expect(Object.values(hosts(lab, 'c')).sort()).toEqual([2, 2, 3]);
  });

  test('nothing moves back to a node that was drained and is active again', () => {
    const lab = makeSwarmLab(3);
    lab.create('web', { mode: replicated(3) });
    lab.pass(3);
    lab.setNode('node2', { availability: 'drain' });
    lab.pass(10);
    expect(hosts(lab, 'web').node2).toBeUndefined();
    const before = lab.ps('web');
    expect(before.filter((row) => row.includes('node2'))).toEqual([
      expect.stringMatching(/^web\.\d node2 shutdown shutdown$/),
    ]);
    lab.setNode('node2', { availability: 'active' });
    lab.pass(30);
    expect(lab.ps('web')).toEqual(before);
    lab.change('web', (spec) => ({ ...spec, task: { ...spec.task, forceUpdate: 1 } }));
    lab.pass(60);
    expect(hosts(lab, 'web')).toEqual({ node1: 1, node2: 1, node3: 1 });
  });

  test('a paused node keeps what it has and gets nothing', () => {
    const lab = makeSwarmLab(2);
    lab.create('web', { mode: replicated(2) });
    lab.pass(3);
    lab.setNode('node2', { availability: 'pause' });
    lab.change('web', (spec) => ({ ...spec, mode: replicated(5) }));
    lab.pass(5);
    expect(hosts(lab, 'web')).toEqual({ node1: 4, node2: 1 });
  });

  test('preferences: branches first, then nodes', () => {
    const lab = makeSwarmLab(4);
    const zone = (host: string, value: string) =>
      lab.setNode(host, { labels: new Map([['zone', value]]) });
    zone('node1', 'a');
    for (const host of ['node2', 'node3', 'node4']) zone(host, 'b');
    lab.pass(1);
    lab.create('web', { mode: replicated(6), ...placed({ preferences: ['node.labels.zone'] }) });
    lab.pass(5);
    expect(hosts(lab, 'web')).toEqual({ node1: 3, node2: 1, node3: 1, node4: 1 });
  });

  test('a node on which the service failed five times is the last choice', () => {
    const lab = makeSwarmLab(2);
    lab.create('flaky', {
      image: 'fails',
      ...{ task: { restart: { ...TASK_SPEC.restart, delayNs: 1e9 } } },
    });
    lab.pass(60);
    const used = new Set(lab.ps('flaky').map((row) => row.split(' ')[1]));
    expect(used).toEqual(new Set(['node1', 'node2']));
  });
});

describe('nodes that cannot take a task', () => {
  test('a constraint that nobody meets leaves it pending, with the reason', () => {
    const lab = makeSwarmLab(3);
    lab.create('db', placed({ constraints: ['node.labels.disk==ssd'] }));
    lab.pass(3);
    expect(lab.ps('db')).toEqual([
      'db.1 - running pending no suitable node (scheduling constraints not satisfied on 3 nodes)',
    ]);
    lab.setNode('node2', { labels: new Map([['disk', 'ssd']]) });
    lab.pass(3);
    expect(lab.ps('db')).toEqual(['db.1 node2 running running']);
  });

  test('several reasons: the most frequent first', () => {
    const lab = makeSwarmLab(3);
    lab.setNode('node1', { availability: 'drain' });
    lab.create('db', placed({ constraints: ['node.role == manager'] }));
    lab.pass(3);
    expect(errors(lab, 'db')).toEqual([
      'no suitable node (scheduling constraints not satisfied on 2 nodes; 1 node not available for new tasks)',
    ]);
  });

  test('constraints on hostname, role, id, address and inequality', () => {
    const lab = makeSwarmLab(3);
    const only = (name: string, ...constraints: string[]) => {
      lab.create(name, { mode: replicated(3), ...placed({ constraints }) });
      lab.pass(3);
      return Object.keys(hosts(lab, name)).sort();
    };
    expect(only('a', 'node.hostname==node3')).toEqual(['node3']);
    expect(only('b', 'node.role!=manager')).toEqual(['node2', 'node3']);
    expect(only('c', `node.id==${lab.nodes[1]!.id}`)).toEqual(['node2']);
    expect(only('d', 'node.ip==192.168.0.11')).toEqual(['node1']);
    expect(only('e', 'node.ip!=192.168.0.0/24')).toEqual(['-']);
    expect(only('f', 'node.role==WORKER', 'node.hostname!=node2')).toEqual(['node3']);
  });

  test('host ports, replicas a node and resources run out', () => {
    const lab = makeSwarmLab(2);
    lab.create('host', { mode: replicated(3), ports: [hostPort] });
    lab.create('max', { mode: replicated(3), ...placed({ maxReplicas: 1 }) });
    const limits = { nanoCpus: 0, memoryBytes: 0, pids: 0 };
    const reservations = { ...limits, memoryBytes: 3e9 };
    lab.create('big', {
      mode: replicated(3),
      task: { resources: { limits, reservations } },
    });
    lab.pass(5);
    expect(errors(lab, 'host')).toEqual([
      'no suitable node (host-mode port already in use on 2 nodes)',
    ]);
    expect(errors(lab, 'max')).toEqual(['no suitable node (max replicas per node limit exceed)']);
    expect(errors(lab, 'big')).toEqual(['no suitable node (insufficient resources on 2 nodes)']);
  });

  test('a global task that does not fit says why without brackets', () => {
    const lab = makeSwarmLab(2);
    lab.create('one', { mode: GLOBAL, ports: [hostPort] });
    lab.create('two', { mode: GLOBAL, ports: [hostPort] });
    lab.pass(5);
    expect(hosts(lab, 'one')).toEqual({ node1: 1, node2: 1 });
    expect(errors(lab, 'two')).toEqual([
      'host-mode port already in use on 1 node',
      'host-mode port already in use on 1 node',
    ]);
    expect(lab.tasks('two')[0]!.status.state).toBe('pending');
  });
});

test('each task tells what the scheduler did', () => {
  const lab = makeSwarmLab(1);
  lab.create('web', { image: 'ubuntu' });
  lab.create('all', { mode: GLOBAL });
  lab.pass(0.16); // before the agents hear of it
  const message = (name: string) => lab.tasks(name)[0]!.status.message;
  expect(message('web')).toBe('scheduler assigned task to node');
  expect(message('all')).toBe('scheduler confirmed task can run on preassigned node');
});

test('a hundred nodes and a thousand tasks are placed evenly', () => {
  const lab = makeSwarmLab(100);
  for (let number = 0; number < 10; number++) {
    lab.create(`s${number}`, { mode: replicated(100) });
    lab.pass(2);
  }
  const counts = lab.nodes.map(({ id }) => lab.cluster.store.tasksOfNode.get(id)!.size);
  expect(new Set(counts)).toEqual(new Set([10]));
});
