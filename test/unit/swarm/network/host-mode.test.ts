import { expect, test } from 'vitest';
import { makeSwarmLab } from '../../../support/swarm-lab.ts';

test('a host-mode port leads to the task of its own node only, and the client is seen', async () => {
  const lab = await makeSwarmLab(2);
  await lab.swarm();
  await lab.on('node1', 'docker network create -d overlay mynet');
  await lab.on(
    'node1',
    'docker service create -d --name web --network mynet --constraint node.hostname==node2 ' +
      '--publish mode=host,published=8080,target=80 nginx',
  );
  lab.pass(10);
  const answer = await lab.on('client', 'curl -s -m 3 http://192.168.0.12:8080/');
  expect(answer).toMatch(/ from 192\.168\.0\.1\n$/);
  expect((await lab.try('client', 'curl -s -m 3 http://192.168.0.11:8080/')).exitCode).toBe(7);
  expect(await lab.on('node2', "docker ps --format '{{.Ports}}'")).toContain(
    '0.0.0.0:8080->80/tcp',
  );
  const dnat =
    /-A DOCKER ! -i docker_gwbridge -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172\.18\.0\.3:80/;
  expect(await lab.on('node2', 'iptables-save -t nat')).toMatch(dnat);
  expect(await lab.on('node2', 'iptables-save')).not.toContain('DOCKER-INGRESS');
});

test('an encrypted network made by commands carries ESP', async () => {
  const lab = await makeSwarmLab(2);
  await lab.swarm();
  await lab.on('node1', 'docker network create -d overlay --opt encrypted secret');
  await lab.on('node1', 'docker service create -d --name web --network secret --mode global nginx');
  lab.pass(10);
  const states = await lab.on('node1', 'ip xfrm state');
  expect(states.match(/^src 192\.168\.0\.12 dst 192\.168\.0\.11 ?$/gm)).toHaveLength(3);
  expect(states.match(/^src 192\.168\.0\.11 dst 192\.168\.0\.12 ?$/gm)).toHaveLength(1);
  const answers = await lab.on(
    'node1',
    'C=$(docker ps -q); for i in 1 2; do docker exec $C wget -q -O - http://web/; done',
  );
  expect(new Set(answers.trim().split('\n')).size).toBe(2);
  expect(await lab.on('node1', 'ip -s xfrm state | grep -c "lastused"')).toBe('2\n');
});
