import { beforeAll, expect, test } from 'vitest';
import { makeSwarmLab, type SwarmLab } from '../../../support/swarm-lab.ts';

let lab: SwarmLab;
const files = async (node: string): Promise<string[]> =>
  (await lab.on(node, 'ls /var/run/docker/netns')).trim().split('\n');
const addressOfC3 = async (): Promise<string | undefined> =>
  /10\.0\.1\.\d+/.exec(await lab.on('node3', 'docker exec c3 ip -br addr show eth0'))?.[0];

beforeAll(async () => {
  lab = await makeSwarmLab();
  await lab.swarm();
  await lab.on('node1', 'docker network create -d overlay --attachable attnet');
  await lab.on(
    'node1',
    'docker service create -d --name web --network attnet -p 8080:80 --mode global nginx',
  );
  lab.pass(10);
}, 60_000);

test('a drained node has no sandbox of a task, and still answers by the others', async () => {
  expect(await files('node2')).toHaveLength(5);
  await lab.on('node1', 'docker node update --availability drain node2');
  lab.pass(30);
  expect((await files('node2')).filter((name) => /^[0-9a-f]{12}$/.test(name))).toEqual([]);
  const answer = await lab.on('client', 'curl -s -m 5 http://192.168.0.12:8080/');
  expect(answer).toMatch(/ from 10\.0\.0\.3\n/);
});

test('a plain container that restarts keeps its address; one that is started again has a new one', async () => {
  await lab.on('node3', 'docker run -dt --name c3 --network attnet ubuntu sleep infinity');
  const first = await addressOfC3();
  await lab.on('node3', 'docker restart -t 0 c3');
  expect(await addressOfC3()).toBe(first);
  await lab.on('node3', 'docker stop -t 0 c3');
  lab.pass(1);
  await lab.on('node3', 'docker start c3');
  expect(await addressOfC3()).not.toBe(first);
  expect(await lab.on('node3', 'docker exec c3 dig +short web')).toBe('10.0.1.2\n');
});

test('off the network the way out goes too, and back on it comes back', async () => {
  await lab.on('node3', 'docker network disconnect attnet c3');
  expect(await lab.on('node3', 'docker exec c3 ip -br addr')).not.toContain('eth');
  await lab.on('node3', 'docker network connect attnet c3');
  const text = await lab.on('node3', 'docker exec c3 ip route');
  expect(text).toMatch(/^default via 172\.18\.0\.1 dev eth1 \n/);
  await lab.on('node3', 'docker rm -f c3');
});

test('who leaves has nothing of the swarm but docker_gwbridge and empty chains', async () => {
  await lab.on('node3', 'docker swarm leave');
  lab.pass(5);
  expect(await lab.on('node3', 'ls /var/run/docker/netns')).toBe('');
  const names = await lab.on('node3', "docker network ls --format '{{.Name}}'");
  expect(names.trim().split('\n')).toEqual(['bridge', 'docker_gwbridge', 'host', 'none']);
  const rules = await lab.on('node3', 'iptables-save');
  expect(rules.match(/-A DOCKER-INGRESS .*/g)).toEqual([
    '-A DOCKER-INGRESS -j RETURN',
    '-A DOCKER-INGRESS -j RETURN',
  ]);
  expect(await lab.on('node3', 'ss -lntu')).not.toMatch(/:(8080|4789|7946)/);
});
