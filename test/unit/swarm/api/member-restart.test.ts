// What a swarm sees of a dockerd that ends and comes back, by the commands of a user.
import { beforeAll, describe, expect, test } from 'vitest';
import { makeSwarmLab, type SwarmLab } from '../../../support/swarm-lab.ts';

let lab: SwarmLab;

const nodes = () => lab.on('node1', "docker node ls --format '{{.Hostname}} {{.Status}}'");
const replicas = () => lab.on('node1', "docker service ls --format '{{.Replicas}}'");
const history = (node: string) =>
  lab.on(
    'node1',
    `docker service ps web --filter node=${node} --format '{{.CurrentState}} {{.Error}}'`,
  );

beforeAll(async () => {
  lab = await makeSwarmLab();
  await lab.swarm();
  await lab.on('node1', 'docker service create -d --name web --replicas 3 -p 8080:80 nginx');
  await lab.on('node1', 'sleep 6');
});

describe('dockerd of a worker', () => {
  test('SIGTERM: its containers end, its node is Down later, and both count: 4/3', async () => {
    await lab.on('node3', 'pkill dockerd');
    await lab.on('node1', 'sleep 25');
    expect((await lab.try('node3', 'docker ps')).output).toContain('Cannot connect to the Docker');
    expect(await nodes()).toBe('node1 Ready\nnode2 Ready\nnode3 Down\n');
    expect(await replicas()).toBe('4/3\n');
    expect(await lab.on('node3', 'ls /var/run/docker/netns')).toBe('');
  });

  test('it comes back as the node that it was; its tasks have failed', async () => {
    await lab.on('node3', 'systemctl start docker');
    await lab.on('node1', 'sleep 15');
    expect(await nodes()).toBe('node1 Ready\nnode2 Ready\nnode3 Ready\n');
    expect(await replicas()).toBe('3/3\n');
    expect(await history('node3')).toMatch(/^Failed .* "task: non-zero exit \(137\)"\n$/);
    expect(await lab.on('node3', 'ls /var/run/docker/netns')).toMatch(/^1-\w{10}\ningress_sbox\n$/);
    expect(await lab.on('client', 'curl -s http://192.168.0.13:8080')).toContain(
      ' from 10.0.0.4\n',
    );
  });

  test('SIGKILL: its containers go on until it is started again', async () => {
    await lab.on('node2', 'pkill -9 dockerd');
    await lab.on('node1', 'sleep 25');
    expect(await nodes()).toContain('node2 Down');
    expect(await replicas()).toBe('4/3\n');
    await lab.on('node2', 'systemctl start docker');
    await lab.on('node1', 'sleep 5');
    expect(await history('node2')).toMatch(/^Failed .* "task: non-zero exit \(137\)"\n$/);
  });
});

test('the only manager restarts: it leads again, and its tasks are replaced on it', async () => {
  await lab.on('node1', 'systemctl restart docker');
  await lab.on('node1', 'sleep 30');
  expect(await nodes()).toBe('node1 Ready\nnode2 Ready\nnode3 Ready\n');
  expect(await replicas()).toBe('3/3\n');
});
